/**
 * Which request wrote a block last, of all requests of a trace: told all at once, then asked.
 *
 * The ranges are sorted by where they begin and swept once, with those that are open at a place in a heap, the latest
 * on top: no table is changed a million times in random order.
 */
import { firstAbove, sortedBy } from '@flushtrace/trace'
import { Column } from './column.ts'

/** Ranges of one device. Of `start` and `end`, half-open bytes, as many as requests. */
class Device {
  readonly start = new Column(Float64Array)
  readonly end = new Column(Float64Array)
  readonly request = new Column(Uint32Array)
}

export class LastWriters {
  readonly #told = new Map<number, Device>()
  readonly #last = new Map<number, Device>()
  /** By request: who wrote last where it wrote; -1: several. */
  #over = new Int32Array()

  /** Half-open, in bytes of the device. To be told in the order of time, before `sweep`. */
  add(device: number, start: number, end: number, request: number): void {
    let told = this.#told.get(device)
    if (!told) this.#told.set(device, (told = new Device()))
    told.start.push(start)
    told.end.push(end)
    told.request.push(request)
  }

  /** `requests`: how many there are. */
  sweep(requests: number): void {
    this.#over = new Int32Array(requests)
    for (const [device, told] of this.#told) {
      const rows = sortedBy(told.start.values)
      const last = swept(told, rows)
      this.#last.set(device, last)
      let k = 0
      for (const row of rows) {
        while (last.end.data[k] <= told.start.data[row]) k++
        this.#over[told.request.data[row]] = oneFrom(last, k, told.end.data[row])
      }
    }
    this.#told.clear()
  }

  /** The request that wrote last all of what this one wrote, which is one range; -1: several did, each a part. */
  over(request: number): number {
    return this.#over[request]
  }

  /** The request that wrote last all of what was written in the range; -1: nobody, or several did, each a part. */
  oneOf(device: number, start: number, end: number): number {
    const last = this.#last.get(device)
    return last ? oneFrom(last, firstAbove(last.end.values, start), end) : -1
  }

  /** Calls `cut` with every place in the range where another request begins or ends. */
  cutsIn(device: number, start: number, end: number, cut: (at: number) => void): void {
    const last = this.#last.get(device)
    if (!last) return
    for (let k = firstAbove(last.end.values, start); k < last.start.length && last.start.data[k] < end; k++) {
      if (last.start.data[k] > start) cut(last.start.data[k])
      if (last.end.data[k] < end) cut(last.end.data[k])
    }
  }
}

/** The request of the k-th range, where that begins before `end` and the next one does not; else -1. */
function oneFrom({ start, request }: Device, k: number, end: number): number {
  if (k >= start.length || start.data[k] >= end) return -1
  return k + 1 < start.length && start.data[k + 1] < end ? -1 : request.data[k]
}

/** Ranges that never overlap, in order: of each place the one that was told last. */
function swept({ start, end, request }: Device, rows: Uint32Array): Device {
  const last = new Device()
  const open = new Latest()
  let at = -Infinity
  const upTo = (to: number): void => {
    while (at < to && open.top >= 0) {
      const row = open.top
      const next = Math.min(to, end.data[row])
      if (next > at) push(last, at, next, request.data[row])
      at = Math.max(at, next)
      if (end.data[row] <= at) open.pop()
    }
    at = to
  }
  for (const row of rows) {
    upTo(start.data[row])
    open.push(row)
  }
  upTo(Infinity)
  return last
}

function push({ start, end, request }: Device, from: number, to: number, by: number): void {
  const last = request.length - 1
  if (last >= 0 && end.data[last] === from && request.data[last] === by) {
    end.data[last] = to
    return
  }
  start.push(from)
  end.push(to)
  request.push(by)
}

/** A heap of rows, the highest on top. */
class Latest {
  readonly #rows: number[] = []

  /** -1: empty. */
  get top(): number {
    return this.#rows.length > 0 ? this.#rows[0] : -1
  }

  push(row: number): void {
    const rows = this.#rows
    let k = rows.push(row) - 1
    for (let up = (k - 1) >> 1; k > 0 && rows[up] < row; up = (k - 1) >> 1) {
      rows[k] = rows[up]
      k = up
    }
    rows[k] = row
  }

  pop(): void {
    const rows = this.#rows
    const row = rows.pop() as number
    if (rows.length === 0) return
    let k = 0
    for (let down = 1; down < rows.length; down = 2 * k + 1) {
      if (down + 1 < rows.length && rows[down + 1] > rows[down]) down++
      if (rows[down] <= row) break
      rows[k] = rows[down]
      k = down
    }
    rows[k] = row
  }
}
