/** How many threads may read, and which sources are worth one. */
import { availableParallelism } from 'node:os'
import { unpackedBytes } from './compression.ts'
import type { Source } from './source.ts'

/** What is smaller, all in all, has been read before another thread is there. */
const FROM_BYTES = 1 << 24
/** Smaller ones of a set are one piece, and the thread that keeps the state has it at hand. */
const LEAST_BYTES = 1 << 20
/** Sources that other threads read at a time: each takes memory of its own for what is on its way. */
const MAX_SOURCES = 64

type Sized = Pick<Source, 'bytes' | 'compression'>

export class Threads {
  readonly #small: boolean
  readonly #leastBytes: number
  /** By thread beside the one that keeps the state: the sources that it reads, and their bytes. */
  readonly #sources: number[]
  readonly #bytes: number[]

  /**
   * `sources`: all that are to be read. Without `count`: as many threads as there are processors, or FLUSHTRACE_THREADS,
   * which is for tests: then the size of a source does not matter.
   */
  constructor(count?: number, sources: readonly Sized[] = []) {
    const told = Number(process.env.FLUSHTRACE_THREADS) || 0
    const beside = (count ?? (told || availableParallelism())) - 1
    this.#sources = Array<number>(beside).fill(0)
    this.#bytes = Array<number>(beside).fill(0)
    this.#small = told === 0 && sources.reduce((sum, source) => sum + sizeOf(source), 0) < FROM_BYTES
    this.#leastBytes = told > 0 ? 0 : LEAST_BYTES
  }

  /**
   * The number of the thread that reads a source, the one that has least to read; -1: the one that keeps the state. To be
   * given back. A pipe has no size: it is as slow as its writer.
   */
  take(source: Sized): number {
    const size = sizeOf(source)
    const under = this.#sources.reduce((sum, sources) => sum + sources, 0)
    if (under >= MAX_SOURCES || size < this.#leastBytes || (this.#small && size < FROM_BYTES)) return -1
    let least = -1
    for (const [thread, bytes] of this.#bytes.entries()) if (least < 0 || bytes < this.#bytes[least]) least = thread
    if (least < 0) return -1
    this.#sources[least]++
    this.#bytes[least] += size
    return least
  }

  giveBack(thread: number, source: Sized): void {
    this.#sources[thread]--
    this.#bytes[thread] -= sizeOf(source)
  }
}

function sizeOf({ bytes, compression }: Sized): number {
  return unpackedBytes(bytes ?? 0, compression)
}
