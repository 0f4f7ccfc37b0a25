/** What a thread runs that parses logs, several at a time: none waits for another one's rows to be used. */
import { parentPort } from 'node:worker_threads'
import { Diagnostics, type Extra } from '@flushtrace/trace'
import { StraceParser } from './parser.ts'
import type { News, Order, Report, ReportOf, SharedMemory } from './thread-messages.ts'

const logs = new Map<number, Log>()

class Log {
  readonly #id: number
  readonly #parser: StraceParser
  readonly #diagnostics = new Diagnostics()
  readonly #pieces: readonly Buffer[]
  readonly #batches: SharedMemory['batches']
  /** What is there of the pieces; the first one is parsed up to `pos`. */
  readonly #ready: Buffer[] = []
  /** The next piece to be there. */
  #piece = 0
  #pos = 0
  #batch = 0
  #free: number
  /** The parser's batch must be sent before it goes on. */
  #full = false
  #rest: 'to come' | 'there' | 'parsed' = 'to come'
  /** What the other thread knows of the parser's tables. */
  #told = { strings: null as unknown, texts: 0, names: 0 }

  constructor(id: number, path: string, tid: number, memory: SharedMemory) {
    this.#id = id
    this.#parser = new StraceParser(path, this.#diagnostics, { tid })
    this.#pieces = memory.pieces.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length))
    this.#batches = memory.batches
    this.#free = memory.batches.length
  }

  takePiece(start: number, length: number): void {
    this.#ready.push(this.#pieces[this.#piece].subarray(start, start + length))
    this.#piece = (this.#piece + 1) % this.#pieces.length
    this.#parse()
  }

  takeBatch(): void {
    this.#free++
    this.#parse()
  }

  end(): void {
    this.#rest = 'there'
    this.#parse()
  }

  /** As far as there are pieces, and batches for the rows. */
  #parse(): void {
    const parser = this.#parser
    for (;;) {
      if (this.#full) {
        if (this.#free === 0) return
        this.#sendRows()
        parser.recycle()
        this.#full = false
      }
      if (this.#ready.length > 0) this.#parsePiece()
      else if (this.#rest === 'to come') return
      else if (this.#rest === 'parsed') break
      else {
        parser.end()
        this.#rest = 'parsed'
        this.#full = parser.batch.length > 0
      }
    }
    this.#report({ kind: 'done', ...this.#news() })
    logs.delete(this.#id)
  }

  #parsePiece(): void {
    const [piece] = this.#ready
    this.#pos = this.#parser.consume(piece, this.#pos)
    this.#full = this.#pos < piece.length
    if (this.#full) return
    this.#ready.shift()
    this.#pos = 0
    this.#report({ kind: 'taken' })
  }

  #sendRows(): void {
    const { length, clock, origin, strings, names, extra } = this.#parser.batch
    const columns = this.#parser.batch.columns()
    for (const [k, column] of this.#batches[this.#batch].entries()) column.set(columns[k].subarray(0, length))
    this.#batch = (this.#batch + 1) % this.#batches.length
    this.#free--

    const renewed = this.#told.strings !== strings
    if (renewed) this.#told = { strings, texts: 0, names: 0 }
    const told = this.#told
    const texts = Array.from({ length: strings.size - told.texts }, (_, k) => strings.text(told.texts + k))
    const some: [number, Extra][] = []
    for (let i = 0; i < length; i++) {
      const one = extra[i]
      if (one) some.push([i, one])
    }
    const rows = { length, clock, origin, renewed, strings: texts, names: names.slice(told.names), extra: some }
    this.#report({ kind: 'rows', ...rows, ...this.#news() })
    this.#told = { strings, texts: strings.size, names: names.length }
  }

  #news(): News {
    return { facts: this.#parser.facts, diagnostics: this.#diagnostics.drain() }
  }

  #report(report: Report): void {
    parentPort?.postMessage({ log: this.#id, report } satisfies ReportOf)
  }
}

parentPort?.on('message', (order: Order) => {
  const { log } = order
  switch (order.kind) {
    case 'begin':
      logs.set(log, new Log(log, order.path, order.tid, order.memory))
      break
    case 'piece':
      logs.get(log)?.takePiece(order.start, order.length)
      break
    case 'free':
      logs.get(log)?.takeBatch()
      break
    case 'end':
      logs.get(log)?.end()
      break
    case 'drop':
      logs.delete(log)
      break
  }
})
