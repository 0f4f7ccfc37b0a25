/**
 * Calls read before: a program makes the same call with the same arguments again and again, and the same bytes mean the
 * same. From a call's `(` to its result, or to the ` <unfinished ...>` that ends the line, is one comparison then, where
 * scanning it and reading its arguments takes several times as long.
 *
 *     openat(AT_FDCWD</srv>, "/srv/x.db-wal", O_RDWR|O_CREAT, 0644) = 4</srv/x.db-wal> <0.000065>
 *            └──────────────────── compared ─────────────────────────┘
 */
import { CALLS, CallBatch, StringTable, copyBytes, sameBytes, viewOf, type CallRole } from '@flushtrace/trace'
import type { Ending, Scanner } from './scanner.ts'
import { UNFINISHED_TAIL, type Tail } from './shape.ts'

/** Calls kept; a newer one takes the place of an older one. */
const MAX_CALLS = 1 << 10
/** Longer ones are scanned each time, and ones as short as `3) = `. */
const MAX_LENGTH = 256
const MIN_LENGTH = 8

/** What they write or pass is hardly ever the same twice. */
const VARIED: ReadonlySet<CallRole> = new Set<CallRole>(['write', 'exec', 'fork', 'aioSubmit', 'aioEvents'])

/** Index = index in CALLS. */
export const REPEATS: readonly boolean[] = CALLS.map(({ role }) => !VARIED.has(role))

const NO_ROWS = new CallBatch(new StringTable(), [], 0)
const NO_TEXT = Buffer.alloc(0)

export class CallMemo {
  /** The arguments of each call; index = what `find` returns. Made when first needed, like the text: they are large. */
  rows = NO_ROWS
  readonly #names = new Int32Array(MAX_CALLS)
  /** 0: nothing is kept there. */
  readonly #lengths = new Int32Array(MAX_CALLS)
  readonly #endings: Ending[] = Array.from({ length: MAX_CALLS }, () => 'open')
  readonly #next = new Int32Array(MAX_CALLS)
  readonly #between = new Uint8Array(MAX_CALLS)
  #text = NO_TEXT
  #view = viewOf(NO_TEXT)
  /** Of the last `find`: where its text ends, and where such a one is kept. -1: nowhere. */
  #textEnd = 0
  #slot = -1

  /** The call of this name whose arguments begin at `args`, when it was read before; -1 otherwise: `keep` it then. */
  find(name: number, call: number, buf: Uint8Array, args: number, end: number, tail: Tail): number {
    this.#slot = -1
    if (!REPEATS[call]) return -1
    const { unfinished } = tail
    const textEnd = unfinished ? end : tail.result
    const length = textEnd - args
    if (length < MIN_LENGTH || length > MAX_LENGTH) return -1
    const view = viewOf(buf)
    const slot = slotOf(view, args, unfinished ? end - UNFINISHED_TAIL.length : textEnd, name)
    this.#textEnd = textEnd
    this.#slot = slot
    if (this.#lengths[slot] !== length || this.#names[slot] !== name) return -1
    return sameBytes(view, args, this.#view, slot * MAX_LENGTH, length) ? slot : -1
  }

  /** Tells `scanner` what it would have found. */
  recall(slot: number, scanner: Scanner): Ending {
    scanner.resultStart = this.#textEnd
    scanner.argsEnd = this.#textEnd - UNFINISHED_TAIL.length
    scanner.next = this.#next[slot]
    scanner.between = this.#between[slot] === 1
    return this.#endings[slot]
  }

  /** The call that was looked for last has been scanned, and row `i` filled with its arguments. */
  keep(
    name: number,
    buf: Uint8Array,
    args: number,
    ending: Ending,
    scanner: Scanner,
    batch: CallBatch,
    i: number,
  ): void {
    const slot = this.#slot
    const end = ending === 'complete' ? scanner.resultStart : scanner.argsEnd + UNFINISHED_TAIL.length
    // What is no number is kept by reference, and the reader of the row may change it.
    if (slot < 0 || end !== this.#textEnd || batch.extra[i] !== null) return
    if (this.#text === NO_TEXT) this.#make()
    copyBytes(buf, args, end, this.#text, slot * MAX_LENGTH)
    this.#names[slot] = name
    this.#lengths[slot] = end - args
    this.#endings[slot] = ending
    this.#next[slot] = scanner.next
    this.#between[slot] = scanner.between ? 1 : 0
    this.rows.copyArguments(slot, batch, i)
  }

  #make(): void {
    this.rows = new CallBatch(new StringTable(), [], MAX_CALLS)
    this.#text = Buffer.allocUnsafe(MAX_CALLS * MAX_LENGTH)
    this.#view = new DataView(this.#text.buffer, this.#text.byteOffset, this.#text.length)
  }

  /** Ids of strings and decorations have lost their meaning. */
  clear(): void {
    this.#lengths.fill(0)
  }
}

/** By the call's name, the length of its arguments, and bytes from their front and their end, where they differ most. */
function slotOf(view: DataView, args: number, end: number, name: number): number {
  let hash = Math.imul(name ^ ((end - args) << 12), 0x9e3779b1) ^ view.getInt32(args, true)
  for (let p = end - 4, k = 0; p >= args && k < 6; p -= 8, k++) {
    hash = Math.imul(hash ^ view.getInt32(p, true), 0x01000193)
    hash ^= hash >>> 15
  }
  return (hash ^ (hash >>> 11)) & (MAX_CALLS - 1)
}
