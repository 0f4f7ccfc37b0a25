/** What is in these files, what could be read, what could not be seen? */
import { z } from 'zod'
import { analyze, type Analysis, type AnalyzeOptions } from './analyze.ts'
import { alignedBy } from './clocks.ts'
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
      /** 0 to 1; null where nothing was looked for in the data. */
      confidence: z.number().nullable(),
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
      /** Of sysdig and block sources: what the records were; events or actions by name stand in `calls`. */
      facts: z.record(z.string(), z.unknown()).nullable(),
      devices: z.array(z.string()),
      /** Events that the trace itself shows to be missing. */
      lost: z.int().nullable(),
      /** Calls that ended, events or block actions, by name, most frequent first. */
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
  const { straces, sysdigs, blocks } = analysis
  return {
    schema: 'flushtrace/inspect/1',
    ...documentHead(analysis),
    clocks: [...straces, ...sysdigs, ...blocks.map((block) => ({ ...block, index: block.indexes[0] }))].map(
      ({ index, reading: { facts } }) => ({
        source: analysis.capture.sources[index].source.path,
        clock: facts.clock,
        ...(analysis.clocks.get(index) ?? alignedBy('none', null)),
      }),
    ),
    rows: analysis.capture.sources.flatMap(({ kind }, index) => (kind === 'proc' ? [] : [rowOf(analysis, index)])),
    processes: analysis.seen.processes,
    tasks: analysis.seen.tasks,
  }
}

function rowOf(analysis: Analysis, index: number): InspectAnswer['rows'][number] {
  const { source, kind } = analysis.capture.sources[index]
  const { path, bytes, compression } = source
  const row: InspectAnswer['rows'][number] = {
    path,
    kind,
    bytes,
    compression,
    options: kind === 'strace-summary' ? ['-c'] : [],
    clock: 'none',
    spanNs: null,
    lines: null,
    facts: null,
    devices: [],
    lost: null,
    calls:
      kind === 'strace-summary' ? Object.fromEntries(analysis.summaries.map(({ call, calls }) => [call, calls])) : {},
    summaryAgrees: null,
  }
  const strace = analysis.straces.find((other) => other.index === index)?.reading.facts
  if (strace) {
    row.lines = {
      total: strace.lines,
      ...pick(strace, 'used', 'counted', 'signals', 'exits', 'notes', 'foreign', 'damaged'),
    }
    row.summaryAgrees = strace.summaryAgrees
    return withTimes(row, strace, strace.calls)
  }
  const sysdig = analysis.sysdigs.find((other) => other.index === index)?.reading.facts
  if (sysdig) {
    row.facts = pick(sysdig, ...SYSDIG_FACTS)
    row.lost = sysdig.dropped
    return withTimes(row, sysdig, sysdig.calls)
  }
  const block = analysis.blocks.find(({ sources }) => sources[0].path === path)?.reading.facts
  if (block) {
    row.facts = pick(block, ...BLOCK_FACTS)
    row.devices = block.devices
    row.lost = block.lost
    return withTimes(row, block, block.actions)
  }
  return row
}

const SYSDIG_FACTS = [
  'version',
  'sections',
  'records',
  'events',
  'used',
  'counted',
  'stateOnly',
  'damaged',
  'unknown',
  'lostExits',
  'listed',
  'containers',
  'shows',
] as const
const BLOCK_FACTS = [
  'records',
  'used',
  'notes',
  'messages',
  'foreign',
  'damaged',
  'skippedBytes',
  'cpus',
  'wall',
  'inodeEvents',
  'otherEvents',
] as const

function pick<T, K extends keyof T>(from: T, ...keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>
}

interface Times {
  readonly clock: InspectAnswer['rows'][number]['clock']
  readonly options: string[]
  readonly firstNs: number | null
  readonly lastNs: number | null
}

function withTimes(row: InspectAnswer['rows'][number], facts: Times, calls: Record<string, number>) {
  const { clock: told, options, firstNs, lastNs } = facts
  return {
    ...row,
    options,
    clock: told,
    spanNs: firstNs === null || lastNs === null ? null : Math.round(lastNs - firstNs),
    calls: Object.fromEntries(Object.entries(calls).sort((a, b) => b[1] - a[1])),
  }
}
