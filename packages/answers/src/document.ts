/** What every JSON answer begins with. */
import type { Diagnostic } from '@flushtrace/trace'
import type { Analysis } from './analysis.ts'
import type { SourceKind } from './sources.ts'

export interface SourceRow {
  path: string
  kind: SourceKind
  /** Size on disk; null for a stream. */
  bytes: number | null
  /** Lines of text, events of a capture, records of a binary trace. */
  records: number
  /** Those that the state and the answer are made of; the others are counted by name, or notes. */
  used: number
}

export interface DocumentHead {
  startedAt: string | null
  spanNs: number
  sources: SourceRow[]
  diagnostics: Diagnostic[]
}

/** One row for each source that was read or passed over; of saved /proc one for all of it. */
export function documentHead(analysis: Analysis): DocumentHead {
  return {
    startedAt: analysis.startedAt,
    spanNs: Math.round(analysis.spanNs),
    sources: analysis.capture.sources
      .filter(({ kind }) => kind !== 'proc')
      .map(({ source, kind }) => sourceRow(analysis, source.path, kind, source.bytes))
      .concat(savedState(analysis)),
    diagnostics: analysis.diagnostics.rows(),
  }
}

function sourceRow(analysis: Analysis, path: string, kind: SourceKind, bytes: number | null): SourceRow {
  const { straces, sysdigs, blocks, layout, tables } = analysis
  const calls = straces.find(({ source }) => source.path === path)?.reading.facts
  if (calls) return { path, kind, bytes, records: calls.lines, used: calls.used }
  const events = sysdigs.find(({ source }) => source.path === path)?.reading.facts
  if (events) return { path, kind, bytes, records: events.events, used: events.used }
  const side = layout.sources.find((other) => other.path === path)
  if (side) return { path, kind, bytes, records: side.lines, used: side.used }
  const table = tables.accounts.get(path)
  if (table) return { path, kind, bytes, records: table.total, used: table.used }
  // The files of one binary trace are read together: their records stand with the first.
  const trace = blocks.find(({ sources }) => sources.some((source) => source.path === path))
  const first = trace?.sources[0].path === path ? trace.reading.facts : null
  return { path, kind, bytes, records: first?.records ?? 0, used: first?.used ?? 0 }
}

/** Saved /proc state is many small files: one row for all of them. */
function savedState(analysis: Analysis): SourceRow[] {
  const files = analysis.capture.sources.filter(({ kind }) => kind === 'proc')
  if (files.length === 0) return []
  const bytes = files.reduce((sum, { source }) => sum + (source.bytes ?? 0), 0)
  const first = files[0].source.path
  const path = first.replace(/\/\d+\/[^/]+$/, '')
  return [{ path, kind: 'proc', bytes, records: files.length, used: files.length }]
}
