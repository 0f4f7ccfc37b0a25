/**
 * The letters that say what a request is, in both dialects:
 *
 *     blkparse     [F] D|W|R|N [F] [A] [B] [S] [M]                                   FWFSM, FN, WFS, DS, RA
 *     tracepoints  [F] D|DE|W|WZ|R|F|N|ZA|ZR|ZRA|ZF|ZO|ZC [F] [A] [S] [M] [U]        FWFSM, FF, WFSU, ZRA
 *
 * A leading F is "empty the cache first", one behind the operation is FUA; B is the barrier of kernels before 2.6.37.
 * N is "none of these": with 0 bytes a flush or plug. With bytes it is what the printer has no letter for; of the
 * operations on ranges of ordinary devices that leaves write-zeroes.
 * Printed by torvalds/linux kernel/trace/blktrace.c blk_fill_rwbs() and sdsc/blktrace blkparse_fmt.c fill_rwbs().
 */
import { DATALESS, OP } from '@flushtrace/trace'

const A = 0x41
const B = 0x42
const C = 0x43
const D = 0x44
const E = 0x45
const F = 0x46
const M = 0x4d
const N = 0x4e
const O = 0x4f
const R = 0x52
const S = 0x53
const U = 0x55
const W = 0x57
const Z = 0x5a

/** OP bits of bytes [start, end); -1 when they are no such letters. `none` is set for an N: see `withSize`. */
export function parseRwbs(buf: Uint8Array, start: number, end: number): number {
  let p = start
  let flags = 0
  if (buf[p] === F) {
    flags |= OP.flush
    p++
  }
  switch (p < end ? buf[p] : N) {
    case D:
      p++
      if (p < end && buf[p] === E) {
        flags |= OP.secureErase
        p++
      } else flags |= OP.discard
      break
    case W:
      p++
      if (p < end && buf[p] === Z) {
        flags |= OP.writeZeroes
        p++
      } else flags |= OP.write
      break
    case R:
      flags |= OP.read
      p++
      break
    case F: // a flush request: FF
    case N:
      p++
      break
    case Z: {
      const zone = zoneOf(buf, p + 1, end)
      if (zone === 0) return -1
      flags |= zone
      p += zone === OP.zoneResetAll ? 3 : 2
      break
    }
    default:
      return -1
  }
  for (; p < end; p++) {
    switch (buf[p]) {
      case F:
        flags |= OP.fua
        break
      case A:
        flags |= OP.ahead
        break
      case B:
        flags |= OP.barrier
        break
      case S:
        flags |= OP.sync
        break
      case M:
        flags |= OP.meta
        break
      case U:
        flags |= OP.atomic
        break
      default:
        return -1
    }
  }
  return flags
}

function zoneOf(buf: Uint8Array, p: number, end: number): number {
  switch (p < end ? buf[p] : 0) {
    case A:
      return OP.write | OP.zoneAppend
    case R:
      return p + 1 < end && buf[p + 1] === A ? OP.zoneResetAll : OP.zoneReset
    case F:
      return OP.zoneFinish
    case O:
      return OP.zoneOpen
    case C:
      return OP.zoneClose
    default:
      return 0
  }
}

/** What the letters leave open: a read of nothing is none, and "none" of a range is write-zeroes. */
export function withSize(flags: number, bytes: number): number {
  if (bytes === 0) return flags & ~OP.read
  if ((flags & (OP.read | OP.write | OP.flush | OP.passthrough | DATALESS)) === 0) return flags | OP.writeZeroes
  return flags
}
