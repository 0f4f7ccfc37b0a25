/** The normalised events, in order, one JSON-safe object each. */
import type { Activity } from '@flushtrace/correlate'
import { analyze, type Analysis, type AnalyzeOptions } from './analyze.ts'

/** One call that matters to storage. Times are ns since `startedAt` of the other answers. */
export interface CallEvent {
  type: 'flush' | 'hint' | 'failed' | 'write' | 'mapped'
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
  bytes: number
  errno: string | null
  confidence: string
  evidence: { rule: string; source: string | null; at: number | null }[]
}

/** Calls `onEvent` for each event; resolves with what the other answers begin with. */
export async function events(
  paths: readonly string[],
  options: AnalyzeOptions,
  onEvent: (event: CallEvent) => void,
): Promise<Analysis> {
  return analyze(paths, options, (activity, atNs, sources) => onEvent(eventOf(activity, atNs, sources)))
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
    otherPaths: rest.map((target) => target.name.path),
    bytes: activity.bytes,
    errno: activity.errno,
    confidence: activity.scope === 'unknown' ? 'unknown' : (first?.confidence ?? 'exact'),
    evidence: targets.map(({ rule, at }) => ({
      rule,
      source: at ? sources[at.source] : null,
      at: at && at.record > 0 ? at.record : null,
    })),
  }
}

function orNull(ns: number): number | null {
  return Number.isNaN(ns) ? null : Math.round(ns)
}
