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
import type { FsView } from './views.ts'

export interface Claim {
  readonly start: number
  readonly end: number
  readonly file: number
  /** Of `start`. */
  readonly fileOffset: number
  readonly encoded: boolean
  /** Other files have these blocks, too: whoever of them writes gets others. */
  readonly shared: boolean
  readonly source: string
  readonly tool: string
}

type When = 'before' | 'after'

/** What `onlyOver` says where it is no claim's number. */
export const NO_CLAIM = -1
export const SEVERAL_CLAIMS = -2

interface IndexedMap {
  readonly map: LayoutMap
  /** Number of its first extent, of all extents of the file system's maps of that time. */
  readonly first: number
  readonly extents: ExtentColumns
  /** Of their starts. */
  readonly starts: SortedIndex
  /** The farthest end of this and all earlier extents: how far back an overlapping one can stand. */
  readonly reach: Float64Array
  /** FileBook numbers by the map's own. */
  readonly files: Int32Array
  /** Those with extents. */
  readonly mapped: ReadonlySet<number>
}

const NO_MAPS: readonly IndexedMap[] = []

export class MapClaims {
  readonly #book: FileBook
  /** By view. */
  readonly #maps: Readonly<Record<When, IndexedMap[][]>> = { before: [], after: [] }
  /** By view: maps with areas, the latest first. */
  readonly #areas: LayoutMap[][] = []

  constructor(book: FileBook, views: readonly FsView[]) {
    this.#book = book
    for (const view of views) {
      for (const map of view.fs?.maps ?? []) {
        const when: When = map.time.when === 'before' ? 'before' : 'after'
        if (map.time.when === 'during') continue
        ;(this.#maps[when][view.index] ??= []).push(this.#index(map, view, when))
      }
      const all = [...this.#of(view, 'after'), ...this.#of(view, 'before')]
      this.#areas[view.index] = all.map(({ map }) => map).filter(({ areas }) => areas.length > 0)
    }
  }

  /** Whether a map of that time tells where any file lies. */
  tell(view: FsView, when: When): boolean {
    return this.#of(view, when).some(({ mapped }) => mapped.size > 0)
  }

  /** Whether a map of that time tells where the file lies. */
  tellsOf(file: number, view: FsView, when: When): boolean {
    return this.#of(view, when).some(({ mapped }) => mapped.has(file))
  }

  /** Every claim of that time, for all of the file system. */
  all(view: FsView, when: When, found: (claim: Claim) => void): void {
    for (const indexed of this.#of(view, when)) {
      for (let k = 0; k < indexed.extents.length; k++) found(claimOf(indexed, k))
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
   * The number of the only claim from afterwards on bytes of a device that is the file system's own space, if it is on all
   * of them; else NO_CLAIM or SEVERAL_CLAIMS.
   */
  onlyOver(view: FsView, start: number, end: number): number {
    let only = NO_CLAIM
    for (const indexed of this.#of(view, 'after')) {
      const { extents, first } = indexed
      eachWithin(indexed, start, end - start, (k) => {
        const isOn = only === NO_CLAIM && extents.start[k] <= start && extents.end[k] >= end
        only = isOn ? first + k : SEVERAL_CLAIMS
      })
    }
    return only
  }

  /** The claim that `onlyOver` numbered. */
  numbered(view: FsView, number: number): Claim {
    const indexed = this.#of(view, 'after').findLast(({ first }) => first <= number) as IndexedMap
    return claimOf(indexed, number - indexed.first)
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
    return (view.fs && this.#maps[when][view.index]) ?? NO_MAPS
  }

  #index(map: LayoutMap, view: FsView, when: When): IndexedMap {
    const { extents } = map
    const files = Int32Array.from(map.files, (file) => {
      const { path, inode, root } = named(file, view, when)
      return this.#book.mapped(view.index, path, inode, root, when === 'before')
    })
    const mapped = new Set<number>()
    for (let k = 0; k < extents.length; k++) mapped.add(files[extents.file[k]])
    const last = this.#maps[when][view.index]?.at(-1)
    const first = last ? last.first + last.extents.length : 0
    return { map, first, extents, starts: new SortedIndex(extents.start), reach: reachOf(extents), files, mapped }
  }
}

/** Most maps have no extents that overlap: then the ends are it, and nothing is copied. */
function reachOf({ end }: ExtentColumns): Float64Array {
  if (end.every((at, k) => k === 0 || at >= end[k - 1])) return end
  let most = -Infinity
  return end.map((at) => (most = Math.max(most, at)))
}

/** A file with the path or the inode number that the map itself does not print, from the lists of that time. */
function named({ path, inode, root }: MappedFile, { fs }: FsView, when: When): Omit<MappedFile, 'size'> {
  const fits = ({ time }: { time: MapTime }): boolean => (time.when === 'before') === (when === 'before')
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
  const { source, tool } = map
  const flags = extents.flags[k]
  return {
    start: extents.start[k],
    end: extents.end[k],
    file: files[extents.file[k]],
    fileOffset: extents.fileOffset[k],
    encoded: (flags & EXTENT.encoded) !== 0,
    shared: (flags & EXTENT.shared) !== 0,
    source,
    tool,
  }
}
