/**
 * Which call a task was in at a moment. Calls of one task follow one another, so its windows never overlap; several
 * rows of one call (an msync over two files, a write that is also a flush) are one window.
 */
import { SECTOR_BYTES } from '@flushtrace/trace'
import { CALL, QUEUES, type CallLog } from './call-log.ts'
import type { Via } from './piece-log.ts'

const NONE: readonly number[] = []

/** Which call of the task was under way, and what it says. */
export interface Inside {
  /** Rows of the CallLog. */
  readonly rows: readonly number[]
  readonly files: readonly number[]
  readonly via: Via
}

export const OUTSIDE: Inside = { rows: NONE, files: NONE, via: 'writeback' }

/** A request when it was queued. */
export interface Queued {
  readonly request: number
  /** On the clock of the calls; NaN: at any time of them. */
  readonly now: number
  /** The call that its task was in. */
  readonly inside: Inside
}

export class CallWindows {
  readonly #log: CallLog
  /** By task: rows in the order of their entry. */
  readonly #byTid = new Map<number, number[]>()
  /** How far two clocks may be apart: a moment just outside a window counts as inside where no other window is nearer. */
  readonly #slackNs: number
  /** How far they are known to be apart at most: within that of another window, it may be that call, too. */
  readonly #doubtNs: number

  constructor(log: CallLog, order: Uint32Array, slackNs: number, doubtNs: number) {
    this.#log = log
    this.#slackNs = slackNs
    this.#doubtNs = doubtNs
    const { kind, tid } = log
    for (const row of order) {
      if (kind.data[row] > QUEUES && kind.data[row] !== CALL.flushAll) continue
      const rows = this.#byTid.get(tid.data[row])
      if (rows) rows.push(row)
      else this.#byTid.set(tid.data[row], [row])
    }
  }

  /** No task was in any call that can queue data. */
  get isEmpty(): boolean {
    return this.#byTid.size === 0
  }

  /**
   * Rows of the call that task `tid` was in, then of those that it may have been in instead; the ones that say most
   * first. Empty: in none that can queue data. `all`: also of those that hardly ever queue any.
   */
  at(tid: number, atNs: number, all = false): readonly number[] {
    const rows = this.#byTid.get(tid)
    if (!rows) return NONE
    const { startNs } = this.#log
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (startNs.data[rows[middle]] <= atNs) low = middle + 1
      else high = middle
    }
    // `low - 1` is the last one entered by then.
    const inside = low > 0 && atNs <= this.#endOf(rows, low - 1)
    if (inside) return this.#withRivals(rows, low - 1, atNs, all)
    const behind = low > 0 ? atNs - this.#endOf(rows, low - 1) : Infinity
    const ahead = low < rows.length ? startNs.data[rows[low]] - atNs : Infinity
    if (Math.min(behind, ahead) > this.#slackNs) return []
    return this.#withRivals(rows, behind <= ahead ? low - 1 : low, atNs, all)
  }

  /** The call of the k-th row, and its neighbours where the clocks leave it open which of them it was. */
  #withRivals(rows: readonly number[], k: number, atNs: number, all: boolean): number[] {
    const found = this.#callAt(rows, k)
    const add = (other: number): void => {
      if (all || this.#flushes(rows[other]))
        for (const row of this.#callAt(rows, other)) if (!found.includes(row)) found.push(row)
    }
    const { startNs, endNs } = this.#log
    // Where ends are not told, the one before was over before this one began.
    for (let other = k - 1; other >= 0 && atNs < endNs.data[rows[other]] + this.#doubtNs; other--) add(other)
    for (let other = k + 1; other < rows.length && atNs > startNs.data[rows[other]] - this.#doubtNs; other++) add(other)
    return found
  }

  /** Not a close or rename, which hardly ever queue data, nor a write of no whole sectors, which O_DIRECT refuses. */
  #flushes(row: number): boolean {
    const kind = this.#log.kind.data[row]
    if (kind === CALL.write && this.#log.bytes.data[row] % SECTOR_BYTES !== 0) return false
    return kind <= CALL.hint || kind === CALL.flushAll
  }

  /** Without a duration: until the task entered its next call that is known here. */
  #endOf(rows: readonly number[], k: number): number {
    const { startNs, endNs } = this.#log
    const end = endNs.data[rows[k]]
    if (!Number.isNaN(end)) return end
    for (let next = k + 1; next < rows.length; next++) {
      if (startNs.data[rows[next]] > startNs.data[rows[k]]) return startNs.data[rows[next]]
    }
    return Infinity
  }

  #callAt(rows: readonly number[], k: number): number[] {
    const { startNs, record, source, kind } = this.#log
    const same = (other: number): boolean =>
      startNs.data[other] === startNs.data[rows[k]] &&
      record.data[other] === record.data[rows[k]] &&
      source.data[other] === source.data[rows[k]]
    let first = k
    while (first > 0 && same(rows[first - 1])) first--
    const found: number[] = []
    for (let n = first; n < rows.length && same(rows[n]); n++) found.push(rows[n])
    const least = Math.min(...found.map((row) => kind.data[row]))
    return found.filter((row) => kind.data[row] === least)
  }
}
