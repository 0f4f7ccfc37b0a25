/**
 * What each task is doing: the call whose enter was seen and whose exit is still to come. One object a task, used again
 * for every call of it; numbers of parameters stand in one typed array, filled by the enter and then by the exit, so
 * that a parameter counts wherever a version of sysdig puts it.
 */
import { ByTask, type FdName } from '@flushtrace/trace'
import { SLOTS } from './columns.ts'

/** Tasks that are in a call at once; a larger number is damage. */
const MAX_TASKS = 1 << 17

export class TaskCall {
  tid = 0
  /** Which call is pending: a number of the reader's own; -1: none. */
  key = -1
  /** Index in CALLS, -1 for one that is only counted, or passed over. */
  call = -1
  atNs = NaN
  record = 0
  /** Its ENTER row was added: another task's row came in between. */
  entered = false
  /** Its result was told by the child's own event: the exit that follows adds nothing. */
  told = false
  /** A row of this task was added before. */
  placed = false
  /** The descriptor of its last row, where that was a record lock. */
  lockedFd = -1
  /** Id of its name, where the source tells one on every line. */
  comm = -1
  /** That name on its last line: its first call is of the task with this name, too. */
  lineName: string | null = null
  readonly values = new Float64Array(SLOTS).fill(NaN)
  /** Paths of an enter whose exit does not repeat them. */
  path: string | null = null
  path2: string | null = null
  /** What text says behind the descriptors; a capture says nothing. */
  name: FdName | null = null
  name2: FdName | null = null
  nameOfResult: FdName | null = null

  clear(): void {
    // TypedArray.fill costs more than so few stores.
    const { values } = this
    for (let slot = 0; slot < SLOTS; slot++) values[slot] = NaN
    this.path = null
    this.path2 = null
    this.name = null
    this.name2 = null
    this.nameOfResult = null
  }
}

export class TaskTable {
  /** tid → index in #tasks + 1 */
  readonly #slots = new ByTask()
  #tasks: TaskCall[] = []
  readonly #free: number[] = []

  get full(): boolean {
    return this.#tasks.length >= MAX_TASKS && this.#free.length === 0
  }

  /** null: it has no call under way, and none of its rows is remembered. `tid` must be valid. */
  find(tid: number): TaskCall | null {
    const slot = this.#slots.get(tid)
    return slot > 0 ? this.#tasks[slot - 1] : null
  }

  get(tid: number): TaskCall {
    const slot = this.#slots.get(tid)
    return slot > 0 ? this.#tasks[slot - 1] : this.#make(tid)
  }

  #make(tid: number): TaskCall {
    let index = this.#free.pop()
    if (index === undefined) {
      index = this.#tasks.length
      this.#tasks.push(new TaskCall())
    }
    const task = this.#tasks[index]
    task.tid = tid
    task.key = -1
    task.call = -1
    task.entered = false
    task.told = false
    task.placed = false
    task.lockedFd = -1
    task.comm = -1
    task.lineName = null
    this.#slots.set(tid, index + 1)
    return task
  }

  remove(tid: number): void {
    const slot = this.#slots.get(tid)
    if (slot === 0) return
    this.#slots.set(tid, 0)
    this.#free.push(slot - 1)
  }

  *all(): Generator<TaskCall> {
    for (const task of this.#tasks) if (this.#tasks[this.#slots.get(task.tid) - 1] === task) yield task
  }

  clear(): void {
    for (const task of this.#tasks) this.#slots.set(task.tid, 0)
    this.#tasks = []
    this.#free.length = 0
  }
}
