/**
 * Events that need no more than to be counted, told from a few of their bytes. They are most of a capture: context
 * switches, calls that move no stored bytes, record locks. What is told here is what the plain road (scap-events.ts)
 * would do with the same event; the tests compare.
 */
import { ByTask } from '@flushtrace/trace'
import { genericCall, genericKey } from './call-keys.ts'
import { HEADER_V1 } from './event-layouts.ts'
import { fcntlCommand } from './flag-bits.ts'
import { PLANS, type Plan } from './plans.ts'
import { isPassed, type CallRows } from './rows.ts'
import type { TaskCall } from './task-calls.ts'

/** It changes no state, whatever it holds. */
export const ALWAYS = 1
/** The enter of a call that is only counted: it may tell that the exit of the one before was lost. */
export const BEGINS = 2
const GENERIC = 3
const FCNTL_ENTER = 4
const FCNTL_EXIT = 5

/** By event id how it is told; 0: it is not. */
export const COUNTED: Uint8Array = Uint8Array.from(PLANS, ({ kind, name }: Plan, id) => {
  const exit = id % 2 === 1
  if (kind === 'note' || (kind === 'plain' && exit)) return ALWAYS
  if (kind === 'plain' || (kind === 'receive' && !exit)) return BEGINS
  if (kind === 'generic') return GENERIC
  if (name === 'fcntl') return exit ? FCNTL_EXIT : FCNTL_ENTER
  return 0
})

/** Bytes of an fcntl, lengths and all: descriptor and command; result; since 2023 the result and those two. */
const FD_COMMAND = 2 * 2 + 8 + 1
const RESULT = 2 + 8
const RESULT_FD_COMMAND = 3 * 2 + 8 + 8 + 1
/** Two lengths in a row as one number: of a descriptor and a command, of the codes of a generic event. */
const LENGTHS_FD_COMMAND = 0x1_0008
const LENGTHS_CODES = 0x2_0002
const CODES = 2 * 2 + 2 * 2

export class CountedEvents {
  readonly #rows: CallRows
  /** By event id: exits of calls that returned an error. */
  readonly #failures: Float64Array
  /** The ones that belong to a call that is followed. */
  used = 0

  constructor(rows: CallRows, failures: Float64Array) {
    this.#rows = rows
    this.#failures = failures
  }

  /** The key that an event counts for; -1: it needs more. Header at `start`, then 16-bit lengths, parameters up to `end`. */
  keyOf(id: number, view: DataView, start: number, header: number, end: number): number {
    const way = COUNTED[id]
    if (way === ALWAYS) return id
    const tid = view.getUint32(start + 8, true)
    if (way === 0 || view.getUint32(start + 12, true) !== 0 || !ByTask.valid(tid)) return -1
    const task = this.#rows.tasks.find(tid)
    const at = start + header
    const size = end - at
    if (way === BEGINS) return task === null || task.key < 0 ? id : -1
    if (way === GENERIC) return size === CODES ? this.#generic(task, id, view, at, header) : -1
    if (task === null) return -1
    const done =
      way === FCNTL_ENTER
        ? size === FD_COMMAND && this.#begun(task, id, view, at, header)
        : task.key === id - 1 && task.call < 0 && this.#ended(id, view, at, header, size)
    if (!done) return -1
    if (way === FCNTL_EXIT) task.key = -1
    this.used++
    return id
  }

  /** A call without an event of its own. */
  #generic(task: TaskCall | null, id: number, view: DataView, at: number, header: number): number {
    if (view.getUint32(at, true) !== LENGTHS_CODES || !hasCount(view, at, header, 2)) return -1
    const code = view.getUint16(at + 4, true)
    if (code === 0 || (id === 0 && task !== null && task.key >= 0)) return -1
    const key = genericKey(code, -1, -1)
    return genericCall(code, key) < 0 ? key + id : -1
  }

  #begun(task: TaskCall, id: number, view: DataView, at: number, header: number): boolean {
    if (view.getUint32(at, true) !== LENGTHS_FD_COMMAND || !hasCount(view, at, header, 2)) return false
    const fd = view.getInt32(at + 4, true)
    // Only a descriptor that fits 32 bits can be the one locked last.
    const isSmall = view.getInt32(at + 8, true) === fd >> 31
    if (!isSmall || !isPassed(task, fcntlCommand(view.getUint8(at + 12)), fd)) return false
    this.#rows.pass(task, id)
    return true
  }

  /** The exit of a call that was passed over; what it repeats was looked at then. */
  #ended(id: number, view: DataView, at: number, header: number, size: number): boolean {
    if (size !== RESULT && size !== RESULT_FD_COMMAND) return false
    const count = size === RESULT ? 1 : 3
    if (view.getUint16(at, true) !== 8 || !hasCount(view, at, header, count)) return false
    if (count === 3 && view.getUint32(at + 2, true) !== LENGTHS_FD_COMMAND) return false
    if (view.getInt32(at + 2 * count + 4, true) < 0) this.#failures[id]++
    return true
  }
}

/** v1 does not tell how many parameters there are: their lengths and the event's do. */
function hasCount(view: DataView, at: number, header: number, count: number): boolean {
  return header === HEADER_V1 || view.getUint32(at - 4, true) === count
}
