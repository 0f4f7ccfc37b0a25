/**
 * The calls that can lead to block writes, kept until the block trace beside them has been read: 62 bytes a call and
 * file. In the order in which they were emitted; times are ns since the start of the answer.
 */
import type { Activity } from '../activity.ts'
import { Column, Names, orderOf } from './column.ts'
import type { Actors } from './actors.ts'
import type { FileBook } from './file-book.ts'

export const CALL = {
  /** Made one file durable: its data is queued inside the call. */
  flush: 0,
  /** A write through O_SYNC, O_DSYNC or RWF_*SYNC: the same, for what it wrote. */
  syncWrite: 1,
  /** Bytes to a file; O_DIRECT ones are queued inside the call. */
  write: 2,
  /** Async write handed over (io_submit). */
  submitted: 3,
  /** sync_file_range, msync(MS_ASYNC). */
  hint: 4,
  renamed: 5,
  closed: 6,
  /** Writable shared mapping. */
  mapped: 7,
  freed: 8,
  /** sync(), syncfs(): every dirty file. */
  flushAll: 9,
  /** Pages made dirty without a write: defragmenting. */
  dirtied: 10,
} as const

export const THROUGH: readonly Activity['through'][] = ['cache', 'direct', 'sync']

/** Calls inside which the task itself may queue data of the file: the likelier first where several hold a moment. */
export const QUEUES = CALL.closed

const KIND: Readonly<Record<Activity['kind'], number>> = {
  flush: CALL.flush,
  // Data is on its way before an error is known.
  failed: CALL.flush,
  hint: CALL.hint,
  write: CALL.write,
  mapped: CALL.mapped,
  held: CALL.mapped,
  submitted: CALL.submitted,
  freed: CALL.freed,
  renamed: CALL.renamed,
  closed: CALL.closed,
  dirtied: CALL.dirtied,
}

export class CallLog {
  readonly kind = new Column(Uint8Array)
  readonly tid = new Column(Int32Array)
  readonly actor = new Column(Int32Array)
  /** FileBook number; -1: the call shows none (sync, unknown descriptor). */
  readonly file = new Column(Int32Array)
  readonly call = new Column(Int32Array)
  readonly startNs = new Column(Float64Array)
  /** NaN: not told. */
  readonly endNs = new Column(Float64Array)
  readonly bytes = new Column(Float64Array)
  readonly offset = new Column(Float64Array)
  /** Of writes: index in THROUGH. */
  readonly through = new Column(Uint8Array)
  readonly source = new Column(Int32Array)
  readonly record = new Column(Float64Array)
  readonly names = new Names()
  readonly #book: FileBook
  readonly #actors: Actors

  constructor(book: FileBook, actors: Actors) {
    this.#book = book
    this.#actors = actors
  }

  get length(): number {
    return this.kind.length
  }

  /** `atNs`: the entry on the answer's clock. */
  add(activity: Activity, atNs: number): void {
    // The write that io_getevents reaps was logged when it was submitted.
    if (activity.kind === 'write' && activity.via === 'io_submit') return
    const kind = kindOf(activity)
    const actor = this.#actors.ofTask(activity.task)
    const { targets } = activity
    if (targets.length === 0 || targets[0].confidence === 'ambiguous') {
      if (kind === CALL.flush || kind === CALL.flushAll) this.#push(activity, kind, actor, -1, atNs)
      return
    }
    for (const { name } of targets) {
      this.#push(activity, kind, actor, this.#book.traced(name.file, name.path, atNs), atNs)
      if (kind === CALL.flushAll) break
    }
  }

  #push(activity: Activity, kind: number, actor: number, file: number, atNs: number): void {
    this.kind.push(kind)
    this.tid.push(activity.task.tid)
    this.actor.push(actor)
    this.file.push(file)
    this.call.push(this.names.id(activity.call))
    // It is told when its task is first met.
    this.startNs.push(activity.kind === 'held' ? -Infinity : atNs)
    this.endNs.push(atNs + activity.tookNs)
    this.bytes.push(activity.bytes)
    this.offset.push(activity.offset)
    this.through.push(THROUGH.indexOf(activity.through))
    this.source.push(activity.source)
    this.record.push(activity.record)
  }

  /** Rows in the order of their entry. */
  inOrder(): Uint32Array {
    return orderOf(this.startNs.values)
  }
}

function kindOf({ kind, call, scope }: Activity): number {
  if (kind !== 'flush') return KIND[kind]
  if (scope === 'system' || scope === 'filesystem') return CALL.flushAll
  return call === 'syncWrite' ? CALL.syncWrite : CALL.flush
}
