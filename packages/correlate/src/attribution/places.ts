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
  /** By view; where a view has no addresses, by device. */
  readonly #spaces = new Map<number, Segments>()
  readonly #ofDevice = new Map<number, Segments>()
  readonly #places: Place[] = []
  /** By place: where it ended when it was set. */
  readonly #ends: number[] = []
  readonly #book: FileBook
  #lostNs = -Infinity

  constructor(book: FileBook) {
    this.#book = book
  }

  set(space: Segments, start: number, end: number, place: Place): void {
    // A block that is written again and again keeps one place; what a part of it still refers to stays as it is.
    let same = false
    space.within(start, end, (from, to, payload) => {
      const known = this.#places[payload]
      if (from !== start || to !== end || known.start !== start || this.#ends[payload] !== end) return
      if (known.kind !== place.kind || !sameFile(known, place)) return
      const keeps = Number.isNaN(place.fileOffset) && this.#heldUpTo(known, start, end, place.atNs, 1) === end
      this.#places[payload] = keeps ? { ...place, fileOffset: known.fileOffset, linear: known.linear } : place
      same = true
    })
    if (same) return
    space.set(start, end, this.#places.push(place) - 1)
    this.#ends.push(end)
  }

  /**
   * What a map tells that was begun at `place.atNs`: it counts against what was known then, not against what was learned
   * since, nor where `keeps` says so of what is still true.
   */
  learn(space: Segments, start: number, end: number, place: Place, keeps: (known: Place) => boolean): void {
    const stale: [from: number, to: number][] = []
    let at = start
    space.within(start, end, (from, to, payload) => {
      const known = this.#places[payload]
      const isTrue = this.#heldUpTo(known, from, to, place.atNs, 1) === to
      if (known.atNs < place.atNs && !this.isSure(known) && !(isTrue && keeps(known))) return
      stale.push([at, from])
      at = to
    })
    stale.push([at, end])
    for (const [from, to] of stale) if (from < to) this.set(space, from, to, place)
  }

  /** Events were lost until then: those that would have told of another owner may be among them. */
  lose(atNs: number): void {
    this.#lostNs = Math.max(this.#lostNs, atNs)
  }

  /** Whether an event would have told, if the block had been given to another file since. */
  isSure({ kind, atNs }: Place): boolean {
    return kind === 'placed' && atNs > this.#lostNs
  }

  /**
   * Every part of the range with what is known of it, in order; null where nothing is, or is not any more. Files give
   * up whole blocks.
   */
  within(space: Segments, start: number, end: number, atNs: number, blockBytes: number, found: OnPlace): void {
    let at = start
    space.within(start, end, (from, to, payload) => {
      if (from > at) found(at, from, null)
      const place = this.#places[payload]
      const held = this.#heldUpTo(place, from, to, atNs, blockBytes)
      if (held > from) found(from, held, place)
      if (held < to) found(held, to, null)
      at = to
    })
    if (at < end) found(at, end, null)
  }

  /** Every part of the range with what was known last of it, in order, freed or not; null where nothing was. */
  last(space: Segments, start: number, end: number, found: OnPlace): void {
    let at = start
    space.within(start, end, (from, to, payload) => {
      if (from > at) found(at, from, null)
      found(from, to, this.#places[payload])
      at = to
    })
    if (at < end) found(at, end, null)
  }

  /** An event would tell if the block was given to another file; otherwise the calls must not show that it was freed. */
  #heldUpTo(place: Place, from: number, to: number, atNs: number, blockBytes: number): number {
    if (place.kind === 'placed' || place.file < 0) return to
    const freed = this.#book.freedFrom(place.file, place.atNs, atNs)
    if (freed === Infinity) return to
    const offset = offsetIn(place, from)
    if (Number.isNaN(offset)) return from
    const kept = Math.ceil(freed / blockBytes) * blockBytes - offset
    return Math.min(to, Math.max(from, from + kept))
  }

  spaceOf(view: FsView, piece: Pick<ViewPiece, 'address' | 'device'>): Segments {
    const [spaces, key] = piece.address === null ? [this.#ofDevice, piece.device] : [this.#spaces, view.index]
    let space = spaces.get(key)
    if (!space) spaces.set(key, (space = new Segments()))
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

/** The part of a piece from `from` to `to` in its own space. */
export function cutOf(piece: ViewPiece, from: number, to: number): ViewPiece {
  const shift = from - startOf(piece)
  if (shift === 0 && to - from === piece.bytes) return piece
  const address = piece.address === null ? null : from
  return { ...piece, at: piece.at + shift, bytes: to - from, byte: piece.byte + shift, address }
}
