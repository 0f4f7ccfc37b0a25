/** What a device, or one task on it, asked for: counts, sizes, latencies. */
import { DATALESS, OP } from '@flushtrace/trace'
import type { Spread } from './latencies.ts'

/** At which step requests were counted: where they were queued, or the first step that the trace has. */
export type Basis = 'queue' | 'issue' | 'complete'

/** JSON-safe. A request counts once: as a read, a write, a bare flush, or one of the operations without data. */
export interface BlockCounts {
  reads: number
  readBytes: number
  writes: number
  /** Of writes. */
  bytes: number
  /** Requests that carry a flush: bare ones, and writes with a flush before them. */
  flushes: number
  /** Of these, the bare ones: 0 bytes. Neither reads nor writes. */
  bareFlushes: number
  /** Writes with FUA. */
  fua: number
  discards: number
  discardBytes: number
  writeZeroes: number
  writeZeroesBytes: number
  zoneCommands: number
  passthrough: number
}

export interface TaskSummary extends BlockCounts {
  /** null: of tasks beyond those that are told apart. */
  tid: number | null
  comm: string | null
}

export interface DeviceSummary extends BlockCounts {
  device: string
  basis: Basis
  /** Of reads and writes, the ones that start where the one before ended; null without any. */
  sequentialShare: number | null
  /** Queue to completion, queue to issue: of each request asked for; issue to completion: of each sent. ns. */
  q2c: Spread | null
  q2d: Spread | null
  d2c: Spread | null
  /** Time of its first and last request, ns since the trace's time 0. */
  firstNs: number | null
  lastNs: number | null
  /** Cache flushes that the device was told to make (issue), and how long they took. */
  deviceFlushes: number
  deviceFlushD2c: Spread | null
  /** From a request with a flush being queued to its end: how long who asked had to wait for it. */
  flushQ2c: Spread | null
  /** By operation. */
  readD2c: Spread | null
  writeD2c: Spread | null
  discardD2c: Spread | null
  merges: number
  splits: number
  requeues: number
  /** Completions with an error, by errno. */
  errors: Record<string, number>
  /** Requests at the device: the most at once, and on average over the span; and the time with at least one. */
  depth: { max: number; mean: number } | null
  busyNs: number
  /** Requests that other devices of this trace passed on: already counted there. */
  passedOn: BlockCounts
  /** Those devices, and partitions or volumes that have no requests of their own. */
  above: string[]
  /** Requests without a completion in the trace. */
  unfinished: number
  /** By task, most bytes first; empty where queue events are missing: later steps run in other tasks. */
  tasks: TaskSummary[]
}

/** Nothing was asked for yet. */
export function noCounts(): BlockCounts {
  return {
    reads: 0,
    readBytes: 0,
    writes: 0,
    bytes: 0,
    flushes: 0,
    bareFlushes: 0,
    fua: 0,
    discards: 0,
    discardBytes: 0,
    writeZeroes: 0,
    writeZeroesBytes: 0,
    zoneCommands: 0,
    passthrough: 0,
  }
}

/** The contract's `block` part of a row: what was queued for the device, each request on one layer only. */
export interface BlockPart {
  writes: number
  bytes: number
  flushes: number
  fua: number
}

/** Adds up summaries of the layers of one trace, without what a device above has counted already. */
export function blockPart(summaries: readonly (BlockCounts & { passedOn?: BlockCounts })[]): BlockPart {
  const part: BlockPart = { writes: 0, bytes: 0, flushes: 0, fua: 0 }
  for (const { writes, bytes, flushes, fua, passedOn } of summaries) {
    part.writes += writes - (passedOn?.writes ?? 0)
    part.bytes += bytes - (passedOn?.bytes ?? 0)
    part.flushes += flushes - (passedOn?.flushes ?? 0)
    part.fua += fua - (passedOn?.fua ?? 0)
  }
  return part
}

/** One request more of these bytes, by its operation. */
export function count(counts: BlockCounts, flags: number, bytes: number): void {
  if (flags & OP.passthrough) {
    counts.passthrough++
    return
  }
  if (flags & DATALESS) {
    if (flags & (OP.discard | OP.secureErase)) {
      counts.discards++
      counts.discardBytes += bytes
    } else if (flags & OP.writeZeroes) {
      counts.writeZeroes++
      counts.writeZeroesBytes += bytes
    } else counts.zoneCommands++
    return
  }
  if (flags & OP.flush) counts.flushes++
  if (bytes === 0) {
    if (flags & OP.flush) counts.bareFlushes++
    return
  }
  if (flags & OP.fua) counts.fua++
  if (flags & OP.write) {
    counts.writes++
    counts.bytes += bytes
  } else if (flags & OP.read) {
    counts.reads++
    counts.readBytes += bytes
  }
}

/** All of them added up. */
export function sumOf(all: Iterable<BlockCounts>): BlockCounts {
  const sum = noCounts()
  for (const counts of all) for (const key of Object.keys(sum) as (keyof BlockCounts)[]) sum[key] += counts[key]
  return sum
}
