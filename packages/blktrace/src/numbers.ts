/** A position in a line, and the small readers that move it. One object a parser, reused for every line. */
const SPACE = 0x20
const TAB = 0x09
const DOT = 0x2e

export class LineCursor {
  buf: Uint8Array = new Uint8Array(0)
  p = 0
  end = 0
  /** Of the last `number`: how many digits it had. */
  digits = 0

  set(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf
    this.p = start
    this.end = end
  }

  blanks(): void {
    const { buf, end } = this
    let p = this.p
    while (p < end && (buf[p] === SPACE || buf[p] === TAB)) p++
    this.p = p
  }

  /** A decimal number; NaN where there is none. A sign is skipped (sequence numbers past 2^31 are printed negative). */
  number(): number {
    const { buf, end } = this
    let p = this.p
    const negative = p < end && buf[p] === 0x2d
    if (negative) p++
    const start = p
    let value = 0
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * 10 + (buf[p++] - 0x30)
    this.digits = p - start
    if (p === start) return NaN
    this.p = p
    return negative ? -value : value
  }

  /** `seconds.fraction` in ns; NaN where there is none. `digits` is the fraction's, 0 where there is none. */
  time(): number {
    const seconds = this.number()
    if (Number.isNaN(seconds) || this.p >= this.end || this.buf[this.p] !== DOT) {
      this.digits = 0
      return seconds * 1e9
    }
    this.p++
    const fraction = this.number()
    if (Number.isNaN(fraction)) return NaN
    return seconds * 1e9 + (this.digits === 9 ? fraction : fraction * 10 ** (9 - this.digits))
  }

  /** Takes the byte if it is next. */
  take(byte: number): boolean {
    if (this.p >= this.end || this.buf[this.p] !== byte) return false
    this.p++
    return true
  }

  /** To the next blank; returns where the word began. */
  word(): number {
    const { buf, end } = this
    const start = this.p
    let p = start
    while (p < end && buf[p] !== SPACE && buf[p] !== TAB) p++
    this.p = p
    return start
  }
}
