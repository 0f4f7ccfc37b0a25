/**
 * Enters and exits of calls → rows of a CallBatch, the same rows whether a source shows enters, exits or both.
 *
 * Invariants
 * 1. A call is one WHOLE row, or one ENTER and one EXIT row; it counts once, at its exit.
 * 2. A call whose enter and exit have no other row between them is WHOLE. Else its ENTER row stands where the enter
 *    was: what another task does in between (close a number, fork) must not change what the call was about.
 * 3. A task can't be in two calls. A new enter means that the exit of the call before was lost: the call ended, its
 *    result is unknown. For the calls whose result sysdig never shows (a flush) that is as good as an exit.
 * 4. A thread that no fork in the source made, and no list names, begins with one that says whose thread it is.
 * 5. A record lock is a row where it was got, at its end: what it says is which file its task is at.
 * 6. Rows that no more than say so, and descriptors that are no files, may wait for others to overtake them
 *    (waiting-rows.ts); all that wait are told before any other row.
 */
import {
  CALLS,
  CallBatch,
  ENTER,
  EXIT,
  FAILED,
  RESTARTED,
  StringTable,
  TASKS,
  TASK_EXIT,
  TASK_NAME,
  UNKNOWN,
  WHOLE,
  callIndex,
  flags as F,
  type FdName,
  type TaskList,
} from '@flushtrace/trace'
import * as C from './columns.ts'
import { isPassed, tells, trimIoctl } from './commands.ts'
import { errnoName, isRestart } from './errnos.ts'
import { TaskTable, type TaskCall } from './task-calls.ts'
import type { Sieve } from './sieve.ts'
import { MAX_WAITING, type WaitingRows } from './waiting-rows.ts'

/** Enters not yet rows, at most: an empty batch must have room for all of them, and for one event more. */
const MAX_OPEN = 256
/** Its own, one that says whose thread it is, and one its name. */
const ROWS_PER_OPEN = 3
/** An event becomes at most this many rows beside the open ones: list, leader, call, directory, name, container. */
const ROWS_PER_EVENT = 6
/** Keys of calls: event ids and call codes of the reader. */
export const KEYS = 1 << 12

/** Calls whose result is in no event: their row says `ok`. */
const RESULTLESS: readonly boolean[] = CALLS.map(({ name }) => C.isBare(name))
const IS_MSYNC: readonly boolean[] = CALLS.map(({ role }) => role === 'msync')
const MAX_FD = 0x7fffffff
const CLONE = callIndex('clone')
const FCNTL = callIndex('fcntl')
const IOCTL = callIndex('ioctl')
/** What pthread_create asks for: all that matters here is shared. */
const THREAD_FLAGS = F.CLONE_THREAD | F.CLONE_VM | F.CLONE_FILES | F.CLONE_FS

export class CallRows {
  readonly tasks: TaskTable
  batch: CallBatch
  strings = new StringTable()
  names: FdName[] = []
  /** Thread → process, for threads that are not their process's first. */
  readonly leaders = new Map<number, number>()
  /** By key: calls whose exit was lost, and calls under way when their task or the source ended. */
  readonly lost = new Float64Array(KEYS)
  readonly unfinished = new Float64Array(KEYS)
  /** The first `#openCount`: emptying an array gives its memory back, and the next call would ask for it again. */
  readonly #open: TaskCall[] = []
  #openCount = 0
  /** Tasks that had rows before the section at hand: their end is to be told. */
  readonly #before = new Set<number>()
  readonly #waiting: WaitingRows | null
  readonly #linesTellThreads: boolean

  /** `linesTellThreads`: no list tells whose thread a task is. */
  constructor(sieve: Sieve | null, linesTellThreads: boolean) {
    this.#linesTellThreads = linesTellThreads
    this.tasks = new TaskTable(sieve?.tasks ?? null)
    this.#waiting = sieve?.waiting ?? null
    this.batch = new CallBatch(this.strings, this.names)
  }

  /** Calls under way whose enters have no row yet. */
  get opens(): number {
    return this.#openCount
  }

  /** No room for the rows of one more event: hand the batch over, then `recycle`. */
  get crowded(): boolean {
    const { length, capacity } = this.batch
    return length + ROWS_PER_OPEN * this.#openCount + MAX_WAITING + ROWS_PER_EVENT > capacity
  }

  recycle(): void {
    const { MAX_STRINGS } = StringTable
    if (this.strings.full || this.strings.size > MAX_STRINGS || this.names.length > MAX_STRINGS) {
      this.strings = new StringTable()
      this.names = []
      for (const task of this.tasks.all()) task.comm = -1
    }
    this.batch.strings = this.strings
    this.batch.names = this.names
    this.batch.clear()
  }

  // Enters --------------------------------------------------------------------------------------------------------

  /** A call begins that is only counted; null: nothing is known of its task. */
  beginPlain(task: TaskCall | null): void {
    if (task && task.key >= 0) this.#loseExit(task)
  }

  /** A call of `task` begins that `isPassed`: should anything be told of it, its exit tells it alone. */
  pass(task: TaskCall, key: number): void {
    if (task.key >= 0) this.#loseExit(task)
    task.key = key
    task.call = -1
    task.lock = 0
    task.fd = -1
  }

  /** The one call in slot `slot` whose enter the sieve has passed, and whose row it can't tell. */
  adopt(slot: number): void {
    const task = this.tasks.at(slot)
    task.clear()
    task.entered = false
    task.told = false
    if (task.fd >= 0) task.values[C.FD] = task.fd
    task.fd = -1
    this.#open[this.#openCount++] = task
  }

  /** A call of `task` begins; the caller fills `task.values`, then says `entered`. */
  begin(task: TaskCall, key: number): void {
    this.pass(task, key)
    task.clear()
  }

  entered(task: TaskCall, call: number, atNs: number, record: number): void {
    const command = call === FCNTL ? task.values[C.FLAGS] : 0
    if (call === FCNTL ? isPassed(command) : call === IOCTL && !trimIoctl(task.values)) return
    task.call = call
    task.began(atNs, record)
    task.entered = false
    task.told = false
    if (F.isRecordLock(command)) {
      task.lock = command
      return
    }
    if (this.#openCount >= MAX_OPEN) this.#addEnters()
    this.#open[this.#openCount++] = task
  }

  // Exits ---------------------------------------------------------------------------------------------------------

  /** A call of `task` ends; the caller fills `task.values` over what the enter gave, then says `ended`. */
  end(task: TaskCall, key: number): void {
    const paired = task.key === key && task.call >= 0
    if (paired && task.fd < 0) return
    if (task.key >= 0 && task.key !== key) this.#loseExit(task)
    task.clear()
    task.entered = false
    task.told = false
    if (!paired) {
      task.call = -1
      return
    }
    // A record lock whose enter the sieve has passed.
    task.values[C.FD] = task.fd
    task.values[C.FLAGS] = task.lock
    task.fd = -1
  }

  /** The row of a call that ended; -1 when the child's own event has told it. */
  ended(task: TaskCall, call: number, atNs: number, record: number): number {
    const paired = task.call >= 0
    const told = task.told || (call === FCNTL ? !tells(task.values) : call === IOCTL && !trimIoctl(task.values))
    let at = atNs
    let phase = WHOLE
    if (paired) {
      at = task.atNs
      phase = this.#close(task)
    } else if (!told) this.#addEnters()
    task.key = -1
    task.call = -1
    task.told = false
    if (told) return -1
    const i = this.#add(phase, call, task, at, record)
    if (paired) this.batch.tookNs[i] = atNs - at
    this.#finish(i, call, task)
    return i
  }

  /** The child's own event tells how the fork of `parent` ended; the parent's exit is still to come. */
  tell(parent: TaskCall, child: number, flags: number, record: number): void {
    const phase = this.#close(parent)
    parent.told = true
    const i = this.#add(phase, parent.call, parent, parent.atNs, record)
    this.batch.result[i] = child
    this.batch.flags[i] = flags
  }

  /** A fork that only the child's event shows. */
  addFork(call: number, parent: TaskCall, child: number, flags: number, atNs: number, record: number): void {
    this.#addEnters()
    const i = this.#add(WHOLE, call, parent, atNs, record)
    this.batch.result[i] = child
    this.batch.flags[i] = flags
  }

  /** The task is gone; a call that it was in has no end. */
  exited(tid: number, atNs: number, record: number): void {
    const task = this.tasks.find(tid)
    if (task && task.key >= 0) this.#forget(task)
    this.leaders.delete(tid)
    if (this.#before.delete(tid) || task?.placed) {
      this.#waiting?.tell(this.batch)
      this.#addEnters()
      this.batch.add(WHOLE, TASK_EXIT, tid, atNs, record)
    }
    this.tasks.remove(tid)
  }

  /** Another row about the same task and moment: its name, its directory. */
  addNote(call: number, task: TaskCall, path: number, atNs: number, record: number): void {
    this.batch.path[this.#add(WHOLE, call, task, atNs, record)] = path
  }

  /** Nothing is under way any more. */
  newSection(): void {
    this.#waiting?.tell(this.batch)
    for (const task of this.tasks.all()) {
      if (task.key >= 0) this.#forget(task)
      if (task.placed) this.#before.add(task.tid)
    }
    this.#openCount = 0
    this.tasks.clear()
  }

  /** What is there before the next event. No call may be under way. */
  addList(list: TaskList, atNs: number, record: number): void {
    const { tasks, whole } = list
    if (whole) {
      for (const tid of this.#before) if (!tasks.has(tid)) this.#before.delete(tid)
      for (const tid of this.leaders.keys()) if (!tasks.has(tid)) this.leaders.delete(tid)
    }
    for (const [tid, { tgid }] of tasks) {
      if (tgid === tid) this.leaders.delete(tid)
      else this.leaders.set(tid, tgid)
    }
    this.batch.extra[this.batch.add(WHOLE, TASKS, 0, atNs, record)] = { kind: 'tasks', list }
  }

  /** The source ended. In one that shows no exits at all (`enterOnly`) its last enters count like the others. */
  finish(enterOnly: boolean): void {
    this.#waiting?.tell(this.batch)
    for (const task of this.tasks.all()) {
      if (task.key < 0) continue
      if (enterOnly && !this.crowded) this.#loseExit(task)
      else this.#forget(task)
    }
  }

  // ----------------------------------------------------------------------------------------------------------------

  #loseExit(task: TaskCall): void {
    const { key, call } = task
    this.lost[key]++
    task.key = -1
    // Nobody knows whether a lock was got.
    if (task.lock > 0) task.call = -1
    if (call < 0 || task.lock > 0) return
    const told = task.told
    const phase = this.#close(task)
    task.call = -1
    task.told = false
    if (told) return
    const i = this.#add(phase, call, task, task.atNs, task.record)
    this.#finish(i, call, task)
  }

  #forget(task: TaskCall): void {
    this.unfinished[task.key]++
    task.key = -1
    task.call = -1
    const at = this.#open.indexOf(task)
    if (at < 0 || at >= this.#openCount) return
    this.#open.splice(at, 1)
    this.#openCount--
  }

  /** Takes a call out of the open ones; what is left of them must become rows before the caller's. */
  #close(task: TaskCall): number {
    if (!task.entered && this.#openCount === 1 && this.#open[0] === task) {
      this.#openCount = 0
      return WHOLE
    }
    this.#addEnters()
    return task.entered ? EXIT : WHOLE
  }

  #addEnters(): void {
    for (let k = 0; k < this.#openCount; k++) {
      const task = this.#open[k]
      const i = this.#add(ENTER, task.call, task, task.atNs, task.record)
      this.#fill(i, task)
      task.entered = true
    }
    this.#openCount = 0
  }

  #add(phase: number, call: number, task: TaskCall, atNs: number, record: number): number {
    this.#waiting?.tell(this.batch)
    if (!task.placed) this.#place(task, atNs, record)
    if (task.comm < 0 && task.lineName !== null) {
      task.comm = this.strings.add(task.lineName)
      this.addNote(TASK_NAME, task, task.comm, atNs, record)
    }
    return this.batch.add(phase, call, task.tid, atNs, record)
  }

  #place(task: TaskCall, atNs: number, record: number): void {
    task.placed = true
    const leader = this.leaders.get(task.tid)
    if (leader === undefined || leader === task.tid) return
    // It is met with its thread: its end is to be told.
    this.tasks.get(leader).placed = true
    if (!this.#linesTellThreads) return
    // What the source says of a thread that was there before: as if its process made it now.
    const i = this.batch.add(WHOLE, CLONE, leader, atNs, record)
    this.batch.result[i] = task.tid
    this.batch.flags[i] = THREAD_FLAGS
  }

  #finish(i: number, call: number, task: TaskCall): void {
    this.#fill(i, task)
    const { batch } = this
    const result = task.values[C.RESULT]
    batch.result[i] = result
    if (result < 0) {
      const errno = -result
      batch.outcome[i] = isRestart(errno) ? RESTARTED : FAILED
      batch.errno[i] = this.strings.add(errnoName(errno))
    } else if (Number.isNaN(result) && !RESULTLESS[call]) {
      batch.outcome[i] = UNKNOWN
    }
  }

  #fill(i: number, task: TaskCall): void {
    const { batch } = this
    const { values } = task
    const fd = values[C.FD]
    // Some drivers widen -1 without its sign.
    if (fd === fd) batch.fd[i] = fd > MAX_FD ? -1 : fd
    const fd2 = values[C.FD2]
    if (fd2 === fd2) batch.fd2[i] = fd2 > MAX_FD ? MAX_FD : fd2
    const path = values[C.PATH]
    if (path === path) batch.path[i] = path
    else if (task.path !== null) batch.path[i] = this.strings.add(task.path)
    const path2 = values[C.PATH2]
    if (path2 === path2) batch.path2[i] = path2
    else if (task.path2 !== null) batch.path2[i] = this.strings.add(task.path2)
    batch.addr[i] = values[C.ADDR]
    batch.size[i] = values[C.SIZE]
    batch.offset[i] = values[C.OFFSET]
    const flags = values[C.FLAGS]
    // What msync was asked is not shown: nearly always MS_SYNC, because MS_ASYNC does nothing since Linux 2.6.19.
    batch.flags[i] = flags === flags ? flags : IS_MSYNC[batch.call[i]] ? F.MS_SYNC : 0
    const flags2 = values[C.FLAGS2]
    if (flags2 === flags2) batch.flags2[i] = flags2
    if (task.name) batch.decoration[i] = this.names.push(task.name) - 1
    if (task.name2) batch.decoration2[i] = this.names.push(task.name2) - 1
    if (task.nameOfResult) batch.decorationResult[i] = this.names.push(task.nameOfResult) - 1
  }
}
