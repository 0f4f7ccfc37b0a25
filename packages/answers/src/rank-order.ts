/** Which rows come first, which are shown, and what the others add up to. */
import { descending, sum } from 'd3-array'
import type { Block, RankAnswer, RankRow } from './rank-schema.ts'

export const RANK_SORTS = ['flushes', 'flush-time', 'bytes', 'writes', 'failed', 'mapped'] as const

export type RankSort = (typeof RANK_SORTS)[number]

/**
 * Rows of processes that have ended: their figures are final, so of many only the ones that can still be shown are kept,
 * and the rest is added up. A trace of any length with any number of processes is ranked in the same memory.
 */
export class EndedRows {
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

/** The order of rows, for `sort`: largest first; of those with as many flushes, the ones that waited longer. */
export function bySort(sort: RankSort): (a: RankRow, b: RankRow) => number {
  return (a, b) =>
    descending(sortKey(a, sort), sortKey(b, sort)) ||
    (sort === 'flushes' ? descending(a.flushNs?.total ?? 0, b.flushNs?.total ?? 0) : 0) ||
    descending(weight(a), weight(b))
}

/** Two sums of rows as one. */
export function addRest(a: RankAnswer['rest'], b: RankAnswer['rest']): RankAnswer['rest'] {
  return a && b ? { rows: a.rows + b.rows, ...added([a, b]) } : (a ?? b)
}

/** A process that only read, or mapped nothing writable, is no part of the answer. A device always is. */
export function isWorthARow({ device, flushes, failed, hints, written, mapped, block: part }: RankRow): boolean {
  return (
    device !== undefined ||
    flushes.total + failed.total + hints.syncFileRange + hints.msyncAsync > 0 ||
    written.calls + written.unknown.calls > 0 ||
    mapped.files > 0 ||
    (part !== null && part.writes + (part.flushes ?? 0) > 0)
  )
}

/** What rows that are not shown add up to; null: there are none. */
export function restOf(rows: readonly RankRow[]): RankAnswer['rest'] {
  return rows.length > 0 ? { rows: rows.length, ...added(rows) } : null
}

type Rest = NonNullable<RankAnswer['rest']>

function added(parts: readonly (RankRow | Rest)[]): Omit<Rest, 'rows'> {
  const timed = parts.filter(({ flushNs }) => flushNs)
  return {
    flushes: {
      total: sum(parts, ({ flushes }) => flushes.total),
      byCall: sumsOf(parts, ({ flushes }) => flushes.byCall),
    },
    hints: {
      syncFileRange: sum(parts, ({ hints }) => hints.syncFileRange),
      msyncAsync: sum(parts, ({ hints }) => hints.msyncAsync),
    },
    failed: { total: sum(parts, ({ failed }) => failed.total), byErrno: sumsOf(parts, ({ failed }) => failed.byErrno) },
    flushNs: timed.length > 0 ? { total: sum(timed, ({ flushNs }) => flushNs?.total) } : null,
    written: {
      calls: sum(parts, ({ written }) => written.calls),
      bytes: sum(parts, ({ written }) => written.bytes ?? 0),
    },
    block: blocksOf(parts.flatMap(({ block }) => block ?? [])),
  }
}

function blocksOf(blocks: readonly Block[]): Block | null {
  if (blocks.length === 0) return null
  const told = blocks.every(({ flushes }) => flushes !== null)
  return {
    writes: sum(blocks, ({ writes }) => writes),
    bytes: sum(blocks, ({ bytes }) => bytes),
    flushes: told ? sum(blocks, ({ flushes }) => flushes) : null,
    fua: told ? sum(blocks, ({ fua }) => fua) : null,
  }
}

function sumsOf<T>(parts: readonly T[], of: (part: T) => Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const part of parts) for (const [name, n] of Object.entries(of(part))) sums[name] = (sums[name] ?? 0) + n
  return sums
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
