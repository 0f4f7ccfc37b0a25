/** Collects the extents of a map, in any order, into sorted columns. */
import { sortedBy } from '@flushtrace/trace'
import { EXTENT, type ExtentColumns } from './layout-map.ts'

/** 33 bytes each: half a gigabyte. */
const MAX_EXTENTS = 1 << 24

export class ExtentBuilder {
  length = 0
  /** Extents past the bound. */
  dropped = 0
  #start = new Float64Array(64)
  #end = new Float64Array(64)
  #fileOffset = new Float64Array(64)
  #file = new Int32Array(64)
  #flags = new Uint8Array(64)
  readonly #most: number

  constructor(most = MAX_EXTENTS) {
    this.#most = most
  }

  add(start: number, end: number, fileOffset: number, file: number, flags: number): void {
    if (this.length === this.#most) {
      this.dropped++
      return
    }
    if (this.length === this.#start.length) this.#grow()
    const k = this.length++
    this.#start[k] = start
    this.#end[k] = end
    this.#fileOffset[k] = fileOffset
    this.#file[k] = file
    this.#flags[k] = flags
  }

  /** Those of some files, which the map has no more. */
  take(files: ReadonlySet<number>): { start: number; end: number; file: number }[] {
    const taken: { start: number; end: number; file: number }[] = []
    const { length } = this
    this.length = 0
    for (let k = 0; k < length; k++) {
      const [start, end, file] = [this.#start[k], this.#end[k], this.#file[k]]
      if (files.has(file)) taken.push({ start, end, file })
      else this.add(start, end, this.#fileOffset[k], file, this.#flags[k])
    }
    return taken
  }

  /** Where the last extent ends; 0 without any. */
  get reach(): number {
    let reach = 0
    for (let k = 0; k < this.length; k++) if (this.#end[k] > reach) reach = this.#end[k]
    return reach
  }

  /** Places times `unit`: maps that count in blocks. */
  finish(unit: number): ExtentColumns {
    const { length } = this
    const order = sortedBy(this.#start.subarray(0, length))
    const columns = {
      length,
      start: new Float64Array(length),
      end: new Float64Array(length),
      fileOffset: new Float64Array(length),
      file: new Int32Array(length),
      flags: new Uint8Array(length),
    }
    for (let k = 0; k < length; k++) {
      const from = order[k]
      columns.start[k] = this.#start[from] * unit
      columns.end[k] = this.#end[from] * unit
      columns.fileOffset[k] = this.#fileOffset[from] * unit
      columns.file[k] = this.#file[from]
      columns.flags[k] = this.#flags[from]
    }
    return columns
  }

  #grow(): void {
    const size = this.length * 2
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(from: T, to: T): T => (to.set(from), to)
    this.#start = grown(this.#start, new Float64Array(size))
    this.#end = grown(this.#end, new Float64Array(size))
    this.#fileOffset = grown(this.#fileOffset, new Float64Array(size))
    this.#file = grown(this.#file, new Int32Array(size))
    this.#flags = grown(this.#flags, new Uint8Array(size))
  }
}

/**
 * A compressed extent takes less of the disk than filefrag says: it prints the length in the file. What is behind it may
 * be another file's, or have been, so that of such an extent only the first block is claimed.
 */
export function boundEncoded({ length, start, end, flags }: ExtentColumns): void {
  for (let k = 0; k < length; k++) if (flags[k] & EXTENT.encoded) end[k] = Math.min(end[k], start[k] + LEAST_BYTES)
}
/** Of an extent: btrfs's smallest block. */
const LEAST_BYTES = 4096

/** fsmap names every owner of a block, and not all its forms say which blocks have several. */
export function markShared({ length, start, end, flags }: ExtentColumns): void {
  let farthest = 0
  for (let k = 1; k < length; k++) {
    if (start[k] < end[farthest]) {
      flags[k] |= EXTENT.shared
      flags[farthest] |= EXTENT.shared
    }
    if (end[k] > end[farthest]) farthest = k
  }
}

/** Extents on blocks of another file that neither marks as shared: index of the first, and how many; null: none. */
export function overlapOf({ length, start, end, file, flags }: ExtentColumns): { first: number; count: number } | null {
  let reach = -Infinity
  let owner = -1
  let first = -1
  let count = 0
  for (let k = 0; k < length; k++) {
    if (start[k] < reach && file[k] !== owner && !(flags[k] & (EXTENT.shared | EXTENT.encoded))) {
      if (count++ === 0) first = k
    }
    if (end[k] > reach) {
      reach = end[k]
      owner = file[k]
    }
  }
  return count === 0 ? null : { first, count }
}
