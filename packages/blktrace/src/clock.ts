/**
 * The clock of a binary trace: CLOCK_MONOTONIC ns. Event times become ns since the first event (exact: 64-bit times do
 * not fit a double, differences do). One note, written when the trace starts, tells the wall clock at its own time.
 *
 * `blkparse -d` rebases the events to 0 and leaves the notes on the absolute clock; the base is not stored. A task's
 * name is noted just before its first event, so for each task name time − event time ≤ base: the largest is the best.
 */
import { plusNs, type Clock, type Instant } from '@flushtrace/trace'
import type { HeadScan } from './head.ts'

/** A name is noted microseconds before the event that caused it: a note a second after all events is on another clock. */
const REBASED_NS = 1_000_000_000n
/** Since 1970 in ns: 2001 to 2100. No machine is up for so long. */
const EPOCH_FROM = 10n ** 18n
const EPOCH_TO = 41n * 10n ** 17n
/** Two wall-clock notes this far apart must agree with the trace's own clock. */
const ANCHOR_NS = 1e8

export class TraceClock {
  clock: Clock = 'none'
  origin: Instant | null = null
  wall: Instant | null = null
  /** How the events' times became absolute. */
  readonly base: 'stored' | 'recovered' | 'unknown'
  /** Subtracted from the time of an event, in two halves. */
  readonly eventHigh: number
  readonly eventLow: number
  /** Subtracted from the time of a note. */
  readonly noteHigh: number
  readonly noteLow: number
  /** Set when two wall-clock notes show that the times are not nanoseconds: ns of the wall clock per unit. */
  nsPerUnit: number | null = null
  #anchor: { atNs: number; wall: Instant } | null = null

  constructor(scans: readonly HeadScan[]) {
    const firsts = scans.map((scan) => scan.firstTime).filter((time) => time !== null)
    const notes = scans.flatMap((scan) => scan.noteTimes)
    const first = firsts.length > 0 ? least(firsts) : notes.length > 0 ? least(notes) : 0n
    const last = scans.reduce((time, scan) => (scan.lastTime > time ? scan.lastTime : time), 0n)
    const rebased = firsts.length > 0 && notes.length > 0 && least(notes) > last + REBASED_NS
    let zero = first
    if (rebased) {
      const recovered = recoverBase(scans)
      this.base = recovered === null ? 'unknown' : 'recovered'
      zero = (recovered ?? 0n) + first
    } else {
      this.base = first === 0n && firsts.length > 0 ? 'unknown' : 'stored'
    }
    this.eventHigh = Number(first >> 32n)
    this.eventLow = Number(first & 0xffffffffn)
    this.noteHigh = Number(zero >> 32n)
    this.noteLow = Number(zero & 0xffffffffn)
    if (scans.length === 0) return
    if (this.base === 'unknown') {
      this.clock = 'relative'
      return
    }
    this.origin = { seconds: Number(zero / 1_000_000_000n), nanos: Number(zero % 1_000_000_000n) }
    this.clock = zero >= EPOCH_FROM && zero < EPOCH_TO ? 'wall' : 'monotonic'
    if (this.clock === 'wall') this.wall = this.origin
    for (const { stamp } of scans) {
      if (stamp) this.anchor(Number(stamp.time - zero), stamp.seconds, stamp.nanos)
    }
  }

  /** A wall-clock note at `atNs` since time 0. The first one counts; a later one is a check of the unit. */
  anchor(atNs: number, seconds: number, nanos: number): void {
    if (this.base === 'unknown' || nanos >= 1e9) return
    const wall = plusNs({ seconds, nanos }, -atNs)
    if (!this.#anchor) {
      this.#anchor = { atNs, wall }
      this.wall ??= wall
      return
    }
    const elapsed = atNs - this.#anchor.atNs
    const byWall = (wall.seconds - this.#anchor.wall.seconds) * 1e9 + (wall.nanos - this.#anchor.wall.nanos) + elapsed
    if (byWall > ANCHOR_NS && (elapsed < byWall * 0.9 || elapsed > byWall * 1.1)) this.nsPerUnit = byWall / elapsed
  }
}

function least(times: readonly bigint[]): bigint {
  return times.reduce((a, b) => (b < a ? b : a))
}

function recoverBase(scans: readonly HeadScan[]): bigint | null {
  let base: bigint | null = null
  for (const { namedAt, firstOfTid } of scans) {
    for (const [tid, named] of namedAt) {
      const first = firstOfTid.get(tid)
      if (first === undefined) continue
      const candidate = named - first
      if (candidate > 0n && (base === null || candidate > base)) base = candidate
    }
  }
  return base
}
