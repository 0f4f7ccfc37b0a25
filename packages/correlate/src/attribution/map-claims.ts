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
  readonly source: string
  readonly tool: string
}

/**
 * btrfs's extent tree names every file that refers to an extent, not which part of it: a file that was overwritten in
 * the middle refers to all of the old one, and a preallocated one looks written. Its areas are good.
 */
const EXTENT_TREE = 'dump-tree extent'
const NO_EXTENTS: ExtentColumns = {
  length: 0,
  start: new Float64Array(),
  end: new Float64Array(),
  fileOffset: new Float64Array(),
  file: new Int32Array(),
  flags: new Uint8Array(),
}

type When = 'before' | 'after'

interface IndexedMap {
  readonly map: LayoutMap
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

  constructor(book: FileBook, views: readonly FsView[]) {
    this.#book = book
    for (const view of views) {
      for (const map of view.fs?.maps ?? []) {
        const when: When = map.time.when === 'before' ? 'before' : 'after'
        if (map.time.when === 'during') continue
        ;(this.#maps[when][view.index] ??= []).push(this.#index(map, view, when))
      }
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
      if (start === null) continue
      const { extents } = indexed
      for (let k = indexed.starts.firstAbove(start + bytes - 1) - 1; k >= 0; k--) {
        if (indexed.reach[k] <= start) break
        if (extents.end[k] > start && (extents.flags[k] & EXTENT.unwritten) === 0) claims.push(claimOf(indexed, k))
      }
    }
    return claims
  }

  /** What the range is, where a map says that it is no file's. The latest map counts. */
  areaAt(view: FsView, address: number | null, byte: number): { area: Area; label: string; map: LayoutMap } | null {
    for (const when of ['after', 'before'] as const) {
      for (const { map } of this.#of(view, when)) {
        const { areas } = map
        const at = map.space === 'logical' ? address : byte
        if (at === null || areas.length === 0) continue
        const k = firstAbove(areas.start, at) - 1
        if (k < 0 || areas.end[k] <= at) continue
        const area = AREAS[areas.area[k]]
        if (area !== 'free' && area !== 'used') return { area, label: areas.labels[areas.label[k]] ?? '', map }
      }
    }
    return null
  }

  #of(view: FsView, when: When): readonly IndexedMap[] {
    return (view.fs && this.#maps[when][view.index]) ?? NO_MAPS
  }

  #index(map: LayoutMap, view: FsView, when: When): IndexedMap {
    const extents = map.tool === EXTENT_TREE ? NO_EXTENTS : map.extents
    const reach = new Float64Array(extents.length)
    let most = -Infinity
    for (let k = 0; k < extents.length; k++) {
      most = Math.max(most, extents.end[k])
      reach[k] = most
    }
    const files = Int32Array.from(map.files, (file) => {
      const { path, inode, root } = named(file, view, when)
      return this.#book.mapped(view.index, path, inode, root, when === 'before')
    })
    const mapped = new Set<number>()
    for (let k = 0; k < extents.length; k++) mapped.add(files[extents.file[k]])
    return { map, extents, starts: new SortedIndex(extents.start), reach, files, mapped }
  }
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

function claimOf({ map, extents, files }: IndexedMap, k: number): Claim {
  const { source, tool } = map
  const flags = extents.flags[k]
  return {
    start: extents.start[k],
    end: extents.end[k],
    file: files[extents.file[k]],
    fileOffset: extents.fileOffset[k],
    encoded: (flags & EXTENT.encoded) !== 0,
    source,
    tool,
  }
}
