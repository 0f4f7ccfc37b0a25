/**
 * Chunks of bytes → lines, without copying the ones that lie in one chunk. A line may be of any length: written data
 * printed with a large -s can make one of a gigabyte. Past SQUEEZE_FROM bytes the contents of its strings are dropped
 * beyond STRING_BYTES, so that the rest, which is all that matters, stays small and is scanned like any other line.
 */
import { withRoom } from '@flushtrace/trace'

const SQUEEZE_FROM = 1 << 20
/** A path is at most 4,096 bytes, four times that when all are escaped. */
const STRING_BYTES = 1 << 15
/** What is left of the longest call that makes sense: arrays of structs without any string. */
const MAX_SQUEEZED = 1 << 23
/** Most lines. */
const LEAST = 1 << 8

const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c

export class LineCarry {
  #buf: Buffer = Buffer.allocUnsafe(LEAST)
  length = 0
  /** The line was longer than MAX_SQUEEZED even so; what is kept is only its beginning. */
  overflow = false
  #squeezing = false
  #inString = false
  #escaped = false
  #skipEscaped = false
  #stringBytes = 0

  get buffer(): Buffer {
    return this.#buf
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    this.#append(bytes, start, end)
    // A look ahead over the end of the line meets what it would meet in a chunk, not bytes of an older line.
    this.#reserve(this.length + 1)
    this.#buf[this.length] = LF
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#squeezing) {
      if (this.length + (end - start) <= SQUEEZE_FROM) {
        this.#reserve(this.length + (end - start))
        this.#buf.set(bytes.subarray(start, end), this.length)
        this.length += end - start
        return
      }
      this.#squeezing = true
      const before = Buffer.from(this.#buf.subarray(0, this.length))
      this.length = 0
      this.#squeeze(before, 0, before.length)
    }
    this.#squeeze(bytes, start, end)
  }

  reset(): void {
    this.length = 0
    this.overflow = false
    this.#squeezing = false
    this.#inString = false
    this.#escaped = false
    this.#skipEscaped = false
    this.#stringBytes = 0
    if (this.#buf.length > 2 * SQUEEZE_FROM) this.#buf = Buffer.allocUnsafe(LEAST)
  }

  #squeeze(bytes: Uint8Array, start: number, end: number): void {
    for (let p = start; p < end;) {
      if (this.length >= MAX_SQUEEZED) {
        this.overflow = true
        return
      }
      if (this.#inString && !this.#escaped && this.#stringBytes >= STRING_BYTES) {
        p = this.#skipString(bytes, p, end)
        continue
      }
      const c = bytes[p++]
      this.#reserve(this.length + 1)
      this.#buf[this.length++] = c
      if (this.#inString) this.#stringBytes++
      // Outside strings too: a decoration's `\"` opens none.
      if (this.#escaped) this.#escaped = false
      else if (c === BACKSLASH) this.#escaped = true
      else if (c === QUOTE) {
        this.#inString = !this.#inString
        this.#stringBytes = 0
      }
    }
  }

  /** To the closing quote (not past it), or to the end of the piece. */
  #skipString(bytes: Uint8Array, p: number, end: number): number {
    for (; p < end; p++) {
      const c = bytes[p]
      if (this.#skipEscaped) this.#skipEscaped = false
      else if (c === BACKSLASH) this.#skipEscaped = true
      else if (c === QUOTE) {
        this.#stringBytes = 0
        return p
      }
    }
    return p
  }

  #reserve(length: number): void {
    this.#buf = withRoom(this.#buf, this.length, length)
  }
}
