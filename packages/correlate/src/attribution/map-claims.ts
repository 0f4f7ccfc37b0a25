/** What the maps of a file system say of a range, file by file. */
import { EXTENT, type Area, AREAS, type LayoutMap } from '@flushtrace/layout'
import type { FileBook } from './file-book.ts'
import type { FsView } from './views.ts'

export interface Claim {
  readonly start: number
  readonly end: number
  readonly file: number
  /** Of `start`. */
  readonly fileOffset: number
  readonly unwritten: boolean
  readonly encoded: boolean
  readonly source: string
  readonly tool: string
}

type When = 'before' | 'after'

interface IndexedMap {
  readonly map: LayoutMap
  /** The farthest end of this and all earlier extents: how far back an overlapping one can stand. */
  readonly reach: Float64Array
  /** FileBook numbers by the map's own. */
  readonly files: Int32Array
}

export class MapClaims {
  readonly #book: FileBook
  readonly #maps = new Map<string, IndexedMap[]>()

  constructor(book: FileBook, views: readonly FsView[]) {
    this.#book = book
    for (const view of views) {
      for (const map of view.fs?.maps ?? []) {
        const when: When = map.time.when === 'before' ? 'before' : 'after'
        if (map.time.when === 'during') continue
        const key = `${view.index} ${when}`
        const list = this.#maps.get(key)
        const indexed = this.#index(map, view, when)
        if (list) list.push(indexed)
        else this.#maps.set(key, [indexed])
      }
    }
  }

  has(view: FsView, when: When): boolean {
    return (this.#maps.get(`${view.index} ${when}`) ?? []).some(({ map }) => map.extents.length > 0)
  }

  /** Every claim of that time, for all of the file system. */
  all(view: FsView, when: When, found: (claim: Claim) => void): void {
    for (const indexed of this.#maps.get(`${view.index} ${when}`) ?? []) {
      for (let k = 0; k < indexed.map.extents.length; k++) found(claimOf(indexed, k))
    }
  }

  /** Claims on a range. `address` counts in the map's space, `byte` on the device. */
  within(view: FsView, when: When, address: number | null, byte: number, bytes: number): Claim[] {
    const claims: Claim[] = []
    for (const indexed of this.#maps.get(`${view.index} ${when}`) ?? []) {
      const start = indexed.map.space === 'logical' ? address : byte
      if (start === null) continue
      const { extents } = indexed.map
      for (let k = firstAtOrAfter(extents.start, extents.length, start + bytes) - 1; k >= 0; k--) {
        if (indexed.reach[k] <= start) break
        if (extents.end[k] > start) claims.push(claimOf(indexed, k))
      }
    }
    return claims
  }

  /** What the range is, where a map says that it is no file's. The latest map counts. */
  areaAt(view: FsView, address: number | null, byte: number): { area: Area; label: string; map: LayoutMap } | null {
    for (const when of ['after', 'before'] as const) {
      for (const { map } of this.#maps.get(`${view.index} ${when}`) ?? []) {
        const { areas } = map
        const at = map.space === 'logical' ? address : byte
        if (at === null || areas.length === 0) continue
        const k = firstAtOrAfter(areas.start, areas.length, at + 1) - 1
        if (k < 0 || areas.end[k] <= at) continue
        const area = AREAS[areas.area[k]]
        if (area !== 'free' && area !== 'used') return { area, label: areas.labels[areas.label[k]] ?? '', map }
      }
    }
    return null
  }

  #index(map: LayoutMap, view: FsView, when: When): IndexedMap {
    const { extents } = map
    const reach = new Float64Array(extents.length)
    let most = -Infinity
    for (let k = 0; k < extents.length; k++) {
      most = Math.max(most, extents.end[k])
      reach[k] = most
    }
    const files = Int32Array.from(map.files, ({ path, inode, root }) =>
      this.#book.mapped(view.index, path, inode, root, when === 'before'),
    )
    return { map, reach, files }
  }
}

function claimOf({ map, files }: IndexedMap, k: number): Claim {
  const { extents, source, tool } = map
  const flags = extents.flags[k]
  return {
    start: extents.start[k],
    end: extents.end[k],
    file: files[extents.file[k]],
    fileOffset: extents.fileOffset[k],
    unwritten: (flags & EXTENT.unwritten) !== 0,
    encoded: (flags & EXTENT.encoded) !== 0,
    source,
    tool,
  }
}

function firstAtOrAfter(starts: Float64Array, length: number, at: number): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (starts[middle] < at) low = middle + 1
    else high = middle
  }
  return low
}
