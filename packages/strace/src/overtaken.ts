/**
 * Rows that a later one overtakes, among lines read before: servers make and close descriptors that are no files between
 * two calls that matter. Of
 *
 *     close(16) = 0
 *     epoll_create(64) = 16                    left out
 *     fcntl(16, F_SETFD, FD_CLOEXEC) = 0       left out
 *     close(16) = 0                            left out
 *
 * the first says all: the number is free before, and behind. All are one task's, and between the first and the last there
 * are only such rows, of which none of another task is about that number: tables of descriptors may be shared.
 */
import { CALLS, CallBatch, MAKES_NO_FILE, flags as F } from '@flushtrace/trace'

const OTHER = 0
const MADE = 1
const MARKED = 2
const CLOSED = 3

/** A round of a server's loop has a few of them. */
const MAX_NUMBERS = 8

/** What row `i` is for the rule. It tells of a call that succeeded. */
export function kindOf({ call, flags }: CallBatch, i: number): number {
  if (MAKES_NO_FILE.has(call[i])) return MADE
  const { role } = CALLS[call[i]]
  if (role === 'close') return CLOSED
  return role === 'fcntl' && (flags[i] === F.F_SETFD || flags[i] === F.F_SETFL) ? MARKED : OTHER
}

/** Is given rows one after the other, and then tells which of them to leave out. */
export class Overtaken {
  /** By row; and of a row about a descriptor that was made here, the one before it: -1 that made it. */
  readonly #out = new Uint8Array(CallBatch.ROWS)
  readonly #before = new Int16Array(CallBatch.ROWS)
  /** Descriptors' numbers, whose they are, whether they are free, and the last row about what was made under a free one, or -1. */
  readonly #fds = new Int32Array(MAX_NUMBERS)
  readonly #tids = new Int32Array(MAX_NUMBERS)
  readonly #free = new Uint8Array(MAX_NUMBERS)
  readonly #last = new Int16Array(MAX_NUMBERS)
  #numbers = 0

  begin(): void {
    this.#numbers = 0
  }

  leavesOut(row: number): boolean {
    return this.#out[row] === 1
  }

  add(row: number, kind: number, tid: number, fd: number): void {
    this.#out[row] = 0
    if (kind === OTHER) {
      this.#numbers = 0
      return
    }
    const k = this.#numberOf(fd, tid)
    if (kind === CLOSED) {
      for (let one = this.#last[k], next; one >= 0; one = next) {
        next = this.#before[one]
        this.#out[one] = this.#out[row] = 1
      }
      this.#free[k] = 1
      this.#last[k] = -1
    } else if (kind === MARKED && this.#last[k] >= 0) {
      this.#before[row] = this.#last[k]
      this.#last[k] = row
    } else {
      this.#before[row] = -1
      this.#last[k] = kind === MADE && this.#free[k] === 1 ? row : -1
      this.#free[k] = 0
    }
  }

  #numberOf(fd: number, tid: number): number {
    let k = 0
    while (k < this.#numbers && this.#fds[k] !== fd) k++
    if (k < this.#numbers && this.#tids[k] === tid) return k
    if (k === MAX_NUMBERS) k = this.#numbers = 0
    if (k === this.#numbers) this.#numbers++
    this.#fds[k] = fd
    this.#tids[k] = tid
    this.#free[k] = 0
    this.#last[k] = -1
    return k
  }
}
