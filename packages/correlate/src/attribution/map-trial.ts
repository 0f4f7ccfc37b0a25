/**
 * Whether saved maps and mounts can be of this trace at all. Maps of another machine, or of the same device at another
 * time, look like any others: they are tried against the calls before they are asked, and against what the file system
 * itself does (map-signs.ts).
 *
 * A task that is in a flush, or in a synchronous write, of one file queues that file's data itself. So
 * 1. the file lies on this file system: its path is below a mount point of it;
 * 2. the block is none of the journal, nor of a chunk of metadata, which hold no data of files;
 * 3. a map taken afterwards has the block under the file's name, where nothing was written there since. Names are
 *    compared by their last part: a container knows its files by other paths than the host.
 * What more of these writes speak against than for is not believed. Few are left out of it: journals have a superblock
 * that any task may write, and clocks may be off.
 */
import type { FileBook } from './file-book.ts'
import type { FsView, ViewPiece } from './views.ts'

/** Fewer may be by chance. */
const LEAST = 3

/** A data write of a task that was in a flush of `file`. */
export interface OwnWrite {
  readonly file: number
  readonly piece: ViewPiece
  /** The file that maps have there; null: they tell of none, or of an earlier or later write. */
  readonly mapped: number | null
  /** A map has no file's data there. */
  readonly reserved: boolean
}

/** What was believed of a file system's maps or mounts, and was not to be. Writes that spoke against it, of `writes`. */
export interface Contradiction {
  readonly view: FsView
  readonly of: 'maps' | 'mounts'
  readonly by: 'calls' | Sign['by']
  readonly against: number
  readonly writes: number
}

/** What a file system did, and whether it goes together with its maps. */
export interface Sign {
  readonly view: FsView
  readonly by: 'threads' | 'journal' | 'chunks' | 'inodes'
  readonly holds: boolean
}

type Ballot = `${Contradiction['of']} ${Contradiction['by']}`

class Votes {
  for = 0
  against = 0

  add(holds: boolean): void {
    if (holds) this.for++
    else this.against++
  }

  get lost(): boolean {
    return this.against >= LEAST && this.against > this.for
  }
}

/** Marks the views whose maps or mounts are contradicted, and tells them. `mountHolds`: rule 1 as far as mounts tell. */
export function tryMaps(
  writes: Iterable<OwnWrite>,
  signs: Iterable<Sign>,
  book: FileBook,
  mountHolds: (file: number, view: FsView) => boolean,
): Contradiction[] {
  const trials = new Map<FsView, Map<Ballot, Votes>>()
  const vote = (view: FsView, ballot: Ballot, holds: boolean): void => {
    let trial = trials.get(view)
    if (!trial) trials.set(view, (trial = new Map()))
    let votes = trial.get(ballot)
    if (!votes) trial.set(ballot, (votes = new Votes()))
    votes.add(holds)
  }
  for (const { file, piece, mapped, reserved } of writes) {
    const { view } = piece
    vote(view, 'mounts calls', mountHolds(file, view))
    if (reserved) vote(view, 'maps calls', false)
    else if (mapped !== null) {
      vote(view, 'maps calls', mapped === file || nameOf(book, mapped) === nameOf(book, file))
    }
  }
  for (const { view, by, holds } of signs) vote(view, `maps ${by}`, holds)
  const found: Contradiction[] = []
  for (const [view, trial] of trials) {
    for (const [ballot, { lost, against, for: agreeing }] of trial) {
      const [of, by] = ballot.split(' ') as [Contradiction['of'], Contradiction['by']]
      if (!lost) continue
      found.push({ view, of, by, against, writes: against + agreeing })
      if (of === 'maps') view.fs = null
      else view.mountsHold = false
    }
  }
  return found
}

function nameOf(book: FileBook, file: number): string | null {
  return book.at(file).path?.split('/').at(-1) ?? null
}
