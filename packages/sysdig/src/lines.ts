/** Lines of a stream of chunks. */
import { withRoom } from '@flushtrace/trace'

/** Buffers printed with -v or a large snaplen stand on one line; nothing that is longer is an event. */
const MAX_LINE = 1 << 22

export class LineReader {
  #carry: Buffer = Buffer.allocUnsafe(1 << 12)
  #carried = 0
  /** The line at hand is too long: the rest of it is skipped. */
  #overflow = false

  /** The line being handed over is the last one, and has no line end. */
  ended = false

  get pending(): boolean {
    return this.#carried > 0 || this.#overflow
  }

  /** The next line from `pos` on, through `onLine(buf, start, end)` (end -1: too long); returns where to go on. */
  next(chunk: Uint8Array, pos: number, onLine: (buf: Uint8Array, start: number, end: number) => void): number {
    const end = chunk.indexOf(0x0a, pos)
    if (end < 0) {
      this.#append(chunk, pos, chunk.length)
      return chunk.length
    }
    if (this.pending) {
      this.#append(chunk, pos, end)
      this.#handOver(onLine)
    } else onLine(chunk, pos, end - pos > MAX_LINE ? -1 : end)
    return end + 1
  }

  /** What stands behind the last line end. */
  flush(onLine: (buf: Uint8Array, start: number, end: number) => void): void {
    if (!this.pending) return
    this.ended = true
    this.#handOver(onLine)
  }

  #handOver(onLine: (buf: Uint8Array, start: number, end: number) => void): void {
    const length = this.#overflow ? -1 : this.#carried
    this.#carried = 0
    this.#overflow = false
    onLine(this.#carry, 0, length)
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    const total = this.#carried + to - from
    if (this.#overflow || total > MAX_LINE) {
      this.#overflow = true
      this.#carried = 0
      return
    }
    this.#carry = withRoom(this.#carry, this.#carried, total)
    this.#carry.set(chunk.subarray(from, to), this.#carried)
    this.#carried = total
  }
}
