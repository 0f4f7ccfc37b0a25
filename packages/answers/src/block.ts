/** The block side of a capture: each trace placed on the timeline, its requests added up by task; each device told by one witness. */
import { BlockAnchors, RequestTracker, type DeviceSummary } from '@flushtrace/correlate'
import type { SeenLayer } from '@flushtrace/layout'
import type { BlockBatch, DiagnosticKind, Diagnostics } from '@flushtrace/trace'
import type { BlockTimeline } from './block-timeline.ts'
import { alignedBy, alignedTo, putRight, type Alignment } from './clocks.ts'
import type { RowFilter, WantedDevice } from './device-filter.ts'
import type { BlockSource } from './readings.ts'
import type { Turn, Turns } from './turns.ts'

export interface BlockTrace extends BlockSource {
  /** Where its time 0 lies in ns since the start of the answer; null where nothing tells. */
  readonly offsetNs: number | null
  readonly clock: Alignment
  /** Where it lies beside the other block traces, if all that is known is that. */
  readonly apart: Alignment | null
  readonly devices: readonly DeviceSummary[]
  /** What its remap events show. */
  readonly layers: readonly SeenLayer[]
}

const SAME_DEVICE: DiagnosticKind = {
  code: 'block/one-witness',
  severity: 'info',
  note: true,
  message: 'Some devices stand in several traces of this capture; each is told by the richest one ({}).',
  fix: 'there is nothing to mend: adding them up would count every request twice',
}
const NO_QUEUE: DiagnosticKind = {
  code: 'block/no-queue-events',
  severity: 'loss',
  message:
    'The block trace does not show when requests were queued ({}): who asked for them is unknown, and what was merged counts as one.',
  fix: 'record blktrace without -a, or block_bio_queue among the events',
}
const UNALIGNED: DiagnosticKind = {
  code: 'block/not-aligned',
  severity: 'info',
  message:
    'A block trace has no wall-clock time, and shares too little with the others to tell ({}): --since and --until do not apply to it.',
  fix: 'give its start with --clock, record with blktrace, which notes the time, or name the block trace alone',
}

/** When, of what is on the timeline, and where. */
export interface BlockWindow {
  readonly timeline: BlockTimeline
  /** Whether ns since the start is wanted; null: everything is. */
  readonly keep: ((atNs: number) => boolean) | null
  readonly device: WantedDevice | null
}

/** Reads all block traces, the richest first; with `turns`, side by side. */
export async function readBlocks(
  sources: readonly BlockSource[],
  { timeline, keep, device }: BlockWindow,
  diagnostics: Diagnostics,
  onBatch: OnBlockBatch | null,
  turns?: Turns,
): Promise<BlockTrace[]> {
  const read = async (source: BlockSource, k: number, turn?: Turn): Promise<BlockTrace> => {
    const [{ path }] = source.sources
    const tracker = new RequestTracker(diagnostics)
    const anchors = new BlockAnchors()
    const onDevice = device?.rows(diagnostics) ?? null
    const apart = timeline.apart(k)
    let clock: Alignment | null = null
    for await (const batch of turn ? turn.of(source.reading.batches) : source.reading.batches) {
      clock ??= timeline.clockOf(source, k, batch)
      const { offsetNs } = clock
      putRight(batch.atNs, batch.length, apart ?? clock)
      if (batch.inodes) putRight(batch.inodes.atNs, batch.inodes.length, apart ?? clock)
      if (offsetNs === null) {
        anchors.add(batch)
        if (keep) diagnostics.add(UNALIGNED, { source: path }, path)
      }
      const inTime = keep && offsetNs !== null ? (i: number): boolean => keep(batch.atNs[i] + offsetNs) : null
      const wanted = onDevice ? rowsOf(batch, onDevice, inTime) : inTime
      tracker.apply(batch, wanted)
      onBatch?.(batch, offsetNs, source, wanted)
      if (offsetNs !== null && batch.length > 0) turn?.reached(batch.atNs[batch.length - 1] + offsetNs)
    }
    // A pipe can't be looked into before: its place is found when it has passed.
    if (clock?.aligned === 'none' && clock.offsetNs === null) clock = alignedTo(timeline.placed, anchors, false)
    clock ??= alignedBy('none', null)
    const { offsetNs } = clock
    return { ...source, clock, offsetNs, apart, devices: tracker.summaries(), layers: tracker.layers.all }
  }
  if (turns) {
    return Promise.all(
      sources.map((source, k) => {
        const turn = turns.take()
        return read(source, k, turn).finally(() => turn.end())
      }),
    )
  }
  const traces: BlockTrace[] = []
  for (const [k, source] of sources.entries()) traces.push(await read(source, k))
  return traces
}

export type OnBlockBatch = (
  batch: BlockBatch,
  /** Added to the batch's times; null when they cannot be placed. */
  shiftNs: number | null,
  source: BlockSource,
  /** Rows that the filters of time and device leave; null: all. */
  wanted: ((i: number) => boolean) | null,
) => void

/** Asks once for each row: the filter follows remaps from one to the next. */
function rowsOf(batch: BlockBatch, onDevice: RowFilter, inTime: ((i: number) => boolean) | null) {
  const wanted = Array.from({ length: batch.length }, (_, i) => onDevice(batch, i))
  return (i: number): boolean => wanted[i] && (!inTime || inTime(i))
}

/** Each device once: from the first trace (the richest) that shows who queued its requests, else from the first. */
export function oneWitnessEach(traces: readonly BlockTrace[], diagnostics: Diagnostics): DeviceSummary[] {
  const chosen = new Map<string, DeviceSummary>()
  const told = new Map<string, string>()
  const several = new Set<string>()
  for (const { devices, kind } of traces) {
    for (const device of devices) {
      const known = chosen.get(device.device)
      if (known) {
        several.add(device.device)
        if (known.basis === 'queue' || device.basis !== 'queue') continue
      }
      chosen.set(device.device, device)
      told.set(device.device, kind)
    }
  }
  for (const { device, basis, writes, discards, flushes } of chosen.values()) {
    if (basis !== 'queue' && writes + discards + flushes > 0) diagnostics.add(NO_QUEUE, null, device)
  }
  for (const device of several) diagnostics.add(SAME_DEVICE, null, `${device}: ${told.get(device)}`)
  return [...chosen.values()]
}
