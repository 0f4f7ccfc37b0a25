/**
 * The offset between the clocks of two block traces, from requests that stand in both: queued by the same task for the
 * same sectors. Exact to what lies between the two tracepoints, or to the digits of the text.
 */
import { extent, median, quantile } from 'd3-array'
import { lineThrough, steadied, steadier, type LocalOffset } from './drift.ts'
import { IntervalVote } from './interval-vote.ts'
import { isSure, type FoundOffset } from './offset.ts'

/**
 * Two tracepoints on one request fire within µs; an interrupt may come in between. Clocks that drift apart (ftrace's
 * `local` beside CLOCK_MONOTONIC, some 10 ppm) agree less closely; where a line does not fit either, they get one offset
 * with the residual that shows it.
 */
const TOGETHER_NS = [50_000, 2_000_000]
/** A smaller change of the offset between two traces is what makes their tracepoints late. */
const LEAST_NS = 50_000
/** Times of one request on each side that are paired with each other. */
const MAX_TIMES = 16

/** By request: when it was queued. */
type Requests = ReadonlyMap<string, readonly number[]>

/** What to add to times of `from` to get times of `to`. */
export function twinOffset(from: Requests, to: Requests, drifts = true): FoundOffset | null {
  const twins = sureTwins(from, to)
  const line = lineThrough(twins, LEAST_NS)
  const constant = oneOffset(from, to)
  const found = drifts
    ? steadier(constant, line, (driftPpm) => {
        const steady = new Map([...from].map(([request, at]) => [request, at.map((ns) => steadied(ns, driftPpm))]))
        return oneOffset(steady, to)
      })
    : constant
  if (!found || !line || found.driftPpm !== undefined) return found
  // What one offset leaves of a drift that is not told.
  const ends = extent(twins, ({ atNs }) => atNs).map((at = 0) =>
    Math.abs(line.offsetNs + line.slope * at - found.offsetNs),
  )
  return { ...found, residualNs: Math.max(found.residualNs, ...ends) }
}

/** Requests that each trace has once. */
function sureTwins(from: Requests, to: Requests): LocalOffset[] {
  return [...from].flatMap(([request, [atNs, ...again]]) => {
    const others = to.get(request) ?? []
    return again.length === 0 && others.length === 1 ? [{ atNs, offsetNs: others[0] - atNs }] : []
  })
}

function oneOffset(from: Requests, to: Requests): FoundOffset | null {
  const differences: number[] = []
  for (const [request, times] of from) {
    const others = to.get(request)?.slice(0, MAX_TIMES) ?? []
    for (const at of times.slice(0, MAX_TIMES)) for (const other of others) differences.push(other - at)
  }
  let found: FoundOffset | null = null
  for (const togetherNs of TOGETHER_NS) {
    found = agreement(differences, togetherNs)
    if (found && isSure(found)) break
  }
  return found
}

function agreement(differences: readonly number[], togetherNs: number): FoundOffset | null {
  const votes = new IntervalVote(differences.length)
  for (const difference of differences) votes.add(difference - togetherNs, difference + togetherNs)
  const [best, rival] = votes.best(2, togetherNs)
  if (!best) return null
  const middle = (best.start + best.end) / 2
  const agreed = differences.filter((difference) => Math.abs(difference - middle) <= togetherNs)
  const offsetNs = median(agreed) ?? middle
  return {
    offsetNs,
    residualNs: quantile(agreed, 0.95, (difference) => Math.abs(difference - offsetNs)) ?? togetherNs,
    matched: agreed.length,
    lead: 1 - (rival?.votes ?? 0) / best.votes,
  }
}
