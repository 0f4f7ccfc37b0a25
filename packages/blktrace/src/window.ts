/** The bytes of a source at hand, as bytes and as 32-bit words: what is not read yet is brought to a multiple of 4. */
import { HEADER_V2 } from './wire.ts'

export const WINDOW = 1 << 18
/** No record is longer: header and the largest payload a u16 can state. */
const MAX_RECORD = HEADER_V2 + 0xffff + 4

export class Window {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  /** Up to where the bytes are read, and where they end. */
  pos = 0
  end = 0
  /** Offset in the source of the first byte. */
  offset = 0
  /** Nothing comes behind `end`. */
  last = false
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)
  #chunkPos = 0

  /** The window is WINDOW bytes of `buffer` from `offset` on. */
  constructor(chunks: AsyncIterable<Uint8Array>, buffer: ArrayBuffer = new ArrayBuffer(WINDOW), offset = 0) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.bytes = new Uint8Array(buffer, offset, WINDOW)
    this.words = new Uint32Array(buffer, offset, WINDOW >>> 2)
  }

  /** Takes in as much as there is room for, at least one record; the byte at the position becomes the first. */
  async fill(): Promise<void> {
    const { bytes } = this
    bytes.copyWithin(0, this.pos, this.end)
    this.offset += this.pos
    this.end -= this.pos
    this.pos = 0
    while (this.end < WINDOW) {
      if (this.#chunkPos >= this.#chunk.length) {
        if (this.end >= MAX_RECORD) return
        const { done, value } = await this.#chunks.next()
        if (done) {
          this.last = true
          return
        }
        this.#chunk = value
        this.#chunkPos = 0
        continue
      }
      const count = Math.min(WINDOW - this.end, this.#chunk.length - this.#chunkPos)
      bytes.set(this.#chunk.subarray(this.#chunkPos, this.#chunkPos + count), this.end)
      this.end += count
      this.#chunkPos += count
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
