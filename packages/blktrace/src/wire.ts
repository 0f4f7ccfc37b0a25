/**
 * blktrace's binary records, as written by `blktrace -d DEV` (one file per CPU), `blktrace -o -`, `blkparse -d` and by
 * ftrace's `blk` tracer with options `bin`, `nocontext-info`. No file header: records back to back, in the byte order
 * of the traced machine.
 *
 *     version 1, 48 bytes                       version 2, 64 bytes
 *      0 u32 magic 0x65617407                    0 u32 magic 0x65617408
 *      4 u32 sequence                            4 u32 sequence
 *      8 u64 time, ns                            8 u64 time
 *     16 u64 sector                             16 u64 sector
 *     24 u32 bytes                              24 u32 bytes
 *     28 u32 action                             28 u32 pid
 *     32 u32 pid (of the thread)                32 u64 action
 *     36 u32 device                             40 u32 device
 *     40 u32 cpu                                44 u32 cpu
 *     44 u16 error  46 u16 payload bytes        48 u16 error  50 u16 payload bytes  52 padding
 *
 * Real records (little-endian, first 48 bytes of `Q WS 264192 + 8 [python3]` and of the name of pid 22693):
 *
 *     07746165 0b000000 90146da2d9000000 0008040000000000 00100000 01001a00 a5580000 00007000 00000000 00000000
 *     07746165 00000000 90146da2d9000000 0000000000000000 00000000 00000004 a5580000 00007000 00000000 00001000
 *
 * Refused: records whose magic is none of these; reading goes on at the next one, see cursor.ts.
 * Defined in torvalds/linux include/uapi/linux/blktrace_api.h, written by kernel/trace/blktrace.c.
 */
import { ACTION, DATALESS, OP } from '@flushtrace/trace'

export const MAGIC_V1 = 0x65617407
export const HEADER_V1 = 48
export const HEADER_V2 = 64

/** The record's layout once its words are in this machine's order; version 2's upper action bits come behind. */
export const WORD = {
  magic: 0,
  sequence: 1,
  timeLow: 2,
  timeHigh: 3,
  sectorLow: 4,
  sectorHigh: 5,
  bytes: 6,
  action: 7,
  pid: 8,
  device: 9,
  cpu: 10,
  errorAndPayload: 11,
  actionHigh: 12,
} as const
export const WORDS = 13

/** In the action's lower half: the payload begins with 8 bytes of cgroup id. */
export const CGROUP_BIT = 0x100
export const CGROUP_BYTES = 8
/** In the action's upper half. */
export const CATEGORY_NOTIFY = 1024
export const NOTE_PROCESS = 0
export const NOTE_TIMESTAMP = 1
export const NOTE_MESSAGE = 2

/** Last action with a number of the kernel's. */
export const LAST_ACTION = ACTION.zoneUnplug

export const TWO_32 = 4294967296
export const HOST_IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
/** Upper half of the first sector that does not fit a double; no device has it, only "no sector" (2^64 − 1). */
export const NO_SECTOR = 0x200000

/** Largest payload that makes sense: a message has at most 128 bytes, a SCSI command 32. */
export const MAX_PAYLOAD = 4096

const KEPT =
  OP.read |
  OP.write |
  OP.flush |
  OP.sync |
  OP.request |
  OP.passthrough |
  OP.ahead |
  OP.meta |
  OP.discard |
  OP.fua |
  OP.zoneAppend |
  OP.zoneReset |
  OP.zoneResetAll |
  OP.zoneFinish |
  OP.zoneOpen |
  OP.zoneClose |
  OP.writeZeroes

/**
 * Categories → OP bits. READ and WRITE repeat the lowest bit of the kernel's operation number: a discard is WRITE, a
 * flush request READ with 0 bytes, plugs are READ too. Version 1 has no bit for write-zeroes: there they are writes.
 */
export function flagsOf(categories: number, bytes: number): number {
  let flags = categories & KEPT
  if (bytes === 0) flags &= ~OP.read
  if (flags & DATALESS) flags &= ~(OP.read | OP.write)
  return flags
}
