/** What a device, or one task on it, asked for: counts, sizes, latencies. */
import { Latencies, type Spread } from './latencies.ts'

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

export interface BlockSummary extends BlockCounts {
  device: string
  /** null for the device as a whole. */
  tid: number | null
  comm: string | null
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
}

export interface DeviceSummary extends BlockSummary {
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
  tasks: BlockSummary[]
}

function noCounts(): BlockCounts {
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

/** Adds up summaries of the layers of one trace. `top`: leave out what a device above has counted already. */
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

/** Counters of one device or task while the trace is read. */
export class BlockTally {
  readonly counts = noCounts()
  /** Of these, requests passed on by another counted device. */
  readonly passedOn = noCounts()
  readonly q2c = new Latencies()
  readonly q2d = new Latencies()
  readonly d2c = new Latencies()
  firstNs = NaN
  lastNs = NaN
  /** Reads and writes so far, and the ones that went on where the one before ended. */
  transfers = 0
  sequential = 0
  #end = -1

  seen(atNs: number): void {
    if (!(this.firstNs <= atNs)) this.firstNs = atNs
    if (!(this.lastNs >= atNs)) this.lastNs = atNs
  }

  /** A read or write of these sectors. */
  transfer(sector: number, sectors: number): void {
    this.transfers++
    if (sector === this.#end) this.sequential++
    this.#end = sector + sectors
  }

  summary(device: string, tid: number | null, comm: string | null, basis: Basis): BlockSummary {
    return {
      device,
      tid,
      comm,
      basis,
      ...this.counts,
      sequentialShare: this.transfers === 0 ? null : this.sequential / this.transfers,
      q2c: this.q2c.spread(),
      q2d: this.q2d.spread(),
      d2c: this.d2c.spread(),
      firstNs: Number.isNaN(this.firstNs) ? null : this.firstNs,
      lastNs: Number.isNaN(this.lastNs) ? null : this.lastNs,
    }
  }
}
