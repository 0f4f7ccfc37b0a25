/** How many threads may read, and which sources are worth one. */
import { availableParallelism } from 'node:os'

/** What is smaller has been read before another thread is there. */
const FROM_BYTES = 1 << 24
/** Text is so many times as large, at least, as what it was packed into. */
const PACKED = 8

export class Threads {
  readonly #fromBytes: number
  /** That may still be taken, beside the one that keeps the state. */
  #free: number

  /**
   * Without `count`: as many as there are processors, or FLUSHTRACE_THREADS, which is for tests: then the size of a source
   * does not matter.
   */
  constructor(count?: number) {
    const told = Number(process.env.FLUSHTRACE_THREADS) || 0
    this.#free = (count ?? (told || availableParallelism())) - 1
    this.#fromBytes = told > 0 ? 0 : FROM_BYTES
  }

  /** Whether a thread is taken for a source; it is to be given back. A pipe has no size: it is as slow as its writer. */
  take({ bytes, compression }: { readonly bytes: number | null; readonly compression: string | null }): boolean {
    const size = (bytes ?? 0) * (compression === null ? 1 : PACKED)
    if (this.#free < 1 || size < this.#fromBytes) return false
    this.#free--
    return true
  }

  giveBack(): void {
    this.#free++
  }
}
