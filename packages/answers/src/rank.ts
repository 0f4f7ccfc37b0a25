/** Who flushes, how often, what does it cost? */
import {
  blockPart,
  kindOf,
  type BlockSummary,
  type DeviceSummary,
  type FileKind,
  type FileName,
  type TracedProcess,
} from '@flushtrace/correlate'
import type { SummaryRow } from '@flushtrace/strace'
import { TraceError } from '@flushtrace/trace'
import { descending, sum } from 'd3-array'
import { z } from 'zod'
import { analyze, type AnalyzeOptions, type Analysis } from './analyze.ts'
import { documentHead, headShape } from './document.ts'
import type { BlockTable } from './summaries.ts'
import { DIMENSIONS, Group, Tally, type Dimension, type Share } from './tally.ts'

export const RANK_SORTS = ['flushes', 'flush-time', 'bytes', 'writes', 'failed', 'mapped'] as const
export type RankSort = (typeof RANK_SORTS)[number]

export interface RankOptions extends AnalyzeOptions {
  /** Default: process; call where the sources hold nothing but `strace -c` tables. */
  readonly by?: Dimension
  readonly sort?: RankSort
  /** 0: all. */
  readonly top?: number
}

/** What was queued for block devices, each request on one layer only; null without a block trace. */
const block = z.object({
  writes: z.int(),
  bytes: z.number(),
  /** null: tables of btrace -s do not tell. */
  flushes: z.int().nullable(),
  fua: z.int().nullable(),
})
type Block = z.infer<typeof block>
const spread = z
  .object({ count: z.int(), mean: z.number(), p50: z.number(), p99: z.number(), max: z.number() })
  .nullable()
/** What iostat gives as averages, here from every request. */
const deviceNumbers = z.object({
  /** At which step requests were counted: queued, or the first step the trace has. */
  basis: z.enum(['queue', 'issue', 'complete']),
  reads: z.int(),
  readBytes: z.number(),
  writesPerSecond: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  flushesPerSecond: z.number().nullable(),
  meanWriteBytes: z.number().nullable(),
  discards: z.int(),
  discardBytes: z.number(),
  writeZeroes: z.int(),
  /** Cache flushes that the device was told to make: requests are merged, and FUA may become one. */
  deviceFlushes: z.int(),
  sequentialShare: z.number().nullable(),
  depth: z.object({ max: z.number(), mean: z.number() }).nullable(),
  busyShare: z.number().nullable(),
  q2c: spread,
  d2c: spread,
  deviceFlushD2c: spread,
  errors: z.record(z.string(), z.int()),
  /** Of the requests, those passed on by a device that is a row of its own. */
  passedOn: block,
  above: z.array(z.string()),
  unfinished: z.int(),
  tasks: z.array(z.object({ tid: z.int().nullable(), comm: z.string().nullable(), ...block.shape })),
})

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
  block: block.nullable(),
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
  container: z.string().nullable().optional(),
  device: z.string().optional(),
  io: deviceNumbers.optional(),
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
  by: z.enum(DIMENSIONS),
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
  const sort = options.sort ?? 'flushes'
  const top = options.top ?? 20
  const ended = new EndedRows(sort, top)
  const folds = tally.dimension === 'process' && top > 0
  const analysis = await analyze(paths, options, (activity, _, context) => tally.add(activity, context), {
    // Requests are charged to rows at the end: then all must still be there.
    onEnd: (process, { hasBlocks }) => {
      const group = folds && !hasBlocks ? tally.take(process) : undefined
      if (group) ended.add(rowOf(group))
    },
  })
  const only = tablesOnly(analysis)
  if (only === 'calls' && options.by && options.by !== 'call') {
    throw new TraceError('usage', `--by ${options.by}: a table of strace -c names no ${options.by}; use --by call`)
  }
  if (options.by === 'device' && analysis.devices.length === 0) {
    throw new TraceError('usage', '--by device: no block trace among the sources; add one (blktrace, btrace, ftrace)')
  }
  const rows =
    only === 'calls'
      ? callTableRows(analysis.summaries)
      : only === 'requests'
        ? blockTableRows(analysis.blockTables)
        : tally.dimension === 'device'
          ? analysis.devices.map((device) => deviceRow(device))
          : [...ended.rows, ...tally.groups.map((group) => rowOf(group)), ...strangers(analysis, tally)]
  const charged = only || tally.dimension === 'device' ? rows : charge(rows, analysis, tally)
  const worth = charged.filter(isWorthARow)
  worth.sort(bySort(sort))
  const shown = top > 0 ? worth.slice(0, top) : worth
  const total = only ? tableTotal(rows) : numbersOf(tally.total)
  return {
    schema: 'flushtrace/rank/1',
    ...documentHead(analysis),
    by: only === 'calls' ? 'call' : tally.dimension,
    sort,
    total: {
      ...total,
      block: only ? total.block : analysis.devices.length > 0 ? blockPart(analysis.devices) : null,
      files: tally.flushedFiles.size,
      processes: tally.flushingProcesses,
      rows: worth.length + (ended.folded?.rows ?? 0),
    },
    patterns: patternsOf(tally),
    rows: shown,
    rest: addRest(ended.folded, restOf(worth.slice(shown.length))),
  }
}

/**
 * Rows of processes that have ended: their figures are final, so of many only the ones that can still be shown are kept,
 * and the rest is added up. A trace of any length with any number of processes is ranked in the same memory.
 */
class EndedRows {
  rows: RankRow[] = []
  folded: RankAnswer['rest'] = null
  readonly #sort: RankSort
  readonly #top: number

  constructor(sort: RankSort, top: number) {
    this.#sort = sort
    this.#top = top
  }

  add(row: RankRow): void {
    if (!isWorthARow(row)) return
    this.rows.push(row)
    if (this.rows.length < 2 * this.#top + KEPT) return
    this.rows.sort(bySort(this.#sort))
    this.folded = addRest(this.folded, restOf(this.rows.splice(this.#top)))
  }
}

/** Ended rows beyond twice --top that are kept before they are sorted and added up. */
const KEPT = 512

function bySort(sort: RankSort): (a: RankRow, b: RankRow) => number {
  return (a, b) => descending(sortKey(a, sort), sortKey(b, sort)) || descending(weight(a), weight(b))
}

function addRest(a: RankAnswer['rest'], b: RankAnswer['rest']): RankAnswer['rest'] {
  if (!a || !b) return a ?? b
  const byCall = { ...a.flushes.byCall }
  for (const [call, n] of Object.entries(b.flushes.byCall)) byCall[call] = (byCall[call] ?? 0) + n
  return {
    rows: a.rows + b.rows,
    flushes: { total: a.flushes.total + b.flushes.total, byCall },
    flushNs: a.flushNs && b.flushNs ? { total: a.flushNs.total + b.flushNs.total } : (a.flushNs ?? b.flushNs),
    written: { calls: a.written.calls + b.written.calls, bytes: a.written.bytes + b.written.bytes },
  }
}

/** Tables alone answer less: of calls (strace -c), of requests (btrace -s). */
function tablesOnly({ straces, sysdigs, blocks, summaries, blockTables }: Analysis): 'calls' | 'requests' | null {
  if (straces.length + sysdigs.length + blocks.length > 0) return null
  if (summaries.length > 0) return 'calls'
  return blockTables.length > 0 ? 'requests' : null
}

/** A process that only read, or mapped nothing writable, is no part of the answer. A device always is. */
function isWorthARow({ device, flushes, failed, hints, written, mapped, block: part }: RankRow): boolean {
  return (
    device !== undefined ||
    flushes.total + failed.total + hints.syncFileRange + hints.msyncAsync > 0 ||
    written.calls + written.unknown.calls > 0 ||
    mapped.files > 0 ||
    (part !== null && part.writes + (part.flushes ?? 0) > 0)
  )
}

// The block side ----------------------------------------------------------------------------------------------------

/** Tasks that queued requests, by the process or thread they are charged to. */
function submitters({ devices }: Analysis): Map<number, BlockSummary[]> {
  const byTask = new Map<number, BlockSummary[]>()
  for (const device of devices) {
    for (const task of device.tasks) {
      // What another counted device passed on is counted there.
      if (task.tid === null || isPassedOn(device, task)) continue
      byTask.set(task.tid, [...(byTask.get(task.tid) ?? []), task])
    }
  }
  return byTask
}

/** Below another counted device, the tasks of this one are the ones of that: their requests are there already. */
function isPassedOn(device: DeviceSummary, task: BlockSummary): boolean {
  return (
    device.passedOn.writes + device.passedOn.flushes > 0 && task.writes + task.flushes > 0 && device.above.length > 0
  )
}

/** Gives each row its block part. */
function charge(rows: readonly RankRow[], analysis: Analysis, tally: Tally): RankRow[] {
  if (analysis.devices.length === 0 || tally.dimension === 'file' || tally.dimension === 'call') return [...rows]
  const byTask = submitters(analysis)
  const byProcess = new Map<number | null, BlockSummary[]>()
  for (const [tid, summaries] of byTask) {
    const pid = tally.processOf.get(tid)?.pid ?? tid
    byProcess.set(pid, [...(byProcess.get(pid) ?? []), ...summaries])
  }
  return rows.map((row) => {
    if (!row.process) return row
    const own =
      row.tid === undefined ? byProcess.get(row.process.pid) : row.tid === null ? undefined : byTask.get(row.tid)
    return { ...row, block: blockPart(own ?? []) }
  })
}

/** Tasks that queued requests and made no call of interest: kernel threads, and what was not traced. */
function strangers(analysis: Analysis, tally: Tally): RankRow[] {
  if (tally.dimension !== 'process' && tally.dimension !== 'thread') return []
  const rows: RankRow[] = []
  for (const [tid, [{ comm }]] of submitters(analysis)) {
    if (tally.processOf.has(tid)) continue
    const process = { pid: tid, name: comm, command: null, threads: 1, parent: null }
    rows.push({ process, ...(tally.dimension === 'thread' ? { tid } : {}), ...nothing(), files: 0, topFiles: [] })
  }
  return rows
}

function deviceRow(device: DeviceSummary): RankRow {
  const { firstNs, lastNs } = device
  // From its own first to its last request: system calls of the same capture may cover another time.
  const ns = firstNs !== null && lastNs !== null ? lastNs - firstNs : 0
  const perSecond = (n: number): number | null => (ns > 0 ? (n * 1e9) / ns : null)
  return {
    device: device.device,
    ...nothing(),
    block: blockPart([{ ...device, passedOn: undefined }]),
    io: {
      basis: device.basis,
      reads: device.reads,
      readBytes: device.readBytes,
      writesPerSecond: perSecond(device.writes),
      bytesPerSecond: perSecond(device.bytes),
      flushesPerSecond: perSecond(device.flushes),
      meanWriteBytes: device.writes > 0 ? device.bytes / device.writes : null,
      discards: device.discards,
      discardBytes: device.discardBytes,
      writeZeroes: device.writeZeroes,
      deviceFlushes: device.deviceFlushes,
      sequentialShare: device.sequentialShare,
      depth: device.depth,
      busyShare: ns > 0 ? Math.min(1, device.busyNs / ns) : null,
      q2c: device.q2c,
      d2c: device.d2c,
      deviceFlushD2c: device.deviceFlushD2c,
      errors: device.errors,
      passedOn: blockPart([device.passedOn]),
      above: device.above,
      unfinished: device.unfinished,
      tasks: device.tasks.map((task) => ({ tid: task.tid, comm: task.comm, ...blockPart([task]) })),
    },
  }
}

/** From tables of btrace -s: what each process queued. */
function blockTableRows(tables: readonly BlockTable[]): RankRow[] {
  return tables.map(({ name, pid, writes }) => ({
    process: { pid, name, command: null, threads: 1, parent: null },
    ...nothing(),
    block: { writes: writes.queued.count ?? 0, bytes: writes.queued.bytes ?? 0, flushes: null, fua: null },
    files: 0,
    topFiles: [],
  }))
}

/** A row without any call. */
function nothing() {
  return numbersOf(new Group({ kind: 'call', call: '' }))
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
    case 'container':
      return { container: subject.container, ...common, files: flushedFiles(group), topFiles: files }
    case 'file': {
      const { name, scope } = subject
      const onlySyncfs = group.flushTotal > 0 && group.flushes.get('syncfs') === group.flushTotal
      return {
        file: fileOf(name),
        scope: name ? (onlySyncfs ? 'filesystem' : 'file') : scope,
        laterPath: name && laterPathOf(name),
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
    block: null as Block | null,
    confidence: group.confidence,
  }
}

function processOf(process: TracedProcess): NonNullable<RankRow['process']> {
  return {
    pid: process.pid,
    name: process.name,
    command: process.argv ? process.argv.join(' ') + (process.argvCut ? ' …' : '') : null,
    threads: process.threads,
    parent: process.parent?.pid ?? null,
  }
}

function fileOf(name: FileName | null): NonNullable<RankRow['file']> {
  if (!name) return { path: null, inode: null, device: null, kind: null, deleted: false }
  const kind: FileKind | null = kindOf(name.file)
  return { path: name.path, inode: name.file.inode, device: name.file.device, kind, deleted: name.deleted }
}

/** Where a renamed file ended up; null for one that still has the name, if only as one of several. */
function laterPathOf({ path, file: { lastPath, nodes } }: FileName): string | null {
  if (lastPath === path) return null
  for (const node of nodes) if (node.path === path) return null
  return lastPath
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
      return Math.max(row.written.bytes ?? 0, row.block?.bytes ?? 0)
    case 'writes':
      return Math.max(row.written.calls, row.block?.writes ?? 0)
    case 'failed':
      return row.failed.total
    case 'mapped':
      return row.mapped.bytesUpperBound
  }
}

/** Among equals: who asked the device for more flushes, then for more bytes. */
function weight({ flushes, block: part, written }: RankRow): number {
  return flushes.total + (part?.flushes ?? 0) + (part?.bytes ?? 0) / 1e15 + (written.bytes ?? 0) / 1e18
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
function callTableRows(summaries: readonly SummaryRow[]): RankRow[] {
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
    block: tableBlock(rows),
    confidence: 'exact' as const,
  }
}

function tableBlock(rows: readonly RankRow[]): Block | null {
  if (rows.every(({ block: part }) => part === null)) return null
  const writes = sum(rows, ({ block: part }) => part?.writes)
  return { writes, bytes: sum(rows, ({ block: part }) => part?.bytes), flushes: null, fua: null }
}
