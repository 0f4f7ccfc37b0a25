/** What a log cannot show because of how it was recorded, each with the option that would show it. */
import type { DeviceSummary } from '@flushtrace/correlate'
import type { DiagnosticKind, Diagnostics } from '@flushtrace/trace'
import type { StraceFacts } from '@flushtrace/strace'
import type { Analysis } from './analysis.ts'
import type { BlockSource, StraceSource, SysdigSource } from './readings.ts'

const UNSEEN = {
  noDurations: {
    code: 'strace/no-durations',
    severity: 'info',
    message: 'The log has no durations: how long flushes took is unknown.',
    fix: 'record with -T',
  },
  noTimes: {
    code: 'strace/no-times',
    severity: 'info',
    message: 'The log has no time stamps: rates are unknown.',
    fix: 'record with -ttt',
  },
  noDate: {
    code: 'strace/no-date',
    severity: 'info',
    message: 'The log has times of day without a date: it cannot be placed beside other traces by the clock.',
    fix: 'record with -ttt',
  },
  oneTask: {
    code: 'strace/one-task',
    severity: 'loss',
    message: 'The log follows one task only: its children and threads are not in it.',
    fix: 'record with -f',
  },
  filtered: {
    code: 'strace/filtered',
    severity: 'loss',
    message:
      'The log seems filtered by -e: it holds no call at all of the kinds {}. What it lacks was not seen, not absent.',
    fix: 'record without -e, or with -e trace=%desc,%file,%memory,%process,sync,io_submit,io_getevents,unshare,close_range',
  },
  hiddenInSet: {
    code: 'strace/hidden-in-set',
    severity: 'loss',
    message:
      'The files of a set (-ff) seem filtered (by -P or -e), or some are missing: {} tasks exited, none by a call that the files show. What they lack was not seen, not absent.',
    fix: 'name all files of the set; record without -P and -e, or with -e trace=%desc,%file,%memory,%process,sync,io_submit,io_getevents,unshare,close_range',
  },
  severalMachines: {
    code: 'sysdig/several-machines',
    severity: 'loss',
    message:
      'The captures are of several machines ({}): equal numbers of processes, names and devices count as one here, and may be of any of them.',
    fix: 'name the captures of one machine at a time',
  },
  noRequests: {
    code: 'block/no-requests',
    severity: 'loss',
    message:
      'Events here name inodes ({}), but none tells of a request: block_bio_queue is missing. They show who made files dirty and who flushed them, not what went to a disk.',
    fix: 'enable block_bio_queue, block_rq_issue and block_rq_complete beside them, or run blktrace at the same time',
  },
  longerBlocks: {
    code: 'block/longer',
    severity: 'info',
    message: 'The block trace is of {}: what went to the disks while no call was traced is counted, too.',
    fix: 'leave it out with --since and --until',
  },
} as const satisfies Record<string, DiagnosticKind>

/** Recorders do not start at once; more than a quarter of the time, and a second, is told. */
const LONGER = 1.25
const LONGER_NS = 1e9

/** Calls that every process makes at its start and that no class of -e (%file, %desc, %memory, %process) covers. */
const UNCLASSED = [
  'set_tid_address',
  'set_robust_list',
  'prlimit64',
  'getrandom',
  'rseq',
  'rt_sigaction',
  'rt_sigprocmask',
  'futex',
  'getpid',
  'getuid',
  'uname',
]

/** What each log could not show, by the options that it was recorded with. */
export function reportUnseen(straces: readonly StraceSource[], diagnostics: Diagnostics): void {
  for (const { source, tid, reading } of straces) {
    const { facts } = reading
    const place = { source: source.path }
    if (Object.keys(facts.calls).length === 0) continue
    if (!facts.options.includes('-T')) diagnostics.add(UNSEEN.noDurations, place)
    if (facts.clock === 'none') diagnostics.add(UNSEEN.noTimes, place)
    if (facts.clock === 'timeOfDay') diagnostics.add(UNSEEN.noDate, place)
    if (tid === 0 && !facts.options.includes('-f') && forks(facts)) diagnostics.add(UNSEEN.oneTask, place)
    if (looksFiltered(facts)) {
      diagnostics.add(
        UNSEEN.filtered,
        place,
        'that every program makes at its start (set_robust_list, rt_sigaction, …)',
      )
    }
  }
  reportHiddenInSet(
    straces.filter(({ tid }) => tid > 0),
    diagnostics,
  )
}

/**
 * Whoever is not killed calls exit or exit_group, or is a thread of one that does, or of one that calls execve: among all
 * files of a set there is such a call. Of a single task it may be that only it was traced.
 */
function reportHiddenInSet(files: readonly StraceSource[], diagnostics: Diagnostics): void {
  let exits = 0
  for (const { reading } of files) {
    if (reading.facts.silentExits === null) return
    exits += reading.facts.silentExits
  }
  if (exits > 1) diagnostics.add(UNSEEN.hiddenInSet, { source: files[0].source.path }, `${exits}`)
}

/** Each capture holds the name of its machine. */
export function reportMachines(sysdigs: readonly SysdigSource[], diagnostics: Diagnostics): void {
  const hosts = new Set(sysdigs.flatMap(({ reading }) => reading.facts.hosts))
  if (hosts.size > 1) diagnostics.add(UNSEEN.severalMachines, null, [...hosts].join(', '))
}

/** Where ftrace recorded the events that name inodes, and nothing the requests that they are to name. */
export function reportNoRequests(blocks: readonly BlockSource[], diagnostics: Diagnostics): void {
  for (const { sources, reading } of inodeEventsAlone(blocks)) {
    const events = Object.entries(reading.facts.inodeEvents).map(([event, n]) => `${event} ${n}`)
    diagnostics.add(UNSEEN.noRequests, { source: sources[0].path }, events.join(', '))
  }
}

/** From the first to the last request of the device that was traced longest. */
export function blockSpanOf(devices: readonly DeviceSummary[]): number {
  return Math.max(0, ...devices.map(({ firstNs, lastNs }) => (lastNs ?? 0) - (firstNs ?? 0)))
}

/** Where requests and calls are not of the same time, their numbers do not go together. */
export function reportLongerBlocks({ devices, spanNs, straces, sysdigs, diagnostics }: Analysis): void {
  const ns = blockSpanOf(devices)
  if (straces.length + sysdigs.length === 0 || spanNs <= 0) return
  if (ns < spanNs * LONGER || ns < spanNs + LONGER_NS) return
  diagnostics.add(UNSEEN.longerBlocks, null, `${seconds(ns)}, the calls are of ${seconds(spanNs)}`)
}

function seconds(ns: number): string {
  return `${(ns / 1e9).toFixed(1)} s`
}

/** The sources with events that name inodes; none where any source holds an event of the block layer. */
export function inodeEventsAlone(blocks: readonly BlockSource[]): readonly BlockSource[] {
  if (blocks.some(({ reading: { facts } }) => Object.keys(facts.actions).length > 0)) return []
  return blocks.filter(({ reading: { facts } }) => Object.keys(facts.inodeEvents).length > 0)
}

function forks(facts: StraceFacts): boolean {
  return ['clone', 'clone3', 'fork', 'vfork'].some((call) => facts.calls[call] > 0)
}

/** Only a log that holds a program's start can tell; an attached one may simply never make these calls. */
function looksFiltered(facts: StraceFacts): boolean {
  return facts.calls.execve > 0 && !UNCLASSED.some((call) => facts.calls[call] > 0)
}
