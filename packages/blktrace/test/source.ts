/** Block traces in memory as sources, records built byte by byte, rows as plain objects: what these tests share. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  ACTION,
  ACTION_LETTERS,
  Diagnostics,
  INODE_EVENT,
  OP,
  deviceText,
  type BlockBatch,
  type Source,
} from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readBlktrace, type BlktraceOptions, type BlockFacts, type BlockReading } from '../src/index.ts'

export function fixture(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`../../../fixtures/blktrace/${name}`, import.meta.url)))
}

export function textSource(text: string, path = 'text', chunk = 1 << 20): Source {
  return memorySource(Buffer.from(text), path, chunk)
}

export interface Row {
  at: number
  action: string
  /** blkparse's letters. */
  rwbs: string
  device: string | null
  sector: number
  bytes: number
  tid: number
  comm: string | null
  cpu: number
  sequence: number
  error: number
  record: number
  more?: string
  took?: number
}

function rowOf(batch: BlockBatch, i: number): Row {
  const action = batch.action[i]
  const row: Row = {
    at: batch.atNs[i],
    action: ACTION_LETTERS[action],
    rwbs: letters(batch.flags[i]),
    device: deviceText(batch.device[i]),
    sector: batch.sector[i],
    bytes: batch.bytes[i],
    tid: batch.tid[i],
    comm: batch.strings.textOrNull(batch.comm[i]),
    cpu: batch.cpu[i],
    sequence: batch.sequence[i],
    error: batch.error[i],
    record: batch.record[i],
  }
  if (action === ACTION.remap) row.more = `${deviceText(batch.fromDevice[i])} ${batch.fromSector[i]}`
  if (action === ACTION.split) row.more = `${batch.splitSector[i]}`
  if (action === ACTION.unplug || action === ACTION.unplugTimer) row.more = `${batch.depth[i]}`
  if (!Number.isNaN(batch.tookNs[i])) row.took = batch.tookNs[i]
  return row
}

function letters(flags: number): string {
  const operation =
    flags & OP.discard
      ? 'D'
      : flags & OP.writeZeroes
        ? 'Z'
        : flags & OP.secureErase
          ? 'E'
          : flags & OP.write
            ? 'W'
            : flags & OP.read
              ? 'R'
              : 'N'
  const marks: [number, string][] = [
    [OP.fua, 'F'],
    [OP.ahead, 'A'],
    [OP.sync, 'S'],
    [OP.meta, 'M'],
    [OP.atomic, 'U'],
    [OP.barrier, 'B'],
    [OP.passthrough, '!'],
  ]
  const rest = marks.filter(([bit]) => flags & bit).map(([, letter]) => letter)
  return (flags & OP.flush ? 'F' : '') + operation + rest.join('')
}

export interface InodeRow {
  at: number
  kind: string
  event: string
  tid: number
  comm: string | null
  where: string | null
  inode: number
  range: (number | null)[]
}

export interface Read {
  rows: Row[]
  inodes: InodeRow[]
  facts: BlockFacts
  diagnostics: Diagnostics
  /** code → count. */
  codes: Record<string, number>
  clock: BlockBatch['clock']
  origin: BlockBatch['origin']
}

export async function collect(reading: BlockReading, diagnostics: Diagnostics): Promise<Read> {
  const rows: Row[] = []
  const inodes: InodeRow[] = []
  let clock: BlockBatch['clock'] = 'none'
  let origin: BlockBatch['origin'] = null
  for await (const batch of reading.batches) {
    clock = batch.clock
    origin = batch.origin
    for (let i = 0; i < batch.length; i++) rows.push(rowOf(batch, i))
    const events = batch.inodes
    for (let i = 0; events && i < events.length; i++) {
      const numbers = [events.position[i], events.span[i], events.physical[i]]
      inodes.push({
        at: events.atNs[i],
        kind: Object.entries(INODE_EVENT).find(([, kind]) => kind === events.kind[i])?.[0] ?? '',
        event: events.strings.text(events.event[i]),
        tid: events.tid[i],
        comm: events.strings.textOrNull(events.comm[i]),
        where: deviceText(events.device[i]) ?? events.strings.textOrNull(events.where[i]),
        inode: events.inode[i],
        range: numbers.map((number) => (Number.isNaN(number) ? null : number)),
      })
    }
  }
  const codes = Object.fromEntries(diagnostics.rows().map(({ code, count }) => [code, count]))
  return { rows, inodes, facts: reading.facts, diagnostics, codes, clock, origin }
}

export async function readAll(sources: readonly Source[], options: BlktraceOptions = {}): Promise<Read> {
  const diagnostics = new Diagnostics()
  return collect(readBlktrace(sources, diagnostics, options), diagnostics)
}

export function read(bytes: Uint8Array, chunk?: number): Promise<Read> {
  return readAll([memorySource(bytes, 'memory', chunk)])
}

/** A short name for many rows: equal digests are equal rows. */
export function digest(rows: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)
}

// Records -----------------------------------------------------------------------------------------------------------

export interface RecordFields {
  time: number | bigint
  /** Lower half: kind; upper: categories (version 2 has more than 16). */
  action: number | bigint
  sequence?: number
  sector?: number | bigint
  bytes?: number
  pid?: number
  device?: number
  cpu?: number
  error?: number
  payload?: Uint8Array
  /** Overrides the true length of the payload. */
  payloadBytes?: number
}

export interface Layout {
  big?: boolean
  version?: 1 | 2
}

/** One record in the given version and byte order. */
export function record(fields: RecordFields, { big = false, version = 1 }: Layout = {}): Buffer {
  const v2 = version === 2
  const bytes = Buffer.alloc(v2 ? 64 : 48)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const payload = fields.payload ?? Buffer.alloc(0)
  const action = BigInt(fields.action)
  view.setUint32(0, v2 ? 0x65617408 : 0x65617407, !big)
  view.setUint32(4, fields.sequence ?? 0, !big)
  view.setBigUint64(8, BigInt(fields.time), !big)
  view.setBigUint64(16, BigInt(fields.sector ?? 0), !big)
  view.setUint32(24, fields.bytes ?? 0, !big)
  if (v2) {
    view.setUint32(28, fields.pid ?? 0, !big)
    view.setBigUint64(32, action, !big)
  } else {
    view.setUint32(28, Number(action), !big)
    view.setUint32(32, fields.pid ?? 0, !big)
  }
  const at = v2 ? 40 : 36
  view.setUint32(at, fields.device ?? 0x700000, !big)
  view.setUint32(at + 4, fields.cpu ?? 0, !big)
  view.setUint16(at + 8, (fields.error ?? 0) & 0xffff, !big)
  view.setUint16(at + 10, fields.payloadBytes ?? payload.length, !big)
  return Buffer.concat([bytes, payload])
}

export const TC = {
  read: 1,
  write: 2,
  flush: 4,
  sync: 8,
  queue: 16,
  requeue: 32,
  issue: 64,
  complete: 128,
  fs: 256,
  pc: 512,
  notify: 1024,
  ahead: 2048,
  meta: 4096,
  discard: 8192,
  fua: 32768,
} as const

/** The action word of version 1: kind and categories. */
export function act(kind: number, ...categories: (keyof typeof TC)[]): number {
  return (categories.reduce((sum, name) => sum | TC[name], 0) * 0x10000 + kind) >>> 0
}

/** Big-endian 64 and 32 bit numbers one after the other: payloads. */
export function be(...parts: [bits: 32 | 64, value: number][]): Buffer {
  return Buffer.concat(
    parts.map(([bits, value]) => {
      const bytes = Buffer.alloc(bits / 8)
      if (bits === 64) bytes.writeBigUInt64BE(BigInt(value))
      else bytes.writeUInt32BE(value)
      return bytes
    }),
  )
}

/** The note that names a task; what stands behind the NUL is garbage. */
export function named(time: number | bigint, pid: number, comm: string, layout: Layout = {}): Buffer {
  const payload = Buffer.from('terminal-terminal-').subarray(0, 16)
  const copy = Buffer.from(payload)
  copy.write(`${comm}\0`, 0, 'latin1')
  return record({ time, pid, action: act(0, 'notify'), device: 0, payload: copy }, layout)
}

/** The note that tells the wall clock. */
export function stamped(
  time: number | bigint,
  seconds: number,
  nanos: number,
  { big = false, version = 1 }: Layout = {},
): Buffer {
  const payload = Buffer.alloc(8)
  if (big) {
    payload.writeUInt32BE(seconds, 0)
    payload.writeUInt32BE(nanos, 4)
  } else {
    payload.writeUInt32LE(seconds, 0)
    payload.writeUInt32LE(nanos, 4)
  }
  return record({ time, action: act(1, 'notify'), payload }, { big, version })
}
