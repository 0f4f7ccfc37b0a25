/**
 * The whole road: sources → events → state → activities → whoever asked. Every command goes through here; what it
 * wants to know it takes from the activities and block events as they pass.
 */
import {
  System,
  applyStreams,
  type Activity,
  type CallStream,
  type DeviceSummary,
  type Timeline,
  type TracedProcess,
} from '@flushtrace/correlate'
import type { SummaryRow } from '@flushtrace/strace'
import { Diagnostics, formatInstant, type DiagnosticKind, type Instant } from '@flushtrace/trace'
import { extent } from 'd3-array'
import { oneWitnessEach, readBlocks, type BlockTrace, type OnBlockBatch } from './block.ts'
import { activityFilter, timeFilter, type FilterOptions } from './filter.ts'
import {
  blockReadings,
  openCapture,
  savedProcesses,
  straceReadings,
  sysdigReadings,
  type Capture,
  type FormatOptions,
  type StraceSource,
  type SysdigSource,
} from './sources.ts'
import { readBlockTables, readSummaries, type BlockTable } from './summaries.ts'
import { reportUnseen } from './unseen.ts'

export interface AnalyzeOptions extends FilterOptions, FormatOptions {
  /** Called now and then with the bytes read so far (as on disk) and in all (null: a stream has no size). */
  readonly onProgress?: (done: number, total: number | null) => void
}

/** What is true of the whole capture once it has been read. */
export interface Analysis {
  readonly capture: Capture
  readonly straces: readonly StraceSource[]
  readonly sysdigs: readonly SysdigSource[]
  readonly blocks: readonly BlockTrace[]
  /** Each device once; empty without block traces. */
  readonly devices: readonly DeviceSummary[]
  /** Rows of `strace -c` tables, and of `btrace -s` tables, that stand alone. */
  readonly summaries: readonly SummaryRow[]
  readonly blockTables: readonly BlockTable[]
  readonly diagnostics: Diagnostics
  readonly startedAt: string | null
  readonly spanNs: number
  /** By source: where its time 0 lies in ns since `startedAt`. */
  readonly offsets: ReadonlyMap<number, number>
  readonly seen: { readonly processes: number; readonly tasks: number }
}

/** What an activity's numbers mean. */
export interface ActivityContext {
  readonly sourcePaths: readonly string[]
  /** Container id of a task; null where no source tells, or it is in none. */
  readonly containerOf: (tid: number) => string | null
  /** Block traces stand beside the calls: requests will be charged to processes at the end. */
  readonly hasBlocks: boolean
}

/** Gets each activity that passes the filter, and its time in ns since the start. */
export type OnActivity = (activity: Activity, atNs: number, context: ActivityContext) => void

/** Who is told what, besides activities. */
export interface Listeners {
  readonly onBlockBatch?: OnBlockBatch
  /** The last task of a process is gone: no activity of it will come. */
  readonly onEnd?: (process: TracedProcess, context: ActivityContext) => void
}

/** Reads everything once. */
export async function analyze(
  paths: readonly string[],
  options: AnalyzeOptions,
  onActivity: OnActivity,
  listeners: Listeners = {},
): Promise<Analysis> {
  const diagnostics = new Diagnostics()
  const capture = await openCapture(paths, diagnostics, options, options.onProgress)
  const sourcePaths = capture.sources.map(({ source }) => source.path)
  const straces = straceReadings(capture, diagnostics)
  // strace shows more of a call than sysdig does; where both saw a task, strace's word counts, and what sysdig could
  // not show of it is no gap.
  const beside = straces.length > 0 ? new Diagnostics() : diagnostics
  const sysdigs = sysdigReadings(capture, beside, options)
  const context: ActivityContext = {
    sourcePaths,
    containerOf: (tid) => {
      for (const { reading } of sysdigs) {
        const container = reading.containers.get(tid)
        if (container) return container
      }
      return null
    },
    hasBlocks: capture.sources.some(({ kind }) => kind === 'blktrace' || kind === 'blkparse' || kind === 'tracefs'),
  }
  let origin: Instant | null = null
  const wanted = activityFilter(options, () => origin)

  const told = new Set<number>()
  const run = async (streams: CallStream[], infer: boolean, skip: ReadonlySet<number> | null): Promise<Ran> => {
    let nowNs = NaN
    const saved = await savedProcesses(capture)
    if (infer) for (const { reading } of sysdigs) await listed(reading, saved)
    let counted = 0
    const system = new System({
      diagnostics: infer ? beside : diagnostics,
      saved,
      sourcePaths,
      infer,
      onEnd: listeners.onEnd && ((process) => listeners.onEnd?.(process, context)),
      onTask: skip || sysdigs.length === 0 ? undefined : (tid) => told.add(tid),
      emit: (activity) => {
        if (skip?.has(activity.task.tid)) return
        counted++
        if (wanted(activity, nowNs)) onActivity(activity, nowNs, context)
      },
    })
    const placed = (atNs: number, start: Instant | null): void => {
      nowNs = atNs
      origin = start
    }
    const timeline = await applyStreams(streams, system, placed, origin)
    system.finish()
    if (skip) diagnostics.add(counted > 0 ? SHARED : COVERED, { source: sourcePaths[streams[0].source] })
    return { timeline, seen: system.seen }
  }
  const ran: Ran[] = []
  if (straces.length > 0) {
    ran.push(
      await run(
        straces.map(({ index, tid, reading }) => ({ source: index, tid, batches: reading.batches })),
        false,
        null,
      ),
    )
  }
  if (sysdigs.length > 0) {
    const streams = sysdigs.map(({ index, reading }) => ({ source: index, tid: 0, batches: reading.batches }))
    ran.push(await run(streams, true, straces.length > 0 ? told : null))
  }
  const window = { origin, keep: timeFilter(options, () => origin), anchored: ran.length > 0 }
  const blocks = await readBlocks(
    blockReadings(capture, diagnostics, options),
    window,
    diagnostics,
    listeners.onBlockBatch ?? null,
  )
  reportUnseen(straces, diagnostics)

  const offsets = new Map(ran.flatMap(({ timeline }) => [...timeline.offsets]))
  return {
    capture,
    straces,
    sysdigs,
    blocks: blocks.traces,
    devices: oneWitnessEach(blocks.traces, diagnostics),
    summaries: await readSummaries(capture),
    blockTables: await readBlockTables(capture, diagnostics),
    diagnostics,
    startedAt: blocks.origin && formatInstant(blocks.origin),
    spanNs: spanOf(straces, sysdigs, blocks.traces, offsets),
    offsets,
    seen: {
      processes: Math.max(0, ...ran.map(({ seen }) => seen.processes)),
      tasks: Math.max(0, ...ran.map(({ seen }) => seen.tasks)),
    },
  }
}

const COVERED: DiagnosticKind = {
  code: 'source/covered',
  severity: 'info',
  message: 'sysdig and strace saw the same tasks: their calls are counted once, as strace tells them.',
  fix: 'to see what sysdig alone tells, name it alone',
}
const SHARED: DiagnosticKind = {
  code: 'source/shared',
  severity: 'info',
  message: 'Tasks that strace traced are told by strace, all others by sysdig: no call is counted twice.',
  fix: 'to see what one of them tells, name it alone',
}

interface Ran {
  readonly timeline: Timeline
  readonly seen: { readonly processes: number; readonly tasks: number }
}

/** What a sysdig capture lists of tasks that were there before it, beside what was saved of /proc. */
async function listed(
  reading: SysdigSource['reading'],
  saved: Awaited<ReturnType<typeof savedProcesses>>,
): Promise<void> {
  await reading.start()
  for (const [pid, process] of reading.processes) if (!saved.has(pid)) saved.set(pid, process)
}

/** From the first to the last time of the richest kind of source: rates are counts over the time that counted. */
function spanOf(
  straces: readonly StraceSource[],
  sysdigs: readonly SysdigSource[],
  blocks: readonly BlockTrace[],
  offsets: ReadonlyMap<number, number>,
): number {
  const calls = (straces.length > 0 ? straces : sysdigs).map(({ index, reading: { facts } }) => ({
    facts,
    offset: offsets.get(index) ?? 0,
  }))
  const requests = blocks.map(({ reading: { facts }, offsetNs }) => ({ facts, offset: offsetNs ?? 0 }))
  const ends = (calls.length > 0 ? calls : requests).flatMap(({ facts: { firstNs, lastNs }, offset }) =>
    firstNs === null || lastNs === null ? [] : [offset + firstNs, offset + lastNs],
  )
  const [first, last] = extent(ends)
  return first === undefined || last === undefined ? 0 : last - first
}
