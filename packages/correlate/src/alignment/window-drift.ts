/**
 * Local offsets between moments and calls whose clocks drift apart: within a few calls that follow each other closely
 * the drift does not show, so they tell one offset; from there the line is followed outwards, to twice the time in each
 * step, so that it is never asked for what it does not nearly know.
 */
import { bisector, bisectLeft, extent, leastIndex } from 'd3-array'
import { lineThrough, type Line, type LocalOffset } from './drift.ts'
import { isSure, type FoundOffset } from './offset.ts'
import { LEAD_NS, SOON_NS, windowOffset, type Series } from './window-offset.ts'

/** Calls in which an offset is looked for: enough to be sure of one. */
const SEED = 32
/** Places where it is looked for. */
const SEEDS = 6

/** Those that came soonest say most: nothing makes a request come before its call, and much makes it late. */
const SOONEST = 0.8

interface Start {
  readonly startNs: number
  readonly series: Series
}

/** The line of the offsets over all that the two clocks share; null: it can't be followed. */
export function windowLine(series: readonly Series[], constant: FoundOffset | null, grainNs: number): Line | null {
  const starts = series
    .map(quietBefore)
    .flatMap((one) => one.startNs.map((startNs) => ({ startNs, series: one })))
    .sort((a, b) => a.startNs - b.startNs)
  if (starts.length < SEED) return null
  const seed = constant && isSure(constant) ? bestFitting(starts, constant.offsetNs) : firstSure(starts, grainNs)
  const line = seed && followed(starts, seed)
  return line && holdsThroughout(starts, line) ? line : null
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
  readonly offsetNs: number
}

/** Where one offset fits most calls. */
function bestFitting(starts: readonly Start[], offsetNs: number): Seed {
  const flat: Line = { slope: 0, offsetNs, changeNs: 0, spreadNs: 0 }
  const misses = slices(starts).map((first) => SEED - locals(starts.slice(first, first + SEED), flat).length)
  return { first: slices(starts)[leastIndex(misses) ?? 0], offsetNs }
}

/** The densest calls that tell an offset by themselves. */
function firstSure(starts: readonly Start[], grainNs: number): Seed | null {
  const span = (first: number): number => starts[first + SEED - 1].startNs - starts[first].startNs
  for (const first of slices(starts)
    .sort((a, b) => span(a) - span(b))
    .slice(0, SEEDS)) {
    const [from, to] = [starts[first].startNs, starts[first + SEED - 1].startNs]
    const few = new Set(starts.slice(first, first + SEED).map(({ series }) => series))
    const found = windowOffset(
      [...few].map((series) => within(series, from, to)),
      grainNs,
    )
    if (found && isSure(found)) return { first, offsetNs: found.offsetNs }
  }
  return null
}

function slices(starts: readonly Start[]): number[] {
  return Array.from({ length: Math.floor(starts.length / SEED) }, (_, k) => k * SEED)
}

function within({ startNs, endNs, atNs }: Series, from: number, to: number): Series {
  const [first, last] = [bisectLeft(startNs, from), bisectLeft(startNs, to + 1)]
  return { startNs: startNs.slice(first, last), endNs: endNs.slice(first, last), atNs }
}

function followed(starts: readonly Start[], { first, offsetNs }: Seed): Line | null {
  let line: Line | null = { slope: 0, offsetNs, changeNs: 0, spreadNs: 0 }
  let [low, high] = [first, first + SEED]
  for (;;) {
    const [from, to] = [starts[low].startNs, starts[high - 1].startNs]
    line = lineThrough(locals(starts.slice(low, high), line), SOONEST)
    if (!line || (low === 0 && high === starts.length)) return line
    const reach = Math.max(1, (to - from) / 2)
    low = byStart.left(starts, from - reach)
    high = byStart.right(starts, to + reach)
    // A pause longer than all before it is crossed in one step.
    if (starts[low].startNs === from && starts[high - 1].startNs === to) {
      low = Math.max(0, low - 1)
      high = Math.min(starts.length, high + 1)
    }
  }
}

/** Whether calls have their moment in all quarters of what both clocks saw: a line that got lost fits where it began. */
function holdsThroughout(starts: readonly Start[], line: Line): boolean {
  const [from = NaN, to = NaN] = extent(starts.flatMap(({ series: { atNs } }) => [atNs[0], atNs[atNs.length - 1]]))
  const onTheirs = (ns: number): number => ns + line.slope * ns + line.offsetNs
  const shared = starts.slice(byStart.left(starts, onTheirs(from)), byStart.right(starts, onTheirs(to)))
  const shares = [0, 1, 2, 3].map((k) => {
    const quarter = shared.slice((k * shared.length) / 4, ((k + 1) * shared.length) / 4)
    return locals(quarter, line).length / quarter.length
  })
  return Math.min(...shares) * 2 >= Math.max(...shares)
}

const byStart = bisector(({ startNs }: Start) => startNs)

/** Of each call its first moment, as the line expects it. */
function locals(starts: readonly Start[], { slope, offsetNs }: Line): LocalOffset[] {
  const found: LocalOffset[] = []
  for (const { startNs, series } of starts) {
    // Where on the other clock a moment soon after the start would be.
    const expected = (startNs + LEAD_NS - offsetNs) / (1 + slope)
    const k = bisectLeft(series.atNs, expected)
    const [before, after] = [series.atNs[k - 1] ?? -Infinity, series.atNs[k] ?? Infinity]
    const atNs = expected - before < after - expected ? before : after
    if (Math.abs(atNs - expected) < SOON_NS) found.push({ atNs, offsetNs: startNs + LEAD_NS - atNs })
  }
  return found
}
