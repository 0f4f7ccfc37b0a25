/** Who flushes, how often, what does it cost? */
import { kindOf, type FileKind, type FileName, type TracedProcess } from '@flushtrace/correlate'
import { TraceError } from '@flushtrace/trace'
import { descending, sum } from 'd3-array'
import { z } from 'zod'
import { analyze, type AnalyzeOptions, type Analysis } from './analyze.ts'
import { documentHead, headShape } from './document.ts'
import { Tally, type Dimension, type Group, type Share } from './tally.ts'

export const RANK_SORTS = ['flushes', 'flush-time', 'bytes', 'writes', 'failed', 'mapped'] as const
export type RankSort = (typeof RANK_SORTS)[number]

export interface RankOptions extends AnalyzeOptions {
  /** Default: process; call where the sources hold nothing but `strace -c` tables. */
  readonly by?: Dimension
  readonly sort?: RankSort
  /** 0: all. */
  readonly top?: number
}

const counts = z.record(z.string(), z.int().nonnegative())
const file = z.object({
  path: z.string().nullable(),
  inode: z.number().nullable(),
  device: z.string().nullable(),
  kind: z.enum(['regular', 'directory', 'block', 'memory', 'other']).nullable(),
  deleted: z.boolean(),
})
const numbers = {
  flushes: z.object({ total: z.int(), byCall: counts }),
  hints: z.object({ syncFileRange: z.int(), msyncAsync: z.int() }),
  failed: z.object({ total: z.int(), byErrno: counts }),
  flushNs: z.object({ total: z.int(), p50: z.int(), p99: z.int(), max: z.int() }).nullable(),
  written: z.object({
    calls: z.int(),
    bytes: z.number().nullable(),
    /** Through descriptors whose file the trace does not show: a file, a socket or a pipe. */
    unknown: z.object({ calls: z.int(), bytes: z.number() }),
  }),
  mapped: z.object({ files: z.int(), bytesUpperBound: z.number() }),
  block: z.null(),
  confidence: z.enum(['exact', 'snapshot', 'inferred', 'ambiguous', 'unknown']),
}
const processRef = z.object({
  pid: z.int().nullable(),
  name: z.string().nullable(),
  command: z.string().nullable(),
  threads: z.int(),
  parent: z.int().nullable(),
})
const topFile = z.object({
  path: z.string(),
  deleted: z.boolean(),
  flushes: z.int(),
  bytes: z.number(),
  byCall: counts,
})
const topProcess = z.object({
  pid: z.int().nullable(),
  name: z.string().nullable(),
  flushes: z.int(),
  bytes: z.number(),
})

export const rankRowSchema = z.object({
  process: processRef.optional(),
  tid: z.int().nullable().optional(),
  call: z.string().optional(),
  file: file.optional(),
  /** file: the row's own · system: sync() · filesystem: syncfs · memory: msync of no shared file · unknown. */
  scope: z.enum(['file', 'system', 'filesystem', 'memory', 'unknown']).optional(),
  /** The name the file had in the end, where it was renamed. */
  laterPath: z.string().nullable().optional(),
  ...numbers,
  files: z.int().optional(),
  topFiles: z.array(topFile).optional(),
  processes: z.array(topProcess).optional(),
})
export type RankRow = z.infer<typeof rankRowSchema>

/** What the rows beyond --top add up to. */
const rest = z.object({
  rows: z.int(),
  flushes: z.object({ total: z.int(), byCall: counts }),
  flushNs: z.object({ total: z.int() }).nullable(),
  written: z.object({ calls: z.int(), bytes: z.number() }),
})
const totals = z.object({ ...numbers, files: z.int(), processes: z.int(), rows: z.int() })
export const rankSchema = z.object({
  schema: z.literal('flushtrace/rank/1'),
  ...headShape,
  by: z.enum(['process', 'thread', 'file', 'call']),
  sort: z.enum(RANK_SORTS),
  total: totals,
  patterns: z.array(
    z.object({
      /** msync and fdatasync (or fsync) of the same file, back to back in one task. */
      pattern: z.literal('msync-with-fdatasync'),
      count: z.int(),
      /** Which of the two comes first, mostly. */
      first: z.enum(['msync', 'fdatasync']),
      files: z.array(z.object({ path: z.string(), count: z.int() })),
      msyncNs: z.number().nullable(),
      syncNs: z.number().nullable(),
    }),
  ),
  rows: z.array(rankRowSchema),
  rest: rest.nullable(),
})
export type RankAnswer = z.infer<typeof rankSchema>

/** Files listed in a process row, processes listed in a file row. */
const SHARES = 5

export async function rank(paths: readonly string[], options: RankOptions = {}): Promise<RankAnswer> {
  const tally = new Tally(options.by ?? 'process')
  const analysis = await analyze(paths, options, (activity) => tally.add(activity))
  const sort = options.sort ?? 'flushes'
  const tablesOnly = analysis.straces.length === 0
  if (tablesOnly && options.by && options.by !== 'call') {
    throw new TraceError('usage', `--by ${options.by}: a table of strace -c names no ${options.by}; use --by call`)
  }
  const rows = tablesOnly ? tableRows(analysis) : tally.groups.filter(isWorthARow).map(rowOf)
  rows.sort((a, b) => descending(sortKey(a, sort), sortKey(b, sort)) || descending(a.flushes.total, b.flushes.total))
  const top = options.top ?? 20
  const shown = top > 0 ? rows.slice(0, top) : rows
  return {
    schema: 'flushtrace/rank/1',
    ...documentHead(analysis),
    by: tablesOnly ? 'call' : tally.dimension,
    sort,
    total: {
      ...(tablesOnly ? tableTotal(rows) : numbersOf(tally.total)),
      files: tally.flushedFiles.size,
      processes: tally.flushingProcesses.size,
      rows: rows.length,
    },
    patterns: patternsOf(tally),
    rows: shown,
    rest: restOf(rows.slice(shown.length)),
  }
}

function restOf(rows: readonly RankRow[]): RankAnswer['rest'] {
  if (rows.length === 0) return null
  const byCall: Record<string, number> = {}
  for (const row of rows) {
    for (const [call, n] of Object.entries(row.flushes.byCall)) byCall[call] = (byCall[call] ?? 0) + n
  }
  const timed = rows.filter((row) => row.flushNs)
  return {
    rows: rows.length,
    flushes: { total: sum(rows, (row) => row.flushes.total), byCall },
    flushNs: timed.length > 0 ? { total: sum(timed, (row) => row.flushNs?.total) } : null,
    written: { calls: sum(rows, (row) => row.written.calls), bytes: sum(rows, (row) => row.written.bytes) },
  }
}

/** A process that only read, or mapped nothing writable, is no part of the answer. */
function isWorthARow(group: Group): boolean {
  return (
    group.flushTotal + group.failedTotal + group.syncFileRange + group.msyncAsync > 0 ||
    group.writeCalls + group.unknownCalls > 0 ||
    group.mapped.files > 0
  )
}

function rowOf(group: Group): RankRow {
  const { subject } = group
  const common = numbersOf(group)
  const files = sharesOf(group.files)
  switch (subject.kind) {
    case 'process':
      return { process: processOf(subject.process), ...common, files: flushedFiles(group), topFiles: files }
    case 'thread': {
      const { task } = subject
      const process = { ...processOf(task.process), name: task.name ?? task.process.name }
      return { process, tid: task.tid > 0 ? task.tid : null, ...common, files: flushedFiles(group), topFiles: files }
    }
    case 'call':
      return { call: subject.call, ...common, files: flushedFiles(group), topFiles: files }
    case 'file': {
      const { name, scope } = subject
      const onlySyncfs = group.flushTotal > 0 && group.flushes.get('syncfs') === group.flushTotal
      return {
        file: fileOf(name),
        scope: name ? (onlySyncfs ? 'filesystem' : 'file') : scope,
        laterPath: name && name.file.lastPath !== name.path ? name.file.lastPath : null,
        ...common,
        processes: [...group.processes]
          .map(([process, share]) => ({
            pid: process.pid,
            name: process.name,
            flushes: share.flushes,
            bytes: share.bytes,
          }))
          .sort((a, b) => b.flushes - a.flushes || b.bytes - a.bytes),
      }
    }
  }
}

function numbersOf(group: Group) {
  return {
    flushes: { total: group.flushTotal, byCall: Object.fromEntries(group.flushes) },
    hints: { syncFileRange: group.syncFileRange, msyncAsync: group.msyncAsync },
    failed: { total: group.failedTotal, byErrno: Object.fromEntries(group.failed) },
    flushNs: group.took,
    written: {
      calls: group.writeCalls,
      bytes: group.writeBytes,
      unknown: { calls: group.unknownCalls, bytes: group.unknownBytes },
    },
    mapped: group.mapped,
    block: null,
    confidence: group.confidence,
  }
}

export function processOf(process: TracedProcess): NonNullable<RankRow['process']> {
  return {
    pid: process.pid,
    name: process.name,
    command: process.argv ? process.argv.join(' ') + (process.argvCut ? ' …' : '') : null,
    threads: process.threads,
    parent: process.parent?.pid ?? null,
  }
}

export function fileOf(name: FileName | null): NonNullable<RankRow['file']> {
  if (!name) return { path: null, inode: null, device: null, kind: null, deleted: false }
  const kind: FileKind | null = kindOf(name.file)
  return { path: name.path, inode: name.file.inode, device: name.file.device, kind, deleted: name.deleted }
}

function flushedFiles(group: Group): number {
  let files = 0
  for (const share of group.files.values()) if (share.flushes > 0) files++
  return files
}

function sharesOf(files: ReadonlyMap<FileName, Share>): NonNullable<RankRow['topFiles']> {
  return [...files]
    .filter(([, share]) => share.flushes + share.bytes > 0)
    .sort((a, b) => b[1].flushes - a[1].flushes || b[1].bytes - a[1].bytes)
    .slice(0, SHARES)
    .map(([name, share]) => ({
      path: name.path,
      deleted: name.deleted,
      flushes: share.flushes,
      bytes: share.bytes,
      byCall: Object.fromEntries(share.byCall),
    }))
}

function sortKey(row: RankRow, sort: RankSort): number {
  switch (sort) {
    case 'flushes':
      return row.flushes.total
    case 'flush-time':
      return row.flushNs?.total ?? 0
    case 'bytes':
      return row.written.bytes ?? 0
    case 'writes':
      return row.written.calls
    case 'failed':
      return row.failed.total
    case 'mapped':
      return row.mapped.bytesUpperBound
  }
}

function patternsOf({ pairs }: Tally): RankAnswer['patterns'] {
  if (pairs.count === 0) return []
  const files = [...pairs.files].map(([name, count]) => ({ path: name.path, count })).sort((a, b) => b.count - a.count)
  const ns = (value: number): number | null => (Number.isNaN(value) ? null : Math.round(value))
  return [
    {
      pattern: 'msync-with-fdatasync',
      count: pairs.count,
      first: pairs.msyncFirst * 2 > pairs.count ? 'msync' : 'fdatasync',
      files: files.slice(0, SHARES),
      msyncNs: ns(pairs.msyncNs),
      syncNs: ns(pairs.syncNs),
    },
  ]
}

const FLUSH_CALLS = new Set(['fsync', 'fdatasync', 'msync', 'sync', 'syncfs'])
const WRITE_CALLS = /^(?:write|p?writev2?|pwrite64|sendfile|copy_file_range|splice)$/

/** From `strace -c` tables alone. Whether an msync was MS_SYNC, and what a write wrote, they do not tell. */
function tableRows(analysis: Analysis): RankRow[] {
  return analysis.summaries.flatMap((row) => {
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
      mapped: { files: 0, bytesUpperBound: 0 },
      block: null,
      confidence: row.call === 'msync' ? ('ambiguous' as const) : ('exact' as const),
    }
  })
}

function tableTotal(rows: readonly RankRow[]) {
  return {
    flushes: {
      total: sum(rows, (row) => row.flushes.total),
      byCall: Object.assign({}, ...rows.map((row) => row.flushes.byCall)) as Record<string, number>,
    },
    hints: { syncFileRange: sum(rows, (row) => row.hints.syncFileRange), msyncAsync: 0 },
    failed: { total: sum(rows, (row) => row.failed.total), byErrno: {} },
    flushNs: null,
    written: { calls: sum(rows, (row) => row.written.calls), bytes: null, unknown: { calls: 0, bytes: 0 } },
    mapped: { files: 0, bytesUpperBound: 0 },
    block: null,
    confidence: 'exact' as const,
  }
}
