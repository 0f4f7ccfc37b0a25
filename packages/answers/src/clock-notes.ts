/**
 * Where a trace on CLOCK_MONOTONIC lies on the wall clock, by notes of moments on both (clock.txt of `flushtrace recipe`).
 * Adjusting the wall clock slews both alike: only setting it moves them apart, and then the notes differ.
 */
import { MAX_RESIDUAL_NS, type FoundOffset } from '@flushtrace/correlate'
import type { ClockNote } from '@flushtrace/layout'
import { nsBetween, type Instant } from '@flushtrace/trace'
import { max, min } from 'd3-array'
import { dirname } from 'node:path'
import { alignedBy, type Alignment } from './clocks.ts'

/** Offsets that are possible. */
type Range = readonly [lowNs: number, highNs: number]

/** Notes that do not tell how close they are: what the start of two programs takes, beyond what they differ by. */
const UNTOLD_NS = 2_000_000
/** A note from further away is of another boot, or of another machine. */
const MAX_AWAY_NS = 86_400_000_000_000

/** `origin`: ns 0 on the wall clock; `first`: time 0 of the trace, since boot. null: no notes are close enough. */
export function alignedByNotes(
  all: readonly ClockNote[],
  trace: string,
  origin: Instant,
  first: Instant,
): Alignment | null {
  const near = (ns: number): boolean => Math.abs(ns) <= MAX_AWAY_NS
  const notes = nearest(all, dirname(trace)).flatMap(({ wall, monotonic, withinNs }) => {
    const [onWall, onMonotonic] = [nsBetween(origin, wall), nsBetween(first, monotonic)]
    return near(onWall) && near(onMonotonic) ? [{ offsetNs: onWall - onMonotonic, withinNs }] : []
  })
  if (notes.length === 0) return null
  const around = (offsetNs: number, withinNs: number): Range => [offsetNs - withinNs, offsetNs + withinNs]
  const told = notes.flatMap(({ offsetNs, withinNs }) => (withinNs === null ? [] : [around(offsetNs, withinNs)]))
  const untold = notes.flatMap(({ offsetNs, withinNs }) => (withinNs === null ? [around(offsetNs, UNTOLD_NS)] : []))
  const ranges = untold.length > 0 ? [...told, outer(untold)] : told
  const [lowNs, highNs] = inner(ranges) ?? outer(ranges)
  const residualNs = Math.ceil((highNs - lowNs) / 2)
  if (residualNs > MAX_RESIDUAL_NS) return null
  return { ...alignedBy('note', Math.round((lowNs + highNs) / 2)), residualNs, matched: notes.length }
}

/** Those below the folder of the trace, else below the next one above it that has any. */
function nearest(notes: readonly ClockNote[], folder: string): readonly ClockNote[] {
  const below = notes.filter(({ path }) => folder === '.' || path.startsWith(folder === '/' ? '/' : `${folder}/`))
  const above = dirname(folder)
  return below.length > 0 || above === folder ? below : nearest(notes, above)
}

/**
 * What flushes and requests say, as far as notes leave it open: the truth is in both ranges. Data that have no part of
 * theirs in common with that of the notes are believed: notes may be of another boot.
 */
export function narrowed(found: FoundOffset, { offsetNs: noted, residualNs: within }: Alignment): FoundOffset {
  if (noted === null || within === null || found.driftPpm !== undefined) return found
  const common = inner([
    [found.offsetNs - found.residualNs, found.offsetNs + found.residualNs],
    [noted - within, noted + within],
  ])
  if (!common) return found
  const [lowNs, highNs] = common
  const offsetNs = Math.min(Math.max(found.offsetNs, lowNs), highNs)
  return { ...found, offsetNs, residualNs: Math.max(offsetNs - lowNs, highNs - offsetNs) }
}

function outer(ranges: readonly Range[]): Range {
  return [min(ranges, ([low]) => low) ?? NaN, max(ranges, ([, high]) => high) ?? NaN]
}

function inner(ranges: readonly Range[]): Range | null {
  const [low, high] = [max(ranges, ([from]) => from) ?? NaN, min(ranges, ([, to]) => to) ?? NaN]
  return low <= high ? [low, high] : null
}
