/** Which file of the calls an inode of the events is: what one task did in both, at the same moment. */
import { INODE_EVENT } from '@flushtrace/trace'
import { CALL, type CallLog } from './call-log.ts'
import type { CallWindows } from './call-windows.ts'
import type { FileBook } from './file-book.ts'
import type { InodeLog } from './inode-log.ts'
import { writesInPlace } from './map-evidence.ts'
import type { FsView } from './views.ts'

interface Joined {
  readonly inodes: InodeLog
  readonly calls: CallLog
  readonly windows: CallWindows
  readonly book: FileBook
  readonly viewOf: (row: number) => FsView | null
  /** When an event was, on the clock of the calls; NaN: its trace has no place there. */
  readonly atNs: (row: number) => number
  /** Clocks joined by data may be off by more than a write takes: only the longer flushes count then. */
  readonly closeClocks: boolean
}

/** An fsync event inside the fsync call of the same task, a page made dirty inside its write: that inode, that file. */
export function joinInodes({ inodes, calls, windows, book, viewOf, atNs, closeClocks }: Joined): void {
  const roots = rootsOf(inodes, viewOf)
  for (let row = 0; row < inodes.length; row++) {
    const wanted = WANTED.get(inodes.kind.data[row])
    const at = atNs(row)
    if (!wanted || Number.isNaN(at) || (!closeClocks && inodes.kind.data[row] === INODE_EVENT.dirty)) continue
    const rows = windows.at(inodes.tid.data[row], at).filter((call) => wanted.includes(calls.kind.data[call]))
    if (rows.length !== 1) continue
    const file = calls.file.data[rows[0]]
    const view = viewOf(row)
    if (file < 0 || !view) continue
    let root: number | null = Number.isNaN(inodes.root.data[row]) ? null : inodes.root.data[row]
    if (root === null && view.type === 'btrfs') {
      const known = roots.get(`${view.index}/${inodes.inode.data[row]}`)
      if (known?.size !== 1) continue
      root = [...known][0]
    }
    book.join(book.inode(view.index, root, inodes.inode.data[row]), at, file)
  }
}

const WANTED: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [INODE_EVENT.syncEnter, [CALL.flush, CALL.syncWrite]],
  [INODE_EVENT.dirty, [CALL.write, CALL.syncWrite]],
])

/** Subvolumes in which an inode number was met: events of pages do not tell which. */
function rootsOf(inodes: InodeLog, viewOf: Joined['viewOf']): Map<string, Set<number>> {
  const roots = new Map<string, Set<number>>()
  for (let row = 0; row < inodes.length; row++) {
    const root = inodes.root.data[row]
    const view = Number.isNaN(root) ? null : viewOf(row)
    if (!view) continue
    const key = `${view.index}/${inodes.inode.data[row]}`
    const known = roots.get(key)
    if (known) known.add(root)
    else roots.set(key, new Set([root]))
  }
  return roots
}

/**
 * At which record an inode number was last begun anew: on a file system that writes in place, the same offset gets another block
 * only after the file was emptied, or was another file before. A list from afterwards names the last of these lives.
 */
export function lastLives(
  inodes: InodeLog,
  viewOf: Joined['viewOf'],
  inodeOf: (row: number) => number,
): Map<number, number> {
  const blocks = new Map<number, Map<number, number>>()
  const lives = new Map<number, number>()
  for (let row = 0; row < inodes.length; row++) {
    const physical = inodes.physical.data[row]
    if (inodes.kind.data[row] !== INODE_EVENT.placed || Number.isNaN(physical)) continue
    const view = viewOf(row)
    if (!view || !writesInPlace(view)) continue
    const inode = inodeOf(row)
    let places = blocks.get(inode)
    if (!places) blocks.set(inode, (places = new Map()))
    const before = places.get(inodes.position.data[row])
    if (before !== undefined && before !== physical) lives.set(inode, inodes.record.data[row])
    places.set(inodes.position.data[row], physical)
  }
  return lives
}
