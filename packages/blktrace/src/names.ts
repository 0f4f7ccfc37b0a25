/**
 * Task names by thread id. Binary traces have them only in notes: the kernel writes one before a task's first event. A
 * later note with another name is a new task with the same id, and names it from then on. Never guessed.
 */
import { ByTask, StringTable, decodeUtf8 } from '@flushtrace/trace'

/** Distinct names kept; a name has at most 16 bytes. */
const MAX_NAMES = 1 << 17
/** TASK_COMM_LEN. What stands after the NUL is garbage: `blktst\0erminal-`. */
export const COMM_BYTES = 16

export class TaskNames {
  readonly strings = new StringTable()
  /** id + 1 by thread id. */
  readonly #byTid = new ByTask()
  full = false

  /** -1: never named. */
  get(tid: number): number {
    return this.#byTid.get(tid) - 1
  }

  set(tid: number, id: number): void {
    this.#byTid.set(tid, id + 1)
  }

  /** The id of the name in bytes [start, end), up to a NUL; -1 when no more names are taken. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    let stop = start
    while (stop < end && bytes[stop] !== 0) stop++
    if (this.strings.size >= MAX_NAMES) {
      this.full = true
      return -1
    }
    return this.strings.intern(bytes, start, stop, decodeUtf8)
  }
}
