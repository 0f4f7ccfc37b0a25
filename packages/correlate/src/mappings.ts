/**
 * Mappings: address ranges → file ranges, per address space. Only shared file mappings are kept: they alone make
 * msync() write and stores reach a file.
 *
 * Invariants
 * 1. Regions are sorted by address and never overlap: a newer mapping takes the place of what it covers.
 * 2. A region keeps its file after the descriptor is closed and the name is gone.
 * 3. fork copies the space, CLONE_VM shares it (threads, vfork), exec starts an empty one.
 * 4. munmap, and mremap for the range it takes, have effect at the entry of the call (another task may get the range
 *    before it returns) and are undone when the call fails.
 * Source of the rules: man pages mmap(2), mremap(2), mprotect(2), msync(2); torvalds/linux mm/.
 */
import { PAGE_BYTES } from '@flushtrace/trace'
import type { Origin } from './descriptors.ts'
import type { NameNode, TracedFile } from './files.ts'

/** Half-open [start, end); immutable, so that spaces can share it. */
export interface Region {
  readonly start: number
  readonly end: number
  readonly file: TracedFile
  /** The name by which the descriptor was opened that it was mapped through. */
  readonly node: NameNode | null
  /** Where in the file `start` is. */
  readonly fileOffset: number
  readonly writable: boolean
  readonly origin: Origin
}

/** vm.max_map_count is 65,530 by default. */
const MAX_REGIONS = 1 << 18

export class AddressSpace {
  #regions: Region[]
  /** Whether all mappings are known: made by exec in the trace, or saved beside it. */
  complete: boolean
  /**
   * Whether any mmap was seen in it, or its mappings were saved. No program runs without: where none shows, the trace
   * leaves them out.
   */
  shows = false
  /** Copied by fork and not yet reported as mappings of the new process. */
  inherited = false
  /** CLONE_VM made it the space of several tasks. */
  shared = false

  constructor(complete: boolean, regions: Region[] = []) {
    this.complete = complete
    this.#regions = regions
  }

  get regions(): readonly Region[] {
    return this.#regions
  }

  copy(): AddressSpace {
    const space = new AddressSpace(this.complete, [...this.#regions])
    space.inherited = this.#regions.length > 0
    space.shows = this.shows
    return space
  }

  overlapping(start: number, end: number): Region[] {
    const found: Region[] = []
    for (let i = this.#firstEndingAfter(start); i < this.#regions.length && this.#regions[i].start < end; i++) {
      found.push(this.#regions[i])
    }
    return found
  }

  /** Takes [start, end) away, cutting what reaches over its borders. Returns what was there, for an undo. */
  unmap(start: number, end: number): Region[] {
    const first = this.#firstEndingAfter(start)
    let last = first
    const parts: Region[] = []
    const removed: Region[] = []
    for (; last < this.#regions.length && this.#regions[last].start < end; last++) {
      const region = this.#regions[last]
      removed.push(region)
      if (region.start < start) parts.push(cut(region, region.start, start))
      if (region.end > end) parts.push(cut(region, end, region.end))
    }
    if (removed.length > 0) this.#regions.splice(first, last - first, ...parts)
    return removed
  }

  /** False when there are too many. */
  map(region: Region): boolean {
    this.unmap(region.start, region.end)
    if (this.#regions.length >= MAX_REGIONS) return false
    this.#regions.splice(this.#firstEndingAfter(region.start), 0, region)
    return true
  }

  /** Sets the protection of [start, end); returns the regions that became writable. */
  protect(start: number, end: number, writable: boolean): Region[] {
    const opened: Region[] = []
    for (const region of this.overlapping(start, end)) {
      if (region.writable === writable) continue
      const changed = { ...cut(region, Math.max(region.start, start), Math.min(region.end, end)), writable }
      this.map(changed)
      if (writable) opened.push(changed)
    }
    return opened
  }

  /**
   * mremap: what `moved` has in [from, from + oldSize) goes to [to, to + newSize); oldSize 0 duplicates a shared
   * mapping. Returns the new regions.
   */
  remap(moved: readonly Region[], from: number, oldSize: number, to: number, newSize: number): Region[] {
    this.unmap(to, to + newSize)
    const made: Region[] = []
    for (const old of moved) {
      const part = cut(old, Math.max(old.start, from), oldSize > 0 ? Math.min(old.end, from + oldSize) : old.end)
      const start = to + (part.start - from)
      // A mapping that grows goes on in its file.
      const reachesEnd = part.end >= from + oldSize
      const end = reachesEnd ? to + newSize : Math.min(start + (part.end - part.start), to + newSize)
      if (!(start < end)) continue
      const region = { ...part, start, end }
      if (this.map(region)) made.push(region)
    }
    return made
  }

  #firstEndingAfter(address: number): number {
    let low = 0
    let high = this.#regions.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#regions[middle].end > address) high = middle
      else low = middle + 1
    }
    return low
  }
}

function cut(region: Region, start: number, end: number): Region {
  return { ...region, start, end, fileOffset: region.fileOffset + (start - region.start) }
}

/** Lengths are rounded up to whole pages by the kernel. */
export function pageEnd(start: number, length: number): number {
  return start + Math.ceil(length / PAGE_BYTES) * PAGE_BYTES
}
