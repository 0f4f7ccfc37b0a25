/** `strace -c` tables that stand alone: counts without processes, files or times. */
import { isSummaryHead, parseSummaryRow, type SummaryRow } from '@flushtrace/strace'
import { readLines } from '@flushtrace/trace'
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
