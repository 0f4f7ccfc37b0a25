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
const SYSDIG_KINDS = [
  { kind: 'scap', name: 'the sysdig capture' },
  { kind: 'sysdig-json', name: 'sysdig JSON' },
  { kind: 'sysdig-text', name: 'sysdig text' },
] as const
/** What clocks that were joined may differ by. */
const BESIDE_NS = 1_000_000

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

/** `settled`: by an earlier reading; strace and sysdig are then read side by side. */
export async function readCalls(
  capture: Capture,
  { straces, sysdigs, ahead, given }: CallReaders,
  listeners: CallListeners,
  { diagnostics, beside }: Reports,
  settled: { readonly calls: CallsRead; readonly turns: Turns } | null = null,
): Promise<CallsRead> {
  const sourcePaths = capture.sources.map(({ source }) => source.path)
  const offsets = new Map<number, number>()
  const clocks = new Map<number, Alignment>()
  const placed: PlacedSource[] = []
  const seen = { processes: 0, tasks: 0 }
  const groups = groupsOf(straces, sysdigs)
  const told: Told[] = []
  let origin: Instant | null = settled?.calls.origin ?? null

  const run = async (k: number, turn = settled?.turns.take()): Promise<void> => {
    const { sources, infer } = groups[k]
    const streams = sources.map(stream)
    const tasks = new Set<number>()
    // The richest shows most of a call: where several saw a task at the time, its word counts.
    const richer = (settled?.calls.told ?? told).slice(0, k)
    const timed = sources.every(isPlaced)
    let nowNs = NaN
    let counted = 0
    const saved = await savedProcesses(capture, infer ? beside : diagnostics)
    if (infer) for (const { reading, index } of sysdigs) await addListed(reading, saved, sourcePaths[index])
    const system = new System({
      diagnostics: infer ? beside : diagnostics,
      saved,
      sourcePaths,
      infer,
      detail: listeners.detail,
      onEnd: listeners.onEnd,
      onTask: k + 1 < groups.length ? (tid) => tasks.add(tid) : undefined,
      emit: (activity) => {
        if (richer.some((one) => hasTold(one, activity.task.tid, timed ? nowNs : NaN))) return
        counted++
        listeners.onActivity(activity, nowNs, origin)
      },
    })
    const onRow = (atNs: number, start: Instant | null): void => {
      nowNs = atNs
      turn?.reached(atNs)
      origin = start
    }
    const paced = turn ? streams.map((one) => ({ ...one, batches: turn.of(one.batches) })) : streams
    const timeline = await applyStreams(paced, system, onRow, origin).finally(() => turn?.end())
    system.finish(listeners.detail && k === groups.length - 1)
    origin = timeline.origin
    for (const [source, offsetNs] of timeline.offsets) offsets.set(source, offsetNs)
    seen.processes = Math.max(seen.processes, system.seen.processes)
    seen.tasks = Math.max(seen.tasks, system.seen.tasks)
    told[k] = { tasks, ...seenBetween(sources, offsets) }
    if (k === 0) return
    const names = groups
      .slice(0, k + 1)
      .map((one) => one.name)
      .join(' and ')
    diagnostics.add(counted > 0 ? SHARED : COVERED, { source: sourcePaths[streams[0].source] }, names)
  }

  const anchors = new Map<number, CallAnchors>()
  const stream = ({ index, tid = 0, reading }: (StraceSource | SysdigSource) & { tid?: number }): CallStream => {
    const kept = new CallAnchors()
    anchors.set(index, kept)
    const offsetNs = given.get(index) ?? clocks.get(index)?.offsetNs
    return { source: index, tid, batches: watched(reading.batches, kept, tid, clocks.get(index)), offsetNs }
  }
  const place = (sources: readonly (StraceSource | SysdigSource)[]): void => {
    // The best clock sets the axis. Another that says nothing of the day may lie anywhere on it.
    const axis = AXES.find((clock) => sources.some(({ reading: { facts } }) => facts.clock === clock))
    for (const {
      index,
      reading: { facts },
    } of sources) {
      const offsetNs = offsets.get(index)
      if (offsetNs === undefined) continue
      if (given.has(index)) clocks.set(index, alignedBy('given', offsetNs))
      else if (!clocks.has(index)) {
        if (facts.clock === 'wall') clocks.set(index, alignedBy('wall', offsetNs))
        else clocks.set(index, alignedBy('none', facts.clock === axis && placed.length === 0 ? offsetNs : null))
      }
      const { offsetNs: placedAt, residualNs } = clocks.get(index)!
      if (placedAt !== null) placed.push({ anchors: anchors.get(index)!, offsetNs, residualNs: residualNs ?? 0 })
    }
  }

  /** Whether its times may be compared with those of others. */
  const isPlaced = ({ index, reading: { facts } }: StraceSource | SysdigSource): boolean =>
    facts.clock === 'wall' || given.has(index) || (clocks.get(index)?.aligned ?? 'none') !== 'none'

  const readStraces = async (): Promise<void> => {
    if (straces.length > 0) await run(0)
    place(straces)
  }
  const readSysdigs = async (): Promise<void> => {
    if (sysdigs.length === 0) return
    if (straces.length > 0) {
      for (const [index, clock] of settled?.calls.clocks ?? (await besideStrace(sysdigs, ahead, placed, origin))) {
        if (!sysdigs.some((sysdig) => sysdig.index === index)) continue
        if (!given.has(index)) clocks.set(index, clock)
        if (clock.aligned === 'none') diagnostics.add(UNALIGNED, { source: sourcePaths[index] }, sourcePaths[index])
      }
    }
    const runs = groups.flatMap(({ infer }, k) => (infer ? [k] : []))
    if (settled) await Promise.all(runs.map((k) => run(k)))
    else for (const k of runs) await run(k)
  }
  if (settled) await Promise.all([readStraces(), readSysdigs()])
  else {
    await readStraces()
    await readSysdigs()
  }
  place(sysdigs)
  return { origin, offsets, clocks, placed, told, seen }
}

/** Sources that were recorded by one means. */
interface Group {
  readonly name: string
  readonly sources: readonly (StraceSource | SysdigSource)[]
  /** Files behind flushes are inferred. */
  readonly infer: boolean
}

/** What shows most of a call first: strace its arguments, a capture the tasks and files from before, JSON and text neither. */
function groupsOf(straces: readonly StraceSource[], sysdigs: readonly SysdigSource[]): Group[] {
  const byKind = SYSDIG_KINDS.map(({ kind, name }) => ({
    name,
    sources: sysdigs.filter((one) => one.kind === kind),
    infer: true,
  }))
  return [{ name: 'strace', sources: straces, infer: false }, ...byKind].filter(({ sources }) => sources.length > 0)
}

/** Tasks that a group of sources saw, and from when to when. */
interface Told {
  readonly tasks: ReadonlySet<number>
  readonly fromNs: number
  readonly untilNs: number
}

/** Where one of the times is not known (NaN), they may have been together. */
function hasTold({ tasks, fromNs, untilNs }: Told, tid: number, atNs: number): boolean {
  return tasks.has(tid) && !(atNs < fromNs - BESIDE_NS || atNs > untilNs + BESIDE_NS)
}

/** NaN where one of them does not tell its times. */
function seenBetween(sources: Group['sources'], offsets: ReadonlyMap<number, number>): Omit<Told, 'tasks'> {
  const all = sources.map(({ index, reading: { facts } }) => ({ facts, offsetNs: offsets.get(index) ?? NaN }))
  return {
    fromNs: Math.min(...all.map(({ facts, offsetNs }) => (facts.firstNs ?? NaN) + offsetNs)),
    untilNs: Math.max(...all.map(({ facts, offsetNs }) => (facts.lastNs ?? NaN) + offsetNs)),
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

/** What a sysdig capture lists of tasks that were there before it, beside what was saved of /proc. */
async function addListed(
  reading: SysdigSource['reading'],
  saved: Awaited<ReturnType<typeof savedProcesses>>,
  path: string,
): Promise<void> {
  await reading.start()
  for (const [pid, process] of reading.processes) {
    if (!saved.has(pid)) saved.set(pid, { ...process, fdsIn: path })
  }
}
