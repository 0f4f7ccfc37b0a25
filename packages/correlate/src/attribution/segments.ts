/**
 * Who has which range of an address space now: ranges set one after the other, the later one wins where they overlap.
 *
 * Invariant: segments are sorted and never overlap; they stand in blocks of at most LIMIT, so that setting one costs
 * the length of a block and finding one two binary searches.
 */
import { firstAbove } from '@flushtrace/trace'

const LIMIT = 512

interface Block {
  readonly starts: number[]
  readonly ends: number[]
  readonly payloads: number[]
}

export type OnSegment = (start: number, end: number, payload: number) => void

export class Segments {
  readonly #blocks: Block[] = [{ starts: [], ends: [], payloads: [] }]

  /** Half-open. */
  set(start: number, end: number, payload: number): void {
    if (!(start < end)) return
    this.clear(start, end)
    this.#insert(start, end, payload)
  }

  /** Nothing is known of the range any more. */
  clear(start: number, end: number): void {
    let b = this.#blockOf(start)
    const block = this.#blocks[b]
    let k = firstAbove(block.ends, start)
    if (k < block.starts.length && block.starts[k] < start) {
      const [to, payload] = [block.ends[k], block.payloads[k]]
      block.ends[k++] = start
      if (to > end) {
        this.#insert(end, to, payload)
        return
      }
    }
    while (b < this.#blocks.length) {
      const { starts, ends } = this.#blocks[b]
      const kept = firstAbove(ends, end)
      if (kept > k) this.#remove(b, k, kept)
      if (k < starts.length) {
        if (starts[k] < end) starts[k] = end
        return
      }
      if (starts.length > 0 || this.#blocks.length === 1) b++
      else this.#blocks.splice(b, 1)
      k = 0
    }
  }

  /** Nothing is known of any part of the range. */
  isFree(start: number, end: number): boolean {
    for (let b = this.#blockOf(start); b < this.#blocks.length; b++) {
      const { starts, ends } = this.#blocks[b]
      const k = firstAbove(ends, start)
      if (k < starts.length) return starts[k] >= end
    }
    return true
  }

  /** Calls `found` for each known piece of the range, in order. */
  within(start: number, end: number, found: OnSegment): void {
    for (let b = this.#blockOf(start); b < this.#blocks.length; b++) {
      const { starts, ends, payloads } = this.#blocks[b]
      if (starts.length > 0 && starts[0] >= end) return
      for (let k = firstAbove(ends, start); k < starts.length && starts[k] < end; k++) {
        found(Math.max(start, starts[k]), Math.min(end, ends[k]), payloads[k])
      }
    }
  }

  #insert(start: number, end: number, payload: number): void {
    const b = this.#blockOf(start)
    const block = this.#blocks[b]
    const k = firstAbove(block.ends, start)
    block.starts.splice(k, 0, start)
    block.ends.splice(k, 0, end)
    block.payloads.splice(k, 0, payload)
    if (block.starts.length <= LIMIT) return
    const half = LIMIT >> 1
    this.#blocks.splice(b + 1, 0, {
      starts: block.starts.splice(half),
      ends: block.ends.splice(half),
      payloads: block.payloads.splice(half),
    })
  }

  #remove(b: number, from: number, to: number): void {
    const { starts, ends, payloads } = this.#blocks[b]
    starts.splice(from, to - from)
    ends.splice(from, to - from)
    payloads.splice(from, to - from)
  }

  /** The last block that begins at or before `at`, else the first. */
  #blockOf(at: number): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#blocks[middle].starts[0] <= at) low = middle
      else high = middle - 1
    }
    return low
  }
}
