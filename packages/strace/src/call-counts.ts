/** Calls by name: which is which, and how many ended. */
import { FAILED, RESTARTED, StringTable, UNKNOWN, callIndex, latin1 } from '@flushtrace/trace'

/** Linux has some 450 calls, strace knows names of some 700 on all architectures. */
const MAX_NAMES = 4096

export class CallCounts {
  readonly #names = new StringTable()
  /** By name id: index in CALLS, -1 for a call that is only counted. */
  readonly callOf = new Int16Array(MAX_NAMES)
  readonly #ended = new Float64Array(MAX_NAMES)
  readonly #errors = new Float64Array(MAX_NAMES)
  #known = 0

  /** The id of the name in bytes [start, end); -1 when there are more names than any kernel has. */
  idOf(buf: Uint8Array, start: number, end: number): number {
    const id = this.#names.intern(buf, start, end, latin1)
    if (id >= MAX_NAMES) return -1
    if (id === this.#known) {
      this.callOf[id] = callIndex(this.#names.text(id))
      this.#known++
    }
    return id
  }

  nameOf(id: number): string {
    return this.#names.text(id)
  }

  /** A call ended. One without a result (`= ?`) never did: strace's own table does not count it either. */
  end(id: number, outcome: number): void {
    if (outcome === UNKNOWN) return
    this.#ended[id]++
    if (outcome === FAILED || outcome === RESTARTED) this.#errors[id]++
  }

  ended(): Record<string, number> {
    return this.#record(this.#ended)
  }

  errors(): Record<string, number> {
    return this.#record(this.#errors)
  }

  #record(counts: Float64Array): Record<string, number> {
    const record: Record<string, number> = {}
    for (let id = 0; id < this.#known; id++) if (counts[id] > 0) record[this.#names.text(id)] = counts[id]
    return record
  }
}
