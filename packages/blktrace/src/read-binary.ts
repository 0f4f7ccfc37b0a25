/** Binary block traces → batches of events in the order of time. */
import { ACTION_LETTERS, BlockBatch, formatInstant, type Diagnostics, type Source } from '@flushtrace/trace'
import { TraceClock } from './clock.ts'
import { AT_LIMIT, NEED_DATA, RecordCursor } from './cursor.ts'
import { BLKTRACE } from './diagnostics.ts'
import type { Shared } from './event-runs.ts'
import { Tally, emptyFacts, type BlockFacts } from './facts.ts'
import { scanHead, type HeadScan } from './head.ts'
import { CursorHeap, type Heads } from './heads.ts'
import { mergeBatches } from './merge.ts'
import { MergedRuns, RunsMemory } from './merged-runs.ts'
import { TaskNames } from './names.ts'
import { HELD_ROWS, applyNames, inOrder } from './reorder.ts'
import { Sequences } from './sequences.ts'
import { Window } from './window.ts'

export interface BlockReading {
  /** To be consumed once, one batch at a time. */
  readonly batches: AsyncIterable<BlockBatch>
  /** Filled while the batches are read; whole after the last one. */
  readonly facts: BlockFacts
}

export interface BlktraceOptions {
  /** The actions that become rows; the others are only counted. Default: all. */
  readonly actions?: readonly number[] | null
  /** Without short ways: what these must agree with in the tests. */
  readonly plain?: boolean
}

/** Share of events with the very time of the one before, past which the times are not ns. */
const TIE_SHARE = 0.5
const MIN_TIMED = 64

/**
 * Reads the sources of one trace: the per-CPU files of all its devices, or a single stream. All share one clock and one
 * set of task names, so files of different traces must be read apart. Damaged records are rows of `diagnostics`.
 */
export function readBlktrace(
  sources: readonly Source[],
  diagnostics: Diagnostics,
  { actions = null, plain = false }: BlktraceOptions = {},
): BlockReading {
  const facts = emptyFacts()
  const scans = sources.map((source) => scanHead(source.head))
  const heads = scans.filter((scan) => scan !== null)
  const clock = new TraceClock(heads)
  const names = new TaskNames()
  const tally = new Tally()
  facts.clock = clock.clock
  facts.options = optionsOf(heads)
  // The buffers of several CPUs in one file may overlap in time. One source alone can be such a stream.
  const isStream = scans.map((scan) => sources.length === 1 || (scan?.cpus.size ?? 0) > 1)
  const memory = plain || isStream.every(Boolean) ? null : RunsMemory.of(sources.length)
  const sequences = new Sequences(memory?.counters)
  const shared: Shared = { clock, names, sequences, tally, facts, diagnostics }
  const wanted = Uint8Array.from(ACTION_LETTERS, (_, action) => (actions === null || actions.includes(action) ? 1 : 0))
  const cursors = sources.map((source, k) => {
    const window = new Window(source.chunks(), memory?.buffer, memory?.windowAt(k))
    return new RecordCursor(k, source.path, window, shared, { actions: wanted, inOrder: !isStream[k] })
  })

  async function* batches(): AsyncGenerator<BlockBatch> {
    try {
      const perCpu: RecordCursor[] = []
      const streams: AsyncIterable<BlockBatch>[] = []
      for (const [k, cursor] of cursors.entries()) {
        if (isStream[k]) streams.push(heldBack(cursor, shared))
        else perCpu.push(cursor)
      }
      if (perCpu.length > 0) {
        const merged = memory && new MergedRuns(memory, shared, sources.length, wanted)
        const batch = merged?.batch ?? newBatch(shared, BlockBatch.ROWS)
        streams.push(byTime(perCpu, merged ?? new CursorHeap(), batch, shared))
      }
      yield* streams.length === 1 ? streams[0] : mergeBatches(streams)
    } finally {
      for (const cursor of cursors) await cursor.close()
    }
    finish(cursors, shared, sources)
  }
  return { batches: batches(), facts }
}

/** Per-CPU files: always the one whose next record is the earliest, up to the time of the next file's. */
async function* byTime(
  cursors: readonly RecordCursor[],
  heads: Heads,
  batch: BlockBatch,
  shared: Shared,
): AsyncGenerator<BlockBatch> {
  for (const cursor of cursors) if (await advance(cursor, batch)) heads.add(cursor)
  while (heads.size > 0) {
    const stop = heads.turn(batch)
    if (batch.full) {
      stamp(batch, shared)
      yield batch
      batch.length = 0
    }
    if (stop === AT_LIMIT || (await advance(heads.first, batch))) heads.sink()
    else heads.drop()
  }
  stamp(batch, shared)
  if (batch.length > 0) yield batch
}

/** Fills the window until the next record is known; false at the end of the source. */
async function advance(cursor: RecordCursor, batch: BlockBatch): Promise<boolean> {
  while (cursor.decode(batch, -Infinity, false) !== AT_LIMIT) {
    if (cursor.ended) return false
    await cursor.fill()
  }
  return true
}

/** A single stream: half of the rows held are passed on at a time, in order. */
async function* heldBack(cursor: RecordCursor, shared: Shared): AsyncGenerator<BlockBatch> {
  // A short trace does not need the large buffer.
  let held = newBatch(shared, BlockBatch.ROWS)
  let spare = newBatch(shared, BlockBatch.ROWS)
  let emittedNs = -Infinity
  for (let more = true; more;) {
    const stop = cursor.decode(held, Infinity, false)
    if (stop === NEED_DATA && !cursor.ended) {
      await cursor.fill()
      continue
    }
    more = stop !== NEED_DATA
    if (more && held.capacity < HELD_ROWS) {
      const larger = newBatch(shared, Math.min(HELD_ROWS, held.capacity * 4))
      for (let i = 0; i < held.length; i++) larger.setRow(i, held, i)
      larger.length = held.length
      held = larger
      spare = newBatch(shared, held.capacity)
      continue
    }
    const ordered = inOrder(held, spare)
    if (ordered === spare) [held, spare] = [spare, held]
    const rows = held.length
    const ready = more ? rows >>> 1 : rows
    for (let i = 0; i < ready && held.atNs[i] < emittedNs; i++) {
      if (held.action[i] === 0) continue
      shared.diagnostics.add(BLKTRACE.backwards, null, `${emittedNs - held.atNs[i]} ns`)
    }
    if (ready > 0) emittedNs = Math.max(emittedNs, held.atNs[ready - 1])
    yield* slices(held, ready, shared)
    held.length = rows
    held.shift(ready)
  }
}

/** Rows [0, ready) as batches of the usual size, with the names of their tasks. */
function* slices(held: BlockBatch, ready: number, shared: Shared): Generator<BlockBatch> {
  held.length = ready
  const out = newBatch(shared, BlockBatch.ROWS)
  for (let start = 0; start < ready; start += BlockBatch.ROWS) {
    const end = Math.min(ready, start + BlockBatch.ROWS)
    out.copyRows(held, start, end)
    applyNames(out, shared.names)
    stamp(out, shared)
    if (out.length > 0) yield out
  }
}

function newBatch(shared: Shared, capacity: number): BlockBatch {
  const batch = new BlockBatch(shared.names.strings, capacity)
  stamp(batch, shared)
  return batch
}

function stamp(batch: BlockBatch, { clock }: Shared): void {
  batch.clock = clock.clock
  batch.origin = clock.origin
  batch.wall = clock.wall
}

function finish(cursors: readonly RecordCursor[], shared: Shared, sources: readonly Source[]): void {
  const { clock, names, tally, facts, diagnostics } = shared
  const place = { source: sources[0]?.path ?? '' }
  for (const cursor of cursors) cursor.finish()
  tally.into(facts)
  facts.used = tally.actions.reduce((sum, count) => sum + count, 0)
  facts.wall = clock.wall ? formatInstant(clock.wall) : null
  if (names.full) diagnostics.add(BLKTRACE.tooManyNames, place)
  if (clock.base === 'recovered') diagnostics.add(BLKTRACE.rebased, place)
  if (clock.base === 'unknown') diagnostics.add(BLKTRACE.noClock, place)
  const ties = cursors.reduce((sum, cursor) => sum + cursor.runs.ties, 0)
  const timed = cursors.reduce((sum, cursor) => sum + cursor.runs.timed, 0)
  if (clock.nsPerUnit !== null) {
    diagnostics.add(BLKTRACE.clockUnit, place, `one unit is ${Number(clock.nsPerUnit.toPrecision(3))} ns by its notes`)
  } else if (timed >= MIN_TIMED && ties > timed * TIE_SHARE) {
    diagnostics.add(BLKTRACE.clockUnit, place, `${ties} of ${timed} events have the time of the event before`)
  }
}

function optionsOf(heads: readonly HeadScan[]): string[] {
  const options = new Set<string>()
  for (const { version, bigEndian } of heads) {
    options.add(`version ${version}`)
    options.add(bigEndian ? 'big-endian' : 'little-endian')
  }
  return [...options].sort()
}
