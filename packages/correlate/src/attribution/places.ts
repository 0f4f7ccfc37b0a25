/**
 * Which block is which file's, as it is known at one moment of the replay: placed by an event, kept since the last
 * write that was traced to a file, or as the map from before the trace has it. The later word wins.
 */
import type { FileBook } from './file-book.ts'
import { Segments } from './segments.ts'
import type { FsView, ViewPiece } from './views.ts'

export type PlaceKind = 'placed' | 'kept' | 'before'

export interface Place {
  readonly kind: PlaceKind
  /** FileBook number; -1: `inode` tells. */
  readonly file: number
  /** FileBook's number of an inode; -1: `file` tells. */
  readonly inode: number
  /** Of `start`; NaN: not known. */
  readonly fileOffset: number
  readonly start: number
  /** false: compressed, an offset in the block is none in the file. */
  readonly linear: boolean
  readonly atNs: number
  /** The fact: source and record, or the path of a map. */
  readonly source: number
  readonly record: number
  readonly origin: string | null
}

export type OnPlace = (start: number, end: number, place: Place | null) => void

export class Places {
  readonly #spaces = new Map<string, Segments>()
  readonly #places: Place[] = []
  readonly #book: FileBook

  constructor(book: FileBook) {
    this.#book = book
  }

  set(space: Segments, start: number, end: number, place: Place): void {
    // A block that is written again and again keeps one place.
    let same = false
    space.within(start, end, (from, to, payload) => {
      const known = this.#places[payload]
      if (from === start && to === end && known.kind === place.kind && sameFile(known, place)) {
        this.#places[payload] = {
          ...place,
          fileOffset: Number.isNaN(place.fileOffset) ? offsetIn(known, start) : place.fileOffset,
        }
        same = known.start === start
      }
    })
    if (!same) space.set(start, end, this.#places.push(place) - 1)
  }

  /** Every part of the range with what is known of it, in order; null where nothing is, or is not any more. */
  within(space: Segments, start: number, end: number, atNs: number, found: OnPlace): void {
    let at = start
    space.within(start, end, (from, to, payload) => {
      if (from > at) found(at, from, null)
      const place = this.#places[payload]
      found(from, to, this.#holds(place, from, atNs) ? place : null)
      at = to
    })
    if (at < end) found(at, end, null)
  }

  /** An event would tell if the block was given to another file; otherwise the calls must not show that it was freed. */
  #holds(place: Place, at: number, atNs: number): boolean {
    if (place.kind === 'placed' || place.file < 0) return true
    const offset = offsetIn(place, at)
    return !this.#book.freedBetween(place.file, place.atNs, atNs, Number.isNaN(offset) ? Infinity : offset)
  }

  spaceOf(view: FsView, piece: Pick<ViewPiece, 'address' | 'device'>): Segments {
    const key = piece.address === null ? `${view.index} ${piece.device}` : `${view.index}`
    let space = this.#spaces.get(key)
    if (!space) this.#spaces.set(key, (space = new Segments()))
    return space
  }
}

/** Offset in the file of a byte of its block. */
export function offsetIn(place: Place, at: number): number {
  return place.linear ? place.fileOffset + at - place.start : NaN
}

function sameFile(a: Place, b: Place): boolean {
  return a.file === b.file && a.inode === b.inode
}

/** Where a piece begins in its space. */
export function startOf(piece: Pick<ViewPiece, 'address' | 'byte'>): number {
  return piece.address ?? piece.byte
}
