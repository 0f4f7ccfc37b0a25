/**
 * The layers that one request goes through. A remap event says that a request on one device goes on to another
 * (partition → disk, dm → its target); the queue event of the device below follows at once, by the same task.
 *
 *     253,3 Q WS 407706152 + 8                           by the file system, on the logical volume
 *     259,3 A WS 575478312 + 8 <- (253,3) 407706152
 *     259,0 A WS 575480360 + 8 <- (259,3) 575478312      the partition's start added
 *     259,0 Q WS 575480360 + 8                           the same request again, on the disk
 *
 * Invariants
 * 1. A chain is of one task and ends with its next queue event; what matches no chain came straight from above.
 * 2. The origin is the first device of the chain: its sectors are what a map of the file system speaks of.
 */
import { ACTION, type BlockBatch } from '@flushtrace/trace'

/** Tasks with a chain under way. More only where remaps are traced and queue events are not. */
const MAX_CHAINS = 1 << 16

export interface RemapChain {
  /** Where the last remap led. */
  device: number
  sector: number
  /** First sector and device at the top. */
  originDevice: number
  originSector: number
  /** All devices above the last one, the top first. */
  readonly above: number[]
}

export class RemapChains {
  readonly #byTid = new Map<number, RemapChain>()

  /** To be called with every remap and queue event; for a queue event the chain that led to it, or null. */
  apply(batch: BlockBatch, i: number): RemapChain | null {
    const tid = batch.tid[i]
    if (batch.action[i] === ACTION.remap) {
      this.#remap(batch, i, tid)
      return null
    }
    const chain = this.#byTid.get(tid)
    if (!chain) return null
    this.#byTid.delete(tid)
    // Traced on a partition, the queue event shows the partition with the sector of the whole disk.
    return chain.sector === batch.sector[i] || batch.bytes[i] === 0 ? chain : null
  }

  #remap(batch: BlockBatch, i: number, tid: number): void {
    const from = batch.fromDevice[i]
    const known = this.#byTid.get(tid)
    if (known && known.device === from) {
      known.device = batch.device[i]
      known.sector = batch.sector[i]
      known.above.push(from)
      return
    }
    if (this.#byTid.size >= MAX_CHAINS) this.#byTid.clear()
    this.#byTid.set(tid, {
      device: batch.device[i],
      sector: batch.sector[i],
      originDevice: from,
      originSector: batch.fromSector[i],
      above: [from],
    })
  }
}
