/** How many requests are at the device at once, and for how long there is any. */
export class QueueDepth {
  busyNs = 0
  #depth = 0
  #max = 0
  #firstNs = NaN
  #lastNs = NaN
  /** Sum of depth × time. */
  #area = 0

  /** One request more, or less, at `times[i]`. */
  step(change: 1 | -1, times: Float64Array, i: number): void {
    const atNs = times[i]
    if (Number.isNaN(atNs)) return
    if (Number.isNaN(this.#firstNs)) this.#firstNs = atNs
    else if (atNs > this.#lastNs) {
      this.#area += this.#depth * (atNs - this.#lastNs)
      if (this.#depth > 0) this.busyNs += atNs - this.#lastNs
    }
    this.#lastNs = atNs
    this.#depth = Math.max(0, this.#depth + change)
    if (this.#depth > this.#max) this.#max = this.#depth
  }

  /** Requests whose end was not seen are given up. */
  forget(): void {
    this.#depth = 0
  }

  /** null when nothing was ever sent. */
  summary(): { max: number; mean: number } | null {
    if (this.#max === 0) return null
    const span = this.#lastNs - this.#firstNs
    return { max: this.#max, mean: span > 0 ? this.#area / span : this.#max }
  }
}
