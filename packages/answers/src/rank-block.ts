/** Block requests → the block part of rows, rows of tasks that only show there, rows of devices. */
import { blockPart, type DeviceSummary, type TaskSummary, type TracedProcess } from '@flushtrace/correlate'
import type { Analysis } from './analysis.ts'
import { nothing } from './rank-rows.ts'
import type { RankRow } from './rank-schema.ts'
import type { Tally } from './tally.ts'

/** Tasks that queued requests, by the process or thread they are charged to. */
function submitters({ devices }: Analysis): Map<number | null, TaskSummary[]> {
  const byTask = new Map<number | null, TaskSummary[]>()
  for (const device of devices) {
    // Without queue events nothing tells who asked.
    const unasked = { ...device, tid: null, comm: UNKNOWN_TASKS }
    for (const task of device.basis === 'queue' ? device.tasks : [unasked]) {
      // What another counted device passed on is counted there.
      if (isPassedOn(device, task)) continue
      byTask.set(task.tid, [...(byTask.get(task.tid) ?? []), task])
    }
  }
  return byTask
}

/** The process that a task is charged to; undefined: no call of it was seen. */
function ownerOf(tid: number | null, tally: Tally): TracedProcess | undefined {
  return tid === null ? undefined : tally.processOf.get(tid)
}

/** Below another counted device, the tasks of this one are the ones of that: their requests are there already. */
function isPassedOn(device: DeviceSummary, task: TaskSummary): boolean {
  return (
    device.passedOn.writes + device.passedOn.flushes > 0 && task.writes + task.flushes > 0 && device.above.length > 0
  )
}

/** Gives each row its block part. */
export function charge(rows: readonly RankRow[], analysis: Analysis, tally: Tally): RankRow[] {
  if (analysis.devices.length === 0 || tally.dimension === 'file' || tally.dimension === 'call') return [...rows]
  const byTask = submitters(analysis)
  const byProcess = new Map<number | null, TaskSummary[]>()
  for (const [tid, summaries] of byTask) {
    const pid = ownerOf(tid, tally)?.pid ?? tid
    byProcess.set(pid, [...(byProcess.get(pid) ?? []), ...summaries])
  }
  return rows.map((row) => {
    if (!row.process) return row
    const own = row.tid === undefined ? byProcess.get(row.process.pid) : byTask.get(row.tid)
    return { ...row, block: blockPart(own ?? []) }
  })
}

/** Of one device more tasks asked for requests than are told apart. */
const OTHER_TASKS = 'other tasks'

/** The trace does not show who asked. */
const UNKNOWN_TASKS = 'unknown tasks'

/** Tasks that queued requests and made no call of interest: kernel threads, and what was not traced. */
export function strangers(analysis: Analysis, tally: Tally): RankRow[] {
  if (tally.dimension !== 'process' && tally.dimension !== 'thread') return []
  const rows: RankRow[] = []
  for (const [tid, [{ comm }]] of submitters(analysis)) {
    if (ownerOf(tid, tally)) continue
    const process = {
      pid: tid,
      name: tid === null ? (comm ?? OTHER_TASKS) : comm,
      command: null,
      threads: 1,
      parent: null,
    }
    rows.push({ process, ...(tally.dimension === 'thread' ? { tid } : {}), ...nothing(), files: 0, topFiles: [] })
  }
  return rows
}

/** A device as a row of its own (`--by device`). */
export function deviceRow(device: DeviceSummary): RankRow {
  const { firstNs, lastNs } = device
  // From its own first to its last request: system calls of the same capture may cover another time.
  const ns = firstNs !== null && lastNs !== null ? lastNs - firstNs : 0
  const perSecond = (n: number): number | null => (ns > 0 ? (n * 1e9) / ns : null)
  return {
    device: device.device,
    ...nothing(),
    block: blockPart([{ ...device, passedOn: undefined }]),
    io: {
      basis: device.basis,
      reads: device.reads,
      readBytes: device.readBytes,
      writesPerSecond: perSecond(device.writes),
      bytesPerSecond: perSecond(device.bytes),
      flushesPerSecond: perSecond(device.flushes),
      meanWriteBytes: device.writes > 0 ? device.bytes / device.writes : null,
      discards: device.discards,
      discardBytes: device.discardBytes,
      writeZeroes: device.writeZeroes,
      deviceFlushes: device.deviceFlushes,
      sequentialShare: device.sequentialShare,
      depth: device.depth,
      busyShare: ns > 0 ? Math.min(1, device.busyNs / ns) : null,
      q2c: device.q2c,
      d2c: device.d2c,
      deviceFlushD2c: device.deviceFlushD2c,
      errors: device.errors,
      passedOn: blockPart([device.passedOn]),
      above: device.above,
      unfinished: device.unfinished,
      tasks: device.tasks.map((task) => ({ tid: task.tid, comm: task.comm, ...blockPart([task]) })),
    },
  }
}
