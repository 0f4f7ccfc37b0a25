/**
 * Quantiles of durations in bounded memory: exact up to EXACT samples, then a histogram with 64 even steps for each
 * doubling, whose quantiles are off by at most LATENCY_ERROR of their value. Count, mean and maximum stay exact.
 */
const EXACT = 4096
const STEPS = 64
/** Half a step where steps are largest: 1/128. */
export const LATENCY_ERROR = 0.0079
/** 2^53 ns, the longest time a double holds exactly. */
const OCTAVES = 53
/** Upper half of a double: sign, 11 bits of exponent (1023 for 1), 20 of the fraction; the first 6 are the step. */
const FRACTION_BITS = 20 - 6
const FIRST_STEP = 1023 * STEPS

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
    else this.#keep(ns)
    this.count++
  }

  /** From `since[k]` to `until[i]`. For hot code: a number with a fraction or past 2^31 is made on the heap to be handed over. */
  addSpan(since: Float64Array, k: number, until: Float64Array, i: number): void {
    this.add(until[i] - since[k])
  }

  /** All that `parts` were told, as if told to one. */
  static together(parts: readonly Latencies[]): Latencies {
    const all = new Latencies()
    for (const part of parts) {
      if (part.#steps) all.#addSteps(part, part.#steps)
      else for (let k = 0; k < part.count; k++) all.add(part.#samples[k])
    }
    return all
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

  #keep(ns: number): void {
    if (this.count === EXACT) {
      this.#toSteps()[stepOf(ns)]++
      return
    }
    if (this.count === this.#samples.length) {
      const larger = new Float64Array(this.count * 2)
      larger.set(this.#samples)
      this.#samples = larger
    }
    this.#samples[this.count] = ns
  }

  #toSteps(): Uint32Array {
    if (this.#steps) return this.#steps
    const steps = new Uint32Array(STEPS * OCTAVES + 1)
    for (let k = 0; k < this.count; k++) steps[stepOf(this.#samples[k])]++
    this.#samples = new Float64Array(0)
    return (this.#steps = steps)
  }

  #addSteps(part: Latencies, counted: Uint32Array): void {
    const steps = this.#toSteps()
    for (const [step, times] of counted.entries()) steps[step] += times
    this.count += part.count
    this.#sum += part.#sum
    this.#max = Math.max(this.#max, part.#max)
  }

  #stepQuantile(p: number): number {
    const steps = this.#steps as Uint32Array
    let left = p * (this.count - 1)
    for (let step = 0; step < steps.length; step++) {
      left -= steps[step]
      if (left < 0) return Math.min(this.#max, middleOf(step))
    }
    return this.#max
  }
}

/** Scratch of `stepOf`: nothing stays in it. */
const double = new Float64Array(1)
const halves = new Uint32Array(double.buffer)
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** 0 below 1 ns, else 1 + the number of steps from 1 ns; a double is its own logarithm. */
function stepOf(ns: number): number {
  if (ns < 1) return 0
  double[0] = ns
  return Math.min(STEPS * OCTAVES, 1 + (halves[UPPER] >>> FRACTION_BITS) - FIRST_STEP)
}

/** The time in the middle of a step. */
function middleOf(step: number): number {
  if (step === 0) return 0
  const octave = Math.floor((step - 1) / STEPS)
  return Math.round(2 ** octave * (1 + (((step - 1) % STEPS) + 0.5) / STEPS))
}

/** Between two samples: linear (R-7, as d3-array does). */
function quantileSorted(sorted: Float64Array, p: number): number {
  const at = (sorted.length - 1) * p
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return Math.round(sorted[low] + (sorted[high] - sorted[low]) * (at - low))
}
