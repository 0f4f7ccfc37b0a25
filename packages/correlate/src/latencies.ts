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

/** Of a hundred thousand processes most have a few: room is made when it is needed. */
const NONE = new Float64Array(0)

export class Latencies {
  /** Those that are in no step: all of them, or, where there are steps, the latest. */
  #samples = NONE
  #waiting = 0
  #steps: Uint32Array | null = null
  /** Of those in steps. */
  #counted = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#counted + this.#waiting
  }

  /** Of all of them, in ns. */
  get total(): number {
    let sum = this.#sum
    for (let k = 0; k < this.#waiting; k++) sum += this.#samples[k]
    return sum
  }

  /** Unknown times and the negative ones of skewed clocks are left out. */
  add(ns: number): void {
    if (!(ns >= 0)) return
    if (this.#waiting === this.#samples.length) this.#makeRoom()
    this.#samples[this.#waiting++] = ns
  }

  /** From `since[k]` to `until[i]`. For hot code: a number with a fraction or past 2^31 is made on the heap to be handed over. */
  addSpan(since: Float64Array, k: number, until: Float64Array, i: number): void {
    this.add(until[i] - since[k])
  }

  /** `count` spans. */
  addSpans(since: Float64Array, until: Float64Array, count: number): void {
    for (let k = 0; k < count; k++) this.add(until[k] - since[k])
  }

  /** All that `parts` were told, as if told to one. */
  static together(parts: readonly Latencies[]): Latencies {
    const all = new Latencies()
    for (const part of parts) {
      if (part.#steps) all.#addSteps(part)
      else for (let k = 0; k < part.#waiting; k++) all.add(part.#samples[k])
    }
    return all
  }

  /** null without samples. */
  spread(): Spread | null {
    const { count } = this
    if (count === 0) return null
    const mean = Math.round(this.total / count)
    if (this.#steps) {
      this.#toSteps()
      return { count, mean, p50: this.#stepQuantile(0.5), p99: this.#stepQuantile(0.99), max: this.#max }
    }
    const sorted = this.#samples.slice(0, count).sort()
    return { count, mean, p50: quantileSorted(sorted, 0.5), p99: quantileSorted(sorted, 0.99), max: sorted[count - 1] }
  }

  #makeRoom(): void {
    if (this.#waiting >= EXACT || (this.#steps && this.#waiting > 0)) this.#toSteps()
    else {
      const larger = new Float64Array(Math.max(1, this.#waiting * 2))
      larger.set(this.#samples)
      this.#samples = larger
    }
  }

  /** All that wait at once: one by one, what was added to is written to memory and read again each time. */
  #toSteps(): Uint32Array {
    const steps = (this.#steps ??= new Uint32Array(STEPS * OCTAVES + 1))
    const samples = this.#samples
    const halves = new Uint32Array(samples.buffer)
    let sum = this.#sum
    let max = this.#max
    for (let k = 0; k < this.#waiting; k++) {
      const ns = samples[k]
      sum += ns
      if (ns > max) max = ns
      // A double is its own logarithm.
      const step = ns < 1 ? 0 : 1 + (halves[2 * k + UPPER] >>> FRACTION_BITS) - FIRST_STEP
      steps[Math.min(STEPS * OCTAVES, step)]++
    }
    this.#sum = sum
    this.#max = max
    this.#counted += this.#waiting
    this.#waiting = 0
    return steps
  }

  #addSteps(part: Latencies): void {
    const steps = this.#toSteps()
    for (const [step, times] of part.#toSteps().entries()) steps[step] += times
    this.#counted += part.#counted
    this.#sum += part.#sum
    this.#max = Math.max(this.#max, part.#max)
  }

  #stepQuantile(p: number): number {
    const steps = this.#steps as Uint32Array
    let left = p * (this.#counted - 1)
    for (let step = 0; step < steps.length; step++) {
      left -= steps[step]
      if (left < 0) return Math.min(this.#max, middleOf(step))
    }
    return this.#max
  }
}

/** Which half of a double has its exponent. */
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

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
