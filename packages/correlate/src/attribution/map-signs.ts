/**
 * What file systems do for themselves, where maps can be seen to be of another one.
 *
 * 1. `threads`: jbd2 writes for ext4, xfsaild for xfs, btrfs-transaction for btrfs, each marked as metadata.
 * 2. `journal`: what is marked as metadata and is to reach the medium at once (FUA) is, on ext4 and xfs, the journal's, or a
 *    superblock's (torvalds/linux fs/jbd2/commit.c journal_submit_commit_record(), fs/xfs/xfs_log.c xlog_write_iclog()).
 * 3. `chunks`: btrfs marks what lies in chunks for metadata, and nothing in those for data.
 * 4. `inodes`: each block that is given to a file raises an event: the one that had it last has it in a map from afterwards,
 *    or nobody has.
 * Maps of another file system of the same size, made by the same mkfs, may still go together with all of it.
 */
import { DATALESS, INODE_EVENT, OP } from '@flushtrace/trace'
import type { BlockLog } from './block-log.ts'
import type { FileBook } from './file-book.ts'
import type { InodeLog } from './inode-log.ts'
import type { InodeReplay } from './inode-replay.ts'
import { LastWriters } from './last-writers.ts'
import type { MapClaims } from './map-claims.ts'
import type { Sign } from './map-trial.ts'
import { isSuperblock, typeByThread } from './nature.ts'
import type { FsView, FsViews, ViewPiece } from './views.ts'

export interface Signed {
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly views: FsViews
  readonly claims: MapClaims
  readonly book: FileBook
  readonly replay: InodeReplay
}

/** `requests`, `events`: rows of the logs that count, in the order of time. */
export function* signsOf(signed: Signed, requests: Uint32Array, events: Uint32Array): Generator<Sign> {
  const { blocks, views, claims } = signed
  for (const request of requests) {
    const flags = blocks.flags.data[request]
    const [sector, bytes] = [blocks.sector.data[request], blocks.bytes.data[request]]
    if ((flags & OP.meta) === 0 || (flags & DATALESS) !== 0 || bytes === 0 || sector < 0) continue
    const comm = blocks.names.textOrNull(blocks.comm.data[request])
    const type = comm === null ? null : typeByThread(comm)
    for (const piece of views.pieces(blocks.device.data[request], sector, bytes)) {
      const { view } = piece
      if (!view.fs || !/^(?:ext4|xfs|btrfs)$/.test(view.fs.type)) continue
      if (type !== null) yield { view, by: 'threads', holds: type === view.fs.type }
      if (isSuperblock(view, piece.byte, piece.bytes)) continue
      if (view.fs.type === 'btrfs') {
        if (piece.holds !== null) yield { view, by: 'chunks', holds: piece.holds !== 'data' }
      } else if ((flags & OP.fua) !== 0 && claims.tellJournal(view)) {
        yield { view, by: 'journal', holds: isJournal(piece, claims) }
      }
    }
  }
  yield* inodeSigns(signed, events)
}

function isJournal({ view, address, byte }: ViewPiece, claims: MapClaims): boolean {
  return claims.areaAt(view, address, byte)?.area === 'journal'
}

function* inodeSigns({ inodes, claims, book, replay }: Signed, events: Uint32Array): Generator<Sign> {
  const placed = new LastWriters()
  const told = new Set<FsView>()
  for (const row of events) {
    if (inodes.kind.data[row] === INODE_EVENT.lost) return
    if (inodes.kind.data[row] !== INODE_EVENT.placed) continue
    const view = replay.viewOf(row)
    const place = view && claims.tell(view, 'after') ? replay.placeOf(row, view) : null
    if (!view || !place) continue
    told.add(view)
    placed.add(view.index, place.start, place.end, row)
  }
  placed.sweep(inodes.length)
  for (const view of told) {
    const signs: Sign[] = []
    placed.within(view.index, -Infinity, Infinity, (from, to, row) => {
      const owners = claims.within(view, 'after', from, from, to - from).map(({ file }) => book.inodeOf(file))
      if (owners.length === 0 || owners.includes(null)) return
      signs.push({ view, by: 'inodes', holds: owners.includes(inodes.inode.data[row]) })
    })
    yield* signs
  }
}
