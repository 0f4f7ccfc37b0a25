/** Which calls change nothing, in the words of ../src/skip.ts. */
import { CLOSE, LANGLE, MINUS, RANGLE, SPACE, at, isDigit } from './bytes'

const ANY: u8 = 1
const PATH: u8 = 2
const FCNTL: u8 = 3
const IOCTL: u8 = 4
const MAP: u8 = 5
const PROTECT: u8 = 6

const COMMA: u8 = 0x2c

export function changesNothing(rule: u8, args: usize, end: usize): bool {
  switch (rule) {
    case ANY:
      return true
    case PATH:
      return at(args) == 0x41 || at(args) == MINUS
    case FCNTL:
      return isOtherFcntl(args, end)
    case IOCTL:
      return isOtherIoctl(args, end)
    case MAP:
      return isPrivateAnywhere(args, end)
    case PROTECT:
      return makesNothingWritable(args, end)
    default:
      return false
  }
}

function isOtherFcntl(args: usize, end: usize): bool {
  const p = fcntlCommand(args, end)
  return p != 0 && at(p + 2) != 0x44 && !(at(p + 2) == 0x53 && at(p + 5) == 0x46)
}

function fcntlCommand(args: usize, end: usize): usize {
  let p = args
  while (p < end && isDigit(at(p))) p++
  if (at(p) == COMMA) return at(p + 2) == 0x46 && at(p + 3) == 0x5f ? p + 2 : 0
  if (at(p) != LANGLE) return 0
  const wanted = i8x16.splat(RANGLE)
  for (; p < end; p += 16) {
    for (let found = i8x16.bitmask(i8x16.eq(v128.load(p), wanted)); found != 0; found &= found - 1) {
      const close = p + ctz(found)
      if (close >= end) return 0
      if (load<u32>(close) == 0x46202c3e) return close + 3 // `>, F`
    }
  }
  return 0
}

function isOtherIoctl(args: usize, end: usize): bool {
  let p = args
  while (p < end && isDigit(at(p))) p++
  if (at(p) == LANGLE) while (p < end && !(at(p) == COMMA && at(p - 1) == RANGLE)) p++
  if (at(p) != COMMA || at(p + 2) == 0x42 || at(p + 2) == 0x30) return false
  if (at(p + 2) != 0x46 || at(p + 3) != 0x49) return true
  if (at(p + 4) == 0x4f) p += at(p + 5) == 0x4e ? 2 : 1
  return at(p + 4) != 0x43 && at(p + 4) != 0x44 && at(p + 4) != 0x54
}

function isPrivateAnywhere(args: usize, end: usize): bool {
  const p = argumentAfter(args, end, 3)
  if (p == 0 || at(p + 4) != 0x50 || at(p) != 0x4d) return false
  for (let q = p; q < end && at(q) != COMMA; q++) {
    if (at(q) == 0x46 && at(q + 1) == 0x49 && at(q + 2) == 0x58) return false
  }
  return true
}

function makesNothingWritable(args: usize, end: usize): bool {
  const p = argumentAfter(args, end, 2)
  if (p == 0 || at(p) != 0x50) return false
  for (let q = p; q < end && at(q) != CLOSE && at(q) != COMMA; q++) if (at(q) == 0x57) return false
  return true
}

function argumentAfter(args: usize, end: usize, commas: i32): usize {
  for (let p = args; p < end; p++) {
    if (at(p) == COMMA && --commas == 0) return at(p + 1) == SPACE ? p + 2 : 0
  }
  return 0
}
