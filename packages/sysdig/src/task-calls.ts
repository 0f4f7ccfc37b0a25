/**
 * What each task is doing: the call whose enter was seen and whose exit is still to come. One object a task, used again
 * for every call of it; numbers of parameters stand in one typed array, filled by the enter and then by the exit, so
 * that a parameter counts wherever a version of sysdig puts it.
 */
import { ByTask, MAX_TID, type FdName } from '@flushtrace/trace'
import { SLOTS } from './columns.ts'

/** Tasks that are in a call at once; a larger number is damage. */
const MAX_TASKS = 1 << 17

/** Where the sieve looks for the states of tasks, and for the slot of each by its id. */
export interface TaskMemory {
  readonly buffer: ArrayBuffer
  readonly states: number
  readonly slots: number
}

/** Bytes of a state: key, call, lock, descriptor, whether it is placed; from the fourth number on its time and record. */
const STATE = 40
const STATE_WORDS = 5

export class TaskCall {
  tid = 0
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  /** Its ENTER row was added: another task's row came in between. */
  entered = false
  /** Its result was told by the child's own event: the exit that follows adds nothing. */
  told = false
  /** Id of its name, where the source tells one on every line. */
  comm = -1
  /** That name on its last line: its first call is of the task with this name, too. */
  lineName: string | null = null
  /** Where the source says on every line that it is: the id of a container, `host`, or nothing yet. */
  container = ''
  readonly values = new Float64Array(SLOTS).fill(NaN)
  /** Paths of an enter whose exit does not repeat them. */
  path: string | null = null
  path2: string | null = null
  /** What text says behind the descriptors; a capture says nothing. */
  name: FdName | null = null
  name2: FdName | null = null
  nameOfResult: FdName | null = null

  constructor(buffer: ArrayBuffer, at: number) {
    this.#words = new Int32Array(buffer, at, STATE_WORDS)
    this.#numbers = new Float64Array(buffer, at, STATE / 8)
  }

  /** Which call is pending: a number of the reader's own; -1: none. */
  get key(): number {
    return this.#words[0]
  }

  set key(key: number) {
    this.#words[0] = key
  }

  /** Index in CALLS, -1 for one that is only counted, or passed over. */
  get call(): number {
    return this.#words[1]
  }

  set call(call: number) {
    this.#words[1] = call
  }

  /** The call under way asks for a record lock with this command of fcntl; 0: it does not. */
  get lock(): number {
    return this.#words[2]
  }

  set lock(command: number) {
    this.#words[2] = command
  }

  /** Its descriptor, where the sieve passed its enter and filled no `values`; else -1. */
  get fd(): number {
    return this.#words[3]
  }

  set fd(fd: number) {
    this.#words[3] = fd
  }

  /** A row of this task was added before. */
  get placed(): boolean {
    return this.#words[4] !== 0
  }

  set placed(placed: boolean) {
    this.#words[4] = Number(placed)
  }

  get atNs(): number {
    return this.#numbers[3]
  }

  get record(): number {
    return this.#numbers[4]
  }

  began(atNs: number, record: number): void {
    this.#numbers[3] = atNs
    this.#numbers[4] = record
  }

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
  readonly #slots: ByTask
  readonly #memory: TaskMemory | null
  #tasks: TaskCall[] = []
  readonly #free: number[] = []

  constructor(memory: TaskMemory | null) {
    this.#memory = memory
    this.#slots = new ByTask(memory ? new Int32Array(memory.buffer, memory.slots, MAX_TID) : undefined)
    // Slot 0 is of all tasks that are not known.
    if (memory) new TaskCall(memory.buffer, memory.states).key = -1
  }

  get full(): boolean {
    return this.#tasks.length >= MAX_TASKS && this.#free.length === 0
  }

  /** null: it has no call under way, and none of its rows is remembered. `tid` must be valid. */
  find(tid: number): TaskCall | null {
    const slot = this.#slots.get(tid)
    return slot > 0 ? this.#tasks[slot - 1] : null
  }

  /** The task in slot `slot` of the memory. */
  at(slot: number): TaskCall {
    return this.#tasks[slot - 1]
  }

  get(tid: number): TaskCall {
    const slot = this.#slots.get(tid)
    return slot > 0 ? this.#tasks[slot - 1] : this.#make(tid)
  }

  #make(tid: number): TaskCall {
    let index = this.#free.pop()
    if (index === undefined) {
      index = this.#tasks.length
      const memory = this.#memory
      const task = memory
        ? new TaskCall(memory.buffer, memory.states + (index + 1) * STATE)
        : new TaskCall(new ArrayBuffer(STATE), 0)
      this.#tasks.push(task)
    }
    const task = this.#tasks[index]
    task.tid = tid
    task.key = -1
    task.call = -1
    task.entered = false
    task.told = false
    task.placed = false
    task.lock = 0
    task.fd = -1
    task.comm = -1
    task.lineName = null
    task.container = ''
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
