/**
 * The line of the offsets between moments and calls whose clocks drift apart. Within a few calls that follow each other
 * closely the drift does not show, so they tell one offset; from there the line is followed outwards, to twice the time
 * in each step, so that it is never asked for what it does not nearly know. In each step it is the one of many slopes
 * at which most calls have a moment equally soon after their start (a vote, as of the offset itself).
 */
import { bisector, bisectLeft, extent, greatest, sum } from 'd3-array'
import { lineThrough, MOST_PPM, steadied, type Line, type LocalOffset } from './drift.ts'
import type { FoundOffset } from './offset.ts'
import { LEAD_NS, SOON_NS, windowOffset, type Series } from './window-offset.ts'

/** Calls in which an offset is looked for: enough to be sure of one. */
const SEED = 32
/** Places where it is looked for. */
const SEEDS = 6
/** Calls that a step takes on at least at either end: enough to hold the line across a pause. */
const STEP = 8
/** By how much the requests that come soonest differ in how soon they come. */
const TIGHT_NS = 100_000
/** A smaller change of the offset does not matter: with one offset, half of it is added to what is left open. */
const LEAST_NS = 100_000
/** Paces at which a first offset is looked for: calls that are spread over a second agree on none at another. */
const PACES_PPM = [0, 200, -200]
/** Slopes tried in one step; a pause so long that it takes more is not crossed. */
const MAX_SLOPES = 4096

/** Those that came soonest say most: nothing makes a request come before its call, and much makes it late. */
const SOONEST = 0.8

interface Start {
  readonly startNs: number
  readonly series: Series
}

/** A line, and how many calls have their moment on it: those up to TIGHT_NS away count for less the further they are. */
interface Voted {
  readonly slope: number
  readonly offsetNs: number
  readonly votes: number
}

/** The line of the offsets over all that the two clocks share; null: it can't be followed. */
export function windowLine(series: readonly Series[], constant: FoundOffset | null, grainNs: number): Line | null {
  const quiet = series.map(quietBefore)
  const starts = quiet
    .flatMap((one) => one.startNs.map((startNs) => ({ startNs, series: one })))
    .sort((a, b) => a.startNs - b.startNs)
  if (starts.length < SEED) return null
  const moments = sum(quiet, ({ atNs }) => atNs.length)
  const line = bestLine(starts, seeds(starts, constant, grainNs), Math.min(starts.length, moments) / 2)
  return line && holdsThroughout(starts, line) ? refined(starts, line) : null
}

/** Followed from several places, until it takes enough calls along. */
function bestLine(starts: readonly Start[], from: Iterable<Seed>, enough: number): Voted | null {
  let best: Voted | null = null
  for (const seed of from) {
    const line = followed(starts, seed)
    if (line && line.votes > (best?.votes ?? 0)) best = line
    if (best && best.votes >= enough) break
  }
  return best
}

/**
 * Only moments before which the task queued nothing for a while: they begin something. Among those of a burst some one is
 * always near to what is expected.
 */
function quietBefore(series: Series): Series {
  return { ...series, atNs: series.atNs.filter((at, k) => k === 0 || at - series.atNs[k - 1] > SOON_NS) }
}

interface Seed {
  /** Row in the starts where it begins. */
  readonly first: number
  readonly slope: number
  readonly offsetNs: number
}

/** Where one offset fits most calls; then what the densest ones tell by themselves, at some pace. */
function* seeds(starts: readonly Start[], constant: FoundOffset | null, grainNs: number): Generator<Seed> {
  const firsts = Array.from({ length: Math.floor(starts.length / SEED) }, (_, k) => k * SEED)
  if (constant) {
    const flat = { slope: 0, offsetNs: constant.offsetNs }
    const first = greatest(firsts, (k) => near(starts.slice(k, k + SEED), flat, SOON_NS).length)!
    yield { first, ...flat }
  }
  const span = (first: number): number => starts[first + SEED - 1].startNs - starts[first].startNs
  for (const first of firsts.sort((a, b) => span(a) - span(b)).slice(0, SEEDS)) {
    const [from, to] = [starts[first].startNs, starts[first + SEED - 1].startNs]
    const few = [...new Set(starts.slice(first, first + SEED).map(({ series }) => series))]
    for (const ppm of PACES_PPM) {
      const found = windowOffset(
        few.map((series) => paced(within(series, from, to), ppm)),
        grainNs,
      )
      if (found) yield { first, slope: ppm / 1e6, offsetNs: found.offsetNs }
    }
  }
}

/** As its clock would have it if it were put right by so much. */
export function paced(series: Series, driftPpm: number): Series {
  return driftPpm === 0 ? series : { ...series, atNs: series.atNs.map((ns) => steadied(ns, driftPpm)) }
}

function within({ startNs, endNs, atNs }: Series, from: number, to: number): Series {
  const [first, last] = [bisectLeft(startNs, from), bisectLeft(startNs, to + 1)]
  return { startNs: startNs.slice(first, last), endNs: endNs.slice(first, last), atNs }
}

function followed(starts: readonly Start[], { first, slope, offsetNs }: Seed): Voted | null {
  let line: Voted | null = { slope, offsetNs, votes: 0 }
  let [low, high] = [first, first + SEED]
  // How far the slope may be from the line's.
  let open = MOST_PPM / 1e6
  for (;;) {
    const [from, to] = [starts[low].startNs, starts[high - 1].startNs]
    const spanNs = Math.max(1, to - from)
    const points = near(starts.slice(low, high), line, SOON_NS + (open * spanNs) / 2)
    line = mostVoted(points, slopesAround(line.slope, open, spanNs))
    if (!line || (low === 0 && high === starts.length)) return line
    open = Math.min(open, TIGHT_NS / spanNs)
    low = Math.max(0, Math.min(low - STEP, byStart.left(starts, from - spanNs / 2)))
    high = Math.min(starts.length, Math.max(high + STEP, byStart.right(starts, to + spanNs / 2)))
  }
}

/** From the middle outwards, so close that the ends of a span move by half of what counts as agreement; too many: none. */
function slopesAround(slope: number, open: number, spanNs: number): number[] {
  const step = TIGHT_NS / 2 / spanNs
  const each = Math.ceil(open / step)
  if (2 * each > MAX_SLOPES) return []
  return Array.from({ length: 2 * each + 1 }, (_, k) => slope + (k % 2 ? 1 : -1) * Math.ceil(k / 2) * step)
}

/** Of these slopes the first on which points agree best. */
function mostVoted(points: readonly LocalOffset[], slopes: readonly number[]): Voted | null {
  let best: Voted | null = null
  for (const slope of slopes) {
    const peak = densest(Float64Array.from(points, ({ atNs, offsetNs }) => offsetNs - slope * atNs).sort())
    if (peak && peak.votes > (best?.votes ?? 0)) best = { slope, ...peak }
  }
  return best
}

/** The value that most others are near to. */
function densest(sorted: Float64Array): Omit<Voted, 'slope'> | null {
  let best: Omit<Voted, 'slope'> | null = null
  const sums = new Float64Array(sorted.length + 1)
  // From the first: a sum of times themselves would leave no digits for their differences.
  for (const [k, value] of sorted.entries()) sums[k + 1] = sums[k] + (value - sorted[0])
  for (let low = 0, k = 0, high = 0; k < sorted.length; k++) {
    while (sorted[k] - sorted[low] > TIGHT_NS) low++
    while (sorted[high] - sorted[k] <= TIGHT_NS) high++
    const value = sorted[k] - sorted[0]
    const away = (k - low) * value - (sums[k] - sums[low]) + (sums[high] - sums[k]) - (high - k) * value
    const votes = high - low - away / TIGHT_NS
    if (votes > (best?.votes ?? 0)) best = { offsetNs: sorted[k], votes }
  }
  return best
}

/** The line through those that agree; not clear where one offset has about as many. */
function refined(starts: readonly Start[], voted: Voted): Line {
  const points = near(starts, voted, TIGHT_NS)
  const flat = mostVoted(points, [0])
  const better = voted.votes - (flat?.votes ?? 0) >= 2 * Math.sqrt(voted.votes)
  const line = lineThrough(points, LEAST_NS, SOONEST) ?? voted
  return { slope: line.slope, offsetNs: line.offsetNs, clear: better && 'clear' in line && line.clear }
}

/**
 * Whether calls have their moment in all quarters of what both clocks saw: a line that got lost fits where it began.
 * Not in equal shares: some flushes find nothing to queue.
 */
function holdsThroughout(starts: readonly Start[], line: Voted): boolean {
  const [from = NaN, to = NaN] = extent(starts.flatMap(({ series: { atNs } }) => [atNs[0], atNs[atNs.length - 1]]))
  const onTheirs = (ns: number): number => ns + line.slope * ns + line.offsetNs
  const shared = starts.slice(byStart.left(starts, onTheirs(from)), byStart.right(starts, onTheirs(to)))
  const shares = [0, 1, 2, 3].map((k) => {
    const quarter = shared.slice((k * shared.length) / 4, ((k + 1) * shared.length) / 4)
    return near(quarter, line, TIGHT_NS).length / quarter.length
  })
  return Math.min(...shares) * 4 >= Math.max(...shares)
}

const byStart = bisector(({ startNs }: Start) => startNs)

/** What each call's moments say that the line expects within `reachNs` of its start and a lead. */
function near(
  starts: readonly Start[],
  { slope, offsetNs }: Pick<Voted, 'slope' | 'offsetNs'>,
  reachNs: number,
): LocalOffset[] {
  const found: LocalOffset[] = []
  for (const { startNs, series } of starts) {
    // Where on the other clock a moment soon after the start would be.
    const expected = (startNs + LEAD_NS - offsetNs) / (1 + slope)
    for (let k = bisectLeft(series.atNs, expected - reachNs); series.atNs[k] <= expected + reachNs; k++) {
      found.push({ atNs: series.atNs[k], offsetNs: startNs + LEAD_NS - series.atNs[k] })
    }
  }
  return found
}
