/**
 * The whole road: sources → events → state → activities → whoever asked. Every command goes through here; what it
 * wants to know it takes from the activities and block events as they pass.
 */
import { REQUEST_ACTIONS, type Activity, type DeviceSummary, type TracedProcess } from '@flushtrace/correlate'
import type { DiskLayout } from '@flushtrace/layout'
import { Diagnostics, formatInstant, isReadOnce, type Instant, type Pace } from '@flushtrace/trace'
import { extent } from 'd3-array'
import { BlockTimeline } from './block-timeline.ts'
import { oneWitnessEach, readBlocks, type BlockTrace, type OnBlockBatch } from './block.ts'
import { givenClocks, type Alignment, type ClockOptions } from './clocks.ts'
import { WantedDevice, deviceActivityFilter } from './device-filter.ts'
import { activityFilter, timeFilter, type FilterOptions } from './filter.ts'
import {
  blockReadings,
  savedLayout,
  straceReadings,
  sysdigReadings,
  type StraceSource,
  type SysdigSource,
} from './readings.ts'
import { openCapture, type Capture, type FormatOptions, type SourceKind } from './sources.ts'
import { reportMoved, seenLayers } from './seen-layers.ts'
import { readTables, type SavedTables } from './summaries.ts'
import { readCalls, type CallsRead } from './system-calls.ts'
import { Turns } from './turns.ts'
import { timedReadings } from './timed.ts'
import { reportNoRequests, reportUnseen } from './unseen.ts'

export interface AnalyzeOptions extends FilterOptions, FormatOptions, ClockOptions {
  /** Called now and then with the bytes read so far (as on disk) and in all (null: a stream has no size). */
  readonly onProgress?: (done: number, total: number | null) => void
  /** Waited for before each further piece of a source, by whoever passes on what it is told. */
  readonly pace?: Pace
}

/** What is true of the whole capture once it has been read. */
export interface Analysis {
  readonly capture: Capture
  readonly straces: readonly StraceSource[]
  readonly sysdigs: readonly SysdigSource[]
  readonly blocks: readonly BlockTrace[]
  /** Each device once; empty without block traces. */
  readonly devices: readonly DeviceSummary[]
  /** Tables of `strace -c` and `btrace -s` that stand alone. */
  readonly tables: SavedTables
  /** Devices, file systems and their maps, as saved beside the trace; empty without any. */
  readonly layout: DiskLayout
  readonly diagnostics: Diagnostics
  readonly startedAt: string | null
  readonly spanNs: number
  /** By source: where its time 0 lies in ns since `startedAt`. */
  readonly offsets: ReadonlyMap<number, number>
  /** By source of the capture (a binary block trace: by its first): how it came to stand there. */
  readonly clocks: ReadonlyMap<number, Alignment>
  readonly seen: { readonly processes: number; readonly tasks: number }
}

/** What an activity's numbers mean. */
export interface ActivityContext {
  readonly sourcePaths: readonly string[]
  readonly sourceKinds: readonly SourceKind[]
  /** Container id of its task; null where no source tells, or it is in none. */
  readonly containerOf: (activity: Activity) => string | null
  /** Block traces stand beside the calls: requests will be charged to processes at the end. */
  readonly hasBlocks: boolean
}

/** Gets each activity that passes the filter, and its time in ns since the start. */
export type OnActivity = (activity: Activity, atNs: number, context: ActivityContext) => void

/** Who is told what, besides activities. */
export interface Listeners {
  readonly onBlockBatch?: OnBlockBatch
  /** It wants no other rows of block traces than what becomes of requests. */
  readonly requestsOnly?: boolean
  /** The last task of a process is gone: no activity of it will come. */
  readonly onEnd?: (process: TracedProcess, context: ActivityContext) => void
  /** Activities of a DetailKind are wanted, too. */
  readonly detail?: boolean
}

/** Opens everything, and reads what was saved beside the traces. `actions` of block traces are wanted; null: all. */
async function open(paths: readonly string[], options: AnalyzeOptions, actions: readonly number[] | null) {
  const { stages } = options
  stages?.enter('opening')
  const diagnostics = new Diagnostics()
  const capture = await openCapture(paths, diagnostics, options, options.onProgress, options.pace)
  const straces = timedReadings(stages, await straceReadings(capture, diagnostics))
  // What sysdig cannot show is no gap where strace stands beside it.
  const beside = straces.length > 0 ? new Diagnostics() : diagnostics
  return {
    diagnostics,
    beside,
    capture,
    layout: await savedLayout(capture, diagnostics),
    readers: {
      straces,
      sysdigs: timedReadings(stages, await sysdigReadings(capture, beside, options)),
      ahead: await sysdigReadings(capture, new Diagnostics(), options),
      given: givenClocks(capture, options.clock),
    },
    blockSources: timedReadings(stages, await blockReadings(capture, diagnostics, options, actions)),
  }
}

type Opened = Awaited<ReturnType<typeof open>>

/** What one reading has found out, so that in another one all sources can be read side by side. */
export interface Settled {
  readonly calls: CallsRead
  readonly timeline: BlockTimeline
  readonly turns: Turns
}

/**
 * Reads the calls, and looks into the block traces. null: there is one reading only, or a pipe, which can't be read twice.
 * No filter applies to `onActivity`.
 */
export async function settle(
  paths: readonly string[],
  options: AnalyzeOptions,
  onActivity: (activity: Activity) => void = () => {},
): Promise<Settled | null> {
  if (paths.some(isReadOnce)) return null
  const opened = await open(paths, options, REQUEST_ACTIONS)
  const { capture, readers, blockSources } = opened
  const readings = Number(readers.straces.length > 0) + Number(readers.sysdigs.length > 0) + blockSources.length
  if (readings < 2 || capture.sources.some(({ source }) => source.bytes === null)) return null
  options.stages?.enter('calls')
  const nobody = { onActivity, onEnd: () => {}, detail: false }
  const calls = await readCalls(capture, readers, nobody, opened)
  return { calls, timeline: await timelineAfter(calls, opened, options), turns: new Turns() }
}

async function timelineAfter(calls: CallsRead, opened: Opened, options: AnalyzeOptions): Promise<BlockTimeline> {
  const { capture, readers, blockSources, layout } = opened
  const timeline = new BlockTimeline(calls.origin, calls.placed, readers.given, layout)
  await timeline.lookAhead(blockSources, await blockReadings(capture, new Diagnostics(), options, REQUEST_ACTIONS))
  return timeline
}

/** Reads everything once; side by side where it is `settled` how all lies together, else one kind after the other. */
export async function analyze(
  paths: readonly string[],
  options: AnalyzeOptions,
  onActivity: OnActivity,
  listeners: Listeners = {},
  settled: Settled | null = null,
): Promise<Analysis> {
  const allRows = listeners.onBlockBatch && !listeners.requestsOnly
  const opened = await open(paths, options, allRows ? null : REQUEST_ACTIONS)
  const { diagnostics, capture, layout, readers, blockSources } = opened
  const { straces, sysdigs } = readers
  const context = contextOf(capture, sysdigs, blockSources.length > 0)

  let origin: Instant | null = null
  const device = options.device === undefined ? null : new WantedDevice(options.device, layout)
  const onDevice = device && deviceActivityFilter(device, diagnostics)
  const wanted = activityFilter(options, () => origin, onDevice)
  const onCall = (activity: Activity, atNs: number, start: Instant | null): void => {
    origin = start
    if (wanted(activity, atNs)) onActivity(activity, atNs, context)
  }
  const onEnd = (process: TracedProcess): void => listeners.onEnd?.(process, context)
  const wantedOfCalls = { onActivity: onCall, onEnd, detail: listeners.detail ?? false }
  options.stages?.enter('calls')
  const callsRead = readCalls(capture, readers, wantedOfCalls, opened, settled)
  const timeline = settled ? settled.timeline : await timelineAfter(await callsRead, opened, options)
  const window = { timeline, keep: timeFilter(options, () => timeline.origin), device }
  options.stages?.enter('block requests')
  const blocksRead = readBlocks(blockSources, window, diagnostics, listeners.onBlockBatch ?? null, settled?.turns)
  const [calls, blocks] = await Promise.all([callsRead, blocksRead])
  options.stages?.enter('answer')
  reportUnseen(straces, diagnostics)
  reportNoRequests(blocks, diagnostics)
  reportMoved(layout, seenLayers(blocks), diagnostics)

  return {
    capture,
    straces,
    sysdigs,
    blocks,
    devices: oneWitnessEach(blocks, diagnostics),
    tables: await readTables(capture, diagnostics),
    layout,
    diagnostics,
    startedAt: timeline.origin && formatInstant(timeline.origin),
    spanNs: spanOf(straces.length > 0 ? straces : sysdigs, blocks, calls.offsets),
    offsets: calls.offsets,
    clocks: new Map([...calls.clocks, ...blocks.map(({ indexes, clock }) => [indexes[0], clock] as const)]),
    seen: calls.seen,
  }
}

function contextOf(capture: Capture, sysdigs: readonly SysdigSource[], hasBlocks: boolean): ActivityContext {
  return {
    sourcePaths: capture.sources.map(({ source }) => source.path),
    sourceKinds: capture.sources.map(({ kind }) => kind),
    containerOf: ({ source, task: { tid, container: own } }) => {
      if (sysdigs.some(({ index }) => index === source)) return own
      // strace does not tell: what stands beside it may.
      for (const { reading } of sysdigs) {
        const container = reading.containers.get(tid)
        if (container) return container
      }
      return null
    },
    hasBlocks,
  }
}

/** From the first to the last time of the calls that counted; of block traces where there are none. */
function spanOf(
  calls: readonly (StraceSource | SysdigSource)[],
  blocks: readonly BlockTrace[],
  offsets: ReadonlyMap<number, number>,
): number {
  const told =
    calls.length > 0
      ? calls.map(({ index, reading: { facts } }) => ({ facts, offset: offsets.get(index) ?? 0 }))
      : blocks.map(({ reading: { facts }, offsetNs }) => ({ facts, offset: offsetNs ?? 0 }))
  const [first, last] = extent(
    told.flatMap(({ facts: { firstNs, lastNs }, offset }) =>
      firstNs === null || lastNs === null ? [] : [offset + firstNs, offset + lastNs],
    ),
  )
  return first === undefined || last === undefined ? 0 : last - first
}
