/** What the tests of every reader read from: bytes in memory as a Source. */
import type { Source } from '../src/index.ts'

/** Hands the bytes over in pieces of `chunk` bytes; each piece is overwritten afterwards, as a reused buffer would be. */
export function memorySource(bytes: Uint8Array, path = 'memory', chunk = 1 << 20): Source {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunk) {
      const piece = Uint8Array.prototype.slice.call(bytes, at, at + chunk)
      yield piece
      piece.fill(0x7e)
    }
  }
  return { path, bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
}
