/**
 * Names that a trace may hold to harm whoever reads the answer: through the command, in each of its forms. Nothing raw
 * reaches a terminal, a spreadsheet runs no formula, JSON gives the name back as it was.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { commonFolder } from '../src/render/notes.ts'
import { safe, widthOf } from '../src/render/text.ts'
import { flushtrace } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const hostile = suite('hostile text')
hostile.after(() => rmSync(folder, { recursive: true }))

const LONG = `/srv/${'a'.repeat(1_000_000)}`
/** As strace prints a name, and what the name is. */
const NAMES: readonly [printed: string, name: string][] = [
  ['/srv/\\33[2J\\33]0;title\\7', '/srv/\u001b[2J\u001b]0;title\u0007'],
  ['/srv/\\342\\200\\256gpj.exe', '/srv/\u202egpj.exe'],
  ['/srv/raw\u202e\u009b31m\u2028', '/srv/raw\u202e\u009b31m\u2028'],
  ['/srv/a\\nb\\rc\\td', '/srv/a\nb\rc\td'],
  ['/srv/\\377\\376', '/srv/\udcff\udcfe'],
  ['/srv/__proto__', '/srv/__proto__'],
  ['/srv/a\u034f\u3164\u115f\u2800\ufe0fb', '/srv/a\u034f\u3164\u115f\u2800\ufe0fb'],
  [`/srv/z${'\u0315'.repeat(99)}`, `/srv/z${'\u0315'.repeat(99)}`],
  ['=HYPERLINK(\\"x\\")', '=HYPERLINK("x")'],
  ['+1', '+1'],
  ['-1', '-1'],
  ['@SUM(A1)', '@SUM(A1)'],
  ['\\t=1', '\t=1'],
  [LONG, LONG],
]
const RAW = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

function log(): string {
  const lines = [`execve("/bin/x", ["=cmd|' /C calc'!A0", "\\33[2J"], 0x7f /* 3 vars */) = 0 <0.001>`]
  for (const [printed] of NAMES) {
    lines.push(
      `openat(AT_FDCWD, "${printed}", O_RDWR) = 3 <0.001>`,
      'write(3, "x"..., 10) = 10 <0.001>',
      'fsync(3) = 0 <0.001>',
      'fsync(3) = -1 __proto__ (\u001b[31m) <0.001>',
      'close(3) = 0 <0.001>',
    )
  }
  lines.push('__proto__(1) = 0 <0.1>', 'constructor(1) = 0 <0.1>', 'prctl(PR_SET_NAME, "\\33]0;x\\7") = 0 <0.1>')
  const timed = lines.map((line, k) => `42 ${1795173545 + k}.000000 ${line}`)
  return `${[...timed, '\u001b[2J\u202e a program that writes \u009b'].join('\n')}\n`
}

const path = join(folder, 'strace.txt')
writeFileSync(path, log())

async function out(...argv: string[]): Promise<string> {
  const printed = await flushtrace(...argv)
  assert.is(printed.code, 0, printed.err)
  assert.is(printed.err, '')
  return printed.out
}

for (const by of ['process', 'thread', 'file', 'call']) {
  hostile(`rank --by ${by} as text and CSV: nothing raw, nothing endless`, async () => {
    const text = await out('rank', path, '--by', by, '--top', '0')
    assert.not.match(text, RAW)
    assert.ok(text.length < 20_000, String(text.length))
    for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
    const csv = await out('rank', path, '--by', by, '--top', '0', '--csv')
    assert.not.match(csv, RAW)
    assert.not.match(csv, /(?:^|,)"?[=+@-](?!\d+(?:\.\d+)?(?:,|$))/m)
  })
}

hostile('CSV holds a name of a megabyte whole', async () => {
  const csv = await out('rank', path, '--by', 'file', '--top', '0', '--csv')
  assert.ok(csv.includes(LONG))
  assert.ok(csv.includes(`"'=HYPERLINK(""x"")"`))
  assert.ok(csv.includes("'+1,") && csv.includes("'@SUM(A1),"))
})

hostile('inspect as text and CSV', async () => {
  assert.not.match(await out('inspect', path), RAW)
  assert.not.match(await out('inspect', path, '--csv'), RAW)
})

hostile('JSON: nothing raw, and the very names', async () => {
  const text = await out('rank', path, '--by', 'file', '--top', '0', '--json')
  assert.not.match(text, RAW)
  const { rows } = JSON.parse(text) as { rows: { file: { path: string }; flushes: { total: number } }[] }
  const found = new Map(rows.map(({ file, flushes }) => [file.path, flushes.total]))
  assert.equal(found, new Map(NAMES.map(([, name]) => [name, 1])))
})

hostile('calls named __proto__ and constructor are counted like others', async () => {
  const { rows } = JSON.parse(await out('inspect', path, '--json')) as {
    rows: { calls: Record<string, number>; lines: { counted: number } }[]
  }
  assert.is(Object.getOwnPropertyDescriptor(rows[0].calls, 'constructor')?.value, 1)
  assert.is(rows[0].lines.counted, 2)
})

hostile('what does not show, and marks without end, are shown as escapes', () => {
  assert.is(safe('a\u034f\u3164\u2800\ufe0f'), 'a\\u034f\\u3164\\u2800\\ufe0f')
  assert.is(safe(`e${'\u0301'.repeat(6)}`), `e${'\u0301'.repeat(4)}\\u0301\\u0301`)
  // Letters that are written with marks stay, however many: Thai, Devanagari, Vietnamese.
  for (const word of ['น้ำ', 'स्त्रियाँ', 'Việt'.normalize('NFD')]) assert.is(safe(word), word)
  assert.is(widthOf('Việt'.normalize('NFD')), 4)
})

hostile('as many errors as no kernel has', async () => {
  const lines = Array.from({ length: 5000 }, (_, k) => `42 ${1795173545 + k}.0 fsync(3) = -1 EX${k} (no) <0.1>\n`)
  const errors = join(folder, 'errors.txt')
  writeFileSync(errors, lines.join(''))
  const text = await out('rank', errors)
  assert.match(text, /5,000 flushes failed: 905 unknown, 1 EX0, .*and 4,088 more\./s)
  const csv = await out('rank', errors, '--csv')
  assert.is(
    csv
      .split('\n', 1)[0]
      .split(',')
      .filter((head) => head.includes('byErrno')).length,
    4096,
  )
  const { total } = JSON.parse(await out('rank', errors, '--json')) as { total: { failed: { total: number } } }
  assert.is(total.failed.total, 5000)
})

hostile('the table of devices fits, however large the numbers', async () => {
  const lines = Array.from({ length: 1000 }, (_, k) =>
    [
      `1.00000${String(k).padStart(4, '0')}: block_bio_queue: 259,1048575 FWFS ${k * 8} + 2147480 [t]`,
      `1.00000${String(k).padStart(4, '0')}: block_rq_issue: 259,1048575 WS 4096 () ${k * 8} + 2147480 none,0,0 [t]`,
      `1.10000${String(k).padStart(4, '0')}: block_rq_complete: 259,1048575 WS () ${k * 8} + 2147480 none,0,0 [0]`,
    ].map((text) => `t-1 [000] ..... ${text}\n`),
  )
  const devices = join(folder, 'devices.txt')
  writeFileSync(devices, lines.flat().sort().join(''))
  const text = await out('rank', devices, '--by', 'device')
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
  assert.match(text, /^259:1048575 t \[1\]/m)
})

hostile('events: one line an event, nothing raw', async () => {
  const text = await out('events', path)
  assert.not.match(text, RAW)
  const names = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { path: string }).path)
  assert.equal(
    [...new Set(names)],
    NAMES.map(([, name]) => name),
  )
})

hostile('file names of the capture itself', async () => {
  const odd = join(folder, 'odd')
  mkdirSync(odd)
  writeFileSync(join(odd, 'a\u001b[2J\u202e\n.txt'), 'not a trace\n')
  for (const argv of [[odd], [join(odd, 'a\u001b[2J\u202e\n.txt')], [join(odd, 'none\u001b[2J')]]) {
    const { code, out: text, err } = await flushtrace('rank', ...argv)
    assert.is(code, 2)
    assert.is(text, '')
    assert.not.match(err, RAW)
    assert.is(err.trim().split('\n').length, 1)
  }
  const { out: text } = await flushtrace('rank', odd, '--json')
  assert.not.match(text, RAW)
})

hostile('paths that have no folder in common', () => {
  assert.is(commonFolder(['/srv/a/x', '/srv/b/y']), '/srv/')
  assert.is(commonFolder(['/srv/a/x', '-']), '')
  assert.is(commonFolder(['a/b', '/a/b']), '')
  assert.is(commonFolder(['a/b/c', 'a/bc/d']), 'a/')
})

hostile('a walk follows no link, and a path in a trace is never opened', async () => {
  const linked = join(folder, 'linked')
  mkdirSync(linked)
  writeFileSync(join(linked, 'strace.txt'), `7 1795173545.5 fsync(3<${path}>) = 0\n7 1795173545.6 getpid() = 7\n`)
  symlinkSync(path, join(linked, 'outside.txt'))
  symlinkSync(folder, join(linked, 'up'))
  symlinkSync(linked, join(linked, 'loop'))
  const { sources, rows } = JSON.parse(await out('rank', linked, '--by', 'file', '--json')) as {
    sources: { path: string }[]
    rows: { file: { path: string }; flushes: { total: number } }[]
  }
  assert.equal(
    sources.map((source) => source.path),
    [join(linked, 'strace.txt')],
  )
  assert.equal(
    rows.map(({ file, flushes }) => [file.path, flushes.total]),
    [[path, 1]],
  )
})

hostile.run()
