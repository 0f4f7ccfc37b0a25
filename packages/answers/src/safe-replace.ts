/**
 * Pattern: a file is written anew, flushed, and renamed into place, so that after a crash either the old or the new one
 * is there; a flush of the directory then makes the name durable as well.
 *
 * 1. The file begins empty in this trace (made with O_EXCL or O_TMPFILE, or truncated by its open: `begun`), or its
 *    rename takes the place of a file that the trace knows. A log that is flushed and later rotated away is none.
 * 2. It was written (or mapped) and then flushed by fsync or fdatasync, and not written again before its rename. Only
 *    flushes after the last write count as its cost.
 * 3. The first fsync or fdatasync of the new name's directory afterwards, by whomever, belongs to it; one may serve several.
 */
import type { Activity, FileName, TracedFile } from '@flushtrace/correlate'
import { Occurrences } from './occurrences.ts'

type NameNode = TracedFile['nodes'] extends Set<infer N> ? N : never

/** Renames into one directory since its last flush. */
interface Waiting {
  renames: number
}

type State = { phase: 'written' } | { phase: 'flushed'; flushNs: number } | { phase: 'placed'; waiting: Waiting | null }

const WRITTEN: State = { phase: 'written' }

export class SafeReplace {
  readonly seen = new Occurrences()
  /** Renames whose directory was flushed afterwards, the flushes that did so, and what these took. */
  withDirectory = 0
  directoryFlushes = 0
  directoryNs = 0
  /** Ends with the file. */
  readonly #states = new WeakMap<TracedFile, State>()
  /** By directory; ends with it. */
  readonly #waiting = new WeakMap<NameNode, Waiting>()
  /** The last rename that took the place of a known file: told right before `renamed`. */
  #replacedAt: { source: number; record: number } | null = null

  add({ kind, call, targets, tookNs, task, source, record }: Activity): void {
    if (targets.length !== 1 || targets[0].confidence === 'ambiguous') return
    const { name } = targets[0]
    const { file } = name
    switch (kind) {
      case 'write':
      case 'mapped':
        this.#written(file)
        break
      case 'freed':
        if (call.startsWith('rename')) this.#replacedAt = { source, record }
        // Truncated by its open: it begins again.
        else if (/^open|^creat/.test(call)) this.#states.delete(file)
        break
      case 'flush':
        if (call === 'fsync' || call === 'fdatasync') this.#flushed(file, tookNs)
        break
      case 'renamed': {
        const state = this.#states.get(file)
        // On to a further name: a flush of the directory is not for the one it had there.
        if (state?.phase === 'placed' && state.waiting) {
          state.waiting.renames--
          state.waiting = null
        }
        if (state?.phase !== 'flushed') break
        const replaces = this.#replacedAt?.source === source && this.#replacedAt.record === record
        if (!file.begun && !replaces) break
        this.seen.add(name, task.process, state.flushNs)
        this.#states.set(file, { phase: 'placed', waiting: this.#waitingFor(name) })
        break
      }
      default:
        break
    }
  }

  #waitingFor(name: FileName): Waiting | null {
    for (const { parent, fileName } of name.file.nodes) {
      if (!parent || fileName !== name) continue
      const waiting = this.#waiting.get(parent) ?? { renames: 0 }
      this.#waiting.set(parent, waiting)
      waiting.renames++
      return waiting
    }
    return null
  }

  #written(file: TracedFile): void {
    const state = this.#states.get(file)
    if (!state || state.phase === 'flushed') this.#states.set(file, WRITTEN)
  }

  #flushed(file: TracedFile, tookNs: number): void {
    const state = this.#states.get(file)
    if (state?.phase === 'flushed') state.flushNs += tookNs
    else if (state?.phase === 'written') this.#states.set(file, { phase: 'flushed', flushNs: tookNs })
    for (const node of file.nodes) {
      const waiting = this.#waiting.get(node)
      this.#waiting.delete(node)
      if (!waiting || waiting.renames === 0) continue
      this.withDirectory += waiting.renames
      this.directoryFlushes++
      this.directoryNs += tookNs
    }
  }
}
