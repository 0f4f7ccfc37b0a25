/**
 * One argument or result → a value. Bytes in, value out; nothing throws, NaN or -1 or null is "not there".
 * Format: strace/strace src/util.c print_quoted_string_ex(), printfd(), printflags(); docs/formats/strace.md.
 */
import { StringTable, decodeUtf8, latin1, type FdName } from '@flushtrace/trace'
import { endOfDecoration, endOfString, opensDecoration } from './scanner.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * The text between bytes [start, end) of a quoted string or a decoration, escapes resolved:
 * `\"` `\\` `\n` `\t` `\v` `\f` `\r`, octal of one to three digits, `\xHH`. Bytes, then UTF-8.
 */
export function unescape(buf: Uint8Array, start: number, end: number): string {
  const first = buf.indexOf(BACKSLASH, start)
  if (first < 0 || first >= end) return decodeUtf8(buf, start, end)
  const out = Buffer.allocUnsafe(end - start)
  let n = 0
  for (let p = start; p < end; p++) {
    const c = buf[p]
    if (c !== BACKSLASH || p + 1 >= end) {
      out[n++] = c
      continue
    }
    const e = buf[++p]
    if (e >= 0x30 && e <= 0x37) {
      let value = e - 0x30
      for (let k = 0; k < 2 && p + 1 < end && buf[p + 1] >= 0x30 && buf[p + 1] <= 0x37; k++) {
        value = value * 8 + (buf[++p] - 0x30)
      }
      out[n++] = value
    } else if (e === 0x78 && p + 2 < end && hex(buf[p + 1]) >= 0 && hex(buf[p + 2]) >= 0) {
      out[n++] = hex(buf[p + 1]) * 16 + hex(buf[p + 2])
      p += 2
    } else {
      out[n++] = SIMPLE[e] ?? e
    }
  }
  return decodeUtf8(out, 0, n)
}

const SIMPLE: Readonly<Record<number, number>> = { 0x6e: 10, 0x74: 9, 0x76: 11, 0x66: 12, 0x72: 13 }

function hex(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30
  if (c >= 0x61 && c <= 0x66) return c - 0x57
  if (c >= 0x41 && c <= 0x46) return c - 0x37
  return -1
}

/** Decimal, `0x…` or octal `0…`; what follows the digits is not looked at. `NULL` is 0. NaN where there is none. */
export function parseNumber(buf: Uint8Array, start: number, end: number): number {
  let p = start
  const negative = buf[p] === 0x2d
  if (negative) p++
  let value = 0
  if (buf[p] === 0x30 && p + 1 < end && buf[p + 1] === 0x78) {
    p += 2
    const digits = p
    let h = 0
    while (p < end && (h = hex(buf[p])) >= 0) {
      value = value * 16 + h
      p++
    }
    if (p === digits) return NaN
  } else if (buf[p] >= 0x30 && buf[p] <= 0x39) {
    const base = buf[p] === 0x30 ? 8 : 10
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * base + (buf[p++] - 0x30)
  } else {
    return buf[p] === 0x4e && buf[p + 1] === 0x55 ? 0 : NaN
  }
  return negative ? -value : value
}

/**
 * `O_RDWR|O_CREAT`, `0x81242`, `0x4 /* MS_SYNC *\/`, `O_RDWR|0x40`: the bits of the known words; words that no rule
 * asks for count as 0. NaN where the argument could not be read (an address, nothing).
 */
export function parseFlags(buf: Uint8Array, start: number, end: number, words: ReadonlyMap<string, number>): number {
  let bits = 0
  let p = start
  while (p < end) {
    const from = p
    let c = buf[p]
    while (p < end && c !== 0x7c && c !== 0x20 && c !== 0x2c && c !== 0x7d) c = buf[++p]
    if (p === from) break
    const digit = buf[from]
    const value =
      (digit >= 0x30 && digit <= 0x39) || digit === 0x2d
        ? parseNumber(buf, from, p)
        : (words.get(latin1(buf, from, p)) ?? 0)
    // Not `|`: bit operators work on 32 bits, and clone flags have a 33rd.
    bits = bits === 0 ? value : orBits(bits, value)
    if (c !== 0x7c) break
    p++
  }
  return bits
}

/** parseFlags with a memory: the same few expressions come again and again. */
export class FlagParser {
  readonly #words: ReadonlyMap<string, number>
  #seen = new StringTable()
  #bits: number[] = []

  constructor(words: ReadonlyMap<string, number>) {
    this.#words = words
  }

  parse(buf: Uint8Array, start: number, end: number): number {
    // A plain number is quicker read than remembered, and there are many different ones.
    if (buf[start] < 0x40) return parseFlags(buf, start, end, this.#words)
    const id = this.#seen.intern(buf, start, end, latin1)
    if (id === this.#bits.length) {
      this.#bits.push(parseFlags(buf, start, end, this.#words))
      // Damaged input may hold any number of different ones.
      if (this.#seen.full) {
        const [bits] = this.#bits.splice(-1)
        this.#seen = new StringTable()
        this.#bits = []
        return bits
      }
    }
    return this.#bits[id]
  }
}

function orBits(a: number, b: number): number {
  const high = 2 ** 32
  return (Math.floor(a / high) | Math.floor(b / high)) * high + (((a % high) | (b % high)) >>> 0)
}

/** Where the text of the quoted string at `start` ends (its closing quote), or -1 when there is no string. */
export function stringEnd(buf: Uint8Array, start: number, end: number): number {
  if (buf[start] !== QUOTE) return -1
  for (let p = start + 1; p < end; p++) {
    const c = buf[p]
    if (c === BACKSLASH) p++
    else if (c === QUOTE) return p
  }
  return -1
}

/**
 * What a decoration says: bytes [start, end) are between `<` and `>`; `deleted` is the `(deleted)` after it (5.19 and
 * newer). Unescaped here, so `/tmp/a (deleted)` inside may be a name or, up to 5.18, the tracer's mark.
 */
export function parseFdName(buf: Uint8Array, start: number, end: number, deleted: boolean): FdName {
  const device = nestedDevice(buf, start, end)
  const text = unescape(buf, start, device ? device.at : end)
  if (device) return { kind: 'device', text, deleted, device: device.numbers, block: device.block }
  const inside = !deleted && text.endsWith(' (deleted)')
  const state = deleted || (inside && 'maybe')
  const plain = { device: null, block: false }
  if (text.startsWith('/memfd:')) return { kind: 'memory', text: stripMark(text), deleted: false, ...plain }
  if (text.startsWith('/')) return { kind: 'path', text, deleted: state, ...plain }
  if (text.startsWith('pipe:')) return { kind: 'pipe', text, deleted: false, ...plain }
  if (/^(?:[A-Z][\w-]*:\[|socket:)/.test(text)) return { kind: 'socket', text, deleted: false, ...plain }
  return { kind: 'anon', text, deleted: false, ...plain }
}

function stripMark(text: string): string {
  return text.endsWith(' (deleted)') ? text.slice(0, -' (deleted)'.length) : text
}

/** `/dev/sda<block 8:0>`, `/dev/tty<char 5:2 @/dev/pts/0>`: the tail in angle brackets. */
function nestedDevice(
  buf: Uint8Array,
  start: number,
  end: number,
): { at: number; numbers: string; block: boolean } | null {
  if (buf[end - 1] !== 0x3e) return null
  let at = end - 1
  while (at > start && buf[at] !== 0x3c) at--
  const tail = latin1(buf, at, end)
  const match = /^<(block|char) (\d+:\d+)(?: @.*)?>$/.exec(tail)
  return match ? { at, numbers: match[2], block: match[1] === 'block' } : null
}

/** Calls `field` for each `key=value` or `key:value` at the top level of the struct `{…}` in bytes [start, end). */
export function forEachField(
  buf: Uint8Array,
  start: number,
  end: number,
  field: (key: string, valueStart: number, valueEnd: number) => void,
): void {
  forEachElement(buf, start, end, (from, to) => {
    let p = from
    while (p < to && isWord(buf[p])) p++
    if (p > from && (buf[p] === 0x3d || buf[p] === 0x3a)) field(latin1(buf, from, p), p + 1, to)
    else field('', from, to)
  })
}

function isWord(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || c === 0x5f || (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a)
}

/** Calls `element` for each comma-separated part at the top level of `[…]` or `{…}` in bytes [start, end). */
export function forEachElement(
  buf: Uint8Array,
  start: number,
  end: number,
  element: (from: number, to: number) => void,
): void {
  if (buf[start] !== 0x5b && buf[start] !== 0x7b) return
  let depth = 0
  let from = start + 1
  for (let p = start; p < end; p++) {
    const c = buf[p]
    if (c === QUOTE) p = endOfString(buf, p, end) - 1
    else if (c === 0x3c && opensDecoration(buf, p, buf[p - 1])) p = endOfDecoration(buf, p, end) - 1
    else if (c === 0x5b || c === 0x7b || c === 0x28) depth++
    else if (c === 0x2c && depth === 1) {
      element(from, p)
      from = p + 1
      if (buf[from] === 0x20) from++
    } else if ((c === 0x5d || c === 0x7d || c === 0x29) && --depth === 0) {
      if (p > from) element(from, p)
      return
    }
  }
  if (end > from) element(from, end)
}
