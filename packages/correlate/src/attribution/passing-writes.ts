/**
 * Writes that leave nothing dirty behind when they return.
 *
 * 1. A synchronous one has written its own range by then.
 * 2. A direct one makes no page dirty. Where a file system cannot do without pages, it writes them before it returns
 *    (torvalds/linux fs/direct-io, mm/filemap.c direct_write_fallback(), fs/ext4/file.c ext4_dio_write_iter(),
 *    fs/btrfs/direct-io.c btrfs_direct_write()), but for xfs, which writes a part of a shared block as any other write
 *    (fs/xfs/xfs_file.c xfs_file_write_iter(), -ENOTBLK).
 * 3. An asynchronous direct one has been queued when io_submit returns; btrfs may leave that to a thread of its own.
 * 4. zfs writes again, later, what it has put in its log.
 */
import { CALL, THROUGH, type CallLog } from './call-log.ts'
import type { FsView, FsViews } from './views.ts'

export class PassingWrites {
  readonly #calls: CallLog
  readonly #views: FsViews
  readonly #mayLieOn: (file: number, view: FsView) => boolean

  constructor(calls: CallLog, views: FsViews, mayLieOn: (file: number, view: FsView) => boolean) {
    this.#calls = calls
    this.#views = views
    this.#mayLieOn = mayLieOn
  }

  /** Of a row of the CallLog whose end is known: without it, nothing tells when it is over. */
  has(row: number): boolean {
    const { kind, through, file, startNs, endNs } = this.#calls
    const way = THROUGH[through.data[row]]
    const submitted = kind.data[row] === CALL.submitted
    if (way === 'cache' || (kind.data[row] !== CALL.write && !submitted)) return false
    if (!(endNs.data[row] > startNs.data[row]) || (submitted && way === 'sync')) return false
    return this.#views.all.every((view) => !this.#mayLieOn(file.data[row], view) || this.#passesOn(view, row))
  }

  #passesOn({ type, blockBytes }: FsView, row: number): boolean {
    const { kind, through, bytes, offset } = this.#calls
    if (type === 'zfs') return false
    if (THROUGH[through.data[row]] === 'sync') return true
    if (type === 'btrfs') return kind.data[row] !== CALL.submitted
    return type !== 'xfs' || (bytes.data[row] % blockBytes === 0 && offset.data[row] % blockBytes === 0)
  }
}
