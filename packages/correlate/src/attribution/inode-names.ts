/** Which file an inode is at a moment: what calls told of it (file-book.ts), and the lists of names saved before and after. */
import type { InodeName } from '@flushtrace/layout'
import type { FileBook, Known, Lists } from './file-book.ts'
import { AFTER_TRACE, BEFORE_TRACE } from './moment.ts'
import type { FsViews } from './views.ts'

export class InodeNames {
  readonly #book: FileBook
  readonly #views: FsViews
  /** By FileBook's number of the inode. */
  readonly #lists = new Map<number, Lists>()

  constructor(book: FileBook, views: FsViews) {
    this.#book = book
    this.#views = views
  }

  /** Where calls give no name, with that of the lists. `inode`: FileBook's number. */
  fileOf(inode: number, now: number): { file: number; known: Known } {
    const book = this.#book
    const { file, known } = book.whose(inode, now, this.#listsOf(inode))
    const { path, traced } = book.at(file)
    if (path !== null || traced || known === 'unknown') return { file, known }
    const last = this.#namesOf(inode).at(-1)
    if (!last) return { file, known }
    const { view, root, inode: number } = book.inodeAt(inode)
    const before = last.time.when === 'before'
    const named = book.mapped(view, last.path, number, root, before ? BEFORE_TRACE : AFTER_TRACE)
    return before && book.isGone(named, now) ? { file, known: 'unknown' } : { file: named, known }
  }

  #listsOf(inode: number): Lists {
    let lists = this.#lists.get(inode)
    if (lists === undefined) this.#lists.set(inode, (lists = compared(this.#namesOf(inode))))
    return lists
  }

  #namesOf(inode: number): readonly InodeName[] {
    const { view, root, inode: number } = this.#book.inodeAt(inode)
    return this.#views.all[view].fs?.namesOf(number, root) ?? []
  }
}

function compared(names: readonly InodeName[]): Lists {
  const [before, after] = [true, false].map((is) =>
    names.flatMap(({ path, time }) => ((time.when === 'before') === is ? [path] : [])),
  )
  if (before.length === 0 || after.length === 0) return 'silent'
  return before.some((path) => after.includes(path)) ? 'agree' : 'differ'
}
