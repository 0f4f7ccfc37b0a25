/** The parameters of one event: where they stand, and their way into the slots of its call. */
import { decodeUtf8 } from '@flushtrace/trace'
import * as C from './columns.ts'
import { HEADER_V1 } from './event-layouts.ts'
import { PLANS, type Plan } from './plans.ts'
import type { CallRows } from './rows.ts'
import type { TaskCall } from './task-calls.ts'

const TWO_32 = 4294967296
/** `notification` and `infra` of v1 say three bytes too many. */
const NOTIFICATION = 280
const INFRASTRUCTURE = 286
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

export class EventParameters {
  readonly #rows: CallRows
  buf!: Uint8Array
  view!: DataView
  count = 0
  /** Where the first one begins, and where the last one must end. */
  first = 0
  end = 0
  #lengths = 0
  #wide = false
  /** Where the text parameters are. */
  readonly #textStart = new Int32Array(C.TEXTS).fill(-1)
  readonly #textEnd = new Int32Array(C.TEXTS)

  /** Number of parameters that an event of v1 had the last time: a capture comes from one driver. */
  readonly #countsOfV1 = new Int16Array(PLANS.length).fill(-1)

  constructor(rows: CallRows) {
    this.#rows = rows
  }

  /** The next events stand in `buf`; mostly the one before did, too. */
  lookAt(buf: Uint8Array, view: DataView): void {
    if (this.view === view) return
    this.buf = buf
    this.view = view
  }

  newSection(): void {
    this.#countsOfV1.fill(-1)
  }

  /** v1 does not tell how many there are: the number whose lengths add up to the event's, -1 for none. */
  countV1(plan: Plan, id: number, start: number, size: number): number {
    const exact = size - slackOf(id)
    const known = this.#countsOfV1[id]
    if (known >= 0 && fits(this.view, start, exact, known)) return known
    for (let count = plan.params; count >= 0; count--) {
      if (fits(this.view, start, exact, count)) return (this.#countsOfV1[id] = count)
    }
    return -1
  }

  /** Those of an event that ends at `end`: first `count` lengths, `wide` ones of 32 bits; false where these do not fit. */
  place(lengths: number, count: number, wide: boolean, end: number): boolean {
    this.#lengths = lengths
    this.#wide = wide
    this.count = count
    this.first = lengths + count * (wide ? 4 : 2)
    this.end = end
    return count >= 0 && this.first <= end
  }

  lengthOf(k: number): number {
    return this.#wide
      ? this.view.getUint32(this.#lengths + 4 * k, true)
      : this.view.getUint16(this.#lengths + 2 * k, true)
  }

  /** Into the slots of `task`; false when they reach beyond the event. */
  fill({ slots, converts, used, kind }: Plan, task: TaskCall, enter: boolean): boolean {
    const { view, end } = this
    const { values } = task
    const count = this.count < used ? this.count : used
    if (kind !== 'call') this.#textStart.fill(-1)
    let at = this.first
    for (let k = 0; k < count; k++) {
      const length = this.lengthOf(k)
      const next = at + length
      if (next > end) return false
      const slot = slots[k]
      // No length: not available.
      if (slot >= 0 && length > 0) {
        if (slot >= C.TEXT) {
          this.#textStart[slot - C.TEXT] = at
          this.#textEnd[slot - C.TEXT] = next
        } else if (slot === C.PATH || slot === C.PATH2) {
          this.#path(task, slot, enter, at, next)
        } else {
          const convert = converts[k]
          const value = integer(view, at, length)
          values[slot] = convert ? convert(value) : value
        }
      }
      at = next
    }
    return true
  }

  /** A text parameter, without its last NUL; null when there is none. */
  text(which: number): string | null {
    const start = this.#textStart[which]
    if (start < 0) return null
    const end = this.#textEnd[which]
    return decodeUtf8(this.buf, start, this.buf[end - 1] === 0 ? end - 1 : end)
  }

  /** The bytes of a text parameter; null when there is none. */
  bytes(which: number): Uint8Array | null {
    const start = this.#textStart[which]
    return start < 0 ? null : this.buf.subarray(start, this.#textEnd[which])
  }

  /** Descriptors in a control message. struct cmsghdr: u64 length with these 16 bytes, i32 level, i32 type; then i32s. */
  receivedFds(): number[] {
    const { view } = this
    const end = this.#textEnd[C.CONTROL]
    const fds: number[] = []
    let at = this.#textStart[C.CONTROL]
    while (at >= 0 && end - at >= 16) {
      const length = view.getUint32(at, true)
      if (length < 16 || length > end - at) break
      if (view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS) {
        for (let k = at + 16; k + 4 <= at + length; k += 4) fds.push(view.getInt32(k, true))
      }
      at += Math.ceil(length / 8) * 8
    }
    return fds
  }

  #path(task: TaskCall, slot: number, enter: boolean, at: number, next: number): void {
    const { buf } = this
    const end = buf[next - 1] === 0 ? next - 1 : next
    // `<NA>`: the driver could not read it.
    if (end - at === 4 && buf[at] === 0x3c && buf[at + 1] === 0x4e && buf[at + 2] === 0x41 && buf[at + 3] === 0x3e)
      return
    if (enter) {
      if (slot === C.PATH) task.path = decodeUtf8(buf, at, end)
      else task.path2 = decodeUtf8(buf, at, end)
    } else if (Number.isNaN(task.values[slot])) {
      // The first of two wins: execve's resolved path stands before the one it was given.
      task.values[slot] = this.#rows.strings.intern(buf, at, end, decodeUtf8)
    }
  }
}

/** Bytes that the length of an event may be too large by. */
export function slackOf(id: number): number {
  return id === NOTIFICATION || id === INFRASTRUCTURE ? 3 : 0
}

/** Whether `count` lengths add up to an event of `size` bytes. */
function fits(view: DataView, start: number, size: number, count: number): boolean {
  const lengths = start + HEADER_V1
  if (HEADER_V1 + 2 * count > size) return false
  let total = HEADER_V1 + 2 * count
  for (let k = 0; k < count; k++) total += view.getUint16(lengths + 2 * k, true)
  return total === size
}

/** 64-bit parameters are signed (results, descriptors, offsets), shorter ones are not. */
function integer(view: DataView, at: number, length: number): number {
  switch (length) {
    case 8:
      return view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true)
    case 4:
      return view.getUint32(at, true)
    case 2:
      return view.getUint16(at, true)
    case 1:
      return view.getUint8(at)
    default:
      return NaN
  }
}
