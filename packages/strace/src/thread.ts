/**
 * Logs that other threads parse while this one keeps the state. A thread gets the bytes in pieces, and gives back the very
 * batches that its parser would have given here, in memory that both share: nothing is translated, only strings that are
 * new come as messages. Neither runs far ahead of the other: of each log there are so many pieces and batches. A thread
 * may have several logs; none of them waits for another.
 */
import { Worker } from 'node:worker_threads'
import { CallBatch, StringTable, type Diagnostics, type FdName, type Source } from '@flushtrace/trace'
import type { StraceFacts } from './facts.ts'
import {
  ALONE,
  AMONG_OTHERS,
  type Done,
  type Order,
  type Report,
  type ReportOf,
  type Room,
  type Rows,
} from './thread-messages.ts'

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './strace-thread.ts' : './strace-thread.js', import.meta.url)

/** By number. Starting one takes some 30 ms, so they are kept. */
const started = new Map<number, ParserThread>()

/** The batches of `source`, parsed by thread `number`; `facts` and `diagnostics` are as far as they. Throws TraceError. */
export async function* parsedBeside(
  number: number,
  source: Source,
  tid: number,
  facts: StraceFacts,
  diagnostics: Diagnostics,
): AsyncGenerator<CallBatch> {
  const thread = started.get(number) ?? new ParserThread(number)
  const log = thread.begin(source, tid)
  try {
    for (;;) {
      const report = await log.next()
      Object.assign(facts, report.facts)
      diagnostics.merge(report.diagnostics)
      if (report.kind === 'done') return
      yield log.batchOf(report)
      log.giveBack()
    }
  } finally {
    log.stop()
  }
}

class ParserThread {
  readonly #worker = startWorker()
  readonly #logs = new Map<number, LogBeside>()
  #begun = 0
  #awaited = 0

  constructor(number: number) {
    started.set(number, this)
    this.#worker.on('message', ({ log, report }: ReportOf) => this.#logs.get(log)?.told(report))
    this.#worker.on('error', (error) => {
      started.delete(number)
      for (const log of this.#logs.values()) log.fail(error)
    })
    this.#worker.unref()
  }

  begin(source: Source, tid: number): LogBeside {
    const id = this.#begun++
    const log = new LogBeside(this, id, this.#logs.size === 0 ? ALONE : AMONG_OTHERS)
    this.#logs.set(id, log)
    log.begin(source, tid)
    return log
  }

  order(order: Order): void {
    this.#worker.postMessage(order)
  }

  forget(log: number): void {
    this.#logs.delete(log)
    this.order({ log, kind: 'drop' })
  }

  /** It keeps the process alive only while somebody waits for it. */
  async awaited(told: Promise<void>): Promise<void> {
    if (this.#awaited++ === 0) this.#worker.ref()
    await told
    if (--this.#awaited === 0) this.#worker.unref()
  }
}

/** One log on its way there and back. */
class LogBeside {
  readonly #thread: ParserThread
  readonly #id: number
  readonly #pieces: readonly Buffer[]
  readonly #batches: readonly CallBatch[]
  #strings = new StringTable()
  #names: FdName[] = []
  /** The next piece to be filled, and how many the parser has not taken yet. */
  #piece = 0
  #underWay = 0
  #batch = 0
  readonly #reports: (Rows | Done)[] = []
  #failure: Error | null = null
  #stopped = false
  #onReport = (): void => {}
  #onTaken = (): void => {}

  constructor(thread: ParserThread, id: number, { pieces, pieceBytes, batches }: Room) {
    this.#thread = thread
    this.#id = id
    this.#pieces = Array.from({ length: pieces }, () => Buffer.from(new SharedArrayBuffer(pieceBytes)))
    this.#batches = Array.from({ length: batches }, () => new CallBatch(new StringTable(), [], CallBatch.ROWS, true))
  }

  /** Has the source parsed from now on: see `next`. */
  begin(source: Source, tid: number): void {
    const memory = { pieces: this.#pieces, batches: this.#batches.map((batch) => batch.columns()) }
    this.#thread.order({ log: this.#id, kind: 'begin', path: source.path, tid, memory })
    this.#feed(source).catch((error: Error) => this.fail(error))
  }

  async next(): Promise<Rows | Done> {
    for (;;) {
      if (this.#failure) throw this.#failure
      const report = this.#reports.shift()
      if (report) return report
      await this.#thread.awaited(new Promise((resolve) => (this.#onReport = resolve)))
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
    this.#batch = (this.#batch + 1) % this.#batches.length
    this.#thread.order({ log: this.#id, kind: 'free' })
  }

  stop(): void {
    this.#stopped = true
    this.#onTaken()
    this.#thread.forget(this.#id)
  }

  told(report: Report): void {
    if (report.kind === 'taken') {
      this.#underWay--
      this.#onTaken()
    } else {
      this.#reports.push(report)
      this.#onReport()
    }
  }

  fail(error: Error): void {
    this.#failure = error
    this.#onReport()
  }

  async #feed(source: Source): Promise<void> {
    const pieces = this.#pieces
    for await (const chunk of source.chunks(pieces)) {
      if (chunk.buffer === pieces[this.#piece].buffer) this.#hand(0, chunk.length)
      else await this.#copy(chunk)
      // Of those that are free then, one is the next piece's, and one may be written to meanwhile.
      await this.#taken(pieces.length - 2)
      if (this.#stopped) return
    }
    this.#thread.order({ log: this.#id, kind: 'end' })
  }

  async #copy(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      await this.#taken(this.#pieces.length - 1)
      if (this.#stopped) return
      const piece = this.#pieces[this.#piece]
      // To memory that threads share V8 copies eight bytes at a time, but where they are not aligned alike one.
      const start = (chunk.byteOffset + at) % 8
      const part = chunk.subarray(at, at + piece.length - start)
      piece.set(part, start)
      at += part.length
      this.#hand(start, part.length)
    }
  }

  #hand(start: number, length: number): void {
    this.#piece = (this.#piece + 1) % this.#pieces.length
    this.#underWay++
    this.#thread.order({ log: this.#id, kind: 'piece', start, length })
  }

  /** Until the parser has at most `pieces` left. */
  async #taken(pieces: number): Promise<void> {
    while (this.#underWay > pieces && !this.#stopped) await new Promise<void>((resolve) => (this.#onTaken = resolve))
  }
}

/** In a checkout the entry is TypeScript, which a new thread must be told how to load. */
function startWorker(): Worker {
  if (!ENTRY.pathname.endsWith('.ts')) return new Worker(ENTRY)
  const [tsx, file] = [import.meta.resolve('tsx/esm/api'), ENTRY.href].map((url) => JSON.stringify(url))
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${file}) })`
  return new Worker(load, { eval: true })
}
