/**
 * Places a source whose clock says nothing on the timeline of others, by what it shares with them: requests that stand
 * in both (block traces), or moments that must lie inside flush calls of the same task: calls that are told, or what the
 * file system says of them, where nothing but such events stands in a trace.
 */
import { max, min } from 'd3-array'
import type { BlockAnchors, CallAnchors } from './anchors.ts'
import { steadier } from './drift.ts'
import { leftOpen } from './left-open.ts'
import { isSure, type FoundOffset } from './offset.ts'
import { twinOffset } from './twin-offset.ts'
import { paced, windowLine } from './window-drift.ts'
import { windowOffset, type Series } from './window-offset.ts'

/** What the stamps of printed events count. */
const TEXT_NS = 1e3

/** A source, and where its time 0 lies on the timeline. */
export interface PlacedSource {
  readonly anchors: CallAnchors | BlockAnchors
  readonly offsetNs: number
  /** How far from that the truth may be. */
  readonly residualNs: number
}

/**
 * Where time 0 of a source with these anchors lies on the timeline; null: it shares nothing with those that are placed.
 * What is found need not be sure. `drifts`: its clock may run at another pace.
 */
export function offsetBeside(
  placed: readonly PlacedSource[],
  anchors: CallAnchors | BlockAnchors,
  drifts = true,
): FoundOffset | null {
  let best: FoundOffset | null = null
  const calls = placed.filter((other) => other.anchors.kind === 'calls')
  if (calls.length > 0) {
    const inCalls = offsetInCalls(seriesOf(calls, anchors), grainOf(calls), drifts)
    best = inCalls && { ...inCalls, residualNs: inCalls.residualNs + (max(calls, ({ residualNs }) => residualNs) ?? 0) }
  }
  for (const { anchors: other, offsetNs, residualNs } of placed) {
    if (other.kind !== 'block' || anchors.kind !== 'block') continue
    if (anchors.requests.size === 0) {
      const around = offsetAround(anchors, other, offsetNs)
      best = surer(best, around && { ...around, residualNs: around.residualNs + residualNs })
      continue
    }
    const twin = twinOffset(anchors.requests, other.requests, drifts)
    best = surer(
      best,
      twin && { ...twin, offsetNs: twin.offsetNs + offsetNs, residualNs: twin.residualNs + residualNs, twin: true },
    )
  }
  return best
}

function offsetInCalls(series: readonly Series[], grainNs: number, drifts: boolean): FoundOffset | null {
  const constant = windowOffset(series, grainNs)
  if (!constant) return null
  const line = windowLine(series, constant, grainNs)
  const put = (driftPpm: number): Series[] => series.map((one) => paced(one, driftPpm))
  const found = drifts ? steadier(constant, line, (ppm) => windowOffset(put(ppm), grainNs)) : constant
  if (!found) return null
  const { offsetNs, driftPpm } = found
  const steady = put(driftPpm ?? 0)
  // What fits best may be the line where one offset is used; put right, it has the offset that it has at time 0.
  const fitting = [
    { slope: 0, offsetNs },
    { slope: driftPpm === undefined ? (line?.slope ?? 0) : 0, offsetNs: line?.offsetNs ?? offsetNs },
  ]
  const open = fitting.flatMap((one) => leftOpen(steady, offsetNs, one, grainNs) ?? [])
  return {
    ...found,
    residualNs: max(open, ({ residualNs }) => residualNs) ?? found.residualNs,
    driftResidualPpm: max(open, ({ driftResidualPpm }) => driftResidualPpm),
  }
}

/**
 * Of a trace that says when tasks were in a flush, beside one of their requests. Where it does not say until when, nothing
 * bounds how long after its begin the first request was queued (on btrfs, much longer than a call takes to begin): then it
 * is for another witness to say so, too.
 */
function offsetAround({ windows }: BlockAnchors, requests: BlockAnchors, requestsNs: number): FoundOffset | null {
  const points = requests.points()
  const series = [...windows].flatMap(([tid, { startNs, endNs }]) => {
    const atNs = points.get(tid)
    return atNs ? [{ startNs, endNs, atNs: atNs.map((ns) => ns + requestsNs) }] : []
  })
  const found = windowOffset(series, TEXT_NS)
  const ends = series.some(({ endNs }) => endNs.some((ns) => !Number.isNaN(ns)))
  return found && { ...found, offsetNs: -found.offsetNs, lead: ends ? found.lead : 0 }
}

/**
 * The one to believe: of two that are sure, the closer one. Two traces of the same requests must agree among themselves
 * first: what both are off by then is the same.
 */
export function surer(a: FoundOffset | null, b: FoundOffset | null): FoundOffset | null {
  if (!a || !b) return a ?? b
  if (isSure(a) !== isSure(b)) return isSure(a) ? a : b
  if (a.twin !== b.twin && isSure(a)) return a.twin ? a : b
  return b.residualNs < a.residualNs ? b : a
}

/** By task: its windows on the timeline, and the points to be placed. The first source that saw a task's flushes tells. */
function seriesOf(placed: readonly PlacedSource[], anchors: CallAnchors | BlockAnchors): Series[] {
  const told = new Map<number, Omit<Series, 'atNs'>>()
  for (const { anchors: calls, offsetNs } of placed) {
    if (calls.kind !== 'calls') continue
    const moved = (ns: number): number => ns + offsetNs
    for (const [tid, { startNs, endNs }] of calls.windows) {
      if (!told.has(tid)) told.set(tid, { startNs: startNs.map(moved), endNs: endNs.map(moved) })
    }
  }
  return [...anchors.points()].flatMap(([tid, atNs]) => {
    const windows = told.get(tid)
    return windows ? [{ ...windows, atNs }] : []
  })
}

/** The files of a -ff set have one clock; in some there is too little to tell how fine it is. */
function grainOf(placed: readonly PlacedSource[]): number {
  const grains = placed.flatMap(({ anchors }) =>
    anchors.kind === 'calls' && anchors.windows.size > 0 ? [anchors.grainNs] : [],
  )
  return min(grains) ?? 0
}
