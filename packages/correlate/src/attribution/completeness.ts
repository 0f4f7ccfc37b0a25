/**
 * Whether the calls can tell of all data that is written to a file system. strace -p shows some processes among many: what
 * the others made dirty must not be given to the only file that is known to be dirty.
 *
 * 1. A task that is no thread of the kernel, and of which no call is known, queued data there itself: others write there.
 * 2. More data was written than the calls made dirty, in whole blocks: somebody else's, or from before the trace.
 * Mapped writers, clones and defragmenting may make any amount dirty; then only rule 1 tells.
 */
import { DATALESS, PAGE_BYTES } from '@flushtrace/trace'
import type { Actors } from './actors.ts'
import type { BlockLog } from './block-log.ts'
import { CALL, type CallLog } from './call-log.ts'
import type { Natures } from './nature.ts'
import type { FsView, FsViews } from './views.ts'

interface Watched {
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly actors: Actors
  readonly views: FsViews
  readonly natures: Natures
  readonly mayLieOn: (file: number, view: FsView) => boolean
}

export class Completeness {
  readonly #in: Watched
  /** By view; null until it is asked for the first time: all requests are looked through. */
  #incomplete: Set<FsView> | null = null

  constructor(watched: Watched) {
    this.#in = watched
  }

  isComplete(view: FsView): boolean {
    return !(this.#incomplete ??= this.#find()).has(view)
  }

  #find(): Set<FsView> {
    const { blocks, actors, views, natures, mayLieOn } = this.#in
    const incomplete = new Set<FsView>()
    const written = new Map<FsView, number>()
    for (let i = 0; i < blocks.length; i++) {
      const [flags, sector, bytes] = [blocks.flags.data[i], blocks.sector.data[i], blocks.bytes.data[i]]
      if (bytes === 0 || sector < 0 || (flags & DATALESS) !== 0) continue
      const comm = blocks.names.textOrNull(blocks.comm.data[i])
      const { process, kernel, name } = actors.at(actors.ofRequest(blocks, i))
      const others = process === null && !kernel && name !== null
      for (const piece of views.pieces(blocks.device.data[i], sector, bytes)) {
        if (natures.of(piece, flags, comm)) continue
        if (others) incomplete.add(piece.view)
        written.set(piece.view, (written.get(piece.view) ?? 0) + piece.bytes)
      }
    }
    const dirtied = this.#dirtied()
    for (const [view, bytes] of written) {
      let most = 0
      for (const [file, more] of dirtied) if (mayLieOn(file, view)) most += more
      if (bytes > most) incomplete.add(view)
    }
    return incomplete
  }

  /** By file: what calls made dirty at most. */
  #dirtied(): Map<number, number> {
    const { kind, file, offset, bytes, length } = this.#in.calls
    const dirtied = new Map<number, number>()
    for (let row = 0; row < length; row++) {
      const [at, size] = [offset.data[row], bytes.data[row]]
      let most = 0
      switch (kind.data[row]) {
        case CALL.write:
        case CALL.submitted: {
          const before = Number.isNaN(at) ? PAGE_BYTES - 1 : at % PAGE_BYTES
          most = Math.ceil((before + size) / PAGE_BYTES) * PAGE_BYTES
          break
        }
        case CALL.mapped:
        case CALL.dirtied:
          most = Infinity
          break
        default:
      }
      if (most > 0) dirtied.set(file.data[row], (dirtied.get(file.data[row]) ?? 0) + most)
    }
    return dirtied
  }
}
