/** What the sieve has seen tasks do on the lines that it passed: ../sieve/tasks.ts. */

const TASKS = 0x12000
const MET = 0x1a000
const MET_COUNT = 0x1a800
const SLOTS = 1 << 10
/** Bytes of a slot. */
const SLOT = 32
/** How many tasks are in a call that is kept, ../sieve/memo.ts. */
export const HEADS = 0x250000
export const HEADS_END = 0x270000
export const HEAD = 16

const TOLD = -2
const ROW = 0x10000

/** Told what a task does since line `line`, which came at the time. */
export interface TaskFollower {
  /** It is in a call of this name; -1: its last one has ended. */
  plainCall(tid: number, name: number, line: number): void
  /** It is in a call that began with the line that is kept there. */
  keptCall(tid: number, slot: number, line: number, seconds: number, micros: number): void
}

export class SieveTasks {
  readonly #slots: DataView
  readonly #met: Uint16Array
  readonly #metCount: Uint32Array
  readonly #heads: DataView

  constructor(memory: ArrayBuffer) {
    this.#slots = new DataView(memory, TASKS, SLOTS * SLOT)
    this.#met = new Uint16Array(memory, MET, SLOTS)
    this.#metCount = new Uint32Array(memory, MET_COUNT, 1)
    this.#heads = new DataView(memory, HEADS, HEADS_END - HEADS)
  }

  settle(tid: number, follower: TaskFollower): void {
    const at = (tid & (SLOTS - 1)) * SLOT
    if (this.#slots.getInt32(at, true) === tid) this.#settle(at, follower)
  }

  settleAll(follower: TaskFollower): void {
    for (let k = this.#metCount[0]; k > 0; k--) {
      const at = this.#met[k - 1] * SLOT
      this.#settle(at, follower)
      this.#slots.setInt32(at, 0)
    }
    this.#metCount[0] = 0
  }

  #settle(at: number, follower: TaskFollower): void {
    const slots = this.#slots
    const state = slots.getInt32(at + 4, true)
    if (state === TOLD) return
    slots.setInt32(at + 4, TOLD, true)
    const tid = slots.getInt32(at, true)
    const line = slots.getFloat64(at + 8, true)
    if (state < ROW) {
      follower.plainCall(tid, state, line)
      return
    }
    const users = (state - ROW) * HEAD + 12
    this.#heads.setUint32(users, this.#heads.getUint32(users, true) - 1, true)
    follower.keptCall(tid, state - ROW, line, slots.getFloat64(at + 16, true), slots.getInt32(at + 24, true))
  }
}
