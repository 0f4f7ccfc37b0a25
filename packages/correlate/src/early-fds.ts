/**
 * The descriptors of a task whose first lines came before the line of the fork that made it: strace -z prints a call when
 * it has succeeded. What the task did to them is kept, and done again on what fork gave it once that is known. Until then
 * all numbers that it did not open itself are unknown.
 */
import { FdTable, type Description } from './descriptors.ts'

type Step = (fds: FdTable) => FdTable

/** A program does a few dozen things before it starts another one. */
const MAX_STEPS = 256

export class EarlyFds extends FdTable {
  /** null: too many. */
  #steps: Step[] | null

  constructor(steps: Step[] | null = []) {
    super(false)
    this.#steps = steps
  }

  /** What the table is when fork gave `given`; itself where it is not known any more what was done. */
  onto(given: FdTable): FdTable {
    return this.#steps ? this.#steps.reduce((fds, step) => step(fds), given) : this
  }

  override set(fd: number, description: Description, closeOnExec: boolean): boolean {
    this.#keep((fds) => fds.set(fd, description, closeOnExec))
    return super.set(fd, description, closeOnExec)
  }

  override duplicate(from: number, to: number, closeOnExec: boolean): void {
    this.#keep((fds) => fds.duplicate(from, to, closeOnExec))
    super.forget(to)
  }

  override forget(fd: number): void {
    this.#keep((fds) => fds.forget(fd))
    super.forget(fd)
  }

  override closeRange(...range: [first: number, last: number]): ReturnType<FdTable['closeRange']> {
    this.#keep((fds) => fds.closeRange(...range))
    return super.closeRange(...range)
  }

  override markRange(...range: [first: number, last: number]): void {
    this.#keep((fds) => fds.markRange(...range))
    super.markRange(...range)
  }

  override setCloseOnExec(fd: number, closeOnExec: boolean): void {
    this.#keep((fds) => fds.setCloseOnExec(fd, closeOnExec))
    super.setCloseOnExec(fd, closeOnExec)
  }

  override exec(): FdTable {
    return super.exec(new EarlyFds(this.#steps && [...this.#steps, (fds) => fds.exec()]))
  }

  #keep(change: (fds: FdTable) => unknown): void {
    const step: Step = (fds) => {
      change(fds)
      return fds
    }
    if (this.#steps && this.#steps.push(step) > MAX_STEPS) this.#steps = null
  }
}
