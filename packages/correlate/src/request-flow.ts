/** When a device's requests came, and how many of them went on where the one before ended. */
import { OP, type BlockBatch } from '@flushtrace/trace'
import { sectorsOf } from './request-table.ts'

const TRANSFER = OP.read | OP.write

export class RequestFlow {
  /** Of the first and the last one; NaN without times. */
  firstNs = NaN
  lastNs = NaN
  /** Reads and writes so far, and the ones that went on. */
  #transfers = 0
  #sequential = 0
  #end = -1

  /** Row `i` is a request. */
  add({ flags, bytes, sector, atNs }: BlockBatch, i: number): void {
    const at = atNs[i]
    if (!(this.firstNs <= at)) this.firstNs = at
    if (!(this.lastNs >= at)) this.lastNs = at
    const start = sector[i]
    if (bytes[i] === 0 || start < 0 || (flags[i] & TRANSFER) === 0) return
    this.#transfers++
    if (start === this.#end) this.#sequential++
    this.#end = start + sectorsOf(bytes[i])
  }

  /** null without reads and writes. */
  get sequentialShare(): number | null {
    return this.#transfers === 0 ? null : this.#sequential / this.#transfers
  }
}
