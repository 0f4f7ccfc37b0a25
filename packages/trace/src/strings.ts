/** One number for each text: bytes of a trace → ids, without making a string for each. */
import { withRoom } from './bytes.ts'
import { sameBytes, viewOf } from './words.ts'

/**
 * Interned strings: the same bytes give the same small number, without building a JavaScript string a second time.
 * A reader owns one table and starts a fresh one when it is full, so a number means something only together with the
 * batch that carries it (`batch.strings`).
 */
export class StringTable {
  /** Past this many distinct strings, or bytes, a reader starts a new table: memory stays bounded on any input. */
  static readonly MAX_STRINGS = 1 << 15
  static readonly MAX_BYTES = 1 << 22

  readonly #strings: string[] = []
  readonly #byText = new Map<string, number>()
  /** Open addressing: slot → entry index + 1. An entry is the raw bytes and the id of the decoded text. */
  #slots = new Int32Array(1 << 8)
  #hashes: number[] = []
  #starts: number[] = []
  #ids: number[] = []
  #raw: Buffer = Buffer.allocUnsafe(1 << 10)
  #rawView = rawView(this.#raw)
  #rawUsed = 0

  get size(): number {
    return this.#strings.length
  }

  get full(): boolean {
    return this.#hashes.length >= StringTable.MAX_STRINGS || this.#rawUsed >= StringTable.MAX_BYTES
  }

  text(id: number): string {
    return this.#strings[id]
  }

  /** -1 is null: the argument was not there. */
  textOrNull(id: number): string | null {
    return id < 0 ? null : this.#strings[id]
  }

  add(text: string): number {
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const id = this.#strings.length
    this.#strings.push(text)
    this.#byText.set(text, id)
    return id
  }

  /**
   * The id of bytes[start, end) as written in a trace; `decode` turns them into text the first time they are seen.
   * Two spellings of one text (escaped in different ways) get the same id. `guess`: the spelling it probably is, counted
   * in the order they came; where each text has one spelling, that is its id.
   */
  intern(
    bytes: Uint8Array,
    start: number,
    end: number,
    decode: (b: Uint8Array, s: number, e: number) => string,
    guess = -1,
  ): number {
    if (guess >= 0 && guess < this.#hashes.length && this.#same(guess, bytes, start, end)) return this.#ids[guess]
    // FNV-1a, four bytes a step: a multiplication waits for the one before it.
    let hash = 0x811c9dc5 ^ (end - start)
    let at = start
    const view = viewOf(bytes)
    for (; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x01000193)
      hash ^= hash >>> 15
    }
    for (; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193)
    hash ^= hash >>> 15
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (;;) {
      const entry = this.#slots[slot] - 1
      if (entry < 0) break
      if (this.#hashes[entry] === hash && this.#same(entry, bytes, start, end)) return this.#ids[entry]
      slot = (slot + 1) & mask
    }
    const id = this.add(decode(bytes, start, end))
    this.#remember(slot, hash, bytes, start, end, id)
    return id
  }

  /**
   * How long the spelling with this number (see `guess`) is, when it stands at `start` of a text that ends at `end`;
   * -1 when other bytes do.
   */
  lengthAt(spelling: number, bytes: Uint8Array, start: number, end: number): number {
    const from = this.#starts[spelling]
    const length = this.#endOf(spelling) - from
    return start + length <= end && sameBytes(viewOf(bytes), start, this.#rawView, from, length) ? length : -1
  }

  #same(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[entry]
    if (this.#endOf(entry) - from !== end - start) return false
    return sameBytes(viewOf(bytes), start, this.#rawView, from, end - start)
  }

  #endOf(entry: number): number {
    return entry + 1 < this.#starts.length ? this.#starts[entry + 1] : this.#rawUsed
  }

  #remember(slot: number, hash: number, bytes: Uint8Array, start: number, end: number, id: number): void {
    const length = end - start
    if (this.#rawUsed + length > this.#raw.length) {
      this.#raw = withRoom(this.#raw, this.#rawUsed, this.#rawUsed + length)
      this.#rawView = rawView(this.#raw)
    }
    this.#starts.push(this.#rawUsed)
    this.#raw.set(bytes.subarray(start, end), this.#rawUsed)
    this.#rawUsed += length
    this.#hashes.push(hash)
    this.#ids.push(id)
    this.#slots[slot] = this.#hashes.length
    if (this.#hashes.length * 2 > this.#slots.length) this.#grow()
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let entry = 0; entry < this.#hashes.length; entry++) {
      let slot = this.#hashes[entry] & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
    this.#slots = slots
  }
}

function rawView({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}
