/** Who flushes, how often, what does it cost? */
import { blockPart } from '@flushtrace/correlate'
import { TraceError } from '@flushtrace/trace'
import type { AnalyzeOptions, Analysis } from './analysis.ts'
import { analyze } from './analyze.ts'
import { measure, parseCondition } from './conditions.ts'
import { documentHead } from './document.ts'
import type { Group } from './group.ts'
import { charge, deviceRow, strangers } from './rank-block.ts'
import { Programs } from './programs.ts'
import { EndedRows, addRest, bySort, isWorthARow, restOf, type RankSort } from './rank-order.ts'
import { patternsOf } from './rank-patterns.ts'
import { numbersOf, rowOf } from './rank-rows.ts'
import type { RankAnswer, RankRow } from './rank-schema.ts'
import { blockTableRows, callTableRows, tableTotal } from './rank-tables.ts'
import { Tally, type Dimension } from './tally.ts'
import { blockSpanOf, reportLongerBlocks } from './unseen.ts'
import { refuseUnread } from './unread.ts'

export interface RankOptions extends AnalyzeOptions {
  /** Default: process; call where the sources hold nothing but `strace -c` tables. */
  readonly by?: Dimension
  readonly sort?: RankSort
  /** 0: all. */
  readonly top?: number
  /** Conditions, as `flushes-per-second > 20`. */
  readonly failIf?: readonly string[]
}

/** Throws TraceError where a condition is none, or the sources do not tell what is asked for. */
export async function rank(paths: readonly string[], options: RankOptions = {}): Promise<RankAnswer> {
  const conditions = options.failIf?.map(parseCondition)
  const { process = null, file = null, since = null, until = null, device = null } = options
  const everything = [process, file, since, device].every((one) => one === null)
  const tally = new Tally(options.by ?? 'process', everything)
  const sort = options.sort ?? 'flushes'
  const top = options.top ?? 20
  const ended = new EndedRows(sort, top)
  const programs = tally.dimension === 'process' ? new Programs() : null
  const toRow = (group: Group): RankRow => {
    const row = rowOf(group)
    programs?.add(row)
    return row
  }
  const folds = tally.dimension === 'process' && top > 0
  const analysis = await analyze(paths, options, (activity, _, context) => tally.add(activity, context), {
    detail: true,
    // Requests are charged to rows at the end: then all must still be there.
    onEnd: (process, { hasBlocks }) => {
      const group = folds && !hasBlocks ? tally.take(process) : undefined
      if (group) ended.add(toRow(group))
    },
  })
  refuseUnread(analysis)
  reportLongerBlocks(analysis)
  if (folds && analysis.devices.length === 0) for (const group of tally.takeAll()) ended.add(toRow(group))
  const only = tablesOnly(analysis)
  refuseUntold(options, analysis, only)
  const rows =
    only === 'calls'
      ? callTableRows(analysis.tables.calls)
      : only === 'requests'
        ? blockTableRows(analysis.tables.requests)
        : tally.dimension === 'device'
          ? analysis.devices.map((device) => deviceRow(device))
          : [...ended.rows, ...tally.groups.map(toRow), ...strangers(analysis, tally)]
  const charged = only || tally.dimension === 'device' ? rows : charge(rows, analysis, tally)
  const worth = charged.filter(isWorthARow)
  worth.sort(bySort(sort))
  const shown = top > 0 ? worth.slice(0, top) : worth
  const total = only ? tableTotal(rows) : numbersOf(tally.total)
  const answer: RankAnswer = {
    schema: 'flushtrace/rank/1',
    ...documentHead(analysis),
    by: only === 'calls' ? 'call' : tally.dimension,
    sort,
    filter: { process, file, device, since, until },
    total: {
      ...total,
      block: only ? total.block : analysis.devices.length > 0 ? blockPart(analysis.devices) : null,
      files: tally.flushedFiles.size,
      unnamedFlushes: tally.unnamedFlushes,
      processes: tally.flushingProcesses,
      mappingProcesses: tally.mappingProcesses,
      rows: worth.length + (ended.folded?.rows ?? 0),
    },
    ...(programs && { programs: programs.first(), programCount: programs.size }),
    patterns: patternsOf(tally),
    rows: shown,
    rest: addRest(ended.folded, restOf(worth.slice(shown.length))),
  }
  if (!conditions) return answer
  const whole = since === null && until === null
  const measured = { ...answer, blockNs: blockSpanOf(analysis.devices) }
  return { ...answer, conditions: conditions.map((each) => measure(each, measured, whole)) }
}

/** What the sources cannot tell is no answer of zeros. `only`: see tablesOnly. */
function refuseUntold({ by, device }: RankOptions, { devices, sysdigs }: Analysis, only: TablesOnly): void {
  if (only === 'calls' && by && by !== 'call') {
    throw new TraceError('usage', `--by ${by}: a table of strace -c names no ${by}; use --by call`)
  }
  if (only && device !== undefined) {
    throw new TraceError('usage', '--device: a table of strace -c or btrace -s does not tell devices; add a trace')
  }
  if (by === 'device' && devices.length === 0) {
    throw new TraceError('usage', '--by device: no block trace among the sources; add one (blktrace, btrace, ftrace)')
  }
  if (by === 'container' && sysdigs.length === 0) {
    throw new TraceError('usage', '--by container: only sysdig captures tell containers; add one')
  }
}

/** Of what there are tables and nothing else; null: there is a trace. */
type TablesOnly = 'calls' | 'requests' | null

/** Tables alone answer less: of calls (strace -c), of requests (btrace -s). */
function tablesOnly({ straces, sysdigs, blocks, tables }: Analysis): TablesOnly {
  if (straces.length + sysdigs.length + blocks.length > 0) return null
  if (tables.calls.length > 0) return 'calls'
  return tables.requests.length > 0 ? 'requests' : null
}
