/** gzip and zstd, told by their magic bytes (RFC 1952, RFC 8878) and decoded as a stream. */
import { Readable } from 'node:stream'
import type { Gunzip } from 'node:zlib'
import { TraceError } from './errors.ts'

export type Compression = 'gzip' | 'zstd'

export function sniffCompression(head: Uint8Array): Compression | null {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head.length >= 4 && head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  return null
}

/**
 * zlib's default pieces of 16 KiB make it four to five times slower. With so much input at hand its thread goes on while a
 * piece is parsed: with the default, it mostly waited for the main thread to fetch more.
 */
const OPTIONS = { chunkSize: 1 << 20, writableHighWaterMark: 1 << 20 }

/** Errors of the decoder (cut, damaged) are thrown from the iteration, after what could be decoded. */
export async function* decompress(
  compression: Compression,
  pieces: AsyncIterable<Uint8Array>,
  path: string,
): AsyncIterable<Buffer> {
  const { createGunzip, ...zlib } = await import('node:zlib') // slow to load, and most traces are not packed
  // In Node since 22.15; the types of older releases do not know it.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Gunzip }
  const create = compression === 'gzip' ? createGunzip : createZstdDecompress
  yield* create ? pump(pieces, create(OPTIONS)) : zstdChild(pieces, path)
}

/** What a decoder was given in the same write as the first damaged byte is lost: so it isn't given much at once. */
const WRITE_BYTES = 1 << 16

async function* slices(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += WRITE_BYTES) yield piece.subarray(at, at + WRITE_BYTES)
  }
}

async function* pump(pieces: AsyncIterable<Uint8Array>, decoder: Gunzip): AsyncGenerator<Buffer> {
  const input = Readable.from(slices(pieces))
  input.on('error', (error) => decoder.destroy(error))
  input.pipe(decoder, { end: false })
  // It is told of the end when it has taken all: what it decodes together with an end that comes too early is lost.
  input.on('end', () => decoder.write(Buffer.alloc(0), () => decoder.end()))
  try {
    yield* decoder
  } finally {
    input.destroy()
    decoder.destroy()
  }
}

async function* zstdChild(pieces: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Buffer> {
  const { spawn } = await import('node:child_process')
  const child = spawn('zstd', ['-dcq'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let failure: Error | null = null
  child.on('error', () => {
    failure = new TraceError(
      'source/zstd',
      `${path}: compressed with zstd, which this Node cannot decode; install zstd, use Node 22.15 or newer, or unpack it first`,
      { path },
    )
  })
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(0, 200)))
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  const input = Readable.from(pieces)
  // The decoder stops reading when it meets damage: EPIPE here is told by its exit code below.
  child.stdin.on('error', () => {})
  input.on('error', () => child.kill())
  input.pipe(child.stdin)
  try {
    yield* child.stdout as AsyncIterable<Buffer>
    const code = await exit
    if (failure) throw failure as Error
    if (code !== 0) throw new Error(complaint.trim().replace(/^.*?:\s*/, '') || `zstd ended with code ${code}`)
  } finally {
    input.destroy()
    child.kill()
  }
}
