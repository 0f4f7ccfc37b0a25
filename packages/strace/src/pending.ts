/** Calls that have begun and not ended: `<unfinished ...>` seen, `resumed` to come. */

export interface Pending {
  /** Id of the call's name; -1 when nothing is under way. */
  name: number
  /** Bytes of the arguments so far in `text`; -1 for a call that no rule asks for. */
  length: number
  text: Buffer
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
  /** Whose call began last. */
  #last = -1
  /** Calls forgotten because too many tasks were in one at once. */
  forgotten = 0

  /** The call of a task that is under way, or null. */
  get(tid: number): Pending | null {
    const pending = this.#byTask.get(tid)
    return pending && pending.name >= 0 ? pending : null
  }

  /** A call of interest, with its arguments so far: bytes [start, end). */
  begin(tid: number, name: number, record: number, atNs: number, buf: Uint8Array, start: number, end: number): void {
    const pending = this.#of(tid)
    pending.name = name
    pending.record = record
    pending.atNs = atNs
    this.#last = tid
    this.extend(pending, buf, start, end)
  }

  /** A call that no rule asks for: only its name is kept. */
  beginPlain(tid: number, name: number, record: number): void {
    const pending = this.#of(tid)
    pending.name = name
    pending.record = record
    pending.length = -1
    this.#last = tid
  }

  /** The task whose call began on line `record`, when that was the last to begin; -1 otherwise. */
  lastBegun(record: number): number {
    return this.get(this.#last)?.record === record ? this.#last : -1
  }

  /** Replaces the arguments so far. */
  extend(pending: Pending, buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (pending.text.length < length) pending.text = Buffer.allocUnsafe(Math.max(ROOM, length))
    copyBytes(buf, start, end, pending.text, 0)
    pending.length = length
  }

  end(pending: Pending): void {
    pending.name = -1
    if (pending.text.length > ROOM) pending.text = NO_TEXT
  }

  /** The task is gone. */
  drop(tid: number): void {
    this.#byTask.delete(tid)
  }

  /** What task `from` was doing is from now on done under the id `to`. */
  move(from: number, to: number): void {
    const pending = this.#byTask.get(from)
    if (!pending) return
    this.#byTask.delete(from)
    this.#byTask.set(to, pending)
  }

  /** The calls of interest still under way. */
  *unfinished(): Generator<Pending> {
    for (const pending of this.#byTask.values()) if (pending.name >= 0 && pending.length >= 0) yield pending
  }

  #of(tid: number): Pending {
    let pending = this.#byTask.get(tid)
    if (!pending) {
      if (this.#byTask.size >= MAX_TASKS) {
        for (const oldest of this.#byTask.keys()) {
          this.#byTask.delete(oldest)
          this.forgotten++
          break
        }
      }
      pending = { name: -1, length: -1, text: NO_TEXT, record: 0, atNs: NaN }
      this.#byTask.set(tid, pending)
    }
    return pending
  }
}

/** For the hundred bytes of a call, a loop is several times quicker than `target.set(source.subarray(…))`. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 2048) {
    target.set(source.subarray(start, end), at)
    return
  }
  for (let p = start; p < end; p++) target[at++] = source[p]
}
