/** What the three readers of this package return. */
import type { CallBatch } from '@flushtrace/trace'
import type { SysdigFacts } from './facts.ts'
import type { ListedProcess } from './process-lists.ts'

export interface SysdigReading {
  /** To be consumed once, one batch at a time. */
  readonly batches: AsyncIterable<CallBatch>
  /** Filled while the batches are read; whole after the last one. */
  readonly facts: SysdigFacts
  /**
   * What the source lists of tasks that were there before its first event, by task id: names, command lines, open
   * files. Filled before the first batch that needs it is handed over; hand it to whoever applies the rows as it is.
   */
  readonly processes: ReadonlyMap<number, ListedProcess>
  /** Task id → container id, as last told. */
  readonly containers: ReadonlyMap<number, string>
}
