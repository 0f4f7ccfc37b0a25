/** Bytes of the text, one or many at a time. */
export const SPACE: u8 = 0x20
export const MINUS: u8 = 0x2d
export const DOT: u8 = 0x2e
export const LANGLE: u8 = 0x3c
export const RANGLE: u8 = 0x3e
export const CLOSE: u8 = 0x29

export function at(p: usize): u8 {
  return load<u8>(p)
}

export function isDigit(c: u8): bool {
  return c - 0x30 <= 9
}

/** A bit for each of 16 bytes. */
export function sameBytes(p: usize, q: usize): u32 {
  return <u32>i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(q)))
}

export function covers(bits: u32, length: usize): bool {
  const wanted: u32 = (1 << (<u32>length)) - 1
  return (bits & wanted) == wanted
}

/** Eight digits, the first in the lowest byte; -1 where one is none. Neighbours are joined: bytes, then 16 bits, then 32. */
export function eightDigits(text: u64): i64 {
  const digits = text ^ 0x3030303030303030
  if ((((digits + 0x0606060606060606) | digits) & 0xf0f0f0f0f0f0f0f0) != 0) return -1
  const pairs = digits * 10 + (digits >> 8)
  const low = (pairs & 0x000000ff000000ff) * 0x000f424000000064
  const high = ((pairs >> 16) & 0x000000ff000000ff) * 0x0000271000000001
  return <i64>((low + high) >> 32)
}
