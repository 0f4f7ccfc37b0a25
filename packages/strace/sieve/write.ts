/** The arguments of write and pwrite64. */
import { CLOSE, SPACE, at, isDigit } from './bytes'

const QUOTE: u8 = 0x22
const BACKSLASH: u8 = 0x5c
/** More may be no whole number any more. */
const MOST_DIGITS = 15

/** Of the last `readWrite`: where the data begin, how many bytes are to be written, and where to (NaN: it does not say). */
export let dataAt: usize = 0
export let size: f64 = NaN
export let offset: f64 = NaN
/** Where `digits` stopped. */
let p: usize = 0

export function forgetWrite(): void {
  size = NaN
  offset = NaN
}

/** False where the arguments in bytes [from, result) are not `3</srv/x>, "…"..., 4096, 8192) = `, or without the last number. */
export function readWrite(from: usize, result: usize, withOffset: bool): bool {
  const quote = nextQuote(from, result)
  dataAt = quote + 1
  p = endOfString(dataAt, result)
  if (p == result) return false
  if (at(p) == 0x2e && load<u16>(p, 1) == 0x2e2e) p += 3
  const bytes = digits()
  const place = withOffset ? digits() : NaN
  if (bytes != bytes || (withOffset && place != place) || at(p) != CLOSE || at(p + 1) != SPACE) return false
  while (at(p + 1) == SPACE) p++
  // The `= ` of the result.
  if (p + 3 != result) return false
  size = bytes
  offset = place
  return true
}

/** `to` where there is none. */
function nextQuote(from: usize, to: usize): usize {
  const wanted = i8x16.splat(QUOTE)
  for (let q = from; q < to; q += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(q), wanted))
    if (found != 0) return min(q + ctz(found), to)
  }
  return to
}

/** After the closing quote, as in ../src/scanner.ts; `to` where there is none. */
function endOfString(start: usize, to: usize): usize {
  for (let q = nextQuote(start, to); q < to; q = nextQuote(q + 1, to)) {
    let before = q
    while (before > start && at(before - 1) == BACKSLASH) before--
    if (((q - before) & 1) == 0) return q + 1
  }
  return to
}

/** `, 4096`; NaN where none stands there. A 0 before others would make them octal. */
function digits(): f64 {
  if (load<u16>(p) != 0x202c) return NaN
  const start = p + 2
  let number: f64 = 0
  for (p = start; isDigit(at(p)); p++) number = number * 10 + <f64>(at(p) - 0x30)
  const length = <i32>(p - start)
  return length == 0 || length > MOST_DIGITS || (length > 1 && at(start) == 0x30) ? NaN : number
}
