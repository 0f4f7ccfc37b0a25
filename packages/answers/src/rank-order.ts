/** Which rows come first, which are shown, and what the others add up to. */
import { descending, sum } from 'd3-array'
import type { RankAnswer, RankRow } from './rank-schema.ts'

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

/** The order of rows, for `sort`: largest first. */
export function bySort(sort: RankSort): (a: RankRow, b: RankRow) => number {
  return (a, b) => descending(sortKey(a, sort), sortKey(b, sort)) || descending(weight(a), weight(b))
}

/** Two sums of rows as one. */
export function addRest(a: RankAnswer['rest'], b: RankAnswer['rest']): RankAnswer['rest'] {
  if (!a || !b) return a ?? b
  return {
    rows: a.rows + b.rows,
    flushes: { total: a.flushes.total + b.flushes.total, byCall: byCallOf([a, b]) },
    flushNs: a.flushNs && b.flushNs ? { total: a.flushNs.total + b.flushNs.total } : (a.flushNs ?? b.flushNs),
    written: { calls: a.written.calls + b.written.calls, bytes: a.written.bytes + b.written.bytes },
  }
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
  if (rows.length === 0) return null
  const timed = rows.filter((row) => row.flushNs)
  return {
    rows: rows.length,
    flushes: { total: sum(rows, (row) => row.flushes.total), byCall: byCallOf(rows) },
    flushNs: timed.length > 0 ? { total: sum(timed, (row) => row.flushNs?.total) } : null,
    written: { calls: sum(rows, (row) => row.written.calls), bytes: sum(rows, (row) => row.written.bytes) },
  }
}

function byCallOf(parts: readonly Pick<RankRow, 'flushes'>[]): Record<string, number> {
  const byCall: Record<string, number> = {}
  for (const { flushes } of parts) {
    for (const [call, n] of Object.entries(flushes.byCall)) byCall[call] = (byCall[call] ?? 0) + n
  }
  return byCall
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
