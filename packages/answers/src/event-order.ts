/**
 * One order of events that come nearly in order: a call is told when it returned, and belongs where it began. Events are
 * held until as many later ones have come; one that comes later still is told when it comes, and marked.
 */

/** Events held: some 10 MB. Enough for a call that lasts while so many others end. */
export const MAX_HELD = 1 << 13

/** What an order needed, over all of a reading. */
export interface Disorder {
  /** The most events that had come already with a later time, up to MAX_HELD. */
  readonly events: number
  /** The longest time by which an event came after a later one. */
  readonly behindNs: number
  /** Events that came too late to be placed. */
  readonly late: number
}

/** Measures what an order needs. The latest time up to each of the last events never falls, so it can be searched. */
export class DisorderMeter implements Disorder {
  events = 0
  behindNs = 0
  late = 0
  /** A ring. */
  readonly #latest = new Float64Array(MAX_HELD).fill(-Infinity)
  #count = 0
  #now = -Infinity

  /** NaN, an event without a time, is in order where it comes. */
  add(atNs: number): void {
    if (atNs < this.#now) {
      this.behindNs = Math.max(this.behindNs, this.#now - atNs)
      const events = this.#since(atNs)
      if (events >= MAX_HELD) this.late++
      this.events = Math.max(this.events, events)
    } else if (atNs > this.#now) this.#now = atNs
    this.#latest[this.#count++ % MAX_HELD] = this.#now
  }

  /** How many events ago the latest time was at most `atNs`. */
  #since(atNs: number): number {
    let [few, many] = [0, Math.min(this.#count, MAX_HELD)]
    while (few < many) {
      const ago = (few + many) >> 1
      if (this.#latest[(this.#count - 1 - ago) % MAX_HELD] > atNs) few = ago + 1
      else many = ago
    }
    return few
  }
}

export class EventOrder<E extends { lateNs?: number }> {
  /** Events that were told when they came: up to twice MAX_HELD are held. */
  late = 0
  readonly #tell: (event: E) => void
  #held: { atNs: number; event: E }[] = []
  #nowNs = -Infinity
  #toldNs = -Infinity

  constructor(tell: (event: E) => void) {
    this.#tell = tell
  }

  /** An event without a time stays where it comes. */
  add(event: E, atNs: number): void {
    if (atNs < this.#toldNs) {
      this.late++
      event.lateNs = Math.round(this.#toldNs - atNs)
      this.#tell(event)
      return
    }
    if (!Number.isNaN(atNs)) this.#nowNs = atNs
    this.#held.push({ atNs: this.#nowNs, event })
    if (this.#held.length >= 2 * MAX_HELD) this.#release(MAX_HELD)
  }

  end(): void {
    this.#release(this.#held.length)
  }

  #release(count: number): void {
    this.#held.sort((a, b) => a.atNs - b.atNs)
    for (const { atNs, event } of this.#held.slice(0, count)) {
      this.#toldNs = atNs
      this.#tell(event)
    }
    this.#held = this.#held.slice(count)
  }
}
