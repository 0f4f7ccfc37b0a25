/** Every flush of the calls, numbered in the order of entry from 1: `--flush N` means the same flush with any filter. */
import type { Activity, Scope, Target, TracedFile, TracedProcess } from '@flushtrace/correlate'

export interface Flush {
  readonly call: string
  readonly process: TracedProcess
  readonly tid: number
  /** The task's own name where it has one. */
  readonly name: string | null
  /** sync, syncfs: it asks for whatever is dirty. */
  readonly everything: boolean
  readonly scope: Scope
  /** Files it is for; empty where the trace names none. `guessed`: one of several. */
  readonly files: readonly { readonly file: TracedFile; readonly path: string }[]
  readonly guessed: boolean
  readonly confidence: Target['confidence']
  /** ns since the start of the answer; NaN: the trace has no times. */
  readonly startNs: number
  /** NaN: it has no durations. */
  readonly tookNs: number
  readonly source: number
  readonly record: number
  /** It began later than its line says: `startNs` is when the file system saw it. */
  readonly moved: boolean
}

/** Some 80 MB. Later ones are counted, and what they took is added up. */
export const MAX_FLUSHES = 1 << 18

export class FlushList {
  readonly #flushes: Flush[] = []
  /** Flushes beyond MAX_FLUSHES, and their time; NaN where one has none. */
  readonly beyond = { flushes: 0, tookNs: 0 }

  add({ kind, call, task, scope, targets, tookNs, source, record }: Activity, atNs: number): void {
    if (kind !== 'flush') return
    if (this.#flushes.length >= MAX_FLUSHES) {
      this.beyond.flushes++
      this.beyond.tookNs += tookNs
      return
    }
    this.#flushes.push({
      call,
      process: task.process,
      tid: task.tid,
      name: task.name,
      scope,
      everything: scope === 'system' || scope === 'filesystem',
      files: targets.map(({ name: { file, path } }) => ({ file, path })),
      guessed: targets[0]?.confidence === 'ambiguous',
      confidence: targets[0]?.confidence ?? (scope === 'system' ? 'exact' : 'unknown'),
      startNs: atNs,
      tookNs,
      source,
      record,
      moved: false,
    })
  }

  /** By entry; calls of one moment, and calls without times, as they were told. */
  inOrder(): readonly Flush[] {
    const timeless = this.#flushes.some(({ startNs }) => Number.isNaN(startNs))
    return timeless ? this.#flushes : this.#flushes.toSorted((a, b) => a.startNs - b.startNs)
  }
}
