/**
 * Who made which page dirty, by the kernel's own events (writeback_dirty_folio). One event stands for a folio: it names
 * the first page, and covers those after it up to the folio's size, which it does not tell.
 */
import { PAGE_BYTES } from '@flushtrace/trace'

/** Largest folio of a page cache: PMD size, 2 MiB of 4 KiB pages (include/linux/pagemap.h MAX_PAGECACHE_ORDER). */
const MAX_FOLIO_PAGES = 512

/** Pages of one file: first page of each folio → numbers of Actors. */
type Pages = Map<number, number[]>

export class DirtyPages {
  /** By file system, then inode; subvolumes are not told apart by the events. */
  readonly #files = new Map<string, Pages>()

  dirty(view: number, inode: number, page: number, actor: number): void {
    const key = `${view}/${inode}`
    let pages = this.#files.get(key)
    if (!pages) this.#files.set(key, (pages = new Map()))
    const actors = pages.get(page)
    if (!actors) pages.set(page, [actor])
    else if (!actors.includes(actor)) actors.push(actor)
  }

  /**
   * Who made dirty what a write of [offset, offset + bytes) carries; it is clean then. NaN: all of the file, which
   * stays as it is.
   */
  written(view: number, inode: number, offset: number, bytes: number): number[] {
    const pages = this.#files.get(`${view}/${inode}`)
    if (!pages || pages.size === 0) return []
    const found = new Set<number>()
    if (Number.isNaN(offset)) {
      for (const actors of pages.values()) for (const actor of actors) found.add(actor)
      return [...found]
    }
    const first = Math.floor(offset / PAGE_BYTES)
    const end = Math.ceil((offset + bytes) / PAGE_BYTES)
    const take = (page: number): boolean => {
      const actors = pages.get(page)
      for (const actor of actors ?? []) found.add(actor)
      return actors !== undefined
    }
    // The folio that the first page lies in may begin before it.
    for (let page = first; page >= 0 && page > first - MAX_FOLIO_PAGES; page--) if (take(page)) break
    for (let page = first + 1; page < end; page++) take(page)
    for (let page = first; page < end; page++) pages.delete(page)
    return [...found]
  }

  /** The only run of dirty pages of a file that makes `bytes`; NaN where there is none, or several. */
  runOf(view: number, inode: number, bytes: number): number {
    const pages = this.#files.get(`${view}/${inode}`)
    if (!pages) return NaN
    const sorted = [...pages.keys()].sort((a, b) => a - b)
    let only = NaN
    for (let k = 0; k < sorted.length;) {
      let end = k + 1
      while (end < sorted.length && sorted[end] === sorted[end - 1] + 1) end++
      if ((end - k) * PAGE_BYTES === bytes) {
        if (!Number.isNaN(only)) return NaN
        only = sorted[k] * PAGE_BYTES
      }
      k = end
    }
    return only
  }
}
