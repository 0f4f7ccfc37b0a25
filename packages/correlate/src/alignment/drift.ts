/**
 * Two clocks that run at different paces: the offset between them grows along a line. Local offsets are gathered in
 * stretches, of which each counts once by its median, so neither a few wrong ones nor a busy second decide; the slope is
 * the median of those between any two stretches (Theil and Sen) that are far enough apart to tell one.
 */
import { median, quantile } from 'd3-array'
import { isSure, type FoundOffset } from './offset.ts'

/** What to add, as it was seen at one time. */
export interface LocalOffset {
  readonly atNs: number
  readonly offsetNs: number
}

export interface Line {
  readonly slope: number
  /** At time 0. */
  readonly offsetNs: number
  /** Whether the offsets grow along it, and by more than one offset leaves open. */
  readonly clear: boolean
}

const STRETCHES = 16
/** Offsets in a stretch: fewer have no median to speak of. */
const FEWEST = 3
/** A line must change the offset by so many times what the stretches leave it. */
const CLEAR = 6
/** One offset may match more by being less particular. */
const NO_WORSE = 0.9
/** NTP slews by up to 500 ppm; two crystals differ by less than 200. */
export const MOST_PPM = 1000

/**
 * The line through local offsets; null: too few. `leastNs`: a smaller change does not matter. `level`: the quantile of a
 * stretch that says most.
 */
export function lineThrough(locals: readonly LocalOffset[], leastNs: number, level = 0.5): Line | null {
  const sorted = [...locals].sort((a, b) => a.atNs - b.atNs)
  const size = Math.max(FEWEST, Math.ceil(sorted.length / STRETCHES))
  const stretches: LocalOffset[] = []
  for (let k = 0; k + size <= sorted.length; k += size) {
    const stretch = sorted.slice(k, k + size)
    stretches.push({
      atNs: median(stretch, (one) => one.atNs)!,
      offsetNs: quantile(stretch, level, (one) => one.offsetNs)!,
    })
  }
  if (stretches.length < 4) return null
  const apartNs = (stretches[stretches.length - 1].atNs - stretches[0].atNs) / 3
  const slopes = stretches.flatMap((a, i) =>
    stretches
      .slice(i + 1)
      .flatMap((b) => (b.atNs - a.atNs < apartNs ? [] : [(b.offsetNs - a.offsetNs) / (b.atNs - a.atNs)])),
  )
  const slope = median(slopes)
  if (slope === undefined || !Number.isFinite(slope)) return null
  const offsetNs = median(stretches, (one) => one.offsetNs - slope * one.atNs)!
  const changeNs = Math.abs(slope) * (sorted[sorted.length - 1].atNs - sorted[0].atNs)
  // In the middle: some stretches are late as a whole.
  const spreadNs = quantile(stretches, 0.75, (one) => Math.abs(one.offsetNs - slope * one.atNs - offsetNs))!
  const clear = changeNs >= Math.max(leastNs, CLEAR * spreadNs) && Math.abs(slope) * 1e6 <= MOST_PPM
  return { slope, offsetNs, clear }
}

/**
 * The better of one offset and a line. `judge`: what is found once the times are put right by a drift; it must be sure,
 * and no worse than without.
 */
export function steadier(
  constant: FoundOffset | null,
  line: Line | null,
  judge: (driftPpm: number) => FoundOffset | null,
): FoundOffset | null {
  if (!line?.clear) return constant
  const driftPpm = line.slope * 1e6
  const steady = judge(driftPpm)
  if (!steady || !isSure(steady)) return constant
  if (constant && isSure(constant) && steady.matched < NO_WORSE * constant.matched) return constant
  return { ...steady, driftPpm }
}

/** A time of a clock, put right by its drift. */
export function steadied(ns: number, driftPpm: number): number {
  return ns + (ns * driftPpm) / 1e6
}
