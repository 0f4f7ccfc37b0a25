/** The names of calls that CallLines.quick has read before, and what of their lines may be passed. */
import { covers, sameBytes } from './bytes'

/** 1,024 slots of 32 bytes: 24 of a name and its `(`, then its length, its rule, and its id (16 bits). */
const NAMES: usize = 0x400
const SLOT: usize = 32
/** The name that `learn` is told of. */
const NAME: usize = 0x8800
const OPEN: u8 = 0x28

/** From now on lines of this call are passed where `rule` allows. NAME: the name and its `(`, `length` bytes. */
export function learn(length: i32, rule: i32, id: i32): void {
  const slot = slotOf(NAME)
  memory.copy(slot, NAME, 24)
  store<u8>(slot, length, 24)
  store<u8>(slot, rule, 25)
  store<u16>(slot, id, 26)
}

/** The slot of the name that ends before a `(`. */
export function slotOf(p: usize): usize {
  const open = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(OPEN)))
  return slotAt(p, open == 0 ? 16 : ctz(open))
}

/** By the first 16 bytes of a name. The factor is one by which few names of Linux meet. */
function slotAt(p: usize, length: usize): usize {
  const bits = (<i32>length) << 3
  const first = load<u64>(p) & masked(bits)
  const second = bits > 64 ? load<u64>(p, 8) & masked(bits - 64) : 0
  return NAMES + <usize>(((first ^ (second * 31)) * 0xbe2a1d9d1add0733) >> 54) * SLOT
}

function masked(bits: i32): u64 {
  return bits >= 64 ? -1 : ((<u64>1) << bits) - 1
}

/** Lengths are 24 at most; a slot is followed by 8 bytes that are no name. */
export function sameName(p: usize, slot: usize, length: usize): bool {
  const first = sameBytes(p, slot)
  if (length <= 16) return covers(first, length)
  const second = sameBytes(p + 16, slot + 16)
  return first == 0xffff && covers(second, length - 16)
}

/** The slot of the name that ends before a blank, in 16 bytes; 0 where it is not known. */
export function slotBefore(p: usize, blank: usize): usize {
  const length = blank - p
  const slot = slotAt(p, length)
  return <usize>load<u8>(slot, 24) == length + 1 && covers(sameBytes(p, slot), length) ? slot : 0
}

export function lengthOf(slot: usize): usize {
  return load<u8>(slot, 24)
}

export function ruleOf(slot: usize): u8 {
  return load<u8>(slot, 25)
}

export function idOf(slot: usize): i32 {
  return load<u16>(slot, 26)
}
