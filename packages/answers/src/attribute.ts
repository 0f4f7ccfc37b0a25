/** Reads a capture and says of each block write whose it is: what `locate` and `explain` are made of. */
import { Actors, Attribution, BlockLog, CallLog, FileBook, InodeLog } from '@flushtrace/correlate'
import { analyze, type Analysis, type AnalyzeOptions } from './analyze.ts'
import type { BlockSource } from './sources.ts'

export interface Attributed {
  readonly analysis: Analysis
  readonly attribution: Attribution
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly actors: Actors
  readonly book: FileBook
  /** ns since the start of the answer, by block trace; null: its times cannot be placed beside the calls. */
  readonly placed: readonly (((atNs: number) => number) | null)[]
}

/** How far a wall-clock note may be from the clock of the calls: both are read on the same machine, one after the other. */
const NOTE_SLACK_NS = 50_000

/** Filters do not apply: whose a block is, is told by calls of others, too. */
export async function attribute(paths: readonly string[], options: AnalyzeOptions): Promise<Attributed> {
  const reading = { ...options, since: undefined, until: undefined, process: undefined, file: undefined }
  const actors = new Actors()
  const book = new FileBook()
  const calls = new CallLog(book, actors)
  const blocks = new BlockLog()
  const inodes = new InodeLog()
  const traces: BlockSource[] = []
  const analysis = await analyze(paths, reading, (activity, atNs) => calls.add(activity, atNs), {
    detail: true,
    onBlockBatch: (batch, _, source) => {
      let trace = traces.indexOf(source)
      if (trace < 0) trace = traces.push(source) - 1
      blocks.add(batch, trace, source.indexes)
      if (batch.inodes) inodes.add(batch.inodes, trace, source.indexes[0])
    },
  })
  const placed = traces.map((source) => placedBy(analysis, source))
  const attribution = new Attribution({
    calls,
    blocks,
    inodes,
    actors,
    book,
    layout: analysis.layout,
    placed,
    slackNs: NOTE_SLACK_NS,
  })
  attribution.run()
  return { analysis, attribution, calls, blocks, inodes, actors, book, placed }
}

function placedBy(analysis: Analysis, source: BlockSource): ((atNs: number) => number) | null {
  const offsetNs = analysis.blocks.find(({ reading }) => reading === source.reading)?.offsetNs ?? null
  return offsetNs === null ? null : (atNs) => atNs + offsetNs
}
