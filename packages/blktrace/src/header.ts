/** Headers of any version and byte order → the words of version 1 in this machine's order (WORD in wire.ts). */
import type { RecordHead } from './head.ts'
import { MAGIC_V1, NO_SECTOR, TWO_32, WORD } from './wire.ts'

/** The header at `p` into `words`. */
export function loadHeader(bytes: Uint8Array, p: number, head: RecordHead, words: Uint32Array): void {
  const v2 = head.version === 2
  // Of a 64-bit field the lower half comes first only in little-endian.
  const low = head.bigEndian ? 4 : 0
  words[WORD.magic] = MAGIC_V1
  words[WORD.sequence] = u32(bytes, p + 4, head)
  words[WORD.timeLow] = u32(bytes, p + 8 + low, head)
  words[WORD.timeHigh] = u32(bytes, p + 12 - low, head)
  words[WORD.sectorLow] = u32(bytes, p + 16 + low, head)
  words[WORD.sectorHigh] = u32(bytes, p + 20 - low, head)
  words[WORD.bytes] = u32(bytes, p + 24, head)
  words[WORD.pid] = u32(bytes, p + (v2 ? 28 : 32), head)
  words[WORD.action] = actionAt(bytes, p, head)
  words[WORD.actionHigh] = v2 ? u32(bytes, p + 36 - low, head) : 0
  words[WORD.device] = u32(bytes, p + (v2 ? 40 : 36), head)
  words[WORD.cpu] = u32(bytes, p + (v2 ? 44 : 40), head)
  words[WORD.errorAndPayload] = u16(bytes, p + (v2 ? 48 : 44), head) | (payloadAt(bytes, p, head) << 16)
}

/** The lower 32 bits of the action of the record at `p`. */
export function actionAt(bytes: Uint8Array, p: number, head: RecordHead): number {
  if (head.version === 1) return u32(bytes, p + 28, head)
  return u32(bytes, head.bigEndian ? p + 36 : p + 32, head)
}

/** The stated length of its payload. */
export function payloadAt(bytes: Uint8Array, p: number, head: RecordHead): number {
  return u16(bytes, p + (head.version === 1 ? 46 : 50), head)
}

/** Signed where its highest bit is set: `>>> 0` makes a number of it. */
export function u32(b: Uint8Array, p: number, head: RecordHead): number {
  if (head.bigEndian) return (b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]
  return b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)
}

function u16(b: Uint8Array, p: number, head: RecordHead): number {
  return head.bigEndian ? (b[p] << 8) | b[p + 1] : b[p] | (b[p + 1] << 8)
}

/** Payloads are big-endian in either kind of trace. */
export function be32(b: Uint8Array, p: number): number {
  return ((b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]) >>> 0
}

/** -1 for what does not fit a double. */
export function be64(b: Uint8Array, p: number): number {
  const high = be32(b, p)
  return high < NO_SECTOR ? high * TWO_32 + be32(b, p + 4) : -1
}
