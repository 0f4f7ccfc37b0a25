/** Answers from tables alone: of `strace -c` (calls), of `btrace -s` (requests by process). */
import type { SummaryRow } from '@flushtrace/strace'
import { sum } from 'd3-array'
import { nothing } from './rank-rows.ts'
import type { Block, RankRow } from './rank-schema.ts'
import type { BlockTable } from './summaries.ts'

/** From tables of btrace -s: what each process queued. */
export function blockTableRows(tables: readonly BlockTable[]): RankRow[] {
  return tables.map(({ name, pid, writes }) => ({
    process: { pid, name, command: null, threads: 1, parent: null },
    ...nothing(),
    block: { writes: writes.queued.count ?? 0, bytes: writes.queued.bytes ?? 0, flushes: null, fua: null },
    files: 0,
    topFiles: [],
  }))
}

const FLUSH_CALLS = new Set(['fsync', 'fdatasync', 'msync', 'sync', 'syncfs'])

const WRITE_CALLS = /^(?:write|p?writev2?|pwrite64|sendfile|copy_file_range|splice)$/

/** From `strace -c` tables alone. Whether an msync was MS_SYNC, and what a write wrote, they do not tell. */
export function callTableRows(summaries: readonly SummaryRow[]): RankRow[] {
  return summaries.flatMap((row) => {
    const flush = FLUSH_CALLS.has(row.call)
    const hint = row.call === 'sync_file_range'
    if (!flush && !hint && !WRITE_CALLS.test(row.call)) return []
    const done = row.calls - row.errors
    return {
      call: row.call,
      flushes: { total: flush ? done : 0, byCall: flush ? { [row.call]: done } : {} },
      hints: { syncFileRange: hint ? done : 0, msyncAsync: 0 },
      failed: { total: flush ? row.errors : 0, byErrno: {} },
      flushNs: null,
      written: { calls: flush || hint ? 0 : done, bytes: flush || hint ? 0 : null, unknown: { calls: 0, bytes: 0 } },
      mapped: { files: 0, bytesUpperBound: 0, before: 0 },
      block: null,
      confidence: row.call === 'msync' ? ('ambiguous' as const) : ('exact' as const),
    }
  })
}

/** What the rows of one kind of table add up to. */
export function tableTotal(rows: readonly RankRow[]) {
  return {
    flushes: {
      total: sum(rows, (row) => row.flushes.total),
      byCall: Object.assign({}, ...rows.map((row) => row.flushes.byCall)) as Record<string, number>,
    },
    hints: { syncFileRange: sum(rows, (row) => row.hints.syncFileRange), msyncAsync: 0 },
    failed: { total: sum(rows, (row) => row.failed.total), byErrno: {} },
    flushNs: null,
    written: { calls: sum(rows, (row) => row.written.calls), bytes: null, unknown: { calls: 0, bytes: 0 } },
    mapped: { files: 0, bytesUpperBound: 0, before: 0 },
    block: tableBlock(rows),
    confidence: 'exact' as const,
  }
}

function tableBlock(rows: readonly RankRow[]): Block | null {
  if (rows.every(({ block: part }) => part === null)) return null
  const writes = sum(rows, ({ block: part }) => part?.writes)
  return { writes, bytes: sum(rows, ({ block: part }) => part?.bytes), flushes: null, fua: null }
}
