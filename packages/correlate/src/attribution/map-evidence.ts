/**
 * When a saved map is believed of a block.
 *
 * 1. The last write to a block before the map was taken is what the map shows there, unless the file got blocks of others
 *    in between (a reflink). Where what is overwritten moves, not of a map that was taken when the trace had ended and files
 *    were written on: blocks were given anew in between (map-gap.ts).
 * 2. An earlier one is the same file's only where nothing can have taken the block away in between: on a file system
 *    that writes in place, when maps from before and after agree, or when calls show that the file did not free it and
 *    that no other file that was dirty then has freed anything since. Never on a copy-on-write file system.
 * 3. Both hold of every map taken later, also of those taken during the trace (map-moments.ts): the earlier it was, the
 *    less can have happened in between. Of two that show the same write, the one from after the trace counts: before it,
 *    everything had been written.
 * 4. Where calls do not show all that is done there, a file that shares blocks with another one may have got any of its blocks from it (a clone).
 * 5. A request as the file system made it carries data of one inode (ext4_io_submit(), xfs ioends, btrfs ordered
 *    extents; merging comes later): where a map names a part of it, the whole is that file's.
 */
import { SECTOR_BYTES } from '@flushtrace/trace'
import type { BlockLog } from './block-log.ts'
import type { DirtyFiles } from './dirty-files.ts'
import type { FileBook } from './file-book.ts'
import { NO_CLAIM, SEVERAL_CLAIMS, type Claim, type MapClaims, type When } from './map-claims.ts'
import { hasGap } from './map-gap.ts'
import { MapMoments } from './map-moments.ts'
import { LastWriters } from './last-writers.ts'
import { cutOf, startOf } from './places.ts'
import type { FsView, FsViews, ViewPiece } from './views.ts'

/** What calls show of a file system at a moment: all that is done there, some of it (others write there), nothing. */
export type Seen = 'all' | 'some' | 'nothing'

/** A write that maps are asked about. */
export interface Asked {
  readonly request: number
  /** When it was queued, on the clock of the calls. */
  readonly now: number
  /** What calls show of its file system by then. */
  readonly seen: Seen
}

/** A part of a piece of which one thing is true. */
export interface MapPart {
  readonly piece: ViewPiece
  /** What maps from after the trace say, believed or not. */
  readonly claims: readonly Claim[]
  readonly believed: Claim | null
  /** Nothing was written there between this request and the map: the one that is believed, else the one from after the trace. */
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

interface Witnesses {
  readonly claims: MapClaims
  readonly blocks: BlockLog
  /** Of requests, on the clock of the maps; NaN: nothing tells. */
  readonly atNs: Float64Array
  readonly book: FileBook
  readonly dirty: DirtyFiles
  readonly mayLieOn: (file: number, view: FsView) => boolean
}

export class MapEvidence {
  readonly #claims: MapClaims
  readonly #book: FileBook
  readonly #dirty: DirtyFiles
  readonly #mayLieOn: Witnesses['mayLieOn']
  readonly #blocks: BlockLog
  readonly #writers = new LastWriters()
  readonly #moments: MapMoments
  readonly #times: readonly When[]
  /** File systems that move what is overwritten, and were written to between the trace and the map from afterwards. */
  readonly #gaps = new Set<FsView>()
  /** Those of them of which a write was left without a name for it. */
  readonly refused = new Set<FsView>()
  /** By request: what maps from afterwards say of all of it, as MapClaims.onlyOver found it. */
  #owner = new Int32Array()
  #fileOffset = new Float64Array()

  constructor({ claims, blocks, atNs, book, dirty, mayLieOn }: Witnesses) {
    this.#claims = claims
    this.#moments = new MapMoments(claims, atNs)
    this.#times = ['before', ...claims.moments.keys(), 'after']
    this.#blocks = blocks
    this.#book = book
    this.#dirty = dirty
    this.#mayLieOn = mayLieOn
  }

  /** Requests in the order of time: the last one that wrote a block is remembered. */
  noteWrites(requests: Uint32Array, views: FsViews): void {
    const { device, sector, bytes, length } = this.#blocks
    let last = -1
    let isPlain = false
    this.#moments.begin()
    const add = (on: number, from: number, to: number, request: number): void => {
      this.#writers.add(on, from, to, request)
      if (!this.#moments.isEmpty) this.#moments.add(on, from, to, request)
    }
    for (const request of requests) {
      const [on, from, size] = [device.data[request], sector.data[request], bytes.data[request]]
      if (size <= 0 || from < 0) continue
      if (on !== last) isPlain = views.isPlain((last = on))
      if (isPlain) add(on, from * SECTOR_BYTES, from * SECTOR_BYTES + size, request)
      else
        for (const piece of views.pieces(on, from, size)) {
          add(piece.device, piece.byte, piece.byte + piece.bytes, request)
        }
    }
    this.#owner = new Int32Array(length).fill(SEVERAL_CLAIMS)
    this.#fileOffset = new Float64Array(length)
    // In the order of places one look finds in the caches what the one before has read; in that of time hardly any does.
    this.#writers.sweep(length, (on, ranges) => {
      if (views.isPlain(on)) this.#claims.onlyOver(views.ofDevice(on), ranges, this.#owner, this.#fileOffset)
    })
    this.#moments.sweep()
    this.#gaps.clear()
    for (const view of views.all) {
      if (!writesInPlace(view) && hasGap(view, requests, this.#blocks, views, this.#claims)) this.#gaps.add(view)
    }
  }

  /** A piece cut where another request wrote later, and where claims begin and end. */
  partsOf(asked: Asked, piece: ViewPiece): MapPart[] {
    const parts = this.#partsAfter(asked, piece)
    if (this.#moments.isEmpty) return parts
    return parts.flatMap((part) => (part.believed && part.last ? [part] : this.#partsDuring(asked, part)))
  }

  /** By maps taken during the trace: those that show this very write, else, in place, the next one. */
  #partsDuring(asked: Asked, part: MapPart): MapPart[] {
    const { request } = asked
    const next = writesInPlace(part.piece.view) ? this.#moments.nextAfter(request) : -1
    return this.#moments.partsOf(request, part.piece).map(({ piece, claims }): MapPart => {
      if (this.#isShown(claims, piece, asked)) return { ...part, piece, believed: claims[0], last: true }
      const [claim, ...others] = next < 0 ? NO_CLAIMS : this.#on(piece, next)
      const isOne = claim !== undefined && others.every(({ file }) => file === claim.file)
      if (!isOne) return { ...part, piece }
      const { untilNs } = this.#claims.moments[next]
      const stays = this.#outlasts(claim, piece, asked, untilNs)
      return stays ? { ...part, piece, believed: claim, last: false } : { ...part, piece }
    })
  }

  /** Whether what a map taken during the trace says of a write that it shows is the file that was written. */
  #isShown(claims: readonly Claim[], piece: ViewPiece, asked: Asked): boolean {
    const file = onlyOwner(claims)
    return file >= 0 && !piece.view.fs?.allocatesEarly && !this.#isSharedSince(file, piece, asked)
  }

  #partsAfter(asked: Asked, piece: ViewPiece): MapPart[] {
    const { request } = asked
    const start = startOf(piece)
    const end = start + piece.bytes
    const whole = this.#after(request, piece)
    // Nearly always: one extent holds it, and one request wrote all of it last.
    if (whole.length <= 1 && (whole.length === 0 || (whole[0].start <= start && whole[0].end >= end))) {
      const one = this.#lastOver(request, piece)
      if (one >= 0) {
        const last = one === request
        const [claim] = whole
        const believed = claim !== undefined && this.#believes(claim, piece, asked, last)
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
      const believed = one && this.#believes(claims[0], part, asked, last) ? claims[0] : null
      return { piece: part, claims, believed, last }
    })
  }

  /** What a map from afterwards says of this file here, where it tells the offset of this very write. */
  claimOn(request: number, piece: ViewPiece, file: number): Claim | null {
    const start = startOf(piece)
    const covers = (one: Claim): boolean => one.file === file && one.start <= start && one.end >= start + piece.bytes
    const claim = this.#after(request, piece).find(covers)
    const isLast = (): boolean => !this.#gaps.has(piece.view) && this.#lastOver(request, piece) === request
    if (claim && (writesInPlace(piece.view) || isLast())) return claim
    const [shown, ...others] = this.#moments.partsOf(request, piece)
    return (others.length === 0 && shown.claims.find(covers)) || null
  }

  /** The file of a map from afterwards that shows this very write; null: none does, or there are several. */
  shownOf(asked: Asked, piece: ViewPiece): number | null {
    const { request } = asked
    if (!this.#gaps.has(piece.view) && this.#lastOver(request, piece) === request) {
      const file = this.ownerAfter(piece)
      if (file >= 0) return this.#isSharedSince(file, piece, asked) ? null : file
    }
    const parts = this.#moments.partsOf(request, piece)
    const [{ claims }] = parts
    const isOne = parts.every(
      (one) => one.claims[0]?.file === claims[0]?.file && this.#isShown(one.claims, piece, asked),
    )
    return isOne ? claims[0].file : null
  }

  /** Whether the next map of those taken during the trace has all of it under this file. */
  nextAgrees(request: number, piece: ViewPiece, file: number): boolean {
    const next = this.#moments.nextAfter(request)
    return next >= 0 && onlyOwner(this.#on(piece, next)) === file
  }

  /** The file that has all of it in maps from afterwards; -1: none, or several. */
  ownerAfter(piece: ViewPiece): number {
    return onlyOwner(this.#on(piece, 'after'))
  }

  /** Whether maps from afterwards tell where files lie. */
  tellAfter(view: FsView): boolean {
    return this.#claims.tell(view, 'after')
  }

  /** Whether a map from afterwards has the blocks of this file. */
  tellsOf(file: number, view: FsView): boolean {
    return this.#claims.tellsOf(file, view, 'after')
  }

  /** `last`: nothing was written there between the request and the map. */
  #believes(claim: Claim, piece: ViewPiece, asked: Asked, last: boolean): boolean {
    if (last && this.#gaps.has(piece.view)) {
      this.refused.add(piece.view)
      return false
    }
    if (last) return !this.#isSharedSince(claim.file, piece, asked)
    if (!writesInPlace(piece.view)) return false
    return this.#outlasts(claim, piece, asked, Infinity)
  }

  /** Whether a block stayed a file's from this request to a later map, which was complete at `untilNs`. */
  #outlasts(claim: Claim, piece: ViewPiece, { request, now, seen }: Asked, untilNs: number): boolean {
    const before = this.#on(piece, this.#lastMapOf(piece.view, request))
    const offset = offsetOf(claim, piece)
    const both = before.length > 0 && before.every((one) => one.file === claim.file && offsetOf(one, piece) === offset)
    if (seen === 'nothing' && !both) return false
    // Of the last block: a file loses blocks from its end.
    const lastOffset = offset + Math.max(0, piece.bytes - piece.view.blockBytes)
    if (this.#book.freedBetween(claim.file, now, untilNs, lastOffset)) return false
    if (both) return seen !== 'nothing' || this.staysWith(claim.file, piece)
    let dirty = false
    let n = 0
    for (const file of this.#dirty.all()) {
      if (++n > MAX_DIRTY_FILES) return false
      if (file === claim.file) dirty = true
      else if (this.#mayLieOn(file, piece.view) && this.#book.freedBetween(file, now, untilNs, Infinity)) return false
    }
    return dirty
  }

  /**
   * Whether no map has a block elsewhere than with this file, nor the file without it. Where files are made anew all the
   * time, two maps may well agree, and the block have been another's in between.
   */
  staysWith(file: number, piece: ViewPiece): boolean {
    if (this.#shares(file, piece.view)) return false
    return (
      this.#moments.isEmpty ||
      this.#times.every((when) => {
        if (!this.#claims.tell(piece.view, when)) return true
        const owners = this.#on(piece, when)
        return owners.length === 0 ? !this.#claims.tellsOf(file, piece.view, when) : onlyOwner(owners) === file
      })
    )
  }

  /** When the last map was taken that was over before a request. */
  #lastMapOf(view: FsView, request: number): When {
    const last = this.#moments.lastBefore(request)
    return last >= 0 && this.#claims.tell(view, last) ? last : 'before'
  }

  #isSharedSince(file: number, { view }: ViewPiece, { now, seen }: Asked): boolean {
    if (view.type === 'ext4') return false
    return this.#book.sharedAfter(file, now) || (seen !== 'all' && this.#shares(file, view))
  }

  /** ext4 has no blocks of several files. */
  #shares(file: number, view: FsView): boolean {
    return view.type !== 'ext4' && this.#times.some((when) => this.#claims.shares(file, view, when))
  }

  #after(request: number, piece: ViewPiece): readonly Claim[] {
    const isWhole = piece.bytes === this.#blocks.bytes.data[request]
    const owner = isWhole ? this.#owner[request] : SEVERAL_CLAIMS
    if (owner === SEVERAL_CLAIMS) return this.#on(piece, 'after')
    if (owner === NO_CLAIM) return NO_CLAIMS
    return [this.#claims.whole(piece.view, owner, this.#fileOffset[request], piece.byte, piece.byte + piece.bytes)]
  }

  #on(piece: ViewPiece, when: When): Claim[] {
    return this.#claims.within(piece.view, when, piece.address, piece.byte, piece.bytes)
  }

  /** The request that wrote all of a piece of this one last; -1: several did, each a part. */
  #lastOver(request: number, { device, byte, bytes }: ViewPiece): number {
    if (bytes === this.#blocks.bytes.data[request]) return this.#writers.over(request)
    return this.#writers.oneOf(device, byte, byte + bytes)
  }
}

/** -1: nobody, or several. */
function onlyOwner([first, ...others]: readonly Claim[]): number {
  return first && others.every(({ file }) => file === first.file) ? first.file : -1
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
