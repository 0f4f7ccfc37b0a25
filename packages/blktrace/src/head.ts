/**
 * A look at the first records of a binary trace before it is read: which clock, one CPU or several, and whether the
 * events' times were rebased. A few hundred records, so plain code and BigInt.
 */
import { CATEGORY_NOTIFY, HEADER_V1, HEADER_V2, MAX_PAYLOAD, NOTE_PROCESS, NOTE_TIMESTAMP } from './wire.ts'

export interface RecordHead {
  bigEndian: boolean
  version: 1 | 2
  headerBytes: number
}

export interface HeadScan extends RecordHead {
  /** First and last time of an event (not a note), in order of the file; null where the head holds none. */
  firstTime: bigint | null
  lastTime: bigint
  /** Per thread id: time of its first event, and of its first name. */
  firstOfTid: Map<number, bigint>
  namedAt: Map<number, bigint>
  noteTimes: bigint[]
  stamp: { time: bigint; seconds: number; nanos: number } | null
  cpus: Set<number>
  records: number
}

/** The magic at `p`: which version and byte order; null where there is none. */
export function magicAt(bytes: Uint8Array, p: number): RecordHead | null {
  if (bytes[p + 1] === 0x74 && bytes[p + 2] === 0x61 && bytes[p + 3] === 0x65) {
    if (bytes[p] === 7) return LITTLE_V1
    if (bytes[p] === 8) return LITTLE_V2
  }
  if (bytes[p] === 0x65 && bytes[p + 1] === 0x61 && bytes[p + 2] === 0x74) {
    if (bytes[p + 3] === 7) return BIG_V1
    if (bytes[p + 3] === 8) return BIG_V2
  }
  return null
}

const LITTLE_V1: RecordHead = { bigEndian: false, version: 1, headerBytes: HEADER_V1 }
const LITTLE_V2: RecordHead = { bigEndian: false, version: 2, headerBytes: HEADER_V2 }
const BIG_V1: RecordHead = { bigEndian: true, version: 1, headerBytes: HEADER_V1 }
const BIG_V2: RecordHead = { bigEndian: true, version: 2, headerBytes: HEADER_V2 }

/** null where the head holds no whole record. */
export function scanHead(head: Uint8Array): HeadScan | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  let scan: HeadScan | null = null
  for (let p = 0; p + HEADER_V1 <= head.length;) {
    const kind = magicAt(head, p)
    if (!kind || p + kind.headerBytes > head.length) {
      p++
      continue
    }
    const little = !kind.bigEndian
    const v2 = kind.version === 2
    const payload = view.getUint16(p + (v2 ? 50 : 46), little)
    if (payload > MAX_PAYLOAD) {
      p++
      continue
    }
    scan ??= {
      ...kind,
      firstTime: null,
      lastTime: 0n,
      firstOfTid: new Map(),
      namedAt: new Map(),
      noteTimes: [],
      stamp: null,
      cpus: new Set(),
      records: 0,
    }
    scan.records++
    const time = view.getBigUint64(p + 8, little)
    const tid = view.getUint32(p + (v2 ? 28 : 32), little)
    const action = v2 ? Number(view.getBigUint64(p + 32, little) & 0xffffffffn) : view.getUint32(p + 28, little)
    if ((action >>> 16) & CATEGORY_NOTIFY) {
      const note = action & 0xff
      scan.noteTimes.push(time)
      if (note === NOTE_PROCESS && !scan.namedAt.has(tid)) scan.namedAt.set(tid, time)
      const at = p + kind.headerBytes
      if (note === NOTE_TIMESTAMP && payload >= 8 && at + 8 <= head.length && !scan.stamp) {
        scan.stamp = { time, seconds: view.getUint32(at, little), nanos: view.getUint32(at + 4, little) }
      }
    } else {
      scan.firstTime ??= time
      scan.lastTime = time
      if (!scan.firstOfTid.has(tid)) scan.firstOfTid.set(tid, time)
      scan.cpus.add(view.getUint32(p + (v2 ? 44 : 40), little))
    }
    p += kind.headerBytes + payload
  }
  return scan
}
