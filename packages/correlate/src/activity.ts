/** What a call meant for storage, with the state applied: the facts that answers are made of. */
import type { Origin } from './descriptors.ts'
import type { FileKind, FileName, NameNode, TracedFile } from './files.ts'
import type { Region } from './mappings.ts'
import type { Task } from './processes.ts'
import type { Row, World } from './world.ts'

export type Confidence = 'exact' | 'snapshot' | 'inferred' | 'ambiguous' | 'unknown'

export type ActivityKind =
  | 'flush' // made data durable
  | 'hint' // sync_file_range, msync(MS_ASYNC): promises nothing
  | 'failed' // a flush that returned an error
  | 'write' // bytes went to a file
  | 'mapped' // the task can now store into a file through memory

/**
 * file: `targets` name it · system: sync() · filesystem: syncfs, the target is only a file on it · memory: msync of
 * pages that belong to no shared file · unknown: the trace does not show which.
 */
export type Scope = 'file' | 'system' | 'filesystem' | 'memory' | 'unknown'

export interface Target {
  readonly name: FileName
  readonly confidence: Confidence
  readonly rule: string
  /** Where the fact stands: source index and record; null for what the call itself says. */
  readonly at: { readonly source: number; readonly record: number } | null
}

/** Reused for every call: copy what is to be kept. */
export interface Activity {
  kind: ActivityKind
  /** fsync, fdatasync, msync, sync, syncfs, syncWrite, aioFsync, aioFdsync; write-family names; hints. */
  call: string
  /** The system call behind `syncWrite`, else the same as `call`. */
  via: string
  task: Task
  scope: Scope
  targets: readonly Target[]
  bytes: number
  /** `mapped`: which part of the file. */
  mapped: Region | null
  /** ns; NaN when the trace has none. */
  atNs: number
  tookNs: number
  errno: string | null
  source: number
  record: number
}

export type ActivitySink = (activity: Activity) => void

/** Kinds that a write cannot make durable and a flush does not bring to a disk. */
export function isStored(kind: FileKind | null): boolean {
  return kind !== 'memory' && kind !== 'other'
}

/** A region became a way to store into a file: its whole length is the upper bound of what may be written. */
export function emitMapped(world: World, row: Row, region: Region): void {
  const { activity } = world
  activity.kind = 'mapped'
  activity.call = activity.via = 'mmap'
  activity.task = row.task
  activity.scope = 'file'
  activity.targets = [targetOf(world, row.task, region)]
  activity.mapped = region
  activity.bytes = region.end - region.start
  activity.atNs = row.batch.atNs[row.i]
  activity.tookNs = NaN
  activity.errno = null
  activity.source = row.source
  activity.record = row.batch.record[row.i]
  world.emit(activity)
}

export function targetOf(
  world: World,
  task: Task,
  from: { file: TracedFile; node: NameNode | null; origin: Origin },
): Target {
  const { file, node, origin } = from
  // Without an order, what tasks did to the descriptors and mappings they share can't be told.
  const unordered = world.order !== 'time' && (task.fds.shared || task.space.shared)
  const guessed = file.raced || origin.rule === 'raced' || origin.rule === 'passed-inferred'
  const confidence = unordered || guessed ? 'inferred' : 'exact'
  return { name: world.names.of(file, node), confidence, rule: file.raced ? 'raced' : origin.rule, at: origin }
}
