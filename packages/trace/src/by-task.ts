/** The kernel's limit of thread ids (PID_MAX_LIMIT, include/linux/threads.h). */
export const MAX_TID = 1 << 22

/** A number for each thread id, 0 where none was set; as long as the largest id so far asks for. */
export class ByTask {
  #numbers: Int32Array

  /** `numbers`: memory that others look into, too; long enough for all ids. */
  constructor(numbers = new Int32Array(1 << 12)) {
    this.#numbers = numbers
  }

  /** Whether `tid` can be one. */
  static valid(tid: number): boolean {
    return tid >= 0 && tid < MAX_TID
  }

  get(tid: number): number {
    return tid >= 0 && tid < this.#numbers.length ? this.#numbers[tid] : 0
  }

  /** Nothing is kept for an id that the kernel gives to no task. */
  set(tid: number, number: number): void {
    if (!ByTask.valid(tid)) return
    if (tid >= this.#numbers.length) this.#grow(tid)
    this.#numbers[tid] = number
  }

  #grow(tid: number): void {
    const numbers = new Int32Array(2 ** Math.ceil(Math.log2(tid + 1)))
    numbers.set(this.#numbers)
    this.#numbers = numbers
  }
}
