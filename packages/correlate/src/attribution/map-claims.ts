/** What the maps of a file system say of a range, file by file. */
import {
  AREAS,
  EXTENT,
  type Area,
  type ExtentColumns,
  type LayoutMap,
  type MapTime,
  type MappedFile,
} from '@flushtrace/layout'
import { SortedIndex, firstAbove } from '@flushtrace/trace'
import type { FileBook } from './file-book.ts'
import type { Ranges } from './last-writers.ts'
import { AFTER_TRACE, BEFORE_TRACE, type Moment } from './moment.ts'
import type { FsView } from './views.ts'

export interface Claim {
  readonly start: number
  readonly end: number
  readonly file: number
  /** Of `start`. */
  readonly fileOffset: number
  readonly encoded: boolean
  readonly source: string
}

/** Before the trace, after it, or the index of a moment within it. */
export type When = 'before' | 'after' | number

/** null: nothing tells when, or not on a clock that requests have, too. */
export type TakenAt = (time: MapTime) => Moment | null

/** What `onlyOver` says where it is no claim's number. */
export const NO_CLAIM = -1
export const SEVERAL_CLAIMS = -2

interface IndexedMap {
  readonly map: LayoutMap
  /** Number of its first file, of all files of the file system's maps of that time. */
  readonly firstFile: number
  readonly extents: ExtentColumns
  /** Of their starts. */
  readonly starts: SortedIndex
  /** The farthest end of this and all earlier extents: how far back an overlapping one can stand. */
  readonly reach: Float64Array
  /** FileBook numbers by the map's own. */
  readonly files: Int32Array
  /** Those with extents. */
  readonly mapped: ReadonlySet<number>
  /** Those that share blocks with one another; null until it is asked for. */
  sharing: ReadonlySet<number> | null
}

const NO_MAPS: readonly IndexedMap[] = []

export class MapClaims {
  /** Within the trace, by when they began. */
  readonly moments: readonly Moment[]
  readonly #book: FileBook
  readonly #takenAt: TakenAt
  /** By view. */
  readonly #maps = new Map<When, IndexedMap[][]>()
  /** By view: maps with areas, the latest first. */
  readonly #areas: LayoutMap[][] = []

  constructor(book: FileBook, views: readonly FsView[], takenAt: TakenAt) {
    this.#book = book
    this.#takenAt = takenAt
    this.moments = momentsOf(views, takenAt)
    for (const view of views) {
      for (const map of view.fs?.maps ?? []) {
        const when = this.#whenOf(map.time)
        if (when === null) continue
        const ofTime = this.#maps.get(when) ?? []
        ;(ofTime[view.index] ??= []).push(this.#index(map, view, when))
        this.#maps.set(when, ofTime)
      }
      const all = [...this.#of(view, 'after'), ...this.#of(view, 'before')]
      this.#areas[view.index] = all.map(({ map }) => map).filter(({ areas }) => areas.length > 0)
    }
  }

  /** null: during the trace, and nothing tells when. */
  #whenOf(time: MapTime): When | null {
    if (time.when === 'before') return 'before'
    if (time.when !== 'during') return 'after'
    const taken = this.#takenAt(time)
    return taken && this.moments.findIndex((moment) => isSame(moment, taken))
  }

  /** Whether a map of that time tells where any file lies. */
  tell(view: FsView, when: When): boolean {
    return this.#of(view, when).some(({ mapped }) => mapped.size > 0)
  }

  /** Whether a map of that time tells where the file lies. */
  tellsOf(file: number, view: FsView, when: When): boolean {
    return this.#of(view, when).some(({ mapped }) => mapped.has(file))
  }

  /** Whether a map of that time has blocks of this file under another one of the same tree, too. */
  shares(file: number, view: FsView, when: When): boolean {
    return this.#of(view, when).some((indexed) => (indexed.sharing ??= sharingOf(indexed)).has(file))
  }

  /**
   * Every claim of that time, for all of the file system, on blocks that are written in place: not compressed, and no other
   * file's, too, where whoever of them writes gets others.
   */
  all(view: FsView, when: When, found: (claim: Claim) => void): void {
    for (const indexed of this.#of(view, when)) {
      const { flags, length } = indexed.extents
      for (let k = 0; k < length; k++) {
        if ((flags[k] & (EXTENT.encoded | EXTENT.shared)) === 0) found(claimOf(indexed, k))
      }
    }
  }

  /** Claims on a range, of blocks that hold data. `address` counts in the map's space, `byte` on the device. */
  within(view: FsView, when: When, address: number | null, byte: number, bytes: number): Claim[] {
    const claims: Claim[] = []
    for (const indexed of this.#of(view, when)) {
      const start = indexed.map.space === 'logical' ? address : byte
      if (start !== null) eachWithin(indexed, start, bytes, (k) => claims.push(claimOf(indexed, k)))
    }
    return claims
  }

  /**
   * Of each range of a device that is the file system's own space: the only claim from afterwards on it, if it is on all of
   * it. Written where the request of the range has its place: `owner` for `whole`, or NO_CLAIM, SEVERAL_CLAIMS, and the
   * offset in the file where the range begins; NaN: compressed.
   */
  onlyOver(view: FsView, ranges: Ranges, owner: Int32Array, fileOffset: Float64Array): void {
    const { start, end, request } = ranges
    for (let n = 0; n < request.length; n++) owner[request[n]] = NO_CLAIM
    for (const { extents, starts, reach, firstFile } of this.#of(view, 'after')) {
      const { flags } = extents
      for (let n = 0; n < request.length; n++) {
        const from = start[n]
        for (let k = starts.firstAbove(end[n] - 1) - 1; k >= 0 && reach[k] > from; k--) {
          if (extents.end[k] <= from || (flags[k] & EXTENT.unwritten) !== 0) continue
          const row = request[n]
          const isOnly = owner[row] === NO_CLAIM && extents.start[k] <= from && extents.end[k] >= end[n]
          owner[row] = isOnly ? firstFile + extents.file[k] : SEVERAL_CLAIMS
          const encoded = (flags[k] & EXTENT.encoded) !== 0
          fileOffset[row] = encoded ? NaN : extents.fileOffset[k] + from - extents.start[k]
        }
      }
    }
  }

  /** What `onlyOver` found of a range. */
  whole(view: FsView, owner: number, fileOffset: number, start: number, end: number): Claim {
    const maps = this.#of(view, 'after')
    let k = maps.length - 1
    while (maps[k].firstFile > owner) k--
    const { map, files, firstFile } = maps[k]
    const encoded = Number.isNaN(fileOffset)
    return { start, end, file: files[owner - firstFile], fileOffset, encoded, source: map.source }
  }

  /** Whether a map tells where the journal lies. */
  tellJournal(view: FsView): boolean {
    const journal = AREAS.indexOf('journal')
    return this.#areas[view.index]?.some(({ areas }) => areas.area.includes(journal)) ?? false
  }

  /** What the range is, where a map says that it is no file's. The latest map counts. */
  areaAt(view: FsView, address: number | null, byte: number): { area: Area; label: string; map: LayoutMap } | null {
    for (const map of (view.fs && this.#areas[view.index]) ?? []) {
      const { areas } = map
      const at = map.space === 'logical' ? address : byte
      if (at === null) continue
      const k = firstAbove(areas.start, at) - 1
      if (k < 0 || areas.end[k] <= at) continue
      const area = AREAS[areas.area[k]]
      if (area !== 'free' && area !== 'used') return { area, label: areas.labels[areas.label[k]] ?? '', map }
    }
    return null
  }

  #of(view: FsView, when: When): readonly IndexedMap[] {
    return (view.fs && this.#maps.get(when)?.[view.index]) ?? NO_MAPS
  }

  #takenOf(when: When): Moment {
    if (typeof when === 'number') return this.moments[when]
    return when === 'before' ? BEFORE_TRACE : AFTER_TRACE
  }

  #index(map: LayoutMap, view: FsView, when: When): IndexedMap {
    const { extents } = map
    const files = Int32Array.from(map.files, (file) => {
      const { path, inode, root } = named(file, view, ({ time }) => this.#whenOf(time) === when)
      return this.#book.mapped(view.index, path, inode, root, this.#takenOf(when))
    })
    const mapped = new Set<number>()
    for (let k = 0; k < extents.length; k++) mapped.add(files[extents.file[k]])
    const last = this.#maps.get(when)?.[view.index]?.at(-1)
    return {
      map,
      firstFile: last ? last.firstFile + last.files.length : 0,
      extents,
      starts: new SortedIndex(extents.start),
      reach: reachOf(extents),
      files,
      mapped,
      sharing: null,
    }
  }
}

function momentsOf(views: readonly FsView[], takenAt: TakenAt): Moment[] {
  const moments: Moment[] = []
  for (const { fs } of views) {
    for (const { time } of fs?.maps ?? []) {
      const taken = time.when === 'during' ? takenAt(time) : null
      if (taken && !moments.some((moment) => isSame(moment, taken))) moments.push(taken)
    }
  }
  return moments.sort((a, b) => a.fromNs - b.fromNs || a.untilNs - b.untilNs)
}

function isSame(a: Moment, b: Moment): boolean {
  return a.fromNs === b.fromNs && a.untilNs === b.untilNs
}

/** Most maps have no extents that overlap: then the ends are it, and nothing is copied. */
function reachOf({ end }: ExtentColumns): Float64Array {
  if (end.every((at, k) => k === 0 || at >= end[k - 1])) return end
  let most = -Infinity
  return end.map((at) => (most = Math.max(most, at)))
}

/** Snapshots share with what they are of, in trees of their own. */
function sharingOf({ map, extents, files }: IndexedMap): Set<number> {
  const { start, end, file, flags, length } = extents
  const sharing = new Set<number>()
  /** That of those before that reaches farthest. */
  let open = 0
  for (let k = 0; k < length; k++) {
    const [one, other] = [file[k], file[open]]
    if (map.fs === 'xfs' && (flags[k] & EXTENT.shared) !== 0) sharing.add(files[one])
    if (start[k] < end[open] && files[one] !== files[other] && map.files[one].root === map.files[other].root) {
      sharing.add(files[one]).add(files[other])
    }
    if (end[k] >= end[open]) open = k
  }
  return sharing
}

/** A file with the path or the inode number that the map itself does not print, from the lists that fit. */
function named(
  { path, inode, root }: MappedFile,
  { fs }: FsView,
  fits: (listed: { time: MapTime }) => boolean,
): Omit<MappedFile, 'size'> {
  if (path !== null && inode === null) {
    const found = fs?.inodesOf(path).find(fits)
    return found ? { path, inode: found.inode, root: found.root } : { path, inode, root }
  }
  if (path === null && inode !== null) return { path: fs?.namesOf(inode, root).find(fits)?.path ?? null, inode, root }
  return { path, inode, root }
}

/** Extents of a map that hold data in the range, the last one first. */
function eachWithin(
  { extents, starts, reach }: IndexedMap,
  start: number,
  bytes: number,
  found: (k: number) => void,
): void {
  for (let k = starts.firstAbove(start + bytes - 1) - 1; k >= 0 && reach[k] > start; k--) {
    if (extents.end[k] > start && (extents.flags[k] & EXTENT.unwritten) === 0) found(k)
  }
}

function claimOf({ map, extents, files }: IndexedMap, k: number): Claim {
  const flags = extents.flags[k]
  return {
    start: extents.start[k],
    end: extents.end[k],
    file: files[extents.file[k]],
    fileOffset: extents.fileOffset[k],
    encoded: (flags & EXTENT.encoded) !== 0,
    source: map.source,
  }
}
