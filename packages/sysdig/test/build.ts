/** Captures made by hand: blocks and events with a few lines each. */
import { EVENTS } from '../src/event-table.ts'

export interface EventOptions {
  tid?: number
  atNs?: bigint
  cpu?: number
  /** Block type; 0x216 is what has been written since 2018. */
  type?: number
  flags?: number
}

/** A number of `bytes` bytes, text with its NUL, raw bytes, or nothing (not available). */
export type Param = { bytes: 1 | 2 | 4 | 8; value: number } | string | Uint8Array | null

const u16 = (value: number): Param => ({ bytes: 2, value })
export const u32 = (value: number): Param => ({ bytes: 4, value })
export const i64 = (value: number): Param => ({ bytes: 8, value })

export const START = 1_700_000_000_123_456_789n
const FLAGGED: ReadonlySet<number> = new Set([0x208, 0x217, 0x222])
const V1: ReadonlySet<number> = new Set([0x204, 0x208])
const LARGE: ReadonlySet<number> = new Set([0x221, 0x222])

export function block(type: number, body: Uint8Array): Buffer {
  const padded = Math.ceil(body.length / 4) * 4
  const out = Buffer.alloc(12 + padded)
  out.writeUInt32LE(type, 0)
  out.writeUInt32LE(out.length, 4)
  out.set(body, 8)
  out.writeUInt32LE(out.length, out.length - 4)
  return out
}

export function section(minor = 2): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt32LE(0x1a2b3c4d, 0)
  body.writeUInt16LE(1, 4)
  body.writeUInt16LE(minor, 6)
  body.writeBigInt64LE(-1n, 8)
  return block(0x0a0d0d0a, body)
}

/** `boot`: when it was started, seconds since 1970. */
export function machine(boot = 0): Buffer {
  const body = Buffer.alloc(180)
  body.writeBigUInt64LE(BigInt(boot) * 1_000_000_000n, 148)
  return block(0x201, body)
}

/** Id of the event of this name: the last of its kind, or the one with these parameters. */
export function eventId(name: string, exit: boolean, firstParams = ''): number {
  for (let id = EVENTS.length - 1; id >= 0; id--) {
    if (id % 2 !== (exit ? 1 : 0) || EVENTS[id].name !== name) continue
    if (`${EVENTS[id].parameters.join(' ')} `.startsWith(firstParams && `${firstParams} `)) return id
  }
  throw new Error(`no event ${name}`)
}

export function event(id: number, params: readonly Param[], options: EventOptions = {}): Buffer {
  const { tid = 100, atNs = 0n, cpu = 0, type = 0x216, flags = 0 } = options
  const large = LARGE.has(type)
  const data = params.map(paramBytes)
  const lengths = Buffer.alloc(data.length * (large ? 4 : 2))
  data.forEach((bytes, k) =>
    large ? lengths.writeUInt32LE(bytes.length, k * 4) : lengths.writeUInt16LE(bytes.length, k * 2),
  )
  const header = Buffer.alloc(V1.has(type) ? 22 : 26)
  header.writeBigUInt64LE(START + atNs, 0)
  header.writeBigUInt64LE(BigInt(tid), 8)
  header.writeUInt16LE(id, 20)
  if (!V1.has(type)) header.writeUInt32LE(params.length, 22)
  const whole = Buffer.concat([header, lengths, ...data])
  whole.writeUInt32LE(whole.length, 16)
  const front = Buffer.alloc(FLAGGED.has(type) ? 6 : 2)
  front.writeUInt16LE(cpu, 0)
  if (FLAGGED.has(type)) front.writeUInt32LE(flags, 2)
  return block(type, Buffer.concat([front, whole]))
}

/** fsync and its kin. */
export function generic(code: number, native: number | null, exit: boolean, options: EventOptions = {}): Buffer {
  return event(exit ? 1 : 0, native === null ? [u16(code)] : [u16(code), u16(native)], options)
}

function paramBytes(param: Param): Uint8Array {
  if (param === null) return Buffer.alloc(0)
  if (typeof param === 'string') return Buffer.from(`${param}\0`)
  if (param instanceof Uint8Array) return param
  const out = Buffer.alloc(param.bytes)
  if (param.bytes === 8) out.writeBigInt64LE(BigInt(param.value), 0)
  else out.writeUIntLE(param.value, 0, param.bytes)
  return out
}

export interface ListEntry {
  tid: number
  pid: number
  comm: string
  exe?: string
  args?: string
  cwd?: string
  env?: string
  cgroups?: string
  exepath?: string
  sid?: number
  vtid?: number
}

const PROCESS_LISTS: Readonly<Record<number, number>> = {
  1: 0x202,
  2: 0x207,
  3: 0x209,
  4: 0x210,
  5: 0x211,
  6: 0x212,
  7: 0x213,
  8: 0x214,
  9: 0x215,
}

/** A list of processes as version 1 to 9 wrote it; `tail` bytes of what later releases append. */
export function processList(version: number, entries: readonly ListEntry[], tail = 0): Buffer {
  const parts = entries.map((entry) => {
    const ids = [entry.tid, entry.pid, 1].map(signed)
    if (version >= 6) ids.push(signed(entry.sid ?? entry.pid))
    if (version >= 8) ids.push(signed(1))
    const out = [...ids, str(entry.comm), str(entry.exe ?? '')]
    if (version >= 7) out.push(str(entry.exepath ?? '/usr/bin/exepath'))
    out.push(str(entry.args ?? ''), str(entry.cwd ?? ''), Buffer.alloc(20))
    if (version >= 2) out.push(Buffer.alloc(28))
    if (version >= 3) out.push(str(entry.env ?? ''))
    if (version >= 4) out.push(signed(entry.vtid ?? 0), signed(0), str(entry.cgroups ?? ''))
    if (version >= 5) out.push(str('/'))
    if (version >= 9) out.push(Buffer.alloc(tail))
    const body = Buffer.concat(out)
    if (version < 9) return body
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.length + 4)
    return Buffer.concat([length, body])
  })
  return block(PROCESS_LISTS[version], Buffer.concat(parts))
}

export interface FdEntry {
  fd: number
  type: number
  payload: Uint8Array
  inode?: number
}

export function fdList(tid: number, entries: readonly FdEntry[], v2 = true): Buffer {
  const parts = entries.map(({ fd, type, payload, inode = 0 }) => {
    const body = Buffer.concat([signed(fd), signed(inode), Buffer.from([type]), payload])
    if (!v2) return body
    const length = Buffer.alloc(4)
    length.writeUInt32LE(body.length + 4)
    return Buffer.concat([length, body])
  })
  return block(v2 ? 0x218 : 0x203, Buffer.concat([signed(tid), ...parts]))
}

function signed(value: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigInt64LE(BigInt(value))
  return out
}

export function str(text: string): Buffer {
  const bytes = Buffer.from(text)
  const out = Buffer.alloc(2 + bytes.length)
  out.writeUInt16LE(bytes.length)
  out.set(bytes, 2)
  return out
}
