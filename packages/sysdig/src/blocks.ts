/**
 * The blocks of a capture, cut from a stream of chunks of any size:
 *
 *     0 u32 type | 4 u32 length, with these 12 bytes | 8 body, padded to 4 | length - 4: u32 length again
 *
 * Format: falcosecurity/libs userspace/libscap/scap_savefile.h, the framing of pcapng (IETF opsawg-pcapng).
 * A block that contradicts itself is reported, and reading goes on at the next place that looks like a block of a known
 * kind from its first to its last word.
 */
import { withRoom } from '@flushtrace/trace'

export const SECTION = 0x0a0d0d0a
const SECTION_MAGIC = 0x1a2b3c4d
const SECTION_MAGIC_SWAPPED = 0x4d3c2b1a

/** An event carries at most some parameters of 64 KiB; the large ones a container's JSON. */
const MAX_EVENT = 1 << 24
/** A list of all processes: 4 KiB of arguments, 4 KiB of environment each. */
const MAX_LIST = 1 << 26
/** While searching, only blocks up to this size are believed: a list is not worth waiting for. */
const MAX_FOUND = 1 << 20
const MIN_LENGTH = 12

export type BlockKind = 'section' | 'machine' | 'processes' | 'descriptors' | 'interfaces' | 'users' | 'event'

const KINDS: ReadonlyMap<number, BlockKind> = new Map<number, BlockKind>([
  [SECTION, 'section'],
  ...kinds('machine', [0x201, 0x8002abcd]),
  ...kinds('processes', [0x202, 0x207, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214, 0x215]),
  ...kinds('processes', [0x8000abcd, 0x8013abcd, 0x8014abcd]),
  ...kinds('descriptors', [0x203, 0x218, 0x8001abcd]),
  ...kinds('interfaces', [0x205, 0x219, 0x8011abcd]),
  ...kinds('users', [0x206, 0x220, 0x8012abcd]),
  ...kinds('event', [0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x8010abcd]),
])

function kinds(kind: BlockKind, types: readonly number[]): [number, BlockKind][] {
  return types.map((type) => [type, kind])
}

const SECOND_BYTES = new Uint8Array(256)
for (const type of KINDS.keys()) SECOND_BYTES[(type >>> 8) & 0xff] = 1

/** null: of another tool, or a newer sysdig. */
export function blockKind(type: number): BlockKind | null {
  return KINDS.get(type) ?? null
}

/** Blocks of pcapng that hold packets, or say how they were recorded: a network capture's. */
const NETWORK_BLOCKS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 10, 0x80000001])

/** A block that tells a network capture, which shares the first one with sysdig's. */
export function isNetworkBlock(type: number): boolean {
  return NETWORK_BLOCKS.has(type)
}

export type SectionOrder = 'little' | 'swapped' | 'none'

/** The byte order that the section header at `at` declares. */
export function sectionOrder(view: DataView, at: number): SectionOrder {
  const magic = view.getUint32(at + 8, true)
  return magic === SECTION_MAGIC ? 'little' : magic === SECTION_MAGIC_SWAPPED ? 'swapped' : 'none'
}

export interface BlockHandler {
  /** True: come back later, the batch is full. */
  readonly crowded: boolean
  /** As many of the usual blocks from `pos` on as can be taken at once, perhaps none; returns where it stopped. */
  onRun(buf: Uint8Array, view: DataView, pos: number, end: number, base: number): number
  /** A whole block at [at, at + length) of `buf`; `offset` is its place in the stream. */
  onBlock(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void
  /** Bytes from `offset` on are no block. Called once for each run of them. */
  onDamage(offset: number, what: string): void
  /** From `offset` on the file is in the other byte order: the rest is skipped. */
  onSwapped(offset: number): void
}

export class BlockReader {
  readonly #handler: BlockHandler
  /** What the last chunk left: the beginning of a block. */
  #carry: Buffer = Buffer.allocUnsafe(1 << 16)
  #carried = 0
  /** Bytes that `#scan` wants before it can go on. */
  #need = 0
  /** Stream offset of the next byte to be scanned. */
  #offset = 0
  #searching = false
  #refused = false
  /** No further chunk comes: what is not whole is no block. */
  #ended = false
  /** Where the last chunk ended within a block. */
  #cut: { readonly left: number; readonly offset: number } | null = null
  #chunk: Uint8Array | null = null
  #view!: DataView

  constructor(handler: BlockHandler) {
    this.#handler = handler
  }

  /** Reads from `pos`; returns where it stopped: the end, or earlier when the handler is crowded. */
  consume(chunk: Uint8Array, pos: number): number {
    while (!this.#handler.crowded) {
      if (this.#carried > 0) {
        const missing = Math.max(this.#need - this.#carried, 0)
        // While searching, what looks like a block may be none, many times over: each look is at twice as much.
        const wanted = missing > 0 && this.#searching ? Math.max(missing, this.#carried) : missing
        const take = Math.min(wanted, chunk.length - pos)
        this.#append(chunk, pos, pos + take)
        pos += take
        if (this.#carried < this.#need) return pos
        this.#scanCarry()
        // What is left of it may all stand in this piece: then that is read on, and not byte for byte from here.
        if (this.#carried <= pos) {
          pos -= this.#carried
          this.#carried = 0
        }
        continue
      }
      if (pos >= chunk.length) return pos
      if (this.#chunk !== chunk) {
        this.#chunk = chunk
        this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      }
      pos = this.#scan(chunk, this.#view, pos, chunk.length)
      if (this.#need > 0) {
        this.#append(chunk, pos, chunk.length)
        return chunk.length
      }
    }
    return pos
  }

  /**
   * After the last chunk, until it is done: what a wrong length swallowed is searched for whole blocks. `left`: so much of
   * a block from `offset` on is all that there is.
   */
  end(): { done: boolean; left: number; offset: number } {
    this.#ended = true
    while (this.#carried > 0 && !this.#handler.crowded) this.#scanCarry()
    return { done: this.#carried === 0, left: 0, offset: this.#offset, ...this.#cut }
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    const total = this.#carried + to - from
    this.#carry = withRoom(this.#carry, this.#carried, total)
    this.#carry.set(chunk.subarray(from, to), this.#carried)
    this.#carried = total
  }

  #drop(bytes: number): void {
    const kept = Math.max(0, this.#carried - bytes)
    this.#carry.copyWithin(0, this.#carried - kept, this.#carried)
    this.#offset += this.#carried - kept
    this.#carried = kept
  }

  #scanCarry(): void {
    const { buffer, byteOffset } = this.#carry
    const view = new DataView(buffer, byteOffset, this.#carried)
    const offset = this.#offset
    const stopped = this.#scan(this.#carry, view, 0, this.#carried)
    this.#offset = offset
    this.#drop(stopped)
  }

  /** Hands over the whole blocks of [pos, end); returns where it stopped, and sets `#need` when bytes are missing. */
  #scan(buf: Uint8Array, view: DataView, pos: number, end: number): number {
    const handler = this.#handler
    const base = this.#offset - pos
    this.#need = 0
    if (this.#refused) return end
    while (pos < end && !handler.crowded) {
      if (!this.#searching) {
        const from = pos
        pos = handler.onRun(buf, view, from, end, base)
        if (pos > from) continue
      }
      const left = end - pos
      if (left < MIN_LENGTH && !this.#ended) {
        this.#need = MIN_LENGTH
        break
      }
      const type = left < MIN_LENGTH ? 0 : view.getUint32(pos, true)
      const length = left < MIN_LENGTH ? MIN_LENGTH : view.getUint32(pos + 4, true)
      if (type === SECTION && sectionOrder(view, pos) === 'swapped') {
        // Nothing in it can be read; it is not searched for what looks like a block either.
        handler.onSwapped(base + pos)
        this.#refused = true
        return end
      }
      const wrong = this.#searching ? !looksRight(type, length) : isAbsurd(type, length)
      if (!wrong && length > left && !this.#ended) {
        this.#need = length
        break
      }
      if (wrong || length > left || view.getUint32(pos + length - 4, true) !== length) {
        if (!this.#searching) {
          // Either the file was cut here, or this length is wrong: then there is a block behind it.
          if (!wrong && length > left) this.#cut = { left, offset: base + pos }
          else handler.onDamage(base + pos, `block type 0x${type.toString(16)}, length ${length}`)
        }
        this.#searching = true
        pos = nextType(buf, view, pos + 1, end)
        continue
      }
      if (this.#cut) handler.onDamage(this.#cut.offset, 'its length reaches beyond the end')
      this.#cut = null
      this.#searching = false
      handler.onBlock(type, buf, view, pos, length, base + pos)
      pos += length
    }
    this.#offset = base + pos
    return pos
  }
}

/** The header of a block contradicts itself, or what sysdig writes. */
function isAbsurd(type: number, length: number): boolean {
  if (length <= MAX_EVENT) return length < MIN_LENGTH
  const kind = blockKind(type)
  return length > MAX_LIST || !(kind === 'processes' || kind === 'users' || kind === 'descriptors')
}

/**
 * The first place in [pos, end) where the type of a block may stand, or where too few bytes are left to tell. Blocks are
 * padded to 4 bytes, but bytes may be lost: it may be any.
 */
function nextType(buf: Uint8Array, view: DataView, pos: number, end: number): number {
  while (end - pos >= 4) {
    // The second byte of a type is one of three, none of them 0: zeros, as a crash leaves behind, are passed by fours.
    if (SECOND_BYTES[buf[pos + 1]] === 1 && KINDS.has(view.getUint32(pos, true))) break
    pos += end - pos >= 8 && view.getUint32(pos + 1, true) === 0 ? 4 : 1
  }
  return pos
}

function looksRight(type: number, length: number): boolean {
  return length % 4 === 0 && length >= MIN_LENGTH + 4 && length <= MAX_FOUND && KINDS.has(type)
}
