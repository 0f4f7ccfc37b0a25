/**
 * The table that strace -c prints instead of the log, -C after it:
 *
 *     % time     seconds  usecs/call     calls    errors syscall
 *     ------ ----------- ----------- --------- --------- ----------------
 *      83.52    0.000512          51        10           fdatasync
 *      66,75    0,003708           0      3922           read
 *     100.00    0.000613          40        15           total
 *
 * Columns follow -U and are found by their heads (7.1 adds `wall` ones); some locales print a decimal comma.
 * Format: strace/strace src/count.c.
 */
export interface SummaryRow {
  call: string
  calls: number
  errors: number
  seconds: number | null
}

export function isSummaryHead(line: string): boolean {
  return /^\s*%\s+(?:wall\s+)?time\b.*\bsyscall\s*$/.test(line)
}

/** A row of the table; null for dashes and anything else. */
export function parseSummaryRow(line: string): SummaryRow | null {
  const words = line.trim().split(/\s+/)
  const call = words.pop()
  if (!call || !/^[a-z_?][\w?#]*$/i.test(call)) return null
  const numbers = words.map((word) => (/^[\d.,]+$/.test(word) ? Number(word.replace(',', '.')) : NaN))
  // % time, seconds, usecs/call, calls, and errors where there were some.
  if (numbers.length < 4 || numbers.length > 5 || numbers.some(Number.isNaN)) return null
  return { call, calls: numbers[3], errors: numbers[4] ?? 0, seconds: numbers[1] }
}
