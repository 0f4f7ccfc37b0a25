/**
 * Requests under way on one device, found by their first sector. What was queued (bios) and what is sent to the device
 * (requests) are ranges of sectors: a request is the run of queued ranges that it covers, whichever merges made it, and
 * a range larger than the request that takes its beginning was split. So merge and split events need not be traced.
 *
 * Invariants
 * 1. An entry is queued, or sent, or part of a sent one (`next`); only the first two are found by sector.
 * 2. Entries with the same first sector are a chain, the latest first.
 * 3. A queued range that was split is done when its last part is (`group`, `parts`).
 */
import { SectorTable } from './sector-table.ts'

export const QUEUED = 1
export const SENT = 2
const PART = 3

/** No device has so many requests at once; more are completions missing from the trace. */
const MAX_OPEN = 1 << 18

export class RequestTable {
  #capacity = 64
  start = new Float64Array(64)
  end = new Float64Array(64)
  queuedNs = new Float64Array(64)
  sentNs = new Float64Array(64)
  /** Who asked: an index of the caller's, -1 unknown. */
  task = new Int32Array(64)
  flags = new Uint32Array(64)
  /** The operation, for telling a read and a write of the same sector apart. */
  operation = new Uint8Array(64)
  /** The next queued range of the same sent request, -1 at the end. */
  next = new Int32Array(64)
  #state = new Uint8Array(64)
  #same = new Int32Array(64)
  #group = new Int32Array(64)
  #parts = new Int32Array(64)
  #free: number[] = []
  #used = 0
  readonly #bySector = new SectorTable()
  open = 0
  /** Entries forgotten because there were too many. */
  forgotten = 0

  add(
    state: number,
    operation: number,
    start: number,
    end: number,
    queuedNs: number,
    task: number,
    flags: number,
  ): number {
    const e = this.#free.pop() ?? this.#used++
    if (e >= this.#capacity) this.#grow()
    this.open++
    this.#state[e] = state
    this.operation[e] = operation
    this.start[e] = start
    this.end[e] = end
    this.queuedNs[e] = queuedNs
    this.sentNs[e] = NaN
    this.task[e] = task
    this.flags[e] = flags
    this.next[e] = -1
    this.#group[e] = e
    this.#parts[e] = 1
    this.#link(e)
    return e
  }

  /** The latest entry in `state` that begins at the sector; -1 where there is none. */
  find(state: number, operation: number, start: number): number {
    let e = this.#bySector.get(start)
    while (e >= 0 && (this.#state[e] !== state || this.operation[e] !== operation)) e = this.#same[e]
    return e
  }

  /** Whether the range is sent already and nothing of it waits: the driver was busy and is asked again. */
  again(operation: number, start: number, end: number, atNs: number): boolean {
    if (this.find(QUEUED, operation, start) >= 0) return false
    const sent = this.find(SENT, operation, start)
    if (sent < 0 || this.#endOf(sent) !== end) return false
    this.sentNs[sent] = atNs
    return true
  }

  /** Sends [start, end): takes the queued ranges it is made of. The entry of the request. */
  send(operation: number, start: number, end: number, atNs: number, flags: number): number {
    let first = this.find(QUEUED, operation, start)
    if (first < 0) first = this.add(QUEUED, operation, start, end, NaN, -1, flags)
    this.#state[first] = SENT
    this.sentNs[first] = atNs
    if (this.end[first] > end) this.#split(first, end)
    let last = first
    while (this.next[last] >= 0) last = this.next[last]
    for (let covered = this.end[first]; covered < end;) {
      const following = this.find(QUEUED, operation, covered)
      if (following < 0) break
      this.#unlink(following)
      this.#state[following] = PART
      if (this.end[following] > end) this.#split(following, end)
      this.next[last] = following
      last = following
      while (this.next[last] >= 0) last = this.next[last]
      covered = this.end[last]
    }
    return first
  }

  /** The request goes back to the queue. */
  requeue(e: number): void {
    this.#state[e] = QUEUED
  }

  /** Cuts a queued or sent range at the sector: its second part is queued on its own. */
  splitQueued(operation: number, start: number, at: number): void {
    const e = this.find(QUEUED, operation, start)
    if (e >= 0 && at > start && at < this.end[e] && this.next[e] < 0) this.#split(e, at)
  }

  /** Forgets everything when there is too much; to be called between events. */
  makeRoom(): boolean {
    if (this.open < MAX_OPEN) return false
    this.forgotten += this.open
    this.open = 0
    this.#bySector.clear()
    this.#free = []
    this.#used = 0
    return true
  }

  /** What is left of a sent request whose first parts are done: found by `start` from now on. */
  resume(e: number, start: number, sentNs: number): void {
    this.#state[e] = SENT
    this.start[e] = start
    this.sentNs[e] = sentNs
    this.#link(e)
  }

  /** Takes a found entry out of the table by sector; its parts stay until freed. */
  take(e: number): void {
    this.#unlink(e)
  }

  /** Frees an entry; true when it was the last part of what was queued. */
  release(e: number): boolean {
    const group = this.#group[e]
    this.open--
    this.#parts[group]--
    const done = this.#parts[group] === 0
    if (e !== group) this.#free.push(e)
    else if (!done) this.#state[e] = 0
    if (done) this.#free.push(group)
    return done
  }

  /** When the whole of what `e` is part of was queued. */
  groupQueuedNs(e: number): number {
    return this.queuedNs[this.#group[e]]
  }

  #endOf(e: number): number {
    let last = e
    while (this.next[last] >= 0) last = this.next[last]
    return this.end[last]
  }

  #split(e: number, at: number): void {
    const end = this.end[e]
    this.end[e] = at
    const rest = this.add(QUEUED, this.operation[e], at, end, this.queuedNs[e], this.task[e], this.flags[e])
    const group = this.#group[e]
    this.#group[rest] = group
    this.#parts[group]++
  }

  #link(e: number): void {
    this.#same[e] = this.#bySector.get(this.start[e])
    this.#bySector.set(this.start[e], e)
  }

  #unlink(e: number): void {
    const start = this.start[e]
    let at = this.#bySector.get(start)
    if (at === e) {
      if (this.#same[e] >= 0) this.#bySector.set(start, this.#same[e])
      else this.#bySector.delete(start)
      return
    }
    while (at >= 0 && this.#same[at] !== e) at = this.#same[at]
    if (at >= 0) this.#same[at] = this.#same[e]
  }

  #grow(): void {
    this.#capacity *= 2
    const larger = <T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(old: T, column: T): T => {
      column.set(old)
      return column
    }
    const n = this.#capacity
    this.start = larger(this.start, new Float64Array(n))
    this.end = larger(this.end, new Float64Array(n))
    this.queuedNs = larger(this.queuedNs, new Float64Array(n))
    this.sentNs = larger(this.sentNs, new Float64Array(n))
    this.task = larger(this.task, new Int32Array(n))
    this.flags = larger(this.flags, new Uint32Array(n))
    this.operation = larger(this.operation, new Uint8Array(n))
    this.next = larger(this.next, new Int32Array(n))
    this.#state = larger(this.#state, new Uint8Array(n))
    this.#same = larger(this.#same, new Int32Array(n))
    this.#group = larger(this.#group, new Int32Array(n))
    this.#parts = larger(this.#parts, new Int32Array(n))
  }
}
