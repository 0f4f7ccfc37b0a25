/** A source of strace text → batches of calls. */
import { CallBatch, Threads, unpackedBytes, type Diagnostics, type Source } from '@flushtrace/trace'
import { emptyFacts, type StraceFacts } from './facts.ts'
import { StraceParser } from './parser.ts'

export interface StraceReading {
  /** To be consumed once, one batch at a time. */
  readonly batches: AsyncIterable<CallBatch>
  /** Filled while the batches are read; whole after the last one. */
  readonly facts: StraceFacts
}

/**
 * Reads strace text recorded with any option of docs/formats/strace.md. `tid` is given for a file of a -ff set, whose
 * lines have no pid column. Damaged lines are rows of `diagnostics`; only a source that can't be read throws.
 */
export function readStrace(
  source: Source,
  diagnostics: Diagnostics,
  tid = 0,
  threads: Threads = new Threads(),
): StraceReading {
  const facts = emptyFacts()
  async function* batches(): AsyncGenerator<CallBatch> {
    const thread = threads.take(source)
    if (thread < 0) return yield* parsed(source, tid, facts, diagnostics)
    try {
      const { parsedBeside } = await import('./thread.ts') // with Node's threads, which small logs do without
      yield* parsedBeside(thread, source, tid, facts, diagnostics)
    } finally {
      threads.giveBack(thread, source)
    }
  }
  return { batches: batches(), facts }
}

/** Of a set of a thousand files each has a batch, all at once; in one that is too small rows are handed over more often. */
const FEWEST_ROWS = 32
const BYTES_OF_A_ROW = 64

/** By this thread. */
async function* parsed(
  source: Source,
  tid: number,
  facts: StraceFacts,
  diagnostics: Diagnostics,
): AsyncGenerator<CallBatch> {
  const parser = new StraceParser(source.path, diagnostics, { tid, facts, rows: rowsFor(source) })
  for await (const chunk of source.chunks()) {
    for (let pos = 0; pos < chunk.length;) {
      pos = parser.consume(chunk, pos)
      if (pos < chunk.length) {
        yield parser.batch
        parser.recycle()
      }
    }
  }
  parser.end()
  if (parser.batch.length > 0) yield parser.batch
}

function rowsFor({ bytes, compression }: Source): number {
  if (bytes === null) return CallBatch.ROWS
  const rows = Math.ceil(unpackedBytes(bytes, compression) / BYTES_OF_A_ROW)
  return Math.min(CallBatch.ROWS, Math.max(FEWEST_ROWS, rows))
}
