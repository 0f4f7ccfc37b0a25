/** How each source of a capture came to stand on one timeline. */
import {
  type BlockAnchors,
  CallAnchors,
  confidenceOf,
  isSure,
  offsetBeside,
  steadied,
  type FoundOffset,
  type PlacedSource,
} from '@flushtrace/correlate'
import { TraceError, type CallBatch } from '@flushtrace/trace'
import type { Capture } from './sources.ts'

export interface ClockOptions {
  /** `SOURCE=+1.234s`: time 0 of that source (a path, or the end of one) lies so long after the start. */
  readonly clock?: readonly string[]
}

/** wall: its own stamps. note: one beside them. given: the user's word. data: flushes and requests seen by both. */
export type AlignedBy = 'wall' | 'note' | 'given' | 'data' | 'none'

export interface Alignment {
  readonly aligned: AlignedBy
  /** Added to the source's own times (0 is its first event), gives ns since the start; null: not known. */
  readonly offsetNs: number | null
  /** How far the truth may be from that; null where no data were asked. */
  readonly residualNs: number | null
  /** By how much slower its clock runs, in millionths; its times are put right by it. null: not known to differ. */
  readonly driftPpm: number | null
  /** How far the drift may be from that (from none where it is null); before and after what matched, it adds to the residual. */
  readonly driftResidualPpm: number | null
  /** What was found in both this source and those it was aligned with. */
  readonly matched: number | null
  /** 0 to 1, of an alignment by data. */
  readonly confidence: number | null
}

/** Placed by a word, not by data; `offsetNs` null: not placed. */
export function alignedBy(aligned: AlignedBy, offsetNs: number | null): Alignment {
  return {
    aligned,
    offsetNs,
    residualNs: null,
    driftPpm: null,
    driftResidualPpm: null,
    matched: null,
    confidence: null,
  }
}

/** By data: what is not sure is told and not used. `drifts`: its times can still be put right. */
export function alignedTo(
  placed: readonly PlacedSource[],
  anchors: CallAnchors | BlockAnchors,
  drifts: boolean,
): Alignment {
  const found = offsetBeside(placed, anchors, drifts)
  return found ? alignmentOf(found) : alignedBy('none', null)
}

/** What a search in the data found; what is not sure keeps its figures, and no offset. */
export function alignmentOf(found: FoundOffset): Alignment {
  const sure = isSure(found)
  return {
    aligned: sure ? 'data' : 'none',
    offsetNs: sure ? Math.round(found.offsetNs) : null,
    residualNs: Math.round(found.residualNs),
    driftPpm: (sure && found.driftPpm) || null,
    driftResidualPpm: (sure && found.driftResidualPpm) || null,
    matched: found.matched,
    confidence: confidenceOf(found),
  }
}

/** What --clock says, in ns by index of the source. Throws what is wrong usage. */
export function givenClocks({ sources }: Capture, texts: readonly string[] = []): Map<number, number> {
  const given = new Map<number, number>()
  for (const text of texts) {
    const parts = /^(.+)=([+-]?\d+(?:\.\d+)?)s?$/.exec(text)
    if (!parts)
      throw new TraceError('usage', `--clock ${text}: give SOURCE=+1.234s, its first event's time since the start`)
    const [, name, seconds] = parts
    const meant = sources.flatMap(({ source: { path } }, i) => (path === name || path.endsWith(`/${name}`) ? [i] : []))
    if (meant.length === 0) throw new TraceError('usage', `--clock ${text}: no source is named ${name}`)
    for (const index of meant) given.set(index, Math.round(Number(seconds) * 1e9))
  }
  return given
}

/** Times of a clock that drifts, put right in place: from here on only its offset matters. */
export function putRight(times: Float64Array, length: number, { driftPpm }: Alignment): void {
  if (driftPpm === null) return
  for (let i = 0; i < length; i++) times[i] = steadied(times[i], driftPpm)
}

/** Passes batches on, and keeps of each what `anchors` wants. */
export async function* watched(
  batches: AsyncIterable<CallBatch>,
  anchors: CallAnchors,
  tid: number,
  clock: Alignment | undefined,
): AsyncGenerator<CallBatch> {
  for await (const batch of batches) {
    if (clock) putRight(batch.atNs, batch.length, clock)
    anchors.add(batch, tid)
    yield batch
  }
}

/** The anchors of a source that is read for them alone, as far as they go. */
export async function callAnchors(batches: AsyncIterable<CallBatch>): Promise<CallAnchors> {
  const anchors = new CallAnchors()
  for await (const batch of batches) {
    anchors.add(batch)
    if (anchors.full) break
  }
  return anchors
}
