/** Activities → sums by process, thread, file or call. */
import { bisector } from 'd3-array'
import {
  isCounted,
  isStored,
  kindOf,
  type Activity,
  type Confidence,
  type FileName,
  type Scope,
  type Task,
  type TracedProcess,
} from '@flushtrace/correlate'
import type { ActivityContext } from './analyze.ts'
import { Durations, type DurationSummary } from './durations.ts'
import { FlushAtEnd } from './flush-at-end.ts'
import { FlushGroups } from './flush-groups.ts'
import { FlushPerWrite } from './flush-per-write.ts'
import { NothingDirty } from './nothing-dirty.ts'
import { SafeReplace } from './safe-replace.ts'
import { SmallSyncWrites } from './small-sync-writes.ts'

export const DIMENSIONS = ['process', 'thread', 'file', 'call', 'device', 'container'] as const
export type Dimension = (typeof DIMENSIONS)[number]

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

/** Made when first needed: a trace may hold a hundred thousand processes, and most never fail, map or hint. */
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
  #took: Durations | null = null
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
    return this.#took?.summary() ?? null
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
        if (!Number.isNaN(activity.tookNs)) (this.#took ??= new Durations()).add(activity.tookNs)
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
    if (activity.scope === 'unknown' || nameless) this.#worst = CONFIDENCE.length - 1
    // Told by elimination: no file that was seen being mapped is there.
    else if (activity.scope === 'memory' && this.subject.kind === 'file') this.#worst = Math.max(this.#worst, INFERRED)
    for (const target of activity.targets) {
      const rank = CONFIDENCE.indexOf(target.confidence)
      if (rank > this.#worst) this.#worst = rank
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

export class Tally {
  readonly dimension: Dimension
  readonly total = new Group({ kind: 'call', call: '' })
  /** What was flushed, and by whom, over all rows. */
  readonly flushedFiles = new Set<FileName>()
  flushingProcesses = 0
  /** That have a file mapped writable. */
  mappingProcesses = 0
  /** Flushes of a file that the sources do not name. */
  unnamedFlushes = 0
  /** Whose a task is, for the requests that block traces show of it. */
  readonly processOf = new Map<number, TracedProcess>()
  readonly #byObject = new Map<unknown, Group>()
  /** Flushes of whole file systems (syncfs), by the file whose descriptor named them: no flushes of that file. */
  readonly #fileSystems = new Map<unknown, Group>()
  readonly #flushing = new WeakSet<TracedProcess>()
  readonly #mapping = new WeakSet<TracedProcess>()
  readonly pairs = new MsyncPairs()
  readonly flushGroups = new FlushGroups()
  readonly perWrite = new FlushPerWrite()
  readonly atEnd = new FlushAtEnd()
  readonly safeReplace = new SafeReplace()
  /** null: not all that could make a file dirty is seen. */
  readonly nothingDirty: NothingDirty | null
  readonly smallSync = new SmallSyncWrites()

  /** `everything`: no filter hides who else wrote to a file, or mapped it. */
  constructor(dimension: Dimension, everything: boolean) {
    this.dimension = dimension
    this.nothingDirty = everything ? new NothingDirty() : null
  }

  add(activity: Activity, { containerOf, hasBlocks }: ActivityContext): void {
    const { kind, targets, task } = activity
    this.safeReplace.add(activity)
    this.nothingDirty?.add(activity)
    const maps = kind === 'mapped' || kind === 'held'
    if (!maps && !isCounted(kind)) return
    if (hasBlocks) this.processOf.set(task.tid, task.process)
    this.total.add(activity, targets[0]?.name ?? null)
    if (maps && isStored(kindOf(targets[0].name.file)) && !this.#mapping.has(task.process)) {
      this.#mapping.add(task.process)
      this.mappingProcesses++
    }
    if (kind === 'flush') {
      if (activity.scope === 'unknown') this.unnamedFlushes++
      if (!this.#flushing.has(task.process)) {
        this.#flushing.add(task.process)
        this.flushingProcesses++
      }
    }
    // Of several candidates the first is the guess; the others get no credit.
    const credited = targets[0]?.confidence === 'ambiguous' ? 1 : Math.max(1, targets.length)
    for (let k = 0; k < credited; k++) {
      const name = targets[k]?.name ?? null
      if (name && kind === 'flush') this.flushedFiles.add(name)
      // A mapping is no call that wrote or flushed; it counts where its process or file is the subject.
      if (maps && this.dimension === 'call') continue
      if (this.dimension === 'device') continue
      const group = this.#group(activity, name, containerOf)
      // A call that touched two files is one call of its process and one of each file.
      if (k === 0 || this.dimension === 'file') group.add(activity, name)
      if (this.dimension === 'file') this.#share(group.processes, task.process, activity)
      else if (name && (kind === 'flush' || kind === 'write')) this.#share(group.files, name, activity)
    }
    this.pairs.add(activity)
    const group = this.flushGroups.add(activity)
    if (group) {
      this.perWrite.add(group)
      this.atEnd.add(group)
    }
    this.smallSync.add(activity)
  }

  get groups(): Group[] {
    return [...this.#byObject.values(), ...this.#fileSystems.values()]
  }

  /** Hands over the group of a process of which no more will come; undefined where there is none. */
  take(process: TracedProcess): Group | undefined {
    const group = this.#byObject.get(process)
    this.#byObject.delete(process)
    return group
  }

  /** Hands over all groups, one after the other. */
  *takeAll(): Generator<Group> {
    for (const [key, group] of this.#byObject) {
      this.#byObject.delete(key)
      yield group
    }
  }

  #group(activity: Activity, name: FileName | null, containerOf: (tid: number) => string | null): Group {
    const { task, call, scope } = activity
    switch (this.dimension) {
      case 'process':
        return this.#of(task.process) ?? this.#new(task.process, { kind: 'process', process: task.process })
      case 'thread':
        return this.#of(task) ?? this.#new(task, { kind: 'thread', task })
      case 'container': {
        const container = containerOf(task.tid)
        const key = container ?? 'none'
        return this.#of(key) ?? this.#new(key, { kind: 'container', container })
      }
      case 'device':
      case 'call':
        return this.#of(call) ?? this.#new(call, { kind: 'call', call })
      case 'file': {
        const groups = name && scope === 'filesystem' ? this.#fileSystems : this.#byObject
        const key = name ?? scope
        return groups.get(key) ?? this.#new(key, { kind: 'file', name, scope }, groups)
      }
    }
  }

  #of(key: unknown): Group | undefined {
    return this.#byObject.get(key)
  }

  #new(key: unknown, subject: Subject, groups: Map<unknown, Group> = this.#byObject): Group {
    const group = new Group(subject)
    groups.set(key, group)
    return group
  }

  #share<K>(shares: Map<K, Share>, key: K, activity: Activity): void {
    let share = shares.get(key)
    if (!share) shares.set(key, (share = { flushes: 0, bytes: 0, byCall: new Map(), mapped: false }))
    if (activity.kind === 'flush') {
      share.flushes++
      increment(share.byCall, activity.call, 1)
    } else if (activity.kind === 'write') share.bytes += activity.bytes
    else if (activity.kind === 'mapped' || activity.kind === 'held') share.mapped = true
  }
}

/** Pairs of msync and fdatasync (or fsync) of one file, back to back in one task: what tdb and ldb do to be safe. */
class MsyncPairs {
  count = 0
  msyncFirst = 0
  msyncNs = 0
  syncNs = 0
  readonly files = new Map<FileName, number>()
  /** The task's last flush, while it has no partner. */
  readonly #single = new WeakMap<Task, { name: FileName; msync: boolean; tookNs: number }>()

  add(activity: Activity): void {
    if (activity.kind !== 'flush' || activity.targets.length !== 1) return
    const { task, call, tookNs } = activity
    const { name } = activity.targets[0]
    const msync = call === 'msync'
    const single = this.#single.get(task)
    if (!msync && call !== 'fdatasync' && call !== 'fsync') {
      this.#single.delete(task)
    } else if (single && single.name === name && single.msync !== msync) {
      this.#single.delete(task)
      this.count++
      if (single.msync) this.msyncFirst++
      this.msyncNs += msync ? tookNs : single.tookNs
      this.syncNs += msync ? single.tookNs : tookNs
      increment(this.files, name, 1)
    } else {
      this.#single.set(task, { name, msync, tookNs })
    }
  }
}

/** Mappings of one file that are told apart; of more, the span of all stands for them: it is an upper bound, too. */
const MAX_RANGES = 4096

const byStart = bisector(([start]: readonly [number, number]) => start)
const byEnd = bisector(([, end]: readonly [number, number]) => end)

/** A union of half-open ranges. */
export class Ranges {
  #ranges: [start: number, end: number][] = []

  add(start: number, end: number): void {
    if (!(end > start)) return
    // Sorted by start and apart from each other, so sorted by end as well: those from `from` to `to` touch the new one.
    const ranges = this.#ranges
    const from = byEnd.left(ranges, start)
    const to = byStart.right(ranges, end)
    if (from < to) {
      start = Math.min(start, ranges[from][0])
      end = Math.max(end, ranges[to - 1][1])
    }
    ranges.splice(from, to - from, [start, end])
    if (ranges.length > MAX_RANGES) this.#ranges = [[ranges[0][0], ranges[ranges.length - 1][1]]]
  }

  get bytes(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + (end - start), 0)
  }
}

function increment<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by)
}
