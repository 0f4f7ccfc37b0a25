/** The system calls of a capture: strace first, then what sysdig alone saw; each call is told once. */
import { System, applyStreams, type Activity, type CallStream, type TracedProcess } from '@flushtrace/correlate'
import type { DiagnosticKind, Diagnostics, Instant } from '@flushtrace/trace'
import { savedProcesses, type Capture, type StraceSource, type SysdigSource } from './sources.ts'

export interface CallReaders {
  readonly straces: readonly StraceSource[]
  readonly sysdigs: readonly SysdigSource[]
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
  readonly seen: { readonly processes: number; readonly tasks: number }
}

const COVERED: DiagnosticKind = {
  code: 'source/covered',
  severity: 'info',
  message: 'sysdig and strace saw the same tasks: their calls are counted once, as strace tells them.',
  fix: 'to see what sysdig alone tells, name it alone',
}
const SHARED: DiagnosticKind = {
  code: 'source/shared',
  severity: 'info',
  message: 'Tasks that strace traced are told by strace, all others by sysdig: no call is counted twice.',
  fix: 'to see what one of them tells, name it alone',
}

/** `beside`: where gaps of sysdig are reported; not among the answer's where strace covers them. */
export async function readCalls(
  capture: Capture,
  { straces, sysdigs }: CallReaders,
  listeners: CallListeners,
  diagnostics: Diagnostics,
  beside: Diagnostics,
): Promise<CallsRead> {
  const sourcePaths = capture.sources.map(({ source }) => source.path)
  const offsets = new Map<number, number>()
  const seen = { processes: 0, tasks: 0 }
  const told = new Set<number>()
  let origin: Instant | null = null

  const run = async (streams: CallStream[], infer: boolean, skip: ReadonlySet<number> | null): Promise<void> => {
    let nowNs = NaN
    let counted = 0
    const saved = await savedProcesses(capture)
    if (infer) for (const { reading } of sysdigs) await addListed(reading, saved)
    const system = new System({
      diagnostics: infer ? beside : diagnostics,
      saved,
      sourcePaths,
      infer,
      detail: listeners.detail,
      onEnd: listeners.onEnd,
      onTask: !infer && sysdigs.length > 0 ? (tid) => told.add(tid) : undefined,
      emit: (activity) => {
        if (skip?.has(activity.task.tid)) return
        counted++
        listeners.onActivity(activity, nowNs, origin)
      },
    })
    const onRow = (atNs: number, start: Instant | null): void => {
      nowNs = atNs
      origin = start
    }
    const timeline = await applyStreams(streams, system, onRow, origin)
    system.finish()
    origin = timeline.origin
    for (const [source, offset] of timeline.offsets) offsets.set(source, offset)
    seen.processes = Math.max(seen.processes, system.seen.processes)
    seen.tasks = Math.max(seen.tasks, system.seen.tasks)
    if (skip) diagnostics.add(counted > 0 ? SHARED : COVERED, { source: sourcePaths[streams[0].source] })
  }

  const stream = ({ index, tid = 0, reading }: (StraceSource | SysdigSource) & { tid?: number }): CallStream => {
    return { source: index, tid, batches: reading.batches }
  }
  if (straces.length > 0) await run(straces.map(stream), false, null)
  // strace shows more of a call than sysdig does: where both saw a task, strace's word counts.
  if (sysdigs.length > 0) await run(sysdigs.map(stream), true, straces.length > 0 ? told : null)
  return { origin, offsets, seen }
}

/** What a sysdig capture lists of tasks that were there before it, beside what was saved of /proc. */
async function addListed(
  reading: SysdigSource['reading'],
  saved: Awaited<ReturnType<typeof savedProcesses>>,
): Promise<void> {
  await reading.start()
  for (const [pid, process] of reading.processes) if (!saved.has(pid)) saved.set(pid, process)
}
