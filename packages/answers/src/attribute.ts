/** Reads a capture and says of each block write whose it is: what `locate` and `explain` are made of. */
import { Actors, Attribution, BlockLog, CallLog, FileBook, InodeLog, type Contradiction } from '@flushtrace/correlate'
import { deviceText, nsBetween, type BlockBatch, type DiagnosticKind, type Instant } from '@flushtrace/trace'
import type { Analysis, AnalyzeOptions, OnActivity } from './analysis.ts'
import { analyze } from './analyze.ts'
import { countsFromBoot } from './block-timeline.ts'
import { layoutInTime, takenAt } from './map-age.ts'
import type { BlockSource } from './readings.ts'
import { refuseUnread } from './unread.ts'

export interface Attributed {
  readonly analysis: Analysis
  readonly attribution: Attribution
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly actors: Actors
  readonly book: FileBook
  /** ns since the start of the answer, by block trace; null: its times cannot be placed beside the calls. */
  readonly placed: readonly (Shift | null)[]
  /** How far the clocks of calls and requests may be apart. */
  readonly slackNs: number
}

/** How far a wall-clock note may be from the clock of the calls: both are read on the same machine, one after the other. */
const NOTE_SLACK_NS = 50_000

/** Who else is told what passes; `trace` and `sources` are those that the BlockLog gets. */
export interface Watch {
  readonly onActivity?: OnActivity
  readonly onBlockBatch?: (batch: BlockBatch, trace: number, sources: readonly number[]) => void
}

/** Filters do not apply: whose a block is, is told by calls of others, too. */
export async function attribute(
  paths: readonly string[],
  options: AnalyzeOptions,
  watch: Watch = {},
): Promise<Attributed> {
  const reading = {
    ...options,
    since: undefined,
    until: undefined,
    process: undefined,
    file: undefined,
    device: undefined,
  }
  const actors = new Actors()
  const book = new FileBook()
  const calls = new CallLog(book, actors)
  const blocks = new BlockLog()
  const inodes = new InodeLog()
  const traces: BlockSource[] = []
  const clocks: Pick<BlockBatch, 'clock' | 'origin'>[] = []
  const onActivity: OnActivity = (activity, atNs, context) => {
    calls.add(activity, atNs)
    watch.onActivity?.(activity, atNs, context)
  }
  const read = await analyze(paths, reading, onActivity, {
    detail: true,
    onBlockBatch: (batch, _, source) => {
      let trace = traces.indexOf(source)
      if (trace < 0) trace = traces.push(source) - 1
      clocks[trace] ??= { clock: batch.clock, origin: batch.origin }
      blocks.add(batch, trace, source.indexes)
      watch.onBlockBatch?.(batch, trace, source.indexes)
      if (batch.inodes) inodes.add(batch.inodes, trace, source.indexes[0])
    },
  })
  refuseUnread(read)
  const analysis = { ...read, layout: layoutInTime(read) }
  const slackNs = slackOf(analysis)
  const shifts = traces.map((source) => shiftOf(analysis, source))
  const callsTimed = !areCoarse(calls) && shifts.some(({ beside }) => beside !== null)
  const placed = shifts.map(({ beside }) => (callsTimed ? beside : null))
  const onClock = callsTimed ? placed : shifts.map(({ beside, apart }) => beside ?? apart)
  const bootNs = (monotonic: Instant): number | null => {
    const k = traces.findIndex((source, trace) => onClock[trace] && countsFromBoot(source, clocks[trace], read.layout))
    return onClock[k]?.(nsBetween(clocks[k].origin as Instant, monotonic)) ?? null
  }
  const attribution = new Attribution({
    calls,
    blocks,
    inodes,
    actors,
    book,
    layout: analysis.layout,
    placed: onClock,
    takenAt: takenAt(analysis, bootNs),
    callsTimed,
    slackNs,
    doubtNs: doubtOf(analysis),
    look: () => analysis.capture.memory.look(paths.join(', '), null),
  })
  attribution.run()
  for (const contradiction of attribution.contradictions) reportContradiction(contradiction, analysis)
  for (const view of attribution.lateMaps) analysis.diagnostics.add(LATE_MAP, null, nameOf(view, analysis))
  return { analysis, attribution, calls, blocks, inodes, actors, book, placed, slackNs }
}

const LATE_MAP: DiagnosticKind = {
  code: 'layout/late-map',
  severity: 'loss',
  message:
    'Files were written between the end of the trace and the map from afterwards ({}), and got blocks that others had: it names nothing alone.',
  fix: 'save maps during the recording, too, the last one at its end (flushtrace recipe does)',
}

const CONTRADICTED = {
  maps: {
    code: 'layout/contradicted-map',
    severity: 'error',
    message: 'Maps cannot be of what was traced ({}): they are not used.',
    fix: 'save maps on the machine of the trace, at its end',
  },
  mounts: {
    code: 'layout/contradicted-mount',
    severity: 'error',
    message: 'By the saved mounts, files lie elsewhere than their data were written ({}): the calls are believed.',
    fix: 'save /proc/self/mountinfo on the machine of the trace; containers have mounts of their own',
  },
} as const satisfies Record<Contradiction['of'], DiagnosticKind>

/** How what was seen speaks against maps; of so many pieces. */
const AGAINST: Readonly<Record<Contradiction['by'], string>> = {
  calls: 'calls wrote other files there in',
  threads: 'threads of another kind of file system wrote',
  journal: 'the journal was written elsewhere in',
  chunks: 'metadata were written where they have data in',
  inodes: 'events gave blocks to other inodes in',
}

function reportContradiction({ of, by, view, against, writes }: Contradiction, analysis: Analysis): void {
  analysis.diagnostics.add(
    CONTRADICTED[of],
    null,
    `${nameOf(view, analysis)}: ${of === 'maps' ? `${AGAINST[by]} ` : ''}${against} of ${writes} writes`,
  )
}

function nameOf({ devices: [device], type }: Contradiction['view'], { layout }: Analysis): string {
  return (device === undefined ? null : (layout.nameOf(device) ?? deviceText(device))) ?? type ?? '?'
}

/** What alignment by data leaves open; 0 where nothing had to be aligned by data. */
function doubtOf({ blocks }: Pick<Analysis, 'blocks'>): number {
  return Math.max(0, ...blocks.map(({ clock }) => clock.residualNs ?? 0))
}

/** More than a millisecond would give one call's requests to the next. */
export function slackOf(analysis: Pick<Analysis, 'blocks'>): number {
  return Math.min(MAX_SLACK_NS, Math.max(NOTE_SLACK_NS, doubtOf(analysis)))
}
const MAX_SLACK_NS = 1_000_000

/** Times in whole seconds (strace -t): which call was under way when a request was queued, they cannot tell. */
function areCoarse({ startNs, length }: CallLog): boolean {
  if (length < 2) return false
  const fraction = startNs.data[0] % 1e9
  return startNs.values.every((ns) => ns % 1e9 === fraction)
}

type Shift = (atNs: number) => number

/** What puts the times of a trace on the clock of the calls, and on one that block traces have for themselves; null: nothing. */
function shiftOf(analysis: Analysis, source: BlockSource): { beside: Shift | null; apart: Shift | null } {
  const by = (offsetNs: number | null | undefined): Shift | null =>
    offsetNs === null || offsetNs === undefined ? null : (atNs) => atNs + offsetNs
  const trace = analysis.blocks.find(({ reading }) => reading === source.reading)
  return { beside: by(trace?.offsetNs), apart: by(trace?.apart?.offsetNs) }
}
