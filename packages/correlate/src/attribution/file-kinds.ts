/**
 * Whether what a map names is a file. Maps that go by inode numbers (fsmap, debugfs icheck) have directories, too, whose
 * blocks the file systems that write in place mark as metadata: only where nothing is marked, such a write may be one.
 */
import type { FsType } from '@flushtrace/layout'
import { kindOf } from '../files.ts'
import type { FileBook } from './file-book.ts'
import type { What } from './piece-log.ts'
import type { FsViews } from './views.ts'

export class FileKinds {
  readonly #book: FileBook
  readonly #marks: boolean
  readonly #views: FsViews
  #folders: ReadonlySet<string> | null = null
  readonly #told = new Map<number, What>()

  /** `marks`: file systems mark what is metadata. */
  constructor(book: FileBook, views: FsViews, marks: boolean) {
    this.#book = book
    this.#views = views
    this.#marks = marks
  }

  /** What a block is that maps give to a file; `unknown`: a file or a directory. */
  whatOf(file: number, type: FsType | null): What {
    if (this.#marks || (type !== 'ext4' && type !== 'xfs')) return 'file'
    let what = this.#told.get(file)
    if (what === undefined) this.#told.set(file, (what = this.#find(file)))
    return what
  }

  #find(file: number): What {
    const { traced, path } = this.#book.at(file)
    if (traced) return kindOf(traced) === 'directory' ? 'metadata' : 'file'
    if (path === null) return 'unknown'
    return (this.#folders ??= this.#findFolders()).has(path) ? 'metadata' : 'file'
  }

  /** Where something is mounted, or lies below. */
  #findFolders(): Set<string> {
    const folders = new Set(this.#views.all.flatMap(({ fs }) => fs?.mountpoints ?? []))
    for (let file = 0; file < this.#book.length; file++) {
      const { path } = this.#book.at(file)
      for (let end = path?.lastIndexOf('/') ?? -1; end > 0; end = path!.lastIndexOf('/', end - 1)) {
        const folder = path!.slice(0, end)
        if (folders.has(folder)) break
        folders.add(folder)
      }
    }
    return folders
  }
}
