/**
 * Which request wrote a block last, of all requests of a trace: told all at once, then asked.
 *
 * The ranges are sorted by where they begin and swept once, with those that are open at a place in a heap, the latest
 * on top: no table is changed a million times in random order.
 */
import { firstAbove, sortedBy } from '@flushtrace/trace'

/** Ranges of one device, half-open, and the request that each is of: as many as requests, so in columns that grow together. */
class RangeLog {
  start: Float64Array
  end: Float64Array
  request: Uint32Array
  length = 0

  constructor(room = 16) {
    this.start = new Float64Array(room)
    this.end = new Float64Array(room)
    this.request = new Uint32Array(room)
  }

  push(start: number, end: number, request: number): void {
    if (this.length === this.start.length) this.#grow()
    const k = this.length++
    this.start[k] = start
    this.end[k] = end
    this.request[k] = request
  }

  /** No more are to come: the columns end where the ranges do. */
  finish(): this {
    this.start = this.start.subarray(0, this.length)
    this.end = this.end.subarray(0, this.length)
    this.request = this.request.subarray(0, this.length)
    return this
  }

  #grow(): void {
    const { start, end, request } = this
    this.start = new Float64Array(2 * this.length)
    this.end = new Float64Array(2 * this.length)
    this.request = new Uint32Array(2 * this.length)
    this.start.set(start)
    this.end.set(end)
    this.request.set(request)
  }
}

/** Ranges of one device in the order of where they begin: half-open, and the request that each is of. */
export interface Ranges {
  readonly start: Float64Array
  readonly end: Float64Array
  readonly request: Uint32Array
}

export class LastWriters {
  readonly #told = new Map<number, RangeLog>()
  readonly #last = new Map<number, RangeLog>()
  /** By request: who wrote last where it wrote; -1: several. */
  #over = new Int32Array()

  /** Half-open, in bytes of the device. To be told in the order of time, before `sweep`. */
  add(device: number, start: number, end: number, request: number): void {
    let told = this.#told.get(device)
    if (!told) this.#told.set(device, (told = new RangeLog()))
    told.push(start, end, request)
  }

  /** `requests`: how many there are. `visit` gets the ranges of a device, all at once. */
  sweep(requests: number, visit: (device: number, ranges: Ranges) => void = () => {}): void {
    this.#over = new Int32Array(requests)
    for (const [device, told] of this.#told) {
      const { start, end, request, rank } = byPlace(told)
      this.#told.delete(device)
      const last = swept({ start, end, request, rank })
      this.#last.set(device, last)
      let k = 0
      for (let n = 0; n < rank.length; n++) {
        while (last.end[k] <= start[n]) k++
        this.#over[request[n]] = oneFrom(last, k, end[n])
      }
      visit(device, { start, end, request })
    }
  }

  /** The request that wrote last all of what this one wrote, which is one range; -1: several did, each a part. */
  over(request: number): number {
    return this.#over[request]
  }

  /** The request that wrote last all of what was written in the range; -1: nobody, or several did, each a part. */
  oneOf(device: number, start: number, end: number): number {
    const last = this.#last.get(device)
    return last ? oneFrom(last, firstAbove(last.end, start), end) : -1
  }

  /** Calls `found` for every part of the range that was written, in order. */
  within(device: number, start: number, end: number, found: (from: number, to: number, request: number) => void): void {
    const last = this.#last.get(device)
    if (!last) return
    for (let k = firstAbove(last.end, start); k < last.length && last.start[k] < end; k++) {
      found(Math.max(start, last.start[k]), Math.min(end, last.end[k]), last.request[k])
    }
  }

  /** Calls `cut` with every place in the range where another request begins or ends. */
  cutsIn(device: number, start: number, end: number, cut: (at: number) => void): void {
    this.within(device, start, end, (from, to) => {
      if (from > start) cut(from)
      if (to < end) cut(to)
    })
  }
}

/** The request of the k-th range, where that begins before `end` and the next one does not; else -1. */
function oneFrom({ start, request, length }: RangeLog, k: number, end: number): number {
  if (k >= length || start[k] >= end) return -1
  return k + 1 < length && start[k + 1] < end ? -1 : request[k]
}

interface ByPlace extends Ranges {
  /** When it was told: its number among all of the device. */
  readonly rank: Uint32Array
}

/** Copied once, so that the sweep reads memory in order. */
function byPlace(told: RangeLog): ByPlace {
  const rank = sortedBy(told.start.subarray(0, told.length))
  const start = new Float64Array(rank.length)
  const end = new Float64Array(rank.length)
  const request = new Uint32Array(rank.length)
  for (let n = 0; n < rank.length; n++) {
    start[n] = told.start[rank[n]]
    end[n] = told.end[rank[n]]
    request[n] = told.request[rank[n]]
  }
  return { start, end, request, rank }
}

/** Ranges that never overlap, in order: of each place the one that was told last. */
function swept({ start, end, request, rank }: ByPlace): RangeLog {
  const last = new RangeLog(rank.length)
  const open = new Latest(rank)
  let at = -Infinity
  const upTo = (to: number): void => {
    while (at < to && open.top >= 0) {
      const n = open.top
      const next = Math.min(to, end[n])
      if (next > at) push(last, at, next, request[n])
      at = Math.max(at, next)
      if (end[n] <= at) open.pop()
    }
    at = to
  }
  for (let n = 0; n < rank.length; n++) {
    upTo(start[n])
    open.push(n)
  }
  upTo(Infinity)
  return last.finish()
}

function push(ranges: RangeLog, from: number, to: number, by: number): void {
  const last = ranges.length - 1
  if (last >= 0 && ranges.end[last] === from && ranges.request[last] === by) ranges.end[last] = to
  else ranges.push(from, to, by)
}

/** A heap of ranges, the one of the highest rank on top. */
class Latest {
  readonly #ranges: number[] = []
  readonly #rank: Uint32Array

  constructor(rank: Uint32Array) {
    this.#rank = rank
  }

  /** -1: empty. */
  get top(): number {
    return this.#ranges.length > 0 ? this.#ranges[0] : -1
  }

  push(range: number): void {
    const ranges = this.#ranges
    const rank = this.#rank
    let k = ranges.push(range) - 1
    for (let up = (k - 1) >> 1; k > 0 && rank[ranges[up]] < rank[range]; up = (k - 1) >> 1) {
      ranges[k] = ranges[up]
      k = up
    }
    ranges[k] = range
  }

  pop(): void {
    const ranges = this.#ranges
    const rank = this.#rank
    const range = ranges.pop() as number
    if (ranges.length === 0) return
    let k = 0
    for (let down = 1; down < ranges.length; down = 2 * k + 1) {
      if (down + 1 < ranges.length && rank[ranges[down + 1]] > rank[ranges[down]]) down++
      if (rank[ranges[down]] <= rank[range]) break
      ranges[k] = ranges[down]
      k = down
    }
    ranges[k] = range
  }
}
