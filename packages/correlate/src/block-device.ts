/** One block device: its requests under way, and what was counted on it. The rules: requests.ts. */
import { DATALESS, OP, ZONE_COMMANDS, deviceText, type BlockBatch, type Diagnostics } from '@flushtrace/trace'
import { REQUESTS } from './block-diagnostics.ts'
import { BlockTally, type Basis, type BlockCounts, type DeviceSummary } from './block-summary.ts'
import { FlushWaits } from './flush-waits.ts'
import { Latencies } from './latencies.ts'
import { QueueDepth } from './queue-depth.ts'
import type { RemapChain } from './remap-chains.ts'
import { QUEUED, RequestTable, SENT } from './request-table.ts'

const SECTOR_BYTES = 512
/** Tasks on one device that are told apart; the rest is charged to the first. */
const MAX_TASKS = 1 << 16
const TRANSFER = OP.read | OP.write
/** See `operationOf`. */
const READ = 1

interface TaskRow {
  readonly tid: number
  comm: string | null
  /** Of `comm`, in the string table it was last seen in. */
  id: number
  strings: BlockBatch['strings'] | null
  readonly tally: BlockTally
  readonly index: number
  /** Another task with this thread id, or the same one under another name. */
  next: TaskRow | null
}

export class BlockDevice {
  readonly above = new Set<number>()
  merges = 0
  readonly #number: number
  readonly #diagnostics: Diagnostics | null
  readonly #table = new RequestTable()
  readonly #queued = new BlockTally()
  readonly #issued = new BlockTally()
  readonly #completed = new BlockTally()
  #queues = 0
  #issues = 0
  #completes = 0

  readonly #byTid = new Map<number, TaskRow>()
  readonly #tasks: TaskRow[] = []
  #lastTask: TaskRow | null = null

  #splits = 0
  #requeues = 0
  #deviceFlushes = 0
  readonly #errors = new Map<number, number>()
  readonly #flushes = new FlushWaits()
  readonly #readD2c = new Latencies()
  readonly #writeD2c = new Latencies()
  readonly #discardD2c = new Latencies()

  readonly #depth = new QueueDepth()

  constructor(number: number, diagnostics: Diagnostics | null) {
    this.#number = number
    this.#diagnostics = diagnostics
  }

  get seen(): boolean {
    return this.#queues + this.#issues + this.#completes > 0
  }

  get queues(): number {
    return this.#queues
  }

  queue(
    batch: BlockBatch,
    i: number,
    atNs: number,
    chain: RemapChain | null,
    devices: ReadonlyMap<number, BlockDevice>,
  ): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    const sector = batch.sector[i]
    this.#queues++
    const task = this.#task(batch, i)
    count(this.#queued, flags, bytes, sector, atNs)
    count(task.tally, flags, bytes, sector, atNs)
    if (chain && chain.above.some((from) => from !== this.#number && (devices.get(from)?.queues ?? 0) > 0)) {
      add(this.#queued.passedOn, flags, bytes)
      add(task.tally.passedOn, flags, bytes)
    }
    if (flags & (OP.flush | OP.fua)) this.#flushes.queued(flags, bytes, sector, atNs)
    if (bytes === 0 || sector < 0 || flags & OP.passthrough) return
    if (this.#table.makeRoom()) this.#depth.forget()
    const operation = operationOf(flags)
    this.#table.add(QUEUED, operation, sector, sector + sectorsOf(bytes), atNs, task.index, flags)
  }

  issue(batch: BlockBatch, i: number, atNs: number): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    const sector = batch.sector[i]
    this.#issues++
    const operation = operationOf(flags)
    // Two reads of one block may well be under way at once; two writes of it are one, sent again.
    // Where completions are not traced at all, the next write of a block looks the same.
    if (bytes > 0 && operation !== READ && this.#completes > 0) {
      if (this.#table.again(operation, sector, sector + sectorsOf(bytes), atNs)) {
        this.#requeues++
        return
      }
    }
    count(this.#issued, flags, bytes, sector, atNs)
    if (bytes === 0 && flags & OP.flush) {
      this.#deviceFlushes++
      this.#flushes.sent(atNs)
      this.#depth.step(1, atNs)
      return
    }
    if (bytes === 0 || sector < 0 || flags & OP.passthrough) return
    if (this.#table.makeRoom()) this.#depth.forget()
    this.#table.send(operation, sector, sector + sectorsOf(bytes), atNs, flags)
    this.#depth.step(1, atNs)
  }

  complete(batch: BlockBatch, i: number, atNs: number): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    const sector = batch.sector[i]
    const error = batch.error[i]
    this.#completes++
    if (error !== 0) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
    if (bytes === 0) {
      if (this.#flushes.ended(flags, sector, atNs)) this.#depth.step(-1, atNs)
      return
    }
    count(this.#completed, flags, bytes, sector, atNs)
    if (sector < 0 || flags & OP.passthrough) return
    const operation = operationOf(flags)
    const end = sector + sectorsOf(bytes)
    let entry = this.#table.find(SENT, operation, sector)
    const sent = entry >= 0
    // Devices that work on bios (dm, md, zram) have no issue.
    if (!sent) entry = this.#table.find(QUEUED, operation, sector)
    if (entry < 0) return
    this.#finish(entry, end, flags, sent, atNs)
  }

  requeue(batch: BlockBatch, i: number, atNs: number): void {
    this.#requeues++
    const entry = this.#table.find(SENT, operationOf(batch.flags[i]), batch.sector[i])
    if (entry < 0) return
    this.#table.requeue(entry)
    this.#depth.step(-1, atNs)
  }

  split(batch: BlockBatch, i: number): void {
    this.#splits++
    this.#table.splitQueued(operationOf(batch.flags[i]), batch.sector[i], batch.splitSector[i])
  }

  #finish(first: number, end: number, flags: number, sent: boolean, atNs: number): void {
    const table = this.#table
    const sentNs = table.sentNs[first]
    const firstTask = table.task[first]
    table.take(first)
    let e = first
    while (e >= 0 && table.end[e] <= end) {
      const following = table.next[e]
      const task = table.task[e]
      const queuedNs = table.groupQueuedNs(e)
      if (table.release(e)) {
        this.#queued.q2c.add(atNs - queuedNs)
        if (sent) this.#queued.q2d.add(sentNs - queuedNs)
        if (task >= 0) {
          const { tally } = this.#tasks[task]
          tally.q2c.add(atNs - queuedNs)
          if (sent) tally.q2d.add(sentNs - queuedNs)
        }
      }
      e = following
    }
    if (e >= 0) {
      // Done in part: the rest completes by another event.
      table.resume(e, Math.max(end, table.start[e]), sentNs)
      return
    }
    if (!sent) return
    this.#depth.step(-1, atNs)
    const took = atNs - sentNs
    this.#queued.d2c.add(took)
    if (firstTask >= 0) this.#tasks[firstTask].tally.d2c.add(took)
    if (flags & OP.write) this.#writeD2c.add(took)
    else if (flags & OP.read) this.#readD2c.add(took)
    else if (flags & DATALESS) this.#discardD2c.add(took)
  }

  #task(batch: BlockBatch, i: number): TaskRow {
    const tid = batch.tid[i]
    const id = batch.comm[i]
    const last = this.#lastTask
    if (last && last.tid === tid && last.id === id && last.strings === batch.strings) return last
    let row = this.#byTid.get(tid) ?? null
    const comm = id < 0 ? null : batch.strings.text(id)
    while (row && !(comm === null || row.comm === null || row.comm === comm)) row = row.next
    if (!row) {
      if (this.#tasks.length >= MAX_TASKS) {
        this.#diagnostics?.add(REQUESTS.tooManySubmitters)
        return this.#tasks[0]
      }
      row = {
        tid,
        comm,
        id,
        strings: batch.strings,
        tally: new BlockTally(),
        index: this.#tasks.length,
        next: this.#byTid.get(tid) ?? null,
      }
      this.#tasks.push(row)
      this.#byTid.set(tid, row)
    }
    // A name that comes late names what the task did before.
    if (row.comm === null) row.comm = comm
    row.id = id
    row.strings = batch.strings
    this.#lastTask = row
    return row
  }

  summary(): DeviceSummary {
    const basis: Basis = this.#queues > 0 ? 'queue' : this.#issues > 0 ? 'issue' : 'complete'
    const counted = basis === 'queue' ? this.#queued : basis === 'issue' ? this.#issued : this.#completed
    const name = deviceText(this.#number) ?? 'none'
    return {
      ...counted.summary(name, null, null, basis),
      q2c: this.#queued.q2c.spread(),
      q2d: this.#queued.q2d.spread(),
      d2c: this.#queued.d2c.spread(),
      deviceFlushes: this.#deviceFlushes,
      deviceFlushD2c: this.#flushes.d2c.spread(),
      flushQ2c: this.#flushes.q2c.spread(),
      readD2c: this.#readD2c.spread(),
      writeD2c: this.#writeD2c.spread(),
      discardD2c: this.#discardD2c.spread(),
      merges: this.merges,
      splits: this.#splits,
      requeues: this.#requeues,
      errors: Object.fromEntries([...this.#errors].map(([error, times]) => [String(error), times])),
      depth: this.#depth.summary(),
      busyNs: this.#depth.busyNs,
      passedOn: { ...this.#queued.passedOn },
      above: [...this.above].map(deviceText).filter((text) => text !== null),
      unfinished: this.#table.open + this.#table.forgotten,
      tasks: this.#tasks
        .map(({ tid, comm, tally }) => tally.summary(name, tid, comm, 'queue'))
        .sort((a, b) => b.bytes - a.bytes || b.flushes - a.flushes || (a.tid ?? 0) - (b.tid ?? 0)),
    }
  }
}

export function sectorsOf(bytes: number): number {
  return bytes / SECTOR_BYTES
}

/** One number for each operation that is told apart when events are matched. */
export function operationOf(flags: number): number {
  if (flags & OP.write) return 2
  if (flags & OP.read) return READ
  if (flags & OP.discard) return 3
  if (flags & OP.writeZeroes) return 4
  if (flags & OP.secureErase) return 5
  return flags & ZONE_COMMANDS ? 6 : 0
}

function count(tally: BlockTally, flags: number, bytes: number, sector: number, atNs: number): void {
  tally.seen(atNs)
  add(tally.counts, flags, bytes)
  if (bytes > 0 && flags & TRANSFER && sector >= 0) tally.transfer(sector, sectorsOf(bytes))
}

function add(counts: BlockCounts, flags: number, bytes: number): void {
  if (flags & OP.passthrough) {
    counts.passthrough++
    return
  }
  if (flags & DATALESS) {
    if (flags & (OP.discard | OP.secureErase)) {
      counts.discards++
      counts.discardBytes += bytes
    } else if (flags & OP.writeZeroes) {
      counts.writeZeroes++
      counts.writeZeroesBytes += bytes
    } else counts.zoneCommands++
    return
  }
  if (flags & OP.flush) counts.flushes++
  if (bytes === 0) {
    if (flags & OP.flush) counts.bareFlushes++
    return
  }
  if (flags & OP.fua) counts.fua++
  if (flags & OP.write) {
    counts.writes++
    counts.bytes += bytes
  } else if (flags & OP.read) {
    counts.reads++
    counts.readBytes += bytes
  }
}
