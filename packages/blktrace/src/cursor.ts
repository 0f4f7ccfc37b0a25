/**
 * One binary source, record by record. The bytes are copied into an aligned window so that a record of the usual kind
 * (version 1, this machine's byte order, at a multiple of 4) is read as 32-bit words; any other kind is first brought
 * into that shape. Reading through a DataView costs three times as much.
 *
 * Invariants
 * 1. `decode` appends rows in the order of the file and stops before a record whose time has reached the limit.
 * 2. Every record is counted once: a row, a note, of unknown kind, or damaged; bytes between records are counted too.
 * 3. After damage, reading goes on at the next place that looks like a record, be it inside a payload too long to be one.
 *
 * Layout and sources: wire.ts.
 */
import {
  ACTION,
  ACTION_LETTERS,
  type BlockBatch,
  NO_DEVICE,
  type DiagnosticKind,
  type Diagnostics,
} from '@flushtrace/trace'
import type { TraceClock } from './clock.ts'
import { BLKTRACE } from './diagnostics.ts'
import type { BlockFacts, Tally } from './facts.ts'
import { magicAt } from './head.ts'
import { be32, be64, loadHeader, u32 } from './header.ts'
import { COMM_BYTES, type TaskNames } from './names.ts'
import { findRecord, magicMayBegin } from './resync.ts'
import type { Sequences } from './sequences.ts'
import {
  CATEGORY_NOTIFY,
  CGROUP_BIT,
  CGROUP_BYTES,
  HEADER_V1,
  HEADER_V2,
  LAST_ACTION,
  MAGIC_V1,
  NOTE_MESSAGE,
  NOTE_PROCESS,
  NOTE_TIMESTAMP,
  SECTOR_HIGH,
  TWO_32,
  WORD,
  WORDS,
  flagsOf,
} from './wire.ts'

export const NEED_DATA = 0
export const AT_LIMIT = 1
export const FULL = 2
export type Stop = typeof NEED_DATA | typeof AT_LIMIT | typeof FULL

const WINDOW = 1 << 18
/** No record is longer: header and the largest payload a u16 can state. */
const MAX_RECORD = HEADER_V2 + 0xffff + 4
/** A step of more than a year between two records is damage, not time. */
const YEAR_NS = 366 * 86_400e9
const HOST_IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** What all cursors of one trace share. */
export interface Shared {
  readonly clock: TraceClock
  readonly names: TaskNames
  readonly sequences: Sequences
  readonly tally: Tally
  readonly facts: BlockFacts
  readonly diagnostics: Diagnostics
}

export class RecordCursor {
  readonly #source: number
  readonly #path: string
  readonly #shared: Shared
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)
  #chunkPos = 0
  ended = false

  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #scratch = new Uint32Array(WORDS)
  #pos = 0
  #end = 0
  /** Offset in the source of the window's first byte. */
  #offset = 0
  #resyncing = false

  #records = 0
  /** Stretches of bytes between records that belong to none. */
  #gaps = 0
  #lastNs = NaN
  #suspectNs = NaN
  /** Events with the very time of the one before: many of them mean a coarser unit than ns. */
  ties = 0
  timed = 0

  /** The record at which `decode` stopped with AT_LIMIT. */
  nextNs = NaN
  nextDevice = 0
  nextSequence = 0

  constructor(source: number, path: string, chunks: AsyncIterable<Uint8Array>, shared: Shared) {
    this.#source = source
    this.#path = path
    this.#shared = shared
    this.#chunks = chunks[Symbol.asyncIterator]()
    const buffer = new ArrayBuffer(WINDOW)
    this.#bytes = new Uint8Array(buffer)
    this.#words = new Uint32Array(buffer)
  }

  get done(): boolean {
    return this.ended && this.#pos >= this.#end
  }

  /** Fills the window; the record at the position comes to its front and so to a multiple of 4. */
  async fill(): Promise<void> {
    const bytes = this.#bytes
    bytes.copyWithin(0, this.#pos, this.#end)
    this.#offset += this.#pos
    this.#end -= this.#pos
    this.#pos = 0
    while (this.#end < WINDOW) {
      if (this.#chunkPos >= this.#chunk.length) {
        if (this.#end >= MAX_RECORD) return
        const { done, value } = await this.#chunks.next()
        if (done) {
          this.ended = true
          return
        }
        this.#chunk = value
        this.#chunkPos = 0
        continue
      }
      const count = Math.min(WINDOW - this.#end, this.#chunk.length - this.#chunkPos)
      bytes.set(this.#chunk.subarray(this.#chunkPos, this.#chunkPos + count), this.#end)
      this.#end += count
      this.#chunkPos += count
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  /**
   * Appends the events before `limitNs` (with `force` at least one, whatever its time). Without `named`, the rows are
   * not in their final order yet: names of tasks become rows of their own, to be applied later.
   */
  decode(batch: BlockBatch, limitNs: number, force: boolean, named: boolean): Stop {
    const words = this.#words
    const scratch = this.#scratch
    const { clock, names, sequences, tally } = this.#shared
    const { eventHigh, eventLow } = clock
    const noteHigh = clock.noteHigh
    const noteLow = clock.noteLow
    const rebased = clock.base === 'recovered'
    const source = this.#source
    const {
      action: actions,
      flags,
      device: devices,
      sector: sectors,
      bytes: sizes,
      tid: tids,
      comm: comms,
      atNs: times,
      error: errors,
      cpu: cpus,
      sequence: sequenceColumn,
      record: recordColumn,
      source: sources,
      capacity,
    } = batch
    let n = batch.length
    let p = this.#pos
    const end = this.#end
    let lastNs = this.#lastNs
    let stop: Stop = NEED_DATA
    while (n < capacity) {
      let view = words
      let w = p >>> 2
      let headerBytes = HEADER_V1
      if (p + HEADER_V1 > end || (p & 3) !== 0 || words[w] !== MAGIC_V1 || !HOST_IS_LITTLE) {
        headerBytes = this.#load(p)
        if (headerBytes < 0) {
          p = this.#resync(p)
          if (p >= 0) continue
          p = -p - 1
          break
        }
        if (headerBytes === 0) break
        view = scratch
        w = 0
      }
      const payloadBytes = view[w + WORD.errorAndPayload] >>> 16
      const next = p + headerBytes + payloadBytes
      if (payloadBytes > 0) {
        const state = this.#checkPayload(p, next)
        if (state === NEED) break
        if (state !== GOOD) {
          p = state
          continue
        }
      }
      const code = view[w + WORD.action]
      const categories = code >>> 16
      const timeLow = view[w + WORD.timeLow]
      const timeHigh = view[w + WORD.timeHigh]
      if (categories & CATEGORY_NOTIFY) {
        const atNs = (timeHigh - noteHigh) * TWO_32 + (timeLow - noteLow)
        if (!rebased && atNs >= limitNs && !force) {
          this.nextNs = atNs
          this.nextDevice = view[w + WORD.device]
          this.nextSequence = 0
          stop = AT_LIMIT
          break
        }
        this.#records++
        this.#resyncing = false
        // A note's time is its own; in a rebased dump only its place in the file tells the order.
        batch.length = n
        this.#note(
          batch,
          code & 0xff,
          view[w + WORD.pid],
          rebased ? (lastNs >= 0 ? lastNs : -Infinity) : atNs,
          p + headerBytes,
          next,
          {
            atNs,
            row: !named,
            cgroup: (code & CGROUP_BIT) !== 0,
          },
        )
        n = batch.length
        force = false
        p = next
        continue
      }
      const atNs = (timeHigh - eventHigh) * TWO_32 + (timeLow - eventLow)
      if (atNs >= limitNs && !force) {
        this.nextNs = atNs
        this.nextDevice = view[w + WORD.device]
        this.nextSequence = view[w + WORD.sequence]
        stop = AT_LIMIT
        break
      }
      this.#records++
      this.#resyncing = false
      let action = code & 0xffff
      let payload = p + headerBytes
      if (action & CGROUP_BIT) {
        action &= ~CGROUP_BIT
        payload += CGROUP_BYTES
      }
      if (action === 0 || action > LAST_ACTION) {
        // A magic in the middle of garbage, if no record follows.
        if (next + 4 <= end && !magicAt(this.#bytes, next)) {
          this.#records--
          p = this.#resync(p)
          if (p >= 0) continue
          p = -p - 1
          break
        }
        this.#shared.facts.foreign++
        this.#report(BLKTRACE.unknownAction, `action 0x${code.toString(16)}`, p)
        p = next
        continue
      }
      if (atNs - lastNs > YEAR_NS || lastNs - atNs > YEAR_NS) {
        // Once is damage; twice in a row is how the clock goes on.
        if (!(Math.abs(atNs - this.#suspectNs) < YEAR_NS)) {
          this.#suspectNs = atNs
          this.#shared.facts.damaged++
          this.#report(BLKTRACE.timeJump, `record ${this.#records}`, p)
          p = next
          continue
        }
        lastNs = atNs
      }
      if (atNs < lastNs) this.#backwards(p, named)
      else if (atNs === lastNs) this.ties++
      lastNs = atNs
      this.timed++
      force = false

      const device = view[w + WORD.device]
      const cpu = view[w + WORD.cpu]
      const sequence = view[w + WORD.sequence]
      const missing = sequences.missing(device, cpu, sequence)
      if (missing > 0) this.#lost(missing, device, cpu, p)
      const tid = view[w + WORD.pid] | 0
      const size = view[w + WORD.bytes]
      const sectorHigh = view[w + WORD.sectorHigh]
      tally.row(action, device, cpu, atNs)

      actions[n] = action
      flags[n] = flagsOf(view === words ? categories : categories | (scratch[WORD.actionHigh] << 16), size)
      devices[n] = device
      sectors[n] = sectorHigh < SECTOR_HIGH ? sectorHigh * TWO_32 + view[w + WORD.sectorLow] : -1
      sizes[n] = size
      tids[n] = tid
      comms[n] = named ? names.get(tid) : -1
      times[n] = atNs
      errors[n] = (view[w + WORD.errorAndPayload] << 16) >> 16
      cpus[n] = cpu
      sequenceColumn[n] = sequence
      recordColumn[n] = this.#records
      sources[n] = source
      if (payloadBytes > 0 || action === ACTION.remap || action === ACTION.split) {
        this.#payload(batch, n, action, payload, next, p)
      } else if (action === ACTION.unplug || action === ACTION.unplugTimer) batch.depth[n] = 0
      n++
      p = next
    }
    if (n === capacity && stop === NEED_DATA) stop = FULL
    batch.length = n
    this.#pos = p
    this.#lastNs = lastNs
    if (stop === NEED_DATA && this.ended) this.#tail()
    return stop
  }

  /** Counts of this source, after its end. */
  finish(): void {
    this.#shared.facts.records += this.#records + this.#gaps
  }

  /** Brings the header at `p` into `scratch`; its length, 0 when more bytes are needed, -1 when there is none. */
  #load(p: number): number {
    const bytes = this.#bytes
    if (p + HEADER_V1 > this.#end) {
      if (!this.ended || p >= this.#end || magicMayBegin(bytes, p, this.#end)) return 0
      return -1
    }
    const head = magicAt(bytes, p)
    if (!head) return -1
    if (p + head.headerBytes > this.#end) return 0
    loadHeader(bytes, p, head, this.#scratch)
    return head.headerBytes
  }

  #payload(batch: BlockBatch, n: number, action: number, payload: number, next: number, p: number): void {
    const room = next - payload
    switch (action) {
      case ACTION.remap: {
        const whole = room >= 16
        const to = whole ? be32(this.#bytes, payload + 4) : 0
        batch.fromDevice[n] = whole ? be32(this.#bytes, payload) : NO_DEVICE
        batch.fromSector[n] = whole ? be64(this.#bytes, payload + 8) : -1
        if (to !== 0) batch.device[n] = to
        if (!whole) this.#report(BLKTRACE.badPayload, ACTION_LETTERS[action], p)
        break
      }
      case ACTION.split:
        batch.splitSector[n] = room >= 8 ? be64(this.#bytes, payload) : -1
        if (room < 8) this.#report(BLKTRACE.badPayload, ACTION_LETTERS[action], p)
        break
      case ACTION.unplug:
      case ACTION.unplugTimer:
        batch.depth[n] = room >= 8 ? be64(this.#bytes, payload) : 0
        break
      default:
    }
  }

  #note(
    batch: BlockBatch,
    note: number,
    tid: number,
    orderNs: number,
    payload: number,
    next: number,
    { atNs, row, cgroup }: { atNs: number; row: boolean; cgroup: boolean },
  ): void {
    const { clock, names, facts } = this.#shared
    facts.notes++
    const start = cgroup ? payload + CGROUP_BYTES : payload
    switch (note) {
      case NOTE_PROCESS: {
        const comm = names.intern(this.#bytes, start, Math.min(next, start + COMM_BYTES))
        if (comm < 0) break
        if (row) {
          const i = batch.add(ACTION.note, NO_DEVICE, tid, orderNs, 0)
          batch.comm[i] = comm
        } else names.set(tid, comm)
        break
      }
      case NOTE_TIMESTAMP:
        if (next - payload >= 8) {
          const head = magicAt(this.#bytes, this.#headerOf(payload))
          if (head) clock.anchor(atNs, u32(this.#bytes, payload, head) >>> 0, u32(this.#bytes, payload + 4, head) >>> 0)
        }
        break
      case NOTE_MESSAGE:
        facts.messages++
        break
      default:
    }
  }

  /** Where the header before this payload begins. */
  #headerOf(payload: number): number {
    return magicAt(this.#bytes, payload - HEADER_V1) ? payload - HEADER_V1 : payload - HEADER_V2
  }

  /** GOOD, NEED, or (a length that cannot be) the position of the record inside it. */
  #checkPayload(p: number, next: number): number {
    if (next + 4 <= this.#end) {
      if (magicAt(this.#bytes, next)) return GOOD
    } else if (!this.ended) return NEED
    else if (next === this.#end) return GOOD
    const inside = findRecord(this.#bytes, p + 1, Math.min(next, this.#end), this.#end)
    if (inside < 0) return next > this.#end ? NEED : GOOD
    this.#records++
    this.#damage(p, 0)
    return inside
  }

  /** Skips to the next record; −(position)−1 when the window ends before one is found. */
  #resync(p: number): number {
    if (!this.#resyncing) {
      this.#gaps++
      this.#damage(p, 0)
    }
    this.#resyncing = true
    const found = findRecord(this.#bytes, p + 1, this.#end, this.#end)
    // A header that begins in the last bytes may be whole in the next window.
    const stop = found >= 0 ? found : this.ended ? this.#end : Math.max(p + 1, this.#end - HEADER_V2)
    this.#shared.facts.skippedBytes += stop - p
    return found >= 0 ? found : -stop - 1
  }

  #damage(p: number, skipped: number): void {
    this.#shared.facts.damaged++
    this.#shared.facts.skippedBytes += skipped
    this.#report(BLKTRACE.damaged, `byte ${this.#offset + p}`, p)
  }

  /** What is left at the end of the source is the beginning of a record. */
  #tail(): void {
    const left = this.#end - this.#pos
    if (left <= 0) return
    this.#shared.facts.damaged++
    this.#shared.facts.skippedBytes += left
    this.#records++
    this.#report(BLKTRACE.cut, `${left} bytes at byte ${this.#offset + this.#pos}`, this.#pos)
    this.#pos = this.#end
  }

  #backwards(p: number, named: boolean): void {
    // A single stream holds the CPUs' buffers one after the other: put in order later, see reorder.ts.
    if (named) this.#report(BLKTRACE.backwards, `record ${this.#records}`, p)
  }

  #lost(missing: number, device: number, cpu: number, p: number): void {
    this.#shared.facts.lost += missing
    const detail = `${missing} on CPU ${cpu} of device ${device >>> 20}:${device & 0xfffff}`
    this.#shared.diagnostics.add(BLKTRACE.lost, this.#place(p), detail, missing)
  }

  #report(kind: DiagnosticKind, detail: string, p: number): void {
    this.#shared.diagnostics.add(kind, this.#place(p), detail)
  }

  #place(p: number): { source: string; record: number; offset: number } {
    return { source: this.#path, record: this.#records, offset: this.#offset + p }
  }
}

const NEED = -1
const GOOD = -2
