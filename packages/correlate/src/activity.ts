/** What a call meant for storage, with the state applied: the facts that answers are made of. */
import type { Origin } from './descriptors.ts'
import type { FileKind, FileName, NameNode, TracedFile } from './files.ts'
import type { Region } from './mappings.ts'
import type { Task } from './processes.ts'
import type { Row, World } from './world.ts'

export type Confidence = 'exact' | 'snapshot' | 'inferred' | 'ambiguous' | 'unknown'

export type ActivityKind = CountedKind | DetailKind

/** What answers count. */
export type CountedKind =
  | 'flush' // made data durable
  | 'hint' // sync_file_range, msync(MS_ASYNC): promises nothing
  | 'failed' // a flush that returned an error
  | 'write' // bytes went to a file
  | 'mapped' // the task can now store into a file through memory

/** Only with SystemOptions.detail: what no count is made of, but what says whose blocks are written. */
export type DetailKind =
  | 'submitted' // an asynchronous write was handed to the kernel: its blocks may be queued before it is reaped
  | 'freed' // blocks of the file may be given to another one: from `offset` on, unlinked or truncated
  | 'renamed' // over another name: ext4 writes the new file's data in that call
  | 'closed'
  | 'held' // mapped writable since before the trace, which saved /proc state tells
  | 'dirtied' // pages of the file were made dirty by something else than a write

/**
 * file: `targets` name it · system: sync() · filesystem: syncfs, the target is only a file on it · memory: msync of
 * pages that belong to no shared file · unknown: the trace does not show which.
 */
export type Scope = 'file' | 'system' | 'filesystem' | 'memory' | 'unknown'

export interface Target {
  readonly name: FileName
  readonly confidence: Confidence
  readonly rule: string
  /** Where the fact stands; null for what the call itself says. */
  readonly at: Pick<Origin, 'source' | 'record' | 'path'> | null
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
  /** Entry of the call, ns; NaN when the trace has none. */
  atNs: number
  tookNs: number
  /** Where in the file; NaN: not told, or the call is not about one place. */
  offset: number
  /**
   * Of a write: `cache` leaves dirty pages behind; `sync` (O_SYNC, O_DSYNC, RWF_*SYNC) has written them when it returns;
   * `direct` (O_DIRECT, whole sectors) makes none, as far as the file system can do without.
   */
  through: 'cache' | 'direct' | 'sync'
  errno: string | null
  source: number
  record: number
}

export type ActivitySink = (activity: Activity) => void

const COUNTED: ReadonlySet<ActivityKind> = new Set<CountedKind>(['flush', 'hint', 'failed', 'write', 'mapped'])

/** Whether answers count activities of the kind; the others say where blocks come from and go to. */
export function isCounted(kind: ActivityKind): kind is CountedKind {
  return COUNTED.has(kind)
}

/** Whether a write to such a file reaches a disk: memory and what is no file have none. null: taken for a file. */
export function isStored(kind: FileKind | null): boolean {
  return kind !== 'memory' && kind !== 'other'
}

/** A region became a way to store into a file: its whole length is the upper bound of what may be written. */
export function emitMapped(world: World, row: Row, region: Region, kind: 'mapped' | 'held' = 'mapped'): void {
  const { activity } = world
  activity.kind = kind
  activity.call = activity.via = 'mmap'
  activity.task = row.task
  activity.scope = 'file'
  activity.targets = [targetOf(world, row.task, region)]
  activity.mapped = region
  activity.bytes = region.end - region.start
  activity.errno = null
  emitAt(world, row, NaN)
}

/** Sends `world.activity` on, with the times and the place of the row. */
export function emitAt(world: World, row: Row, tookNs: number, offset = NaN): void {
  const { activity } = world
  const { batch, i } = row
  activity.atNs = batch.atNs[i]
  activity.tookNs = tookNs
  activity.offset = offset
  activity.source = row.source
  activity.record = batch.record[i]
  world.emit(activity)
}

/** A file as an activity names it, and how sure that is. `from`: the descriptor or mapping that led to it. */
export function targetOf(
  world: World,
  task: Task,
  from: { file: TracedFile; node: NameNode | null; origin: Origin },
): Target {
  const { file, node, origin } = from
  // Without an order, what tasks did to the descriptors and mappings they share can't be told; nor where it is not known
  // whether they share them.
  const unordered = (world.order !== 'time' && (task.fds.shared || task.space.shared)) || task.process.mayShare
  const guessed = file.raced || origin.rule === 'raced' || origin.rule === 'passed-inferred'
  const confidence = unordered || guessed ? 'inferred' : 'exact'
  return { name: world.names.of(file, node), confidence, rule: file.raced ? 'raced' : origin.rule, at: origin }
}

/** To be filled for each call. */
export function emptyActivity(): Activity {
  return {
    kind: 'write',
    call: '',
    via: '',
    task: null as unknown as Task,
    scope: 'file',
    targets: [],
    bytes: 0,
    mapped: null,
    atNs: NaN,
    tookNs: NaN,
    offset: NaN,
    through: 'cache',
    errno: null,
    source: 0,
    record: 0,
  }
}
