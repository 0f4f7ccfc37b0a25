/**
 * Requests under way on one device, found by their first sector. What was queued (bios) and what is sent to the device
 * (requests) are ranges of sectors: a request is the run of queued ranges that it covers, whichever merges made it, and
 * a range larger than the request that takes its beginning was split. So merge and split events need not be traced.
 *
 * Invariants
 * 1. An entry is queued, or sent, or part of a sent one (NEXT); only the first two are found by sector.
 * 2. Entries with the same first sector are found the latest first.
 * 3. A queued range that was split is done when its last part is (GROUP, PARTS).
 *
 * Entries are numbers, their fields lie side by side in two arrays, and those that are found by sector are lists by its
 * hash: a Map with sectors past 2^31 as keys allocates for each of them, and it would be asked three times for every request.
 */
import { OP, SECTOR_BYTES, ZONE_COMMANDS, type BlockBatch } from '@flushtrace/trace'

const QUEUED = 1
const SENT = 2
const PART = 3
type State = typeof QUEUED | typeof SENT | typeof PART

/** See `operationOf`. */
const READ = 1

/** No device has so many requests at once; more are completions missing from the trace. */
const MAX_OPEN = 1 << 18

/** Sectors and times of an entry, in `numbers`. */
const NUMBERS = 4
const START = 0
const END = 1
const QUEUED_NS = 2
const SENT_NS = 3

/** In `#links`: see `kindOf`; */
const LINKS = 6
const KIND = 0
/** what the caller calls it, -1: nothing (parts of what was split have the same); */
const ROW = 1
/** the next queued range of the same sent request, -1 at the end; */
const NEXT = 2
/** the entry of the whole that it is part of, and of that how many parts are not done; */
const GROUP = 3
const PARTS = 4
/** the next entry with the same hash, or that is free; -1: none. */
const SAME = 5

export class RequestTable {
  #capacity = 64
  numbers = new Float64Array(64 * NUMBERS)
  #links = new Int32Array(64 * LINKS)
  /** By hash of the first sector: an entry, -1 none. */
  #heads = new Int32Array(64).fill(-1)
  #free = -1
  #used = 0
  open = 0
  /** Whether the request that was sent last had been sent before: the driver was busy, or gave it back. */
  sentAgain = false
  /** Entries forgotten because there were too many. */
  forgotten = 0
  /** Queued ranges that are done: whoever looks at them sets the count to 0. */
  readonly done = new DoneRanges()

  /** Then `forget` is to be called before the next one is queued or sent. */
  get full(): boolean {
    return this.open >= MAX_OPEN
  }

  /** Row `i` was queued; `row`: what the caller calls it. The entry. */
  queue({ flags, sector, bytes, atNs }: BlockBatch, i: number, row: number): number {
    const e = this.#room()
    const { numbers } = this
    const number = e * NUMBERS
    numbers[number + START] = sector[i]
    numbers[number + END] = sector[i] + sectorsOf(bytes[i])
    numbers[number + QUEUED_NS] = atNs[i]
    numbers[number + SENT_NS] = NaN
    const links = this.#links
    const link = e * LINKS
    links[link + KIND] = kindOf(QUEUED, operationOf(flags[i]))
    links[link + ROW] = row
    links[link + NEXT] = -1
    links[link + GROUP] = e
    links[link + PARTS] = 1
    this.#link(e)
    return e
  }

  /**
   * Row `i` is sent: takes the queued ranges it is made of. The entry of the request. With `once` -1 when the very range
   * is sent already and nothing of it waits: the driver was busy and is asked again.
   */
  send(batch: BlockBatch, i: number, once: boolean): number {
    const { flags, sector, bytes, atNs } = batch
    const operation = operationOf(flags[i])
    const queued = kindOf(QUEUED, operation)
    const end = sector[i] + sectorsOf(bytes[i])
    let first = this.#find(queued, sector, i)
    if (first < 0) {
      // Two reads of one block may well be under way at once; two writes of it are one, sent again.
      if (once && operation !== READ) {
        const sent = this.#find(kindOf(SENT, operation), sector, i)
        if (sent >= 0 && this.numbers[this.#last(sent) * NUMBERS + END] === end) {
          this.numbers[sent * NUMBERS + SENT_NS] = atNs[i]
          this.sentAgain = true
          return -1
        }
      }
      first = this.queue(batch, i, -1)
      this.numbers[first * NUMBERS + QUEUED_NS] = NaN
    }
    this.#links[first * LINKS + KIND] = kindOf(SENT, operation)
    const sentBefore = this.numbers[first * NUMBERS + SENT_NS]
    this.sentAgain = sentBefore === sentBefore // not NaN: `requeue` keeps it
    this.numbers[first * NUMBERS + SENT_NS] = atNs[i]
    if (this.numbers[first * NUMBERS + END] > end) this.#split(first, end)
    for (let e = first, last = first; this.numbers[e * NUMBERS + END] < end; e = last) {
      last = this.#last(last)
      const following = this.#take(queued, this.numbers, e * NUMBERS + END)
      if (following < 0) break
      this.#links[following * LINKS + KIND] = kindOf(PART, operation)
      if (this.numbers[following * NUMBERS + END] > end) this.#split(following, end)
      this.#links[last * LINKS + NEXT] = following
      last = this.#last(following)
    }
    return first
  }

  /** Row `i` completes a request, or its first parts. The entry of one that was sent and is done with this; else -1. */
  complete({ flags, sector, bytes, atNs }: BlockBatch, i: number): number {
    const operation = operationOf(flags[i])
    let first = this.#take(kindOf(SENT, operation), sector, i)
    const wasSent = first >= 0
    // Devices that work on bios (dm, md, zram) have no issue.
    if (!wasSent) first = this.#take(kindOf(QUEUED, operation), sector, i)
    if (first < 0) return -1
    const { numbers, done } = this
    const links = this.#links
    const end = sector[i] + sectorsOf(bytes[i])
    const sentNs = wasSent ? numbers[first * NUMBERS + SENT_NS] : NaN
    let e = first
    while (e >= 0 && numbers[e * NUMBERS + END] <= end) {
      const following = links[e * LINKS + NEXT]
      const group = links[e * LINKS + GROUP]
      const parts = --links[group * LINKS + PARTS]
      this.open--
      if (e !== group) this.#setFree(e)
      // What was split is done with its last part.
      if (parts === 0) {
        const k = done.add()
        done.queuedNs[k] = numbers[group * NUMBERS + QUEUED_NS]
        done.sentNs[k] = sentNs
        done.atNs[k] = atNs[i]
        done.row[k] = links[group * LINKS + ROW]
        this.#setFree(group)
      }
      e = following
    }
    if (e < 0) return wasSent ? first : -1
    // What is left is found by its first sector from now on.
    this.#setState(e, SENT)
    if (end > numbers[e * NUMBERS + START]) numbers[e * NUMBERS + START] = end
    numbers[e * NUMBERS + SENT_NS] = numbers[first * NUMBERS + SENT_NS]
    this.#link(e)
    return -1
  }

  /** The request that begins where row `i` does goes back to the queue; false: none is known. */
  requeue({ flags, sector }: BlockBatch, i: number): boolean {
    const sent = this.#find(kindOf(SENT, operationOf(flags[i])), sector, i)
    if (sent >= 0) this.#setState(sent, QUEUED)
    return sent >= 0
  }

  /** Row `i` cuts a queued range: its second part is queued on its own. */
  splitQueued({ flags, sector, splitSector }: BlockBatch, i: number): void {
    const e = this.#find(kindOf(QUEUED, operationOf(flags[i])), sector, i)
    const at = splitSector[i]
    if (e < 0 || this.next(e) >= 0) return
    if (at > this.numbers[e * NUMBERS + START] && at < this.numbers[e * NUMBERS + END]) this.#split(e, at)
  }

  /** Forgets everything, and tells how much. */
  forget(): number {
    const { open } = this
    this.forgotten += open
    this.open = 0
    this.#heads.fill(-1)
    this.#free = -1
    this.#used = 0
    return open
  }

  /** Where in `numbers` it stands when this was sent; of a request that is done, until the next one is queued. */
  sentNs(e: number): number {
    return e * NUMBERS + SENT_NS
  }

  row(e: number): number {
    return this.#links[e * LINKS + ROW]
  }

  setRow(e: number, row: number): void {
    this.#links[e * LINKS + ROW] = row
  }

  next(e: number): number {
    return this.#links[e * LINKS + NEXT]
  }

  /** Begins where `at[k]` says. */
  #find(kind: number, at: Float64Array, k: number): number {
    const start = at[k]
    const numbers = this.numbers
    const links = this.#links
    let e = this.#heads[hashOf(start) & (this.#heads.length - 1)]
    while (e >= 0 && (numbers[e * NUMBERS + START] !== start || links[e * LINKS + KIND] !== kind)) {
      e = links[e * LINKS + SAME]
    }
    return e
  }

  /** Takes what begins where `at[k]` says out of those found by sector; its parts stay until they are done. */
  #take(kind: number, at: Float64Array, k: number): number {
    const start = at[k]
    const numbers = this.numbers
    const links = this.#links
    const heads = this.#heads
    const bucket = hashOf(start) & (heads.length - 1)
    let before = -1
    let e = heads[bucket]
    while (e >= 0 && (numbers[e * NUMBERS + START] !== start || links[e * LINKS + KIND] !== kind)) {
      before = e
      e = links[e * LINKS + SAME]
    }
    if (e < 0) return -1
    const following = links[e * LINKS + SAME]
    if (before < 0) heads[bucket] = following
    else links[before * LINKS + SAME] = following
    return e
  }

  /** An entry to be filled. */
  #room(): number {
    this.open++
    const e = this.#free
    if (e < 0) {
      if (this.#used === this.#capacity) this.#grow()
      return this.#used++
    }
    this.#free = this.#links[e * LINKS + SAME]
    return e
  }

  #last(e: number): number {
    let last = e
    for (let next = e; next >= 0; next = this.#links[last * LINKS + NEXT]) last = next
    return last
  }

  #setState(e: number, state: State): void {
    const at = e * LINKS + KIND
    this.#links[at] = kindOf(state, this.#links[at] & OPERATIONS)
  }

  #split(e: number, at: number): void {
    const rest = this.#room()
    const numbers = this.numbers
    const links = this.#links
    numbers.copyWithin(rest * NUMBERS, e * NUMBERS, (e + 1) * NUMBERS)
    links.copyWithin(rest * LINKS, e * LINKS, (e + 1) * LINKS)
    numbers[rest * NUMBERS + START] = numbers[e * NUMBERS + END] = at
    numbers[rest * NUMBERS + SENT_NS] = NaN
    links[rest * LINKS + NEXT] = -1
    links[links[e * LINKS + GROUP] * LINKS + PARTS]++
    this.#setState(rest, QUEUED)
    this.#link(rest)
  }

  #link(e: number): void {
    const bucket = hashOf(this.numbers[e * NUMBERS + START]) & (this.#heads.length - 1)
    this.#links[e * LINKS + SAME] = this.#heads[bucket]
    this.#heads[bucket] = e
  }

  #setFree(e: number): void {
    this.#links[e * LINKS + SAME] = this.#free
    this.#free = e
  }

  #grow(): void {
    const old = { numbers: this.numbers, links: this.#links, heads: this.#heads }
    this.#capacity *= 2
    this.numbers = new Float64Array(this.#capacity * NUMBERS)
    this.numbers.set(old.numbers)
    this.#links = new Int32Array(this.#capacity * LINKS)
    this.#links.set(old.links)
    // The lists anew, by twice as many hashes; the latest of a sector stays the first.
    this.#heads = new Int32Array(this.#capacity).fill(-1)
    for (const head of old.heads) {
      const list: number[] = []
      for (let e = head; e >= 0; e = this.#links[e * LINKS + SAME]) list.push(e)
      for (const e of list.reverse()) this.#link(e)
    }
  }
}

/** As columns: what comes of a whole batch is worked on at once. */
class DoneRanges {
  count = 0
  queuedNs = new Float64Array(64)
  /** NaN where it is not known. */
  sentNs = new Float64Array(64)
  atNs = new Float64Array(64)
  /** What the caller of `queue` calls it. */
  row = new Int32Array(64)

  /** One more, to be filled. */
  add(): number {
    if (this.count === this.row.length) this.#grow(this.count * 2)
    return this.count++
  }

  #grow(room: number): void {
    const larger = <T extends Float64Array | Int32Array>(old: T, column: T): T => {
      column.set(old)
      return column
    }
    this.queuedNs = larger(this.queuedNs, new Float64Array(room))
    this.sentNs = larger(this.sentNs, new Float64Array(room))
    this.atNs = larger(this.atNs, new Float64Array(room))
    this.row = larger(this.row, new Int32Array(room))
  }
}

/** A length in sectors. */
export function sectorsOf(bytes: number): number {
  return bytes / SECTOR_BYTES
}

/** For lists by sector. They come in steps of 8: the low bits alone would fill every eighth list. */
export function hashOf(sector: number): number {
  const mixed = Math.imul(sector | 0, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
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
