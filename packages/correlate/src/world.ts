/** What all trackers share: the state itself, and the row being applied. */
import type { CallBatch, CallRole, DiagnosticKind, Diagnostics, ListedTask } from '@flushtrace/trace'
import type { SavedProcess } from '@flushtrace/layout'
import type { Activity, ActivitySink } from './activity.ts'
import type { FileNames, FileTree, TracedFile } from './files.ts'
import type { CallInFlight, Task, TracedProcess } from './processes.ts'

/** Saved beside the trace, or listed in it. */
export interface EarlierTask extends SavedProcess {
  readonly container?: string | null
  readonly listed?: ListedTask
}

export interface World {
  readonly files: FileTree
  readonly names: FileNames
  readonly tasks: Map<number, Task>
  /** By pid: processes whose first task has ended before others. */
  readonly headless: Map<number, TracedProcess>
  /** What was there before it was first seen; an entry is used once, the number may be given to another task later. */
  readonly saved: Map<number, EarlierTask>
  /** Saved files that were deleted, by device and inode, else by path: several processes meet in one. */
  readonly deletedFiles: Map<string, TracedFile>
  /** Tasks in a call that changes names: until it returns, both its old and its new state may be seen. */
  readonly naming: Set<Task>
  /** Tasks in a fork or clone: ids that nobody knows may be their children. */
  readonly forking: Set<Task>
  /** How the calls of several streams are ordered: `lists`, one whole stream after the other. */
  order: 'time' | 'starts' | 'lists'
  readonly diagnostics: Diagnostics
  readonly emit: ActivitySink
  /** Whether activities of a DetailKind are wanted. */
  readonly detail: boolean
  /** Paths of the sources, for places in diagnostics. */
  readonly sourcePaths: readonly string[]
  /** Processes and tasks that the trace showed. */
  readonly seen: { processes: number; tasks: number }
  /** Told of each task once, when it is first known. */
  readonly onTask: ((tid: number) => void) | null
  /** Told when the last task of a process is gone. */
  readonly onEnd: ((process: TracedProcess) => void) | null
  /** One object for all activities, see activity.ts. */
  readonly activity: Activity
}

/** The row a tracker looks at. One object, reused. */
export interface Row {
  batch: CallBatch
  i: number
  source: number
  role: CallRole
  task: Task
  /** What the entry of this call fixed. */
  inFlight: CallInFlight
}

/**
 * One kernel concept. `enter` fixes what the call means at its entry (descriptors, ranges) and takes away what the
 * kernel takes away at once; `exit` applies the result.
 */
export interface Tracker {
  readonly roles: readonly CallRole[]
  enter?(row: Row): void
  exit?(row: Row): void
}

/** Counts a diagnostic, with the row as its place. */
export function report(world: World, kind: DiagnosticKind, row: Row, detail: string, count = 1): void {
  world.diagnostics.add(kind, { source: world.sourcePaths[row.source], record: row.batch.record[row.i] }, detail, count)
}
