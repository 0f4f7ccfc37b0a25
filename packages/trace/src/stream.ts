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
  await take(raw, 4, first)
  const compression = sniffCompression(Buffer.concat(first))
  const packed = prepend(first, raw, progress)
  const pieces = compression ? decompress(compression, packed, path, again, bytes) : packed
  const rest = pieces[Symbol.asyncIterator]()
  const heads: Buffer[] = []
  const cut = (error: unknown, offset: number): void => {
    if (error instanceof TraceError) throw error
    diagnostics.add(CUT, { source: path, offset }, `${path}: ${reason(error as NodeJS.ErrnoException)}`)
  }
  await take(rest, HEAD_BYTES, heads).catch((error: unknown) => cut(error, Buffer.concat(heads).length))
  const head = Buffer.concat(heads)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head
    let given = head.length
    try {
      for (;;) {
        const { done, value } = await rest.next()
        if (done) return
        given += value.length
        yield value
      }
    } catch (error) {
      cut(error, given)
    } finally {
      input.destroy()
    }
  }
  async function close(): Promise<void> {
    await rest.return?.()
    input.destroy()
  }
  return { path, bytes, compression, head: head.subarray(0, HEAD_BYTES), chunks, close }
}

/** Pieces of `least` bytes in all, or up to the end. What came before a failure is in `into`, too. */
async function take(pieces: AsyncIterator<Buffer>, least: number, into: Buffer[]): Promise<void> {
  for (let length = 0; length < least;) {
    const { done, value } = await pieces.next()
    if (done) return
    into.push(value)
    length += value.length
  }
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
