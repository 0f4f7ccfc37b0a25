/**
 * What a flush takes by the bytes it carries: a part that every flush has, and a part by size. The line through all
 * flushes seen (least squares) tells both where sizes differ enough to show in the times; else neither is known.
 */

/** Fewer points make any line. */
const FEWEST = 10
/** Share of the differences in time that sizes must explain (r²): less says that something else decides. */
const EXPLAINED = 0.5

export class FlushCost {
  #count = 0
  #bytes = 0
  #ns = 0
  /** Sums of squared deviations from the means, and of their products (Welford). */
  #bytesSquared = 0
  #nsSquared = 0
  #product = 0

  add(bytes: number, tookNs: number): void {
    if (Number.isNaN(tookNs)) return
    this.#count++
    const [fromBytes, fromNs] = [bytes - this.#bytes, tookNs - this.#ns]
    this.#bytes += fromBytes / this.#count
    this.#ns += fromNs / this.#count
    this.#bytesSquared += fromBytes * (bytes - this.#bytes)
    this.#nsSquared += fromNs * (tookNs - this.#ns)
    this.#product += fromBytes * (tookNs - this.#ns)
  }

  /** ns that so many flushes of so many bytes in all would take; null: sizes say nothing of times here. */
  of(flushes: number, bytes: number): number | null {
    const nsPerByte = this.#product / this.#bytesSquared
    const eachNs = this.#ns - nsPerByte * this.#bytes
    const explained = this.#product ** 2 / (this.#bytesSquared * this.#nsSquared)
    if (this.#count < FEWEST || !(explained >= EXPLAINED) || nsPerByte <= 0 || eachNs <= 0) return null
    return flushes * eachNs + bytes * nsPerByte
  }
}
