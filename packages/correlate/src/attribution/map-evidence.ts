/**
 * When a saved map is believed of a block.
 *
 * 1. The last write to a block before the map was taken is what the map shows there, unless the file got blocks of others
 *    in between (a reflink).
 * 2. An earlier one is the same file's only where nothing can have taken the block away in between: on a file system
 *    that writes in place, when maps from before and after agree, or when calls show that the file did not free it and
 *    that no other file that was dirty then has freed anything since. Never on a copy-on-write file system.
 * 3. A request as the file system made it carries data of one inode (ext4_io_submit(), xfs ioends, btrfs ordered
 *    extents; merging comes later): where a map names a part of it, the whole is that file's.
 */
import type { BlockLog } from './block-log.ts'
import type { DirtyFiles } from './dirty-files.ts'
import type { FileBook } from './file-book.ts'
import { NO_CLAIM, SEVERAL_CLAIMS, type Claim, type MapClaims } from './map-claims.ts'
import { LastWriters } from './last-writers.ts'
import { startOf } from './places.ts'
import type { FsView, FsViews, ViewPiece } from './views.ts'

/** A part of a piece of which one thing is true. */
export interface MapPart {
  readonly piece: ViewPiece
  /** What maps from afterwards say, believed or not. */
  readonly claims: readonly Claim[]
  readonly believed: Claim | null
  /** Nothing was written there between this request and the map. */
  readonly last: boolean
}

const NO_CLAIMS: readonly Claim[] = []

/** Dirty files that are looked through one by one. */
export const MAX_DIRTY_FILES = 256

/** Not of others: f2fs, nilfs2 and bcachefs write every change of a block elsewhere, as btrfs and zfs do. */
export function writesInPlace({ type }: FsView): boolean {
  return type === 'ext4' || type === 'xfs'
}

/** Offset in the file of the begin of a piece; NaN: compressed. */
export function offsetOf(claim: Claim, piece: ViewPiece): number {
  return claim.encoded ? NaN : claim.fileOffset + startOf(piece) - claim.start
}

export class MapEvidence {
  readonly #claims: MapClaims
  readonly #book: FileBook
  readonly #dirty: DirtyFiles
  readonly #blocks: BlockLog
  readonly #writers = new LastWriters()
  /** By request: what maps from afterwards say of all of it, as MapClaims numbers it. */
  #only = new Int32Array()

  constructor(claims: MapClaims, blocks: BlockLog, book: FileBook, dirty: DirtyFiles) {
    this.#claims = claims
    this.#blocks = blocks
    this.#book = book
    this.#dirty = dirty
  }

  /** Requests in the order of time: the last one that wrote a block is remembered. */
  noteWrites(requests: Uint32Array, views: FsViews): void {
    const { device, sector, bytes, length } = this.#blocks
    let last = -1
    let isPlain = false
    for (const request of requests) {
      const [on, from, size] = [device.data[request], sector.data[request], bytes.data[request]]
      if (size <= 0 || from < 0) continue
      if (on !== last) isPlain = views.isPlain((last = on))
      if (isPlain) this.#writers.add(on, from * 512, from * 512 + size, request)
      else
        for (const piece of views.pieces(on, from, size)) {
          this.#writers.add(piece.device, piece.byte, piece.byte + piece.bytes, request)
        }
    }
    this.#only = new Int32Array(length).fill(SEVERAL_CLAIMS)
    // In the order of places one look finds in the caches what the one before has read; in that of time hardly any does.
    this.#writers.sweep(length, (on) => {
      const view = views.isPlain(on) ? views.ofDevice(on) : null
      return view && ((request, start, end) => (this.#only[request] = this.#claims.onlyOver(view, start, end)))
    })
  }

  /** A piece cut where another request wrote later, and where claims begin and end. */
  partsOf(request: number, piece: ViewPiece, now: number, anyCalls: boolean, mayLieOn: MayLieOn): MapPart[] {
    const start = startOf(piece)
    const end = start + piece.bytes
    const whole = this.#after(request, piece)
    // Nearly always: one extent holds it, and one request wrote all of it last.
    if (whole.length <= 1 && (whole.length === 0 || (whole[0].start <= start && whole[0].end >= end))) {
      const one = this.#lastOver(request, piece)
      if (one >= 0) {
        const last = one === request
        const [claim] = whole
        const believed = claim !== undefined && this.#believes(claim, piece, now, last, anyCalls, mayLieOn)
        return [{ piece, claims: whole, believed: believed ? claim : null, last }]
      }
    }
    const cuts = new Set([start, end])
    this.#writers.cutsIn(piece.device, piece.byte, piece.byte + piece.bytes, (at) => cuts.add(start + at - piece.byte))
    for (const claim of whole) {
      if (claim.start > start) cuts.add(claim.start)
      if (claim.end < end) cuts.add(claim.end)
    }
    const sorted = [...cuts].sort((a, b) => a - b)
    return sorted.slice(1).map((to, k) => {
      const part = cutOf(piece, sorted[k], to)
      const claims = this.#on(part, 'after')
      const last = this.#lastOver(request, part) === request
      const one = claims.length > 0 && claims.every(({ file }) => file === claims[0].file)
      const believed = one && this.#believes(claims[0], part, now, last, anyCalls, mayLieOn) ? claims[0] : null
      return { piece: part, claims, believed, last }
    })
  }

  /** What a map from afterwards says of this file here, where it tells the offset of this very write. */
  claimOn(request: number, piece: ViewPiece, file: number): Claim | null {
    const start = startOf(piece)
    const claim = this.#after(request, piece).find((one) => one.file === file)
    if (!claim || claim.start > start || claim.end < start + piece.bytes) return null
    return writesInPlace(piece.view) || this.#lastOver(request, piece) === request ? claim : null
  }

  /** The file of a map from afterwards that shows this very write; null: none does, or there are several. */
  shownOf(request: number, piece: ViewPiece, now: number): number | null {
    if (this.#lastOver(request, piece) !== request) return null
    const file = this.ownerAfter(piece)
    return file < 0 || this.#isSharedSince(file, piece, now) ? null : file
  }

  /** The file that has all of it in maps from afterwards; -1: none, or several. */
  ownerAfter(piece: ViewPiece): number {
    const [first, ...others] = this.#on(piece, 'after')
    return first && others.every(({ file }) => file === first.file) ? first.file : -1
  }

  /** Whether maps from afterwards tell where files lie. */
  tellAfter(view: FsView): boolean {
    return this.#claims.tell(view, 'after')
  }

  /** Whether a map from afterwards has the blocks of this file. */
  tellsOf(file: number, view: FsView): boolean {
    return this.#claims.tellsOf(file, view, 'after')
  }

  #believes(
    claim: Claim,
    piece: ViewPiece,
    now: number,
    last: boolean,
    anyCalls: boolean,
    mayLieOn: MayLieOn,
  ): boolean {
    if (last) return !this.#isSharedSince(claim.file, piece, now)
    if (!writesInPlace(piece.view)) return false
    const before = this.#on(piece, 'before')
    const offset = offsetOf(claim, piece)
    const both = before.length > 0 && before.every((one) => one.file === claim.file && offsetOf(one, piece) === offset)
    // Of the last block: a file loses blocks from its end.
    const lastOffset = offset + Math.max(0, piece.bytes - piece.view.blockBytes)
    const freed = this.#book.freedBetween(claim.file, now, Infinity, lastOffset)
    if (!anyCalls || both) return both && !freed
    if (freed) return false
    let dirty = false
    let n = 0
    for (const { file } of this.#dirty.all()) {
      if (++n > MAX_DIRTY_FILES) return false
      if (file === claim.file) dirty = true
      else if (mayLieOn(file, piece.view) && this.#book.freedBetween(file, now, Infinity, Infinity)) return false
    }
    return dirty
  }

  /** ext4 has no blocks of several files. */
  #isSharedSince(file: number, { view }: ViewPiece, now: number): boolean {
    return view.type !== 'ext4' && this.#book.sharedAfter(file, now)
  }

  #after(request: number, piece: ViewPiece): readonly Claim[] {
    const isWhole = piece.bytes === this.#blocks.bytes.data[request]
    const only = isWhole ? this.#only[request] : SEVERAL_CLAIMS
    if (only === SEVERAL_CLAIMS) return this.#on(piece, 'after')
    return only === NO_CLAIM ? NO_CLAIMS : [this.#claims.numbered(piece.view, only)]
  }

  #on(piece: ViewPiece, when: 'before' | 'after'): Claim[] {
    return this.#claims.within(piece.view, when, piece.address, piece.byte, piece.bytes)
  }

  /** The request that wrote all of a piece of this one last; -1: several did, each a part. */
  #lastOver(request: number, { device, byte, bytes }: ViewPiece): number {
    if (bytes === this.#blocks.bytes.data[request]) return this.#writers.over(request)
    return this.#writers.oneOf(device, byte, byte + bytes)
  }
}

type MayLieOn = (file: number, view: FsView) => boolean

/** The part of a piece from `from` to `to` in its own space. */
export function cutOf(piece: ViewPiece, from: number, to: number): ViewPiece {
  const shift = from - startOf(piece)
  if (shift === 0 && to - from === piece.bytes) return piece
  const address = piece.address === null ? null : from
  return { ...piece, at: piece.at + shift, bytes: to - from, byte: piece.byte + shift, address }
}

/** The file that maps name for some part, where it is one only; -1: none, or several. */
export function onlyFileOf(parts: readonly MapPart[]): number {
  let only = -1
  for (const { believed } of parts) {
    if (!believed || believed.file === only) continue
    if (only >= 0) return -1
    only = believed.file
  }
  return only
}
