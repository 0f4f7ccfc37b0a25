/**
 * Pattern: a file is written anew, flushed, and renamed into place, so that after a crash either the old or the new one
 * is there; a flush of the directory then makes the name durable as well.
 *
 * 1. The file begins empty in this trace: made with O_EXCL or O_TMPFILE, or truncated by its open (`begun`). A log that is
 *    flushed and later rotated away is none.
 * 2. It was written (or mapped) and then flushed by fsync or fdatasync, and not written again before its rename. Whether
 *    another file had the new name, a trace does not always show: not asked.
 * 3. The first fsync or fdatasync of the new name's directory afterwards, by whomever, belongs to it; one may serve several.
 */
import type { Activity, FileName } from '@flushtrace/correlate'
import { Occurrences } from './occurrences.ts'

type TracedFile = FileName['file']
type NameNode = TracedFile['nodes'] extends ReadonlySet<infer N> ? N : never

type State = { phase: 'written'; flushNs: number } | { phase: 'flushed'; flushNs: number } | { phase: 'placed' }

export class SafeReplace {
  readonly seen = new Occurrences()
  /** Renames whose directory was flushed afterwards, the flushes that did so, and what these took. */
  withDirectory = 0
  directoryFlushes = 0
  directoryNs = 0
  /** Ends with the file. */
  readonly #states = new WeakMap<TracedFile, State>()
  /** Directory → renames in it since its last flush. Ends with the directory. */
  readonly #waiting = new WeakMap<NonNullable<NameNode>, number>()

  add({ kind, call, targets, tookNs, task }: Activity): void {
    if (targets.length !== 1 || targets[0].confidence === 'ambiguous') return
    const { name } = targets[0]
    const { file } = name
    switch (kind) {
      case 'write':
      case 'mapped':
        this.#written(file)
        break
      case 'freed':
        // Truncated by its open: it begins again.
        if (/^open|^creat/.test(call)) this.#states.delete(file)
        break
      case 'flush':
        if (call === 'fsync' || call === 'fdatasync') this.#flushed(file, tookNs)
        break
      case 'renamed': {
        const state = this.#states.get(file)
        if (state?.phase !== 'flushed') break
        this.seen.add(name, task.process, state.flushNs)
        this.#states.set(file, { phase: 'placed' })
        for (const { parent, fileName } of file.nodes) {
          if (parent && fileName === name) this.#waiting.set(parent, (this.#waiting.get(parent) ?? 0) + 1)
        }
        break
      }
      default:
        break
    }
  }

  #written(file: TracedFile): void {
    const state = this.#states.get(file)
    if (state?.phase === 'flushed') this.#states.set(file, { phase: 'written', flushNs: state.flushNs })
    else if (!state && file.begun) this.#states.set(file, { phase: 'written', flushNs: 0 })
  }

  #flushed(file: TracedFile, tookNs: number): void {
    const state = this.#states.get(file)
    if (state && state.phase !== 'placed') {
      this.#states.set(file, { phase: 'flushed', flushNs: state.flushNs + tookNs })
    }
    for (const node of file.nodes) {
      const renames = this.#waiting.get(node)
      if (renames === undefined) continue
      this.#waiting.delete(node)
      this.withDirectory += renames
      this.directoryFlushes++
      this.directoryNs += tookNs
    }
  }
}
