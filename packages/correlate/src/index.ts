export { System, type SystemOptions } from './system.ts'
export { applyStreams, type CallStream, type OnRow, type Timeline } from './merge.ts'
export { kindOf, type FileKind, type FileName, type TracedFile } from './files.ts'
export { isCounted, isStored } from './activity.ts'
export type { Activity, ActivityKind, ActivitySink, Confidence, Scope, Target } from './activity.ts'
export type { Task, TracedProcess } from './processes.ts'
export { CORRELATE } from './diagnostics.ts'
export { REQUEST_ACTIONS, RequestTracker } from './requests.ts'
export {
  blockPart,
  type Basis,
  type BlockCounts,
  type BlockPart,
  type DeviceSummary,
  type TaskSummary,
} from './block-summary.ts'
export { LATENCY_ERROR, Latencies, type Spread } from './latencies.ts'
export { RemapChains, type RemapChain } from './remap-chains.ts'
export { RemapLog, type PassedFrom } from './remap-log.ts'
export { REQUESTS } from './block-diagnostics.ts'
export { Actors, type Actor } from './attribution/actors.ts'
export { Attribution } from './attribution/attribution.ts'
export { lateKey } from './attribution/late-calls.ts'
export type { TakenAt } from './attribution/map-claims.ts'
export type { Contradiction } from './attribution/map-trial.ts'
export { BlockLog } from './attribution/block-log.ts'
export { CALL, CallLog } from './attribution/call-log.ts'
export { FileBook, type LocatedFile } from './attribution/file-book.ts'
export { InodeLog } from './attribution/inode-log.ts'
export { writesInPlace } from './attribution/map-evidence.ts'
export type { Claim } from './attribution/map-claims.ts'
export { Segments } from './attribution/segments.ts'
export { type AttributionRule, type Piece, type PieceLog, type Verdict, type What } from './attribution/piece-log.ts'
export { offsetBeside, surer, type PlacedSource } from './alignment/aligner.ts'
export { BlockAnchors, CallAnchors } from './alignment/anchors.ts'
export { steadied } from './alignment/drift.ts'
export { confidenceOf, isSure, MAX_RESIDUAL_NS, type FoundOffset } from './alignment/offset.ts'
export { RequestTimes } from './attribution/request-times.ts'
export type { FsView } from './attribution/views.ts'
