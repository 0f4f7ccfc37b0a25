/** Calls by name: which is which, and how many ended. */
import { FAILED, RESTARTED, StringTable, UNKNOWN, callIndex, latin1 } from '@flushtrace/trace'

/** Linux has some 450 calls, strace knows names of some 700 on all architectures. */
const MAX_NAMES = 4096
/** Of most logs; one of a thousand -ff files has no room for more. */
const FEW_NAMES = 64

const UNDERSCORE = 0x5f

export class CallCounts {
  readonly #names = new StringTable()
  /** By name id: index in CALLS, -1 for a call that is only counted. */
  callOf = new Int16Array(FEW_NAMES)
  #ended: Float64Array = new Float64Array(FEW_NAMES)
  #errors: Float64Array = new Float64Array(FEW_NAMES)
  #known = 0
  /** By id: the name's bytes and `(`. */
  readonly #bytes: Uint8Array[] = []
  /** By slotOf: the id met last there. */
  readonly #guesses = new Int32Array(1024).fill(-1)
  nameEnd = 0
  readonly #idsByName = new Map<string, number>()

  /**
   * The id of the name that stands at `start`, when it was met before and is followed by `(`; -1 otherwise. The names
   * of a log are few: one comparison finds nearly all of them, where `idOf` needs the end and a hash first. The name
   * ends at `nameEnd`.
   */
  known(buf: Uint8Array, start: number): number {
    const guess = this.#guesses[slotOf(buf, start)]
    const bytes = this.#bytes[guess]
    if (bytes === undefined) return -1
    const { length } = bytes
    for (let k = 0; k < length; k++) if (buf[start + k] !== bytes[k]) return -1
    this.nameEnd = start + length - 1
    return guess
  }

  /** Whether the name with this id stands at `start`. */
  isAt(id: number, buf: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes[id]
    const last = bytes.length - 1
    if (end - start !== last) return false
    for (let k = 0; k < last; k++) if (buf[start + k] !== bytes[k]) return false
    return true
  }

  /** The id of the name in bytes [start, end); -1 when there are more names than any kernel has. */
  idOf(buf: Uint8Array, start: number, end: number): number {
    if (this.#known === MAX_NAMES) return this.#idOfKnown(latin1(buf, start, end))
    const id = this.#names.intern(buf, start, end, latin1)
    if (id === this.#known) {
      if (id === this.callOf.length) this.#grow()
      this.callOf[id] = callIndex(this.#names.text(id))
      this.#bytes.push(Buffer.from(`${this.#names.text(id)}(`, 'latin1'))
      this.#known++
    }
    this.#guesses[slotOf(buf, start)] = id
    return id
  }

  #grow(): void {
    const room = this.callOf.length * 2
    const { callOf } = this
    this.callOf = new Int16Array(room)
    this.callOf.set(callOf)
    this.#ended = grown(this.#ended, room)
    this.#errors = grown(this.#errors, room)
  }

  /** Once the table is full: what it knows, and no more, however many names a file holds. */
  #idOfKnown(name: string): number {
    if (this.#idsByName.size === 0) {
      for (let id = 0; id < this.#known; id++) this.#idsByName.set(this.#names.text(id), id)
    }
    return this.#idsByName.get(name) ?? -1
  }

  /** Whether a call of one of these names was met, ended or not. */
  knows(names: readonly string[]): boolean {
    for (let id = 0; id < this.#known; id++) if (names.includes(this.#names.text(id))) return true
    return false
  }

  nameOf(id: number): string {
    return this.#names.text(id)
  }

  /**
   * A call ended. One without a result (`= ?`) never did: strace's own table does not count it either, unless its result
   * was `unavailable`.
   */
  end(id: number, outcome: number, unavailable: boolean): void {
    if (outcome === UNKNOWN && !unavailable) return
    this.#ended[id]++
    if (outcome === FAILED || outcome === RESTARTED) this.#errors[id]++
  }

  /** What the sieve has passed. `failed` are not among the `ended`. */
  add(id: number, ended: number, failed: number): void {
    this.#ended[id] += ended + failed
    this.#errors[id] += failed
  }

  /** The name's bytes and `(`. */
  bytesOf(id: number): Uint8Array {
    return this.#bytes[id]
  }

  ended(): Record<string, number> {
    return this.#record(this.#ended)
  }

  errors(): Record<string, number> {
    return this.#record(this.#errors)
  }

  #record(counts: Float64Array): Record<string, number> {
    const record: Record<string, number> = {}
    for (let id = 0; id < this.#known; id++) if (counts[id] > 0) record[this.#names.text(id)] = counts[id]
    return record
  }
}

function grown(numbers: Float64Array, room: number): Float64Array {
  const more = new Float64Array(room)
  more.set(numbers)
  return more
}

/** Names differ in these: close, clone, fcntl, fsync, fstat, futex, rt_sigaction, rt_sigprocmask … */
function slotOf(buf: Uint8Array, start: number): number {
  if (buf[start + 2] === UNDERSCORE) start += 3
  return (buf[start] + buf[start + 2] * 7 + buf[start + 3] * 31 + buf[start + 4] * 61) & 1023
}
