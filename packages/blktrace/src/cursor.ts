/**
 * One binary source, record by record: runs of usual events (event-runs.ts), and whatever stands between them. An event of
 * another shape is brought into the usual one first; notes, damage and what is not known are dealt with here.
 *
 * Invariants
 * 1. `decode` appends rows in the order of the file and stops before a record whose time has reached the limit.
 * 2. Every record is counted once: a row, a note, of unknown kind, or damaged; bytes between records are counted too.
 * 3. After damage, reading goes on at the next place that looks like a record, be it inside a payload too long to be one.
 *
 * Layout and sources: wire.ts.
 */
import { ACTION, NO_DEVICE, type BlockBatch } from '@flushtrace/trace'
import { BLKTRACE } from './diagnostics.ts'
import { YEAR_NS, EventRuns, type Shared, type Wanted } from './event-runs.ts'
import { magicAt } from './head.ts'
import { loadHeader, u32 } from './header.ts'
import { COMM_BYTES } from './names.ts'
import { findRecord, magicMayBegin } from './resync.ts'
import type { Window } from './window.ts'
import {
  CATEGORY_NOTIFY,
  CGROUP_BIT,
  CGROUP_BYTES,
  HEADER_V1,
  HEADER_V2,
  HOST_IS_LITTLE,
  LAST_ACTION,
  NOTE_MESSAGE,
  NOTE_PROCESS,
  NOTE_TIMESTAMP,
  TWO_32,
  WORD,
  WORDS,
} from './wire.ts'

export const NEED_DATA = 0
export const AT_LIMIT = 1
export const FULL = 2
export type Stop = typeof NEED_DATA | typeof AT_LIMIT | typeof FULL

export class RecordCursor {
  readonly #shared: Shared
  readonly #wanted: Wanted
  readonly source: number
  readonly window: Window
  readonly runs: EventRuns
  /** Header of a record that is not of the usual shape, brought into it. */
  readonly #scratch = new Uint32Array(WORDS)
  #resyncing = false
  /** Stretches of bytes between records that belong to none. */
  #gaps = 0
  #suspectNs = NaN

  constructor(source: number, path: string, window: Window, shared: Shared, wanted: Wanted) {
    this.#shared = shared
    this.#wanted = wanted
    this.source = source
    this.window = window
    this.runs = new EventRuns(source, path, window, shared, wanted)
  }

  /** Whether no bytes will come any more. */
  get ended(): boolean {
    return this.window.last
  }

  fill(): Promise<void> {
    return this.window.fill()
  }

  close(): Promise<void> {
    return this.window.close()
  }

  /** The records before `pos` were read elsewhere. */
  moveTo(pos: number): void {
    if (pos !== this.window.pos) this.#resyncing = false
    this.window.pos = pos
  }

  /** Appends the events before `limitNs`; with `force` at least one, whatever its time. */
  decode(batch: BlockBatch, limitNs: number, force: boolean): Stop {
    const window = this.window
    const { runs } = this
    runs.force = force
    while (!batch.full) {
      if (HOST_IS_LITTLE && (window.pos & 3) === 0 && this.#run(batch, window.words, HEADER_V1, limitNs))
        return AT_LIMIT
      if (batch.full) break
      const stop = this.#oddRecord(batch, limitNs)
      if (stop === null) continue
      if (stop === NEED_DATA && window.last) this.#tail()
      return stop
    }
    return FULL
  }

  /** True at the limit. */
  #run(batch: BlockBatch, view: Uint32Array, headerBytes: number, limitNs: number): boolean {
    const { pos } = this.window
    const atLimit = this.runs.read(batch, view, headerBytes, limitNs)
    if (this.window.pos !== pos) this.#resyncing = false
    return atLimit
  }

  /** The record at the position, where it is no event of the usual shape. null: go on behind it. */
  #oddRecord(batch: BlockBatch, limitNs: number): Stop | null {
    const window = this.window
    const { pos } = window
    const headerBytes = this.#load(pos)
    if (headerBytes === 0) return NEED_DATA
    if (headerBytes < 0) return this.#resync(pos) ? null : NEED_DATA
    const view = this.#scratch
    const payload = pos + headerBytes
    const next = payload + (view[WORD.errorAndPayload] >>> 16)
    if (next > payload) {
      const state = this.#checkPayload(pos, next)
      if (state === NEED) return NEED_DATA
      if (state !== GOOD) {
        window.pos = state
        return null
      }
    }
    const code = view[WORD.action]
    if ((code >>> 16) & CATEGORY_NOTIFY) return this.#note(batch, code, limitNs, payload, next)
    const { eventHigh, eventLow } = this.#shared.clock
    const atNs = (view[WORD.timeHigh] - eventHigh) * TWO_32 + (view[WORD.timeLow] - eventLow)
    if (atNs >= limitNs && !this.runs.force) return this.#stopAt(atNs)
    const action = code & 0xffff & ~CGROUP_BIT
    if (action === 0 || action > LAST_ACTION) return this.#unknown(code, next)
    if (Math.abs(atNs - this.runs.lastNs) > YEAR_NS) {
      // Once is damage; twice in a row is how the clock goes on.
      if (!(Math.abs(atNs - this.#suspectNs) < YEAR_NS)) {
        this.#suspectNs = atNs
        this.#passed(next)
        this.#shared.facts.damaged++
        this.runs.report(BLKTRACE.timeJump, `record ${this.runs.records}`, pos)
        return null
      }
      this.runs.lastNs = atNs
    }
    this.#run(batch, view, headerBytes, limitNs)
    return null
  }

  #note(batch: BlockBatch, code: number, limitNs: number, payload: number, next: number): Stop | null {
    const { clock, facts } = this.#shared
    const view = this.#scratch
    const rebased = clock.base === 'recovered'
    const atNs = (view[WORD.timeHigh] - clock.noteHigh) * TWO_32 + (view[WORD.timeLow] - clock.noteLow)
    view[WORD.sequence] = 0
    if (!rebased && atNs >= limitNs && !this.runs.force) return this.#stopAt(atNs)
    // A note's time is its own; in a rebased dump only its place in the file tells the order.
    const orderNs = rebased ? (this.runs.lastNs >= 0 ? this.runs.lastNs : -Infinity) : atNs
    const kind = code & 0xff
    const start = code & CGROUP_BIT ? payload + CGROUP_BYTES : payload
    facts.notes++
    if (kind === NOTE_MESSAGE) facts.messages++
    else if (kind === NOTE_PROCESS) this.#name(batch, view[WORD.pid], orderNs, start, next)
    else if (kind === NOTE_TIMESTAMP && next - payload >= 8) this.#anchor(atNs, payload)
    this.#passed(next)
    return null
  }

  /** A task has this name from now on. */
  #name(batch: BlockBatch, tid: number, orderNs: number, start: number, next: number): void {
    const { names } = this.#shared
    const comm = names.intern(this.window.bytes, start, Math.min(next, start + COMM_BYTES))
    if (comm < 0) return
    if (this.#wanted.inOrder) names.set(tid, comm)
    else batch.comm[batch.add(ACTION.note, NO_DEVICE, tid, orderNs, 0)] = comm
  }

  /** A note of the wall clock, in the byte order of its record. */
  #anchor(atNs: number, payload: number): void {
    const { bytes, pos } = this.window
    const head = magicAt(bytes, pos)
    if (head) this.#shared.clock.anchor(atNs, u32(bytes, payload, head) >>> 0, u32(bytes, payload + 4, head) >>> 0)
  }

  /** An action that is none: of a newer kernel, or, if no record follows, a magic in the middle of garbage. */
  #unknown(code: number, next: number): Stop | null {
    const { bytes, pos, end } = this.window
    if (next + 4 <= end && !magicAt(bytes, next)) return this.#resync(pos) ? null : NEED_DATA
    this.#passed(next)
    this.#shared.facts.foreign++
    this.runs.report(BLKTRACE.unknownAction, `action 0x${code.toString(16)}`, pos)
    return null
  }

  #stopAt(atNs: number): Stop {
    this.runs.stopAt(atNs, this.#scratch, 0)
    return AT_LIMIT
  }

  /** The record at the position is read: the next one stands at `next`. */
  #passed(next: number): void {
    this.runs.records++
    this.runs.force = false
    this.#resyncing = false
    this.window.pos = next
  }

  /** Counts of this source, after its end. */
  finish(): void {
    this.#shared.facts.records += this.runs.records + this.#gaps
  }

  /** Brings the header at `p` into `scratch`; its length, 0 when more bytes are needed, -1 when there is none. */
  #load(p: number): number {
    const { bytes, end, last } = this.window
    if (p + HEADER_V1 > end) {
      if (!last || p >= end || magicMayBegin(bytes, p, end)) return 0
      return -1
    }
    const head = magicAt(bytes, p)
    if (!head) return -1
    if (p + head.headerBytes > end) return 0
    loadHeader(bytes, p, head, this.#scratch)
    return head.headerBytes
  }

  /** GOOD, NEED, or (a length that cannot be) the position of the record inside it. */
  #checkPayload(p: number, next: number): number {
    const { bytes, end, last } = this.window
    if (next + 4 <= end) {
      if (magicAt(bytes, next)) return GOOD
    } else if (!last) return NEED
    else if (next === end) return GOOD
    const inside = findRecord(bytes, p + 1, Math.min(next, end), end)
    if (inside < 0) return next > end ? NEED : GOOD
    this.runs.records++
    this.#damage(p)
    return inside
  }

  /** Goes to the next record; false when the bytes at hand end before one is found. */
  #resync(p: number): boolean {
    const { bytes, end, last } = this.window
    if (!this.#resyncing) {
      this.#gaps++
      this.#damage(p)
    }
    this.#resyncing = true
    const found = findRecord(bytes, p + 1, end, end)
    // A header that begins in the last bytes may be whole in the next window.
    const stop = found >= 0 ? found : last ? end : Math.max(p + 1, end - HEADER_V2)
    this.#shared.facts.skippedBytes += stop - p
    this.window.pos = stop
    return found >= 0
  }

  #damage(p: number): void {
    this.#shared.facts.damaged++
    this.runs.report(BLKTRACE.damaged, `byte ${this.window.offset + p}`, p)
  }

  /** What is left at the end of the source is the beginning of a record. */
  #tail(): void {
    const { pos, end, offset } = this.window
    const left = end - pos
    if (left <= 0) return
    this.#shared.facts.damaged++
    this.#shared.facts.skippedBytes += left
    this.runs.records++
    this.runs.report(BLKTRACE.cut, `${left} bytes at byte ${offset + pos}`, pos)
    this.window.pos = end
  }
}

const NEED = -1
const GOOD = -2
