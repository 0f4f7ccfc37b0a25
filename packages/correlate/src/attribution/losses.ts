/** What calls took away from files: their blocks, their last name, and that their blocks are theirs alone. */
import { CALL, type CallLog } from './call-log.ts'
import type { FileBook } from './file-book.ts'

/**
 * Calls that may give a file blocks of another one, by what is logged of that file: FICLONE and its like (of ioctls nothing
 * else is followed but defragmenting), and copy_file_range, which file systems with reflinks do by them
 * (torvalds/linux fs/read_write.c vfs_copy_file_range()).
 */
const SHARES: ReadonlyMap<string, number> = new Map([
  ['ioctl', CALL.dirtied],
  ['copy_file_range', CALL.write],
])

/** All of them at first: whether a block was freed later, and a file gone, is asked of every write. `order`: of those with a time. */
export function noteLosses(calls: CallLog, order: Uint32Array, timed: boolean, book: FileBook): void {
  const note = (row: number, atNs: number): void => {
    const file = calls.file.data[row]
    const kind = calls.kind.data[row]
    const call = calls.names.text(calls.call.data[row])
    if (kind === CALL.closed && file >= 0 && !Number.isNaN(atNs)) book.close(file, atNs)
    // It writes what is dirty of both first.
    if (kind === SHARES.get(call) && file >= 0) book.share(file, Number.isNaN(atNs) ? NaN : calls.endNs.data[row])
    if (kind !== CALL.freed) return
    book.free(file, atNs, calls.offset.data[row])
    if (/^(?:unlink|rename)/.test(call)) book.remove(file, atNs)
  }
  for (const row of order) note(row, calls.startNs.data[row])
  for (let row = 0; row < calls.length; row++) {
    if (!timed || Number.isNaN(calls.startNs.data[row])) note(row, NaN)
  }
}
