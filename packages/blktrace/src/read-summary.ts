/** The tables of `btrace -s`, `blkparse -s -O`: counts by process, a source of their own where no events are. */
import { LineFeed, decodeUtf8, type Diagnostics, type LineSink, type Source } from '@flushtrace/trace'
import { BLKTRACE, MAX_LINE, SHOWN } from './diagnostics.ts'
import { SummaryReader, type SummaryTable } from './summary.ts'

export interface SummaryReading {
  readonly tables: SummaryTable[]
  /** records = used + notes (blank lines) + foreign + damaged (too long). */
  readonly facts: {
    records: number
    used: number
    notes: number
    foreign: number
    damaged: number
    started: string | null
  }
}

/** Reads all tables of the source. Only the queued counts name a process rightly: see summary.ts. */
export async function readBtraceSummary(source: Source, diagnostics: Diagnostics): Promise<SummaryReading> {
  const reader = new SummaryReader()
  const facts = { records: 0, used: 0, notes: 0, foreign: 0, damaged: 0, started: null as string | null }
  const sink: LineSink = {
    full: false,
    line(buf, start, end) {
      facts.records++
      const text = decodeUtf8(buf, start, end)
      if (text === '') facts.notes++
      else if (reader.line(text)) facts.used++
      else {
        facts.foreign++
        diagnostics.add(BLKTRACE.foreignLines, { source: source.path, record: facts.records }, text.slice(0, SHOWN))
      }
    },
    longLine() {
      facts.records++
      facts.damaged++
      diagnostics.add(BLKTRACE.longLine, { source: source.path, record: facts.records })
    },
  }
  const feed = new LineFeed(sink, MAX_LINE)
  for await (const chunk of source.chunks()) feed.consume(chunk, 0)
  feed.end()
  facts.started = reader.started
  return { tables: reader.tables, facts }
}
