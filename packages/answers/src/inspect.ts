/** What is in these files, what could be read, what could not be seen? */
import { stackOf, type DiskImage } from '@flushtrace/layout'
import { NO_DEVICE, deviceText, parseDevice } from '@flushtrace/trace'
import { max, sum } from 'd3-array'
import type { Analysis, AnalyzeOptions } from './analysis.ts'
import { analyze } from './analyze.ts'
import { alignedBy } from './clocks.ts'
import { layoutInTime } from './map-age.ts'
import { WantedDevice } from './device-filter.ts'
import { documentHead } from './document.ts'
import { DisorderMeter, MAX_HELD } from './event-order.ts'
import type { InspectAnswer } from './inspect-schema.ts'
import { seenLayers } from './seen-layers.ts'

/** What is in these sources, what was read of it, and what could not be seen. Throws TraceError where nothing can be used. */
export async function inspect(paths: readonly string[], options: AnalyzeOptions = {}): Promise<InspectAnswer> {
  const disorder = new Map<unknown, DisorderMeter>()
  // What events have in common where they are read side by side: one order of calls by tracer, one of each block trace.
  const meter = (reading: unknown): DisorderMeter => {
    let one = disorder.get(reading)
    if (!one) disorder.set(reading, (one = new DisorderMeter()))
    return one
  }
  const analysis = await analyze(
    paths,
    { ...options, device: undefined, mapsAlone: true },
    ({ source }, atNs, { sourceKinds }) => meter(sourceKinds[source]).add(atNs),
    {
      requestsOnly: true,
      onBlockBatch: ({ length, atNs }, _, source) => {
        const one = meter(source)
        for (let i = 0; i < length; i++) one.add(atNs[i])
      },
    },
  )
  const { straces, sysdigs, blocks } = analysis
  const layout = layoutInTime(analysis)
  const seen = seenLayers(blocks)
  const device = options.device === undefined ? null : new WantedDevice(options.device, layout, '--device', seen)
  // Before the head, which tells what was left out of it.
  const stack = stackOf(layout, seen, analysis.diagnostics)
  return {
    schema: 'flushtrace/inspect/1',
    ...documentHead(analysis),
    clocks: [
      ...[...straces, ...sysdigs].map((calls) => ({ ...calls, apart: null })),
      ...blocks.map((block) => ({ ...block, index: block.indexes[0] })),
    ].map(({ index, apart, reading: { facts } }) => ({
      source: analysis.capture.sources[index].source.path,
      clock: facts.clock,
      ...(analysis.clocks.get(index) ?? alignedBy('none', null)),
      apart,
    })),
    order: {
      held: MAX_HELD,
      events: max(disorder.values(), ({ events }) => events) ?? 0,
      behindNs: Math.round(max(disorder.values(), ({ behindNs }) => behindNs) ?? 0),
      late: sum(disorder.values(), ({ late }) => late),
    },
    rows: analysis.capture.sources
      .flatMap(({ kind }, index) => (kind === 'proc' ? [] : [rowOf(analysis, index)]))
      .filter((row) => !device || isOf(device, row)),
    stack: stack.filter((row) => !device || device.carries(parseDevice(row.device) ?? NO_DEVICE)),
    images: layout.images
      .filter((image) => !device || (image.device !== null && device.carries(image.device)))
      .map(imageOf),
    processes: analysis.seen.processes,
    tasks: analysis.seen.tasks,
  }
}

/** A block trace that shows other devices only is of no use for this one; of other sources the rows do not tell. */
function isOf(wanted: WantedDevice, { devices }: InspectAnswer['rows'][number]): boolean {
  const numbers = devices.map((device) => parseDevice(device) ?? NO_DEVICE)
  return numbers.length === 0 || numbers.some((number) => wanted.includes(number) || wanted.isPartOf(number))
}

/** Of a figure that anyone reads. */
const MAX_PIECES = 1024

function imageOf({ device, pieces, ...image }: DiskImage): InspectAnswer['images'][number] {
  return {
    ...image,
    device: device === null ? null : deviceText(device),
    mappedBytes: sum(pieces, ({ bytes }) => bytes),
    pieceCount: pieces.length,
    pieces: pieces.slice(0, MAX_PIECES),
  }
}

function rowOf(analysis: Analysis, index: number): InspectAnswer['rows'][number] {
  const { source, kind, skipped } = analysis.capture.sources[index]
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
    ...(skipped === undefined ? {} : { skipped }),
    facts: null,
    devices: [],
    lost: null,
    calls:
      kind === 'strace-summary'
        ? Object.fromEntries(analysis.tables.calls.map(({ call, calls }) => [call, calls]))
        : {},
    summaryAgrees: null,
  }
  const table = analysis.tables.accounts.get(path)
  if (table) return { ...row, lines: { ...NO_LINES, ...table } }
  const side = analysis.layout.sources.find((other) => other.path === path)
  if (side) {
    const { tool, when, lines, used, notes, damaged } = side
    const account = { ...NO_LINES, total: lines, used, notes, damaged }
    return { ...row, options: [tool], lines: account, facts: { when, lines, used, damaged } }
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
    const { used, counted, damaged } = sysdig
    const foreign = sysdig.foreign + sysdig.unknownEvents
    // Text counts in lines; of a capture, damaged blocks hold no events.
    const total = kind === 'scap' ? sysdig.events + damaged - sysdig.unread : sysdig.records
    row.lines = { ...NO_LINES, total, used, counted, foreign, damaged }
    row.lost = sysdig.dropped
    return withTimes(row, sysdig, sysdig.calls)
  }
  const block = analysis.blocks.find(({ sources }) => sources[0].path === path)?.reading.facts
  if (block) {
    row.facts = pick(block, ...BLOCK_FACTS)
    row.lines = { ...NO_LINES, total: block.records, ...pick(block, 'used', 'notes', 'foreign', 'damaged') }
    row.devices = block.devices
    row.lost = block.lost
    return withTimes(row, block, block.actions)
  }
  return row
}

const NO_LINES = { total: 0, used: 0, counted: 0, signals: 0, exits: 0, notes: 0, foreign: 0, damaged: 0 }

const SYSDIG_FACTS = [
  'version',
  'sections',
  'records',
  'events',
  'used',
  'counted',
  'stateOnly',
  'foreign',
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
