/** Which activities an answer is about: --since, --until, --process, --file, --device. */
import type { Activity } from '@flushtrace/correlate'
import { TraceError, nsBetween, parseInstant, type Instant } from '@flushtrace/trace'
import picomatch from 'picomatch'

export interface FilterOptions {
  /** Seconds from the start (`2.5`), or a wall-clock time (RFC 3339, `@epoch`). */
  readonly since?: string
  readonly until?: string
  /** A pid, or a glob over process names. */
  readonly process?: string
  /** A glob over paths; a word without `/` matches the last component. */
  readonly file?: string
  /** `8:0`, or a name that a saved table gives. */
  readonly device?: string
}

/** As given, for the answer. */
export function filterOf({ process, file, device, since, until }: FilterOptions) {
  return {
    process: process ?? null,
    file: file ?? null,
    device: device ?? null,
    since: since ?? null,
    until: until ?? null,
  }
}

export type ActivityFilter = (activity: Activity, atNs: number) => boolean

/** `origin`: the wall-clock time of ns 0, known when the first event is. `onDevice`: what --device wants. */
export function activityFilter(
  options: FilterOptions,
  origin: () => Instant | null,
  onDevice: ((activity: Activity) => boolean) | null,
): ActivityFilter {
  const inTime = timeFilter(options, origin)
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  const ofFile = options.file === undefined ? null : fileMatcher(options.file)
  return (activity, atNs) => {
    // What was mapped before the trace is so at any time.
    if (inTime && activity.kind !== 'held' && !inTime(atNs)) return false
    if (ofProcess && !isOfProcess(activity, ofProcess)) return false
    if (ofFile && !activity.targets.some((target) => ofFile(target.name.path))) return false
    return !onDevice || onDevice(activity)
  }
}

/** --since and --until alone: for events that are no activities. null when neither is given. */
export function timeFilter(options: FilterOptions, origin: () => Instant | null): ((atNs: number) => boolean) | null {
  const since = moment(options.since, '--since', origin)
  const until = moment(options.until, '--until', origin)
  if (!since && !until) return null
  refuseEmpty(options)
  return (atNs) => !(since && !(atNs >= since())) && !(until && !(atNs < until()))
}

/** A window that holds nothing is a mistake, not an answer. Times of two kinds cannot be compared here. */
function refuseEmpty({ since = '', until = '' }: FilterOptions): void {
  const [from, to] = [parseInstant(since), parseInstant(until)]
  const length =
    from && to ? nsBetween(from, to) : SECONDS.test(since) && SECONDS.test(until) ? Number(until) - Number(since) : 1
  if (!(length > 0)) throw new TraceError('usage', `--since ${since} --until ${until}: nothing lies between them`)
}

const SECONDS = /^\d+(?:\.\d+)?$/

function moment(text: string | undefined, flag: string, origin: () => Instant | null): (() => number) | null {
  if (text === undefined) return null
  if (SECONDS.test(text)) {
    const ns = Number(text) * 1e9
    return () => ns
  }
  const instant = parseInstant(text)
  if (!instant) {
    throw new TraceError('usage', `${flag} ${text}: give seconds from the start, or a time like 2026-11-20T11:05:44Z`)
  }
  return () => {
    const start = origin()
    if (!start)
      throw new TraceError('usage', `${flag} ${text}: this trace has no wall clock; give seconds from the start`)
    return nsBetween(start, instant)
  }
}

/** A pid may be a task's, too. */
export function isOfProcess({ task }: Activity, matches: ProcessMatcher): boolean {
  const { pid, name, argv } = task.process
  return matches(pid, name, argv) || matches(task.tid, null, null)
}

export type ProcessMatcher = (pid: number | null, name: string | null, argv: readonly string[] | null) => boolean

/** A pid, or a glob over a process's name and the program it runs; `*` is every process. */
export function processMatcher(wanted: string): ProcessMatcher {
  if (/^\d+$/.test(wanted)) return (pid) => pid === Number(wanted)
  // Also of one whose name the trace does not tell.
  if (wanted === '*') return () => true
  // A name is no path: `*` is to match `jbd2/loop0-8`, too.
  const matches = picomatch(wanted, { dot: true, bash: true })
  return (_, name, argv) => matches(name ?? '') || matches((argv?.[0] ?? '').replace(/^.*\//s, ''))
}

/** A glob over whole paths, or, without a slash, over their last part; a path matches itself, whatever is in it. */
export function fileMatcher(glob: string): (path: string) => boolean {
  const matches = picomatch(glob, { dot: true, matchBase: !glob.includes('/') } as picomatch.PicomatchOptions)
  return (path) => path === glob || matches(path)
}
