/**
 * Several streams of calls → one order. Streams with the same kind of clock are merged by time; a stream of one task
 * (a file of a -ff set) gives each call's entry and exit their own moments, because other tasks act in between.
 * Streams without times, or with whole seconds (strace -ff -t), are applied one after the other, a child's after its
 * parent's.
 */
import { CALLS, WHOLE, nsBetween, plusNs, type CallBatch, type Clock, type Instant } from '@flushtrace/trace'
import { APART_NS } from './lost-sight.ts'
import type { System } from './system.ts'

export interface CallStream {
  readonly source: number
  readonly batches: AsyncIterable<CallBatch>
  /** The one task of a -ff file; 0 where the stream holds several. */
  readonly tid: number
  /** Where its time 0 lies on the timeline, when that is known otherwise than by its own clock. */
  readonly offsetNs?: number | null
}

/** Told before each row: its time in ns since the earliest stream's time 0, and when that was (null: no wall clock). */
export type OnRow = (atNs: number, origin: Instant | null) => void

export interface Timeline {
  /** Wall-clock time of ns 0; null when no stream tells. */
  readonly origin: Instant | null
  /** By source: where its time 0 lies, ns. */
  readonly offsets: ReadonlyMap<number, number>
}

/** Applies all streams to `system`. `base`: where ns 0 lies on the wall clock, when other sources have set it. */
export async function applyStreams(
  streams: readonly CallStream[],
  system: System,
  onRow: OnRow,
  base: Instant | null = null,
): Promise<Timeline> {
  const cursors: Cursor[] = []
  for (const stream of streams) {
    const cursor = new Cursor(stream)
    if (await cursor.next()) cursors.push(cursor)
  }
  let origin = base
  for (const group of byClock(cursors)) {
    const wall = group[0].batch.clock === 'wall'
    const first = (wall && (base ?? startToldBy(group))) || earliest(group)
    for (const cursor of group) {
      cursor.offsetNs = cursor.knownNs ?? (first && cursor.origin ? nsBetween(first, cursor.origin) : 0)
    }
    if (wall) origin = first
    const timed = (atNs: number): void => onRow(atNs, origin)
    if (group.length === 1) {
      system.order = 'time'
      await inTurn(group, system, timed)
    } else if (first && !isCoarse(group)) {
      // Without durations (strace -T) a call of a one-task stream is known by its entry alone.
      system.order = group.some(({ tid, tells }) => tid > 0 && !tells) ? 'starts' : 'time'
      await byTime(group, system, timed)
    } else {
      system.order = 'lists'
      await inTurn(group, system, timed)
    }
  }
  return { origin, offsets: new Map(cursors.map((cursor) => [cursor.source, cursor.offsetNs])) }
}

class Cursor {
  readonly source: number
  readonly tid: number
  readonly knownNs: number | null
  offsetNs = 0
  origin: Instant | null = null
  batch!: CallBatch
  i = 0
  /** The entry of row `i` was applied, its exit is still to come. */
  entered = false
  begun = false
  readonly #batches: AsyncIterator<CallBatch>

  constructor(stream: CallStream) {
    this.source = stream.source
    this.tid = stream.tid
    this.knownNs = stream.offsetNs ?? null
    this.#batches = stream.batches[Symbol.asyncIterator]()
  }

  get beginsWithList(): boolean {
    return CALLS[this.batch.call[0]].role === 'tasks'
  }

  get beginsWithExec(): boolean {
    return CALLS[this.batch.call[0]].role === 'exec'
  }

  /** Whether calls have durations. */
  get tells(): boolean {
    return this.batch.tookNs.subarray(0, this.batch.length).some((ns) => ns >= 0)
  }

  /** To the first row of the next batch; false at the end. */
  async next(): Promise<boolean> {
    const { done, value } = await this.#batches.next()
    if (done) return false
    this.batch = value
    this.i = 0
    this.origin ??= value.origin
    return value.length > 0 || this.next()
  }

  /** When the next thing of this stream happens. */
  get dueNs(): number {
    const { atNs, tookNs, length } = this.batch
    const { i } = this
    if (!this.entered) return atNs[i] + this.offsetNs
    // Without a duration: at the latest when the task enters its next call.
    const returnedNs = tookNs[i] > 0 ? atNs[i] + tookNs[i] : i + 1 < length ? atNs[i + 1] : atNs[i]
    return returnedNs + this.offsetNs
  }
}

/** Streams whose times can be compared, wall clock first. */
function byClock(cursors: readonly Cursor[]): Cursor[][] {
  const clocks: readonly Clock[] = ['wall', 'timeOfDay', 'monotonic', 'relative', 'none']
  const groups = clocks.map((clock) => cursors.filter(({ batch }) => batch.clock === clock))
  return groups.filter((group) => group.length > 0)
}

/** Whether the files of a set have whole seconds, and several calls the same one. */
function isCoarse(group: readonly Cursor[]): boolean {
  const set = group.filter(({ tid }) => tid > 0).map(({ batch }) => batch.atNs.subarray(0, batch.length))
  return set.every((at) => at.every((ns) => ns % 1e9 === 0)) && set.some((at) => at.some((ns, k) => ns === at[k - 1]))
}

/** The wall-clock time of ns 0, from a stream that has both clocks. */
function startToldBy(group: readonly Cursor[]): Instant | null {
  for (const { origin, knownNs } of group) if (origin && knownNs !== null) return plusNs(origin, -knownNs)
  return null
}

function earliest(group: readonly Cursor[]): Instant | null {
  let first: Instant | null = null
  for (const { origin } of group) if (origin && (!first || nsBetween(origin, first) > 0)) first = origin
  return first
}

/**
 * Which streams of a group have begun and not ended. Recordings of different times may be given at once, and a number be
 * another task's in the next one:
 * - a log of strace that begins with execve is of a program that strace itself has started: none of its tasks was seen
 *   before. The files of a -ff set begin with what their task did first; a second one of the same task is of another set.
 * - Where nothing was seen for a while, all that tasks had open may have changed, and so may whose the numbers are: a capture
 *   that lists its tasks tells that, others do not.
 */
class UnderWay {
  readonly #system: System
  readonly #tids = new Set<number>()
  #begun = 0
  #ended = 0
  #endedNs = NaN

  constructor(system: System) {
    this.#system = system
  }

  /** The first row of `cursor` is about to be applied. */
  begin(cursor: Cursor): void {
    const { tid, dueNs, batch, source } = cursor
    cursor.begun = true
    this.#system.alone = this.#begun === this.#ended
    const another = this.#begun > 0 && (tid === 0 || this.#tids.has(tid))
    this.#begun++
    this.#tids.add(tid)
    if (!another) return
    if (cursor.beginsWithExec) this.#system.beginProgram(batch, source)
    else if (this.#system.alone && dueNs - this.#endedNs > APART_NS) this.#system.loseSight(!cursor.beginsWithList)
  }

  /** A stream has ended, its last row at `atNs`. */
  end(atNs: number): void {
    this.#ended++
    this.#endedNs = atNs
    // One is left: what it lists is all there is.
    this.#system.alone = this.#begun - this.#ended <= 1
  }
}

/**
 * One stream after the other: the ones whose task is known already (a parent forked it) before the rest, and of these
 * the ones that begin with the program that was traced.
 */
async function inTurn(group: Cursor[], system: System, onRow: (atNs: number) => void): Promise<void> {
  const underWay = new UnderWay(system)
  const waiting = [...group].sort((a, b) => Number(b.beginsWithExec) - Number(a.beginsWithExec) || a.tid - b.tid)
  while (waiting.length > 0) {
    const known = waiting.findIndex((cursor) => cursor.tid > 0 && system.knows(cursor.tid))
    const [cursor] = waiting.splice(Math.max(0, known), 1)
    underWay.begin(cursor)
    do {
      const { batch, source } = cursor
      for (let i = 0; i < batch.length; i++) {
        onRow(batch.atNs[i] + cursor.offsetNs)
        system.apply(batch, i, source)
      }
    } while (await cursor.next())
    underWay.end(NaN)
  }
}

async function byTime(group: Cursor[], system: System, onRow: (atNs: number) => void): Promise<void> {
  const heap = new Heap(group)
  const underWay = new UnderWay(system)
  for (let cursor = heap.first(); cursor; cursor = heap.first()) {
    const { batch, i, source } = cursor
    const dueNs = cursor.dueNs
    if (!cursor.begun) underWay.begin(cursor)
    onRow(batch.atNs[i] + cursor.offsetNs)
    let done = true
    if (cursor.entered) {
      system.exit(batch, i, source)
      cursor.entered = false
    } else if (cursor.tid > 0 && batch.phase[i] === WHOLE && lasts(batch, i)) {
      system.enter(batch, i, source)
      cursor.entered = true
      done = false
    } else {
      system.apply(batch, i, source)
    }
    if (done && ++cursor.i >= batch.length && !(await cursor.next())) {
      heap.removeFirst()
      underWay.end(dueNs)
    } else heap.sinkFirst()
  }
}

/** Whether entry and exit are moments of their own. A receiver without duration waited for its sender. */
function lasts(batch: CallBatch, i: number): boolean {
  return batch.tookNs[i] > 0 || (Number.isNaN(batch.tookNs[i]) && CALLS[batch.call[i]].role === 'receiveFds')
}

/** Binary min-heap by `dueNs`; equal times keep the order of the sources. */
class Heap {
  readonly #items: Cursor[]

  constructor(items: readonly Cursor[]) {
    this.#items = [...items]
    for (let i = this.#items.length >> 1; i >= 0; i--) this.#sink(i)
  }

  first(): Cursor | undefined {
    return this.#items[0]
  }

  removeFirst(): void {
    const last = this.#items.pop()
    if (last && this.#items.length > 0) {
      this.#items[0] = last
      this.#sink(0)
    }
  }

  sinkFirst(): void {
    this.#sink(0)
  }

  #sink(start: number): void {
    const items = this.#items
    let i = start
    for (;;) {
      const left = 2 * i + 1
      if (left >= items.length) return
      const right = left + 1
      const child = right < items.length && before(items[right], items[left]) ? right : left
      if (!before(items[child], items[i])) return
      const moved = items[child]
      items[child] = items[i]
      items[i] = moved
      i = child
    }
  }
}

function before(a: Cursor, b: Cursor): boolean {
  const difference = a.dueNs - b.dueNs
  return difference < 0 || (difference === 0 && a.source < b.source)
}
