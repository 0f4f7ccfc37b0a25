/** After damage: the next bytes that look like a record. */
import { magicAt, type RecordHead } from './head.ts'
import { actionAt, payloadAt } from './header.ts'
import { CATEGORY_NOTIFY, CGROUP_BIT, LAST_ACTION, MAX_PAYLOAD, NOTE_MESSAGE } from './wire.ts'

/** The first such place in [from, to); -1 where there is none. `end` is the end of the bytes. */
export function findRecord(bytes: Uint8Array, from: number, to: number, end: number): number {
  for (let p = from; p < to; p++) {
    const head = magicAt(bytes, p)
    if (head && p + head.headerBytes <= end && plausible(bytes, p, head, end)) return p
  }
  return -1
}

/** A known kind, a length that can be, and a record behind it as far as the bytes go. */
function plausible(bytes: Uint8Array, p: number, head: RecordHead, end: number): boolean {
  const code = actionAt(bytes, p, head)
  const payload = payloadAt(bytes, p, head)
  const action = code & 0xffff & ~CGROUP_BIT
  const note = ((code >>> 16) & CATEGORY_NOTIFY) !== 0
  if (payload > MAX_PAYLOAD || (note ? action > NOTE_MESSAGE : action === 0 || action > LAST_ACTION)) return false
  const next = p + head.headerBytes + payload
  return next + 4 > end || magicAt(bytes, next) !== null
}

/** Whether the last bytes of a file can be the beginning of a record. */
export function magicMayBegin(bytes: Uint8Array, p: number, end: number): boolean {
  if (end - p >= 4) return magicAt(bytes, p) !== null
  const first = bytes[p]
  return first === 7 || first === 8 || first === 0x65
}
