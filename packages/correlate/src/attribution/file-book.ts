/**
 * One number for each file, whoever speaks of it: system calls (by descriptor), inode events (by inode number), maps
 * and lists (by path, by inode).
 *
 * Rules
 * 1. An inode number is a file only for a time: ext4 and xfs give it to the next file at once. What joins it with a
 *    file of the calls (an fsync event inside that task's fsync call) holds until the next such join, but not past the
 *    end of the file: the removal of its last name, or, where it was still open then, its next close. It is in doubt
 *    once a place in the file got another block, although no call that is seen took the first one away.
 * 2. A path of a map taken before the trace is the file that calls first met under it; of one taken after, the file
 *    that has it at the end; of one taken in between, the file that calls last met under it before, if none shows that it
 *    lost the name until the map was complete.
 * 3. Blocks of a file are its own until it was truncated below them or lost its last name (`freed`).
 */
import { firstAbove } from '@flushtrace/trace'
import { kindOf, type TracedFile } from '../files.ts'
import { CalledNames } from './called-names.ts'
import type { Moment } from './moment.ts'

export interface LocatedFile {
  /** What it is called now, at the end of the trace; null: only its inode number is known. */
  readonly path: string | null
  readonly deleted: boolean
  readonly inode: number | null
  /** btrfs: subvolume tree; null elsewhere. */
  readonly root: number | null
  readonly traced: TracedFile | null
  /** What calls knew it by, the first one first; empty: no call named it. */
  readonly names: readonly string[]
}

/**
 * Why an inode is said to be a file: calls told so, and nothing ended it since; they did, but it is in doubt; a later
 * call tells, or a list from afterwards may; nothing does.
 */
export type Known = 'called' | 'doubtful' | 'listed' | 'unknown'

/** agree: one name in both lists; differ: the names have nothing in common; silent: one of them does not have the inode. */
export type Lists = 'agree' | 'differ' | 'silent'

/** Looked at one by one; of more, nothing is believed. */
const MAX_RENEWALS = 64

/** Names kept of one file. */
const MAX_NAMES = 16

interface Entry {
  traced: TracedFile | null
  readonly names: string[]
  /** As calls first met it, or as a map or list names it. */
  path: string | null
  inode: number | null
  root: number | null
  /** Index of the file system's view; -1: not known. */
  view: number
  /** Alternating time and first offset freed, in the order of time. */
  freed: number[] | null
  /** The lowest offset freed at a time that nothing tells; Infinity: none. */
  freedSometime: number
  /** The first call about it; NaN: none is known. */
  readonly metNs: number
  /** When it lost its last name; NaN: never; -Infinity: nothing tells when. */
  removedNs: number
  /** When a descriptor of it was closed, in the order of time. */
  closed: number[] | null
  /** When it last got blocks of another file; -Infinity: never; Infinity: nothing tells when. */
  sharedNs: number
}

type NewEntry = Omit<Entry, 'freed' | 'freedSometime' | 'removedNs' | 'closed' | 'sharedNs'>

/** An inode of one file system and the files that had it, in the order of time. */
interface Inode {
  readonly view: number
  readonly root: number | null
  readonly inode: number
  /** In the order of time: when it was known to be which file. */
  readonly joinedNs: number[]
  readonly joined: number[]
  /** Alternating: when a place in it got a block, and when that place got another one. */
  readonly renewed: number[]
  /** The file made up for it where nothing joined it with one of the calls. */
  file: number
}

export class FileBook {
  /** The first call; Infinity: nothing tells when calls were. */
  callsFromNs = Infinity
  readonly #entries: Entry[] = []
  readonly #ofTraced = new Map<TracedFile, number>()
  /** Path → file that calls first met under it. */
  readonly #atStart = new Map<string, number>()
  readonly #called = new CalledNames()
  #atEnd: Map<string, number> | null = null
  readonly #ofPath = new Map<string, number>()
  readonly #inodes: Inode[] = []
  readonly #ofInode = new Map<number, Map<string, number>>()

  get length(): number {
    return this.#entries.length
  }

  /** A file of the calls. `path`: what this call knows it by; `atNs`: when, where the first call is to be told. */
  traced(file: TracedFile, path: string, atNs = NaN): number {
    let id = this.#ofTraced.get(file)
    if (id === undefined) {
      id = this.#add({ traced: file, path, inode: null, root: null, view: -1, names: [], metNs: atNs })
      this.#ofTraced.set(file, id)
      if (!this.#atStart.has(path)) this.#atStart.set(path, id)
    }
    if (!Number.isNaN(atNs)) this.#called.meet(id, path, atNs)
    const { names } = this.#entries[id]
    if (names.at(-1) !== path && names.length < MAX_NAMES && !names.includes(path)) names.push(path)
    return id
  }

  at(id: number): LocatedFile {
    const { traced, path, root, names } = this.#entries[id]
    return {
      path: traced?.lastPath ?? path,
      deleted: traced?.deleted ?? false,
      inode: this.inodeOf(id),
      root,
      traced,
      names,
    }
  }

  inodeOf(id: number): number | null {
    const { inode, traced } = this.#entries[id]
    return inode ?? traced?.inode ?? null
  }

  /** Whether a block device holds what is written to it: a file of any kind that is no pipe, no memory. */
  isStored(id: number): boolean {
    const { traced } = this.#entries[id]
    const kind = traced && kindOf(traced)
    return kind !== 'memory' && kind !== 'other' && kind !== 'directory'
  }

  /** It lost what is behind `offset` (NaN: all); `atNs` NaN: nothing tells when. */
  free(id: number, atNs: number, offset: number): void {
    const entry = this.#entries[id]
    const from = Number.isNaN(offset) ? 0 : offset
    if (Number.isNaN(atNs)) entry.freedSometime = Math.min(entry.freedSometime, from)
    else (entry.freed ??= []).push(atNs, from)
  }

  /** Its last name went away; the inode goes with the last descriptor. `atNs` NaN: nothing tells when. */
  remove(id: number, atNs: number): void {
    this.#entries[id].removedNs = Number.isNaN(atNs) ? -Infinity : atNs
  }

  /** It got blocks that another file has, too (a reflink). `atNs` NaN: nothing tells when. */
  share(id: number, atNs: number): void {
    const entry = this.#entries[id]
    entry.sharedNs = Math.max(entry.sharedNs, Number.isNaN(atNs) ? Infinity : atNs)
  }

  /** Whether a block of the file may have been written as another file's, and become its own after `atNs`. */
  sharedAfter(id: number, atNs: number): boolean {
    const { sharedNs } = this.#entries[id]
    return sharedNs > -Infinity && !(sharedNs < atNs)
  }

  close(id: number, atNs: number): void {
    const entry = this.#entries[id]
    entry.closed ??= []
    entry.closed.push(atNs)
  }

  /**
   * The lowest offset from which on the file may have lost blocks within the time (and got others since); Infinity: none.
   * NaN: at any time before, or after.
   */
  freedFrom(id: number, fromNs: number, toNs: number): number {
    return Math.min(this.#entries[id].freedSometime, this.#freedWithin(id, fromNs, toNs))
  }

  #freedWithin(id: number, fromNs: number, toNs: number): number {
    const { freed } = this.#entries[id]
    let lowest = Infinity
    // The whole file is the most it can lose: databases truncate one file again and again.
    for (let k = 0; freed && k < freed.length && lowest > 0; k += 2) {
      if (!(freed[k] < fromNs) && !(freed[k] > toNs) && freed[k + 1] < lowest) lowest = freed[k + 1]
    }
    return lowest
  }

  /** Whether the file lost the block at `offset` within the time; NaN, Infinity: any block. */
  freedBetween(id: number, fromNs: number, toNs: number, offset: number): boolean {
    const freed = this.freedFrom(id, fromNs, toNs)
    return freed < Infinity && !(offset < freed)
  }

  /** The file that a map names: by path, else by inode. */
  mapped(
    view: number,
    path: string | null,
    inode: number | null,
    root: number | null,
    { fromNs, untilNs }: Moment,
  ): number {
    // What maps join in between would look as if calls had told it.
    const joins = inode !== null && !Number.isFinite(fromNs)
    if (path !== null) {
      const id = this.#named(path, fromNs, untilNs)
      if (id !== undefined) {
        if (joins) this.join(this.inode(view, root, inode), fromNs, id)
        return id
      }
    }
    if (path === null && inode !== null) return this.fileOf(this.inode(view, root, inode), fromNs)
    // One path may be two files in turn; one inode may have two paths.
    const key = inode === null ? (path ?? '') : `${view}/${root ?? ''}/${inode}/${path ?? ''}`
    let id = this.#ofPath.get(key)
    if (id === undefined) {
      id = this.#add({ traced: null, path, inode, root, view, names: [], metNs: NaN })
      this.#ofPath.set(key, id)
      if (joins) this.join(this.inode(view, root, inode), fromNs, id)
    }
    return id
  }

  #named(path: string, fromNs: number, untilNs: number): number | undefined {
    if (!Number.isFinite(fromNs)) return (fromNs < 0 ? this.#atStart : this.#endings()).get(path)
    const id = this.#called.during(path, fromNs, untilNs, (first) => this.#entries[first].traced?.begun === false)
    return id === null || this.#entries[id].removedNs <= untilNs ? undefined : id
  }

  #endings(): Map<string, number> {
    if (this.#atEnd) return this.#atEnd
    this.#atEnd = new Map()
    for (const [file, id] of this.#ofTraced) if (!file.deleted) this.#atEnd.set(file.lastPath, id)
    return this.#atEnd
  }

  /** Number of an inode. */
  inode(view: number, root: number | null, inode: number): number {
    let ofView = this.#ofInode.get(view)
    if (!ofView) this.#ofInode.set(view, (ofView = new Map()))
    const key = `${root ?? ''}/${inode}`
    let id = ofView.get(key)
    if (id === undefined) {
      id = this.#inodes.push({ view, root, inode, joinedNs: [], joined: [], renewed: [], file: -1 }) - 1
      ofView.set(key, id)
    }
    return id
  }

  /** From `atNs` on the inode is known to be `file`. To be told in the order of time. */
  join(inode: number, atNs: number, file: number): void {
    const { joinedNs, joined, inode: number, root, view } = this.#inodes[inode]
    const entry = this.#entries[file]
    entry.inode ??= number
    entry.root ??= root
    if (entry.view < 0) entry.view = view
    const k = firstAbove(joinedNs, atNs)
    joinedNs.splice(k, 0, atNs)
    joined.splice(k, 0, file)
  }

  /** A place in the file that got a block at `fromNs` got another one at `atNs`. To be told in the order of `atNs`. */
  renew(inode: number, fromNs: number, atNs: number): void {
    this.#inodes[inode].renewed.push(fromNs, atNs)
  }

  /** Which file an inode was at a moment. */
  fileOf(inode: number, atNs: number): number {
    return this.whose(inode, atNs).file
  }

  /** The same, and why. `lists`: what the lists from before and after the trace have under its number. */
  whose(inode: number, atNs: number, lists: Lists = 'silent'): { file: number; known: Known } {
    const { joinedNs, joined } = this.#inodes[inode]
    const next = firstAbove(joinedNs, atNs)
    if (next > 0) {
      const [file, fromNs] = [joined[next - 1], joinedNs[next - 1]]
      if (!(atNs > this.#endOf(file, fromNs))) {
        const called = Number.isFinite(fromNs)
        const doubtful = this.#unexplained(inode, file, fromNs, fromNs, atNs)
        if (called || (doubtful && lists === 'agree')) return { file, known: doubtful ? 'doubtful' : 'called' }
        if (!doubtful && lists !== 'differ') return { file, known: 'listed' }
      }
    }
    // It changed hands, and nothing tells when.
    if (lists === 'differ') return { file: this.unnamed(inode), known: 'unknown' }
    if (
      next < joined.length &&
      this.#mayHaveBeen(joined[next], atNs) &&
      !this.#unexplained(inode, joined[next], -Infinity, atNs, joinedNs[next])
    ) {
      return { file: joined[next], known: 'listed' }
    }
    const file = this.unnamed(inode)
    const listed = next === joined.length && !this.#unexplained(inode, file, -Infinity, atNs, Infinity)
    return { file, known: listed ? 'listed' : 'unknown' }
  }

  /** Whether a file that was there before the trace was removed by then. */
  isGone(id: number, atNs: number): boolean {
    return atNs > this.#endOf(id, -Infinity)
  }

  /** A file that no call had met by then may have been made since; before the first call, only what calls made themselves. */
  #mayHaveBeen(file: number, atNs: number): boolean {
    const { metNs, traced } = this.#entries[file]
    return !(metNs > atNs) || (atNs < this.callsFromNs && traced?.begun === false)
  }

  /** Until when a file that had the inode at `fromNs` may still have it. */
  #endOf(file: number, fromNs: number): number {
    const { removedNs, closed } = this.#entries[file]
    if (Number.isNaN(removedNs)) return Infinity
    if (fromNs < removedNs || removedNs === -Infinity) return removedNs
    return closed?.[firstAbove(closed, fromNs)] ?? Infinity
  }

  /** Whether a block that was placed since `placedNs` was replaced within the time, without a call that freed it. */
  #unexplained(inode: number, file: number, placedNs: number, fromNs: number, toNs: number): boolean {
    const { renewed } = this.#inodes[inode]
    let looked = 0
    for (let k = renewed.length - 2; k >= 0 && renewed[k + 1] > fromNs; k -= 2) {
      if (renewed[k] < placedNs || renewed[k + 1] > toNs) continue
      if (++looked > MAX_RENEWALS || this.#freedWithin(file, renewed[k], renewed[k + 1]) === Infinity) return true
    }
    return false
  }

  /** The file of an inode of which only the number is known. */
  unnamed(inode: number): number {
    const entry = this.#inodes[inode]
    const { view, root, inode: number } = entry
    if (entry.file < 0) {
      entry.file = this.#add({ traced: null, path: null, inode: number, root, view, names: [], metNs: NaN })
    }
    return entry.file
  }

  /** Gives a path to a file of which only the inode is known; files of the calls have their own. */
  call(file: number, path: string): void {
    const entry = this.#entries[file]
    if (!entry.traced) entry.path ??= path
  }

  viewOf(file: number): number {
    return this.#entries[file].view
  }

  /** Every inode and the root it was met with. */
  inodeAt(inode: number): { readonly view: number; readonly root: number | null; readonly inode: number } {
    return this.#inodes[inode]
  }

  #add({ traced, names, path, inode, root, view, metNs }: NewEntry): number {
    // Written out: a spread makes objects that are slow to read.
    const entry = {
      traced,
      names,
      path,
      inode,
      root,
      view,
      metNs,
      freed: null,
      freedSometime: Infinity,
      removedNs: NaN,
      closed: null,
      sharedNs: -Infinity,
    }
    return this.#entries.push(entry) - 1
  }
}
