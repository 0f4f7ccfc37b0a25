/** What the tests of every reader read from: bytes in memory as a Source. */
import type { Source } from '../src/index.ts'

const JUNK = 0x7e

/**
 * Hands the bytes over in pieces of `chunk` bytes, and writes over what is not valid any more: the piece before, or, where
 * they fit into the buffers of the reader's `room`, the buffer that is next.
 */
export function memorySource(bytes: Uint8Array, path = 'memory', chunk = 1 << 20): Source {
  async function* chunks(room?: readonly Buffer[]): AsyncGenerator<Uint8Array> {
    const buffers = room && chunk <= room[0].length ? room : null
    for (let k = 0; k * chunk < bytes.length; k++) {
      const piece = Buffer.from(bytes.subarray(k * chunk, (k + 1) * chunk))
      if (buffers) {
        const buffer = buffers[k % buffers.length]
        buffer.set(piece)
        buffers[(k + 1) % buffers.length].fill(JUNK, 0, chunk)
        yield buffer.subarray(0, piece.length)
      } else {
        yield piece
        piece.fill(JUNK)
      }
    }
  }
  return { path, bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
}
