/** Padded columns. Built for ten thousand rows: widths in one pass, no library. */
import { shorten, widthOf } from './text.ts'

export interface Column {
  readonly head: string
  readonly align: 'left' | 'right'
  /** The one column that gives way when the terminal is narrow. */
  readonly flexible?: boolean
}

export interface TableRow {
  readonly cells: readonly string[]
  /** Parts of a list below the row, in the flexible column: as many on a line as fit. */
  readonly below?: readonly string[]
}

const GAP = '  '
const SEPARATOR = ' · '
const LEAST = 12

/** Columns taken by all but the flexible one. */
export function fixedWidth(columns: readonly Column[], rows: readonly TableRow[]): number {
  return columns.reduce((sum, column, k) => (column.flexible ? sum : sum + widest(column, rows, k) + GAP.length), 1)
}

function widest(column: Column, rows: readonly TableRow[], k: number): number {
  let most = widthOf(column.head)
  for (const { cells, below } of rows) {
    most = Math.max(most, widthOf(cells[k]))
    if (column.flexible && below) most = Math.max(most, widthOf(below.join(SEPARATOR)))
  }
  return most
}

/** Lines of a table, its head first; `width`: of the terminal, in columns. */
export function table(columns: readonly Column[], rows: readonly TableRow[], width: number): string[] {
  const widths = columns.map((column, k) => widest(column, rows, k))
  const flexible = columns.findIndex((column) => column.flexible)
  if (flexible >= 0) widths[flexible] = Math.max(LEAST, Math.min(widths[flexible], width - fixedWidth(columns, rows)))
  narrow(widths, columns, width)
  const line = (cells: readonly string[]): string =>
    ` ${columns.map((column, k) => pad(shorten(cells[k], widths[k]), widths[k], column.align)).join(GAP)}`.trimEnd()
  const lines = [line(columns.map((column) => column.head))]
  for (const row of rows) {
    lines.push(line(row.cells))
    for (const text of pack(row.below ?? [], widths[flexible])) {
      lines.push(line(columns.map((_, k) => (k === flexible ? text : ''))))
    }
  }
  return lines
}

/** Where that does not suffice, other texts give way, the widest first; numbers are never cut. */
function narrow(widths: number[], columns: readonly Column[], width: number): void {
  let over = widths.reduce((sum, one) => sum + one + GAP.length, 1 - GAP.length) - width
  const texts = widths.map((_, k) => k).filter((k) => columns[k].align === 'left')
  for (; over > 0; over--) {
    const widest = texts.reduce((a, b) => (widths[b] > widths[a] ? b : a), texts[0])
    if (widest === undefined || widths[widest] <= LEAST) return
    widths[widest]--
  }
}

/** Joins parts into lines of at most `width`; one that is wider gets a line of its own. */
function pack(parts: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const joined = lines.length > 0 ? lines[lines.length - 1] + SEPARATOR + part : part
    if (lines.length > 0 && widthOf(joined) <= width) lines[lines.length - 1] = joined
    else lines.push(part)
  }
  return lines
}

function pad(text: string, width: number, align: Column['align']): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? blanks + text : text + blanks
}
