/** What one source held, for `inspect`. */
import type { Clock } from '@flushtrace/trace'
import type { SummaryRow } from './summary.ts'

/** JSON-safe. lines = used + counted + signals + exits + notes + foreign + damaged. */
export interface StraceFacts {
  lines: number
  /** Calls that ended, by name. */
  calls: Record<string, number>
  /** Of these, the ones that returned an error or were interrupted. */
  errors: Record<string, number>
  /** Lines that became rows, or parts of rows. */
  used: number
  /** Lines of calls that change nothing that is followed: counted by name only. */
  counted: number
  signals: number
  exits: number
  /** Tasks that exited where the log shows no call that ends any; null: it does. */
  silentExits: number | null
  notes: number
  foreign: number
  damaged: number
  clock: Clock
  /** The recording options that show in the text. */
  options: string[]
  /** First and last time stamp, ns since the source's time 0; null without times. */
  firstNs: number | null
  lastNs: number | null
  /** The table that -C prints after the log. */
  summary: SummaryRow[]
  /** Whether the lines hold the calls that the table counts; null without a table. */
  summaryAgrees: boolean | null
}

/** Of a source of which nothing has been read yet. */
export function emptyFacts(): StraceFacts {
  return {
    lines: 0,
    calls: {},
    errors: {},
    used: 0,
    counted: 0,
    signals: 0,
    exits: 0,
    silentExits: 0,
    notes: 0,
    foreign: 0,
    damaged: 0,
    clock: 'none',
    options: [],
    firstNs: null,
    lastNs: null,
    summary: [],
    summaryAgrees: null,
  }
}

/** Where the table and the lines differ, in words. */
export function summaryDifferences({ summary, calls }: StraceFacts): string[] {
  return summary
    .filter(({ call, calls: told }) => call !== 'total' && (calls[call] ?? 0) !== told)
    .map(({ call, calls: told }) => `${call} ${calls[call] ?? 0} in the lines, ${told} in the table`)
}

/** Whether the table counts failed calls that have no lines (-z), or none but the failed ones have lines (-Z). */
export function hidesByStatus({ summary, calls }: StraceFacts): boolean {
  const rows = summary.filter(({ call }) => call !== 'total')
  if (Object.keys(calls).length === 0 || rows.every(({ errors }) => errors === 0)) return false
  return (
    rows.every((row) => (calls[row.call] ?? 0) === row.calls - row.errors) ||
    rows.every((row) => (calls[row.call] ?? 0) === row.errors)
  )
}

/** Any program has calls that succeed: so many that did not, and no other, are what -Z leaves. */
const ONLY_FAILED = 8

/** The number of calls, where there are several and every one failed; else 0. */
export function allFailed({ calls, errors }: StraceFacts): number {
  let all = 0
  for (const [call, ended] of Object.entries(calls)) {
    if (errors[call] !== ended) return 0
    all += ended
  }
  return all >= ONLY_FAILED ? all : 0
}
