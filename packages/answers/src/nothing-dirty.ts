/**
 * Pattern: a flush of a file that nothing in this trace made dirty since its last successful flush.
 *
 * 1. Only of files that this trace shows written: then it shows such calls. The first flush of a file is never counted:
 *    what was dirty before the trace, or that the file is new, is for it.
 * 2. A file is clean after an fsync or fdatasync that began when every write and truncation seen had ended. fdatasync
 *    leaves metadata (times of the inode) behind: only another fdatasync finds nothing then (fdatasync(2)).
 * 3. fallocate, truncation, and every change of its names make it dirty again (`changes`). So does a failed flush.
 * 4. Synchronous writes do, too: they flush a range, and not the times of the inode with O_DSYNC.
 * 5. Where writes may go unseen nothing is counted: files mapped writable or written by io_submit, flushes by a process
 *    that uses io_uring or whose mappings are not known; and every file after a write through a descriptor that the
 *    trace does not name, until its next flush.
 * Changes of mode, owner and extended attributes are not looked at, nor is what untraced processes did.
 */
import { kindOf, type Activity, type Task, type TracedFile } from '@flushtrace/correlate'
import { Occurrences } from './occurrences.ts'

type State =
  | { kind: 'dirty'; untilNs: number }
  | { kind: 'clean'; metadata: boolean; changes: number; unnamed: number }
  /** Written in a way that does not show. */
  | { kind: 'unseen' }

export class NothingDirty {
  readonly seen = new Occurrences()
  readonly byCall = new Map<string, number>()
  /** Ends with the file. */
  readonly #states = new WeakMap<TracedFile, State>()
  /** Writes so far through descriptors whose file is not known. */
  #unnamed = 0

  add(activity: Activity): void {
    const { kind, call, scope, targets, atNs, tookNs } = activity
    switch (kind) {
      case 'write':
      case 'freed':
      case 'dirtied':
        if (scope === 'unknown') this.#unnamed++
        for (const { name } of targets) this.#dirty(name.file, Number.isNaN(tookNs) ? atNs : atNs + tookNs)
        break
      case 'failed':
        for (const { name } of targets) if (this.#states.has(name.file)) this.#dirty(name.file, atNs)
        break
      case 'mapped':
      case 'held':
      case 'submitted':
        if (scope === 'unknown') this.#unnamed++
        for (const { name } of targets) this.#states.set(name.file, { kind: 'unseen' })
        break
      case 'flush':
        if (call === 'fsync' || call === 'fdatasync') this.#flush(activity)
        break
      default:
        break
    }
  }

  #dirty(file: TracedFile, untilNs: number): void {
    const state = this.#states.get(file)
    if (state?.kind === 'unseen') return
    // The later end, of calls that overlap; NaN stays: without times, none is known to be over.
    if (state?.kind === 'dirty') state.untilNs = Math.max(state.untilNs, untilNs)
    else this.#states.set(file, { kind: 'dirty', untilNs })
  }

  #flush({ call, targets, atNs, tookNs, task }: Activity): void {
    if (targets.length !== 1 || (targets[0].confidence !== 'exact' && targets[0].confidence !== 'snapshot')) return
    const { name } = targets[0]
    const { file } = name
    const state = this.#states.get(file)
    const type = kindOf(file)
    if (!state || state.kind === 'unseen' || (type !== 'regular' && type !== null)) return
    if (state.kind === 'dirty' && !(state.untilNs <= atNs)) return
    const { changes } = file
    const unchanged = state.kind === 'clean' && state.changes === changes && state.unnamed === this.#unnamed
    const metadata = unchanged && state.metadata
    if (unchanged && (metadata || call === 'fdatasync') && showsStores(task, file)) {
      this.seen.add(name, task.process, tookNs)
      this.byCall.set(call, (this.byCall.get(call) ?? 0) + 1)
    }
    this.#states.set(file, { kind: 'clean', metadata: metadata || call === 'fsync', changes, unnamed: this.#unnamed })
  }
}

/** Whether what the task's process can do to the file without a write call is known, and is nothing. */
function showsStores({ process, space }: Task, file: TracedFile): boolean {
  if (process.uring || !space.complete || !space.shows) return false
  for (const region of space.regions) if (region.writable && region.file === file) return false
  return true
}
