/**
 * Writes to one file and the flush that made them durable: what the patterns of writing and flushing are made of.
 *
 * 1. A group holds the write calls to a file, by whomever, since the last flush of that file that found any. A flush
 *    without a write in between changes nothing: what it was for is not seen.
 * 2. It ends with fsync, fdatasync, their aio forms or a synchronous write. Not with msync (stores are not seen), sync,
 *    syncfs, a flush whose file is not sure, or a synchronous write of io_submit: several of these are under way at
 *    once and do not wait for each other.
 */
import type { Activity, FileName, TracedFile, TracedProcess } from '@flushtrace/correlate'

export interface FlushGroup {
  readonly name: FileName
  readonly call: string
  readonly process: TracedProcess
  readonly writes: number
  readonly bytes: number
  /** Of the flush; NaN: the trace has no durations. */
  readonly tookNs: number
}

/** What is so many writes that no one would call their flush "one for each". A file is made, or saved, with fewer flushes. */
export const MANY = 10
/** Writes that one step may take: the data, and what points to it. */
export const STEP = 2

const ENDS: ReadonlySet<string> = new Set(['fsync', 'fdatasync', 'aioFsync', 'aioFdsync', 'syncWrite'])

interface Written {
  writes: number
  bytes: number
  /** Since the trace began. */
  all: number
}

export class FlushGroups {
  /** Ends with the file. */
  readonly #written = new WeakMap<TracedFile, Written>()

  /** The group that this activity ends; null: none. */
  add({ kind, call, via, targets, bytes, tookNs, task }: Activity): FlushGroup | null {
    if (targets.length !== 1 || targets[0].confidence === 'ambiguous') return null
    const { name } = targets[0]
    if (kind === 'write') this.#write(name.file, bytes)
    if (kind !== 'flush' || !ENDS.has(call) || (call === 'syncWrite' && via === 'io_submit')) return null
    const written = this.#written.get(name.file)
    if (!written || written.writes === 0) return null
    const group = { name, call, process: task.process, writes: written.writes, bytes: written.bytes, tookNs }
    written.writes = written.bytes = 0
    return group
  }

  /** All writes to a file so far, flushed or not. */
  writesTo(file: TracedFile): number {
    return this.#written.get(file)?.all ?? 0
  }

  #write(file: TracedFile, bytes: number): void {
    const written = this.#written.get(file)
    if (!written) this.#written.set(file, { writes: 1, bytes, all: 1 })
    else {
      written.writes++
      written.bytes += bytes
      written.all++
    }
  }
}
