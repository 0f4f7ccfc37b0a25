/**
 * Who has written to which file since it was last clean, by system calls alone.
 *
 * 1. A write makes its file dirty when it is entered. A flush that returned leaves behind only what was written after
 *    it was entered. A direct write, and one that is synchronous, has nothing left to be written when it returns; neither
 *    flushes what others wrote (torvalds/linux include/linux/fs.h generic_write_sync(): its own range).
 * 2. A writable shared mapping may make pages dirty at any time: whoever has one is named where nobody wrote, and never
 *    drops out.
 * 3. What the kernel wrote back by itself is not followed here: a file is dirty for longer than it truly is, never
 *    shorter.
 */
import type { FileBook } from './file-book.ts'

interface Writer {
  bytes: number
  lastNs: number
}

interface DirtyFile {
  readonly writers: Map<number, Writer>
  readonly mappers: Set<number>
  /** Calls under way that leave nothing behind, by actor. */
  readonly passing: Map<number, number>
}

export interface Writers {
  /** Numbers of Actors, most bytes first. */
  readonly wrote: readonly number[]
  readonly mapped: readonly number[]
}

const NOBODY: Writers = { wrote: [], mapped: [] }

export class DirtyFiles {
  readonly #files = new Map<number, DirtyFile>()
  readonly #book: FileBook

  constructor(book: FileBook) {
    this.#book = book
  }

  write(file: number, actor: number, atNs: number, bytes: number): void {
    const { writers } = this.#of(file)
    const writer = writers.get(actor)
    if (writer) {
      writer.bytes += bytes
      writer.lastNs = atNs
    } else writers.set(actor, { bytes, lastNs: atNs })
  }

  /** Until `passed`. */
  pass(file: number, actor: number): void {
    const { passing } = this.#of(file)
    passing.set(actor, (passing.get(actor) ?? 0) + 1)
  }

  passed(file: number, actor: number): void {
    const dirty = this.#files.get(file)
    if (!dirty) return
    const left = (dirty.passing.get(actor) ?? 0) - 1
    if (left > 0) dirty.passing.set(actor, left)
    else dirty.passing.delete(actor)
    this.#forgetClean(file, dirty)
  }

  map(file: number, actor: number): void {
    this.#of(file).mappers.add(actor)
  }

  /** A flush entered at `sinceNs` has returned. */
  flushed(file: number, sinceNs: number): void {
    const dirty = this.#files.get(file)
    if (!dirty) return
    for (const [actor, { lastNs }] of dirty.writers) if (lastNs < sinceNs) dirty.writers.delete(actor)
    this.#forgetClean(file, dirty)
  }

  #forgetClean(file: number, { writers, mappers, passing }: DirtyFile): void {
    if (writers.size === 0 && mappers.size === 0 && passing.size === 0) this.#files.delete(file)
  }

  flushedAll(sinceNs: number): void {
    for (const file of this.#files.keys()) this.flushed(file, sinceNs)
  }

  writersOf(file: number): Writers {
    const dirty = this.#files.get(file)
    if (!dirty) return NOBODY
    const writers = [...dirty.writers].sort(([, a], [, b]) => b.bytes - a.bytes).map(([actor]) => actor)
    const wrote = [...new Set([...writers, ...dirty.passing.keys()])]
    return { wrote, mapped: [...dirty.mappers].filter((actor) => !wrote.includes(actor)) }
  }

  get isEmpty(): boolean {
    return this.#files.size === 0
  }

  /** Files that may have data which is not on the disk yet; the most recently written last. */
  *all(): Generator<number> {
    for (const file of this.#files.keys()) if (this.#book.isStored(file)) yield file
  }

  #of(file: number): DirtyFile {
    let dirty = this.#files.get(file)
    if (!dirty) this.#files.set(file, (dirty = { writers: new Map(), mappers: new Set(), passing: new Map() }))
    return dirty
  }
}
