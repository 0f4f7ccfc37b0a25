/**
 * Quantiles of durations in bounded memory: exact up to EXACT samples, then a histogram with 64 steps for each doubling,
 * whose quantiles are off by at most LATENCY_ERROR of their value. Count, mean and maximum stay exact.
 */
const EXACT = 4096
const STEPS = 64
/** Half a step: 2^(1/128) − 1. */
export const LATENCY_ERROR = 0.0055
/** 2^53 ns, the longest time a double holds exactly. */
const OCTAVES = 53

/** JSON-safe. ns. */
export interface Spread {
  count: number
  mean: number
  p50: number
  p99: number
  max: number
}

export class Latencies {
  count = 0
  #sum = 0
  #max = 0
  #samples = new Float64Array(8)
  #steps: Uint32Array | null = null

  /** Unknown times and the negative ones of skewed clocks are left out. */
  add(ns: number): void {
    if (!(ns >= 0)) return
    this.#sum += ns
    if (ns > this.#max) this.#max = ns
    if (this.#steps) this.#steps[stepOf(ns)]++
    else {
      if (this.count === this.#samples.length) this.#grow()
      if (this.#steps) (this.#steps as Uint32Array)[stepOf(ns)]++
      else this.#samples[this.count] = ns
    }
    this.count++
  }

  /** null without samples. */
  spread(): Spread | null {
    if (this.count === 0) return null
    const { count } = this
    const mean = Math.round(this.#sum / count)
    if (this.#steps) {
      return { count, mean, p50: this.#stepQuantile(0.5), p99: this.#stepQuantile(0.99), max: this.#max }
    }
    const sorted = this.#samples.slice(0, count).sort()
    return { count, mean, p50: quantileSorted(sorted, 0.5), p99: quantileSorted(sorted, 0.99), max: this.#max }
  }

  #grow(): void {
    if (this.count < EXACT) {
      const larger = new Float64Array(this.count * 2)
      larger.set(this.#samples)
      this.#samples = larger
      return
    }
    this.#steps = new Uint32Array(STEPS * OCTAVES + 1)
    for (const ns of this.#samples) this.#steps[stepOf(ns)]++
    this.#samples = new Float64Array(0)
  }

  #stepQuantile(p: number): number {
    const steps = this.#steps as Uint32Array
    let left = p * (this.count - 1)
    for (let step = 0; step < steps.length; step++) {
      left -= steps[step]
      if (left < 0) return Math.min(this.#max, step === 0 ? 0 : Math.round(2 ** ((step - 0.5) / STEPS)))
    }
    return this.#max
  }
}

/** 0 for 0 ns, else 1 + the number of 64ths of a doubling. */
function stepOf(ns: number): number {
  return ns < 1 ? 0 : Math.min(STEPS * OCTAVES, 1 + Math.floor(Math.log2(ns) * STEPS))
}

/** Between two samples: linear (R-7, as d3-array does). */
function quantileSorted(sorted: Float64Array, p: number): number {
  const at = (sorted.length - 1) * p
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return Math.round(sorted[low] + (sorted[high] - sorted[low]) * (at - low))
}
