/** Reading and parsing told apart, for who asks where the time goes. */
import type { Source, Stages } from '@flushtrace/trace'

/** Its bytes, read and unpacked, are counted under `reading`. */
export function timedSource(source: Source, stages: Stages): Source {
  return { ...source, chunks: (room) => stages.watch('reading', source.chunks(room), ({ length }) => length) }
}

interface Read {
  readonly reading: { readonly batches: AsyncIterable<{ readonly length: number }> }
}

/** Their rows are counted under `parsing`; without `stages` nothing is. */
export function timedReadings<One extends Read>(stages: Stages | undefined, sources: One[]): One[] {
  if (!stages) return sources
  return sources.map((one) => {
    const batches = stages.watch('parsing', one.reading.batches, ({ length }) => length)
    return { ...one, reading: { ...one.reading, batches } }
  })
}
