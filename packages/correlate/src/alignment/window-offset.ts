/**
 * The offset between two clocks, from moments (`points`) that must lie inside calls (`windows`) of the same task.
 *
 * 1. Vote: at the true offset many points come soon after a window's start, because a flush begins by queueing what is
 *    dirty. Each pair of a window and a point votes for the offsets at which that is so.
 * 2. Judge: at each of the best offsets, how many points lie in windows, and how many windows have one soon after their
 *    start. The winner must beat every other clearly: a loop as regular as a clock fits at many offsets and is left alone.
 * 3. Refine: a point inside its window bounds the offset from both sides. Where most of these bounds agree lies the truth.
 */
import { bisectLeft, bisectRight } from 'd3-array'
import { IntervalVote } from './interval-vote.ts'
import type { FoundOffset } from './offset.ts'

/** One task's windows and points, each in order of time. Windows do not overlap; an end that is not told is NaN. */
export interface Series {
  readonly startNs: readonly number[]
  readonly endNs: readonly number[]
  readonly atNs: readonly number[]
}

/** How soon after a call began its first request is queued: a traced task is stopped and started again in between. */
export const SOON_NS = 300_000
/** From a tracer's time stamp to the first event in the kernel: 16 to 60 µs in captures with known clocks. */
export const LEAD_NS = 40_000
/** Points closer than this to the one before are the same burst: one observation. */
const BURST_NS = 50_000
/** Half a million votes are sorted in 0.1 s. Of more, every n-th point votes; all of them judge and refine. */
const MAX_VOTES = 1 << 19
const CANDIDATES = 8

/**
 * What to add to the times of points to get times of windows; null: no two belong together. `grainNs`: what the clock of
 * the windows counts (1 s with strace -t): a stamp is up to that much too early.
 */
export function windowOffset(all: readonly Series[], grainNs: number): FoundOffset | null {
  const series = all
    .filter(({ startNs, atNs }) => startNs.length > 0 && atNs.length > 0)
    .map((one) => widened(one, grainNs))
  const soonNs = SOON_NS + grainNs
  const [best, ...others] = candidates(series, soonNs)
    .flatMap((offsetNs) => judged(series, offsetNs, soonNs) ?? [])
    .sort((a, b) => b.score - a.score)
  if (!best) return null
  const rival = others.find(({ offsetNs }) => Math.abs(offsetNs - best.offsetNs) > soonNs)
  return {
    offsetNs: best.offsetNs,
    // Bounds closer than a lead say that the clocks, or their stamps, are not that good. Under a coarse clock the windows
    // of a busy task run together, and the bounds that are left are few and partly chance.
    residualNs: Math.max(best.offsetNs - best.start, best.end - best.offsetNs, LEAD_NS) + grainNs,
    matched: best.soon,
    lead: 1 - (rival?.score ?? 0) / best.score,
  }
}

/** Ends moved by what the clock may hide, or where they are not told as late as is usual; what overlaps then is one window. */
export function widened({ startNs, endNs, atNs }: Series, grainNs: number): Series {
  const starts: number[] = []
  const ends: number[] = []
  for (const [i, start] of startNs.entries()) {
    const next = i + 1 < startNs.length ? startNs[i + 1] : Infinity
    const end = (endNs[i] >= start ? endNs[i] : Math.min(start + SOON_NS, Math.max(start, next))) + grainNs
    // A grain of µs makes neighbours touch; only a coarse clock makes them one.
    if (starts.length > 0 && start < ends[ends.length - 1] - SOON_NS) ends[ends.length - 1] = end
    else {
      starts.push(start)
      ends.push(end)
    }
  }
  return { startNs: starts, endNs: ends, atNs }
}

/** Where most points come soon after a start. */
function candidates(series: readonly Series[], soonNs: number): number[] {
  const bursts = series.map(({ startNs, endNs, atNs }) => {
    return { startNs, endNs, atNs: atNs.filter((at, k) => k === 0 || at - atNs[k - 1] > BURST_NS) }
  })
  const pairs = bursts.reduce((sum, { startNs, atNs }) => sum + startNs.length * atNs.length, 0)
  const step = Math.ceil(pairs / MAX_VOTES)
  const votes = new IntervalVote(
    bursts.reduce((sum, one) => sum + one.startNs.length * Math.ceil(one.atNs.length / step), 0),
  )
  for (const { startNs, endNs, atNs } of bursts) {
    for (let k = 0; k < atNs.length; k += step) {
      for (const [i, start] of startNs.entries()) {
        votes.add(start - atNs[k], Math.min(endNs[i], start + soonNs) - atNs[k])
      }
    }
  }
  return votes.best(CANDIDATES, soonNs).map(({ start, end }) => (start + end) / 2)
}

interface Judged {
  readonly offsetNs: number
  /** Where the bounds agree. */
  readonly start: number
  readonly end: number
  readonly soon: number
  readonly score: number
}

function judged(series: readonly Series[], aroundNs: number, soonNs: number): Judged | null {
  const votes = new IntervalVote(series.reduce((sum, { atNs }) => sum + NEAR * atNs.length, 0))
  for (const { startNs, endNs, atNs } of series) {
    for (const at of atNs) {
      const now = at + aroundNs
      const first = Math.max(0, bisectRight(startNs, now - soonNs) - 1)
      for (let i = first; i < first + NEAR && startNs[i] < now + soonNs; i++) {
        if (endNs[i] > now - soonNs) votes.add(startNs[i] - at, endNs[i] - at)
      }
    }
  }
  const [agreed] = votes.best(1, 0)
  if (!agreed) return null
  const { start, end } = agreed
  // What begins a flush comes a little after the stamp of its entry, closer than what ends it to that of its return.
  const offsetNs = start + Math.min((end - start) / 2, LEAD_NS)
  let soon = 0
  for (const { startNs, endNs, atNs } of series) {
    for (const [i, from] of startNs.entries()) {
      const first = atNs[bisectLeft(atNs, from - offsetNs)] + offsetNs
      if (first <= Math.min(endNs[i], from + soonNs)) soon++
    }
  }
  return { offsetNs, start, end, soon, score: agreed.votes * soon }
}

/** Windows that a point may belong to around one offset. */
const NEAR = 3
