/**
 * A single stream (`blktrace -o -`, a network recording) holds the CPUs' buffers one after the other, each in order:
 * runs that overlap in time. A bounded number of rows is held back and put in order by merging its runs; a stream that
 * is in order already (a `blkparse -d` dump, one CPU's file) is one run and is passed on as it is.
 */
import { ACTION, type BlockBatch } from '@flushtrace/trace'
import { before } from './order.ts'

/** Rows held back: 8 CPUs with a full buffer (512 KiB, some 10,000 records) each, in about 12 MB. */
export const HELD_ROWS = 1 << 17

/** Starts of the runs in rows [0, length). */
function runsOf(batch: BlockBatch): number[] {
  const times = batch.atNs
  const runs = [0]
  for (let i = 1; i < batch.length; i++) if (times[i] < times[i - 1]) runs.push(i)
  return runs
}

/** Puts `batch` in order; returns the batch that holds the result: itself, or `spare`. */
export function inOrder(batch: BlockBatch, spare: BlockBatch): BlockBatch {
  const runs = runsOf(batch)
  if (runs.length <= 1) return batch
  const order = mergeRuns(batch, runs)
  for (let k = 0; k < order.length; k++) spare.setRow(k, batch, order[k])
  spare.length = batch.length
  return spare
}

/** Row numbers in order: runs merged pairwise, in as many rounds as it takes; equal rows keep their order. */
function mergeRuns(batch: BlockBatch, runs: number[]): Uint32Array {
  const count = batch.length
  let from = new Uint32Array(count)
  let to = new Uint32Array(count)
  for (let i = 0; i < count; i++) from[i] = i
  while (runs.length > 1) {
    const merged: number[] = []
    for (let r = 0; r < runs.length; r += 2) {
      const start = runs[r]
      const middle = r + 1 < runs.length ? runs[r + 1] : count
      const end = r + 2 < runs.length ? runs[r + 2] : count
      merged.push(start)
      let a = start
      let b = middle
      for (let k = start; k < end; k++) {
        if (a < middle && (b >= end || !before(batch, from[b], batch, from[a]))) to[k] = from[a++]
        else to[k] = from[b++]
      }
    }
    ;[from, to] = [to, from]
    runs = merged
  }
  return from
}

/** Applies rows that only name a task, and takes them out: rows [0, length) become events only. */
export function applyNames(
  batch: BlockBatch,
  names: { get(tid: number): number; set(tid: number, id: number): void },
): void {
  const { action, tid, comm } = batch
  let kept = 0
  for (let i = 0; i < batch.length; i++) {
    if (action[i] === ACTION.note) names.set(tid[i], comm[i])
    else {
      if (kept !== i) batch.setRow(kept, batch, i)
      comm[kept] = names.get(tid[kept])
      kept++
    }
  }
  batch.length = kept
}
