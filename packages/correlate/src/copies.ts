/**
 * A write to an array with copies (md raid1 and raid10, mirrors of dm) is passed on to a member for each copy. Where only
 * the members are traced, every copy stands there as a request; they are one write.
 *
 * 1. Copies are on several devices, come from the same place above, and are of one length and kind.
 * 2. One task sends all copies of a write, one after the other: whoever asked for it, or the array's own thread.
 * 3. A second request for the place on the same device is the next write.
 * Sources: torvalds/linux drivers/md/raid1.c raid1_write_request(), flush_bio_list(); raid10.c raid10_write_one_disk().
 */
import { DATALESS, OP } from '@flushtrace/trace'

/** What is sent at once may wait for room in the queue of a member that is busy, but not for long. */
const SENT_WITHIN_NS = 1e9

/** A request on a member. */
export interface Copy {
  /** The place above. */
  readonly array: { readonly device: number; readonly sector: number }
  readonly member: number
  readonly bytes: number
  readonly flags: number
  readonly tid: number
  readonly atNs: number
  /** What the caller knows it by. */
  readonly row: number
}

interface Write {
  readonly atNs: number
  readonly row: number
  readonly members: Set<number>
}

export class Copies {
  /** By place, length, kind and task, the oldest first. */
  readonly #open = new Map<string, Write>()

  /** The row of the first copy of the same write; -1: it is the first. To be asked in the order of time. */
  firstOf({ array, member, bytes, flags, tid, atNs, row }: Copy): number {
    for (const [key, write] of this.#open) {
      if (atNs - write.atNs <= SENT_WITHIN_NS) break
      this.#open.delete(key)
    }
    const key = `${array.device} ${array.sector} ${bytes} ${flags & (OP.write | DATALESS)} ${tid}`
    const write = this.#open.get(key)
    if (write && !write.members.has(member)) {
      write.members.add(member)
      return write.row
    }
    this.#open.delete(key)
    this.#open.set(key, { atNs, row, members: new Set([member]) })
    return -1
  }
}
