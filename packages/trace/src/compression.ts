/** gzip and zstd, told by their magic bytes (RFC 1952, RFC 8878) and decoded as a stream. */
import { Readable } from 'node:stream'
import type { Gunzip } from 'node:zlib'
import { TraceError } from './errors.ts'

export type Compression = 'gzip' | 'zstd'

/** null: packed by neither of them. */
export function sniffCompression(head: Uint8Array): Compression | null {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head.length >= 4 && head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  return null
}

/**
 * zlib's default pieces of 16 KiB make it four to five times slower. With so much input at hand its thread goes on while a
 * piece is parsed: with the default, it mostly waited for the main thread to fetch more.
 */
const PIECE_BYTES = 1 << 20
/** A small file needs no piece of a MiB, and V8 collects garbage again and again where a thousand of them have one each. */
const LEAST_PIECE_BYTES = 1 << 14

/** As a rule of thumb: text is sixteen times as large as what it was packed into. */
export function unpackedBytes(bytes: number, compression: Compression | null): number {
  return compression === null ? bytes : 16 * bytes
}

function optionsFor(
  compression: Compression,
  bytes: number | null,
): { chunkSize: number; writableHighWaterMark: number } {
  const unpacked = bytes === null ? PIECE_BYTES : unpackedBytes(bytes, compression)
  const chunkSize = Math.max(LEAST_PIECE_BYTES, Math.min(PIECE_BYTES, unpacked))
  return { chunkSize, writableHighWaterMark: chunkSize }
}

/**
 * Errors of the decoder (cut, damaged) are thrown from the iteration, after what could be decoded. `again` begins anew with
 * the same bytes; null where they can be read once only, as from a pipe: then what the decoder got in one write with the
 * damage is lost, and that is said. `bytes`: of the packed file, where that is known.
 */
export async function* decompress(
  compression: Compression,
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  again: (() => AsyncIterable<Uint8Array>) | null,
  bytes: number | null = null,
): AsyncIterable<Buffer> {
  const { createGunzip, ...zlib } = await import('node:zlib') // slow to load, and most traces are not packed
  // In Node since 22.15; the types of older releases do not know it.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: object) => Gunzip }
  const create = compression === 'gzip' ? createGunzip : createZstdDecompress
  const options = optionsFor(compression, bytes)
  const decoder = create?.(options)
  let given = 0
  try {
    for await (const piece of decoder ? pump(pieces, decoder) : zstdChild(pieces, path, [])) {
      given += piece.length
      yield piece
    }
  } catch (error) {
    // Of a source that is cut, nothing was lost.
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof TraceError || code === 'Z_BUF_ERROR' || (!again && !(decoder && code?.startsWith('Z'))))
      throw error
    if (!again) throw new Error(`${(error as Error).message}; ${LOST_WITH_IT}`, { cause: error })
    yield* create && decoder
      ? lastOf(again, () => create(options), decoder.bytesWritten, given)
      : after(zstdChild(again(), path, ['--no-check']), given)
    throw error
  }
}

/** All but the first bytes; ends where the decoder fails: the reason is known. */
async function* after(pieces: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let at = 0
  try {
    for await (const piece of pieces) {
      if (at + piece.length > bytes) yield piece.subarray(Math.max(0, bytes - at))
      at += piece.length
    }
  } catch {}
}

/** Once more up to the write that failed, from byte `safe` on; that in ever smaller writes, so that nothing is lost with it. */
async function* lastOf(
  again: () => AsyncIterable<Uint8Array>,
  create: () => Gunzip,
  safe: number,
  given: number,
): AsyncGenerator<Buffer> {
  for (const bytes of [1 << 8, 1]) {
    const decoder = create()
    for await (const piece of after(writes(slices(again(), safe, bytes), decoder), given)) {
      given += piece.length
      yield piece
    }
    safe = decoder.bytesWritten
  }
}

/** What each write gives is taken before the next one, which may fail. */
async function* writes(pieces: AsyncIterable<Uint8Array>, decoder: Gunzip): AsyncGenerator<Buffer> {
  const ready: Buffer[] = []
  decoder.on('data', (piece: Buffer) => ready.push(piece))
  let failure: Error | null = null
  decoder.on('error', (error) => (failure = error))
  const closed = new Promise((resolve) => decoder.once('close', resolve))
  try {
    for await (const piece of pieces) {
      await Promise.race([closed, new Promise((resolve) => decoder.write(piece, resolve))])
      yield* ready.splice(0)
      if (failure) throw failure as Error
    }
  } finally {
    decoder.destroy()
  }
}

/** What a decoder was given in the same write as the first damaged byte is lost at first: so it isn't given much at once. */
const WRITE_BYTES = 1 << 16

const LOST_WITH_IT = `up to ${WRITE_BYTES >> 10} KiB of compressed data before that place are lost, too, as a pipe is read once: save it to a file`

/** From byte `fineFrom` on, of `fine` bytes each. */
async function* slices(pieces: AsyncIterable<Uint8Array>, fineFrom = Infinity, fine = 1): AsyncGenerator<Uint8Array> {
  let done = 0
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const left = fineFrom - done
      const end = at + (left > 0 ? Math.min(WRITE_BYTES, left) : fine)
      const slice = piece.subarray(at, end)
      yield slice
      at += slice.length
      done += slice.length
    }
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

/** `zstd: /*stdin*\ : Decoding error (36) : Data corruption detected`: what it reads has no name that says anything. */
const SPEAKER = /^(?:zstd: )?(?:\/\*stdin\*\\)?[\s:]*/

async function* zstdChild(
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  options: readonly string[],
): AsyncGenerator<Buffer> {
  const { spawn } = await import('node:child_process')
  const child = spawn('zstd', ['-dcq', ...options], { stdio: ['pipe', 'pipe', 'pipe'] })
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
    if (code !== 0) throw new Error(complaint.trim().replace(SPEAKER, '') || `zstd ended with code ${code}`)
  } finally {
    input.destroy()
    child.kill()
  }
}
