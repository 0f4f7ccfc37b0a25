/**
 * Processes and their tasks (threads).
 *
 * Invariants
 * 1. A process is a thread group: clone with CLONE_THREAD adds a task to it, every other clone or fork makes a new one.
 * 2. A task has its descriptors, its address space and its directories through references: CLONE_FILES, CLONE_VM and
 *    CLONE_FS share them, else the child gets copies as they were when the parent entered the call.
 * 3. Numbers are reused: when a number is given out again, the task that had it is gone. Objects, not numbers, are
 *    the identity here.
 * 4. execve ends all other tasks of the process; a thread that calls it goes on under the pid of the process. The first task
 *    may end before others do: its number is the process's until all have.
 * Source of the rules: man pages clone(2), execve(2), fork(2), vfork(2), unshare(2), prctl(2).
 */
import type { Extra, ListedTask } from '@flushtrace/trace'
import type { Description, FdEntry, FdTable, SentDescriptors } from './descriptors.ts'
import type { NameNode } from './files.ts'
import type { AddressSpace, Region } from './mappings.ts'

export class TracedProcess {
  /** null: the trace never told (one process, no pid column). */
  pid: number | null
  /** The kernel's name of it (at most 15 bytes), null when nothing told. */
  name: string | null = null
  /** argv of the last execve, or the saved command line. */
  argv: readonly string[] | null = null
  argvCut = false
  parent: TracedProcess | null
  /** Tasks seen so far, ended ones included. */
  threads = 0
  /** Of these, the ones that live. */
  alive = 0
  /** A clone whose flags the trace does not show made it, or was made by it: they may be threads of one process. */
  mayShare = false
  /** What a list of tasks said of it last, null: none, or it runs another program since. */
  listed: ListedTask | null = null
  uring: { operations: number; unknown: boolean } | null = null

  constructor(pid: number | null, parent: TracedProcess | null) {
    this.pid = pid
    this.parent = parent
  }
}

/** Current and root directory, shared by CLONE_FS. */
export interface Directories {
  cwd: NameNode
  root: NameNode
}

export interface Task {
  tid: number
  name: string | null
  process: TracedProcess
  /** The container it is in; null: none, or not told. A child is where its parent is. */
  container: string | null
  fds: FdTable
  space: AddressSpace
  directories: Directories
  /** The call under way: `slot`, or null. */
  call: CallInFlight | null
  /** One object for all calls of the task, one after the other: a trace enters millions. */
  slot: CallInFlight
  /** What the execve under way asks for. */
  program: { path: string; argv: Extra | null } | null
  /** Made up because its id appeared without a fork in the trace. */
  orphan: boolean
  /** Where its first row stands, while the fork that made it is still to come; `cwd`: where it was then. */
  early: { readonly source: number; readonly record: number; readonly atNs: number; readonly cwd: NameNode } | null
  /** When its fork was entered, or its first row came, counted in rows applied. */
  bornAt: number
}

/** What a call's entry fixed. One task has at most one call in flight. */
export interface CallInFlight {
  call: number
  /** When it was entered, counted in rows applied. */
  at: number
  description: Description | null
  /** Where the relative path of the call starts, and its second one; null: the call has none. */
  start: NameNode | null
  start2: NameNode | null
  /** open, rename, link, unlink: where the paths led at entry. Other tasks may change that before the call returns. */
  node: NameNode | null
  node2: NameNode | null
  /** close, close_range: what the numbers meant, to be put back when the call was never run. */
  closed: [fd: number, entry: FdEntry][] | null
  /** sendmsg, sendmmsg: the messages it sent, null for one without descriptors; to be taken back when it fails. */
  sent: (SentDescriptors | null)[] | null
  /** msync: the regions that were there at entry; munmap, mremap: the ones taken away. */
  regions: Region[] | null
  /** fork: what the child will get. */
  fds: FdTable | null
  space: AddressSpace | null
  directories: Directories | null
}

/** As diagnostics name a task. */
export function taskLabel(task: Task): string {
  const { pid, name } = task.process
  return `${name ?? 'process'} [${pid ?? '?'}]`
}

/** No call yet; to be filled by `enterCall`. */
export function emptyCall(): CallInFlight {
  return {
    call: -1,
    at: 0,
    description: null,
    start: null,
    start2: null,
    node: null,
    node2: null,
    closed: null,
    sent: null,
    regions: null,
    fds: null,
    space: null,
    directories: null,
  }
}

/** A task enters a call: nothing of the one before it is left. */
export function enterCall(task: Task, call: number, at: number): CallInFlight {
  const { slot } = task
  slot.call = call
  slot.at = at
  slot.description = null
  slot.start = null
  slot.start2 = null
  slot.node = null
  slot.node2 = null
  slot.closed = null
  slot.sent = null
  slot.regions = null
  slot.fds = null
  slot.space = null
  slot.directories = null
  return slot
}
