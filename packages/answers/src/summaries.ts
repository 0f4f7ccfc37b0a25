/** Tables that stand alone: of `strace -c` (calls), of `btrace -s` and `blkparse -s` (requests by process). */
import { readBtraceSummary, type SummaryTable } from '@flushtrace/blktrace'
import { SummaryTable as CallTable, type SummaryRow } from '@flushtrace/strace'
import { readLines, type Diagnostics } from '@flushtrace/trace'
import type { Capture } from './sources.ts'

/** The rows of all tables, added up by call. */
export async function readSummaries(capture: Capture, diagnostics: Diagnostics): Promise<SummaryRow[]> {
  const rows: SummaryRow[] = []
  for (const { source, kind } of capture.sources) {
    if (kind !== 'strace-summary') continue
    const table = new CallTable()
    for await (const line of readLines(source, diagnostics)) table.line(line, rows)
  }
  return rows.filter(({ call }) => call !== 'total')
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
