/**
 * The table that strace -c prints instead of the log, -C after it:
 *
 *     % time     seconds  usecs/call     calls    errors syscall
 *     ------ ----------- ----------- --------- --------- ----------------
 *      83.52    0.000512          51        10           fdatasync
 *      66,75    0,003708           0      3922           read
 *     100.00    0.000613          40        15           total
 *
 * -U chooses the columns and their order (`syscall              calls % time shortest  longest`), 7.1 adds wall-clock
 * ones; so they are found by their heads. No errors is a blank, some locales print a decimal comma. A call that never
 * came back (exit_group, killed) and one that strace has no name for (`syscall_0x270f`) stand in no table.
 * Format: strace/strace src/count.c.
 */
export interface SummaryRow {
  call: string
  calls: number
  errors: number
  /** Time in the kernel, with -w on the clock; null where the column was not chosen. */
  seconds: number | null
}

/** A column: its head and where that ends. Numbers are aligned to the right, so theirs end there too. */
interface Column {
  readonly head: string
  readonly end: number
}
export type SummaryHead = readonly Column[]

const HEADS: ReadonlySet<string> = new Set(
  '% time|seconds|usecs/call|shortest|longest|calls|errors|syscall|wall-total|wall-min|wall-max|wall-avg'.split('|'),
)

/** The columns that a table's first line names; null when it is no such line. */
export function parseSummaryHead(line: string): SummaryHead | null {
  if (line.length > 200) return null
  const columns = [...line.matchAll(/% time|\S+/g)].map((match) => ({
    head: match[0],
    end: match.index + match[0].length,
  }))
  const known = columns.every(({ head }) => HEADS.has(head))
  return known && columns.length > 1 && has(columns, 'syscall') ? columns : null
}

/** The first line of a table that says how many calls there were. */
export function isSummaryHead(line: string): boolean {
  const head = parseSummaryHead(line)
  return head !== null && has(head, 'calls')
}

function has(head: SummaryHead, name: string): boolean {
  return head.some((column) => column.head === name)
}

/** The columns without -U. */
const DEFAULT = parseSummaryHead('% time     seconds  usecs/call     calls    errors syscall') ?? []

/** A row of the table; null for dashes and anything else. */
export function parseSummaryRow(line: string, head: SummaryHead = DEFAULT): SummaryRow | null {
  if (line.length > 400) return null
  const cells = new Map<string, string>()
  const words = [...line.matchAll(/\S+/g)]
  for (const [k, match] of words.entries()) {
    const column = words.length === head.length ? head[k] : columnOf(match[0], match.index + match[0].length, head)
    if (!column || cells.has(column.head)) return null
    cells.set(column.head, match[0])
  }
  const call = cells.get('syscall')
  const calls = parseCell(cells.get('calls'))
  if (!call || !/^[a-z_?][\w?#]*$/i.test(call) || calls === null) return null
  for (const [column, cell] of cells) if (column !== 'syscall' && parseCell(cell) === null) return null
  return { call, calls, errors: parseCell(cells.get('errors')) ?? 0, seconds: parseCell(cells.get('seconds')) }
}

/** The tables in a stream of lines. There may be several: one for each kind of program (64 bit, 32 bit, x32). */
export class SummaryTable {
  /** Inside a table: its columns. */
  #head: SummaryHead | null = null

  /** Whether the line belongs to a table; its row is added to `rows`. */
  line(text: string, rows: SummaryRow[]): boolean {
    const head = parseSummaryHead(text)
    if (head) {
      this.#head = head
      return true
    }
    if (!this.#head) return text.startsWith('System call usage summary for ')
    if (!has(this.#head, 'calls')) {
      // -U time,total-time: nothing to count, but still no words of the program's.
      if (/\btotal\s*$/.test(text)) this.#head = null
      return true
    }
    const row = parseSummaryRow(text, this.#head)
    if (row) addRow(rows, row)
    if (row?.call === 'total') this.#head = null
    return row !== null || /^[- ]+$/.test(text)
  }
}

function addRow(rows: SummaryRow[], row: SummaryRow): void {
  const same = rows.find(({ call }) => call === row.call)
  if (!same) {
    rows.push(row)
    return
  }
  same.calls += row.calls
  same.errors += row.errors
  same.seconds = same.seconds === null || row.seconds === null ? null : same.seconds + row.seconds
}

/** Where a cell is blank, a number is in the column that ends where it does; what is no number is the call's name. */
function columnOf(word: string, end: number, head: SummaryHead): Column | undefined {
  if (parseCell(word) === null) return head.find((column) => column.head === 'syscall')
  return head.find((column) => column.head !== 'syscall' && column.end === end)
}

function parseCell(cell: string | undefined): number | null {
  return cell && /^\d+(?:[.,]\d+)?$/.test(cell) ? Number(cell.replace(',', '.')) : null
}
