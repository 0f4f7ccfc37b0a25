import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Diagnostics, openSources } from '@flushtrace/trace'
import { readScap, readSysdigJson, readSysdigText, sniffPcapng, sniffScap } from '../src/index.ts'
import { block, fdList, generic, machine, processList, section, str } from './build.ts'
import { collect, fixture } from './collect.ts'

const bad = suite('bad input')

const list = processList(9, [{ tid: 100, pid: 100, comm: 'x', args: 'a\0' }])
const fds = fdList(100, [{ fd: 3, type: 1, payload: str('/srv/x') }])
const calls = Array.from({ length: 20 }, (_, k) => generic(72, 74, k % 2 === 1, { atNs: BigInt(k) }))
const small = Buffer.concat([section(), machine(), list, fds, ...calls])

function has(result: { diagnostics: readonly { code: string }[] }, code: string): boolean {
  return result.diagnostics.some((row) => row.code === code)
}

bad('cut anywhere: what stands before is read, and the cut is said', async () => {
  for (let length = 0; length < small.length; length++) {
    const result = await collect(small.subarray(0, length), readScap)
    assert.ok(result.rows.length <= 10)
    const whole = small.length - length
    if (whole > 0 && whole < 40) assert.ok(has(result, 'sysdig/cut-block') || whole % 40 === 0, `at ${length}`)
  }
})

bad('any byte wrong: nothing is thrown, and nearly everything else is read', async () => {
  let random = 12345
  for (let at = 28; at < small.length; at += 3) {
    const damaged = Uint8Array.from(small)
    random = (Math.imul(random, 1103515245) + 12345) >>> 0
    damaged[at] ^= 1 << ((random >>> 16) % 8) || 0xff
    const { rows, facts } = await collect(damaged, readScap)
    // One event is lost at most; the call before or after it may lose its partner.
    assert.ok(rows.length >= 9 && rows.length <= 13, `byte ${at}: ${rows.length} rows, ${JSON.stringify(facts.calls)}`)
  }
})

bad('wrong in many places: the rest is found again', async () => {
  const bytes = Uint8Array.from(fixture('fd-ext4.scap'))
  for (let at = 5000; at < bytes.length; at += 5000) bytes.fill(0xee, at, at + 37)
  const result = await collect(bytes, readScap)
  assert.ok(has(result, 'sysdig/damaged-block'))
  assert.ok(result.facts.events > 1600, String(result.facts.events))
  const pieces = await collect(bytes, readScap, 777)
  assert.equal(pieces.rows, result.rows)
})

bad('lengths that cannot be', async () => {
  for (const length of [0, 4, 11, 13, 0x7fffffff, 0xffffffff, small.length * 2]) {
    const bytes = Buffer.concat([section(), machine(), calls[0], calls[1], calls[2], calls[3]])
    bytes.writeUInt32LE(length, section().length + machine().length + 4)
    const result = await collect(bytes, readScap)
    // The first enter is lost; its exit counts.
    assert.equal(result.facts.calls, { fsync: 2 }, `length ${length}`)
    assert.ok(has(result, 'sysdig/damaged-block'), `length ${length}`)
  }
})

bad('an event that does not fit its block, or has more parameters than bytes', async () => {
  const long = Buffer.from(calls[0])
  long.writeUInt32LE(5000, 26)
  const many = Buffer.from(calls[0])
  many.writeUInt32LE(100000, 32)
  const wide = Buffer.from(calls[0])
  wide.writeUInt16LE(9999, 36)
  const stranger = Buffer.from(calls[0])
  stranger.writeUInt32LE(0xffffffff, 18)
  for (const event of [long, many, stranger]) {
    const result = await collect(Buffer.concat([section(), event, calls[1]]), readScap)
    assert.equal(result.facts.calls, { fsync: 1 })
    assert.is(result.facts.damaged, 1)
    assert.ok(has(result, 'sysdig/damaged-event'))
  }
})

bad('every event is in one count: used, by name, unknown or unread', async () => {
  const many = Buffer.from(calls[0])
  many.writeUInt32LE(100000, 32)
  const stranger = Buffer.from(calls[0])
  stranger.writeUInt32LE(0xffffffff, 18)
  const newer = Buffer.from(calls[0])
  newer.writeUInt16LE(0x7fff, 30)
  const headless = Buffer.from(calls[0])
  headless.writeUInt32LE(5000, 26)
  const odd = [many, stranger, newer, block(5, Buffer.alloc(8)), headless, Buffer.alloc(60, 0xee)]
  const { facts } = await collect(Buffer.concat([small, ...odd, ...calls]), readScap)
  assert.equal([facts.events, facts.unread, facts.unknownEvents, facts.damaged], [43, 2, 1, 4])
  assert.is(facts.events, facts.used + facts.counted + facts.unknownEvents + facts.unread)
})

bad('no events, no blocks, nothing', async () => {
  for (const bytes of [Buffer.concat([section(), machine(), list]), section(), Buffer.alloc(0)]) {
    const result = await collect(bytes, readScap)
    assert.equal(result.rows, [])
    assert.ok(has(result, 'sysdig/no-events'))
  }
})

bad('megabytes of zeros or noise', async () => {
  const noise = Buffer.alloc(3 << 20)
  for (let k = 0, x = 1; k < noise.length; k++) noise[k] = (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 24
  for (const junk of [Buffer.alloc(3 << 20), noise]) {
    const result = await collect(Buffer.concat([section(), junk, ...calls]), readScap, 65536)
    assert.equal(result.facts.calls, { fsync: 10 })
  }
})

bad('the other byte order is refused by name', async () => {
  const swapped = Buffer.from(small)
  swapped.swap32()
  const result = await collect(swapped, readScap)
  assert.ok(has(result, 'sysdig/byte-order'))
  assert.equal(result.rows, [])
  assert.is(sniffScap(swapped), 'scap')
})

bad('a network capture is named as such', async () => {
  const interfaces = block(1, Buffer.alloc(8))
  const packet = block(6, Buffer.alloc(60))
  const pcapng = Buffer.concat([section(0), interfaces, packet, packet])
  assert.is(sniffPcapng(pcapng), 'pcapng')
  assert.is(sniffScap(pcapng), null)
  const result = await collect(pcapng, readScap)
  assert.ok(has(result, 'sysdig/network-capture'))
  const mixed = await collect(Buffer.concat([section(), machine(), packet, generic(72, 74, true)]), readScap)
  assert.equal(mixed.rows, ['100 fsync at=0'])
  assert.ok(has(mixed, 'sysdig/unknown-block'), 'packets between events are counted')
  assert.is(sniffPcapng(Buffer.from('d4c3b2a1020004000000000000000000', 'hex')), 'pcap')
})

const READ_ALONE = `
  import { readScap } from '@flushtrace/sysdig'
  import { Diagnostics, openSources } from '@flushtrace/trace'
  const diagnostics = new Diagnostics()
  const { sources } = await openSources([process.argv[1]], diagnostics)
  const before = process.memoryUsage.rss()
  let peak = before
  // The system's own maximum is not asked for: it begins with what the parent had.
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 1)
  const { batches, facts } = readScap(sources[0], diagnostics)
  for await (const _ of batches);
  clearInterval(watch)
  console.log(JSON.stringify({ events: facts.events, grown: peak - before }))
`

bad('a gzip bomb stays small in memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
  try {
    const path = join(folder, 'bomb.scap')
    // 512 MiB of one event's padding: 12-byte blocks of a kind that nobody knows.
    const piece = Buffer.concat(Array.from({ length: 1 << 16 }, () => block(0x999, Buffer.alloc(52))))
    const packed = gzipSync(piece)
    writeFileSync(
      path,
      Buffer.concat([gzipSync(section()), ...Array.from({ length: 128 }, () => packed), gzipSync(calls[1])]),
    )
    // In a process of its own: one that has run other tests may let its heap grow first.
    const args = ['--conditions=dev', '--import', 'tsx', '--input-type=module', '-e', READ_ALONE, path]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    assert.is(stderr, '')
    const { events, grown } = JSON.parse(stdout) as { events: number; grown: number }
    assert.is(events, 1)
    // Some 70 MiB on an idle machine; on a busy one what is read is freed later.
    assert.ok(grown < 256 << 20, `${grown >> 20} MiB`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

bad('a compressed file that is cut', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
  try {
    const path = join(folder, 'cut.scap.gz')
    const packed = gzipSync(fixture('fd-ext4.scap'))
    writeFileSync(path, packed.subarray(0, packed.length - 2000))
    const diagnostics = new Diagnostics()
    const { sources } = await openSources([path], diagnostics)
    const { batches, facts } = readScap(sources[0], diagnostics)
    for await (const _ of batches);
    assert.ok(facts.events > 1000)
    assert.ok(diagnostics.rows().some(({ code }) => code === 'source/cut'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

bad('text and JSON: foreign, cut and hostile lines', async () => {
  const text = [
    'Unable to load the driver',
    '1 10:00:00.000000001 0 sh (7) < fsync',
    // A traced program that prints what looks like an event.
    '2 10:00:00.000000002 0 cat (8) < write res=40 data=9 10:00:00.1 0 evil (9) < fsync ',
    '3 10:00:00.000000003 0 sh (99999999) < fsync',
    `4 10:00:00.000000004 0 sh (7) < write res=1 data=${'x'.repeat(1 << 16)}`,
    `5 ${'x'.repeat(5 << 20)}`,
    '6 10:00:00.000000006 0 sh (7) < fsy',
    '7 10:00:00.000000007 0 sh (',
  ].join('\n')
  const result = await collect(Buffer.from(text), readSysdigText)
  assert.is(result.facts.calls.fsync, 1)
  assert.equal(result.rows.filter((row) => row.includes(' fsync')).length, 1)
  for (const code of ['foreign-lines', 'damaged-line', 'long-line', 'cut-last-line']) {
    assert.ok(has(result, `sysdig/${code}`), code)
  }
  const json =
    '{"evt.type":"fsync","evt.dir":"<","thread.tid":7}\n{"evt.type":5}\nnull\n[]\n[1]\n{"evt.type":"fsync","evt.d'
  const objects = await collect(Buffer.from(json), readSysdigJson)
  assert.equal(objects.facts.calls, { fsync: 1 })
  assert.is(objects.facts.damaged, 4)
  assert.ok(has(objects, 'sysdig/cut-last-line'))
})

bad.run()
