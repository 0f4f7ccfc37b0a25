/**
 * How far the truth may be from what was found. A moment lies inside its call, which bounds the offset at that time from
 * both sides; the truth is some line that passes all these bounds, since the clocks may run at different paces. Of all
 * lines that do, the one furthest away counts (a linear programme in two unknowns).
 */
import { bisectRight, extent } from 'd3-array'
import { LEAD_NS, widened, type Series } from './window-offset.ts'

interface Bound {
  readonly atNs: number
  readonly low: number
  readonly high: number
}

export interface LeftOpen {
  /** The furthest that an offset that is possible is from the found one, from the first to the last moment in a call. */
  readonly residualNs: number
  /** The same of the slope, in millionths. */
  readonly driftResidualPpm: number
}

/** A drift that is not seen is smaller: crystals differ by less. */
const UNSEEN_PPM = 200
/** Slopes at which the lines that are possible are looked at, to either side. */
const SLOPES = 32

/**
 * `line`: what fits best; it says which moment belongs to which call. The found offset is the same at all times.
 * null: no moment lies in a call.
 */
export function leftOpen(
  all: readonly Series[],
  offsetNs: number,
  line: { readonly slope: number; readonly offsetNs: number },
  grainNs: number,
): LeftOpen | null {
  const bounds = all.flatMap((one) => boundsOf(widened(one, grainNs), line))
  const [from, to] = extent(bounds, ({ atNs }) => atNs)
  if (from === undefined) return null
  const most = Math.max(UNSEEN_PPM / 1e6, Math.abs(line.slope))
  const [least, greatest] = [-most, most].map((outmost) => furthestPossible(bounds, line.slope, outmost))
  let residualNs = LEAD_NS
  for (let k = 0; k <= SLOPES; k++) {
    const slope = least + ((greatest - least) * k) / SLOPES
    const [low, high] = offsetsAt(bounds, slope)
    for (const at of [from, to]) {
      residualNs = Math.max(residualNs, offsetNs - low - slope * at, high + slope * at - offsetNs)
    }
  }
  return { residualNs: residualNs + grainNs, driftResidualPpm: Math.max(-least, greatest) * 1e6 }
}

/** Of moments that the line puts into a call. */
function boundsOf({ startNs, endNs, atNs }: Series, line: { slope: number; offsetNs: number }): Bound[] {
  return atNs.flatMap((at) => {
    const now = at + line.slope * at + line.offsetNs
    const k = bisectRight(startNs, now) - 1
    return k >= 0 && now <= endNs[k] ? [{ atNs: at, low: startNs[k] - at, high: endNs[k] - at }] : []
  })
}

/** Offsets at time 0 that pass all bounds at a slope; none where the first is above the second. */
function offsetsAt(bounds: readonly Bound[], slope: number): [low: number, high: number] {
  let [lowest, highest] = [-Infinity, Infinity]
  for (const { atNs, low, high } of bounds) {
    lowest = Math.max(lowest, low - slope * atNs)
    highest = Math.min(highest, high - slope * atNs)
  }
  return [lowest, highest]
}

/** The slope next to `outmost` that some line has; `slope` is one. What is possible has no gaps. */
function furthestPossible(bounds: readonly Bound[], slope: number, outmost: number): number {
  let [possible, not] = [slope, outmost]
  for (let k = 0; k < SLOPES; k++) {
    const middle = (possible + not) / 2
    const [low, high] = offsetsAt(bounds, middle)
    if (low <= high) possible = middle
    else not = middle
  }
  return possible
}
