/**
 * Pattern: writeback. A file is written by many calls and flushed once after them: as durable in the end as one whose
 * every write is flushed.
 *
 * 1. A flush after MANY writes or more that are most of all writes to the file in this trace: no other flush is like it.
 * 2. What it would have been otherwise is told by the flushes of this trace that came after one step.
 */
import type { TracedFile } from '@flushtrace/correlate'
import { MANY, STEP, type FlushGroup, type FlushGroups } from './flush-groups.ts'
import { Occurrences } from './occurrences.ts'

export interface AtEnd {
  readonly seen: Occurrences
  readonly writes: number
  readonly bytes: number
}

export class FlushAtEnd {
  /** The largest group of each file that has one of MANY writes. */
  readonly #largest = new Map<TracedFile, FlushGroup>()
  #steps = 0
  #stepsNs = 0

  add(group: FlushGroup): void {
    const { name, writes, tookNs } = group
    if (writes <= STEP) {
      this.#steps++
      this.#stepsNs += tookNs
    }
    if (writes >= MANY && writes > (this.#largest.get(name.file)?.writes ?? 0)) this.#largest.set(name.file, group)
  }

  /** Mean of the flushes after one step; null where none was seen, or one has no duration. */
  get stepNs(): number | null {
    const mean = this.#stepsNs / this.#steps
    return Number.isNaN(mean) ? null : mean
  }

  found(groups: FlushGroups): AtEnd {
    const seen = new Occurrences()
    let [writes, bytes] = [0, 0]
    for (const group of this.#largest.values()) {
      if (group.writes * 2 <= groups.writesTo(group.name.file)) continue
      seen.add(group.name, group.process, group.tookNs)
      writes += group.writes
      bytes += group.bytes
    }
    return { seen, writes, bytes }
  }
}
