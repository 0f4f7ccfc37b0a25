/**
 * When each request that changes a device was sent to it, when its data was done and when all of it was; and when the
 * device emptied its cache. What a request is, is told by requests.ts; rows are found by the record that queued them.
 *
 *     Q FWFSM s+8 · D FN · C FN · D WSM s+8 · C WSM s+8 · D FN · C FN · C WSM s [0]
 *     queued        device flush  issued      data done   device flush  done
 *
 * Invariants
 * 1. A row is made by the first step of a request that the trace has: queue, else issue.
 * 2. A row whose end is missing has doneNs NaN; one that a driver took without an issue event has issuedNs NaN.
 * 3. A range that was split is done with its last part; ranges that were merged share the times of their request.
 */
import { ACTION, CHANGES, OP, type BlockBatch } from '@flushtrace/trace'
import { RequestTable } from '../request-table.ts'
import { Column } from './column.ts'

/** Flushes waited for at once; more are ends missing from the trace. */
const MAX_WAITING = 4096
/** More than any capture has: a record and its source are one number. */
const SOURCES = 1 << 20

/** One device of one trace: its requests under way. */
class Device {
  readonly table = new RequestTable()
  /** Rows that a completion of 0 bytes ends: by first sector, and bare flushes, first in, first out. */
  readonly bySector = new Map<number, number>()
  readonly bare: number[] = []
  /** Rows of device flushes under way. */
  readonly flushing: number[] = []
  completes = 0
}

export class RequestTimes {
  /** On the clock of the trace, as all times here. */
  readonly issuedNs = new Column(Float64Array)
  readonly dataDoneNs = new Column(Float64Array)
  readonly doneNs = new Column(Float64Array)
  /** Cache flushes of devices. */
  readonly flushTrace = new Column(Uint8Array)
  readonly flushDevice = new Column(Uint32Array)
  readonly flushStartNs = new Column(Float64Array)
  readonly flushEndNs = new Column(Float64Array)
  readonly #rows: Map<number, number>[] = []
  readonly #devices: Map<number, Device>[] = []

  /** All rows of a batch; `sources`: by batch.source, as BlockLog.add has them. */
  add(batch: BlockBatch, trace: number, sources: readonly number[]): void {
    const rows = (this.#rows[trace] ??= new Map())
    const devices = (this.#devices[trace] ??= new Map())
    const { action, flags, device, length } = batch
    for (let i = 0; i < length; i++) {
      if ((flags[i] & CHANGES) === 0 || flags[i] & OP.passthrough) continue
      let at = devices.get(device[i])
      if (!at) devices.set(device[i], (at = new Device()))
      switch (action[i]) {
        case ACTION.queue:
          this.#queue(batch, i, at, this.#row(rows, batch, i, sources))
          break
        case ACTION.issue:
          this.#issue(batch, i, at, trace, () => this.#row(rows, batch, i, sources))
          break
        case ACTION.complete:
          this.#complete(batch, i, at)
          break
        case ACTION.requeue:
          at.table.requeue(batch, i)
          break
        case ACTION.split:
          at.table.splitQueued(batch, i)
          break
        default:
      }
    }
  }

  /** The row of the request that this record queued; -1: none. */
  find(trace: number, source: number, record: number): number {
    return this.#rows[trace]?.get(keyOf(source, record)) ?? -1
  }

  #row(rows: Map<number, number>, batch: BlockBatch, i: number, sources: readonly number[]): number {
    const row = this.doneNs.length
    this.issuedNs.push(NaN)
    this.dataDoneNs.push(NaN)
    this.doneNs.push(NaN)
    rows.set(keyOf(sources[batch.source[i]], batch.record[i]), row)
    return row
  }

  #queue(batch: BlockBatch, i: number, device: Device, row: number): void {
    const { flags, bytes, sector } = batch
    if (bytes[i] === 0) {
      if (device.bare.length >= MAX_WAITING) device.bare.length = 0
      device.bare.push(row)
      return
    }
    if (sector[i] < 0) return
    if (flags[i] & (OP.flush | OP.fua)) {
      if (device.bySector.size >= MAX_WAITING) device.bySector.clear()
      device.bySector.set(sector[i], row)
    }
    if (device.table.full) device.table.forget()
    device.table.queue(batch, i, row)
  }

  #issue(batch: BlockBatch, i: number, device: Device, trace: number, make: () => number): void {
    const { flags, bytes, sector, atNs } = batch
    if (bytes[i] === 0) {
      if ((flags[i] & OP.flush) === 0) return
      if (device.flushing.length >= MAX_WAITING) device.flushing.length = 0
      device.flushing.push(this.flushStartNs.length)
      this.flushTrace.push(trace)
      this.flushDevice.push(batch.device[i])
      this.flushStartNs.push(atNs[i])
      this.flushEndNs.push(NaN)
      return
    }
    if (sector[i] < 0) return
    const { table } = device
    if (table.full) table.forget()
    // Sent again; where completions are not traced at all, the next write of a block looks the same.
    for (let e = table.send(batch, i, device.completes > 0); e >= 0; e = table.next(e)) {
      if (table.row(e) < 0) table.setRow(e, make())
      const row = table.row(e)
      if (Number.isNaN(this.issuedNs.data[row])) this.issuedNs.data[row] = atNs[i]
    }
  }

  #complete(batch: BlockBatch, i: number, device: Device): void {
    const { flags, bytes, sector, atNs } = batch
    device.completes++
    if (bytes[i] === 0) {
      if (flags[i] & OP.flush && !(flags[i] & OP.write)) {
        const flush = device.flushing.shift()
        if (flush !== undefined) this.flushEndNs.data[flush] = atNs[i]
        return
      }
      const row = device.bySector.get(sector[i]) ?? device.bare.shift()
      device.bySector.delete(sector[i])
      if (row !== undefined) this.doneNs.data[row] = atNs[i]
      return
    }
    if (sector[i] < 0) return
    const { table } = device
    table.complete(batch, i)
    const { done } = table
    for (let k = 0; k < done.count; k++) {
      const row = done.row[k]
      if (row >= 0) this.dataDoneNs.data[row] = this.doneNs.data[row] = atNs[i]
    }
    done.count = 0
  }
}

function keyOf(source: number, record: number): number {
  return record * SOURCES + source
}
