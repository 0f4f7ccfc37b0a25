/**
 * Forks. sysdig shows one twice: the parent's exit with the child's id as result, and an exit of the child itself with
 * result 0. Whichever comes first becomes the row, the other one none:
 *
 * - a child may run before its parent's call returns (vfork's always does), and where only exits are recorded nothing
 *   but its own event says whose child it is;
 * - in a container the parent's result is the child's number there, not the one that its events have.
 */
import { ByTask, flags as F } from '@flushtrace/trace'
import * as C from './columns.ts'
import type { CallRows } from './rows.ts'
import type { TaskCall } from './task-calls.ts'

/** Children whose fork is a row already, until their other event comes. Bounded: pids are reused, events lost. */
const MAX_CHILDREN = 1 << 16

export class Lineage {
  readonly #rows: CallRows
  /** Tasks in a fork or clone. */
  readonly #forking = new Set<TaskCall>()
  readonly #children = new Set<number>()

  constructor(rows: CallRows) {
    this.#rows = rows
  }

  entered(task: TaskCall): void {
    if (this.#forking.size >= MAX_CHILDREN) this.#forking.clear()
    this.#forking.add(task)
  }

  /** A fork's exit, its values filled. */
  ended(task: TaskCall, call: number, atNs: number, record: number): void {
    const { values } = task
    if (values[C.RESULT] === 0) {
      this.#child(task, call, atNs, record)
      return
    }
    this.#forking.delete(task)
    const child = values[C.RESULT]
    const inNamespace = values[C.VTID] > 0 && values[C.TID] > 0 && values[C.VTID] !== values[C.TID]
    if (child > 0 && (this.#children.delete(child) || inNamespace)) task.told = true
    else if (child > 0) this.#expect(child)
    if (child > 0 && ByTask.valid(child) && !inNamespace) this.#groupOf(child, task.tid, values[C.FLAGS])
    this.#rows.ended(task, call, atNs, record)
  }

  #child(task: TaskCall, call: number, atNs: number, record: number): void {
    const { values } = task
    const flags = Number.isNaN(values[C.FLAGS]) ? 0 : values[C.FLAGS]
    const thread = (flags & F.CLONE_THREAD) !== 0
    const pid = values[C.PID]
    const family = thread ? pid : values[C.PTID]
    // Its own values are read: from here on the task is what it was before, in no call.
    task.key = -1
    task.call = -1
    if (thread && pid > 0) this.#rows.leaders.set(task.tid, pid)
    if (this.#children.delete(task.tid) || !(family > 0)) return
    task.placed = true
    const parent = this.#parent(family)
    if (parent) {
      this.#forking.delete(parent)
      this.#rows.tell(parent, task.tid, flags, record)
    } else {
      this.#expect(task.tid)
      this.#rows.addFork(call, this.#rows.tasks.get(family), task.tid, flags, atNs, record)
    }
  }

  /** The one task in a fork that is, or whose process is, `family`; none when two could be. */
  #parent(family: number): TaskCall | null {
    let found: TaskCall | null = null
    for (const task of this.#forking) {
      if (task.call < 0 || task.told) continue
      if (task.tid !== family && this.#rows.leaders.get(task.tid) !== family) continue
      if (found) return null
      found = task
    }
    return found
  }

  #groupOf(child: number, parent: number, flags: number): void {
    this.#rows.tasks.get(child).placed = true
    if ((flags & F.CLONE_THREAD) === 0) this.#rows.leaders.delete(child)
    else this.#rows.leaders.set(child, this.#rows.leaders.get(parent) ?? parent)
  }

  #expect(child: number): void {
    if (this.#children.size >= MAX_CHILDREN) this.#children.clear()
    this.#children.add(child)
  }

  exited(tid: number): void {
    this.#children.delete(tid)
  }

  reset(): void {
    this.#forking.clear()
    this.#children.clear()
  }
}
