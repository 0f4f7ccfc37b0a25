/** The system calls of a capture: strace first, then what sysdig alone saw; each call is told once. */
import {
  CallAnchors,
  System,
  applyStreams,
  type Activity,
  type CallStream,
  type PlacedSource,
  type TracedProcess,
} from '@flushtrace/correlate'
import type { Clock, DiagnosticKind, Diagnostics, Instant } from '@flushtrace/trace'
import { groupsOf, haveTold, seenBetween, type CallSource, type Group, type Told } from './call-groups.ts'
import { alignedBy, alignedTo, callAnchors, watched, type Alignment } from './clocks.ts'
import type { Turns } from './turns.ts'
import { savedProcesses, type StraceSource, type SysdigSource } from './readings.ts'
import type { Capture } from './sources.ts'

export interface CallReaders {
  readonly straces: readonly StraceSource[]
  readonly sysdigs: readonly SysdigSource[]
  /** Other readings of `sysdigs`, for a look at what is to come. */
  readonly ahead: readonly SysdigSource[]
  /** By source: where its time 0 lies, as the user says. */
  readonly given: ReadonlyMap<number, number>
}

export interface CallListeners {
  /** Each activity, its time in ns since `origin`, and `origin`: the wall-clock time of ns 0, if any source tells. */
  readonly onActivity: (activity: Activity, atNs: number, origin: Instant | null) => void
  /** The last task of a process is gone. */
  readonly onEnd: (process: TracedProcess) => void
  /** Activities of a DetailKind are wanted, too. */
  readonly detail: boolean
}

/** What is true of all calls once they have been read. */
export interface CallsRead {
  readonly origin: Instant | null
  /** By source: where its time 0 lies in ns since `origin`. */
  readonly offsets: ReadonlyMap<number, number>
  /** By source: how it got there. */
  readonly clocks: ReadonlyMap<number, Alignment>
  /** What other sources can be aligned with. */
  readonly placed: readonly PlacedSource[]
  /** What each group of `groupsOf` saw. */
  readonly told: readonly Told[]
  readonly seen: { readonly processes: number; readonly tasks: number }
}

const COVERED: DiagnosticKind = {
  code: 'source/covered',
  severity: 'info',
  note: true,
  message: '{} saw the same tasks: their calls are counted once, as the first of them tells them.',
  fix: 'to see what another one tells, name it alone',
}
const SHARED: DiagnosticKind = {
  code: 'source/shared',
  severity: 'info',
  note: true,
  message: 'Of {}, each task is told by the first that saw it at the time: no call is counted twice.',
  fix: 'to see what one of them tells, name it alone',
}
const UNALIGNED: DiagnosticKind = {
  code: 'source/not-aligned',
  severity: 'info',
  message: 'Nothing tells when a sysdig capture was taken beside the strace log ({}): its times begin at 0.',
  fix: 'give its start with --clock, or record with strace -ttt and sysdig -w',
}
/** Best first. */
const AXES: readonly Clock[] = ['wall', 'timeOfDay', 'monotonic', 'relative']

/** `beside`: where gaps of sysdig are reported; not among the answer's where strace covers them. */
interface Reports {
  readonly diagnostics: Diagnostics
  readonly beside: Diagnostics
}

/** What an earlier reading found out: strace and sysdig are then read side by side. */
interface Earlier {
  readonly calls: CallsRead
  readonly turns: Turns
}

/** Reads all calls, and tells each to `listeners` once. */
export async function readCalls(
  capture: Capture,
  readers: CallReaders,
  listeners: CallListeners,
  reports: Reports,
  settled: Earlier | null = null,
): Promise<CallsRead> {
  const reading = new CallsReading(capture, readers, listeners, reports, settled)
  if (settled) await Promise.all([reading.straces(), reading.sysdigs()])
  else {
    await reading.straces()
    await reading.sysdigs()
  }
  reading.place(readers.sysdigs)
  const { origin, offsets, clocks, placed, told, seen } = reading
  return { origin, offsets, clocks, placed, told, seen }
}

class CallsReading implements CallsRead {
  origin: Instant | null
  readonly offsets = new Map<number, number>()
  readonly clocks = new Map<number, Alignment>()
  readonly placed: PlacedSource[] = []
  readonly told: Told[] = []
  readonly seen = { processes: 0, tasks: 0 }
  readonly #capture: Capture
  readonly #sourcePaths: readonly string[]
  readonly #readers: CallReaders
  readonly #listeners: CallListeners
  readonly #reports: Reports
  readonly #settled: Earlier | null
  readonly #groups: readonly Group[]
  /** By source: what others can be aligned with, once it has been read. */
  readonly #anchors = new Map<number, CallAnchors>()

  constructor(
    capture: Capture,
    readers: CallReaders,
    listeners: CallListeners,
    reports: Reports,
    settled: Earlier | null,
  ) {
    this.#capture = capture
    this.#sourcePaths = capture.sources.map(({ source }) => source.path)
    this.#readers = readers
    this.#listeners = listeners
    this.#reports = reports
    this.#settled = settled
    this.#groups = groupsOf(readers.straces, readers.sysdigs)
    this.origin = settled?.calls.origin ?? null
  }

  async straces(): Promise<void> {
    const { straces } = this.#readers
    if (straces.length > 0) await this.#run(0)
    this.place(straces)
  }

  async sysdigs(): Promise<void> {
    const { straces, sysdigs, ahead } = this.#readers
    if (sysdigs.length === 0) return
    if (straces.length > 0) {
      // Nothing is waited for where it is settled: all take their turn before the first one begins.
      this.#align(this.#settled?.calls.clocks ?? (await besideStrace(sysdigs, ahead, this.placed, this.origin)))
    }
    const runs = this.#groups.flatMap(({ infer }, k) => (infer ? [k] : []))
    if (this.#settled) await Promise.all(runs.map((k) => this.#run(k)))
    else for (const k of runs) await this.#run(k)
  }

  /** `found`: what places sysdig captures beside the logs of strace. */
  #align(found: ReadonlyMap<number, Alignment>): void {
    const { sysdigs, given } = this.#readers
    for (const [index, clock] of found) {
      if (!sysdigs.some((sysdig) => sysdig.index === index)) continue
      if (!given.has(index)) this.clocks.set(index, clock)
      if (clock.aligned !== 'none') continue
      const path = this.#sourcePaths[index]
      this.#reports.diagnostics.add(UNALIGNED, { source: path }, path)
    }
  }

  /** Reads group `k`. */
  async #run(k: number): Promise<void> {
    const turn = this.#settled?.turns.take()
    const { diagnostics, beside } = this.#reports
    const { onActivity, onEnd, detail } = this.#listeners
    const { sources, infer } = this.#groups[k]
    const streams = sources.map((one) => this.#stream(one))
    const tasks = new Set<number>()
    // The richest shows most of a call: where several saw a task at the time, its word counts.
    const richer = (this.#settled?.calls.told ?? this.told).slice(0, k)
    // The clock of text and captures is known with their first event.
    if (infer) for (const { reading } of this.#readers.sysdigs) await reading.start()
    const timed = sources.every((one) => this.#isPlaced(one))
    let nowNs = NaN
    let counted = 0
    const saved = await savedProcesses(this.#capture, infer ? beside : diagnostics)
    const system = new System({
      diagnostics: infer ? beside : diagnostics,
      saved,
      sourcePaths: this.#sourcePaths,
      infer,
      detail,
      onEnd,
      onTask: k + 1 < this.#groups.length ? (tid) => tasks.add(tid) : undefined,
      emit: (activity) => {
        if (haveTold(richer, activity.task.tid, timed ? nowNs : NaN)) return
        counted++
        onActivity(activity, nowNs, this.origin)
      },
    })
    const onRow = (atNs: number, start: Instant | null): void => {
      nowNs = atNs
      turn?.reached(atNs)
      this.origin = start
    }
    const paced = turn ? streams.map((one) => ({ ...one, batches: turn.of(one.batches) })) : streams
    const timeline = await applyStreams(paced, system, onRow, this.origin).finally(() => turn?.end())
    system.finish(detail && k === this.#groups.length - 1)
    this.origin = timeline.origin
    for (const [source, offsetNs] of timeline.offsets) this.offsets.set(source, offsetNs)
    this.seen.processes = Math.max(this.seen.processes, system.seen.processes)
    this.seen.tasks = Math.max(this.seen.tasks, system.seen.tasks)
    this.told[k] = { tasks, ...seenBetween(sources, this.offsets) }
    if (k === 0) return
    const names = this.#groups.slice(0, k + 1).map(({ name }) => name)
    const place = { source: this.#sourcePaths[streams[0].source] }
    diagnostics.add(counted > 0 ? SHARED : COVERED, place, names.join(' and '))
  }

  #stream({ index, tid = 0, reading }: CallSource & { tid?: number }): CallStream {
    const kept = new CallAnchors()
    this.#anchors.set(index, kept)
    const clock = this.clocks.get(index)
    const offsetNs = this.#readers.given.get(index) ?? clock?.offsetNs
    return { source: index, tid, batches: watched(reading.batches, kept, tid, clock), offsetNs }
  }

  /** Where sources that have been read lie, and how they got there. */
  place(sources: readonly CallSource[]): void {
    const { given } = this.#readers
    // The best clock sets the axis. Another that says nothing of the day may lie anywhere on it.
    const axis = AXES.find((clock) => sources.some(({ reading: { facts } }) => facts.clock === clock))
    for (const { index, reading } of sources) {
      const { clock } = reading.facts
      const offsetNs = this.offsets.get(index)
      if (offsetNs === undefined) continue
      if (given.has(index)) this.clocks.set(index, alignedBy('given', offsetNs))
      else if (!this.clocks.has(index)) {
        if (clock === 'wall') this.clocks.set(index, alignedBy('wall', offsetNs))
        else this.clocks.set(index, alignedBy('none', clock === axis && this.placed.length === 0 ? offsetNs : null))
      }
      const { offsetNs: placedAt, residualNs } = this.clocks.get(index)!
      const anchors = this.#anchors.get(index)!
      if (placedAt !== null) this.placed.push({ anchors, offsetNs, residualNs: residualNs ?? 0 })
    }
  }

  /** Whether its times may be compared with those of others. */
  #isPlaced({ index, reading: { facts } }: CallSource): boolean {
    const aligned = this.clocks.get(index)?.aligned ?? 'none'
    return facts.clock === 'wall' || this.#readers.given.has(index) || aligned !== 'none'
  }
}

/** What the times of sysdig captures say beside strace logs, where one of the two has no wall clock. */
async function besideStrace(
  sysdigs: readonly SysdigSource[],
  ahead: readonly SysdigSource[],
  placed: readonly PlacedSource[],
  origin: Instant | null,
): Promise<Map<number, Alignment>> {
  const clocks = new Map<number, Alignment>()
  for (const [k, { source, index, reading }] of sysdigs.entries()) {
    await reading.start()
    if (origin && reading.facts.clock === 'wall') continue
    // A pipe is read once, and its calls are told as they come.
    const read = source.bytes !== null
    clocks.set(
      index,
      read ? alignedTo(placed, await callAnchors(ahead[k].reading.batches), true) : alignedBy('none', null),
    )
  }
  return clocks
}
