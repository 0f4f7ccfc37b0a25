/** The normalised events, in order, one JSON-safe object each. */
import type { Activity } from '@flushtrace/correlate'
import { ACTION, CHANGES, OP, deviceText, type BlockBatch, type DiagnosticKind } from '@flushtrace/trace'
import type { Analysis, AnalyzeOptions, OnActivity } from './analysis.ts'
import { analyze, settle, type Settled } from './analyze.ts'
import type { OnBlockBatch } from './block.ts'
import { EventOrder, MAX_HELD } from './event-order.ts'
import { isOfProcess, processMatcher } from './filter.ts'
import type { BlockSource } from './readings.ts'
import { refuseUnread } from './unread.ts'

/** One call that matters to storage. Times are ns since `startedAt` of the other answers. */
export interface CallEvent {
  type: Activity['kind']
  atNs: number | null
  tookNs: number | null
  source: string
  /** Record (line) of the source on which the call ended. */
  at: number
  pid: number | null
  tid: number | null
  comm: string | null
  call: string
  /** The system call, where `call` is a kind of its own (syncWrite, aioFsync). */
  via: string
  scope: Activity['scope']
  path: string | null
  deleted: boolean
  /** Further files of one msync. */
  otherPaths: string[]
  /** Where `path` is a guess among several: the others. */
  alternatives: string[]
  bytes: number
  errno: string | null
  confidence: string
  evidence: { rule: string; source: string | null; at: number | null }[]
}

/** A request queued for a device: a write, discard, write-zeroes, zone command or flush. */
export interface BlockRequest {
  type: 'block-write'
  atNs: number | null
  source: string
  at: number
  device: string
  sector: number | null
  bytes: number
  rwbs: string
  pid: number | null
  comm: string | null
}

/** Whose it is, `locate --events` tells. */
export interface BlockEvent extends BlockRequest {
  what: 'unknown'
  path: null
  fileOffset: null
  processes: []
  confidence: 'unknown'
  evidence: []
}

type Event = (CallEvent | BlockEvent) & {
  /** It came so long after its place in the order had passed; of others not there. */
  lateNs?: number
}

const LATE: DiagnosticKind = {
  code: 'events/late',
  severity: 'info',
  message: 'An event came after more than {} later ones (MAX_HELD): it is printed where it came, with lateNs.',
  fix: 'sort by atNs where that matters; the limit is fixed',
}
const APART: DiagnosticKind = {
  code: 'events/apart',
  severity: 'info',
  message:
    'Sources were read one after the other, since a pipe cannot be read twice: calls come first, then block writes.',
  fix: 'save the traces, and name the files',
}

/** Calls `onEvent` for each event, in the order of time; resolves with what the other answers begin with. */
export async function events(
  paths: readonly string[],
  options: AnalyzeOptions,
  onEvent: (event: Event) => void,
): Promise<Analysis> {
  const order = new EventOrder(onEvent)
  const add = (event: Event): void => order.add(event, event.atNs ?? NaN)
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  // Tasks of the processes that are wanted, as far as they made calls.
  const tasks = new Set<number>()
  const note = (activity: Activity): void => {
    if (ofProcess && isOfProcess(activity, ofProcess)) tasks.add(activity.task.tid)
  }
  const settled = await settle(paths, options, note)
  const tellers = tellersOf(settled)
  const onBlockBatch: OnBlockBatch = (batch, shiftNs, block, wanted) => {
    // Which file a request is of, only locate tells.
    if (options.file !== undefined) return
    for (let i = 0; i < batch.length; i++) {
      if (batch.action[i] !== ACTION.queue || (batch.flags[i] & CHANGES) === 0) continue
      if (wanted && !wanted(i)) continue
      const device = batch.device[i]
      const [trace] = block.indexes
      if (!tellers.has(device)) tellers.set(device, trace)
      if (tellers.get(device) !== trace) continue
      const event = blockEventOf(batch, i, shiftNs, block)
      if (!ofProcess || tasks.has(batch.tid[i]) || ofProcess(event.pid, event.comm, null)) add(event)
    }
  }
  const onActivity: OnActivity = (activity, atNs, { sourcePaths }) => {
    note(activity)
    add(eventOf(activity, atNs, sourcePaths))
  }
  const analysis = await analyze(paths, options, onActivity, { onBlockBatch, requestsOnly: true }, settled)
  order.end()
  refuseUnread(analysis)
  const { diagnostics, capture, straces, sysdigs, blocks } = analysis
  const { late } = order
  if (late > 0) diagnostics.add(LATE, null, MAX_HELD.toLocaleString('en-US'), late)
  const readings = Number(straces.length > 0) + Number(sysdigs.length > 0) + blocks.length
  if (!settled && readings > 1 && capture.sources.some(({ source }) => source.bytes === null)) {
    diagnostics.add(APART, null)
  }
  return analysis
}

/**
 * By device, the trace (its first source) that tells its requests, so that each is one event: the richest of those that begin
 * with it. Of a device that none of them begins with, whichever comes to it first.
 */
function tellersOf(settled: Settled | null): Map<number, number> {
  const tellers = new Map<number, number>()
  for (const [trace, devices] of settled?.timeline.firstDevices ?? []) {
    for (const device of devices) if (!tellers.has(device)) tellers.set(device, trace)
  }
  return tellers
}

function blockEventOf(batch: BlockBatch, i: number, shiftNs: number | null, { sources }: BlockSource): BlockEvent {
  return {
    type: 'block-write',
    atNs: shiftNs === null ? null : orNull(batch.atNs[i] + shiftNs),
    source: sources[batch.source[i]].path,
    at: batch.record[i],
    device: deviceText(batch.device[i]) ?? '',
    sector: batch.sector[i] >= 0 ? batch.sector[i] : null,
    bytes: batch.bytes[i],
    rwbs: rwbsOf(batch.flags[i], batch.bytes[i]),
    pid: batch.tid[i] > 0 ? batch.tid[i] : null,
    comm: batch.comm[i] >= 0 ? batch.strings.text(batch.comm[i]) : null,
    what: 'unknown',
    path: null,
    fileOffset: null,
    processes: [],
    confidence: 'unknown',
    evidence: [],
  }
}

/** As the kernel's tracepoints print it: FWFSM is a flush, then a FUA write, synchronous, of metadata. */
export function rwbsOf(flags: number, bytes: number): string {
  const has = (bit: number): boolean => (flags & bit) !== 0
  const operation = has(OP.discard)
    ? 'D'
    : has(OP.secureErase)
      ? 'DE'
      : has(OP.writeZeroes)
        ? 'WZ'
        : has(OP.write)
          ? 'W'
          : has(OP.flush) && bytes === 0
            ? 'F'
            : 'R'
  const before = has(OP.flush) ? 'F' : ''
  return `${before}${operation}${has(OP.fua) ? 'F' : ''}${has(OP.ahead) ? 'A' : ''}${has(OP.sync) ? 'S' : ''}${has(OP.meta) ? 'M' : ''}`
}

/** Where no file is named. `file`: the descriptor was not open; `memory`: no file was seen being mapped there. */
const SURE_WITHOUT_FILE: Readonly<Record<Activity['scope'], Activity['targets'][number]['confidence']>> = {
  file: 'exact',
  system: 'exact',
  memory: 'inferred',
  filesystem: 'unknown',
  unknown: 'unknown',
}

function eventOf(activity: Activity, atNs: number, sources: readonly string[]): CallEvent {
  const { task, targets } = activity
  const [first, ...rest] = targets
  return {
    type: activity.kind,
    atNs: orNull(atNs),
    tookNs: orNull(activity.tookNs),
    source: sources[activity.source],
    at: activity.record,
    pid: task.process.pid,
    tid: task.tid > 0 ? task.tid : null,
    comm: task.name ?? task.process.name,
    call: activity.call,
    via: activity.via,
    scope: activity.scope,
    path: first?.name.path ?? null,
    deleted: first?.name.deleted ?? false,
    otherPaths: first?.confidence === 'ambiguous' ? [] : rest.map((target) => target.name.path),
    alternatives: first?.confidence === 'ambiguous' ? rest.map((target) => target.name.path) : [],
    bytes: activity.bytes,
    errno: activity.errno,
    confidence: first?.confidence ?? SURE_WITHOUT_FILE[activity.scope],
    evidence: targets.map(({ rule, at }) => ({
      rule,
      source: at && (at.path ?? sources[at.source]),
      at: at && at.record > 0 ? at.record : null,
    })),
  }
}

function orNull(ns: number): number | null {
  return Number.isNaN(ns) ? null : Math.round(ns)
}
