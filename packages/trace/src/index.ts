export {
  CALLS,
  MAKES_NO_FILE,
  TAKE_OVER,
  TASKS,
  TASK_ALIAS,
  TASK_CONTAINER,
  TASK_EXIT,
  TASK_NAME,
  callIndex,
} from './calls.ts'
export type { ArgumentSlot, CallKind, CallRole } from './calls.ts'
export { CallBatch, ENTER, EXIT, FAILED, INJECTED, OK, OUTCOMES, RESTARTED, UNKNOWN, WHOLE } from './batch.ts'
export type { Extra, FdName, FdRef, Iocb, Outcome } from './batch.ts'
export { ByTask, MAX_TID } from './by-task.ts'
export { unpackedBytes } from './compression.ts'
export { withoutColour } from './colour.ts'
export { decodeUtf8, encodeUtf8, latin1, withRoom } from './bytes.ts'
export { Diagnostics } from './diagnostics.ts'
export type { Diagnostic, DiagnosticKind, Place, Severity } from './diagnostics.ts'
export { TraceError } from './errors.ts'
export * as flags from './flags.ts'
export { FLAG_WORDS, AT_FDCWD } from './flags.ts'
export { KERNEL_THREAD, LONE_THREAD } from './kernel-threads.ts'
export { LineFeed, type LineSink } from './line-feed.ts'
export { readLines } from './lines.ts'
export { MemoryWatch, type MemoryUse } from './memory.ts'
export { Renamer, blank, renameEscaped } from './renamer.ts'
export { oldestKeys } from './oldest.ts'
export { statsOf } from './files.ts'
export { CHUNK_BYTES } from './file-chunks.ts'
export { isReadOnce, openSources } from './source.ts'
export type { OnWait, OpenedSources, Pace, SavedLink, Source } from './source.ts'
export { SortedIndex, firstAbove, sortedBy } from './sorted.ts'
export { Stages } from './stages.ts'
export { addOwn, setOwn } from './own.ts'
export { StringTable } from './strings.ts'
export { Threads } from './threads.ts'
export { earlier, formatInstant, nsBetween, parseInstant, plusNs } from './time.ts'
export type { Clock, Instant } from './time.ts'
export { copyBytes, sameBytes, viewOf } from './words.ts'
export { startWasm, wasmMemory, type WasmMemory } from './wasm.ts'
export { ACTION, ACTION_LETTERS, CHANGES, DATALESS, DISCARDS, OP, ZONE_COMMANDS } from './block-actions.ts'
export { BlockBatch } from './block-batch.ts'
export { NO_DEVICE, PAGE_BYTES, SECTOR_BYTES, deviceText, majorOf, makeDevice, minorOf, parseDevice } from './device.ts'
export { INODE_EVENT, INODE_UNIT, InodeBatch } from './inode-batch.ts'
export type { ListedFd, ListedTask, TaskList } from './task-list.ts'
