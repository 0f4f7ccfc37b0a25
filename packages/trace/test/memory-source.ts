/** What the tests of every reader read from: bytes in memory as a Source. */
import type { Source } from '../src/index.ts'

/** Hands the bytes over in pieces of `chunk` bytes, in the reader's `room` where it has one; each piece is overwritten afterwards, as a reused buffer would be. */
export function memorySource(bytes: Uint8Array, path = 'memory', chunk = 1 << 20): Source {
  async function* chunks(room?: Buffer): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunk) {
      const length = Math.min(chunk, bytes.length - at)
      const piece = room && length <= room.length ? room.subarray(0, length) : new Uint8Array(length)
      piece.set(bytes.subarray(at, at + length))
      yield piece
      piece.fill(0x7e)
    }
  }
  return { path, bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
}
