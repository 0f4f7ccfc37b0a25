/**
 * The traced system: rows of calls in, state changes, activities out.
 *
 * A task that appears before its fork returned (vfork's child always does) is held back until a result names it, so
 * that it starts with its parent's descriptors and mappings rather than with none.
 */
import { CALLS, ENTER, EXIT, TASK_ALIAS, type CallBatch, type Diagnostics, type TaskList } from '@flushtrace/trace'
import type { SavedProcess } from '@flushtrace/layout'
import { emitMapped, emptyActivity, type ActivitySink } from './activity.ts'
import { DescriptorTracker } from './descriptor-tracker.ts'
import { CORRELATE } from './diagnostics.ts'
import { EarlyFds } from './early-fds.ts'
import { FileNames, FileTree, type NameNode, type TracedFile } from './files.ts'
import { FlushTracker } from './flush-tracker.ts'
import { HeldRows, MAX_HELD_TASKS, type HeldTask } from './held-rows.ts'
import { FlushInference } from './inference.ts'
import { applyList, isReboot } from './listed-tasks.ts'
import { MappingTracker } from './mapping-tracker.ts'
import { NameTracker } from './name-tracker.ts'
import { ProcessTracker, addTask, adoptTask, dropTask, reviveLeader } from './process-tracker.ts'
import { emptyCall, enterCall, taskLabel, type Task, type TracedProcess } from './processes.ts'
import { loseSight } from './lost-sight.ts'
import { SpaceTracker } from './space-tracker.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

export interface SystemOptions {
  readonly diagnostics: Diagnostics
  readonly emit: ActivitySink
  readonly sourcePaths: readonly string[]
  readonly saved?: ReadonlyMap<number, SavedProcess>
  /** Guess the file behind a flush whose source never shows one (sysdig). */
  readonly infer?: boolean
  /** Tell also of calls that only say where blocks come from and go to (DetailKind). */
  readonly detail?: boolean
  /** Told of each task once, when it is first known. */
  readonly onTask?: (tid: number) => void
  /** Told when the last task of a process is gone: nothing more will be known of it. */
  readonly onEnd?: (process: TracedProcess) => void
}

export class System {
  readonly #world: World
  readonly #row: Row
  readonly #flushes: FlushTracker
  /** By index in CALLS: the trackers that want the call, in the order below. */
  readonly #byCall: readonly (readonly Tracker[])[]
  readonly #isFork: readonly boolean[]
  readonly #held = new HeldRows()
  /** How many held tasks' rows are being applied, one within the other. */
  #replaying = 0
  /** Sources without a pid column: the id 0 of each, and what it was found to be. */
  readonly #aliases = new Map<number, number>()
  /** Sources that begin with the start of a program. */
  readonly #begun = new Set<number>()
  /** Tasks of them whose fork is still to come. */
  #early: Task[] = []
  /** Rows applied. */
  #at = 0
  /** No other stream is under way. */
  alone = true
  /** The calls are strace's. */
  readonly #traced: boolean
  #bootSeconds: number | null = null

  constructor(options: SystemOptions) {
    const world: World = {
      files: new FileTree(),
      names: new FileNames(),
      tasks: new Map(),
      headless: new Map(),
      saved: new Map(options.saved),
      deletedFiles: new Map(),
      naming: new Set(),
      forking: new Set(),
      order: 'time',
      diagnostics: options.diagnostics,
      emit: options.emit,
      detail: options.detail ?? false,
      sourcePaths: options.sourcePaths,
      seen: { processes: 0, tasks: 0 },
      onTask: options.onTask ?? null,
      onEnd: options.onEnd ?? null,
      activity: emptyActivity(),
    }
    this.#world = world
    this.#traced = !options.infer
    const inference = options.infer ? new FlushInference(world) : null
    this.#flushes = new FlushTracker(world, inference)
    // The order is the meaning: who, then which descriptor, which name, which mapping, and what was flushed.
    const trackers: Tracker[] = [
      new ProcessTracker(world, (task, row) => this.#inherited(task, row)),
      new DescriptorTracker(world),
      new NameTracker(world),
      ...(options.detail ? [new SpaceTracker(world)] : []),
      new MappingTracker(world),
      this.#flushes,
      ...(inference ? [inference] : []),
    ]
    this.#byCall = CALLS.map((call) => trackers.filter((tracker) => tracker.roles.includes(call.role)))
    this.#isFork = CALLS.map((call) => call.role === 'fork')
    this.#row = { inFlight: emptyCall() } as unknown as Row
  }

  /** Processes and tasks that the trace showed so far. */
  get seen(): { readonly processes: number; readonly tasks: number } {
    return this.#world.seen
  }

  /** Whether the task with this id is known: its fork, or a row of its own, has been applied. */
  knows(tid: number): boolean {
    return this.#world.tasks.has(tid)
  }

  /** How much of the order of calls the streams tell, see World. */
  set order(order: World['order']) {
    this.#world.order = order
    if (order === 'lists') this.#world.diagnostics.add(CORRELATE.unordered, null)
  }

  /** A log begins with the program that strace started: no task of it was seen before. sysdig starts none. */
  beginProgram(batch: CallBatch, source: number): void {
    if (!this.#traced) return
    if (this.alone) this.#endForks()
    const gone = this.alone ? this.#world.tasks.keys() : [this.#idOf(batch, 0, source)]
    for (const tid of gone) dropTask(this.#world, tid)
  }

  /** Calls of a while were not seen. `ofTasks`: nobody tells whether the tasks are still the same. */
  loseSight(ofTasks: boolean): void {
    this.#endForks()
    if (!ofTasks) loseSight(this.#world)
    else for (const tid of this.#world.tasks.keys()) dropTask(this.#world, tid)
  }

  /** A fork that is under way does not reach into another recording. */
  #endForks(): void {
    this.#world.forking.clear()
    this.#releaseAll()
  }

  /** Applies row `i` of a batch of source number `source`. */
  apply(batch: CallBatch, i: number, source: number): void {
    if (this.#tellsOfTasks(batch, i, source)) return
    const phase = batch.phase[i]
    if (this.#hold(batch, i, source, phase)) return
    const row = this.#rowFor(batch, i, source)
    if (phase !== EXIT) this.#enter(row)
    if (phase !== ENTER) this.#exit(row)
  }

  /** The entry of a call. For a whole row to be followed by `exit` of the same row. */
  enter(batch: CallBatch, i: number, source: number): void {
    const { role } = CALLS[batch.call[i]]
    if (role === 'taskId' || role === 'tasks') return
    if (!this.#hold(batch, i, source, ENTER)) this.#enter(this.#rowFor(batch, i, source))
  }

  /** The end of a call, and its effects. */
  exit(batch: CallBatch, i: number, source: number): void {
    if (this.#tellsOfTasks(batch, i, source)) return
    if (!this.#hold(batch, i, source, EXIT)) this.#exit(this.#rowFor(batch, i, source))
  }

  #enter(row: Row): void {
    const call = row.batch.call[row.i]
    // A call that never returned (its end is not in the trace) is no fork under way any more.
    if (this.#world.forking.size > 0) this.#world.forking.delete(row.task)
    row.inFlight = row.task.call = enterCall(row.task, call, ++this.#at)
    if (this.#isFork[call]) this.#world.forking.add(row.task)
    this.#tellEntry(row, call)
  }

  #exit(row: Row): void {
    const call = row.batch.call[row.i]
    const pending = row.task.call
    if (pending && pending.call === call) row.inFlight = pending
    else {
      row.inFlight = enterCall(row.task, call, ++this.#at)
      this.#tellEntry(row, call)
    }
    row.task.call = null
    if (this.#isFork[call]) this.#world.forking.delete(row.task)
    const trackers = this.#byCall[call]
    for (let k = 0; k < trackers.length; k++) trackers[k].exit?.(row)
    if (!this.#held.isEmpty) this.#release(this.#isFork[call] ? row.batch.result[row.i] : NaN)
  }

  /** By index, here and in `#exit`: before V8 optimizes it, an iterator costs more than what most trackers do. */
  #tellEntry(row: Row, call: number): void {
    const trackers = this.#byCall[call]
    for (let k = 0; k < trackers.length; k++) trackers[k].enter?.(row)
  }

  /**
   * A fork returned `tid`: its rows are applied. When no fork is under way, all that is held back is; not while rows are
   * applied late, because the forks among them have yet to return.
   */
  #release(tid: number): void {
    const child = this.#held.take(tid)
    if (child) this.#replay(child)
    if (this.#world.forking.size === 0 && this.#replaying === 0) this.#releaseAll()
  }

  /**
   * After the last row: what was held back, and what is still inherited. `tellUnmet`: also of the mappings of saved
   * processes that made no call of interest, which no other System of the capture does.
   */
  finish(tellUnmet = false): void {
    this.#world.forking.clear()
    this.#releaseAll()
    this.#reportUnforked()
    const row = this.#row
    for (const task of this.#world.tasks.values()) {
      if (task.space.inherited && row.batch) this.#inherited(task, { ...row, task })
    }
    if (tellUnmet && row.batch) this.#unmet(row)
    this.#flushes.finish()
  }

  #rowFor(batch: CallBatch, i: number, source: number): Row {
    const row = this.#row
    row.batch = batch
    row.i = i
    row.source = source
    row.role = CALLS[batch.call[i]].role
    row.task = this.#taskOf(batch, i, source)
    if (this.#world.files.crowded) this.#sweep()
    return row
  }

  #idOf(batch: CallBatch, i: number, source: number): number {
    const tid = batch.tid[i]
    if (tid !== 0) return tid
    // Each source without pids has a process of its own.
    return this.#aliases.get(source) ?? -(source + 1)
  }

  #taskOf(batch: CallBatch, i: number, source: number): Task {
    const tid = this.#idOf(batch, i, source)
    const known = this.#world.tasks.get(tid)
    if (known) return known
    const wasSaved = this.#world.saved.has(tid)
    const isExec = CALLS[batch.call[i]].role === 'exec'
    if (isExec && this.#world.tasks.size === 0) this.#begun.add(source)
    const task = reviveLeader(this.#world, tid, this.#at) ?? adoptTask(this.#world, tid, this.#at, source)
    addTask(this.#world, tid, task)
    if (wasSaved && this.#world.detail) this.#mappedBefore({ ...this.#row, task, batch, i, source })
    // One that begins with execve was started by the tracer; all others were there before, or their fork is hidden.
    if (!isExec && !wasSaved && task.process.threads === 1) {
      const begun = this.#begun.has(source)
      const kind = begun ? CORRELATE.startNotShown : CORRELATE.startedLate
      if (begun && batch.atNs[i] >= 0) this.#awaitFork(task, batch, i, source)
      else report(this.#world, kind, { ...this.#row, task, batch, i, source }, taskLabel(task))
    }
    return task
  }

  /** All tasks of a log that begins with the program's start were forked: the line of it may be still to come. */
  #awaitFork(task: Task, batch: CallBatch, i: number, source: number): void {
    task.fds = new EarlyFds()
    task.early = { source, record: batch.record[i], atNs: batch.atNs[i], cwd: task.directories.cwd }
    this.#early.push(task)
    if (this.#early.length <= MAX_HELD_TASKS) return
    this.#early = this.#early.filter(({ early }) => early)
    if (this.#early.length > MAX_HELD_TASKS) this.#reportUnforked()
  }

  #reportUnforked(): void {
    const { diagnostics, sourcePaths } = this.#world
    for (const task of this.#early) {
      if (!task.early) continue
      const place = { source: sourcePaths[task.early.source], record: task.early.record }
      diagnostics.add(CORRELATE.startNotShown, place, taskLabel(task))
    }
    this.#early = []
  }

  /**
   * A row that lists what tasks there are, or tells what the source's id 0 really is: the tracer's prefix, or the task's own
   * gettid().
   */
  #tellsOfTasks(batch: CallBatch, i: number, source: number): boolean {
    const { role } = CALLS[batch.call[i]]
    if (role === 'tasks') {
      const extra = batch.extra[i]
      if (extra?.kind === 'tasks') this.#relist(extra.list, source)
      return true
    }
    if (role !== 'taskId') return false
    if (batch.call[i] === TASK_ALIAS) this.#alias(batch.tid[i], source)
    else if (batch.tid[i] === 0 && batch.phase[i] !== ENTER && batch.result[i] > 0 && !this.#aliases.has(source)) {
      this.#alias(batch.result[i], source)
    }
    return true
  }

  #relist(list: TaskList, source: number): void {
    if (this.alone) this.#endForks()
    const rebooted = isReboot(this.#bootSeconds, list.bootSeconds)
    this.#bootSeconds = list.bootSeconds ?? this.#bootSeconds
    applyList(this.#world, list, source, { alone: this.alone, rebooted })
  }

  #alias(tid: number, source: number): void {
    const unknown = -(source + 1)
    const { tasks } = this.#world
    const task = tasks.get(unknown)
    this.#aliases.set(source, tid)
    if (!task) return
    const fresh = tasks.get(tid)
    task.tid = tid
    task.process.pid = tid
    task.call ??= fresh?.call ?? null
    tasks.delete(unknown)
    tasks.set(tid, task)
  }

  // Children that come before their fork returns -------------------------------------------------------------------

  /** Whether the row waits for a fork to return. `phase`: which part of it. */
  #hold(batch: CallBatch, i: number, source: number, phase: number): boolean {
    if (this.#world.forking.size === 0) return false
    const tid = this.#idOf(batch, i, source)
    if (this.#world.tasks.has(tid) || this.#world.saved.has(tid)) return false
    const kept = this.#held.keep(tid, batch, i, source, phase)
    const full = kept === 'full' ? this.#held.take(tid) : undefined
    if (full) {
      // Known from here on, or each of its rows would be held again.
      this.#taskOf(full.batches[0], 0, source)
      this.#replay(full)
    }
    return kept === 'kept'
  }

  #releaseAll(): void {
    for (const [tid, held] of this.#held.takeAll()) {
      this.#world.diagnostics.add(
        CORRELATE.heldBack,
        { source: this.#world.sourcePaths[held.source], record: held.batches[0].record[0] },
        `task ${tid}`,
      )
      this.#replay(held)
    }
  }

  #replay({ batches, source }: HeldTask): void {
    this.#replaying++
    for (const rows of batches) for (let k = 0; k < rows.length; k++) this.apply(rows, k, source)
    this.#replaying--
  }

  // ----------------------------------------------------------------------------------------------------------------

  /** Told when the process is first met: it may give them back before the kernel writes what it stored through them. */
  #mappedBefore(row: Row): void {
    for (const region of row.task.space.regions) if (region.writable) emitMapped(this.#world, row, region, 'held')
  }

  #unmet(row: Row): void {
    const { saved, seen } = this.#world
    const { processes, tasks } = seen
    for (const [tid, { tgid, regions }] of saved) {
      if (tgid !== tid || !regions?.some(({ writable }) => writable)) continue
      this.#mappedBefore({ ...row, task: adoptTask(this.#world, tid, this.#at, row.source) })
    }
    // They are in no trace.
    seen.processes = processes
    seen.tasks = tasks
  }

  /** A forked child that did not exec has its parent's mappings for its own. */
  #inherited(task: Task, row: Row): void {
    task.space.inherited = false
    for (const region of task.space.regions) if (region.writable) emitMapped(this.#world, { ...row, task }, region)
  }

  /** Forgets names of files that no task holds, through a descriptor, a mapping or a current directory. */
  #sweep(): void {
    const held = new Set<TracedFile>()
    const nodes = new Set<NameNode>()
    for (const task of this.#world.tasks.values()) {
      nodes.add(task.directories.cwd)
      nodes.add(task.directories.root)
      for (const description of task.fds.descriptions()) {
        if (description.file) held.add(description.file)
        if (description.node) nodes.add(description.node)
      }
      for (const region of task.space.regions) {
        held.add(region.file)
        if (region.node) nodes.add(region.node)
      }
      if (task.call?.start) nodes.add(task.call.start)
      if (task.call?.start2) nodes.add(task.call.start2)
    }
    this.#world.files.sweep((file) => held.has(file), nodes)
  }
}
