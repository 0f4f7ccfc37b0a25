/** The sums of what one row of an answer is about: a process, a thread, a file, a call or a container. */
import {
  Latencies,
  isStored,
  kindOf,
  type Activity,
  type Confidence,
  type FileName,
  type Scope,
  type Task,
  type TracedProcess,
} from '@flushtrace/correlate'
import { durationsOf, type DurationSummary } from './durations.ts'
import { Ranges } from './ranges.ts'

/** What a row of the answer is about. */
export type Subject =
  | { kind: 'process'; process: TracedProcess }
  | { kind: 'thread'; task: Task }
  | { kind: 'file'; name: FileName | null; scope: Scope }
  | { kind: 'call'; call: string }
  | { kind: 'container'; container: string | null }

/** How much of a group fell to one of its files, or to one of its processes. */
export interface Share {
  flushes: number
  bytes: number
  /** Flushes by call. */
  readonly byCall: Map<string, number>
  /** The process has the file mapped writable. */
  mapped: boolean
}

/** Its maps are made when first needed: a trace may hold a hundred thousand processes, and most never fail or map. */
export class Group {
  readonly subject: Subject
  readonly flushes = new Map<string, number>()
  flushTotal = 0
  syncFileRange = 0
  msyncAsync = 0
  failedTotal = 0
  writeCalls = 0
  writeBytes = 0
  /** Writes through descriptors whose file the trace does not show. */
  unknownCalls = 0
  unknownBytes = 0
  /** By file for all subjects but files, for these by process. */
  readonly files: Map<FileName, Share>
  readonly processes: Map<TracedProcess, Share>
  #took: Latencies | null = null
  #failed: Map<string, number> | null = null
  #mapped: Map<FileName, Ranges> | null = null
  /** Of these, those that no call of the trace mapped. */
  #before: Set<FileName> | null = null
  #worst = 0

  constructor(subject: Subject) {
    this.subject = subject
    const ofFile = subject.kind === 'file'
    this.files = ofFile ? NO_SHARES : new Map()
    this.processes = ofFile ? new Map() : NO_SHARES
  }

  get confidence(): Confidence {
    return CONFIDENCE[this.#worst]
  }

  get took(): DurationSummary | null {
    return this.#took && durationsOf(this.#took)
  }

  /** By errno. */
  get failed(): ReadonlyMap<string, number> {
    return this.#failed ?? NOTHING
  }

  /**
   * Files mapped shared and writable, and the bytes that these mappings cover; `before`: those of which only saved /proc
   * state tells. Memory has no disk behind it.
   */
  get mapped(): { files: number; bytesUpperBound: number; before: number } {
    const mapped = { files: 0, bytesUpperBound: 0, before: 0 }
    for (const [name, ranges] of this.#mapped ?? []) {
      if (!isStored(kindOf(name.file))) continue
      mapped.files++
      mapped.bytesUpperBound += ranges.bytes
      if (this.#before?.has(name)) mapped.before++
    }
    return mapped
  }

  add(activity: Activity, file: FileName | null): void {
    const { kind, call, bytes } = activity
    switch (kind) {
      case 'flush':
        increment(this.flushes, call, 1)
        this.flushTotal++
        if (!Number.isNaN(activity.tookNs)) (this.#took ??= new Latencies()).add(activity.tookNs)
        break
      case 'hint':
        if (call === 'msync') this.msyncAsync++
        else this.syncFileRange++
        break
      case 'failed':
        this.failedTotal++
        this.#fail(activity.errno ?? UNKNOWN)
        break
      case 'write':
        if (activity.scope === 'unknown') {
          this.unknownCalls++
          this.unknownBytes += bytes
        } else {
          this.writeCalls++
          this.writeBytes += bytes
        }
        break
      case 'mapped':
      case 'held':
        if (file && activity.mapped) this.#map(file, activity.mapped.fileOffset, bytes, kind === 'held')
        return
      default: // details that no count is made of
        return
    }
    this.#trust(activity)
  }

  #fail(errno: string): void {
    const failed = (this.#failed ??= new Map())
    increment(failed, failed.has(errno) || failed.size < MAX_ERRNOS ? errno : UNKNOWN, 1)
  }

  #map(file: FileName, start: number, bytes: number, before: boolean): void {
    this.#mapped ??= new Map()
    if (!before) this.#before?.delete(file)
    else if (!this.#mapped.has(file)) (this.#before ??= new Set()).add(file)
    let ranges = this.#mapped.get(file)
    if (!ranges) this.#mapped.set(file, (ranges = new Ranges()))
    ranges.add(start, start + bytes)
  }

  #trust(activity: Activity): void {
    if (activity.kind !== 'flush' && activity.kind !== 'write') return
    const nameless = activity.scope === 'filesystem' && activity.targets.length === 0
    if (activity.scope === 'unknown' || nameless) this.#worst = LEAST_SURE
    // Told by elimination: no file that was seen being mapped is there.
    else if (activity.scope === 'memory' && this.subject.kind === 'file') this.#worst = Math.max(this.#worst, INFERRED)
    const { targets } = activity
    for (let k = 0; k < targets.length && this.#worst < LEAST_SURE; k++) {
      this.#worst = Math.max(this.#worst, CONFIDENCE.indexOf(targets[k].confidence))
    }
  }
}

/** Linux has no more (MAX_ERRNO of include/linux/err.h): what comes beyond is no errno. */
const MAX_ERRNOS = 4095
const UNKNOWN = 'unknown'
const NOTHING: ReadonlyMap<string, number> = new Map()
const NO_SHARES = new Map<never, Share>()

/** From sure to unsure: a group is as sure as its least sure part. */
const CONFIDENCE: readonly Confidence[] = ['exact', 'snapshot', 'inferred', 'ambiguous', 'unknown']
const INFERRED = CONFIDENCE.indexOf('inferred')
const LEAST_SURE = CONFIDENCE.length - 1

/** What one of its files, or of its processes, has of an activity of the group. */
export function addShare<K>(shares: Map<K, Share>, key: K, activity: Activity): void {
  let share = shares.get(key)
  if (!share) shares.set(key, (share = { flushes: 0, bytes: 0, byCall: new Map(), mapped: false }))
  if (activity.kind === 'flush') {
    share.flushes++
    increment(share.byCall, activity.call, 1)
  } else if (activity.kind === 'write') share.bytes += activity.bytes
  else if (activity.kind === 'mapped' || activity.kind === 'held') share.mapped = true
}

function increment<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by)
}
