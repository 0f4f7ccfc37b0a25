/**
 * Who has written to which file since it was last clean, by system calls alone.
 *
 * 1. A write makes its file dirty when it is entered. A flush that returned leaves behind only what was written after
 *    it was entered.
 * 2. A writable shared mapping may make pages dirty at any time: whoever has one is named where nobody wrote, and never
 *    drops out.
 * 3. What the kernel wrote back by itself is not followed here: a file is dirty for longer than it truly is, never
 *    shorter.
 */
import type { FileBook } from './file-book.ts'

interface Writer {
  bytes: number
  firstNs: number
  lastNs: number
}

interface DirtyFile {
  readonly writers: Map<number, Writer>
  readonly mappers: Set<number>
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
    } else writers.set(actor, { bytes, firstNs: atNs, lastNs: atNs })
  }

  map(file: number, actor: number): void {
    this.#of(file).mappers.add(actor)
  }

  /** A flush entered at `sinceNs` has returned. */
  flushed(file: number, sinceNs: number): void {
    const dirty = this.#files.get(file)
    if (!dirty) return
    for (const [actor, { lastNs }] of dirty.writers) if (lastNs < sinceNs) dirty.writers.delete(actor)
    if (dirty.writers.size === 0 && dirty.mappers.size === 0) this.#files.delete(file)
  }

  flushedAll(sinceNs: number): void {
    for (const file of this.#files.keys()) this.flushed(file, sinceNs)
  }

  writersOf(file: number): Writers {
    const dirty = this.#files.get(file)
    if (!dirty) return NOBODY
    const wrote = [...dirty.writers].sort(([, a], [, b]) => b.bytes - a.bytes).map(([actor]) => actor)
    return { wrote, mapped: [...dirty.mappers].filter((actor) => !dirty.writers.has(actor)) }
  }

  get isEmpty(): boolean {
    return this.#files.size === 0
  }

  /** Files that may have data which is not on the disk yet; the most recently written last. */
  *all(): Generator<{ file: number; bytes: number; mapped: boolean }> {
    for (const [file, { writers, mappers }] of this.#files) {
      if (!this.#book.isStored(file)) continue
      let bytes = 0
      for (const writer of writers.values()) bytes += writer.bytes
      yield { file, bytes, mapped: mappers.size > 0 }
    }
  }

  #of(file: number): DirtyFile {
    let dirty = this.#files.get(file)
    if (!dirty) this.#files.set(file, (dirty = { writers: new Map(), mappers: new Set() }))
    return dirty
  }
}
