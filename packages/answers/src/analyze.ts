/**
 * The whole road: sources → events → state → activities → whoever asked. Every command goes through here; what it
 * wants to know it takes from the activities as they pass.
 */
import { System, applyStreams, type Activity } from '@flushtrace/correlate'
import type { SummaryRow } from '@flushtrace/strace'
import { Diagnostics, formatInstant, type Instant } from '@flushtrace/trace'
import { extent } from 'd3-array'
import { activityFilter, type FilterOptions } from './filter.ts'
import { openCapture, savedProcesses, straceReadings, type Capture, type StraceSource } from './sources.ts'
import { readSummaries } from './summaries.ts'
import { reportUnseen } from './unseen.ts'

export interface AnalyzeOptions extends FilterOptions {
  /** Called now and then with the bytes read so far (as on disk) and in all (null: a stream has no size). */
  readonly onProgress?: (done: number, total: number | null) => void
}

/** What is true of the whole capture once it has been read. */
export interface Analysis {
  readonly capture: Capture
  readonly straces: readonly StraceSource[]
  /** Rows of `strace -c` tables that stand alone. */
  readonly summaries: readonly SummaryRow[]
  readonly diagnostics: Diagnostics
  readonly startedAt: string | null
  readonly spanNs: number
  /** By source: where its time 0 lies in ns since `startedAt`. */
  readonly offsets: ReadonlyMap<number, number>
  readonly seen: { readonly processes: number; readonly tasks: number }
}

/** Gets each activity that passes the filter, its time in ns since the start, and the paths its sources are numbers of. */
export type OnActivity = (activity: Activity, atNs: number, sourcePaths: readonly string[]) => void

/** Reads everything once. */
export async function analyze(
  paths: readonly string[],
  options: AnalyzeOptions,
  onActivity: OnActivity,
): Promise<Analysis> {
  const diagnostics = new Diagnostics()
  let origin: Instant | null = null
  let nowNs = NaN

  const capture = await openCapture(paths, diagnostics, options.onProgress)
  const wanted = activityFilter(options, () => origin)
  const straces = straceReadings(capture, diagnostics)
  const sourcePaths = capture.sources.map(({ source }) => source.path)
  const system = new System({
    diagnostics,
    saved: await savedProcesses(capture),
    sourcePaths,
    emit: (activity) => {
      if (wanted(activity, nowNs)) onActivity(activity, nowNs, sourcePaths)
    },
  })
  const streams = straces.map(({ index, tid, reading }) => ({ source: index, tid, batches: reading.batches }))
  const timeline = await applyStreams(streams, system, (atNs, start) => {
    nowNs = atNs
    origin = start
  })
  system.finish()
  const summaries = await readSummaries(capture)
  reportUnseen(straces, diagnostics)

  return {
    capture,
    straces,
    summaries,
    diagnostics,
    startedAt: timeline.origin && formatInstant(timeline.origin),
    spanNs: spanOf(straces, timeline.offsets),
    offsets: timeline.offsets,
    seen: system.seen,
  }
}

function spanOf(straces: readonly StraceSource[], offsets: ReadonlyMap<number, number>): number {
  const ends = straces.flatMap(({ index, reading: { facts } }) => {
    const offset = offsets.get(index) ?? 0
    return facts.firstNs === null || facts.lastNs === null ? [] : [offset + facts.firstNs, offset + facts.lastNs]
  })
  const [first, last] = extent(ends)
  return first === undefined || last === undefined ? 0 : last - first
}
