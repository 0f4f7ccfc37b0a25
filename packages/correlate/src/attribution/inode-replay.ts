/**
 * Inode events applied in the order of time: what they say of places goes to Places, of dirty pages to DirtyPages, and
 * of what a task is about to queue is kept until it does.
 *
 * Rules
 * 1. `placed` with a place on the device (ext4 blocks, btrfs logical addresses, iomap bytes) holds until the next event
 *    places another range there: every allocation of these file systems raises one.
 * 2. A range whose place the event does not tell, or tells in numbers that nothing here translates, is what the same
 *    task queues next, in order and in bytes, unless an event places it first, or the task enters or leaves an fsync.
 * 3. Where events were lost, a place that was told before may be another file's, and an fsync may be over.
 * 4. Between a file system's fsync event and its end, a task queues data of that inode only.
 */
import type { FsType } from '@flushtrace/layout'
import { INODE_EVENT, INODE_UNIT, PAGE_BYTES, SECTOR_BYTES } from '@flushtrace/trace'
import type { Actors } from './actors.ts'
import type { DirtyPages } from './dirty-pages.ts'
import type { FileBook } from './file-book.ts'
import type { InodeLog } from './inode-log.ts'
import type { Places } from './places.ts'
import type { FsView, FsViews } from './views.ts'

/** A range that a task is about to queue. */
export interface Announced {
  readonly view: FsView
  readonly inode: number
  readonly offset: number
  readonly bytes: number
  readonly row: number
}

/** Ranges that one task may have announced and not queued: another task may have done it, and will not tell. */
const MAX_ANNOUNCED = 64

export class InodeReplay {
  readonly #log: InodeLog
  readonly #views: FsViews
  readonly #book: FileBook
  readonly #actors: Actors
  readonly #places: Places
  readonly #pages: DirtyPages
  readonly #announced = new Map<number, Announced[]>()
  /** Task → row of the fsync event it is in. */
  readonly #syncing = new Map<number, number>()

  constructor(
    log: InodeLog,
    state: { views: FsViews; book: FileBook; actors: Actors; places: Places; pages: DirtyPages },
  ) {
    this.#log = log
    this.#views = state.views
    this.#book = state.book
    this.#actors = state.actors
    this.#places = state.places
    this.#pages = state.pages
  }

  viewOf(row: number): FsView | null {
    const { where, event, names } = this.#log
    if (where.data[row] < 0) return null
    return this.#views.ofName(names.text(where.data[row]), typeOf(names.textOrNull(event.data[row])))
  }

  /** FileBook's number of the inode that a row names; -1: its file system is not known. */
  inodeOf(row: number, view: FsView | null = this.viewOf(row)): number {
    if (!view) return -1
    const root = this.#log.root.data[row]
    return this.#book.inode(view.index, Number.isNaN(root) ? null : root, this.#log.inode.data[row])
  }

  apply(row: number, atNs: number): void {
    const { kind, tid, comm, position, names } = this.#log
    if (kind.data[row] === INODE_EVENT.lost) {
      this.#announced.clear()
      this.#syncing.clear()
      this.#places.lose(atNs)
    }
    const view = this.viewOf(row)
    if (!view) return
    switch (kind.data[row]) {
      case INODE_EVENT.dirty: {
        const actor = this.#actors.ofTid(tid.data[row], names.textOrNull(comm.data[row]))
        if (this.#actors.at(actor).kernel || Number.isNaN(position.data[row])) break
        this.#pages.dirty(view.index, this.#log.inode.data[row], position.data[row], actor)
        break
      }
      case INODE_EVENT.placed:
        if (!this.#place(row, view, atNs)) this.#announce(row, view)
        break
      case INODE_EVENT.writePages:
        this.#announce(row, view)
        break
      case INODE_EVENT.syncEnter:
        this.#announced.delete(tid.data[row])
        this.#syncing.set(tid.data[row], row)
        break
      case INODE_EVENT.syncExit:
        this.#announced.delete(tid.data[row])
        this.#syncing.delete(tid.data[row])
        break
      default:
    }
  }

  /** The fsync event that a task is in; -1: none, or no event tells of its end and its call is over. */
  syncOf(tid: number): number {
    return this.#syncing.get(tid) ?? -1
  }

  /** Takes what the task said it would queue, where it is as long as `bytes`; what it said before that, it has queued. */
  take(tid: number, bytes: number): Announced | null {
    const list = this.#announced.get(tid)
    const k = list?.findLastIndex((announced) => announced.bytes === bytes) ?? -1
    if (!list || k < 0) return null
    const [announced] = list.splice(0, k + 1).slice(k)
    return announced
  }

  /** Where an event puts a range of its inode; null: it does not tell. In the space that the file system itself counts. */
  placeOf(
    row: number,
    view: FsView,
  ): { readonly start: number; readonly end: number; readonly offset: number; readonly bytes: number } | null {
    const { physical, physicalUnit, physicalBytes, event, names } = this.#log
    // xfs numbers blocks by allocation group; what one holds, no event tells.
    const numbered = names.textOrNull(event.data[row])?.startsWith('xfs_') === true
    const start = physical.data[row] * bytesOf(physicalUnit.data[row], view)
    const { offset, bytes } = this.#rangeOf(row, view)
    if (numbered || Number.isNaN(start) || Number.isNaN(bytes)) return null
    const encoded = physicalBytes.data[row]
    return { start, end: start + (encoded > 0 ? encoded : bytes), offset, bytes }
  }

  #place(row: number, view: FsView, atNs: number): boolean {
    const place = this.placeOf(row, view)
    if (!place) return false
    const { source, record } = this.#log
    const { start, end, offset, bytes } = place
    this.#withdraw(row, offset, bytes)
    const device = view.devices.length > 0 ? view.devices[0] : -1
    const space = this.#places.spaceOf(view, { address: start, device })
    this.#places.set(space, start, end, {
      kind: 'placed',
      file: -1,
      inode: this.inodeOf(row, view),
      fileOffset: offset,
      start,
      linear: end - start === bytes,
      atNs,
      source: source.data[row],
      record: record.data[row],
      origin: null,
    })
    // Without a chunk map the logical address leads nowhere: then what was announced is what counts.
    return view.type !== 'btrfs' || view.fs !== null
  }

  /** What the task announced of a range that it has placed now. */
  #withdraw(row: number, offset: number, bytes: number): void {
    const { tid, inode } = this.#log
    const list = this.#announced.get(tid.data[row])
    const k = list?.findIndex((one) => {
      const sameInode = inode.data[one.row] === inode.data[row]
      return sameInode && one.offset < offset + bytes && offset < one.offset + one.bytes
    })
    if (list && k !== undefined && k >= 0) list.splice(k, 1)
  }

  #announce(row: number, view: FsView): void {
    const { tid } = this.#log
    const { offset, bytes } = this.#rangeOf(row, view)
    if (!(bytes > 0) || Number.isNaN(offset)) return
    const encoded = this.#log.physicalBytes.data[row]
    const list = this.#announced.get(tid.data[row]) ?? []
    list.push({ view, inode: this.inodeOf(row, view), offset, bytes: encoded > 0 ? encoded : bytes, row })
    if (list.length > MAX_ANNOUNCED) list.shift()
    this.#announced.set(tid.data[row], list)
  }

  #rangeOf(row: number, view: FsView): { offset: number; bytes: number } {
    const unit = this.#log.unit.data[row]
    const bytes = bytesOf(unit, view)
    const spanned = unit === INODE_UNIT.clusters ? view.clusterBytes : bytes
    return { offset: this.#log.position.data[row] * bytes, bytes: this.#log.span.data[row] * spanned }
  }
}

function bytesOf(unit: number, view: FsView): number {
  if (unit === INODE_UNIT.bytes) return 1
  if (unit === INODE_UNIT.sectors) return SECTOR_BYTES
  if (unit === INODE_UNIT.pages) return PAGE_BYTES
  return view.blockBytes
}

/** The file system that raises an event. */
function typeOf(event: string | null): FsType | null {
  for (const type of ['ext4', 'btrfs', 'xfs', 'f2fs'] as const) if (event?.startsWith(`${type}_`)) return type
  return null
}
