/** fork, exec, exit, names and ids of tasks → Task, TracedProcess. The rules are at the top of processes.ts. */
import { CALLS, OK, encodeUtf8, flags as F, oldestKeys } from '@flushtrace/trace'
import { FdTable } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { EarlyFds } from './early-fds.ts'
import { AddressSpace } from './mappings.ts'
import { emptyCall, taskLabel, TracedProcess, type Task } from './processes.ts'
import { fillSaved } from './saved-task.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

/** TASK_COMM_LEN - 1 */
const COMM_BYTES = 15
/** Alive at once: every task costs the kernel kilobytes, too. */
const MAX_TASKS = 1 << 17

export class ProcessTracker implements Tracker {
  readonly roles = ['fork', 'exec', 'unshare', 'name', 'taskExit', 'taskName', 'takeOver', 'container'] as const
  readonly #world: World
  /** Told when a space that fork copied turns out to be used (no exec follows). */
  readonly #onInherited: (task: Task, row: Row) => void

  constructor(world: World, onInherited: (task: Task, row: Row) => void) {
    this.#world = world
    this.#onInherited = onInherited
  }

  enter(row: Row): void {
    const { task, inFlight } = row
    if (row.role === 'exec') {
      const { batch, i } = row
      // The end of an execve by a thread may stand in the file of its process (-ff), without the arguments.
      const path = batch.strings.textOrNull(batch.path[i])
      if (path !== null) task.program = { path, argv: batch.extra[i] }
    }
    if (row.role !== 'fork') return
    // Where whole streams follow one another, what is shared would reach a thread as its process left it at its end:
    // a copy of what was there when the thread began is nearer to the truth.
    const asked = forkFlags(row)
    const flags = this.#world.order === 'lists' ? 0 : asked
    if ((asked & F.CLONE_FILES) !== 0) task.fds.shared = true
    if ((asked & F.CLONE_VM) !== 0) task.space.shared = true
    inFlight.fds = (flags & F.CLONE_FILES) !== 0 ? task.fds : task.fds.copy()
    inFlight.space = (flags & F.CLONE_VM) !== 0 ? task.space : task.space.copy()
    if (inFlight.fds !== task.fds) inFlight.fds.shared = (asked & F.CLONE_FILES) !== 0
    if (inFlight.space !== task.space) inFlight.space.shared = (asked & F.CLONE_VM) !== 0
    inFlight.directories = (flags & F.CLONE_FS) !== 0 ? task.directories : { ...task.directories }
  }

  exit(row: Row): void {
    const { batch, i, task } = row
    if (batch.outcome[i] !== OK) return
    switch (row.role) {
      case 'fork':
        if (batch.result[i] > 0) this.#fork(row, batch.result[i])
        break
      case 'exec':
        this.#exec(row)
        break
      case 'unshare':
        if ((batch.flags[i] & F.CLONE_FILES) !== 0) task.fds = task.fds.copy()
        if ((batch.flags[i] & F.CLONE_FS) !== 0) task.directories = { ...task.directories }
        break
      case 'name':
        if (batch.flags[i] === F.PR_SET_NAME) this.#name(task, batch.strings.textOrNull(batch.path[i]))
        break
      case 'taskName':
        this.#name(task, batch.strings.textOrNull(batch.path[i]))
        break
      case 'taskExit':
        if (task.space.inherited) this.#onInherited(task, row)
        dropTask(this.#world, task.tid)
        break
      case 'container':
        task.container = batch.strings.textOrNull(batch.path[i])
        break
      case 'takeOver':
        this.#takeOver(task, batch.result[i])
        break
      default:
        break
    }
  }

  #fork(row: Row, tid: number): void {
    const { task, inFlight } = row
    const flags = forkFlags(row)
    if (Number.isNaN(flags)) {
      task.process.mayShare = true
      report(this.#world, CORRELATE.hiddenFork, row, taskLabel(task))
    }
    const thread = (flags & F.CLONE_THREAD) !== 0
    const existing = this.#world.tasks.get(tid)
    // The number was seen alive after this call began: the child came first. Else it is an old one, reused.
    const first = existing?.early
    const own = first && first.source === row.source && row.batch.atNs[row.i] <= first.atNs ? existing : null
    const came = existing?.orphan === true && (existing.bornAt >= inFlight.at || this.#world.order === 'lists' || own)
    const early = came ? existing : null
    const parent = (flags & F.CLONE_PARENT) !== 0 ? task.process.parent : task.process
    const process = thread ? task.process : (early?.process ?? new TracedProcess(tid, parent))
    if (!thread) {
      process.parent = parent
      process.mayShare = task.process.mayShare
      process.name ??= task.name ?? task.process.name
      if (process.argv === null) {
        process.argv = task.process.argv
        process.argvCut = task.process.argvCut
      }
    }
    if (!early) {
      process.threads++
      process.alive++
      this.#world.seen.tasks++
      this.#world.onTask?.(tid)
      if (!thread) this.#world.seen.processes++
    }
    if (early && thread) process.alive++
    const fds = inFlight.fds ?? task.fds.copy()
    const space = inFlight.space ?? task.space.copy()
    const directories = inFlight.directories ?? { ...task.directories }
    const moved = own && own.directories.cwd !== own.early?.cwd
    const child: Task = {
      tid,
      name: early?.name ?? task.name,
      process,
      container: early?.container ?? task.container,
      fds: own?.fds instanceof EarlyFds ? own.fds.onto(fds) : fds,
      // Since execve it is the task's own.
      space: own?.space.complete ? own.space : space,
      directories: moved ? own.directories : directories,
      call: early?.call ?? null,
      slot: early?.slot ?? emptyCall(),
      program: null,
      orphan: false,
      early: null,
      bornAt: inFlight.at,
    }
    if (!early && existing) dropTask(this.#world, tid)
    // One object for a task: its calls in flight and the answers hold it.
    addTask(this.#world, tid, early ? Object.assign(early, child) : child, task)
    this.#world.saved.delete(tid)
  }

  #exec(row: Row): void {
    const { batch, i, task } = row
    const { process } = task
    const path = batch.strings.textOrNull(batch.path[i]) ?? task.program?.path ?? null
    const extra = batch.extra[i] ?? task.program?.argv
    task.program = null
    process.listed = null
    task.name = process.name = null
    if (path !== null && path !== '') this.#name(task, path.slice(path.lastIndexOf('/') + 1))
    else if (extra?.kind === 'argv' && extra.argv[0]) this.#name(task, extra.argv[0].replace(/^.*\//s, ''))
    if (extra?.kind === 'argv') {
      process.argv = extra.argv
      process.argvCut = extra.cut
    } else {
      process.argv = path === null ? null : [path]
    }
    // vfork's child shares its parent's space until here; the parent keeps it.
    task.space = new AddressSpace(true)
    task.fds = task.fds.exec()
    if (process.threads === 1) return
    for (const [tid, other] of this.#world.tasks) {
      if (other.process === process && other !== task) dropTask(this.#world, tid)
    }
  }

  #takeOver(leader: Task, threadId: number): void {
    const { tasks } = this.#world
    const thread = tasks.get(threadId)
    if (!thread || thread === leader) return
    const { tid } = leader
    dropTask(this.#world, tid)
    tasks.delete(threadId)
    thread.tid = tid
    tasks.set(tid, thread)
  }

  #name(task: Task, name: string | null): void {
    if (!name) return
    let bytes = 0
    let end = 0
    for (const character of name) {
      bytes += encodeUtf8(character).length
      if (bytes > COMM_BYTES) break
      end += character.length
    }
    task.name = name.slice(0, end)
    if (task.tid === task.process.pid || task.process.name === null) task.process.name = task.name
  }
}

/** A table that is full forgets its oldest tasks, all but `keep`. */
export function addTask(world: World, tid: number, task: Task, keep: Task | null = null): void {
  const { tasks } = world
  if (tasks.size >= MAX_TASKS && !tasks.has(tid)) {
    for (const oldest of oldestKeys(tasks)) {
      if (tasks.get(oldest) === keep) continue
      world.diagnostics.add(CORRELATE.tooManyTasks, null)
      dropTask(world, oldest)
    }
  }
  world.headless.delete(tid)
  tasks.set(tid, task)
}

/** The task is gone, and whatever call it was in. */
export function dropTask(world: World, tid: number): void {
  const task = world.tasks.get(tid)
  if (!task) return
  world.tasks.delete(tid)
  world.naming.delete(task)
  world.forking.delete(task)
  const { process } = task
  if (--process.alive === 0) {
    if (process.pid !== null) world.headless.delete(process.pid)
    world.onEnd?.(process)
  } else if (process.pid === tid) world.headless.set(tid, process)
}

/**
 * The task goes by the number of a process whose first task has ended: a thread called execve, or the source names the
 * process for one of its threads. Null: there is no such process.
 */
export function reviveLeader(world: World, tid: number, at: number): Task | null {
  const process = world.headless.get(tid)
  if (!process) return null
  world.headless.delete(tid)
  for (const thread of world.tasks.values()) {
    if (thread.process !== process) continue
    process.alive++
    const own = { call: null, slot: emptyCall(), program: null, orphan: false, early: null, bornAt: at }
    return { ...thread, tid, ...own }
  }
  return null
}

function forkFlags(row: Row): number {
  const { batch, i } = row
  const call = CALLS[batch.call[i]].name
  if (call === 'vfork') return F.CLONE_VM | F.CLONE_VFORK
  return call === 'fork' ? 0 : batch.flags[i]
}

/** A task whose fork the trace does not show; filled from what was saved of /proc, if anything was. */
export function adoptTask(world: World, tid: number, at: number, source: number): Task {
  const saved = world.saved.get(tid)
  world.saved.delete(tid)
  const tgid = saved?.tgid ?? tid
  // A thread may be seen before its process is.
  if (tgid !== tid && !world.tasks.has(tgid) && world.saved.has(tgid)) {
    addTask(world, tgid, adoptTask(world, tgid, at, source))
  }
  const leader = tgid === tid ? undefined : world.tasks.get(tgid)
  const process = leader?.process ?? new TracedProcess(tid > 0 ? tgid : null, null)
  process.threads++
  process.alive++
  world.seen.tasks++
  world.onTask?.(tid)
  if (!leader) world.seen.processes++
  const task: Task = {
    tid,
    name: saved?.comm ?? null,
    process,
    container: saved?.container ?? null,
    fds: leader?.fds ?? new FdTable(false),
    space: leader?.space ?? new AddressSpace(false),
    directories: leader?.directories ?? { cwd: world.files.unknownDirectory(), root: world.files.root },
    call: null,
    slot: emptyCall(),
    program: null,
    orphan: true,
    early: null,
    bornAt: at,
  }
  if (saved && !leader) fillSaved(world, task, saved, source)
  if (tgid === tid) process.listed = saved?.listed ?? null
  return task
}
