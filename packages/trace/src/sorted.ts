/** Long columns of numbers: rows in the order of one, and a place in a sorted one. */

/** Below that, comparing is as fast as counting digits. */
const FEW = 4096

/** Bits that are sorted by at a time: more of them, and the places that are written to no longer fit the caches. */
const DIGIT_BITS = 13
const DIGIT = (1 << DIGIT_BITS) - 1

/**
 * Row numbers in the order of `key`, equal ones as they stand. Keys must not be negative: then the bits of doubles sort
 * as the numbers do, a digit at a time from the lowest (a radix sort), which takes a tenth of the time of comparing them.
 * Digits in which no key differs are passed over.
 */
export function sortedBy(key: Float64Array): Uint32Array {
  let rows = new Uint32Array(key.length)
  let isSorted = true
  for (let row = 0; row < key.length; row++) {
    rows[row] = row
    if (row > 0 && key[row - 1] > key[row]) isSorted = false
  }
  if (isSorted) return rows
  if (key.length < FEW) return rows.sort((a, b) => key[a] - key[b] || a - b)
  const words = new Uint32Array(key.slice().buffer)
  let sorted = new Uint32Array(key.length)
  for (const word of [0, 1]) {
    let differ = 0
    for (let k = word; k < words.length; k += 2) differ |= words[k] ^ words[word]
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      if (((differ >>> shift) & DIGIT) === 0) continue
      const places = new Uint32Array(DIGIT + 2)
      for (let k = word; k < words.length; k += 2) places[((words[k] >>> shift) & DIGIT) + 1]++
      for (let k = 1; k < places.length; k++) places[k] += places[k - 1]
      for (const row of rows) sorted[places[(words[2 * row + word] >>> shift) & DIGIT]++] = row
      ;[rows, sorted] = [sorted, rows]
    }
  }
  return rows
}

/** Index of the first of sorted values that is above `at`; as many as there are where none is. */
export function firstAbove(sorted: ArrayLike<number>, at: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] <= at) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The same, for many questions about one long column: a table of as many equal steps as there are values says between
 * which of them to look. Values may be anywhere: where they crowd in one step, halves are taken there.
 */
export class SortedIndex {
  readonly #sorted: Float64Array
  readonly #step: number
  /** Of each step, the first value that lies in it or beyond. */
  readonly #from: Uint32Array

  constructor(sorted: Float64Array) {
    const { length } = sorted
    this.#sorted = sorted
    this.#step = length === 0 ? 1 : (sorted[length - 1] - sorted[0]) / length || 1
    this.#from = new Uint32Array(length + 2)
    let step = 0
    for (let k = 0; k < length; k++) for (const own = this.#stepOf(sorted[k]); step <= own; step++) this.#from[step] = k
    this.#from.fill(length, step)
  }

  firstAbove(at: number): number {
    const sorted = this.#sorted
    if (sorted.length === 0 || at < sorted[0]) return 0
    if (at >= sorted[sorted.length - 1]) return sorted.length
    const step = this.#stepOf(at)
    let low = this.#from[step]
    let high = this.#from[step + 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle] <= at) low = middle + 1
      else high = middle
    }
    return low
  }

  #stepOf(at: number): number {
    return Math.floor((at - this.#sorted[0]) / this.#step)
  }
}
