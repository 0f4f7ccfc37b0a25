/**
 * Flushes that began later than their line says.
 *
 * strace takes the time of a line, prints the call, and only then the time from which -T counts (strace src/syscall.c,
 * syscall_entering_finish(): "as late as possible"). Where it waits for a processor in between, the call seems to be over
 * before it began, and nothing of what it queued lies inside.
 *
 * 1. The file system's fsync event is the first thing that fsync, fdatasync and msync do: it is of the last call that its
 *    task began by then. The first one after the line tells when the call was in the kernel.
 * 2. Where that is past the end by the line, the call is moved to it, and keeps its duration.
 * 3. Nothing is moved that clocks may account for, nor to an event of a file system that the file does not lie on.
 */
import { INODE_EVENT } from '@flushtrace/trace'
import { CALL, type CallLog } from './call-log.ts'
import { orderOf } from './column.ts'
import type { InodeLog } from './inode-log.ts'
import type { FsView } from './views.ts'

interface Late {
  readonly calls: CallLog
  readonly inodes: InodeLog
  /** When an event was, on the clock of the calls; NaN: its trace has no place there. */
  readonly eventNs: Float64Array
  readonly viewOf: (row: number) => FsView | null
  readonly mayLieOn: (file: number, view: FsView) => boolean
  /** How far the two clocks may be apart. */
  readonly slackNs: number
}

/** Moves the calls that were late. By how much, in ns, by `lateKey`. */
export function moveLate({ calls, inodes, eventNs, viewOf, mayLieOn, slackNs }: Late): Map<string, number> {
  const moved = new Map<string, number>()
  const { kind, tid, startNs, endNs, file, source, record } = calls
  const syncs = orderOf(eventNs.map((ns, row) => (inodes.kind.data[row] === INODE_EVENT.syncEnter ? ns : NaN)))
  if (syncs.length === 0) return moved
  const entries = calls.inOrder()
  /** Task → rows of the call that it began last, until an fsync event was seen in it. */
  const begun = new Map<number, number[]>()
  let next = 0
  for (const sync of syncs) {
    const atNs = eventNs[sync]
    for (; next < entries.length && startNs.data[entries[next]] <= atNs + slackNs; next++) {
      const row = entries[next]
      const rows = begun.get(tid.data[row])
      const [first] = rows ?? []
      if (rows && record.data[first] === record.data[row] && source.data[first] === source.data[row]) rows.push(row)
      else begun.set(tid.data[row], [row])
    }
    const task = inodes.tid.data[sync]
    const rows = begun.get(task)
    if (!rows) continue
    begun.delete(task)
    const view = viewOf(sync)
    const lateNs = atNs - startNs.data[rows[0]]
    const isLate = rows.some((row) => kind.data[row] === CALL.flush && atNs > endNs.data[row] + slackNs)
    if (!isLate || !view || !rows.some((row) => file.data[row] >= 0 && mayLieOn(file.data[row], view))) continue
    moved.set(lateKey(source.data[rows[0]], record.data[rows[0]]), lateNs)
    for (const row of rows) {
      startNs.data[row] += lateNs
      endNs.data[row] += lateNs
    }
  }
  return moved
}

/** What names a call in the answer of `moveLate`: where it stands. */
export function lateKey(source: number, record: number): string {
  return `${source} ${record}`
}
