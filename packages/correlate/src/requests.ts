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
 * 3. What was passed on by another counted device is counted again in `passedOn`, so that layers can be subtracted; so are,
 *    of the copies of one write (copies.ts), all but the first.
 * 4. Tasks are those of Q. D and C run in whatever task the kernel used.
 */
import { ACTION, type BlockBatch, type Diagnostics } from '@flushtrace/trace'
import { BlockDevice } from './block-device.ts'
import { REQUESTS } from './block-diagnostics.ts'
import type { DeviceSummary } from './block-summary.ts'
import { Copies } from './copies.ts'
import { RemapChains, type RemapChain } from './remap-chains.ts'
import { SeenLayers } from './seen-layers.ts'

/** The actions that are looked at. */
export const REQUEST_ACTIONS: readonly number[] = [
  ACTION.queue,
  ACTION.issue,
  ACTION.complete,
  ACTION.requeue,
  ACTION.split,
  ACTION.backMerge,
  ACTION.frontMerge,
  ACTION.remap,
]

/** More devices than any machine has. */
const MAX_DEVICES = 4096

export class RequestTracker {
  readonly layers: SeenLayers
  readonly #devices = new Map<number, BlockDevice>()
  readonly #chains = new RemapChains()
  readonly #copies = new Copies()
  readonly #diagnostics: Diagnostics | null
  #last: BlockDevice | null = null
  #lastDevice = -1

  constructor(diagnostics: Diagnostics | null = null) {
    this.#diagnostics = diagnostics
    this.layers = new SeenLayers(diagnostics)
  }

  /** All rows of a batch, or those that `keep` says. */
  apply(batch: BlockBatch, keep: ((i: number) => boolean) | null = null): void {
    const { action, device, fromDevice, length } = batch
    for (let i = 0; i < length; i++) {
      if (keep && !keep(i)) continue
      switch (action[i]) {
        case ACTION.queue:
          this.#queue(batch, i)
          break
        case ACTION.issue:
          this.#device(device[i])?.issue(batch, i)
          break
        case ACTION.complete:
          this.#device(device[i])?.complete(batch, i)
          this.#chains.completed(batch, i)
          break
        case ACTION.requeue:
          this.#device(device[i])?.requeue(batch, i)
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
          this.#device(device[i])?.isBelow(fromDevice[i])
          this.#chains.remapped(batch, i)
          this.layers.apply(batch, i)
          break
        default:
      }
    }
    for (const each of this.#devices.values()) each.settle()
  }

  /** Every device that requests were seen on, most bytes first. */
  summaries(): DeviceSummary[] {
    const all = [...this.#devices.values()].filter((device) => device.seen).map((device) => device.summary())
    return all.sort((a, b) => b.bytes + b.readBytes - a.bytes - a.readBytes || (a.device < b.device ? -1 : 1))
  }

  #queue(batch: BlockBatch, i: number): void {
    const device = this.#device(batch.device[i])
    const chain = this.#chains.queued(batch, i)
    // A single device passes nothing on.
    device?.queue(batch, i, chain !== null && this.#devices.size > 1 && this.#isPassedOn(chain, batch, i))
  }

  /** Whether requests were queued on another device above, or this is a copy of one that was queued on another member. */
  #isPassedOn({ originDevice, originSector, above }: RemapChain, batch: BlockBatch, i: number): boolean {
    const member = batch.device[i]
    if (above.some((from) => from !== member && (this.#devices.get(from)?.queues ?? 0) > 0)) return true
    if (batch.bytes[i] === 0 || !above.some((device) => this.layers.forks(device))) return false
    const array = { device: originDevice, sector: originSector }
    const [bytes, flags] = [batch.bytes[i], batch.flags[i]]
    return this.#copies.firstOf({ array, member, bytes, flags, tid: batch.tid[i], atNs: batch.atNs[i], row: 0 }) >= 0
  }

  #device(number: number): BlockDevice | null {
    if (number === this.#lastDevice) return this.#last
    let device = this.#devices.get(number) ?? null
    if (!device) {
      if (this.#devices.size >= MAX_DEVICES) {
        this.#diagnostics?.add(REQUESTS.tooManyDevices)
        return null
      }
      device = new BlockDevice(number, this.#diagnostics)
      this.#devices.set(number, device)
    }
    this.#last = device
    this.#lastDevice = number
    return device
  }
}
