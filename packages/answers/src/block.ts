/** The block side of a capture: each device told by one witness, its requests added up by task. */
import { RequestTracker, type DeviceSummary } from '@flushtrace/correlate'
import {
  nsBetween,
  plusNs,
  type BlockBatch,
  type DiagnosticKind,
  type Diagnostics,
  type Instant,
} from '@flushtrace/trace'
import type { BlockSource } from './sources.ts'

export interface BlockTrace extends BlockSource {
  /** Where its time 0 lies in ns since the start of the answer; null where no note tells. */
  readonly offsetNs: number | null
  readonly devices: readonly DeviceSummary[]
}

const SAME_DEVICE: DiagnosticKind = {
  code: 'block/one-witness',
  severity: 'info',
  message: 'Some devices stand in several traces of this capture; each is told by the richest one ({}).',
  fix: 'there is nothing to mend: adding them up would count every request twice',
}
const UNALIGNED: DiagnosticKind = {
  code: 'block/not-aligned',
  severity: 'info',
  message: 'A block trace has no wall-clock time ({}): --since and --until do not apply to it.',
  fix: 'record with blktrace, which notes the time, or name the block trace alone',
}

export interface BlockWindow {
  readonly origin: Instant | null
  /** Whether ns since `origin` is wanted; null: everything is. */
  readonly keep: ((atNs: number) => boolean) | null
  /** System calls have set the start: a block trace without a wall clock cannot be placed beside them. */
  readonly anchored: boolean
}

/** Time 0 of the monotonic clock. */
const BOOT: Instant = { seconds: 0, nanos: 0 }

/** Reads all block traces, the richest first. */
export async function readBlocks(
  sources: readonly BlockSource[],
  window: BlockWindow,
  diagnostics: Diagnostics,
  onBatch: OnBlockBatch | null,
): Promise<{ traces: BlockTrace[]; origin: Instant | null }> {
  const traces: BlockTrace[] = []
  let { origin } = window
  // Calls without a date have set ns 0 to a moment that no note names.
  const dated = origin !== null || !window.anchored
  let bootedAt: Instant | null = null
  for (const source of sources) {
    const tracker = new RequestTracker(diagnostics)
    let offsetNs: number | null = null
    for await (const batch of source.reading.batches) {
      const since = batch.clock === 'monotonic' && batch.origin ? nsBetween(BOOT, batch.origin) : NaN
      if (batch.wall && !Number.isNaN(since)) bootedAt ??= plusNs(batch.wall, -since)
      // Traces that count from boot are one clock: a note in one of them dates all.
      const start = batch.wall ?? (bootedAt && !Number.isNaN(since) ? plusNs(bootedAt, since) : null)
      if (offsetNs === null && start && dated) {
        origin ??= start
        offsetNs = nsBetween(origin, start)
      }
      const shiftNs = offsetNs ?? 0
      const { keep } = window
      const placed = offsetNs !== null || !window.anchored
      if (keep && !placed) diagnostics.add(UNALIGNED, { source: source.sources[0].path }, source.sources[0].path)
      tracker.apply(batch, shiftNs, keep && placed ? (i) => keep(batch.atNs[i] + shiftNs) : null)
      onBatch?.(batch, placed ? shiftNs : null, source)
    }
    traces.push({ ...source, offsetNs, devices: tracker.summaries() })
  }
  return { traces, origin }
}

export type OnBlockBatch = (
  batch: BlockBatch,
  /** Added to the batch's times; null when they cannot be placed. */
  shiftNs: number | null,
  source: BlockSource,
) => void

/** Each device once: from the first trace (the richest) that shows who queued its requests, else from the first. */
export function oneWitnessEach(traces: readonly BlockTrace[], diagnostics: Diagnostics): DeviceSummary[] {
  const chosen = new Map<string, DeviceSummary>()
  const told = new Map<string, string>()
  for (const { devices, kind } of traces) {
    for (const device of devices) {
      const known = chosen.get(device.device)
      if (known) {
        diagnostics.add(SAME_DEVICE, null, `${device.device}: ${told.get(device.device)}`)
        if (known.basis === 'queue' || device.basis !== 'queue') continue
      }
      chosen.set(device.device, device)
      told.set(device.device, kind)
    }
  }
  return [...chosen.values()]
}
