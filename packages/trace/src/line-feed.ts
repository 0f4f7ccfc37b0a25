/** Chunks of bytes → lines, without copying the ones that lie in one chunk. */
import { withRoom } from './bytes.ts'
import type { Source } from './source.ts'

export interface LineSink {
  /** One line, without its end (LF or CRLF). `whole` is false for the last one when its line end is missing. */
  line(buf: Uint8Array, start: number, end: number, whole: boolean): void
  /** A line longer than any event: skipped. */
  longLine(): void
  /** Whether no more lines can be taken before the batch was handed on. */
  readonly full: boolean
}

export class LineFeed {
  readonly #sink: LineSink
  readonly #maxLine: number
  #carry: Buffer = Buffer.allocUnsafe(1 << 12)
  #length = 0
  #overflow = false

  /** `maxLine`: bytes of the longest line that can be an event. */
  constructor(sink: LineSink, maxLine: number) {
    this.#sink = sink
    this.#maxLine = maxLine
  }

  /** The whole of a source; stops each time the sink is full, for it to be emptied. What came last is left in it. */
  async *fill(source: Source): AsyncGenerator<void> {
    for await (const chunk of source.chunks()) {
      for (let pos = 0; pos < chunk.length;) {
        pos = this.consume(chunk, pos)
        if (this.#sink.full) yield
      }
    }
    this.end()
  }

  /** Takes lines from `pos`; returns where it stopped: the end, or earlier when the sink is full. */
  consume(chunk: Uint8Array, pos: number): number {
    while (!this.#sink.full) {
      const end = chunk.indexOf(0x0a, pos)
      if (end < 0) {
        this.#keep(chunk, pos, chunk.length)
        return chunk.length
      }
      if (this.#length > 0 || this.#overflow) {
        this.#keep(chunk, pos, end)
        this.#flush(true)
      } else this.#line(chunk, pos, end, true)
      pos = end + 1
    }
    return pos
  }

  /** After the last chunk. */
  end(): void {
    if (this.#length > 0 || this.#overflow) this.#flush(false)
  }

  #line(buf: Uint8Array, start: number, end: number, whole: boolean): void {
    if (end - start > this.#maxLine) this.#sink.longLine()
    else this.#sink.line(buf, start, end > start && buf[end - 1] === 0x0d ? end - 1 : end, whole)
  }

  #flush(whole: boolean): void {
    const length = this.#length
    this.#length = 0
    if (this.#overflow) this.#sink.longLine()
    else this.#line(this.#carry, 0, length, whole)
    this.#overflow = false
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start
    if (this.#overflow || length > this.#maxLine) {
      this.#overflow = true
      this.#length = 0
      return
    }
    this.#carry = withRoom(this.#carry, this.#length, length)
    this.#carry.set(chunk.subarray(start, end), this.#length)
    this.#length = length
  }
}
