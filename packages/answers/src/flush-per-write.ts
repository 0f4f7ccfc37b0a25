/**
 * Pattern: writethrough. Every write, or step of two, is flushed before the next one to the same file, so that all of them
 * wait for the device: O_SYNC, O_DSYNC, or a flush call after each. Where nothing needs to be durable before the end, one
 * flush after all writes is as safe.
 *
 * 1. The writes of a group of up to STEP waited; those of a larger one did not, all but the last.
 * 2. A row of groups of one file goes on as long as most of the writes in it waited. So a file that was filled first and
 *    is written through afterwards shows, and one that is filled between a few small steps does not.
 * 3. Rows of MANY steps or more count: to put one flush in their place saves nine tenths of the flushes.
 */
import type { FileName, TracedFile } from '@flushtrace/correlate'
import { MANY, STEP, type FlushGroup } from './flush-groups.ts'
import { FlushCost } from './flush-cost.ts'
import { Occurrences } from './occurrences.ts'

/** Of one file. */
interface Row {
  /** Writes that waited less those that did not: above 0 as long as it goes on. */
  majority: number
  steps: number
  /** Of a row that is too short yet to be counted. */
  writes: number
  bytes: number
  tookNs: number
}

export class FlushPerWrite {
  readonly seen = new Occurrences()
  rows = 0
  writes = 0
  bytes = 0
  readonly byCall = new Map<string, number>()
  /** Of all groups of the trace. */
  readonly #cost = new FlushCost()
  /** Ends with the file. */
  readonly #rows = new WeakMap<TracedFile, Row>()
  #large = 0
  #largeNs = 0

  add(group: FlushGroup): void {
    const { name, writes, bytes, tookNs } = group
    this.#cost.add(bytes, tookNs)
    if (writes >= MANY) {
      this.#large++
      this.#largeNs += tookNs
    }
    const row = this.#rows.get(name.file)
    if (writes <= STEP) this.#step(row ?? this.#begin(name), group)
    else if (row && (row.majority -= writes) <= 0) this.#rows.delete(name.file)
  }

  /** Mean of the flushes after MANY writes or more; null where none was seen, or one has no duration. */
  get largeNs(): number | null {
    const mean = this.#largeNs / this.#large
    return Number.isNaN(mean) ? null : mean
  }

  /** What one flush in the place of each row would take; null: the flushes of this trace do not tell. */
  get onceNs(): number | null {
    const onceNs = this.#cost.of(this.rows, this.bytes)
    return onceNs !== null && onceNs < this.seen.tookNs ? onceNs : null
  }

  #begin({ file }: FileName): Row {
    const row = { majority: 0, steps: 0, writes: 0, bytes: 0, tookNs: 0 }
    this.#rows.set(file, row)
    return row
  }

  #step(row: Row, { name, call, process, writes, bytes, tookNs }: FlushGroup): void {
    row.majority += writes
    row.steps++
    row.writes += writes
    row.bytes += bytes
    row.tookNs += tookNs
    if (row.steps < MANY) return
    // The one that makes it a row brings the ones before it along, as if made by the same call.
    const told = row.steps === MANY ? MANY : 1
    if (row.steps === MANY) this.rows++
    this.seen.add(name, process, row.tookNs, told)
    this.writes += row.writes
    this.bytes += row.bytes
    this.byCall.set(call, (this.byCall.get(call) ?? 0) + told)
    row.writes = row.bytes = row.tookNs = 0
  }
}
