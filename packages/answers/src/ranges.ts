/** A union of half-open ranges, kept sorted and apart. */
import { bisector } from 'd3-array'

/** Mappings of one file that are told apart; of more, the span of all stands for them: it is an upper bound, too. */
const MAX_RANGES = 4096

const byStart = bisector(([start]: readonly [number, number]) => start)
const byEnd = bisector(([, end]: readonly [number, number]) => end)

export class Ranges {
  #ranges: [start: number, end: number][] = []

  add(start: number, end: number): void {
    if (!(end > start)) return
    // Sorted by start and apart from each other, so sorted by end as well: those from `from` to `to` touch the new one.
    const ranges = this.#ranges
    const from = byEnd.left(ranges, start)
    const to = byStart.right(ranges, end)
    if (from < to) {
      start = Math.min(start, ranges[from][0])
      end = Math.max(end, ranges[to - 1][1])
    }
    ranges.splice(from, to - from, [start, end])
    if (ranges.length > MAX_RANGES) this.#ranges = [[ranges[0][0], ranges[ranges.length - 1][1]]]
  }

  get bytes(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + (end - start), 0)
  }
}
