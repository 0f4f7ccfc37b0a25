/**
 * Requests that carry no data. Of discards: whose data lay in what they give back, and who took it away. File systems
 * discard what is free, after calls took it from a file (mount option discard; torvalds/linux fs/ext4/mballoc.c,
 * fs/xfs/xfs_discard.c, fs/btrfs/discard.c), and for fstrim, which names no file.
 *
 * 1. It is the file whose data was last known there, whether or not a call shows that it was freed.
 * 2. What was discarded since its last write holds nobody's data: it is given back once.
 */
import { DISCARDS } from '@flushtrace/trace'
import type { InodeNames } from './inode-names.ts'
import type { PieceLog, Verdict } from './piece-log.ts'
import { cutOf, offsetIn, startOf, type OnPlace, type Places } from './places.ts'
import { Segments } from './segments.ts'
import type { ViewPiece } from './views.ts'

interface GivenBackState {
  readonly pieces: PieceLog
  readonly places: Places
  readonly inodeNames: InodeNames
}

/** Who queued it, where that is a program; by what way it came, where not. */
type QueuedBy = Pick<Verdict, 'actors' | 'via'>

const FREE = { what: 'free', confidence: 'inferred', candidates: [] } as const

export class GivenBack {
  readonly #in: GivenBackState
  /** By space of Places: what was discarded, with its number in #atNs. */
  readonly #discarded = new Map<Segments, Segments>()
  readonly #atNs: number[] = []
  /** By file: who took blocks from it last. */
  readonly #freedBy = new Map<number, number>()

  constructor(state: GivenBackState) {
    this.#in = state
  }

  /** A call took blocks from a file. */
  freed(file: number, actor: number): void {
    if (file >= 0) this.#freedBy.set(file, actor)
  }

  add(
    request: number,
    piece: ViewPiece,
    now: number,
    { flags, ...queued }: QueuedBy & { readonly flags: number },
  ): void {
    const { pieces, inodeNames } = this.#in
    // Write-zeroes and commands to zones change a range and give nothing back.
    if ((flags & DISCARDS) === 0) return pieces.add(request, piece, { ...FREE, rule: 'dataless', ...queued })
    this.#take(piece, now, (from, to, place) => {
      const part = cutOf(piece, from, to)
      const file = !place ? -1 : place.inode < 0 ? place.file : inodeNames.fileOf(place.inode, place.atNs).file
      if (!place || file < 0) {
        pieces.add(request, part, { ...FREE, rule: 'dataless', ...queued })
        return
      }
      // A kernel thread does it later, for who took the blocks away.
      const by = queued.actors.length > 0 ? undefined : this.#freedBy.get(file)
      const who = by === undefined ? queued : ({ via: 'writeback', actors: [by] } as const)
      pieces.add(request, part, { ...FREE, rule: 'given-back', ...who }, file, offsetIn(place, from), place)
    })
  }

  /** Every part of a discarded piece in order, with what lay there last; null: nothing that is known. */
  #take(piece: ViewPiece, now: number, found: OnPlace): void {
    const { places } = this.#in
    const space = places.spaceOf(piece.view, piece)
    const start = startOf(piece)
    const end = start + piece.bytes
    let discarded = this.#discarded.get(space)
    if (!discarded) this.#discarded.set(space, (discarded = new Segments()))
    let [since, nobodys] = [start, start]
    const push = (from: number, to: number, place: Parameters<OnPlace>[2]): void => {
      if (nobodys > since) found(since, nobodys, null)
      if (from < to) found(from, to, place)
      since = nobodys = to
    }
    places.last(space, start, end, (from, to, place) => {
      if (!place) {
        nobodys = to
        return
      }
      let at = from
      discarded.within(from, to, (begin, until, k) => {
        if (!(this.#atNs[k] >= place.atNs)) return
        if (at < begin) push(at, begin, place)
        at = nobodys = until
      })
      if (at < to) push(at, to, place)
    })
    push(end, end, null)
    discarded.set(start, end, this.#atNs.push(now) - 1)
  }
}
