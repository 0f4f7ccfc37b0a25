/** Bad input: counted and placed, nothing else lost. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readBlkparse, readTracefs } from '../src/index.ts'
import { act, collect, fixture, named, read, readAll, record, stamped } from './source.ts'

const damage = suite('damaged binary traces')
const q = act(1, 'write', 'queue')
const good = (k: number): Buffer =>
  record({ time: 1_000_000 + k * 10, action: q, sector: k * 8, bytes: 4096, sequence: k })
const series = (from: number, to: number): Buffer =>
  Buffer.concat(Array.from({ length: to - from }, (_, k) => good(from + k)))
const CHUNKS = [1, 7, 65_536]

damage('a last record cut anywhere', async () => {
  const whole = series(1, 21)
  for (const cut of [1, 2, 3, 4, 20, 47]) {
    const bytes = Buffer.concat([whole, good(21).subarray(0, cut)])
    for (const chunk of CHUNKS) {
      const { rows, facts, codes, diagnostics } = await read(bytes, chunk)
      assert.is(rows.length, 20)
      assert.equal(codes, { 'blktrace/cut-last-record': 1 })
      assert.is(diagnostics.rows()[0].first?.offset, whole.length)
      assert.is(facts.damaged, 1)
      assert.is(facts.skippedBytes, cut)
    }
  }
})

damage('a payload cut at the end', async () => {
  const bytes = Buffer.concat([series(1, 5), named(1_000_100, 7, 'dd').subarray(0, 55)])
  const { rows, codes } = await read(bytes)
  assert.is(rows.length, 4)
  assert.equal(codes, { 'blktrace/cut-last-record': 1 })
})

damage('garbage between records', async () => {
  // Random bytes, zeroes, and something that begins like a magic.
  const rubbish = [
    Buffer.alloc(300, 0x5a),
    Buffer.alloc(64),
    Buffer.from([7, 0x74, 0x61, 0x65, 1, 2, 3]),
    Buffer.alloc(200_000, 0xff),
  ]
  for (const [k, junk] of rubbish.entries()) {
    const bytes = Buffer.concat([series(1, 50), junk, series(50, 100)])
    for (const chunk of junk.length > 1000 ? [65_536] : CHUNKS) {
      const { rows, facts, codes } = await read(bytes, chunk)
      assert.is(rows.length, 99, `junk ${k}, chunk ${chunk}`)
      assert.equal(
        rows.map(({ sector }) => sector),
        Array.from({ length: 99 }, (_, n) => (n + 1) * 8),
      )
      assert.equal(codes, { 'blktrace/damaged-record': 1 })
      assert.is(facts.damaged, 1)
      assert.is(facts.skippedBytes, junk.length)
    }
  }
})

damage('a payload length that cannot be', async () => {
  for (const payloadBytes of [8, 100, 5_000, 65_535]) {
    const bad = record({ time: 1_000_505, action: q, sector: 4, bytes: 512, payloadBytes })
    for (const chunk of CHUNKS) {
      const { rows, facts, codes } = await read(Buffer.concat([series(1, 51), bad, series(51, 3000)]), chunk)
      assert.is(rows.length, 2999, `payload ${payloadBytes}, chunk ${chunk}`)
      assert.equal(codes, { 'blktrace/damaged-record': 1 })
      assert.is(facts.damaged, 1)
    }
  }
  const last = await read(Buffer.concat([series(1, 51), record({ time: 2e6, action: q, payloadBytes: 60_000 })]))
  assert.is(last.rows.length, 50)
  assert.equal(last.codes, { 'blktrace/cut-last-record': 1 })
})

damage('garbage at the beginning', async () => {
  const { rows, codes } = await read(Buffer.concat([Buffer.alloc(99, 1), series(1, 30)]))
  assert.is(rows.length, 29)
  assert.equal(codes, { 'blktrace/damaged-record': 1 })
})

damage('several devices in one stream', async () => {
  const { rows, facts, codes } = await read(
    Buffer.concat(
      [0x700000, 0x800010, 0x700000, 0x10300003].map((device, k) =>
        record({ time: 100 + k, action: q, device, sequence: 1 + (k >> 1) }),
      ),
    ),
  )
  assert.equal(
    rows.map(({ device }) => device),
    ['7:0', '8:16', '7:0', '259:3'],
  )
  assert.equal(facts.devices, ['7:0', '8:16', '259:3'])
  assert.equal(codes, {})
})

damage('one time far off is damage; a clock that goes on from there is believed', async () => {
  const wild = record({ time: 1n << 60n, action: q })
  const once = await read(Buffer.concat([series(1, 20), wild, series(20, 30)]))
  assert.is(once.rows.length, 29)
  assert.equal(once.codes, { 'blktrace/time-jump': 1 })
})

damage('a clock that is not in ns', async () => {
  // µs: most events share a time with the one before.
  const coarse = Buffer.concat(
    Array.from({ length: 100 }, (_, k) => record({ time: 5_000_000 + (k >> 2), action: q, sector: k })),
  )
  assert.equal((await read(coarse)).codes, { 'blktrace/clock-unit': 1 })
  // Two wall-clock notes a second apart, 1,000 units apart.
  const notes = Buffer.concat([
    stamped(10_000, 1_700_000_000, 0),
    record({ time: 10_500, action: q }),
    stamped(11_000, 1_700_000_001, 0),
  ])
  const { codes, diagnostics } = await read(notes)
  assert.equal(codes, { 'blktrace/clock-unit': 1 })
  assert.match(diagnostics.rows()[0].message, 'one unit is 1000000 ns')
})

damage('kinds of records that are not known yet', async () => {
  const { rows, codes } = await read(
    Buffer.concat([series(1, 5), record({ time: 1_000_045, action: act(40, 'write') }), series(5, 9)]),
  )
  assert.is(rows.length, 8)
  assert.equal(codes, { 'blktrace/unknown-action': 1 })
})

damage('every record is in one count', async () => {
  const strange = record({ time: 1_000_045, action: act(40, 'write') })
  const wild = record({ time: 1n << 60n, action: q })
  const bytes = Buffer.concat([
    series(1, 5),
    strange,
    wild,
    Buffer.alloc(99, 0x5a),
    named(1_000_100, 7, 'dd'),
    series(5, 9),
    good(9).subarray(0, 9),
  ])
  for (const chunk of CHUNKS) {
    const { facts } = await read(bytes, chunk)
    assert.equal([facts.used, facts.notes, facts.foreign, facts.damaged, facts.records], [8, 1, 1, 3, 13])
  }
})

damage('a remap, a split without their payload', async () => {
  const { rows, codes } = await read(
    Buffer.concat([record({ time: 1, action: act(15, 'write') }), record({ time: 2, action: act(13, 'write') })]),
  )
  assert.equal(
    rows.map(({ action, more }) => [action, more]),
    [
      ['A', 'null -1'],
      ['X', '-1'],
    ],
  )
  assert.equal(codes, { 'blktrace/short-payload': 2 })
})

damage('an empty file, one of zeroes, one of noise', async () => {
  assert.is((await read(Buffer.alloc(0))).rows.length, 0)
  assert.equal((await read(Buffer.alloc(5000))).codes, { 'blktrace/damaged-record': 1 })
  const noise = Buffer.from(Array.from({ length: 70_000 }, (_, k) => (Math.imul(k, 2654435761) >>> 13) & 0xff))
  assert.is((await read(noise)).rows.length, 0)
})

damage('a fixture with any one byte changed loses at most one record', async () => {
  const whole = fixture('discard/loop0.blktrace.0').subarray(0, 20 * 48)
  const other = memorySource(record({ time: 3e12, action: q, cpu: 1 }), 'x.1')
  const before = (await readAll([memorySource(whole, 'x.0'), other])).facts
  for (let at = 0; at < whole.length; at += 3) {
    const bytes = Buffer.from(whole)
    bytes[at] ^= 0xff
    const { facts } = await readAll([memorySource(bytes, 'x.0'), other])
    assert.ok(facts.used >= before.used - 2, `byte ${at}: ${facts.used} of ${before.used}`)
  }
})

damage('text with any bytes changed never throws, and every line is counted once', async () => {
  let seed = 42
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (const file of ['shapes/blkparse-t.txt', 'discard/tracefs.txt', 'tables/btrace-s.txt']) {
    const whole = fixture(file).subarray(0, 8000)
    for (let turn = 0; turn < 60; turn++) {
      const bytes = Buffer.from(whole)
      for (let k = 0; k < 40; k++) bytes[random(bytes.length)] = random(256)
      for (const reader of [readBlkparse, readTracefs]) {
        const { facts, rows, inodes } = await collect(reader(memorySource(bytes), new Diagnostics()), new Diagnostics())
        assert.is(facts.used, rows.length + inodes.length)
        assert.is(facts.records, facts.used + facts.notes + facts.foreign + facts.damaged)
      }
    }
  }
})

damage.run()
