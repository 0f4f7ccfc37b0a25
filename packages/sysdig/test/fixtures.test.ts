import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import {
  readScap,
  readSysdigJson,
  readSysdigText,
  sniffPcapng,
  sniffScap,
  sniffSysdigJson,
  sniffSysdigText,
} from '../src/index.ts'
import { EVENTS } from '../src/event-table.ts'
import { event, type Param } from './build.ts'
import { collect, fixture, FIXTURES, withoutTimes, type Collected } from './collect.ts'

const fixtures = suite('fixtures')

const FORMAT = '*%evt.rawtime|%thread.tid|%proc.name|%evt.dir|%evt.type|%evt.args'

/** A capture without the sieve, which leaves rows out. */
function allRows(bytes: Uint8Array): Promise<Collected> {
  return collect(bytes, (source, diagnostics) => readScap(source, diagnostics, { plain: true }))
}

function read(name: string, bytes: Uint8Array, pieces?: number): Promise<Collected> {
  if (name.includes('.scap')) return collect(bytes, readScap, pieces)
  if (name.endsWith('.json')) return collect(bytes, readSysdigJson, pieces)
  const options = name.includes('format') ? { format: FORMAT } : {}
  return collect(bytes, (source, diagnostics) => readSysdigText(source, diagnostics, options), pieces)
}

function kindOf(head: Uint8Array): string | null {
  return sniffPcapng(head) ?? sniffScap(head) ?? sniffSysdigJson(head) ?? sniffSysdigText(head)
}

/** All rows of the calls that count, and of the others how many of which. */
function summary({ rows, facts, diagnostics, reading }: Collected): string {
  const telling = rows.filter((row) => / (?:f(?:data)?sync|msync|sync\w*|execve|clone3?|vfork|\+name)\b/.test(row))
  const first = rows.slice(0, 40)
  const processes = [...reading.processes.values()].map(({ fds, ...rest }) => ({ ...rest, fds: fds?.length ?? null }))
  const shown = { facts, rows: rows.length, diagnostics: diagnostics.map(({ code, count }) => `${code} ${count}`) }
  return [
    JSON.stringify(shown, null, 1),
    ...first,
    '…',
    ...telling.slice(0, 100),
    '…',
    ...processes.map((process) => JSON.stringify(process)),
    '',
  ].join('\n')
}

const names = readdirSync(FIXTURES).filter((name) => !name.endsWith('.golden') && name !== 'README.md')

for (const name of names) {
  fixtures(`${name} is what it was`, async () => {
    const found = summary(await read(name, fixture(name)))
    const golden = `${FIXTURES}${name}.golden`
    if (process.env.UPDATE || !existsSync(golden)) writeFileSync(golden, found)
    assert.fixture(found, readFileSync(golden, 'utf8'))
  })

  fixtures(`${name} in pieces of any size gives the same`, async () => {
    // A part of the large ones: byte by byte takes its time.
    const bytes = fixture(name).subarray(0, 200_000)
    const whole = await read(name, bytes)
    for (const pieces of [1, 7, 65536]) {
      const { rows, facts, diagnostics } = await read(name, bytes, pieces)
      assert.equal(facts, whole.facts, `pieces of ${pieces}`)
      assert.equal(diagnostics, whole.diagnostics, `pieces of ${pieces}`)
      assert.ok(rows.join('\n') === whole.rows.join('\n'), `rows in pieces of ${pieces}`)
    }
  })

  fixtures(`${name} is known by its bytes`, () => {
    const head = fixture(name).subarray(0, 1 << 16)
    const kind = name.includes('.scap') ? 'scap' : name.endsWith('.json') ? 'sysdig-json' : 'sysdig-text'
    assert.is(kindOf(head), name.includes('format') ? null : kind)
  })
}

fixtures('the same events as capture, text in all forms and JSON', async () => {
  const [text, ...others] = await Promise.all(
    ['.txt', '-epoch.txt', '-container.txt', '-hex.txt', '-format.txt', '.json'].map((end) =>
      read(`attach-samba${end}`, fixture(`attach-samba${end}`)),
    ),
  )
  const plain = (found: Collected): string => relative(found.rows.filter((row) => !row.includes(' +'))).join('\n')
  for (const [k, other] of others.entries()) {
    assert.ok(plain(other) === plain(text), `form ${k}`)
    assert.equal(other.facts.calls, text.facts.calls)
  }
  const terminal = await read('attach-samba-terminal.txt', fixture('attach-samba-terminal.txt'))
  assert.ok(plain(text).startsWith(plain(terminal).split('\n').slice(0, 90).join('\n')))
  // The capture says the same, without the names behind descriptors; 0.29.3 knows neither epoll_create nor inodes.
  const capture = await allRows(fixture('attach-samba.scap.gz'))
  const bare = (rows: readonly string[]): string[] =>
    rows
      .filter((row) => !/ \+| epoll_create /.test(row))
      .map((row) => row.replace(/<\/[^>]*>| at=\d+|"inode":\w+/g, ''))
  assert.ok(bare(capture.rows).join('\n').includes(bare(text.rows).slice(1, -1).join('\n')))
})

/** Times since the first row: sources begin to count at different events. */
function relative(rows: readonly string[]): string[] {
  const start = Number(/ at=(\d+)/.exec(rows[0])?.[1])
  return rows.map((row) => row.replace(/ at=(\d+)/, (_, at: string) => ` at=${Number(at) - start}`))
}

fixtures('a capture as sysdig records since 2025 (exits only) leads to the same rows', async () => {
  for (const name of ['fd-ext4.scap', 'sqlite-start.scap.gz', 'attach-samba.scap.gz']) {
    const bytes = fixture(name)
    const before = await allRows(bytes)
    const now = await allRows(exitsOnly(bytes))
    // Without enters, calls that lie in one another are in the order of their ends, and flushes take no time.
    const sorted = ({ rows }: Collected): string[] =>
      withoutTimes(rows.filter((row) => !row.includes(' enter ')))
        .map((row) => row.replace(' exit ', ' ').replace(/recvmsg fd=\d+/, 'recvmsg'))
        .sort()
    assert.equal(sorted(now), sorted(before))
    assert.equal(flushes(now), flushes(before))
    assert.is(now.facts.shows, 'exit')
  }
})

function flushes({ facts: { calls } }: Collected): number[] {
  return [calls.fsync, calls.fdatasync, calls.msync, calls.syncfs, calls.sync, calls.clone, calls.vfork]
}

/** Drops the enters and puts their parameters where the exits of today have them. */
function exitsOnly(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out: Uint8Array[] = []
  const pending = new Map<number, Map<string, Uint8Array>>()
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 4, true)
    const block = bytes.subarray(at, at + length)
    at += length
    if (view.getUint32(at - length, true) !== 0x216) {
      out.push(block)
      continue
    }
    const id = Buffer.from(block).readUInt16LE(30)
    const tid = Buffer.from(block).readUInt32LE(18)
    const { name, parameters } = EVENTS[id]
    const values = paramsOf(block, parameters)
    if (name === 'procexit' || EVENTS[id + (id % 2 === 0 ? 1 : -1)].name === 'NA') out.push(block)
    else if (id % 2 === 0) pending.set(tid, values)
    else {
      const enter = pending.get(tid) ?? new Map<string, Uint8Array>()
      pending.delete(tid)
      const all: Param[] = parameters.map((parameter) => values.get(parameter) ?? enter.get(parameter) ?? null)
      // The time of the enter, so that events stay in order; only one task's calls are compared with each other.
      const made = Buffer.from(event(id, all, { tid }))
      made.set(block.subarray(10, 18), 10)
      out.push(made)
    }
  }
  return Buffer.concat(out)
}

function paramsOf(block: Uint8Array, names: readonly string[]): Map<string, Uint8Array> {
  const buffer = Buffer.from(block)
  const count = buffer.readUInt32LE(32)
  const values = new Map<string, Uint8Array>()
  let at = 36 + 2 * count
  for (let k = 0; k < count; k++) {
    const length = buffer.readUInt16LE(36 + 2 * k)
    if (k < names.length && length > 0) values.set(names[k], block.slice(at, at + length))
    at += length
  }
  return values
}

fixtures.run()
