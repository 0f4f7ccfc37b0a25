/**
 * How long flushes took: those the device was told to make, and those that were asked for, from being queued to their
 * end. The kernel ends a request that asked for a flush by a completion of 0 bytes, after its data and every flush of
 * the device that it took (block/blk-flush.c); flushes asked for at the same time share one of the device.
 */
import { OP, type BlockBatch } from '@flushtrace/trace'
import { Latencies } from './latencies.ts'
import { SectorTimes } from './sector-times.ts'

/** Flushes waited for at once; more are ends missing from the trace. */
const MAX_WAITING = 4096

export class FlushWaits {
  /** Of the device, and of who asked. */
  readonly d2c = new Latencies()
  readonly q2c = new Latencies()
  readonly #sent = new Waiting()
  readonly #bare = new Waiting()
  readonly #bySector = new SectorTimes(MAX_WAITING)

  /** Row `i`, a request with a flush or FUA, was queued. */
  queued(batch: BlockBatch, i: number): void {
    if (batch.bytes[i] === 0) {
      if (this.#bare.full) this.#bare.clear()
      this.#bare.add(batch.atNs, i)
      return
    }
    // A device that does FUA itself, or has no cache, ends these with their data: nothing follows.
    if (this.#bySector.full) this.#bySector.clear()
    if (batch.flags[i] & OP.write) this.#bySector.set(batch, i)
  }

  /** Row `i`: the device was told to flush. */
  sent({ atNs }: BlockBatch, i: number): void {
    if (!this.#sent.full) this.#sent.add(atNs, i)
  }

  /** Row `i` is a completion of 0 bytes; true when it is the device's own flush. */
  ended(batch: BlockBatch, i: number): boolean {
    const { flags, atNs } = batch
    if (flags[i] & OP.flush && !(flags[i] & OP.write)) {
      const sent = this.#sent.take()
      if (sent < 0) return false
      this.d2c.addSpan(this.#sent.times, sent, atNs, i)
      return true
    }
    const queued = this.#bySector.take(batch, i)
    if (queued >= 0) {
      this.q2c.addSpan(this.#bySector.times, queued, atNs, i)
      return false
    }
    const bare = this.#bare.take()
    if (bare >= 0) this.q2c.addSpan(this.#bare.times, bare, atNs, i)
    return false
  }
}

/** Times in a ring, first in, first out: taking the first of a full array moves all the others. */
class Waiting {
  /** Empty until the first: most devices of a trace never flush. */
  times = new Float64Array(0)
  #first = 0
  #count = 0

  get full(): boolean {
    return this.#count === MAX_WAITING
  }

  add(atNs: Float64Array, i: number): void {
    if (this.times.length === 0) this.times = new Float64Array(MAX_WAITING)
    this.times[(this.#first + this.#count++) % MAX_WAITING] = atNs[i]
  }

  /** Its place in `times`; -1 when none waits. */
  take(): number {
    if (this.#count === 0) return -1
    const place = this.#first
    this.#first = (place + 1) % MAX_WAITING
    this.#count--
    return place
  }

  clear(): void {
    this.#count = 0
  }
}
