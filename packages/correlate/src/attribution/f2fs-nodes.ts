/**
 * f2fs writes nodes (inodes, and the tables of where files lie) as it writes data: without a mark, and for a flush by the
 * task that flushes, after the data. Neither the task nor what was dirty tells one from the other, only a map or an event
 * that places the block. What else it keeps for itself (checkpoints, its tables) it does mark.
 *
 * Source: torvalds/linux fs/f2fs/node.c f2fs_fsync_node_pages(), __write_node_folio(), fs/f2fs/checkpoint.c
 * __f2fs_write_meta_folio(); numbers of inodes: f2fs-tools mkfs/f2fs_format.c f2fs_prepare_super_block().
 */
import type { Inside } from './call-windows.ts'
import { CALL } from './call-log.ts'
import type { DataState } from './data-rules.ts'
import type { Verdict, Via } from './piece-log.ts'
import type { FsView, ViewPiece } from './views.ts'

/** Below it are the inodes of nodes and of checkpoints and tables. */
const ROOT_INODE = 3

/** Whether nothing marks all of its metadata. */
export function hidesNodes({ type }: FsView): boolean {
  return type === 'f2fs'
}

/** Whether an inode that events name is one of the file system's own. */
export function isOwnInode(view: FsView, inode: number): boolean {
  return hidesNodes(view) && inode < ROOT_INODE
}

/** What a block of such an inode is. */
export function ownBlock(via: Via): Verdict {
  return { what: 'metadata', confidence: 'inferred', rule: 'placed', via, actors: [], candidates: [] }
}

/** Files of the calls that the task is in; of f2fs those whose data it must be: a direct write that does not flush queues no nodes. */
export function filesCalled({ calls, maps, mayLieOn }: DataState, piece: ViewPiece, { files, rows }: Inside): number[] {
  const { kind } = calls
  const isPlain = (row: number): boolean => kind.data[row] === CALL.write || kind.data[row] === CALL.submitted
  const isData = !hidesNodes(piece.view) || rows.every(isPlain)
  return files.filter((file) => mayLieOn(file, piece.view) && (isData || maps.ownerAfter(piece) === file))
}
