/**
 * Runs of events of the usual shape (version 1, in this machine's byte order, at a multiple of 4): read as 32-bit words of
 * the window, in one loop. Reading through a DataView costs three times as much. Other records: cursor.ts.
 */
import { ACTION_LETTERS } from '@flushtrace/trace'
import type { ACTION, BlockBatch, DiagnosticKind, Diagnostics } from '@flushtrace/trace'
import type { TraceClock } from './clock.ts'
import { BLKTRACE } from './diagnostics.ts'
import type { BlockFacts, Tally } from './facts.ts'
import type { TaskNames } from './names.ts'
import { readPayload } from './payload.ts'
import type { Sequences } from './sequences.ts'
import type { Window } from './window.ts'
import * as wire from './wire.ts'

// The bundler writes numbers of the same file in place; imported ones are looked up each time, a sixth of all decoding.
const MAGIC = 0 satisfies typeof wire.WORD.magic
const SEQUENCE = 1 satisfies typeof wire.WORD.sequence
const TIME_LOW = 2 satisfies typeof wire.WORD.timeLow
const TIME_HIGH = 3 satisfies typeof wire.WORD.timeHigh
const SECTOR_LOW = 4 satisfies typeof wire.WORD.sectorLow
const SECTOR_HIGH = 5 satisfies typeof wire.WORD.sectorHigh
const BYTES = 6 satisfies typeof wire.WORD.bytes
const CODE = 7 satisfies typeof wire.WORD.action
const PID = 8 satisfies typeof wire.WORD.pid
const DEVICE = 9 satisfies typeof wire.WORD.device
const CPU = 10 satisfies typeof wire.WORD.cpu
const ERROR_AND_PAYLOAD = 11 satisfies typeof wire.WORD.errorAndPayload
const CODE_HIGH = 12 satisfies typeof wire.WORD.actionHigh
const MAGIC_V1 = 0x65617407 satisfies typeof wire.MAGIC_V1
const NOTIFY = 1024 satisfies typeof wire.CATEGORY_NOTIFY
const CGROUP_BIT = 0x100 satisfies typeof wire.CGROUP_BIT
const LAST_ACTION = 19 satisfies typeof wire.LAST_ACTION
const NO_SECTOR = 0x200000 satisfies typeof wire.NO_SECTOR
const TWO_32 = 4294967296 satisfies typeof wire.TWO_32
const UNPLUG = 10 satisfies typeof ACTION.unplug
const UNPLUG_TIMER = 11 satisfies typeof ACTION.unplugTimer
const SPLIT = 13 satisfies typeof ACTION.split
const REMAP = 15 satisfies typeof ACTION.remap

/** A step of more than a year between two records is damage, not time. */
export const YEAR_NS = 366 * 86_400e9

/** What all sources of one trace share. */
export interface Shared {
  readonly clock: TraceClock
  readonly names: TaskNames
  readonly sequences: Sequences
  readonly tally: Tally
  readonly facts: BlockFacts
  readonly diagnostics: Diagnostics
}

/** What is asked for. */
export interface Wanted {
  /** By action: 0 for those that are counted and become no row. */
  readonly actions: Uint8Array
  /**
   * Whether rows are in their final order, and so can have the names of their tasks. Else names become rows of their
   * own, to be applied later.
   */
  readonly inOrder: boolean
}

export class EventRuns {
  readonly #source: number
  readonly #path: string
  readonly #shared: Shared
  readonly #wanted: Wanted
  readonly #window: Window
  /** Records of any kind so far. */
  records = 0
  lastNs = NaN
  /** The next record is taken whatever its time. */
  force = false
  /** Events, and those with the very time of the one before: many of them mean a coarser unit than ns. */
  timed = 0
  ties = 0
  /** Of the last event. */
  device = -1
  cpu = -1

  /** The record whose time has reached the limit. */
  nextNs = NaN
  nextDevice = 0
  nextSequence = 0

  constructor(source: number, path: string, window: Window, shared: Shared, wanted: Wanted) {
    this.#source = source
    this.#path = path
    this.#window = window
    this.#shared = shared
    this.#wanted = wanted
  }

  /**
   * Appends events, from the position up to one whose time has reached the limit (true) or to a record of another kind.
   * `view`: the window's words, or one header of `headerBytes` in the usual shape, for the one record at the position.
   */
  read(batch: BlockBatch, view: Uint32Array, headerBytes: number, limitNs: number): boolean {
    const { words, end, pos } = this.#window
    const { clock, names, sequences, tally } = this.#shared
    const { eventHigh, eventLow } = clock
    const { actions: wanted, inOrder } = this.#wanted
    const source = this.#source
    const {
      action: actions,
      flags,
      device: devices,
      sector: sectors,
      bytes: sizes,
      tid: tids,
      comm: comms,
      atNs: times,
      error: errors,
      cpu: cpus,
      sequence: sequenceColumn,
      record: recordColumn,
      source: sources,
      depth,
      capacity,
    } = batch
    const odd = view !== words
    const lastStart = odd ? pos : end - wire.HEADER_V1
    let force = this.force
    let firstNs = Infinity
    let latestNs = -Infinity
    let lastNs = this.lastNs
    let n = batch.length
    let p = pos
    let lastDevice = this.device
    let lastCpu = this.cpu
    let atLimit = false
    while (p <= lastStart && n < capacity) {
      const w = odd ? 0 : p >>> 2
      const code = view[w + CODE]
      const categories = code >>> 16
      const action = code & 0xffff & ~CGROUP_BIT
      if (view[w + MAGIC] !== MAGIC_V1 || categories & NOTIFY || action === 0 || action > LAST_ACTION) break
      const payloadBytes = view[w + ERROR_AND_PAYLOAD] >>> 16
      const next = p + headerBytes + payloadBytes
      if (payloadBytes > 0 && !odd && (next + 4 > end || (next & 3) !== 0 || words[next >>> 2] !== MAGIC_V1)) break
      const atNs = (view[w + TIME_HIGH] - eventHigh) * TWO_32 + (view[w + TIME_LOW] - eventLow)
      if (atNs >= limitNs && !force) {
        this.stopAt(atNs, view, w)
        atLimit = true
        break
      }
      if (atNs - lastNs > YEAR_NS || lastNs - atNs > YEAR_NS) break
      this.records++
      if (atNs < lastNs) this.#backwards(p)
      else if (atNs === lastNs) this.ties++
      lastNs = atNs
      // Not told one by one: numbers passed on are made on the heap.
      if (atNs < firstNs) firstNs = atNs
      if (atNs > latestNs) latestNs = atNs
      this.timed++
      force = false

      const device = view[w + DEVICE]
      const cpu = view[w + CPU]
      const sequence = view[w + SEQUENCE]
      lastDevice = device
      lastCpu = cpu
      const missing = sequences.missing(device, cpu, sequence)
      if (missing > 0) this.#lost(missing, device, cpu, p)
      tally.event(action, device, cpu)
      if (wanted[action] === 0) {
        p = next
        continue
      }
      const tid = view[w + PID] | 0
      const size = view[w + BYTES]
      const sectorHigh = view[w + SECTOR_HIGH]

      actions[n] = action
      flags[n] = wire.flagsOf(odd ? categories | (view[CODE_HIGH] << 16) : categories, size)
      devices[n] = device
      sectors[n] = sectorHigh < NO_SECTOR ? sectorHigh * TWO_32 + view[w + SECTOR_LOW] : -1
      sizes[n] = size
      tids[n] = tid
      comms[n] = inOrder ? names.get(tid) : -1
      times[n] = atNs
      errors[n] = (view[w + ERROR_AND_PAYLOAD] << 16) >> 16
      cpus[n] = cpu
      sequenceColumn[n] = sequence
      recordColumn[n] = this.records
      sources[n] = source
      if (payloadBytes > 0 || action === REMAP || action === SPLIT) {
        const payload = code & CGROUP_BIT ? p + headerBytes + wire.CGROUP_BYTES : p + headerBytes
        if (!readPayload(batch, n, this.#window.bytes, payload, next))
          this.report(BLKTRACE.badPayload, ACTION_LETTERS[action], p)
      } else if (action === UNPLUG || action === UNPLUG_TIMER) depth[n] = 0
      n++
      p = next
    }
    tally.span(firstNs, latestNs)
    this.device = lastDevice
    this.cpu = lastCpu
    this.force = force
    this.lastNs = lastNs
    this.#window.pos = p
    batch.length = n
    return atLimit
  }

  stopAt(atNs: number, view: Uint32Array, w: number): void {
    this.nextNs = atNs
    this.nextDevice = view[w + DEVICE]
    this.nextSequence = view[w + SEQUENCE]
  }

  #backwards(p: number): void {
    // A single stream holds the CPUs' buffers one after the other: put in order later, see reorder.ts.
    if (this.#wanted.inOrder) this.report(BLKTRACE.backwards, `record ${this.records}`, p)
  }

  #lost(missing: number, device: number, cpu: number, p: number): void {
    this.#shared.facts.lost += missing
    const detail = `${missing} on CPU ${cpu} of device ${device >>> 20}:${device & 0xfffff}`
    this.#shared.diagnostics.add(BLKTRACE.lost, this.#place(p), detail, missing)
  }

  report(kind: DiagnosticKind, detail: string, p: number): void {
    this.#shared.diagnostics.add(kind, this.#place(p), detail)
  }

  #place(p: number): { source: string; record: number; offset: number } {
    return { source: this.#path, record: this.records, offset: this.#window.offset + p }
  }
}
