/** Long columns of numbers: rows in the order of one, and a place in a sorted one. */

/** Below that, comparing is as fast as counting digits. */
const FEW = 4096

/** Bits that are sorted by at a time: more of them, and the places that are written to no longer fit the caches. */
const DIGIT_BITS = 13

/**
 * Row numbers in the order of `key`, equal ones as they stand. Keys must not be negative: then the bits of doubles sort
 * as the numbers do, a digit at a time from the lowest (a radix sort), which takes a tenth of the time of comparing them.
 * Bits below the lowest and above the highest that keys differ in are passed over.
 */
export function sortedBy(key: Float64Array): Uint32Array {
  const { length } = key
  let rows = new Uint32Array(length)
  let isSorted = true
  for (let row = 0; row < length; row++) {
    rows[row] = row
    if (row > 0 && key[row - 1] > key[row]) isSorted = false
  }
  if (isSorted) return rows
  if (length < FEW) return rows.sort((a, b) => key[a] - key[b] || a - b)
  const words = new Uint32Array(key.slice().buffer)
  const { from, to } = differing(words)
  const width = Math.ceil((to - from) / Math.ceil((to - from) / DIGIT_BITS))
  // Told apart first, in the order of rows: what is then read in another one fits the caches.
  const digits = new Uint16Array(length)
  let sorted = new Uint32Array(length)
  for (let at = from; at < to; at += width) {
    const places = new Uint32Array((1 << width) + 1)
    for (let row = 0; row < length; row++) {
      const digit = bitsAt(at, words[2 * row], words[2 * row + 1]) & ((1 << width) - 1)
      digits[row] = digit
      places[digit + 1]++
    }
    for (let k = 1; k < places.length; k++) places[k] += places[k - 1]
    for (let k = 0; k < length; k++) sorted[places[digits[rows[k]]]++] = rows[k]
    ;[rows, sorted] = [sorted, rows]
  }
  return rows
}

/** The bits that not all doubles have in common lie in here, half-open. */
function differing(words: Uint32Array): { from: number; to: number } {
  let low = 0
  let high = 0
  for (let k = 0; k < words.length; k += 2) {
    low |= words[k] ^ words[0]
    high |= words[k + 1] ^ words[1]
  }
  const lowest = low === 0 ? high : low
  return {
    from: (low === 0 ? 63 : 31) - Math.clz32(lowest & -lowest),
    to: high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high),
  }
}

/** 13 bits of a double, and more, from that bit on. */
function bitsAt(bit: number, low: number, high: number): number {
  return bit < 32 ? (low >>> bit) | ((high << 1) << (31 - bit)) : high >>> (bit - 32)
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
