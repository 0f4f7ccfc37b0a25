/** A range of one device, piece by piece, on another: found by either place. Pieces of each side do not overlap. Bytes. */
import { firstAbove, sortedBy } from '@flushtrace/trace'
import type { ExtentBuilder } from './extent-builder.ts'

export interface MappedPiece {
  /** Offset in the range that was asked for. */
  readonly at: number
  readonly bytes: number
  /** On the other device. */
  readonly byte: number
}

interface Side {
  readonly start: Float64Array
  readonly end: Float64Array
  readonly other: Float64Array
}

export class MappedPieces {
  /** By the place below. */
  readonly #below: Side
  /** By the place above. */
  readonly #above: Side

  /** `extents`: place below, and as `fileOffset` the one above. */
  constructor(extents: ExtentBuilder, unitBytes: number) {
    const { start, end, fileOffset } = extents.finish(unitBytes)
    this.#below = { start, end, other: fileOffset }
    const order = sortedBy(fileOffset)
    this.#above = {
      start: Float64Array.from(order, (k) => fileOffset[k]),
      end: Float64Array.from(order, (k) => fileOffset[k] + end[k] - start[k]),
      other: Float64Array.from(order, (k) => start[k]),
    }
  }

  get length(): number {
    return this.#below.start.length
  }

  above(byte: number, bytes: number): MappedPiece[] {
    return within(this.#below, byte, bytes)
  }

  below(byte: number, bytes: number): MappedPiece[] {
    return within(this.#above, byte, bytes)
  }
}

function within({ start, end, other }: Side, byte: number, bytes: number): MappedPiece[] {
  const pieces: MappedPiece[] = []
  for (let k = Math.max(0, firstAbove(start, byte) - 1); k < start.length && start[k] < byte + bytes; k++) {
    const from = Math.max(byte, start[k])
    const to = Math.min(byte + bytes, end[k])
    if (from < to) pieces.push({ at: from - byte, bytes: to - from, byte: other[k] + from - start[k] })
  }
  return pieces
}
