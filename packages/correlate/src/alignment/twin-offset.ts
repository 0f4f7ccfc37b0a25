/**
 * The offset between the clocks of two block traces, from requests that stand in both: queued by the same task for the
 * same sectors. Exact to what lies between the two tracepoints, or to the digits of the text.
 */
import { deviation, median } from 'd3-array'
import { IntervalVote } from './interval-vote.ts'
import type { FoundOffset } from './offset.ts'

/** Two tracepoints on one request fire within µs; an interrupt may come in between. */
const TOGETHER_NS = 50_000
/** Times of one request on each side that are paired with each other. */
const MAX_TIMES = 16

/** By request, in each trace: when it was queued. What to add to times of `from` to get times of `to`. */
export function twinOffset(
  from: ReadonlyMap<string, readonly number[]>,
  to: ReadonlyMap<string, readonly number[]>,
): FoundOffset | null {
  const differences: number[] = []
  for (const [request, times] of from) {
    for (const at of times.slice(0, MAX_TIMES)) {
      for (const other of to.get(request)?.slice(0, MAX_TIMES) ?? []) differences.push(other - at)
    }
  }
  const votes = new IntervalVote(differences.length)
  for (const difference of differences) votes.add(difference - TOGETHER_NS, difference + TOGETHER_NS)
  const [best, rival] = votes.best(2, TOGETHER_NS)
  if (!best) return null
  const middle = (best.start + best.end) / 2
  const agreed = differences.filter((difference) => Math.abs(difference - middle) <= TOGETHER_NS)
  return {
    offsetNs: median(agreed)!,
    residualNs: deviation(agreed) ?? TOGETHER_NS,
    matched: agreed.length,
    lead: 1 - (rival?.votes ?? 0) / best.votes,
  }
}
