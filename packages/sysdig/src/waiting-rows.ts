/**
 * Rows that wait, because a later one may tell all that they tell: servers take the same locks again and again, and make
 * and close descriptors that are no files, between two calls that ask what all that has led to. Of a task's rows about
 * one descriptor
 *
 * - LOCKED  is left out when the next one is the same: only the order matters in which it was last at its files;
 * - MADE    and the CLOSED behind it are left out when there is a CLOSED before them: nothing is left of both.
 *
 * No other task did anything to the descriptor's number in between (tables of descriptors may be shared), unless it
 * locked, too. A task's first row does not wait. What waits is told in the order of its records, before any other row.
 * The sieve lets them wait; this is where they are told.
 */
import { WHOLE, type CallBatch } from '@flushtrace/trace'

/** A round of a server's loop touches a few files and sockets. */
export const MAX_WAITING = 32
const MADE = 2

/** Words and numbers of a row. */
const ROW = 16
const NUMBERS = 8
const RECORD = 5

export class WaitingRows {
  /** Where the sieve counts them. */
  readonly #count: Uint32Array
  /** kind, tid, descriptor, call, flags of each; as numbers from the fourth on its time, duration, record, result, flags2. */
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  readonly #order = new Int32Array(MAX_WAITING)

  constructor(memory: ArrayBuffer, count: number, rows: number) {
    this.#count = new Uint32Array(memory, count, 1)
    this.#words = new Int32Array(memory, rows, MAX_WAITING * ROW)
    this.#numbers = new Float64Array(memory, rows, MAX_WAITING * NUMBERS)
  }

  /** Into `batch`, which has room for them. */
  tell(batch: CallBatch): void {
    const count = this.#count[0]
    if (count === 0) return
    this.#count[0] = 0
    const words = this.#words
    const numbers = this.#numbers
    this.#sort(count)
    for (let k = 0; k < count; k++) {
      const word = this.#order[k] * ROW
      const number = this.#order[k] * NUMBERS + 3
      const i = batch.add(WHOLE, words[word + 3], words[word + 1], numbers[number], numbers[number + 2])
      if (words[word] !== MADE) batch.fd[i] = words[word + 2]
      batch.flags[i] = words[word + 4]
      batch.tookNs[i] = numbers[number + 1]
      batch.result[i] = numbers[number + 3]
      batch.flags2[i] = numbers[number + 4]
    }
  }

  /** The first `count` by record. Most are in order already. */
  #sort(count: number): void {
    const order = this.#order
    const numbers = this.#numbers
    for (let k = 0; k < count; k++) {
      const record = numbers[k * NUMBERS + RECORD]
      let at = k
      for (; at > 0 && numbers[order[at - 1] * NUMBERS + RECORD] > record; at--) order[at] = order[at - 1]
      order[at] = k
    }
  }
}
