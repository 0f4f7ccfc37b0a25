/**
 * The whole road: sources → events → state → activities → whoever asked. Every command goes through here; what it
 * wants to know it takes from the activities and block events as they pass.
 */
import { REQUEST_ACTIONS, type Activity, type TracedProcess } from '@flushtrace/correlate'
import { Diagnostics, formatInstant, isReadOnce, type Instant } from '@flushtrace/trace'
import { contextOf, spanOf, type Analysis, type AnalyzeOptions, type Listeners, type OnActivity } from './analysis.ts'
import { BlockTimeline } from './block-timeline.ts'
import { oneWitnessEach, readBlocks } from './block.ts'
import { givenClocks } from './clocks.ts'
import { WantedDevice, deviceActivityFilter } from './device-filter.ts'
import { activityFilter, timeFilter } from './filter.ts'
import { blockReadings, savedLayout, straceReadings, sysdigReadings } from './readings.ts'
import { openCapture } from './sources.ts'
import { reportMoved, seenLayers } from './seen-layers.ts'
import { readTables } from './summaries.ts'
import { readCalls, type CallsRead } from './system-calls.ts'
import { Turns } from './turns.ts'
import { timedReadings } from './timed.ts'
import { reportMachines, reportNoRequests, reportUnseen } from './unseen.ts'

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
  reportMachines(sysdigs, diagnostics)
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
