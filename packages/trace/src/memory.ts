/**
 * Memory is looked at while sources are read, so that a reading that grows without end is refused in one line and does
 * not end as a crash of the machine or of the JavaScript engine.
 */
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { TraceError } from './errors.ts'
import { nowMs } from './now-ms.ts'

/** Of the machine's memory, or of what a container grants, when no limit is given. */
const DEFAULT_SHARE = 0.75
/** Of V8's own limit: beyond it the engine ends the process without a word of ours. */
const HEAP_SHARE = 0.9
/** Asking the system takes a hundredth of the time that reading a piece does, and in between there is room left for what grows. */
const FRESH_MS = 20

export interface MemoryUse {
  /** All of the process. */
  readonly residentBytes: number
  readonly heapBytes: number
  readonly heapLimitBytes: number
}

export class MemoryWatch {
  readonly limitBytes: number
  readonly #use: () => MemoryUse

  constructor(limitBytes: number = defaultLimit(), use: () => MemoryUse = nowAndThen(memoryUse)) {
    this.limitBytes = limitBytes
    this.#use = use
  }

  /** Throws when the limit is passed. `path` is what is being read, `bytes` how much of it has been; null: all. */
  look(path: string, bytes: number | null): void {
    const { residentBytes, heapBytes, heapLimitBytes } = this.#use()
    const place = `after ${bytes === null ? 'all' : mib(bytes)} of ${path}`
    if (residentBytes > this.limitBytes) {
      throw new TraceError(
        'limit/memory',
        `--max-memory: ${mib(residentBytes)} in use ${place}, the limit is ${mib(this.limitBytes)}; what grows is what the trace names (processes, files, descriptors, rows): raise it with --max-memory ${mib(Math.max(this.limitBytes, residentBytes) * 2).replace(' MiB', 'M')}, or read fewer sources at once`,
        { path, offset: bytes ?? undefined },
      )
    }
    if (heapBytes > heapLimitBytes * HEAP_SHARE) {
      throw new TraceError(
        'limit/heap',
        `${mib(heapBytes)} of Node's own ${mib(heapLimitBytes)} in use ${place}; what grows is what the trace names (processes, files, descriptors, rows): raise it with NODE_OPTIONS=--max-old-space-size=${Math.ceil((heapLimitBytes * 2) / (1 << 20))}, or read fewer sources at once`,
        { path, offset: bytes ?? undefined },
      )
    }
  }
}

function defaultLimit(): number {
  // 0, or more than there is: no container's limit.
  const granted = process.constrainedMemory?.() ?? 0
  return DEFAULT_SHARE * (granted > 0 ? Math.min(granted, totalmem()) : totalmem())
}

function nowAndThen(use: () => MemoryUse): () => MemoryUse {
  let seen = use()
  let seenMs = nowMs()
  return () => {
    const atMs = nowMs()
    if (atMs - seenMs > FRESH_MS) {
      seen = use()
      seenMs = atMs
    }
    return seen
  }
}

function memoryUse(): MemoryUse {
  const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics()
  return { residentBytes: process.memoryUsage.rss(), heapBytes, heapLimitBytes }
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))} MiB`
}
