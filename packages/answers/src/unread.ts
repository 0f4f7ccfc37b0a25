/** Where no record of any trace can be read, an answer would say that nothing happened: it is refused. */
import { TraceError } from '@flushtrace/trace'
import type { Analysis } from './analysis.ts'

/** What readers count of a source; the ones that are missing are not told apart there. */
interface Read {
  readonly used: number
  readonly counted?: number
  readonly signals?: number
  readonly exits?: number
  readonly foreign: number
  readonly damaged: number
}

/** Throws TraceError where lines or records were there and none of them was read. For inspect, that is its answer. */
export function refuseUnread({ straces, sysdigs, blocks, tables, capture }: Analysis): void {
  if (tables.accounts.size > 0) return
  const traces = [...straces, ...sysdigs, ...blocks.map((block) => ({ ...block, index: block.indexes[0] }))]
  const unread = traces.map(({ index, reading: { facts } }) => ({ index, facts: facts as Read }))
  if (unread.some(({ facts }) => hasRead(facts))) return
  const first = unread.find(({ facts }) => facts.foreign + facts.damaged > 0)
  if (!first) return
  const { source, kind } = capture.sources[first.index]
  const { foreign, damaged } = first.facts
  const how =
    kind === 'tracefs'
      ? '; trace_options raw, hex, bin, fields, verbose and nocontext-info print it in forms that are not read: record without them'
      : ''
  throw new TraceError(
    'source/nothing-read',
    `${source.path}: ${kind}, but none of its records could be read (${foreign} are of something else, ${damaged} damaged); flushtrace inspect shows more${how}`,
    { path: source.path },
  )
}

function hasRead({ used, counted = 0, signals = 0, exits = 0 }: Read): boolean {
  return used + counted + signals + exits > 0
}
