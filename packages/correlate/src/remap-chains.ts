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

/** Tasks whose chains are kept; more only in a damaged trace. */
const MAX_CHAINS = 1 << 16
/** Devices above one another; more only in a damaged trace. */
const MAX_LAYERS = 64

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

/** One object a task, used again for each of its chains. */
interface TaskChain extends RemapChain {
  /** Not ended by its queue event yet. */
  open: boolean
}

export class RemapChains {
  readonly #byTid = new Map<number, TaskChain>()
  #tid = -1
  #last: TaskChain | null = null

  /**
   * To be called with every remap and queue event; for a queue event the chain that led to it, or null. The chain is
   * good until the next event of its task.
   */
  apply(batch: BlockBatch, i: number): RemapChain | null {
    if (this.#byTid.size === 0 && batch.action[i] !== ACTION.remap) return null
    const tid = batch.tid[i]
    if (tid !== this.#tid) {
      this.#tid = tid
      this.#last = this.#byTid.get(tid) ?? null
    }
    if (batch.action[i] === ACTION.remap) {
      this.#remap(batch, i, tid)
      return null
    }
    const chain = this.#last
    if (!chain?.open) return null
    chain.open = false
    // Traced on a partition, the queue event shows the partition with the sector of the whole disk.
    return chain.sector === batch.sector[i] || batch.bytes[i] === 0 ? chain : null
  }

  #remap(batch: BlockBatch, i: number, tid: number): void {
    const from = batch.fromDevice[i]
    const chain = this.#last ?? this.#begin(tid)
    if (!chain.open || chain.device !== from || chain.above.length >= MAX_LAYERS) {
      chain.open = true
      chain.originDevice = from
      chain.originSector = batch.fromSector[i]
      // Nearly always the one layer it was last time.
      if (chain.above.length !== 1 || chain.above[0] !== from) chain.above.splice(0, Infinity, from)
    } else chain.above.push(from)
    chain.device = batch.device[i]
    chain.sector = batch.sector[i]
  }

  #begin(tid: number): TaskChain {
    if (this.#byTid.size >= MAX_CHAINS) this.#byTid.clear()
    const chain = { open: false, device: 0, sector: 0, originDevice: 0, originSector: 0, above: [] }
    this.#byTid.set(tid, chain)
    this.#last = chain
    return chain
  }
}
