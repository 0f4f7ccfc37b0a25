/** What is in these files, what could be read, what could not be seen? */
import { z } from 'zod'
import { analyze, type Analysis, type AnalyzeOptions } from './analyze.ts'
import { documentHead, headShape } from './document.ts'

const clock = z.enum(['wall', 'monotonic', 'timeOfDay', 'relative', 'none'])
export const inspectSchema = z.object({
  schema: z.literal('flushtrace/inspect/1'),
  ...headShape,
  clocks: z.array(
    z.object({
      source: z.string(),
      clock,
      aligned: z.enum(['wall', 'note', 'given', 'data', 'none']),
      offsetNs: z.number().nullable(),
      residualNs: z.number().nullable(),
      matched: z.int().nullable(),
    }),
  ),
  rows: z.array(
    z.object({
      path: z.string(),
      kind: z.string(),
      bytes: z.number().nullable(),
      compression: z.enum(['gzip', 'zstd']).nullable(),
      options: z.array(z.string()),
      clock,
      spanNs: z.number().nullable(),
      /** How the lines of this source add up: total = used + counted + signals + exits + notes + foreign + damaged. */
      lines: z
        .object({
          total: z.int(),
          used: z.int(),
          counted: z.int(),
          signals: z.int(),
          exits: z.int(),
          notes: z.int(),
          foreign: z.int(),
          damaged: z.int(),
        })
        .nullable(),
      /** Calls that ended, by name, most frequent first. */
      calls: z.record(z.string(), z.int()),
      /** Whether the table of -C at the log's end counts the same calls; null without such a table. */
      summaryAgrees: z.boolean().nullable(),
    }),
  ),
  processes: z.int(),
  tasks: z.int(),
})
export type InspectAnswer = z.infer<typeof inspectSchema>

export async function inspect(paths: readonly string[], options: AnalyzeOptions = {}): Promise<InspectAnswer> {
  const analysis = await analyze(paths, options, () => {})
  return {
    schema: 'flushtrace/inspect/1',
    ...documentHead(analysis),
    clocks: analysis.straces.map(({ source, index, reading }) => ({
      source: source.path,
      clock: reading.facts.clock,
      aligned: reading.facts.clock === 'wall' ? 'wall' : 'none',
      offsetNs: reading.facts.clock === 'wall' ? (analysis.offsets.get(index) ?? 0) : null,
      residualNs: null,
      matched: null,
    })),
    rows: analysis.capture.sources.flatMap(({ kind }, index) => (kind === 'proc' ? [] : [rowOf(analysis, index)])),
    processes: analysis.seen.processes,
    tasks: analysis.seen.tasks,
  }
}

function rowOf(analysis: Analysis, index: number): InspectAnswer['rows'][number] {
  const { source, kind } = analysis.capture.sources[index]
  const { path, bytes, compression } = source
  const facts = analysis.straces.find((strace) => strace.index === index)?.reading.facts
  if (!facts) {
    return {
      path,
      kind,
      bytes,
      compression,
      options: kind === 'strace-summary' ? ['-c'] : [],
      clock: 'none',
      spanNs: null,
      lines: null,
      calls:
        kind === 'strace-summary' ? Object.fromEntries(analysis.summaries.map((row) => [row.call, row.calls])) : {},
      summaryAgrees: null,
    }
  }
  const { used, counted, signals, exits, notes, foreign, damaged } = facts
  const calls = Object.entries(facts.calls).sort((a, b) => b[1] - a[1])
  return {
    path,
    kind,
    bytes,
    compression,
    options: facts.options,
    clock: facts.clock,
    spanNs: facts.firstNs === null || facts.lastNs === null ? null : Math.round(facts.lastNs - facts.firstNs),
    lines: { total: facts.lines, used, counted, signals, exits, notes, foreign, damaged },
    calls: Object.fromEntries(calls),
    summaryAgrees: facts.summaryAgrees,
  }
}
