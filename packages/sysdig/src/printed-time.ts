/**
 * Times of printed events → ns since the source's time 0. The default format prints one of five things in one place:
 *
 *     -t h  15:41:38.416541555     local time without a date; wraps at midnight
 *     -t a  1481211698.416541555   since 1970; sysdig 0.29 leaves out the zeros behind the point
 *     -t r  0.144868152            since the capture began
 *     -t d  0.000306738            what the call took, 0 on enters: no time line at all
 *     -t D  0.000004567            since the line before: their sum is a time line
 */
import type { Clock, Instant } from '@flushtrace/trace'
import { NOT_CALLS } from './event-table.ts'
import type { PrintedEvent } from './printed-event.ts'

export type TimeMode = 'timeOfDay' | 'epoch' | 'relative' | 'latency' | 'gap' | 'none'

const SECONDS = /^(\d+)\.(\d{1,9})$/
const TIME_OF_DAY = /^(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/
/** Nine digits of seconds began in 1973. */
const EPOCH_DIGITS = 9
const DAY_NS = 86_400e9
/** 2^64 ns. */
const WRAPPED_SECONDS = 18_446_744_073
const WRAPPED_NANOS = 709_551_616

/** Which of the five it is, from the first events of a source. */
export function timeModeOf(events: readonly PrintedEvent[]): TimeMode {
  const times = events.map(({ time }) => SECONDS.exec(time))
  if (events.some(({ time }) => TIME_OF_DAY.test(time))) return 'timeOfDay'
  if (times.some((match) => match !== null && match[1].length >= EPOCH_DIGITS && signedNs(match) > 0)) return 'epoch'
  const ns = times.map((match) => (match ? signedNs(match) : NaN))
  if (ns.every((value) => Number.isNaN(value))) return 'none'
  // A context switch has the latency of the last call.
  const enters = ns.filter((value, i) => {
    const { direction, type } = events[i]
    return direction === '>' && !NOT_CALLS.has(type) && !Number.isNaN(value)
  })
  if (enters.length > 1 && enters.every((value) => value === 0) && ns.some((value) => value > 0)) return 'latency'
  // Events of several processors stand a little out of order.
  return ns.filter((value, i) => value < ns[i - 1]).length <= ns.length / 10 ? 'relative' : 'gap'
}

export class PrintedClock {
  mode: TimeMode
  clock: Clock = 'none'
  origin: Instant | null = null
  nowNs = NaN
  /** -t d on an exit; else NaN. */
  tookNs = NaN
  #dayNs = 0

  constructor(mode: TimeMode) {
    this.mode = mode
  }

  stamp(event: PrintedEvent): void {
    this.tookNs = NaN
    switch (event.timeField) {
      case null:
        return
      case 'epochNs':
        this.#epochNs(event.time)
        return
      case 'datetime': {
        // Local time of the reader, whose zone is not told: a time of day with a date.
        const match = /^\d+-\d+-(\d+) (.*)$/.exec(event.time)
        if (match) this.#timeOfDay(match[2])
        return
      }
      case 'iso8601':
        this.#iso8601(event.time)
        return
      case 'timeOfDay':
        this.#timeOfDay(event.time)
        return
      case 'relativeNs':
        if (/^\d+$/.test(event.time)) this.#relative(Number(event.time))
        return
      case 'outputtime':
        this.#output(event)
        return
    }
  }

  #output(event: PrintedEvent): void {
    const { time } = event
    const match = SECONDS.exec(time)
    if (!match) {
      this.#timeOfDay(time)
      return
    }
    const ns = signedNs(match)
    switch (this.mode) {
      case 'epoch':
        this.#wall(Number(match[1]), epochNanos(match[2]))
        break
      case 'relative':
        this.#relative(ns)
        break
      case 'gap':
        this.#relative(Number.isNaN(this.nowNs) ? 0 : this.nowNs + ns)
        break
      case 'latency':
        if (event.direction === '<') this.tookNs = ns
        break
      case 'timeOfDay':
      case 'none':
        break
    }
  }

  #relative(ns: number): void {
    this.clock = 'relative'
    this.nowNs = ns
  }

  #epochNs(digits: string): void {
    if (!/^\d{10,20}$/.test(digits)) return
    this.#wall(Number(digits.slice(0, -9)), Number(digits.slice(-9)))
  }

  #wall(seconds: number, ns: number): void {
    this.clock = 'wall'
    this.origin ??= { seconds, nanos: ns }
    this.nowNs = (seconds - this.origin.seconds) * 1e9 + (ns - this.origin.nanos)
  }

  #iso8601(text: string): void {
    const match = /^(\d+-\d+-\d+T\d+:\d+:\d+)\.(\d{9})([+-]\d\d):?(\d\d)$/.exec(text)
    if (match) this.#wall(Date.parse(`${match[1]}${match[3]}:${match[4]}`) / 1000, Number(match[2]))
  }

  #timeOfDay(text: string): void {
    const match = TIME_OF_DAY.exec(text)
    if (!match) return
    const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
    const ns = nanos(match[4] ?? '0')
    this.clock = 'timeOfDay'
    this.origin ??= { seconds, nanos: ns }
    const since = (seconds - this.origin.seconds) * 1e9 + (ns - this.origin.nanos)
    // Half a day back is midnight, less is events of several processors out of order.
    if (since + this.#dayNs < this.nowNs - DAY_NS / 2) this.#dayNs += DAY_NS
    this.nowNs = since + this.#dayNs
  }
}

/** What went back by a little is printed as 64 bits without a sign: `18446744073.709551550` is -66 ns. */
function signedNs([, seconds, fraction]: RegExpExecArray): number {
  const wrapped = Number(seconds) > WRAPPED_SECONDS / 2
  const ns = nanos(fraction)
  return wrapped ? (Number(seconds) - WRAPPED_SECONDS) * 1e9 + ns - WRAPPED_NANOS : Number(seconds) * 1e9 + ns
}

/** A number of ns, in nine digits or with its leading zeros left out: `.96829183` is 96,829,183 ns. */
function epochNanos(digits: string): number {
  return digits.startsWith('0') ? nanos(digits) : Number(digits)
}

function nanos(digits: string): number {
  return Number(digits.padEnd(9, '0'))
}
