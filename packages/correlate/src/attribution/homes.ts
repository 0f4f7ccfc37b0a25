/** Which file systems a file may lie on, as far as mounts and events tell. */
import type { FileBook } from './file-book.ts'
import type { FsView, FsViews } from './views.ts'

export class Homes {
  readonly #book: FileBook
  readonly #views: FsViews
  /** File → where the mounts have its path. */
  readonly #mounted = new Map<number, FsView | null>()

  constructor(book: FileBook, views: FsViews) {
    this.#book = book
    this.#views = views
  }

  readonly mayLieOn = (file: number, view: FsView): boolean => {
    const known = this.#book.viewOf(file)
    if (known >= 0) return known === view.index
    if (!view.mountsHold) return true
    const on = this.#mountedOn(file)
    // A path below no known mount point lies elsewhere where this file system's own mount point is known.
    return on ? on === view : (view.fs?.mountpoints ?? []).length === 0
  }

  #mountedOn(file: number): FsView | null {
    let on = this.#mounted.get(file)
    if (on === undefined) {
      const { path } = this.#book.at(file)
      this.#mounted.set(file, (on = path === null ? null : this.#views.ofPath(path)))
    }
    return on
  }
}
