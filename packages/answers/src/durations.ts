/** Durations of many calls in little memory: exact while there are few, then a histogram with a stated error. */
import { quantileSorted } from 'd3-array'

/** Up to here every value is kept, so the quantiles are exact (d3-array's, type R-7). */
const EXACT = 2048
/** 128 buckets per power of two: a quantile from the histogram is within 0.4 % of the true one. */
const PER_OCTAVE = 128

const NONE: number[] = []

/** JSON-safe; ns as whole numbers. */
export interface DurationSummary {
  total: number
  p50: number
  p99: number
  max: number
}

export class Durations {
  count = 0
  #total = 0
  #max = 0
  /** In order of appearance; null: in buckets. */
  #values: number[] | null = NONE
  #buckets: Map<number, number> | null = null

  add(ns: number): void {
    this.count++
    this.#total += ns
    if (ns > this.#max) this.#max = ns
    // A hundred thousand processes have one each: an array of one takes as little as it can.
    if (this.#values === NONE) this.#values = [ns]
    else if (this.#values) {
      this.#values.push(ns)
      if (this.#values.length > EXACT) this.#spill(this.#values)
    } else this.#bucket(ns)
  }

  /** null when no duration was seen. */
  summary(): DurationSummary | null {
    if (this.count === 0) return null
    const sorted = this.#values && [...this.#values].sort((a, b) => a - b)
    const quantile = (q: number): number => (sorted ? (quantileSorted(sorted, q) ?? 0) : this.#inBuckets(q))
    return {
      total: Math.round(this.#total),
      p50: Math.round(quantile(0.5)),
      p99: Math.round(quantile(0.99)),
      max: Math.round(this.#max),
    }
  }

  #inBuckets(q: number): number {
    const buckets = [...(this.#buckets ?? [])].sort((a, b) => a[0] - b[0])
    let left = q * (this.count - 1)
    for (const [bucket, n] of buckets) {
      if (left < n) return Math.min(this.#max, 2 ** ((bucket + 0.5) / PER_OCTAVE))
      left -= n
    }
    return this.#max
  }

  #spill(values: readonly number[]): void {
    this.#values = null
    for (const ns of values) this.#bucket(ns)
  }

  #bucket(ns: number): void {
    this.#buckets ??= new Map()
    const bucket = Math.floor(Math.log2(Math.max(1, ns)) * PER_OCTAVE)
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
  }
}
