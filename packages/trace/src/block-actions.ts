/**
 * What can happen to a block request, and what the request is: the words of every block trace (blktrace, blkparse text,
 * tracefs), with the kernel's own numbers where it has any.
 */

/** Kinds of block events. 1 to 19 are the kernel's BLK_TA_*, from 20 on events that only tracepoints have. */
export const ACTION = {
  /** Not an event: a row that only carries a task's name, used inside a reader. */
  note: 0,
  queue: 1,
  backMerge: 2,
  frontMerge: 3,
  getRequest: 4,
  sleep: 5,
  requeue: 6,
  issue: 7,
  complete: 8,
  plug: 9,
  unplug: 10,
  unplugTimer: 11,
  insert: 12,
  split: 13,
  bounce: 14,
  remap: 15,
  abort: 16,
  driverData: 17,
  zonePlug: 18,
  zoneUnplug: 19,
  ioStart: 20,
  ioDone: 21,
  requestError: 22,
} as const

/** The letters blkparse prints, by action; events that it has none for carry their tracepoint's name. */
export const ACTION_LETTERS: readonly string[] = [
  'note',
  'Q',
  'M',
  'F',
  'G',
  'S',
  'R',
  'D',
  'C',
  'P',
  'U',
  'UT',
  'I',
  'X',
  'B',
  'A',
  'abort',
  'driver-data',
  'ZP',
  'ZU',
  'io-start',
  'io-done',
  'error',
]

/**
 * What a request is (`flags` column). Bits have the place of the kernel's trace categories (BLK_TC_*), so that a binary
 * record is masked, not translated; categories that only repeat the action lend their bits to what has no category.
 *
 * At most one of the operations is set: read, write, discard, secureErase, writeZeroes, or a zone operation (zoneAppend
 * goes with write). A request to empty the device's cache, which carries no data, is `flush` with 0 bytes: the kernel
 * files the one it sends to the device under READ, which is why other tools count it as a read.
 */
export const OP = {
  read: 1 << 0,
  write: 1 << 1,
  /** Empty the cache before this write; with 0 bytes: only that. */
  flush: 1 << 2,
  sync: 1 << 3,
  secureErase: 1 << 4,
  atomic: 1 << 5,
  /** Kernels before 2.6.37. */
  barrier: 1 << 6,
  /** The event is of a request, not of a bio. Binary traces and request tracepoints tell, text does not. */
  request: 1 << 8,
  /** A command from outside the file systems (SG_IO, driver). */
  passthrough: 1 << 9,
  ahead: 1 << 11,
  meta: 1 << 12,
  discard: 1 << 13,
  /** Not done before it is on the medium. */
  fua: 1 << 15,
  zoneAppend: 1 << 16,
  zoneReset: 1 << 17,
  zoneResetAll: 1 << 18,
  zoneFinish: 1 << 19,
  zoneOpen: 1 << 20,
  zoneClose: 1 << 21,
  writeZeroes: 1 << 22,
} as const

/** Zone commands without data. */
export const ZONE_COMMANDS = OP.zoneReset | OP.zoneResetAll | OP.zoneFinish | OP.zoneOpen | OP.zoneClose

/** Operations after which the device need not keep the blocks. */
export const DISCARDS = OP.discard | OP.secureErase

/** Operations that change blocks without carrying data: never added to bytes written. */
export const DATALESS = DISCARDS | OP.writeZeroes | ZONE_COMMANDS

/** What may change the disk, or must reach it. */
export const CHANGES = OP.write | OP.flush | DATALESS
