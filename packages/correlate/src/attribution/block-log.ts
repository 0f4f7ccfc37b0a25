/**
 * The requests that change a device, each told by one witness at one step: 70 bytes a request.
 *
 * 1. A request counts where it was queued; on a device without queue events, at the first step that there is.
 * 2. Those that a device passed on to one below it count once, where they were asked for.
 * 3. Copies of one write that stand on several devices count once, too (mirror-copies.ts).
 */
import { ACTION, CHANGES, type BlockBatch } from '@flushtrace/trace'
import { RemapChains } from '../remap-chains.ts'
import { Column, Names, orderOf } from './column.ts'

/** The step of a row that is left out. */
const LEFT_OUT = 255

const STEPS: readonly number[] = [ACTION.queue, ACTION.issue, ACTION.complete]

export class BlockLog {
  /** Index in STEPS. */
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
  readonly names = new Names()
  /** Devices that were seen to send copies to several members. */
  readonly mirrors = new Set<number>()
  /** Device → the trace that tells of it: the first one that shows who queued. */
  readonly #witness = new Map<number, number>()
  /** Device → the earliest step seen. */
  readonly #first = new Map<number, number>()
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
    for (let i = 0; i < batch.length; i++) {
      const chain = this.#chains.apply(batch, i)
      const step = STEPS.indexOf(action[i])
      if (step < 0) continue
      if ((flags[i] & CHANGES) === 0 || step > (this.#first.get(device[i]) ?? 2)) continue
      if (this.#told(device[i], trace) !== trace) continue
      this.#first.set(device[i], step)
      if (chain?.above.some((above) => this.#witness.get(above) === trace)) {
        this.#pass(device[i], chain.above)
        continue
      }
      this.step.push(step)
      this.device.push(chain ? chain.originDevice : device[i])
      this.sector.push(chain ? chain.originSector : sector[i])
      this.rowDevice.push(device[i])
      this.rowSector.push(sector[i])
      this.bytes.push(batch.bytes[i])
      this.flags.push(flags[i])
      this.tid.push(batch.tid[i])
      this.comm.push(batch.comm[i] >= 0 ? this.names.id(strings.text(batch.comm[i])) : -1)
      this.atNs.push(batch.atNs[i])
      this.record.push(batch.record[i])
      this.source.push(sources[batch.source[i]])
      this.trace.push(trace)
    }
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

  #told(device: number, trace: number): number {
    const known = this.#witness.get(device)
    if (known !== undefined) return known
    this.#witness.set(device, trace)
    return trace
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
    let length = 0
    for (const row of order) if (step.data[row] === this.#first.get(rowDevice.data[row])) order[length++] = row
    return order.subarray(0, length)
  }
}
