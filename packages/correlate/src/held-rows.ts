/**
 * Rows of tasks that came before the fork that made them returned (vfork's child always does): kept until a result names
 * the task, or no fork is under way any more.
 */
import { CallBatch } from '@flushtrace/trace'

/** Rows held back for one task, and for all: a parent that never returns must not fill the memory. */
const HELD_ROWS = 64
const MAX_HELD_BATCHES = 64
export const MAX_HELD_TASKS = 64

export interface HeldTask {
  /** Its rows, in order; never empty. */
  readonly batches: CallBatch[]
  readonly source: number
}

export class HeldRows {
  readonly #tasks = new Map<number, HeldTask>()

  get isEmpty(): boolean {
    return this.#tasks.size === 0
  }

  /**
   * Keeps row `i`, as the part of a call that `phase` says. `refused`: there is no place for another task; `full`: nor for
   * more rows of this one.
   */
  keep(tid: number, batch: CallBatch, i: number, source: number, phase: number): 'kept' | 'refused' | 'full' {
    let held = this.#tasks.get(tid)
    if (!held) {
      if (this.#tasks.size >= MAX_HELD_TASKS) return 'refused'
      this.#tasks.set(tid, (held = { batches: [], source }))
    }
    let rows = held.batches.at(-1)
    if (!rows || rows.full || rows.strings !== batch.strings) {
      if (held.batches.length >= MAX_HELD_BATCHES) return 'full'
      held.batches.push((rows = new CallBatch(batch.strings, batch.names, HELD_ROWS)))
    }
    rows.copyRow(batch, i)
    rows.phase[rows.length - 1] = phase
    return 'kept'
  }

  /** Hands over what is kept of a task. */
  take(tid: number): HeldTask | undefined {
    const held = this.#tasks.get(tid)
    this.#tasks.delete(tid)
    return held
  }

  /** Hands over all, one task after the other. */
  *takeAll(): Generator<[tid: number, held: HeldTask]> {
    for (const entry of this.#tasks) {
      this.#tasks.delete(entry[0])
      yield entry
    }
  }
}
