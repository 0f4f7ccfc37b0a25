/**
 * A log that another thread parses while this one keeps the state. It gets the bytes in pieces, and gives back the very
 * batches that its parser would have given here, in memory that both share: nothing is translated, only strings that are
 * new come as messages. Neither runs far ahead of the other: there are so many pieces and batches.
 */
import { Worker } from 'node:worker_threads'
import { CallBatch, StringTable, type Diagnostics, type FdName, type Source } from '@flushtrace/trace'
import type { StraceFacts } from './facts.ts'
import {
  BATCHES,
  PIECES,
  PIECE_BYTES,
  type Order,
  type Report,
  type Rows,
  type SharedMemory,
} from './thread-messages.ts'

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './strace-thread.ts' : './strace-thread.js', import.meta.url)

/** Started, and without a log: starting one takes some 30 ms. */
const idle: ParserThread[] = []

/** The batches of `source`; `facts` and `diagnostics` are as far as they. Throws TraceError. */
export async function* parsedBeside(
  source: Source,
  tid: number,
  facts: StraceFacts,
  diagnostics: Diagnostics,
): AsyncGenerator<CallBatch> {
  const thread = idle.pop() ?? new ParserThread()
  let done = false
  try {
    thread.begin(source, tid)
    for (;;) {
      const report = await thread.next()
      Object.assign(facts, report.facts)
      diagnostics.merge(report.diagnostics)
      if (report.kind === 'done') break
      yield thread.batchOf(report)
      thread.giveBack()
    }
    thread.rest()
    idle.push(thread)
    done = true
  } finally {
    if (!done) thread.stop()
  }
}

type Batch = Rows | Extract<Report, { kind: 'done' }>

class ParserThread {
  readonly #worker: Worker
  readonly #pieces = Array.from({ length: PIECES }, () => new Uint8Array(new SharedArrayBuffer(PIECE_BYTES)))
  readonly #batches = Array.from({ length: BATCHES }, () => new CallBatch(new StringTable(), [], CallBatch.ROWS, true))
  readonly #free = new Int32Array(new SharedArrayBuffer(4)).fill(BATCHES)
  #strings = new StringTable()
  #names: FdName[] = []
  /** The next piece to be filled, and how many the parser has not taken yet. */
  #piece = 0
  #underWay = 0
  #batch = 0
  readonly #reports: Batch[] = []
  #failure: Error | null = null
  #stopped = false
  #onReport = (): void => {}
  #onTaken = (): void => {}

  constructor() {
    const memory: SharedMemory = {
      pieces: this.#pieces,
      batches: this.#batches.map((batch) => batch.columns()),
      free: this.#free,
    }
    this.#worker = startWorker(memory)
    this.#worker.on('message', (report: Report) => this.#told(report))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.unref()
  }

  /** Has the source parsed from now on: see `next`. */
  begin(source: Source, tid: number): void {
    this.#worker.ref()
    this.#strings = new StringTable()
    this.#order({ kind: 'log', path: source.path, tid })
    this.#feed(source).catch((error: Error) => this.#fail(error))
  }

  async next(): Promise<Batch> {
    for (;;) {
      if (this.#failure) throw this.#failure
      const report = this.#reports.shift()
      if (report) return report
      await new Promise<void>((resolve) => (this.#onReport = resolve))
    }
  }

  /** The rows as a batch, to be given back when it has been used. */
  batchOf({ length, clock, origin, renewed, strings, names, extra }: Rows): CallBatch {
    if (renewed) {
      this.#strings = new StringTable()
      this.#names = []
    }
    for (const text of strings) this.#strings.add(text)
    this.#names.push(...names)
    const batch = this.#batches[this.#batch]
    Object.assign(batch, { length, clock, origin, strings: this.#strings, names: this.#names })
    for (const [row, one] of extra) batch.extra[row] = one
    return batch
  }

  giveBack(): void {
    this.#batches[this.#batch].extra.fill(null)
    this.#batch = (this.#batch + 1) % BATCHES
    Atomics.add(this.#free, 0, 1)
    Atomics.notify(this.#free, 0)
  }

  /** Without a log it does not keep the process alive. */
  rest(): void {
    this.#worker.unref()
  }

  stop(): void {
    this.#stopped = true
    this.#onTaken()
    this.#worker.terminate().catch(() => {})
  }

  async #feed(source: Source): Promise<void> {
    for await (const chunk of source.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        while (this.#underWay === PIECES && !this.#stopped) {
          await new Promise<void>((resolve) => (this.#onTaken = resolve))
        }
        if (this.#stopped) return
        const piece = chunk.subarray(at, at + PIECE_BYTES)
        this.#pieces[this.#piece].set(piece)
        this.#piece = (this.#piece + 1) % PIECES
        this.#underWay++
        this.#order({ kind: 'piece', length: piece.length })
      }
    }
    this.#order({ kind: 'end' })
  }

  #order(order: Order): void {
    this.#worker.postMessage(order)
  }

  #told(report: Report): void {
    if (report.kind === 'taken') {
      this.#underWay--
      this.#onTaken()
    } else {
      this.#reports.push(report)
      this.#onReport()
    }
  }

  #fail(error: Error): void {
    this.#failure = error
    this.#onReport()
  }
}

/** In a checkout the entry is TypeScript, which a new thread must be told how to load. */
function startWorker(workerData: SharedMemory): Worker {
  if (!ENTRY.pathname.endsWith('.ts')) return new Worker(ENTRY, { workerData })
  const [tsx, file] = [import.meta.resolve('tsx/esm/api'), ENTRY.href].map((url) => JSON.stringify(url))
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${file}) })`
  return new Worker(load, { eval: true, workerData })
}
