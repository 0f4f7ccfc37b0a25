/** Tables that stand alone: of `strace -c` (calls), of `btrace -s` and `blkparse -s` (requests by process). */
import type { SummaryTable } from '@flushtrace/blktrace'
import type { SummaryRow } from '@flushtrace/strace'
import { readLines, type DiagnosticKind, type Diagnostics, type Source } from '@flushtrace/trace'
import type { Capture } from './sources.ts'

/** Requests that one process queued, by its table. */
export type BlockTable = SummaryTable

/** How the lines of a table add up: total = used + notes (blank ones) + foreign + damaged (too long). */
interface TableAccount {
  total: number
  used: number
  notes: number
  foreign: number
  damaged: number
}

export interface SavedTables {
  /** The rows of all tables of calls, added up by call. */
  readonly calls: readonly SummaryRow[]
  /** The tables by process. Their totals stand in them again and are left out. */
  readonly requests: readonly BlockTable[]
  /** By path of the source. */
  readonly accounts: ReadonlyMap<string, TableAccount>
}

const COUNTS_ONLY: DiagnosticKind = {
  code: 'strace/counts-only',
  severity: 'loss',
  message:
    'A table of strace -c counts calls: it names no process and no file, does not tell which writes were synchronous, and counts msync with MS_ASYNC among the flushes.',
  fix: 'record with -C, which keeps the calls themselves as well',
}

/** All tables of a capture, with the counts of their lines. */
export async function readTables(capture: Capture, diagnostics: Diagnostics): Promise<SavedTables> {
  const calls: SummaryRow[] = []
  const requests: BlockTable[] = []
  const accounts = new Map<string, TableAccount>()
  for (const { source, kind } of capture.sources) {
    if (kind === 'strace-summary') accounts.set(source.path, await addCalls(source, calls, diagnostics))
    if (kind !== 'btrace-summary') continue
    const { readBtraceSummary } = await import('@flushtrace/blktrace')
    const { tables, facts } = await readBtraceSummary(source, diagnostics)
    requests.push(...tables.filter((table) => table.kind === 'process'))
    const { records: total, used, notes, foreign, damaged } = facts
    accounts.set(source.path, { total, used, notes, foreign, damaged })
  }
  const first = calls.length > 0 ? capture.sources.find(({ kind }) => kind === 'strace-summary') : undefined
  if (first) diagnostics.add(COUNTS_ONLY, { source: first.source.path })
  return { calls: calls.filter(({ call }) => call !== 'total'), requests, accounts }
}

async function addCalls(source: Source, calls: SummaryRow[], diagnostics: Diagnostics): Promise<TableAccount> {
  const account = { total: 0, used: 0, notes: 0, foreign: 0, damaged: 0 }
  const count = (part: Exclude<keyof TableAccount, 'total'>): void => {
    account.total++
    account[part]++
  }
  const { SummaryTable } = await import('@flushtrace/strace')
  const table = new SummaryTable()
  for await (const line of readLines(source, diagnostics, () => count('damaged'))) {
    count(table.line(line, calls) ? 'used' : line.trim() === '' ? 'notes' : 'foreign')
  }
  return account
}
