/** Inputs that are no trace, or half of one: one line that says which, where and what to do, and never a stack trace. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flushtrace, type Printed } from './run.ts'

const SAMBA = readFileSync('fixtures/strace/attach-samba/strace.txt.gz')
const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))

const bad = suite('bad input')
bad.after(() => rmSync(folder, { recursive: true }))

async function rank(name: string, bytes: string | Uint8Array, ...flags: string[]): Promise<Printed> {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, bytes)
  return flushtrace('rank', name.includes('/') ? join(path, '..') : path, ...flags)
}

function isRefused({ code, out, err }: Printed, words: RegExp): void {
  assert.is(code, 2)
  assert.is(out, '')
  assert.match(err, words)
  assert.is(err.trim().split('\n').length, 1, err)
}

bad('an empty file', async () => isRefused(await rank('empty.txt', ''), /empty\.txt: empty;/))
bad('binary junk', async () =>
  isRefused(await rank('junk', Buffer.alloc(9000, '\x01\x93\xfe\x00\x07')), /junk: binary/),
)
bad('a directory of photos', async () => {
  const jpeg = Buffer.concat([Buffer.from('ffd8ffe000104a46494600', 'hex'), Buffer.alloc(4000, 0x5a)])
  isRefused(await rank('photos/a.jpg', jpeg), /a\.jpg: a JPEG picture;/)
})
bad('words', async () => isRefused(await rank('words.txt', 'to do: buy milk\n'), /words\.txt: text of no known kind;/))
bad('maps, and no trace that they belong to', async () =>
  isRefused(await flushtrace('rank', 'fixtures/layout/partition-ext4'), /only maps and device tables, no trace;/),
)
bad('maps alone are something to look into', async () => {
  const { code, out } = await flushtrace('inspect', 'fixtures/layout/stack')
  assert.is(code, 0)
  assert.match(out, /dm-0 \(vg-root\) +253:0/)
})
bad("Cygwin's strace", async () => {
  const log = '--- Process 4660 created\n--- Process 4660 loaded C:\\Windows\\System32\\ntdll.dll at 00007ffa\n'
  isRefused(await rank('cygwin.txt', log), /cygwin\.txt is Cygwin.s strace/)
})
bad('a trace in a shape that cannot be read is no trace of nothing', async () => {
  const header = '# tracer: nop\n#\n'
  const raw = await rank('raw.txt', `${header}${'25391 1 980275668872 type: 2110\n'.repeat(9)}`)
  isRefused(raw, /raw\.txt: tracefs, but none of its records could be read \(9 are of something else, 0 damaged\);/)
  assert.is((await rank('header.txt', header)).code, 0)
  const { code, out } = await flushtrace('inspect', join(folder, 'raw.txt'))
  assert.is(code, 0)
  assert.match(out, /9 of\s+something else/)
})
bad('containers, of sources that do not tell them', async () =>
  isRefused(
    await flushtrace('rank', 'fixtures/strace/fd-ext4', '--by', 'container'),
    /--by container: only sysdig captures/,
  ),
)
bad('a window that holds nothing', async () => {
  const log = 'fixtures/strace/attach-samba'
  isRefused(await flushtrace('rank', log, '--since', '5', '--until', '1'), /--since 5 --until 1: nothing lies between/)
  const [late, early] = ['2026-11-20T12:00:00Z', '2026-11-20T11:00:00Z']
  isRefused(await flushtrace('events', log, '--since', late, '--until', early), /nothing lies between them/)
})
bad('a file that is not there', async () =>
  isRefused(await flushtrace('rank', join(folder, 'none')), /none: no such file/),
)

bad('a link in a folder is passed over, and that is told', async () => {
  const linked = join(folder, 'linked')
  mkdirSync(join(linked, 'proc', '7', 'fd'), { recursive: true })
  symlinkSync(join(process.cwd(), 'fixtures/strace/fd-ext4/strace.txt'), join(linked, 'strace.txt'))
  isRefused(await flushtrace('rank', linked), /linked\/strace\.txt leads to \/.*; name what it leads to: links/)
  // These are data.
  mkdirSync(join(linked, 'proc', '7', 'task', '7'), { recursive: true })
  writeFileSync(join(linked, 'proc', '7', 'maps'), '00400000-00401000 r-xp 00000000 08:01 12    /srv/x\n')
  symlinkSync(process.execPath, join(linked, 'proc', '7', 'task', '7', 'exe'))
  symlinkSync(process.execPath, join(linked, 'proc', '7', 'fd', '3'))
  symlinkSync('../dm-0', join(linked, 'vg-lv'))
  writeFileSync(join(linked, 'samba.gz'), SAMBA)
  const { diagnostics } = JSON.parse((await flushtrace('rank', linked, '--json')).out) as {
    diagnostics: { code: string; count: number }[]
  }
  const told = diagnostics.filter(({ code }) => code === 'source/link')
  assert.equal(
    told.map(({ count }) => count),
    [1],
  )
})

bad('a cut gzip file still answers, and says where it ends', async () => {
  const { code, out } = await rank('cut.gz', SAMBA.subarray(0, SAMBA.length >> 1), '--json')
  assert.is(code, 0)
  const { rows, diagnostics } = JSON.parse(out) as { rows: unknown[]; diagnostics: { code: string }[] }
  assert.ok(rows.length > 0)
  assert.ok(
    diagnostics.some((diagnostic) => diagnostic.code.startsWith('source/')),
    JSON.stringify(diagnostics),
  )
})

bad('where the output has no place for what is missing, stderr tells it', async () => {
  const cut = join(folder, 'cut-too.gz')
  writeFileSync(cut, SAMBA.subarray(0, SAMBA.length >> 1))
  const lines = [
    ['rank', cut, '--csv'],
    ['inspect', cut, '--csv'],
    ['explain', cut, '--process', '*', '--csv'],
    ['events', cut],
    ['locate', cut, 'fixtures/locate/samba', '--csv'],
    ['locate', cut, 'fixtures/locate/samba', '--events'],
  ]
  for (const argv of lines) {
    const { code, out, err } = await flushtrace(...argv)
    assert.is(code, 0)
    assert.not.match(out, 'compressed source')
    assert.match(err, /A compressed source ends in the middle or is damaged: .*cut-too\.gz/, argv.join(' '))
    assert.is((await flushtrace(...argv, '--quiet')).err, '')
  }
})

bad('rank --check says on stderr that the counts are equal, and with --json in the answer', async () => {
  const { code, out, err } = await flushtrace('rank', 'fixtures/strace/attach-samba', '--check', '--json')
  assert.is(code, 0)
  assert.is(err, 'check: 2 of 2 counts equal when counted another way\n')
  const { check } = JSON.parse(out) as { check: { cells: number; differences: unknown[] } }
  assert.equal([check.cells, check.differences], [2, []])
})

bad('more memory than --max-memory grants', async () => {
  const { code, out, err } = await rank('limited.gz', SAMBA, '--max-memory', '1M')
  assert.is(code, 2)
  assert.is(out, '')
  assert.match(err, /^flushtrace: --max-memory: .* the limit is 1 MiB; .*raise it with --max-memory \d{2,}M/)
  assert.is((await rank('enough.gz', SAMBA, '--max-memory', '64GiB')).code, 0)
  isRefused(await rank('wrong.gz', SAMBA, '--max-memory', 'lots'), /--max-memory lots: give a size, like 800M or 2G/)
})

bad('calls that this program does not know are counted, and the rest answers', async () => {
  const log = gunzipSync(SAMBA)
    .toString('latin1')
    .replaceAll(/\bfcntl\(/g, 'sys_0x3e7(')
  const { code, out } = await rank('unknown-calls.txt', log, '--json')
  assert.is(code, 0)
  const { rows } = JSON.parse(out) as { rows: { flushes: { total: number } }[] }
  assert.is(
    rows.reduce((sum, row) => sum + row.flushes.total, 0),
    176,
  )
})

bad('a table of strace -c with columns of its own', async () => {
  const table = `syscall                calls % time shortest
---------------- --------- ------ --------
fdatasync               12  80.00 0.000400
write                  300  20.00 0.000001
---------------- --------- ------ --------
total                  312 100.00 0.000001
`
  const { code, out } = await rank('table.txt', table, '--by', 'call')
  assert.is(code, 0)
  assert.match(out, /^12 flushes\./)
  assert.match(out, / 12 +fdatasync\n/)
})

bad.run()
