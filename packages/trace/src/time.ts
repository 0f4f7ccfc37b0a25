/**
 * Time. A wall-clock instant is seconds and nanoseconds apart, because ns since 1970 do not fit a double (2^53 ns are
 * 104 days). Everything else is ns relative to some start, as a number.
 */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

/**
 * What a source's own times mean. `timeOfDay` has no date, `relative` begins at its first record, `monotonic` at boot.
 */
export type Clock = 'none' | 'relative' | 'timeOfDay' | 'monotonic' | 'wall'

/** From `from` to `to`; exact up to 104 days. */
export function nsBetween(from: Instant, to: Instant): number {
  return (to.seconds - from.seconds) * 1e9 + (to.nanos - from.nanos)
}

/** The earlier of the two; `a` where they are the same. */
export function earlier(a: Instant, b: Instant): Instant {
  return nsBetween(a, b) >= 0 ? a : b
}

/** The instant `ns` later; earlier where that is negative. */
export function plusNs(at: Instant, ns: number): Instant {
  const seconds = Math.floor(ns / 1e9)
  const nanos = at.nanos + (ns - seconds * 1e9)
  const carry = Math.floor(nanos / 1e9)
  return { seconds: at.seconds + seconds + carry, nanos: nanos - carry * 1e9 }
}

/** RFC 3339 in UTC with nanoseconds, e.g. 2026-11-20T11:05:44.123456789Z. */
export function formatInstant(at: Instant): string {
  const date = new Date(at.seconds * 1000)
  if (Number.isNaN(date.getTime())) return 'invalid'
  return date.toISOString().replace(/\.\d+Z$/, `.${String(at.nanos).padStart(9, '0')}Z`)
}

/** RFC 3339, `YYYY-MM-DD HH:MM:SS`, or `@epoch[.frac]`; null for anything else. No zone means UTC. */
export function parseInstant(text: string): Instant | null {
  const epoch = /^@(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text)
  if (epoch) return { seconds: Number(epoch[1]), nanos: fraction(epoch[2]) }
  const wall = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(text)
  if (!wall) return null
  const ms = Date.parse(`${wall[1]}T${wall[2]}${wall[4] ?? 'Z'}`)
  return Number.isNaN(ms) ? null : { seconds: ms / 1000, nanos: fraction(wall[3]) }
}

function fraction(digits: string | undefined): number {
  return digits ? Number(digits.padEnd(9, '0')) : 0
}
