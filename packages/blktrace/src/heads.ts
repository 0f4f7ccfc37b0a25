/** Whose next record is the earliest: per-CPU files in turns, each up to the time of the next file's. */
import type { BlockBatch } from '@flushtrace/trace'
import type { RecordCursor, Stop } from './cursor.ts'

/** What `byTime` asks of it, and of merged-runs.ts. */
export type Heads = Pick<CursorHeap, 'size' | 'first' | 'add' | 'turn' | 'sink' | 'drop'>

/** A heap by the next records. */
export class CursorHeap {
  readonly #heap: RecordCursor[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The one whose turn it was. */
  get first(): RecordCursor {
    return this.#heap[0]
  }

  /** A cursor that stands before a record that is known. */
  add(cursor: RecordCursor): void {
    const heap = this.#heap
    heap.push(cursor)
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1
      if (!earlier(heap[child], heap[parent])) break
      ;[heap[child], heap[parent]] = [heap[parent], heap[child]]
      child = parent
    }
  }

  /** The first one's records, up to the next one's. */
  turn(batch: BlockBatch): Stop {
    const [first, second, third] = this.#heap
    return first.decode(batch, Math.min(second?.runs.nextNs ?? Infinity, third?.runs.nextNs ?? Infinity), true)
  }

  /** The first one stands before a later record: down to its place. */
  sink(): void {
    const heap = this.#heap
    for (let parent = 0; ;) {
      let child = 2 * parent + 1
      if (child >= heap.length) return
      if (child + 1 < heap.length && earlier(heap[child + 1], heap[child])) child++
      if (!earlier(heap[child], heap[parent])) return
      ;[heap[child], heap[parent]] = [heap[parent], heap[child]]
      parent = child
    }
  }

  /** The first one has come to its end. */
  drop(): void {
    const last = this.#heap.pop()
    if (last && this.size > 0) this.#heap[0] = last
    this.sink()
  }
}

function earlier({ runs: a }: RecordCursor, { runs: b }: RecordCursor): boolean {
  if (a.nextNs !== b.nextNs) return a.nextNs < b.nextNs
  if (a.nextDevice !== b.nextDevice) return a.nextDevice < b.nextDevice
  return a.nextSequence < b.nextSequence
}
