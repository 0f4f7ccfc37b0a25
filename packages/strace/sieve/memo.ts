/**
 * Lines read before: the same call with the same arguments is the same again. The text is here, what it means in
 * ../src/line-memo.ts. One place a text, which a newer one takes.
 */
import { covers, sameBytes } from './bytes'

/** 8,192 texts of 256 bytes. */
const TEXTS: usize = 0x50000
const MAX_LENGTH: usize = 256
/** Of each its length (0: none), the id of its name (uint16), its number, that of the text it goes on from, its users (uint32). */
const HEADS: usize = 0x250000

let last: u32 = 0

function headOf(slot: i32): usize {
  return HEADS + ((<usize>slot) << 4)
}

/** -1: it is too long. `before`: the number of the text that it goes on from. */
export function slotFor(nameId: i32, before: u32, start: usize, end: usize): i32 {
  const length = end - start
  if (length > MAX_LENGTH) return -1
  let hash: u64 = ((<u64>nameId) << 32) ^ ((<u64>before) << 12) ^ length
  if (length < 8) return place(hash ^ (load<u64>(start) & (((<u64>1) << ((<u64>length) << 3)) - 1)))
  // Descriptors stand first, and paths differ at their ends.
  hash = mixed(hash ^ load<u64>(start))
  for (let p = length > 56 ? end - 48 : start + 8; p + 8 <= end; p += 8) hash = mixed(hash ^ load<u64>(p))
  return place(hash ^ load<u64>(end - 8))
}

function place(hash: u64): i32 {
  return <i32>(mixed(hash) >> 51)
}

function mixed(hash: u64): u64 {
  return (hash ^ (hash >> 29)) * 0xbe2a1d9d1add0733
}

export function isKept(slot: i32, nameId: i32, before: u32, start: usize, end: usize): bool {
  const head = headOf(slot)
  const length = end - start
  if (<usize>load<u16>(head) != length || <i32>load<u16>(head, 2) != nameId || load<u32>(head, 8) != before)
    return false
  const text = TEXTS + ((<usize>slot) << 8)
  if (length < 16) return covers(sameBytes(start, text), length)
  for (let k: usize = 0; k + 16 < length; k += 16) if (sameBytes(start + k, text + k) != 0xffff) return false
  return sameBytes(end - 16, text + length - 16) == 0xffff
}

/** False where a task is in the call that is kept there. */
export function keepText(slot: i32, nameId: i32, before: u32, start: usize, end: usize): bool {
  const head = headOf(slot)
  if (load<u32>(head, 12) != 0) return false
  store<u16>(head, <u16>(end - start))
  store<u16>(head, <u16>nameId, 2)
  store<u32>(head, ++last, 4)
  store<u32>(head, before, 8)
  memory.copy(TEXTS + ((<usize>slot) << 8), start, end - start)
  return true
}

export function nameOf(slot: i32): i32 {
  return load<u16>(headOf(slot), 2)
}

export function numberOf(slot: i32): u32 {
  return load<u32>(headOf(slot), 4)
}

/** So many more tasks are in the call that is kept there. */
export function use(slot: i32, more: i32): void {
  const users = headOf(slot) + 12
  store<i32>(users, load<i32>(users) + more)
}
