/**
 * Block requests from being queued (Q) to completion (C): who asked for what, on which layer, and how long each step
 * took. Input is rows of any block trace; what a row cannot tell (no queue events, no times) is left out, not guessed.
 *
 *     Q FWFSM s+8 [jbd2]   asked for, by this task: counts here            the kernel's own rule for a write cache
 *     D FN … C FN 0        cache flush of the device                       without FUA (block/blk-flush.c): before,
 *     D WSM s+8 … C        the data, flags stripped                        data, after
 *     D FN … C FN 0
 *     C WSM s [0]          0 bytes: the end of the whole, not data
 *
 * Invariants
 * 1. A request counts once on each layer, at Q; only without any Q at the first step there is (`basis`).
 * 2. A bare flush is neither a read nor a write, whatever the kernel files it under; completions of 0 bytes carry nothing.
 * 3. What was passed on by another counted device is counted again in `passedOn`, so that layers can be subtracted.
 * 4. Tasks are those of Q. D and C run in whatever task the kernel used.
 */
import { ACTION, DATALESS, OP, ZONE_COMMANDS, deviceText, type BlockBatch, type Diagnostics } from '@flushtrace/trace'
import { BlockTally, type Basis, type BlockCounts, type DeviceSummary } from './block-summary.ts'
import { REQUESTS } from './block-diagnostics.ts'
import { Latencies } from './latencies.ts'
import { RemapChains } from './remap-chains.ts'
import { QUEUED, RequestTable, SENT } from './request-table.ts'

const SECTOR_BYTES = 512
/** Devices, and tasks on one device, that are told apart; the rest shares one row without a name. */
const MAX_DEVICES = 4096
const MAX_TASKS = 1 << 16
/** Flushes waited for at once; more are ends missing from the trace. */
const MAX_WAITING = 4096
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

export class RequestTracker {
  readonly #devices = new Map<number, Device>()
  readonly #chains = new RemapChains()
  readonly #diagnostics: Diagnostics | null
  #last: Device | null = null
  #lastDevice = -1

  constructor(diagnostics: Diagnostics | null = null) {
    this.#diagnostics = diagnostics
  }

  /** All rows of a batch. `shiftNs` is added to their times, `keep` leaves rows out. */
  apply(batch: BlockBatch, shiftNs = 0, keep: ((i: number) => boolean) | null = null): void {
    const { action, device, length, atNs } = batch
    for (let i = 0; i < length; i++) {
      if (keep && !keep(i)) continue
      const at = atNs[i] + shiftNs
      switch (action[i]) {
        case ACTION.queue:
          this.#device(device[i])?.queue(batch, i, at, this.#chains.apply(batch, i), this.#devices)
          break
        case ACTION.issue:
          this.#device(device[i])?.issue(batch, i, at)
          break
        case ACTION.complete:
          this.#device(device[i])?.complete(batch, i, at)
          break
        case ACTION.requeue:
          this.#device(device[i])?.requeue(batch, i, at)
          break
        case ACTION.split:
          this.#device(device[i])?.split(batch, i)
          break
        case ACTION.backMerge:
        case ACTION.frontMerge: {
          const merged = this.#device(device[i])
          if (merged) merged.merges++
          break
        }
        case ACTION.remap:
          this.#device(device[i])?.above.add(batch.fromDevice[i])
          this.#chains.apply(batch, i)
          break
        default:
      }
    }
  }

  /** Every device that requests were seen on, most bytes first. */
  summaries(): DeviceSummary[] {
    const all = [...this.#devices.values()].filter((device) => device.seen).map((device) => device.summary())
    return all.sort((a, b) => b.bytes + b.readBytes - a.bytes - a.readBytes || (a.device < b.device ? -1 : 1))
  }

  #device(number: number): Device | null {
    if (number === this.#lastDevice) return this.#last
    let device = this.#devices.get(number) ?? null
    if (!device) {
      if (this.#devices.size >= MAX_DEVICES) {
        this.#diagnostics?.add(REQUESTS.tooManyDevices)
        return null
      }
      device = new Device(number, this.#diagnostics)
      this.#devices.set(number, device)
    }
    this.#last = device
    this.#lastDevice = number
    return device
  }
}

/** One device: its requests under way, and what was counted. */
class Device {
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
  readonly #flushSentNs: number[] = []
  readonly #bareQueuedNs: number[] = []
  readonly #flushQueuedNs = new Map<number, number>()
  readonly #flushQ2c = new Latencies()
  readonly #flushD2c = new Latencies()
  readonly #readD2c = new Latencies()
  readonly #writeD2c = new Latencies()
  readonly #discardD2c = new Latencies()

  #depth = 0
  #maxDepth = 0
  #depthFromNs = NaN
  #depthNs = 0
  #busyNs = 0
  #firstNs = NaN
  #lastNs = NaN

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
    chain: ReturnType<RemapChains['apply']>,
    devices: ReadonlyMap<number, Device>,
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
    if (flags & (OP.flush | OP.fua)) this.#awaitFlush(flags, bytes, sector, atNs)
    if (bytes === 0 || sector < 0 || flags & OP.passthrough) return
    this.#table.makeRoom()
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
    if (bytes > 0 && operation !== READ && this.#table.again(operation, sector, sector + sectorsOf(bytes), atNs)) {
      this.#requeues++
      return
    }
    count(this.#issued, flags, bytes, sector, atNs)
    if (bytes === 0 && flags & OP.flush) {
      this.#deviceFlushes++
      if (this.#flushSentNs.length < MAX_WAITING) this.#flushSentNs.push(atNs)
      this.#step(1, atNs)
      return
    }
    if (bytes === 0 || sector < 0 || flags & OP.passthrough) return
    this.#table.makeRoom()
    this.#table.send(operation, sector, sector + sectorsOf(bytes), atNs, flags)
    this.#step(1, atNs)
  }

  complete(batch: BlockBatch, i: number, atNs: number): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    const sector = batch.sector[i]
    const error = batch.error[i]
    this.#completes++
    if (error !== 0) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
    if (bytes === 0) {
      this.#completeEmpty(flags, sector, atNs)
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
    this.#step(-1, atNs)
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
    this.#step(-1, atNs)
    const took = atNs - sentNs
    this.#queued.d2c.add(took)
    if (firstTask >= 0) this.#tasks[firstTask].tally.d2c.add(took)
    if (flags & OP.write) this.#writeD2c.add(took)
    else if (flags & OP.read) this.#readD2c.add(took)
    else if (flags & DATALESS) this.#discardD2c.add(took)
  }

  /** The end of a flush of the device, or of a request that asked for one. */
  #completeEmpty(flags: number, sector: number, atNs: number): void {
    if (flags & OP.flush && !(flags & OP.write)) {
      const sentNs = this.#flushSentNs.shift()
      if (sentNs === undefined) return
      this.#flushD2c.add(atNs - sentNs)
      this.#step(-1, atNs)
      return
    }
    const queuedNs = this.#flushQueuedNs.get(sector)
    if (queuedNs !== undefined) {
      this.#flushQueuedNs.delete(sector)
      this.#flushQ2c.add(atNs - queuedNs)
    } else {
      const bareNs = this.#bareQueuedNs.shift()
      if (bareNs !== undefined) this.#flushQ2c.add(atNs - bareNs)
    }
  }

  #awaitFlush(flags: number, bytes: number, sector: number, atNs: number): void {
    if (bytes === 0) {
      if (this.#bareQueuedNs.length >= MAX_WAITING) this.#bareQueuedNs.length = 0
      this.#bareQueuedNs.push(atNs)
      return
    }
    // A device that does FUA itself, or has no cache, ends these with their data: nothing follows.
    if (this.#flushQueuedNs.size >= MAX_WAITING) this.#flushQueuedNs.clear()
    if (flags & OP.write) this.#flushQueuedNs.set(sector, atNs)
  }

  /** One request more, or less, at the device. */
  #step(change: 1 | -1, atNs: number): void {
    if (Number.isNaN(atNs)) return
    if (Number.isNaN(this.#firstNs)) this.#firstNs = atNs
    else if (atNs > this.#depthFromNs) {
      this.#depthNs += this.#depth * (atNs - this.#depthFromNs)
      if (this.#depth > 0) this.#busyNs += atNs - this.#depthFromNs
    }
    this.#depthFromNs = atNs
    this.#lastNs = atNs
    this.#depth = Math.max(0, this.#depth + change)
    if (this.#depth > this.#maxDepth) this.#maxDepth = this.#depth
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
    const span = this.#lastNs - this.#firstNs
    return {
      ...counted.summary(name, null, null, basis),
      q2c: this.#queued.q2c.spread(),
      q2d: this.#queued.q2d.spread(),
      d2c: this.#queued.d2c.spread(),
      deviceFlushes: this.#deviceFlushes,
      deviceFlushD2c: this.#flushD2c.spread(),
      flushQ2c: this.#flushQ2c.spread(),
      readD2c: this.#readD2c.spread(),
      writeD2c: this.#writeD2c.spread(),
      discardD2c: this.#discardD2c.spread(),
      merges: this.merges,
      splits: this.#splits,
      requeues: this.#requeues,
      errors: Object.fromEntries([...this.#errors].map(([error, times]) => [String(error), times])),
      depth:
        this.#maxDepth === 0 ? null : { max: this.#maxDepth, mean: span > 0 ? this.#depthNs / span : this.#maxDepth },
      busyNs: this.#busyNs,
      passedOn: { ...this.#queued.passedOn },
      above: [...this.above].map(deviceText).filter((text) => text !== null),
      unfinished: this.#table.open + this.#table.forgotten,
      tasks: this.#tasks
        .map(({ tid, comm, tally }) => tally.summary(name, tid, comm, 'queue'))
        .sort((a, b) => b.bytes - a.bytes || b.flushes - a.flushes || (a.tid ?? 0) - (b.tid ?? 0)),
    }
  }
}

function sectorsOf(bytes: number): number {
  return bytes / SECTOR_BYTES
}

/** One number for each operation that is told apart when events are matched. */
function operationOf(flags: number): number {
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
