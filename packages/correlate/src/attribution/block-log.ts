/**
 * The requests that change a device, each told by one witness at one step: 66 bytes a request.
 *
 * 1. A request counts where it was queued; on a device without queue events, at the first step that there is, and once
 *    however often it is sent (RequestTable.send).
 * 2. Those that a device passed on to one below it count once, where they were asked for.
 * 3. Copies of one write that stand on several devices count once, too (mirror-copies.ts).
 */
import { ACTION, CHANGES, OP, type BlockBatch } from '@flushtrace/trace'
import { RemapChains } from '../remap-chains.ts'
import { RequestTable } from '../request-table.ts'
import { Column, Names, orderOf } from './column.ts'

/** The first step. */
const QUEUED = 0
/** The step of a row that is left out. */
const LEFT_OUT = 255

/** What is told of one device. */
interface Told {
  readonly device: number
  /** The trace that tells of it: the first one that shows who queued. */
  readonly trace: number
  /** The earliest step seen. */
  first: number
  /** What is under way, as long as no queue event was seen. */
  sent: RequestTable | null
  completes: number
}

export class BlockLog {
  /** See `stepOf`. */
  readonly step = new Column(Uint8Array)
  /** Where it was asked for: the device on top of the layers. */
  readonly device = new Column(Uint32Array)
  /** From the start of `device`; -1: none (a bare flush). */
  readonly sector = new Column(Float64Array)
  /** As the row itself has them: the device below, or the disk of a partition. */
  readonly rowDevice = new Column(Uint32Array)
  readonly rowSector = new Column(Float64Array)
  readonly bytes = new Column(Float64Array)
  readonly flags = new Column(Uint32Array)
  readonly tid = new Column(Int32Array)
  readonly comm = new Column(Int32Array)
  /** On the clock of its trace. */
  readonly atNs = new Column(Float64Array)
  readonly record = new Column(Float64Array)
  /** Number of the source that the record stands in. */
  readonly source = new Column(Int32Array)
  readonly trace = new Column(Uint8Array)
  /** All of them grow together. */
  readonly #columns = [
    this.step,
    this.device,
    this.sector,
    this.rowDevice,
    this.rowSector,
    this.bytes,
    this.flags,
    this.tid,
    this.comm,
    this.atNs,
    this.record,
    this.source,
    this.trace,
  ]
  readonly names = new Names()
  /** Devices that were seen to send copies to several members. */
  readonly mirrors = new Set<number>()
  readonly #devices = new Map<number, Told>()
  /** The last one asked for, which is nearly always the next one, too. */
  #last: Told = { device: -1, trace: -1, first: LEFT_OUT, sent: null, completes: 0 }
  /** Devices whose requests were passed on to the one that is the key. */
  readonly #passed = new Map<number, Set<number>>()
  #trace = -1
  #chains = new RemapChains()

  get length(): number {
    return this.device.length
  }

  /** All rows of a batch. `trace`: which block trace it is of; the richest come first. `sources`: by batch.source. */
  add(batch: BlockBatch, trace: number, sources: readonly number[]): void {
    if (trace !== this.#trace) {
      this.#trace = trace
      this.#chains = new RemapChains()
    }
    const { action, flags, device, sector, strings } = batch
    for (const column of this.#columns) column.reserve(this.length + batch.length)
    let row = this.length
    let comm = -1
    let name = -1
    for (let i = 0; i < batch.length; i++) {
      const chain = this.#chains.apply(batch, i)
      const step = stepOf(action[i])
      const isBack = action[i] === ACTION.requeue
      if ((step === LEFT_OUT && !isBack) || (flags[i] & CHANGES) === 0) continue
      const told = this.#toldOf(device[i], trace)
      if (told.trace !== trace) continue
      if (isBack) told.sent?.requeue(batch, i)
      else if (told.first > QUEUED && step > QUEUED && isSentAgain(told, batch, i)) continue
      if (isBack || step > told.first) continue
      told.first = step
      if (chain?.above.some((above) => this.#devices.get(above)?.trace === trace)) {
        this.#pass(device[i], chain.above)
        continue
      }
      if (batch.comm[i] !== comm) {
        comm = batch.comm[i]
        name = comm < 0 ? -1 : this.names.id(strings.text(comm))
      }
      this.step.data[row] = step
      this.device.data[row] = chain ? chain.originDevice : device[i]
      this.sector.data[row] = chain ? chain.originSector : sector[i]
      this.rowDevice.data[row] = device[i]
      this.rowSector.data[row] = sector[i]
      this.bytes.data[row] = batch.bytes[i]
      this.flags.data[row] = flags[i]
      this.tid.data[row] = batch.tid[i]
      this.comm.data[row] = name
      this.atNs.data[row] = batch.atNs[i]
      this.record.data[row] = batch.record[i]
      this.source.data[row] = sources[batch.source[i]]
      this.trace.data[row] = trace
      row++
    }
    for (const column of this.#columns) column.length = row
  }

  /** Devices whose requests were passed on from the device on top; they are not counted again. */
  get passedOn(): ReadonlyMap<number, ReadonlySet<number>> {
    return this.#passed
  }

  /** A row that tells of a write again, which another tells of on the device above. */
  leaveOut(row: number, above: number): void {
    this.step.data[row] = LEFT_OUT
    this.mirrors.add(above)
    this.#pass(this.rowDevice.data[row], [above])
  }

  /** A row tells of a request of a device above the one where it was seen. */
  lift(row: number, { device, sector }: { readonly device: number; readonly sector: number }): void {
    this.device.data[row] = device
    this.sector.data[row] = sector
    if (device !== this.rowDevice.data[row]) this.#pass(this.rowDevice.data[row], [device])
  }

  #toldOf(device: number, trace: number): Told {
    if (device === this.#last.device) return this.#last
    let told = this.#devices.get(device)
    if (!told) this.#devices.set(device, (told = { device, trace, first: LEFT_OUT, sent: null, completes: 0 }))
    return (this.#last = told)
  }

  #pass(device: number, above: readonly number[]): void {
    const devices = this.#passed.get(device) ?? new Set()
    for (const one of above) devices.add(one)
    this.#passed.set(device, devices)
  }

  /** Rows that count, in the order of `ns`. */
  inOrder(ns: Float64Array): Uint32Array {
    const { step, rowDevice } = this
    const order = orderOf(ns)
    let told = this.#last
    let length = 0
    for (const row of order) {
      if (rowDevice.data[row] !== told.device) told = this.#devices.get(rowDevice.data[row]) as Told
      if (step.data[row] === told.first) order[length++] = row
    }
    return order.subarray(0, length)
  }
}

/** Row `i` is a step of a request on a device whose requests show no queue event: whether the driver is asked again. */
function isSentAgain(told: Told, batch: BlockBatch, i: number): boolean {
  if (batch.bytes[i] === 0 || batch.sector[i] < 0 || (batch.flags[i] & OP.passthrough) !== 0) return false
  const table = (told.sent ??= new RequestTable())
  if (batch.action[i] === ACTION.complete) {
    told.completes++
    table.complete(batch, i)
    table.done.count = 0
    return false
  }
  if (table.full) table.forget()
  // Where completions are not traced at all, the next write of a block looks as if it were sent again.
  table.send(batch, i, told.completes > 0)
  return table.sentAgain
}

/** Where it stands among those of a request that count; of others, LEFT_OUT. */
function stepOf(action: number): number {
  switch (action) {
    case ACTION.queue:
      return QUEUED
    case ACTION.issue:
      return 1
    case ACTION.complete:
      return 2
    default:
      return LEFT_OUT
  }
}
