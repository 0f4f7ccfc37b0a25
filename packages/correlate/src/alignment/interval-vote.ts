/**
 * Every observation says between which two values something lies; some observations are wrong. Where do most agree?
 * The ends of all intervals are sorted and swept once: O(n log n).
 */
export interface Agreement {
  /** The stretch on which most intervals agree. */
  readonly start: number
  readonly end: number
  readonly votes: number
}

/** Intervals under way; ends are inclusive. */
export class IntervalVote {
  readonly #starts: Float64Array
  readonly #ends: Float64Array
  #length = 0

  constructor(capacity: number) {
    this.#starts = new Float64Array(capacity)
    this.#ends = new Float64Array(capacity)
  }

  add(start: number, end: number): void {
    this.#starts[this.#length] = start
    this.#ends[this.#length++] = end
  }

  /**
   * The stretches that most agree on, best first, at most `count`, no two closer than `apart`: what stands beside a
   * better one is its slope, not a rival.
   */
  best(count: number, apart: number): Agreement[] {
    const starts = this.#starts.subarray(0, this.#length).sort()
    const ends = this.#ends.subarray(0, this.#length).sort()
    const found: Agreement[] = []
    let closed = 0
    for (let opened = 1; opened <= starts.length; opened++) {
      const start = starts[opened - 1]
      while (ends[closed] < start) closed++
      // A peak: the next thing that happens is an end.
      if (opened < starts.length && starts[opened] <= ends[closed]) continue
      keep(found, { start, end: ends[closed], votes: opened - closed }, count, apart)
    }
    return found
  }
}

function keep(found: Agreement[], peak: Agreement, count: number, apart: number): void {
  if (found.length === count && peak.votes <= found[count - 1].votes) return
  for (const other of found) {
    if (other.votes >= peak.votes && near(other, peak, apart)) return
  }
  const rest = found.filter((other) => !near(other, peak, apart))
  rest.push(peak)
  rest.sort((a, b) => b.votes - a.votes)
  found.splice(0, found.length, ...rest.slice(0, count))
}

function near(a: Agreement, b: Agreement, apart: number): boolean {
  return a.start - b.end < apart && b.start - a.end < apart
}
