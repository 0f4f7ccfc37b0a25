/** Tables that stand alone: of `strace -c` (calls), of `btrace -s` and `blkparse -s` (requests by process). */
import { readBtraceSummary, type SummaryTable } from '@flushtrace/blktrace'
import { isSummaryHead, parseSummaryRow, type SummaryRow } from '@flushtrace/strace'
import { readLines, type Diagnostics } from '@flushtrace/trace'
import type { Capture } from './sources.ts'

/** The rows of all tables, added up by call. */
export async function readSummaries(capture: Capture): Promise<SummaryRow[]> {
  const rows = new Map<string, SummaryRow>()
  for (const { source, kind } of capture.sources) {
    if (kind !== 'strace-summary') continue
    let inTable = false
    for await (const line of readLines(source)) {
      if (isSummaryHead(line)) inTable = true
      const row = inTable ? parseSummaryRow(line) : null
      if (!row) continue
      if (row.call === 'total') inTable = false
      else rows.set(row.call, add(rows.get(row.call), row))
    }
  }
  return [...rows.values()]
}

function add(sum: SummaryRow | undefined, row: SummaryRow): SummaryRow {
  if (!sum) return row
  const seconds = sum.seconds === null || row.seconds === null ? null : sum.seconds + row.seconds
  return { call: row.call, calls: sum.calls + row.calls, errors: sum.errors + row.errors, seconds }
}

/** Requests that one process queued, by its table. */
export type BlockTable = SummaryTable

/** The tables by process. Their totals stand in them again and are left out. */
export async function readBlockTables(capture: Capture, diagnostics: Diagnostics): Promise<BlockTable[]> {
  const tables: BlockTable[] = []
  for (const { source, kind } of capture.sources) {
    if (kind !== 'btrace-summary') continue
    const reading = await readBtraceSummary(source, diagnostics)
    tables.push(...reading.tables.filter((table) => table.kind === 'process'))
  }
  return tables
}
