/** Sources that can be read once: a pipe, standard input, a compressed file. */
import type { Readable } from 'node:stream'
import { decompress, sniffCompression } from './compression.ts'
import type { Diagnostics, DiagnosticKind } from './diagnostics.ts'
import { TraceError } from './errors.ts'
import type { Source } from './source.ts'

/** Of every source: what the readers sniff. */
export const HEAD_BYTES = 1 << 16

const CUT: DiagnosticKind = {
  code: 'source/cut',
  severity: 'loss',
  message: 'A compressed source ends in the middle or is damaged: {}.',
  fix: 'copy or compress it again; what could be decoded before that place is used',
}

/** Bytes read so far (as on disk) and in all; null when a stream is among them. */
export type OnProgress = (done: number, total: number | null) => void

export class Progress {
  #done = 0
  #total: number | null = 0
  readonly #on: OnProgress

  constructor(on: OnProgress) {
    this.#on = on
  }

  expect(bytes: number | null): void {
    this.#total = bytes === null || this.#total === null ? null : this.#total + bytes
  }

  read(bytes: number): void {
    this.#done += bytes
    this.#on(this.#done, this.#total)
  }
}

export interface Stream extends Source {
  close(): Promise<void>
}

/** A pipe, standard input or a compressed file: can be read once. `again` opens the same bytes anew, where that is possible. */
export async function openStream(
  path: string,
  input: Readable,
  bytes: number | null,
  progress: Progress,
  diagnostics: Diagnostics,
  again: (() => Readable) | null = null,
): Promise<Stream> {
  const raw = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const first: Buffer[] = []
  let length = 0
  while (length < 4) {
    const { done, value } = await raw.next()
    if (done) break
    first.push(value)
    length += value.length
  }
  const compression = sniffCompression(Buffer.concat(first))
  const pieces = compression
    ? decompress(compression, prepend(first, raw, progress), path, again, bytes)
    : prepend(first, raw, progress)
  const iterator = pieces[Symbol.asyncIterator]()
  const heads: Buffer[] = []
  let headLength = 0
  const cut = (error: unknown): void =>
    diagnostics.add(CUT, { source: path, offset: headLength }, `${path}: ${reason(error as NodeJS.ErrnoException)}`)
  try {
    while (headLength < HEAD_BYTES) {
      const { done, value } = await iterator.next()
      if (done) break
      heads.push(value)
      headLength += value.length
    }
  } catch (error) {
    if (error instanceof TraceError) throw error
    cut(error)
  }
  const head = Buffer.concat(heads)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head
    try {
      for (;;) {
        const { done, value } = await iterator.next()
        if (done) return
        headLength += value.length
        yield value
      }
    } catch (error) {
      if (error instanceof TraceError) throw error
      cut(error)
    } finally {
      input.destroy()
    }
  }
  async function close(): Promise<void> {
    await iterator.return?.()
    input.destroy()
  }
  return { path, bytes, compression, head: head.subarray(0, HEAD_BYTES), chunks, close }
}

async function* prepend(first: Buffer[], rest: AsyncIterator<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for (const piece of first) {
    progress.read(piece.length)
    yield piece
  }
  for (;;) {
    const { done, value } = await rest.next()
    if (done) return
    progress.read(value.length)
    yield value
  }
}

/** What the operating system or zlib says. */
export function reason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such file or directory'
    case 'EACCES':
    case 'EPERM':
      return 'permission denied'
    case 'EISDIR':
      return 'is a directory'
    case 'Z_BUF_ERROR':
      return 'unexpected end of compressed data'
    default:
      return error.message
  }
}
