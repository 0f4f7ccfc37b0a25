/** What the three readers of this package return. */
import type { CallBatch, ListedTask } from '@flushtrace/trace'
import type { SysdigFacts } from './facts.ts'

export interface SysdigReading {
  /** To be consumed once, one batch at a time. */
  readonly batches: AsyncIterable<CallBatch>
  /** Filled while the batches are read; whole after the last one. */
  readonly facts: SysdigFacts
  /** Reads up to the first batch: from here on `processes` is whole. */
  readonly start: () => Promise<void>
  /**
   * What the source lists of tasks that were there before its first event, by task id: names, command lines, open
   * files. Text lists nothing.
   */
  readonly processes: ReadonlyMap<number, ListedTask>
  /** Task id → container id, as last told. */
  readonly containers: ReadonlyMap<number, string>
}

/** A reading of what `generator` yields. */
export function readingOf(
  generator: AsyncGenerator<CallBatch>,
  parts: Pick<SysdigReading, 'facts' | 'processes' | 'containers'>,
): SysdigReading {
  let first: Promise<IteratorResult<CallBatch>> | null = null
  const begin = (): Promise<IteratorResult<CallBatch>> => (first ??= generator.next())
  async function* batches(): AsyncGenerator<CallBatch> {
    try {
      const { done, value } = await begin()
      if (done) return
      yield value
      yield* generator
    } finally {
      await generator.return(undefined)
    }
  }
  const start = async (): Promise<void> => {
    await begin()
  }
  return { ...parts, batches: batches(), start }
}
