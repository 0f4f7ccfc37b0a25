/** What a thread runs that parses logs, one after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { Diagnostics, type Extra } from '@flushtrace/trace'
import { StraceParser } from './parser.ts'
import { BATCHES, PIECES, type News, type Order, type Report, type SharedMemory } from './thread-messages.ts'

const { pieces, batches, free } = workerData as SharedMemory
const buffers = pieces.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length))
let parser: StraceParser
let diagnostics: Diagnostics
let piece = 0
let batch = 0
/** What the other thread knows of the parser's tables. */
let told: { strings: unknown; texts: number; names: number }

parentPort?.on('message', (order: Order) => {
  if (order.kind === 'log') {
    diagnostics = new Diagnostics()
    parser = new StraceParser(order.path, diagnostics, { tid: order.tid })
    told = { strings: null, texts: 0, names: 0 }
  } else if (order.kind === 'piece') {
    parse(buffers[piece].subarray(0, order.length))
    piece = (piece + 1) % PIECES
    report({ kind: 'taken' })
  } else {
    parser.end()
    if (parser.batch.length > 0) sendRows()
    report({ kind: 'done', ...news() })
  }
})

function parse(bytes: Uint8Array): void {
  for (let pos = 0; pos < bytes.length;) {
    pos = parser.consume(bytes, pos)
    if (pos < bytes.length) {
      sendRows()
      parser.recycle()
    }
  }
}

function sendRows(): void {
  const { length, clock, origin, strings, names, extra } = parser.batch
  while (Atomics.load(free, 0) === 0) Atomics.wait(free, 0, 0)
  Atomics.sub(free, 0, 1)
  const columns = parser.batch.columns()
  for (const [k, column] of batches[batch].entries()) column.set(columns[k].subarray(0, length))
  batch = (batch + 1) % BATCHES

  const renewed = told.strings !== strings
  if (renewed) told = { strings, texts: 0, names: 0 }
  const texts = Array.from({ length: strings.size - told.texts }, (_, k) => strings.text(told.texts + k))
  const some: [number, Extra][] = []
  for (let i = 0; i < length; i++) {
    const one = extra[i]
    if (one) some.push([i, one])
  }
  const rows = { length, clock, origin, renewed, strings: texts, names: names.slice(told.names), extra: some }
  report({ kind: 'rows', ...rows, ...news() })
  told = { strings, texts: strings.size, names: names.length }
}

function news(): News {
  return { facts: parser.facts, diagnostics: diagnostics.drain() }
}

function report(message: Report): void {
  parentPort?.postMessage(message)
}
