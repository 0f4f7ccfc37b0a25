/** Calls that have begun and not ended: `<unfinished ...>` seen, `resumed` to come. */
import { CallBatch, StringTable, copyBytes, oldestKeys } from '@flushtrace/trace'

export interface Pending {
  /** Id of the call's name; -1 when nothing is under way. */
  name: number
  /** Bytes of the arguments so far in `text`; -1 for a call that no rule asks for. */
  length: number
  text: Buffer
  /** The row of `PendingCalls.rows` that holds the arguments so far. */
  readonly row: number
  /** Which argument the rest begins with, and how, see Scanner; -1: `row` holds nothing. */
  next: number
  between: boolean
  /** Line on which it began. */
  record: number
  atNs: number
}

/** Linux has at most 2^22 tasks; a log that begins this many calls and ends none is damaged or hostile. */
const MAX_TASKS = 1 << 18
/** Room for the arguments of most calls; larger ones get a buffer that is not kept. */
const ROOM = 512
const NO_TEXT = Buffer.alloc(0)

/** One object a task, used again for its next call: a busy log begins millions. */
export class PendingCalls {
  readonly #byTask = new Map<number, Pending>()
  /** Rows of `rows` that no task has any more. */
  readonly #free: number[] = []
  #rows = new CallBatch(new StringTable(), [], 1)
  /** Whose call began last. */
  #last = -1
  /** Calls forgotten because too many tasks were in one at once. */
  forgotten = 0

  /** Arguments read so far, by `Pending.row`. */
  get rows(): CallBatch {
    return this.#rows
  }

  /** The call of a task that is under way, or null. */
  get(tid: number): Pending | null {
    const pending = this.#byTask.get(tid)
    return pending && pending.name >= 0 ? pending : null
  }

  /** A call of interest, with its arguments so far: bytes [start, end). */
  begin(tid: number, name: number, record: number, atNs: number, buf: Uint8Array, start: number, end: number): Pending {
    const pending = this.#of(tid)
    pending.name = name
    pending.record = record
    pending.atNs = atNs
    this.#begun(tid, record)
    this.extend(pending, buf, start, end)
    return pending
  }

  /** A call that no rule asks for: only its name is kept. */
  beginPlain(tid: number, name: number, record: number): void {
    const pending = this.#of(tid)
    this.end(pending)
    pending.name = name
    pending.record = record
    pending.length = -1
    this.#begun(tid, record)
  }

  /** The sieve tells late, when others may have begun after it. */
  #begun(tid: number, record: number): void {
    const last = this.#byTask.get(this.#last)
    if (!last || last.record <= record) this.#last = tid
  }

  /** The task whose call began on line `record`, when that was the last to begin; -1 otherwise. */
  lastBegun(record: number): number {
    return this.get(this.#last)?.record === record ? this.#last : -1
  }

  /** Replaces the arguments so far by text that must be scanned again. */
  extend(pending: Pending, buf: Uint8Array, start: number, end: number): void {
    pending.next = -1
    const length = end - start
    if (pending.text.length < length) pending.text = Buffer.allocUnsafe(Math.max(ROOM, length))
    copyBytes(buf, start, end, pending.text, 0)
    pending.length = length
  }

  end(pending: Pending): void {
    pending.name = -1
    if (pending.text.length > ROOM) pending.text = NO_TEXT
  }

  /** The task is in no call any more. */
  endOf(tid: number): void {
    const pending = this.get(tid)
    if (pending) this.end(pending)
  }

  /** What string and decoration ids mean has changed: rows hold old ones. */
  forgetRows(): void {
    for (const pending of this.#byTask.values()) pending.next = -1
  }

  /** The task is gone. */
  drop(tid: number): void {
    const pending = this.#byTask.get(tid)
    if (!pending) return
    this.#byTask.delete(tid)
    this.#free.push(pending.row)
  }

  /** What task `from` was doing is from now on done under the id `to`. */
  move(from: number, to: number): void {
    const pending = this.get(from)
    if (!pending || from === to) return
    this.drop(to)
    this.#byTask.delete(from)
    this.#byTask.set(to, pending)
  }

  /** The calls of interest still under way, in the order of their lines. */
  unfinished(): Pending[] {
    return [...this.#byTask.values()]
      .filter(({ name, length }) => name >= 0 && length >= 0)
      .sort((a, b) => a.record - b.record)
  }

  #of(tid: number): Pending {
    let pending = this.#byTask.get(tid)
    if (!pending) {
      if (this.#byTask.size >= MAX_TASKS) {
        for (const oldest of oldestKeys(this.#byTask)) {
          this.drop(oldest)
          this.forgotten++
        }
      }
      const row = this.#free.pop() ?? this.#newRow()
      pending = { name: -1, length: -1, text: NO_TEXT, row, next: -1, between: false, record: 0, atNs: NaN }
      this.#byTask.set(tid, pending)
    }
    return pending
  }

  #newRow(): number {
    const rows = this.#rows
    if (rows.full) {
      this.#rows = new CallBatch(rows.strings, rows.names, rows.capacity * 2)
      for (let i = 0; i < rows.length; i++) this.#rows.copyRow(rows, i)
    }
    return this.#rows.add(0, 0, 0, NaN, 0)
  }
}
