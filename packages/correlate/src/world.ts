/** What all trackers share: the state itself, and the row being applied. */
import { AT_FDCWD, type CallBatch, type CallRole, type DiagnosticKind, type Diagnostics } from '@flushtrace/trace'
import type { SavedProcess } from '@flushtrace/layout'
import type { Activity, ActivitySink } from './activity.ts'
import type { FileNames, FileTree, NameNode } from './files.ts'
import type { CallInFlight, Task } from './processes.ts'

export interface World {
  readonly files: FileTree
  readonly names: FileNames
  readonly tasks: Map<number, Task>
  readonly saved: ReadonlyMap<number, SavedProcess>
  readonly diagnostics: Diagnostics
  readonly emit: ActivitySink
  /** Paths of the sources, for places in diagnostics. */
  readonly sourcePaths: readonly string[]
  /** Processes and tasks that the trace showed. */
  readonly seen: { processes: number; tasks: number }
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

export function report(world: World, kind: DiagnosticKind, row: Row, detail: string): void {
  world.diagnostics.add(kind, { source: world.sourcePaths[row.source], record: row.batch.record[row.i] }, detail)
}

/**
 * The name that a path argument leads to, from the directory descriptor of an *at call or the current directory;
 * null where the beginning is unknown. `AT_FDCWD</cwd>` teaches where the process stands.
 */
export function resolvePath(world: World, row: Row, path: string, dirfd = AT_FDCWD, decoration = -1): NameNode | null {
  const { directories, fds } = row.task
  const said = decoration >= 0 ? row.batch.names[decoration] : null
  const saidNode = said?.kind === 'path' ? world.files.resolve(said.text, world.files.root) : null
  const current = dirfd === AT_FDCWD || dirfd === -1
  if (current && saidNode) directories.cwd = saidNode
  if (path.startsWith('/')) return world.files.resolve(path, directories.root, directories.root)
  const from = current ? directories.cwd : (saidNode ?? fds.get(dirfd)?.node)
  return from ? world.files.resolve(path, from, directories.root) : null
}
