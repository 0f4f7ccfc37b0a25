import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ACTION, BlockBatch, INODE_EVENT, InodeBatch, OP, StringTable } from '@flushtrace/trace'
import { offsetBeside } from '../src/alignment/aligner.ts'
import { BlockAnchors, CallAnchors } from '../src/alignment/anchors.ts'
import { IntervalVote } from '../src/alignment/interval-vote.ts'
import { isSure } from '../src/alignment/offset.ts'
import { Rows } from './trace.ts'

const test = suite('alignment')

/** A flush, and when within it something is queued. */
interface Flush {
  tid: number
  atNs: number
  tookNs: number
  queuedNs: number[]
}

/** Numbers that look random and are the same each time. */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** As a database does it: uneven pauses, requests 20 to 80 µs after the call and at its middle. */
function flushes(count: number, tids: number[], seed: number): Flush[] {
  const random = numbers(seed)
  const clocks = new Map<number, number>()
  return Array.from({ length: count }, (_, i) => {
    const tid = tids[i % tids.length]
    const atNs = Math.round((clocks.get(tid) ?? 0) + 1e6 + random() * 20e6)
    const tookNs = Math.round(600e3 + random() * 3e6)
    clocks.set(tid, atNs + tookNs)
    return { tid, atNs, tookNs, queuedNs: [atNs + 20e3 + random() * 60e3, atNs + tookNs / 2] }
  })
}

function callsOf(all: readonly Flush[], { durations = true, grainNs = 1e3 } = {}): CallAnchors {
  const rows = new Rows()
  for (const { tid, atNs, tookNs } of [...all].sort((a, b) => a.atNs - b.atNs)) {
    const stamp = (ns: number): number => Math.floor(ns / grainNs) * grainNs
    rows.add(0, tid, 'fsync', { fd: 3, atNs: stamp(atNs), tookNs: durations ? tookNs : NaN })
    if (!durations) rows.add(0, tid, 'close', { fd: 9, atNs: stamp(atNs + tookNs + 10e3) })
  }
  const anchors = new CallAnchors()
  anchors.add(rows.batch)
  return anchors
}

/** What a block trace shows of them, its time 0 at `zeroNs` of the calls' clock. */
function blocksOf(
  all: readonly Flush[],
  zeroNs: number,
  noise: readonly [tid: number, atNs: number][] = [],
): BlockAnchors {
  const batch = new BlockBatch(new StringTable())
  const events = all.flatMap(({ tid, queuedNs }) => queuedNs.map((at) => [tid, at] as const))
  for (const [tid, atNs] of [...events, ...noise].sort((a, b) => a[1] - b[1])) {
    const i = batch.add(ACTION.queue, 7 << 20, tid, atNs - zeroNs, batch.length + 1)
    batch.flags[i] = OP.write
    batch.sector[i] = Math.round(atNs) % 1_000_003
    batch.bytes[i] = 4096
  }
  const anchors = new BlockAnchors()
  anchors.add(batch)
  return anchors
}

function place(calls: CallAnchors, blocks: BlockAnchors) {
  return offsetBeside([{ anchors: calls, offsetNs: 0, residualNs: 0 }], blocks)
}

const ZERO = -3_217_000_123

test('queued writes lie inside flush calls', () => {
  const all = flushes(60, [10, 11, 12], 1)
  const found = place(callsOf(all), blocksOf(all, ZERO))!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 100e3, `${found.offsetNs - ZERO}`)
  assert.ok(Math.abs(found.offsetNs - ZERO) <= found.residualNs)
})

test('where only the middle of one trace stands in the other', () => {
  const all = flushes(200, [10, 11], 2)
  const found = place(callsOf(all.slice(0, 140)), blocksOf(all.slice(80), ZERO))!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 100e3)
})

test('calls without durations end with the next call of their task', () => {
  const all = flushes(60, [10, 11], 3)
  const calls = callsOf(all, { durations: false })
  assert.is(calls.windows.get(10)!.endNs.length, 30)
  assert.ok(calls.windows.get(10)!.endNs.every((ns) => ns > 0))
  const found = place(calls, blocksOf(all, ZERO))!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 100e3)
})

test('writes of other causes, by the same tasks and by others, do not matter', () => {
  const all = flushes(80, [10, 11], 4)
  const random = numbers(40)
  const noise = Array.from({ length: 300 }, (): [number, number] => [
    random() < 0.5 ? 10 : 99,
    Math.round(random() * 600e6),
  ])
  const found = place(callsOf(all), blocksOf(all, ZERO, noise))!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 100e3)
})

for (const seed of [5, 6, 7, 8]) {
  test(`traces of different times are not aligned (${seed})`, () => {
    const found = place(callsOf(flushes(150, [10, 11], seed)), blocksOf(flushes(150, [10, 11], seed * 100), ZERO))
    assert.ok(found && !isSure(found))
  })
}

test('a few flushes are not enough', () => {
  const all = flushes(4, [10], 9)
  const found = place(callsOf(all), blocksOf(all, ZERO))
  assert.ok(found && !isSure(found))
})

test('a loop as regular as a clock fits at many offsets', () => {
  const all = Array.from({ length: 100 }, (_, i) => {
    return { tid: 10, atNs: i * 5e6, tookNs: 2e6, queuedNs: [i * 5e6 + 40e3] }
  })
  const found = place(callsOf(all), blocksOf(all.slice(10, 90), ZERO))
  assert.ok(found && !isSure(found))
})

test('whole seconds are too coarse', () => {
  const all = flushes(60, [10, 11], 10)
  const calls = callsOf(all, { grainNs: 1e9 })
  assert.is(calls.grainNs, 1e9)
  const found = place(calls, blocksOf(all, ZERO))
  assert.ok(!found || !isSure(found))
})

test('no task in common', () => {
  assert.is(place(callsOf(flushes(60, [10], 1)), blocksOf(flushes(60, [20], 1), ZERO)), null)
})

test('requests that stand in two block traces tell to the digit', () => {
  const all = flushes(60, [10, 11], 11)
  const placed = { anchors: blocksOf(all, 0), offsetNs: 5_000, residualNs: 700 }
  const found = offsetBeside([placed], blocksOf(all, ZERO))!
  assert.ok(isSure(found))
  assert.is(Math.round(found.offsetNs), ZERO + 5_000)
  assert.is(Math.round(found.residualNs), 700)
})

test('clocks that drift apart by 1 ms get the residual that shows it', () => {
  const all = flushes(200, [10, 11], 14)
  const end = Math.max(...all.map(({ atNs }) => atNs))
  const drifted = all.map((one) => ({ ...one, queuedNs: one.queuedNs.map((ns) => Math.round(ns)) }))
  const to = new BlockAnchors()
  const from = new BlockAnchors()
  for (const { tid, queuedNs } of drifted) {
    for (const ns of queuedNs) {
      to.requests.set(`${ns} ${tid}`, [ns])
      from.requests.set(`${ns} ${tid}`, [ns * (1 + 1e6 / end) - ZERO])
    }
  }
  const found = offsetBeside([{ anchors: to, offsetNs: 0, residualNs: 0 }], from)!
  assert.ok(isSure(found))
  assert.ok(found.residualNs > 300e3 && Math.abs(found.offsetNs - ZERO) < 1.1e6)
})

test('another tracer saw the same calls', () => {
  const all = flushes(60, [10, 11], 12)
  const inner = all.map((one) => ({ ...one, atNs: one.atNs + 30e3 - ZERO, tookNs: one.tookNs - 50e3 }))
  const found = offsetBeside([{ anchors: callsOf(all), offsetNs: 0, residualNs: 0 }], callsOf(inner))!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 100e3)
})

test("a file system's word that a flush arrived is a point, too", () => {
  const all = flushes(40, [10, 11], 13)
  const batch = new BlockBatch(new StringTable())
  batch.inodes = new InodeBatch(batch.strings)
  for (const { tid, atNs, tookNs } of all) {
    batch.inodes.add(INODE_EVENT.syncEnter, 0, tid, 0, atNs + 25e3 - ZERO, 1)
    batch.inodes.add(INODE_EVENT.syncExit, 0, tid, 0, atNs + tookNs - 15e3 - ZERO, 2)
  }
  const anchors = new BlockAnchors()
  anchors.add(batch)
  const found = place(callsOf(all), anchors)!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.offsetNs - ZERO) < 50e3)
})

test('most intervals agree', () => {
  const votes = new IntervalVote(5)
  for (const [start, end] of [
    [0, 10],
    [4, 8],
    [6, 12],
    [100, 110],
    [104, 120],
  ]) {
    votes.add(start, end)
  }
  assert.equal(votes.best(3, 20), [
    { start: 6, end: 8, votes: 3 },
    { start: 104, end: 110, votes: 2 },
  ])
})

test.run()
