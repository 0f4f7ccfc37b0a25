/** What a block trace held, and the counts that it is made of. */
import { ACTION_LETTERS, deviceText, type Clock } from '@flushtrace/trace'
import type { SummaryTable } from './summary.ts'

/** What one source, or one set of per-CPU files, held: for `inspect`. JSON-safe. */
export interface BlockFacts {
  /** Records, or lines of text: used + notes + foreign + damaged. */
  records: number
  /** Of these, the ones that became rows, or would have if asked for. */
  used: number
  /** Names of tasks, messages, times of day, headers. */
  notes: number
  messages: number
  /** Lines of something else, records of kinds that are not known yet. */
  foreign: number
  damaged: number
  /** Bytes between records that belong to none. */
  skippedBytes: number
  /** Events that the trace itself shows to be missing, by numbering or by the recorder's word. */
  lost: number
  /** Events by blkparse's letter. */
  actions: Record<string, number>
  /** Events that name inodes, by tracepoint. */
  inodeEvents: Record<string, number>
  /** Events of other kinds in the same text (scheduler, system calls), by tracepoint: skipped. */
  otherEvents: Record<string, number>
  devices: string[]
  cpus: number
  clock: Clock
  /** The source's time 0 on the wall clock, RFC 3339; null where nothing tells. */
  wall: string | null
  /** What blkparse 1.3 prints at its end: local time of the recording, without a zone. */
  started: string | null
  /** What the recording or printing tool was told to do. */
  options: string[]
  /** First and last event, ns since the source's time 0; null without times. */
  firstNs: number | null
  lastNs: number | null
  /** Per-CPU and total counts printed at the end of blkparse's text. */
  summary: SummaryTable[]
}

/** Devices and CPUs of one source beyond these are not listed; only a damaged file has more. */
export const MAX_LISTED = 4096

/** Of a trace of which nothing has been read yet. */
export function emptyFacts(): BlockFacts {
  return {
    records: 0,
    used: 0,
    notes: 0,
    messages: 0,
    foreign: 0,
    damaged: 0,
    skippedBytes: 0,
    lost: 0,
    actions: {},
    inodeEvents: {},
    otherEvents: {},
    devices: [],
    cpus: 0,
    clock: 'none',
    wall: null,
    started: null,
    options: [],
    firstNs: null,
    lastNs: null,
    summary: [],
  }
}

/** What is counted for every row, cheap enough for that. */
export class Tally {
  readonly actions = new Float64Array(ACTION_LETTERS.length)
  readonly #devices = new Set<number>()
  readonly #cpus = new Set<number>()
  #device = -1
  #cpu = -2
  firstNs = Infinity
  lastNs = -Infinity

  row(action: number, device: number, cpu: number, atNs: number): void {
    this.event(action, device, cpu)
    this.span(atNs, atNs)
  }

  /** Without its time, of which `span` is told. */
  event(action: number, device: number, cpu: number): void {
    this.actions[action]++
    if (device !== this.#device) {
      this.#device = device
      if (this.#devices.size < MAX_LISTED) this.#devices.add(device)
    }
    if (cpu !== this.#cpu) {
      this.#cpu = cpu
      if (this.#cpus.size < MAX_LISTED) this.#cpus.add(cpu)
    }
  }

  /** Events were seen at these times. */
  span(firstNs: number, lastNs: number): void {
    if (firstNs < this.firstNs) this.firstNs = firstNs
    if (lastNs > this.lastNs) this.lastNs = lastNs
  }

  /** Writes the totals into `facts`. */
  into(facts: BlockFacts): void {
    for (const [action, count] of this.actions.entries()) if (count > 0) facts.actions[ACTION_LETTERS[action]] = count
    facts.devices = [...this.#devices]
      .sort((a, b) => a - b)
      .map(deviceText)
      .filter((text) => text !== null)
    facts.cpus = [...this.#cpus].filter((cpu) => cpu >= 0).length
    if (this.firstNs <= this.lastNs) {
      facts.firstNs = this.firstNs
      facts.lastNs = this.lastNs
    }
  }
}
