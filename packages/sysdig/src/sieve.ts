/**
 * This side of the sieve (../sieve/sieve.ts), which passes over events that need no more than to be counted, and over
 * calls whose rows may wait. They are most of a capture: context switches, calls that move no stored bytes, record locks.
 */
import { CHUNK_BYTES, MAKES_NO_FILE, flags as F, startWasm, type WasmMemory } from '@flushtrace/trace'
import { genericCall, genericKey } from './call-keys.ts'
import * as C from './columns.ts'
import { isPassed } from './commands.ts'
import type { EventClock } from './event-clock.ts'
import type { EventLayout } from './event-layouts.ts'
import { fcntlCommand } from './flag-bits.ts'
import { PLANS, type Plan } from './plans.ts'
import { KEYS } from './rows.ts'
import { SIEVE_CODE } from './sieve-code.ts'
import type { TaskMemory } from './task-calls.ts'
import { WaitingRows } from './waiting-rows.ts'

/** Bytes at a time: few enough to be still at hand when they are read again. */
const WINDOW = 1 << 17

/** Where things are, as in ../sieve/sieve.ts. */
const WAITING = 52
const WAYS_AT = 0x400
const CALLS_OF = 0x800
const COMMANDS = 0x1000
const CODES = 0x1100
const ROWS = 0x2000
const COUNTS = 0x4000
const FAILURES = 0xc000
const TEXT = 0x20000
const STATES = 0x40000
const SLOTS = 0x580000
const ROOM = 0x1580000
const IDS = 1024
/** High word of the latest time that it takes for none that is damaged. */
const LATEST = 0x7fffffff
/** Of an fcntl that is no lock. */
const PASSED = 0
const SETFD = 254
const COPIES = 255

/** It changes no state, whatever it holds. */
export const ALWAYS = 1
/** The enter of a call that is only counted: it may tell that the exit of the one before was lost. */
export const BEGINS = 2
const GENERIC = 3
/** Of these the exit's is one more. */
const FCNTL = 4
const CLOSE = 6
const MAKE = 8

/** By event id how the sieve tells it; 0: not at all. */
export const WAYS: Uint8Array = Uint8Array.from(PLANS, wayOf)

function wayOf({ kind, name, call }: Plan, id: number): number {
  const exit = id % 2
  if (kind === 'note' || (kind === 'plain' && exit === 1)) return ALWAYS
  if (kind === 'plain' || (kind === 'receive' && exit === 0)) return BEGINS
  if (kind === 'generic') return GENERIC
  if (name === 'fcntl') return FCNTL + exit
  if (name === 'close') return CLOSE + exit
  return MAKES_NO_FILE.has(call) && makesPlainly(id - exit) ? MAKE + exit : 0
}

/** Of a call that makes a descriptor nothing is asked but which one. */
function makesPlainly(enter: number): boolean {
  return PLANS[enter].used === 0 && PLANS[enter + 1].used === 1 && PLANS[enter + 1].slots[0] === C.RESULT
}

/** What ../sieve/sieve.ts exports. */
interface Exports {
  readonly memory: WasmMemory
  readonly run: (from: number, to: number) => number
}

export class Sieve {
  readonly #run: Exports['run']
  readonly #bytes: Uint8Array
  /** As words, LAST is 2 and 3, ORIGIN 4 and 5, then from 8 on TYPE, BEFORE, HEADER, OPENS, OPEN. */
  readonly #words: Uint32Array
  /** EVENTS is 0, USED 3. */
  readonly #numbers: Float64Array
  /** By key. */
  readonly counts: Float64Array
  readonly failures: Float64Array
  readonly tasks: TaskMemory
  readonly waiting: WaitingRows
  /** What is read into it is not copied first. */
  readonly room: readonly Buffer[]
  /** The window: bytes [from, to) of what `view` shows. */
  #view: DataView | null = null
  #from = 0
  #to = 0

  constructor() {
    const { memory, run } = startWasm<Exports>(SIEVE_CODE)
    const { buffer } = memory
    this.#run = run
    this.#bytes = new Uint8Array(buffer)
    this.#words = new Uint32Array(buffer, 0, 16)
    this.#numbers = new Float64Array(buffer, 0, 4)
    this.counts = new Float64Array(buffer, COUNTS, KEYS)
    this.failures = new Float64Array(buffer, FAILURES, KEYS)
    this.tasks = { buffer, states: STATES, slots: SLOTS }
    this.waiting = new WaitingRows(buffer, WAITING, ROWS)
    this.room = [ROOM, ROOM + CHUNK_BYTES].map((at) => Buffer.from(buffer, at, CHUNK_BYTES))
    this.#bytes.set(WAYS, WAYS_AT)
    new Uint16Array(buffer, CALLS_OF, IDS).set(PLANS.map(({ call }) => Math.max(0, call)))
    for (let number = 0; number < 256; number++) this.#bytes[COMMANDS + number] = commandOf(fcntlCommand(number))
    for (let code = 1; code < IDS; code++) {
      this.#bytes[CODES + code] = genericCall(code, genericKey(code, -1, -1)) < 0 ? 1 : 0
    }
  }

  /** Events passed that belong to a call that could have rows. */
  get used(): number {
    return this.#numbers[3]
  }

  /** What comes next is events of blocks of this type; false: the sieve can't tell their times. */
  expect(type: number, { before, header }: EventLayout, { originLow, originHigh }: EventClock): boolean {
    this.#words.set([originLow, originHigh], 4)
    this.#words.set([type, before, header], 8)
    return originHigh >= 0 && originHigh <= LATEST
  }

  /** Events so far. */
  get events(): number {
    return this.#numbers[0]
  }

  /**
   * Passes over the events of `view` from `pos` on, up to one that must be looked at or is not whole before `end`; returns
   * where it stopped. There were `events` before, and `opens` calls are under way that may become rows.
   */
  pass(view: DataView, pos: number, end: number, clock: EventClock, events: number, opens: number): number {
    const words = this.#words
    this.#numbers[0] = events
    words[2] = clock.low
    words[3] = clock.high
    words[11] = opens
    pos = view.buffer === this.#bytes.buffer ? this.#here(view, pos, end) : this.#copied(view, pos, end)
    clock.low = words[2]
    clock.high = words[3]
    return pos
  }

  /** Of bytes in `room`. */
  #here({ byteOffset }: DataView, pos: number, end: number): number {
    return this.#run(byteOffset + pos, byteOffset + end) - byteOffset
  }

  #copied(view: DataView, pos: number, end: number): number {
    for (;;) {
      if (view !== this.#view || pos < this.#from || pos >= this.#to) this.#load(view, pos, end)
      const shift = TEXT - this.#from
      pos = this.#run(pos + shift, this.#to + shift) - shift
      const left = this.#to - pos
      const isWhole = left >= 8 && left >= view.getUint32(pos + 4, true)
      // The next one may be whole in the next window.
      if (isWhole || this.#to === end || pos === this.#from) return pos
      this.#view = null
    }
  }

  /** The slot of a call whose enter was passed and whose exit was not, and which may have a row; 0: there is none. */
  takeOpen(): number {
    const slot = this.#words[12]
    this.#words[12] = 0
    return slot
  }

  #load(view: DataView, pos: number, end: number): void {
    this.#view = view
    this.#from = pos
    this.#to = Math.min(end, pos + WINDOW)
    this.#bytes.set(new Uint8Array(view.buffer, view.byteOffset + pos, this.#to - pos), TEXT)
  }
}

function commandOf(command: number): number {
  if (!isPassed(command)) return F.isRecordLock(command) ? command : COPIES
  return command === F.F_SETFD ? SETFD : PASSED
}

/** null where there is no WebAssembly, or no room for it: all events are looked at then. */
export function makeSieve(): Sieve | null {
  try {
    return new Sieve()
  } catch {
    return null
  }
}
