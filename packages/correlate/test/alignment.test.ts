import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ACTION, BlockBatch, INODE_EVENT, InodeBatch, OP, StringTable } from '@flushtrace/trace'
import { offsetBeside } from '../src/alignment/aligner.ts'
import { BlockAnchors, CallAnchors } from '../src/alignment/anchors.ts'
import { lineThrough, steadied, steadier } from '../src/alignment/drift.ts'
import { IntervalVote } from '../src/alignment/interval-vote.ts'
import { leftOpen } from '../src/alignment/left-open.ts'
import { isSure, type FoundOffset } from '../src/alignment/offset.ts'
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

/** What a block trace shows of them, its time 0 at `zeroNs` of the calls' clock, which runs faster by `driftPpm`. */
function blocksOf(
  all: readonly Flush[],
  zeroNs: number,
  noise: readonly [tid: number, atNs: number][] = [],
  driftPpm = 0,
): BlockAnchors {
  const batch = new BlockBatch(new StringTable(), 1 << 14)
  const events = all.flatMap(({ tid, queuedNs }) => queuedNs.map((at) => [tid, at] as const))
  for (const [tid, atNs] of [...events, ...noise].sort((a, b) => a[1] - b[1])) {
    const i = batch.add(ACTION.queue, 7 << 20, tid, (atNs - zeroNs) / (1 + driftPpm / 1e6), batch.length + 1)
    batch.flags[i] = OP.write
    batch.sector[i] = Math.round(atNs) % 1_000_003
    batch.bytes[i] = 4096
  }
  const anchors = new BlockAnchors()
  anchors.add(batch)
  return anchors
}

/** Writes of the same tasks and of another, at any time. */
function noiseOf(all: readonly Flush[]): [tid: number, atNs: number][] {
  const random = numbers(77)
  const endNs = Math.max(...all.map(({ atNs }) => atNs))
  return all.slice(0, all.length / 20).map(() => [random() < 0.5 ? 10 : 99, Math.round(random() * endNs)])
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

test('requests in two traces whose clocks drift apart tell by how much', () => {
  const all = flushes(200, [10, 11], 14)
  const from = blocksOf(all, ZERO, [], 700)
  const found = offsetBeside([{ anchors: blocksOf(all, 0), offsetNs: 0, residualNs: 0 }], from)!
  assert.ok(isSure(found))
  assert.ok(Math.abs(found.driftPpm! - 700) < 0.1 && Math.abs(found.offsetNs - ZERO) < 100, `${found.driftPpm}`)
  assert.ok(found.residualNs < 100)
})

for (const driftPpm of [50, 200, -200]) {
  test(`calls and requests whose clocks drift apart by ${driftPpm} ppm`, () => {
    const all = flushes(600, [10], 15)
    const endNs = Math.max(...all.map(({ atNs }) => atNs))
    const found = place(callsOf(all), blocksOf(all, ZERO, noiseOf(all), driftPpm))!
    assert.ok(isSure(found))
    assert.ok(Math.abs(found.driftPpm! - driftPpm) < 5, `${found.driftPpm}`)
    for (const ns of [0, endNs]) {
      const theirs = (ns - ZERO) / (1 + driftPpm / 1e6)
      assert.ok(Math.abs(steadied(theirs, found.driftPpm!) + found.offsetNs - ns) < 200e3)
    }
  })
}

test('clocks of one pace have no drift, whatever the noise', () => {
  for (const seed of [16, 17, 18, 19]) {
    const all = flushes(600, [10], seed)
    assert.is(place(callsOf(all), blocksOf(all, ZERO, noiseOf(all)))!.driftPpm, undefined)
    assert.is(
      offsetBeside([{ anchors: blocksOf(all, 0), offsetNs: 0, residualNs: 0 }], blocksOf(all, ZERO))!.driftPpm,
      undefined,
    )
  }
})

/** By what an offset must change at least. */
const LEAST_NS = 100_000

function unasked(): never {
  throw new Error('no line is to be judged')
}

test('offsets that jump once are no drift', () => {
  const locals = Array.from({ length: 400 }, (_, k) => ({ atNs: k * 1e7, offsetNs: k < 200 ? 0 : 1e6 }))
  assert.is(steadier(null, lineThrough(locals, LEAST_NS), unasked), null)
})

test('a drift below what an offset leaves open is not told, nor one beyond all clocks', () => {
  const locals = (ppm: number) => Array.from({ length: 400 }, (_, k) => ({ atNs: k * 1e7, offsetNs: k * 10 * ppm }))
  assert.is(steadier(null, lineThrough(locals(20), LEAST_NS), unasked), null)
  assert.is(steadier(null, lineThrough(locals(2000), LEAST_NS), unasked), null)
  assert.ok(lineThrough(locals(30), LEAST_NS)!.clear)
  assert.is(lineThrough(locals(30).slice(0, 9), LEAST_NS), null)
})

test('two bursts far apart tell the slope, not what varies within one', () => {
  const random = numbers(31)
  const locals = Array.from({ length: 320 }, (_, k) => {
    return { atNs: (k < 160 ? 0 : 40e9) + (k % 160) * 1e6, offsetNs: (random() - 0.5) * 30e3 }
  })
  assert.is(lineThrough(locals, 50_000)!.clear, false)
})

test('a line is taken only when it is judged to be sure, and as good as one offset', () => {
  const line = lineThrough(
    Array.from({ length: 400 }, (_, k) => ({ atNs: k * 1e7, offsetNs: k * 1e3 })),
    LEAST_NS,
  )
  const constant = { offsetNs: 1, residualNs: 1, matched: 100, lead: 1 }
  for (const judged of [null, { ...constant, matched: 50 }, { ...constant, lead: 0.01 }]) {
    assert.is(
      steadier(constant, line, () => judged),
      constant,
    )
  }
  assert.is(Math.round(steadier(constant, line, () => ({ ...constant, matched: 100 }))!.driftPpm!), 100)
})

/** As samba does it: two flushes in one, the requests of the second between 80 and 280 µs after it, rarely 30 a second. */
function pairs(count: number, seed: number): Flush[] {
  const random = numbers(seed)
  return Array.from({ length: count }, (_, k) => {
    const atNs = Math.round(k * 33e6 + random() * 20e6)
    const tookNs = Math.round(1.2e6 + random() * 800e3)
    return [
      { tid: 10, atNs, tookNs: 80e3, queuedNs: [] },
      {
        tid: 10,
        atNs: atNs + 110e3,
        tookNs,
        queuedNs: [atNs + 190e3 + random() ** 2 * 200e3, atNs + 110e3 + tookNs * 0.7],
      },
    ]
  }).flat()
}

/** The largest error from the first to the last call, of clocks that drift apart by so much. */
function errorOf(all: readonly Flush[], found: FoundOffset, driftPpm: number): number {
  const ends = [all[0].atNs, all[all.length - 1].atNs]
  return Math.max(
    ...ends.map((ns) => {
      const theirs = (ns - ZERO) / (1 + driftPpm / 1e6)
      return Math.abs(steadied(theirs, found.driftPpm ?? 0) + found.offsetNs - ns)
    }),
  )
}

for (const driftPpm of [0, 50, 200, -200]) {
  test(`few flushes a second, clocks ${driftPpm} ppm apart: within 200 µs, and what is left open covers the rest`, () => {
    for (const seed of [21, 22, 23, 24]) {
      const all = pairs(90, seed)
      const found = place(callsOf(all), blocksOf(all, ZERO, [], driftPpm))!
      assert.ok(isSure(found), `${seed}`)
      assert.is(found.driftPpm === undefined, Math.abs(driftPpm) < 200, `${seed} ${found.driftPpm}`)
      const errorNs = errorOf(all, found, driftPpm)
      assert.ok(errorNs < 200e3 && errorNs <= found.residualNs, `${seed} ${errorNs} ${found.residualNs}`)
      assert.ok(Math.abs(driftPpm - (found.driftPpm ?? 0)) <= found.driftResidualPpm!)
    }
  })
}

test('a second of flushes: a drift that does not show is in what is left open', () => {
  for (const driftPpm of [100, -100, 200, -200]) {
    const all = flushes(80, [10], 25)
    const found = place(callsOf(all), blocksOf(all, ZERO, [], driftPpm))!
    assert.ok(isSure(found))
    assert.ok(errorOf(all, found, driftPpm) <= found.residualNs)
    assert.ok(Math.abs(driftPpm - (found.driftPpm ?? 0)) <= found.driftResidualPpm!)
  }
})

for (const [pauseS, told] of [
  [60, true],
  [20_000, false],
] as const) {
  test(`a pause of ${pauseS} s is ${told ? '' : 'not '}crossed`, () => {
    const before = flushes(80, [10], 26)
    const after = flushes(80, [10], 27).map(({ tid, atNs, tookNs, queuedNs }) => {
      const moved = (ns: number): number => ns + pauseS * 1e9
      return { tid, atNs: moved(atNs), tookNs, queuedNs: queuedNs.map(moved) }
    })
    const found = place(callsOf([...before, ...after]), blocksOf([...before, ...after], ZERO, [], 20))!
    assert.is(found.driftPpm !== undefined, told)
    if (told) assert.ok(Math.abs(found.driftPpm! - 20) < 2, `${found.driftPpm}`)
  })
}

test('the furthest of the lines that pass between all bounds', () => {
  const bounds = { startNs: [0, 10e9], endNs: [100e3, 10e9 + 100e3], atNs: [50e3, 10e9 + 50e3] }
  const flat = { slope: 0, offsetNs: 0 }
  const open = leftOpen([bounds], 0, flat, 0)!
  assert.is(Math.round(open.residualNs), 50e3)
  // From the start of the one call to the end of the other: 100 µs in 10 s.
  assert.is(Math.round(open.driftResidualPpm), 10)
  assert.is(leftOpen([bounds], 0, flat, 1e3)!.residualNs > 51e3, true)
  assert.is(leftOpen([{ ...bounds, atNs: [5e9] }], 0, flat, 0), null)
})

test('a drift that does not show is as large as crystals differ at most', () => {
  const open = leftOpen([{ startNs: [0], endNs: [1e6], atNs: [500e3] }], 0, { slope: 0, offsetNs: 0 }, 0)!
  assert.equal([open.residualNs, open.driftResidualPpm].map(Math.round), [500e3, 200])
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

test('where only such words stand in a trace, requests of the same tasks lie between them', () => {
  const all = flushes(120, [10, 11], 17)
  const wordsOf = (ends: boolean): BlockAnchors => {
    const batch = new BlockBatch(new StringTable())
    batch.inodes = new InodeBatch(batch.strings)
    for (const { tid, atNs, tookNs } of all) {
      batch.inodes.add(INODE_EVENT.syncEnter, 0, tid, 0, atNs + 5e3 - ZERO, 1)
      if (ends) batch.inodes.add(INODE_EVENT.syncExit, 0, tid, 0, atNs + tookNs - 5e3 - ZERO, 2)
    }
    const anchors = new BlockAnchors()
    anchors.add(batch)
    return anchors
  }
  for (const ends of [true, false]) {
    const placed = { anchors: blocksOf(all, 0, noiseOf(all)), offsetNs: 7e9, residualNs: 1000 }
    const found = offsetBeside([placed], wordsOf(ends))!
    assert.is(isSure(found), ends, 'without ends, nothing tells how soon after the begin the first request comes')
    assert.ok(Math.abs(found.offsetNs - 7e9 - ZERO) <= found.residualNs, `${found.offsetNs - 7e9 - ZERO}`)
    assert.ok(found.residualNs > 1000 && found.residualNs < 500e3)
  }
  const others = { anchors: blocksOf(flushes(120, [30], 18), 0), offsetNs: 0, residualNs: 0 }
  assert.is(offsetBeside([others], wordsOf(true)), null)
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
