/**
 * Lines read before, as rows. The sieve recognises them by their text (../sieve/memo.ts): all that is new on such a
 * line is its task, its time, its duration, and its result where that is a number.
 *
 *     6920  1795175435.438954 close(4</srv/x.db-wal>) = 0 <0.000021>
 *                                   └──── the same ────┘
 *     6920  1795175435.438958 pwrite64(3</srv/x.db>, "\0\0"..., 4096, 8192) = 4096 <0.000021>
 *                                      └─ the same ──┘
 *     6921  1795175435.438960 close(4</srv/x.db-wal> <unfinished ...>
 *     6921  1795175435.438975 <... close resumed>) = 0 <0.000021>        the same where its beginning is
 */
import { CALLS, CallBatch, ENTER, OK, StringTable, WHOLE } from '@flushtrace/trace'
import type { LineClock } from './line-clock.ts'
import type { PendingCalls } from './pending.ts'
import type { Ending, Scanner } from './scanner.ts'
import { Overtaken, kindOf } from './overtaken.ts'
import { UNFINISHED_TAIL } from './shape.ts'
import { MAX_LINES, type Sieve } from './sieve.ts'
import type { TaskFollower } from './sieve-tasks.ts'

const NO_ROWS = new CallBatch(new StringTable(), [], 0)

export class LineMemo implements TaskFollower {
  readonly #sieve: Sieve
  readonly #clock: LineClock
  readonly #pending: PendingCalls
  /** Index: where the sieve keeps the text. Made when first needed: it is large. */
  #rows = NO_ROWS
  readonly #names = new Int32Array(MAX_LINES)
  /** Of a beginning: as in Pending. */
  readonly #next = new Int8Array(MAX_LINES)
  readonly #between = new Uint8Array(MAX_LINES)
  /** For `overtaken`. */
  readonly #kinds = new Uint8Array(MAX_LINES)
  readonly #overtaken = new Overtaken()

  constructor(sieve: Sieve, clock: LineClock, pending: PendingCalls) {
    this.#sieve = sieve
    this.#clock = clock
    this.#pending = pending
  }

  /** Row `i` is what the line says that the sieve stopped at, and `scanner` has read. */
  keep(batch: CallBatch, i: number, ending: Ending, scanner: Scanner): void {
    const { tail, name } = this.#sieve
    // Only where its end alone tells the same: a name can hold `) = `.
    if (tail.result !== (ending === 'complete' ? scanner.resultStart : -1)) return
    // Of a write the text ends where the data begin: not in a name.
    if (CALLS[batch.call[i]].role === 'write' && this.#sieve.keyEnd !== scanner.argStart[1] + 1) return
    // What is no number is kept by reference, and the reader of the row may change it.
    if (batch.outcome[i] !== OK || batch.extra[i] !== null || !this.#sieve.keep()) return
    if (this.#rows === NO_ROWS) this.#rows = new CallBatch(new StringTable(), [], MAX_LINES)
    const rows = this.#rows
    const { slot } = tail
    this.#names[slot] = name
    this.#next[slot] = scanner.next
    this.#between[slot] = scanner.between ? 1 : 0
    rows.call[slot] = batch.call[i]
    rows.result[slot] = batch.result[i]
    rows.decorationResult[slot] = batch.decorationResult[i]
    rows.copyArguments(slot, batch, i)
    this.#kinds[slot] = kindOf(batch, i)
  }

  /** The lines that the sieve has recognised, as rows of `batch`. */
  repeat(batch: CallBatch): void {
    const rows = this.#rows
    const { ids, numbers, count } = this.#sieve.repeats
    this.#overtake()
    for (let k = 0; k < count; k++) {
      if (this.#overtaken.leavesOut(k)) continue
      const [id, number] = [k * 16, k * 8 + 2]
      const slot = ids[id]
      const phase = ids[id + 3]
      const atNs = this.#clock.nsOf(numbers[number], ids[id + 2] * 1000)
      const i = batch.add(phase, rows.call[slot], ids[id + 1], atNs, numbers[number + 3])
      batch.copyArguments(i, rows, slot)
      if (phase === ENTER) continue
      batch.result[i] = this.#resultOf(slot, numbers[number + 1])
      batch.tookNs[i] = numbers[number + 2]
      batch.decorationResult[i] = rows.decorationResult[slot]
      const size = numbers[number + 4]
      if (Number.isNaN(size)) continue
      batch.size[i] = size
      batch.offset[i] = numbers[number + 5]
    }
  }

  #overtake(): void {
    const { ids, numbers, count } = this.#sieve.repeats
    this.#overtaken.begin()
    for (let k = 0; k < count; k++) {
      const id = k * 16
      const slot = ids[id]
      const kind = ids[id + 3] === WHOLE ? this.#kinds[slot] : 0
      const fd = this.#rows.fd[slot]
      this.#overtaken.add(k, kind, ids[id + 1], fd >= 0 ? fd : this.#resultOf(slot, numbers[k * 8 + 3]))
    }
  }

  /** NaN: it stands in the text that was kept. */
  #resultOf(slot: number, result: number): number {
    return Number.isNaN(result) ? this.#rows.result[slot] : result
  }

  plainCall(tid: number, name: number, line: number): void {
    if (name >= 0) this.#pending.beginPlain(tid, name, line)
    else this.#pending.endOf(tid)
  }

  keptCall(tid: number, slot: number, line: number, seconds: number, micros: number): void {
    const text = this.#sieve.textOf(slot)
    const atNs = this.#clock.nsOf(seconds, micros * 1000)
    const end = text.length - UNFINISHED_TAIL.length
    const pending = this.#pending.begin(tid, this.#names[slot], line, atNs, text, 0, end)
    pending.next = this.#next[slot]
    pending.between = this.#between[slot] === 1
    this.#pending.rows.copyArguments(pending.row, this.#rows, slot)
  }
}
