/** Activities → sums by process, thread, file, call or container. */
import { isCounted, isStored, kindOf, type Activity, type FileName, type TracedProcess } from '@flushtrace/correlate'
import type { ActivityContext } from './analysis.ts'
import { FlushAtEnd } from './flush-at-end.ts'
import { FlushGroups } from './flush-groups.ts'
import { FlushPerWrite } from './flush-per-write.ts'
import { Group, addShare, type Subject } from './group.ts'
import { MsyncPairs } from './msync-pairs.ts'
import { NothingDirty } from './nothing-dirty.ts'
import { SafeReplace } from './safe-replace.ts'
import { SmallSyncWrites } from './small-sync-writes.ts'

export const DIMENSIONS = ['process', 'thread', 'file', 'call', 'device', 'container'] as const
export type Dimension = (typeof DIMENSIONS)[number]

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
      if (this.dimension === 'file') addShare(group.processes, task.process, activity)
      else if (name && (kind === 'flush' || kind === 'write')) addShare(group.files, name, activity)
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

  #group(activity: Activity, name: FileName | null, containerOf: ActivityContext['containerOf']): Group {
    const { task, call, scope } = activity
    switch (this.dimension) {
      case 'process':
        return this.#of(task.process) ?? this.#new(task.process, { kind: 'process', process: task.process })
      case 'thread':
        return this.#of(task) ?? this.#new(task, { kind: 'thread', task })
      case 'container': {
        const container = containerOf(activity)
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
}
