/**
 * This side of the sieve (../sieve/sieve.ts), which passes over the lines that are only counted: it gets the text in
 * windows, and names that `CallLines.quick` has counted before. Where it has passed one line of a call, or both,
 * a TaskFollower is told of it when it comes to matter: `settle`.
 *
 * There is one for all logs of a thread, since it is needed from one call to the next only: whoever takes it finds it empty.
 */
import { CallBatch, startWasm, type WasmMemory } from '@flushtrace/trace'
import type { CallCounts } from './call-counts.ts'
import { SIEVE_CODE } from './sieve-code.ts'
import { HEAD, HEADS, HEADS_END, SieveTasks, type TaskFollower } from './sieve-tasks.ts'
import { Tail } from './shape.ts'
import type { SkipRule } from './skip.ts'

/** Bytes of text at a time: few enough to be still at hand when they are read again. */
const WINDOW = 1 << 17
/** A name and its `(`. */
const LONGEST_NAME = 24

/** Where things are, as in sieve.ts. */
const NAMES = 0x400
const NAMES_END = 0x8400
const NAME = 0x8800
const ENDED = 0x9000
const FAILED = 0xd000
const TEXTS = 0x50000
const REPEATS = 0x270000
/** Lines that are recognised when they come again. */
export const MAX_LINES = 1 << 13
const TEXT = 0x20000
/** As many as call-counts.ts gives names. */
const IDS = 4096

/** row: each line matters · varied: and is another one · write, pwrite: but for the file. */
export type SieveRule = SkipRule | 'any' | 'row' | 'varied' | 'write' | 'pwrite'
const RULES: Record<SieveRule, number> = {
  any: 1,
  path: 2,
  fcntl: 3,
  ioctl: 4,
  map: 5,
  protect: 6,
  row: 7,
  varied: 8,
  write: 9,
  pwrite: 10,
}

/** How lines begin; `tids`: with a pid, by which each task is known. */
export type SieveLayout = 'time' | 'pid' | 'tids'
const LAYOUTS: Record<SieveLayout, number> = { time: 0, pid: 1, tids: 2 }

/** Behind the text, so that a look ahead meets the end of a line. */
const LF = 0x0a
const AHEAD = 32

/** What sieve.ts exports. */
interface Exports {
  readonly memory: WasmMemory
  readonly next: (from: number, to: number, layout: number) => number
  readonly learn: (length: number, rule: number, id: number) => void
  readonly keep: () => number
}

export class Sieve {
  readonly #next: Exports['next']
  readonly #learn: Exports['learn']
  readonly #keep: Exports['keep']
  readonly #bytes: Uint8Array
  /** LINE_END … RESULT; from 22 on STAMPED_AT, SLOT_OF_LINE, REPEATED, ROOM, KEY_END. */
  readonly #told: Int32Array
  /** SECONDS, VALUE, TOOK, NOW, LINES. */
  readonly #numbers: Float64Array
  readonly #ended: Uint32Array
  readonly #failed: Uint32Array
  readonly #ids: number[] = []
  #owner: unknown = null
  /** The window: bytes [start, to) of the chunk; byte `from`, which may be before the chunk, would be at TEXT. */
  #from = 0
  #start = 0
  #to = 0
  readonly tasks: SieveTasks
  /** Of the lines passed, those that were kept: slot, tid, µs, phase; from the 16th byte on seconds, result, duration, line, size, offset. */
  readonly repeats: { readonly ids: Int32Array; readonly numbers: Float64Array; count: number }
  /** Of the line that `next` stopped at: where its line feed is, -1 where none is in the window. */
  lineEnd = -1
  /** Lines passed by the last `next`, and where the last of them begins (-1: none). */
  passed = 0
  lastAt = -1
  /** Where the last one begins whose time was read, too, and that, µs since 1970. */
  stampedAt = -1
  now = 0
  /** Of the line that `next` stopped at: where its body begins; -1: it is not laid out as usual, the rest says nothing. */
  body = -1
  tid = 0
  seconds = 0
  micros = 0
  /** Of the call that the line begins or resumes; -1: none, or one that is not known here. Then the rest says nothing. */
  name = -1
  args = 0
  /** Its arguments show that the call changes nothing. */
  skips = false
  readonly tail = new Tail()
  /** Of the text by which it would be recognised. */
  keyEnd = 0

  constructor() {
    const { memory, next, learn, keep } = startWasm<Exports>(SIEVE_CODE)
    this.#next = next
    this.#learn = learn
    this.#keep = keep
    this.#bytes = new Uint8Array(memory.buffer)
    this.#told = new Int32Array(memory.buffer, 0, 27)
    this.#numbers = new Float64Array(memory.buffer, 48, 5)
    this.tasks = new SieveTasks(memory.buffer)
    const ids = new Int32Array(memory.buffer, REPEATS, CallBatch.ROWS * 16)
    this.repeats = { ids, numbers: new Float64Array(memory.buffer, REPEATS, CallBatch.ROWS * 8), count: 0 }
    this.#ended = new Uint32Array(memory.buffer, ENDED, IDS)
    this.#failed = new Uint32Array(memory.buffer, FAILED, IDS)
  }

  /** To be called first for a piece, and whenever another log may have had the sieve in between. */
  take(owner: unknown): void {
    if (this.#owner === owner) return
    this.#owner = owner
    this.#from = this.#start = this.#to = 0
    for (const id of this.#ids) this.#ended[id] = this.#failed[id] = 0
    this.#ids.length = 0
    this.#bytes.fill(0, NAMES, NAMES_END)
    this.forgetLines()
  }

  /** Forgets the text: what is asked for next is another piece. */
  renew(): void {
    this.#from = this.#start = this.#to = 0
  }

  /**
   * From the line that begins at `pos` of `chunk`: where the first one begins that must be read. With `lineEnd` -1 that
   * line does not end in the chunk, or is longer than a window. `lines` were read before it, the last time at `now`. At
   * most `room` lines that were kept are passed: they are in `repeats`.
   */
  next(chunk: Uint8Array, pos: number, layout: SieveLayout, lines: number, now: number, room = 0): number {
    let passed = 0
    let lastAt = -1
    let stampedAt = -1
    this.#numbers[3] = now
    this.#numbers[4] = lines
    this.#told[24] = 0
    this.#told[25] = room
    for (;;) {
      if (pos < this.#start || pos >= this.#to) this.#load(chunk, pos)
      const from = this.#from
      const at = this.#next(pos - from, this.#to - from, LAYOUTS[layout]) + from
      const told = this.#told
      passed += told[1]
      if (told[2] >= 0) lastAt = told[2] + from
      if (told[22] >= 0) stampedAt = told[22] + from
      const moved = at > this.#start && this.#to < chunk.length
      if (told[0] < 0 && moved) {
        this.#load(chunk, at)
        pos = at
        continue
      }
      this.passed = passed
      this.lastAt = lastAt
      this.stampedAt = stampedAt
      this.now = this.#numbers[3]
      this.repeats.count = told[24]
      this.lineEnd = told[0] < 0 ? -1 : told[0] + from
      if (this.lineEnd >= 0) this.#read(from)
      return at
    }
  }

  /** What is told of the line; `from` is where the window begins in the chunk. */
  #read(from: number): void {
    const told = this.#told
    const numbers = this.#numbers
    this.body = told[4] < 0 ? -1 : told[4] + from
    if (this.body < 0) return
    this.tid = told[5]
    this.seconds = numbers[0]
    this.micros = told[6]
    this.name = told[7]
    if (this.name < 0) return
    this.args = told[8] + from
    this.skips = told[9] > 0
    const { tail } = this
    tail.unfinished = told[10] > 0
    tail.result = told[11] < 0 ? -1 : told[11] + from
    tail.value = numbers[1]
    tail.tookNs = numbers[2]
    tail.slot = told[23]
    this.keyEnd = told[26] + from
  }

  /** The line that `next` stopped at is recognised from now on, as number `tail.slot`; false: there is no place for it now. */
  keep(): boolean {
    return this.#keep() > 0
  }

  /** Its arguments, as far as they were on the line. */
  textOf(slot: number): Uint8Array {
    const length = this.#bytes[HEADS + slot * HEAD] + this.#bytes[HEADS + slot * HEAD + 1] * 256
    return this.#bytes.subarray(TEXTS + slot * 256, TEXTS + slot * 256 + length)
  }

  forgetLines(): void {
    this.#bytes.fill(0, HEADS, HEADS_END)
  }

  /** What its task did on the lines passed is told, of all tasks where it is not known whose line it is. */
  settle(follower: TaskFollower): void {
    if (this.body < 0) this.tasks.settleAll(follower)
    else this.tasks.settle(this.tid, follower)
  }

  /** From memory that threads share V8 copies eight bytes at a time, but where they are not aligned alike one: 7 × as slow. */
  #load(chunk: Uint8Array, pos: number): void {
    const shift = (chunk.byteOffset + pos) % 8
    this.#from = pos - shift
    this.#start = pos
    this.#to = Math.min(chunk.length, pos + WINDOW)
    const end = TEXT + this.#to - this.#from
    this.#bytes.set(chunk.subarray(pos, this.#to), TEXT + shift)
    this.#bytes.fill(LF, end, end + AHEAD)
  }

  /** Lines of this call are passed from now on, where `rule` allows. `name`: with its `(`. */
  learn(id: number, name: Uint8Array, rule: SieveRule): void {
    if (name.length > LONGEST_NAME) return
    this.#bytes.fill(0, NAME, NAME + LONGEST_NAME)
    this.#bytes.set(name, NAME)
    this.#learn(name.length, RULES[rule], id)
    if (!this.#ids.includes(id)) this.#ids.push(id)
  }

  /** Adds what was passed to `counts`; true when one of the lines had a duration. */
  drain(counts: CallCounts): boolean {
    for (const id of this.#ids) {
      counts.add(id, this.#ended[id], this.#failed[id])
      this.#ended[id] = this.#failed[id] = 0
    }
    const timed = this.#told[3] > 0
    this.#told[3] = 0
    return timed
  }
}

let shared: Sieve | null | undefined

/** null where there is no WebAssembly, none of its vectors, or no room: every line is read by JavaScript then. */
export function sharedSieve(): Sieve | null {
  if (shared === undefined) {
    try {
      shared = new Sieve()
    } catch {
      shared = null
    }
  }
  return shared
}
