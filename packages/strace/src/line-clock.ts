/** The time of each line, ns since the first one: what -t, -tt, -ttt and -r print, made one axis. */
import type { Clock, Instant } from '@flushtrace/trace'
import type { Leader } from './leader.ts'

const DAY_NS = 24 * 3600e9

export class LineClock {
  nowNs = NaN
  /** Of the last line, one whose time is not read otherwise included. */
  lastNs = NaN
  clock: Clock = 'none'
  /** Time 0: since 1970, or since midnight for -t and -tt; null without times. */
  origin: Instant | null = null
  firstNs: number | null = null
  /** Lines whose time was taken. */
  stamps = 0
  /** How often a line was earlier than the one before it. */
  steppedBack = 0
  /** Whether times have decimals, and whether -r was given: for the list of options. */
  fractions = false
  relative = false
  #dayNs = 0

  /** Takes the time of the line that `leader` was given last. */
  stamp(leader: Leader): void {
    // A log has one clock: a number of another kind is a program's, before its own words.
    if (this.clock !== 'none' && leader.clock !== this.clock) return
    switch (leader.clock) {
      case 'none':
      case 'monotonic': // no strace option prints it
        return
      case 'wall':
        this.#advance(this.nsOf(leader.seconds, leader.nanos))
        break
      case 'timeOfDay': {
        const ns = this.nsOf(leader.seconds, leader.nanos)
        // No date: half a day back is midnight, less is a clock that was set.
        if (ns + this.#dayNs < this.nowNs - DAY_NS / 2) this.#dayNs += DAY_NS
        this.#advance(ns + this.#dayNs)
        break
      }
      case 'relative':
        this.nowNs = Number.isNaN(this.nowNs) ? 0 : this.nowNs + leader.relativeNs + leader.cutNs
        break
    }
    this.stamps++
    this.lastNs = this.nowNs
    if (this.clock === 'none') {
      this.clock = leader.clock
      this.firstNs = this.nowNs
    }
    if (leader.clock !== 'relative' && (leader.nanos > 0 || leader.clock === 'wall')) this.fractions = true
    if (!Number.isNaN(leader.relativeNs)) this.relative = true
  }

  /** The last time taken, µs since 1970, rounded up. */
  get nowMicros(): number {
    return this.origin ? this.origin.seconds * 1e6 + Math.ceil((this.origin.nanos + this.nowNs) / 1e3) : NaN
  }

  /**
   * Takes no more than the log's end from a line that nothing else is read of. Which lines these are depends on the
   * pieces that the log arrives in: a step back among them must not be counted.
   */
  glimpse(leader: Leader): void {
    if (this.clock === 'wall' && leader.clock === 'wall') this.lastNs = this.nsOf(leader.seconds, leader.nanos)
  }

  /** On this clock. */
  nsOf(seconds: number, nanos: number): number {
    this.origin ??= { seconds, nanos }
    return (seconds - this.origin.seconds) * 1e9 + (nanos - this.origin.nanos)
  }

  #advance(ns: number): void {
    if (ns < this.nowNs) this.steppedBack++
    this.nowNs = ns
  }
}
