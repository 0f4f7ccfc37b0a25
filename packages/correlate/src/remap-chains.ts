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
 * 1. A chain is of one task and mostly ends with its next queue event; what matches no chain came straight from above.
 * 2. The origin is the first device of the chain: its sectors are what a map of the file system speaks of.
 * 3. A mirror (md raid1) remaps a write to all of its members first, and they are queued later, perhaps by its own
 *    thread: a chain that another one replaced is parked, and found again by device and sector. What leads from the middle
 *    of the task's last chain to another member is a chain of the same origin.
 * 4. A flush without data that md passes on to its members has no remap event. Each one asked of a device passes one on to
 *    each device below, until it is done.
 *
 * Source: block/blk-core.c, drivers/md/dm.c __map_bio(), drivers/md/raid1.c raid1_write_request(), drivers/md/md.c
 * md_flush_request().
 */
import { ACTION, OP, oldestKeys, type BlockBatch } from '@flushtrace/trace'

/** Tasks whose chains are kept; more only in a damaged trace. */
const MAX_CHAINS = 1 << 16
/** Devices above one another; more only in a damaged trace. */
const MAX_LAYERS = 64
/** Chains whose queue event is still to come. */
const MAX_PARKED = 1 << 16
/** Devices that others lie below, and those below one: more than any machine has. */
const MAX_ABOVE = 1024

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
  /** Where it was on each of `above`. */
  readonly sectors: number[]
}

export class RemapChains {
  readonly #byTid = new Map<number, TaskChain>()
  #tid = -1
  #last: TaskChain | null = null
  /** By device: the chain that was led to it last. */
  readonly #newest = new Map<number, TaskChain>()
  /** By device and sector. */
  readonly #parked = new Map<string, RemapChain>()
  readonly #flushes = new PassedFlushes()

  /**
   * To be called with every row, or what of it is meant for its action. For a queue event: the chain that led to it, or
   * null; it is good until the next event of its task.
   */
  apply(batch: BlockBatch, i: number): RemapChain | null {
    const action = batch.action[i]
    if (action === ACTION.queue) return this.queued(batch, i)
    if (action === ACTION.remap) this.remapped(batch, i)
    else if (action === ACTION.complete) this.completed(batch, i)
    return null
  }

  /** Row `i` is a queue event. */
  queued(batch: BlockBatch, i: number): RemapChain | null {
    if (this.#byTid.size === 0) return null
    this.#find(batch.tid[i])
    const chain = this.#ledTo(batch, i)
    if ((batch.flags[i] & OP.flush) === 0) return chain
    this.#flushes.asked(batch.device[i])
    return chain ?? (batch.bytes[i] === 0 ? this.#flushes.passedOn(batch.device[i]) : null)
  }

  /** Row `i` is a completion. */
  completed({ flags, device }: BlockBatch, i: number): void {
    if (flags[i] & OP.flush) this.#flushes.done(device[i])
  }

  #find(tid: number): void {
    if (tid === this.#tid) return
    this.#tid = tid
    this.#last = this.#byTid.get(tid) ?? null
  }

  #ledTo(batch: BlockBatch, i: number): RemapChain | null {
    const device = batch.device[i]
    const sector = batch.sector[i]
    const chain = this.#last
    // Traced on a partition, the queue event shows the partition with the sector of the whole disk.
    if (chain?.open && (chain.device === device || chain.above.includes(device))) {
      if (chain.sector === sector || batch.bytes[i] === 0) {
        chain.open = false
        return chain
      }
    }
    const newest = this.#newest.get(device)
    if (newest?.open && newest.device === device && newest.sector === sector) {
      newest.open = false
      return newest
    }
    if (this.#parked.size === 0) return null
    const key = `${device} ${sector}`
    const parked = this.#parked.get(key)
    this.#parked.delete(key)
    return parked ?? null
  }

  /** Row `i` is a remap. */
  remapped(batch: BlockBatch, i: number): void {
    this.#find(batch.tid[i])
    const from = batch.fromDevice[i]
    const device = batch.device[i]
    const chain = this.#last ?? this.#begin(batch.tid[i])
    this.#flushes.isBelow(device, from)
    if (!chain.open || chain.device !== from || chain.above.length >= MAX_LAYERS) {
      if (chain.open) this.#park(chain)
      chain.open = true
      const fork = chain.above.length > 1 ? chain.above.indexOf(from) : 0
      if (fork > 0 && chain.sectors[fork] === batch.fromSector[i]) chain.above.length = fork + 1
      else {
        chain.originDevice = from
        chain.originSector = chain.sectors[0] = batch.fromSector[i]
        // Nearly always the one layer it was last time.
        if (chain.above.length !== 1 || chain.above[0] !== from) chain.above.splice(0, Infinity, from)
      }
    } else chain.sectors[chain.above.push(from) - 1] = batch.fromSector[i]
    chain.device = device
    chain.sector = batch.sector[i]
    const newest = this.#newest.get(device)
    if (newest === chain) return
    if (newest?.open && newest.device === device) this.#park(newest)
    this.#newest.set(device, chain)
  }

  #park(chain: TaskChain): void {
    chain.open = false
    if (this.#parked.size >= MAX_PARKED) for (const key of oldestKeys(this.#parked)) this.#parked.delete(key)
    const { device, sector, originDevice, originSector, above } = chain
    this.#parked.set(`${device} ${sector}`, { device, sector, originDevice, originSector, above: [...above] })
  }

  #begin(tid: number): TaskChain {
    if (this.#byTid.size >= MAX_CHAINS) {
      this.#byTid.clear()
      this.#newest.clear()
    }
    const chain = { open: false, device: 0, sector: 0, originDevice: 0, originSector: 0, above: [], sectors: [] }
    this.#byTid.set(tid, chain)
    this.#last = chain
    return chain
  }
}

interface Member {
  readonly chain: RemapChain
  /** Flushes to be passed on to it. */
  toCome: number
}

/** What a device passes on of the flushes asked of it: invariant 4. */
class PassedFlushes {
  /** Device above → device below. */
  readonly #members = new Map<number, Map<number, Member>>()
  /** Asked of a device above, and not done. */
  readonly #underWay = new Map<number, number>()
  /** The last pair, which is nearly always the next one, too. */
  #from = -1
  #device = -1

  isBelow(device: number, from: number): void {
    if (device === this.#device && from === this.#from) return
    this.#device = device
    this.#from = from
    if (this.#members.size >= MAX_ABOVE && !this.#members.has(from)) return
    const members = this.#members.get(from) ?? new Map<number, Member>()
    this.#members.set(from, members)
    if (members.has(device) || members.size >= MAX_ABOVE) return
    const chain = { device, sector: -1, originDevice: from, originSector: -1, above: [from] }
    members.set(device, { chain, toCome: 0 })
  }

  asked(from: number): void {
    const members = this.#members.get(from)
    if (!members) return
    this.#underWay.set(from, (this.#underWay.get(from) ?? 0) + 1)
    for (const member of members.values()) member.toCome++
  }

  done(from: number): void {
    const underWay = this.#underWay.get(from) ?? 0
    if (underWay === 0) return
    this.#underWay.set(from, underWay - 1)
    if (underWay === 1) for (const member of this.#members.get(from)?.values() ?? []) member.toCome = 0
  }

  passedOn(device: number): RemapChain | null {
    for (const members of this.#members.values()) {
      const member = members.get(device)
      if (!member || member.toCome === 0) continue
      member.toCome--
      return member.chain
    }
    return null
  }
}
