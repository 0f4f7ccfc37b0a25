/**
 * Requests under way on one device, found by their first sector. What was queued (bios) and what is sent to the device
 * (requests) are ranges of sectors: a request is the run of queued ranges that it covers, whichever merges made it, and
 * a range larger than the request that takes its beginning was split. So merge and split events need not be traced.
 *
 * Invariants
 * 1. An entry is queued, or sent, or part of a sent one (`next`); only the first two are found by sector.
 * 2. Entries with the same first sector are found the latest first.
 * 3. A queued range that was split is done when its last part is (`group`, `parts`).
 *
 * Entries are numbers, their fields typed arrays, and those that are found by sector are lists by its hash: a Map with
 * sectors past 2^31 as keys allocates for each of them, and it would be asked three times for every request.
 */
import { OP, SECTOR_BYTES, ZONE_COMMANDS, type BlockBatch } from '@flushtrace/trace'

export const QUEUED = 1
export const SENT = 2
const PART = 3
type State = typeof QUEUED | typeof SENT | typeof PART

/** See `operationOf`. */
const READ = 1

/** No device has so many requests at once; more are completions missing from the trace. */
const MAX_OPEN = 1 << 18

export class RequestTable {
  #capacity = 64
  start = new Float64Array(64)
  end = new Float64Array(64)
  queuedNs = new Float64Array(64)
  sentNs = new Float64Array(64)
  /** What the caller calls it; -1: nothing. Parts of what was split have the same. */
  row = new Int32Array(64)
  /** The next queued range of the same sent request, -1 at the end. */
  next = new Int32Array(64)
  /** See `kindOf`. */
  #kind = new Uint8Array(64)
  #group = new Int32Array(64)
  #parts = new Int32Array(64)
  /** By hash of the first sector: an entry, -1 none; and the next entry with the same hash. */
  #heads = new Int32Array(64).fill(-1)
  #same = new Int32Array(64)
  #free: number[] = []
  #used = 0
  open = 0
  /** Entries forgotten because there were too many. */
  forgotten = 0

  /** Row `i` was queued; `row`: what the caller calls it. */
  queue({ flags, sector, bytes, atNs }: BlockBatch, i: number, row: number): void {
    const start = sector[i]
    this.#add(operationOf(flags[i]), start, start + sectorsOf(bytes[i]), atNs[i], row)
  }

  /**
   * Row `i` is sent: takes the queued ranges it is made of. The entry of the request. With `once` -1 when the very range
   * is sent already and nothing of it waits: the driver was busy and is asked again.
   */
  send({ flags, sector, bytes, atNs }: BlockBatch, i: number, once: boolean): number {
    const operation = operationOf(flags[i])
    const queued = kindOf(QUEUED, operation)
    const start = sector[i]
    const end = start + sectorsOf(bytes[i])
    let first = this.#find(queued, start)
    if (first < 0) {
      // Two reads of one block may well be under way at once; two writes of it are one, sent again.
      if (once && operation !== READ) {
        const sent = this.#find(kindOf(SENT, operation), start)
        if (sent >= 0 && this.end[this.#last(sent)] === end) {
          this.sentNs[sent] = atNs[i]
          return -1
        }
      }
      first = this.#add(operation, start, end, NaN, -1)
    }
    this.#kind[first] = kindOf(SENT, operation)
    this.sentNs[first] = atNs[i]
    if (this.end[first] > end) this.#split(first, end)
    let last = this.#last(first)
    for (let covered = this.end[first]; covered < end;) {
      const following = this.#find(queued, covered)
      if (following < 0) break
      this.take(following)
      this.#kind[following] = kindOf(PART, operation)
      if (this.end[following] > end) this.#split(following, end)
      this.next[last] = following
      last = this.#last(following)
      covered = this.end[last]
    }
    return first
  }

  /** The latest entry in `state` that begins where row `i` does; -1 where there is none. */
  find(state: State, { flags, sector }: BlockBatch, i: number): number {
    return this.#find(kindOf(state, operationOf(flags[i])), sector[i])
  }

  /** The request goes back to the queue. */
  requeue(e: number): void {
    this.#setState(e, QUEUED)
  }

  /** Row `i` cuts a queued range: its second part is queued on its own. */
  splitQueued(batch: BlockBatch, i: number): void {
    const e = this.find(QUEUED, batch, i)
    const at = batch.splitSector[i]
    if (e >= 0 && at > this.start[e] && at < this.end[e] && this.next[e] < 0) this.#split(e, at)
  }

  /** Forgets everything when there is too much, and tells how much; to be called between events. */
  makeRoom(): number {
    const { open } = this
    if (open < MAX_OPEN) return 0
    this.forgotten += open
    this.open = 0
    this.#heads.fill(-1)
    this.#free = []
    this.#used = 0
    return open
  }

  /** What is left of a sent request whose first parts are done, up to `end`: found by its first sector from now on. */
  resume(e: number, end: number, sentNs: number): void {
    this.#setState(e, SENT)
    if (end > this.start[e]) this.start[e] = end
    this.sentNs[e] = sentNs
    this.#link(e)
  }

  /** Takes a found entry out of those found by sector; its parts stay until released. */
  take(e: number): void {
    const bucket = this.#bucket(this.start[e])
    const following = this.#same[e]
    let at = this.#heads[bucket]
    if (at === e) {
      this.#heads[bucket] = following
      return
    }
    while (at >= 0 && this.#same[at] !== e) at = this.#same[at]
    if (at >= 0) this.#same[at] = following
  }

  /** Frees an entry; true when it was the last part of what was queued. */
  release(e: number): boolean {
    const group = this.#group[e]
    this.open--
    this.#parts[group]--
    const done = this.#parts[group] === 0
    if (e !== group) this.#free.push(e)
    if (done) this.#free.push(group)
    return done
  }

  /** The entry of the whole that `e` is part of: when that was queued. */
  groupOf(e: number): number {
    return this.#group[e]
  }

  #find(kind: number, start: number): number {
    let e = this.#heads[this.#bucket(start)]
    while (e >= 0 && (this.start[e] !== start || this.#kind[e] !== kind)) e = this.#same[e]
    return e
  }

  #add(operation: number, start: number, end: number, queuedNs: number, row: number): number {
    const e = this.#free.pop() ?? this.#used++
    if (e >= this.#capacity) this.#grow()
    this.open++
    this.#kind[e] = kindOf(QUEUED, operation)
    this.start[e] = start
    this.end[e] = end
    this.queuedNs[e] = queuedNs
    this.sentNs[e] = NaN
    this.row[e] = row
    this.next[e] = -1
    this.#group[e] = e
    this.#parts[e] = 1
    this.#link(e)
    return e
  }

  #last(e: number): number {
    let last = e
    while (this.next[last] >= 0) last = this.next[last]
    return last
  }

  #setState(e: number, state: State): void {
    this.#kind[e] = kindOf(state, this.#kind[e] & OPERATIONS)
  }

  #split(e: number, at: number): void {
    const rest = this.#add(this.#kind[e] & OPERATIONS, at, this.end[e], this.queuedNs[e], this.row[e])
    const group = this.#group[e]
    this.end[e] = at
    this.#group[rest] = group
    this.#parts[group]++
  }

  #link(e: number): void {
    const bucket = this.#bucket(this.start[e])
    this.#same[e] = this.#heads[bucket]
    this.#heads[bucket] = e
  }

  #bucket(sector: number): number {
    // Sectors come in steps of 8: the low bits alone would fill every eighth list.
    const mixed = Math.imul(sector | 0, 0x9e3779b1)
    return (mixed ^ (mixed >>> 15)) & (this.#heads.length - 1)
  }

  #grow(): void {
    this.#capacity *= 2
    const larger = <T extends Float64Array | Int32Array | Uint8Array>(old: T, column: T): T => {
      column.set(old)
      return column
    }
    const n = this.#capacity
    this.start = larger(this.start, new Float64Array(n))
    this.end = larger(this.end, new Float64Array(n))
    this.queuedNs = larger(this.queuedNs, new Float64Array(n))
    this.sentNs = larger(this.sentNs, new Float64Array(n))
    this.row = larger(this.row, new Int32Array(n))
    this.next = larger(this.next, new Int32Array(n))
    this.#kind = larger(this.#kind, new Uint8Array(n))
    this.#group = larger(this.#group, new Int32Array(n))
    this.#parts = larger(this.#parts, new Int32Array(n))
    this.#same = larger(this.#same, new Int32Array(n))
    this.#relink(this.#heads, n)
  }

  /** The lists anew, by `buckets` hashes; the latest of a sector stays the first. */
  #relink(old: Int32Array, buckets: number): void {
    this.#heads = new Int32Array(buckets).fill(-1)
    for (const head of old) {
      const list: number[] = []
      for (let e = head; e >= 0; e = this.#same[e]) list.push(e)
      for (const e of list.reverse()) this.#link(e)
    }
  }
}

/** A length in sectors. */
export function sectorsOf(bytes: number): number {
  return bytes / SECTOR_BYTES
}

const OPERATION_BITS = 3
const OPERATIONS = (1 << OPERATION_BITS) - 1

/** State and operation in one number: a read and a write of the same sector are told apart. */
function kindOf(state: State, operation: number): number {
  return (state << OPERATION_BITS) | operation
}

/** One number for each operation that is told apart when events are matched. */
function operationOf(flags: number): number {
  if (flags & OP.write) return 2
  if (flags & OP.read) return READ
  if (flags & OP.discard) return 3
  if (flags & OP.writeZeroes) return 4
  if (flags & OP.secureErase) return 5
  return flags & ZONE_COMMANDS ? 6 : 0
}
