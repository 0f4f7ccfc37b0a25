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
  /** The clocks are closer than a short write takes; where data joined them, they may not be. */
  readonly closeClocks: boolean
}

/**
 * Calls inside which an event is about the file of the call: the file system's own fsync; a page made dirty by a write;
 * delayed data sent off by a flush, by a rename over another name or the close of what was truncated (ext4's
 * auto_da_alloc).
 */
const WANTED: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [INODE_EVENT.syncEnter, [CALL.flush, CALL.syncWrite]],
  [INODE_EVENT.dirty, [CALL.write, CALL.syncWrite]],
  [INODE_EVENT.writePages, [CALL.flush, CALL.syncWrite, CALL.renamed, CALL.closed]],
])

/** What a task did in an event and in a call of a file at the same moment: that inode is that file. */
export function joinInodes({ inodes, calls, windows, book, viewOf, atNs, closeClocks }: Joined): void {
  const roots = rootsOf(inodes, viewOf)
  const mappers = new Set<number>()
  for (let row = 0; row < calls.length; row++) {
    if (calls.kind.data[row] === CALL.mapped) mappers.add(calls.actor.data[row])
  }
  for (let row = 0; row < inodes.length; row++) {
    const kind = inodes.kind.data[row]
    const wanted = WANTED.get(kind)
    const at = atNs(row)
    if (!wanted || Number.isNaN(at)) continue
    const fits = kind === INODE_EVENT.syncEnter ? begins : holds
    const rows = windows
      .at(inodes.tid.data[row], at, true)
      .filter((call) => wanted.includes(calls.kind.data[call]) && fits(calls, call, at))
    if (rows.length !== 1) continue
    const [call] = rows
    // A store through a mapping makes pages dirty outside of any call.
    if (kind === INODE_EVENT.dirty && !closeClocks && mappers.has(calls.actor.data[call])) continue
    const file = calls.file.data[call]
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

/** A file system's fsync is the first thing that its call does. */
const SOON_NS = 300_000

function begins({ startNs }: CallLog, call: number, at: number): boolean {
  return at - startNs.data[call] < SOON_NS
}

function holds({ startNs, endNs }: CallLog, call: number, at: number): boolean {
  return startNs.data[call] <= at && !(endNs.data[call] < at)
}

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
 * When a place in a file got another block: on a file system that writes in place only after the file was emptied, or
 * when the inode number is another file's.
 */
export function noteRenewals(
  { inodes, book, viewOf }: Pick<Joined, 'inodes' | 'book' | 'viewOf'>,
  inodeOf: (row: number) => number,
  atNs: (row: number) => number,
): void {
  const blocks = new Map<number, Map<number, { physical: number; ns: number }>>()
  for (let row = 0; row < inodes.length; row++) {
    const physical = inodes.physical.data[row]
    if (inodes.kind.data[row] !== INODE_EVENT.placed || Number.isNaN(physical)) continue
    const view = viewOf(row)
    if (!view || !writesInPlace(view)) continue
    const inode = inodeOf(row)
    let places = blocks.get(inode)
    if (!places) blocks.set(inode, (places = new Map()))
    const before = places.get(inodes.position.data[row])
    const ns = atNs(row)
    if (before !== undefined && before.physical !== physical) book.renew(inode, before.ns, ns)
    places.set(inodes.position.data[row], { physical, ns })
  }
}
