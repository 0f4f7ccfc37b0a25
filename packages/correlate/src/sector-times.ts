/**
 * A time for each of some sectors, in lists by their hash as those of request-table.ts: a Map in which keys come and go is
 * made anew again and again.
 */
import type { BlockBatch } from '@flushtrace/trace'
import { hashOf } from './request-table.ts'

export class SectorTimes {
  readonly #max: number
  /** Empty until the first: most devices of a trace have none. */
  times = new Float64Array(0)
  #sectors = new Float64Array(0)
  /** By hash of the sector: an entry, -1 none. */
  #heads = new Int32Array(0)
  /** The next entry with the same hash, or that is free; -1 none. */
  #next = new Int32Array(0)
  #free = -1
  #used = 0
  #size = 0

  /** `max`: sectors at once, a power of two. */
  constructor(max: number) {
    this.#max = max
  }

  get full(): boolean {
    return this.#size === this.#max
  }

  clear(): void {
    this.#heads.fill(-1)
    this.#free = -1
    this.#used = 0
    this.#size = 0
  }

  /** The time of row `i` becomes that of its sector; not to be called when full. */
  set(batch: BlockBatch, i: number): void {
    const { sector, atNs } = batch
    if (this.times.length === 0) this.#make()
    this.take(batch, i)
    let e = this.#free
    if (e < 0) e = this.#used++
    else this.#free = this.#next[e]
    this.times[e] = atNs[i]
    this.#sectors[e] = sector[i]
    const bucket = hashOf(sector[i]) & (this.#max - 1)
    this.#next[e] = this.#heads[bucket]
    this.#heads[bucket] = e
    this.#size++
  }

  /** Forgets the sector of row `i`: where in `times` its time is until the next one is set; -1: there was none. */
  take({ sector }: BlockBatch, i: number): number {
    if (this.#size === 0) return -1
    const start = sector[i]
    const bucket = hashOf(start) & (this.#max - 1)
    let before = -1
    let e = this.#heads[bucket]
    while (e >= 0 && this.#sectors[e] !== start) {
      before = e
      e = this.#next[e]
    }
    if (e < 0) return -1
    if (before < 0) this.#heads[bucket] = this.#next[e]
    else this.#next[before] = this.#next[e]
    this.#next[e] = this.#free
    this.#free = e
    this.#size--
    return e
  }

  #make(): void {
    this.times = new Float64Array(this.#max)
    this.#sectors = new Float64Array(this.#max)
    this.#heads = new Int32Array(this.#max).fill(-1)
    this.#next = new Int32Array(this.#max)
  }
}
