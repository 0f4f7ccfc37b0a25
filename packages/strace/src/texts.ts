/** The interned texts of one reader: paths and names, and what decorations say. */
import { StringTable, latin1, type FdName } from '@flushtrace/trace'
import type { KnownDecorations, Scanner } from './scanner.ts'
import { parseFdName } from './values.ts'

export class Texts implements KnownDecorations {
  strings = new StringTable()
  /** Index = id of the decoration. */
  names: FdName[] = []
  found = -1
  #raw = new StringTable()
  #forgotten: '' | '-y' | '-yy' = ''
  /** By the digits of a descriptor: the decoration it had last. */
  readonly #last = new Int32Array(256).fill(-1)

  get full(): boolean {
    return this.strings.full || this.#raw.full
  }

  /** The option that decorations show: -yy tells devices and sockets apart, -y gives paths only; '' where there are none. */
  get option(): '' | '-y' | '-yy' {
    if (this.#forgotten === '-yy' || this.names.some(isDetailed)) return '-yy'
    return this.names.length > 0 ? '-y' : this.#forgotten
  }

  /** Forgets everything: ids given before mean nothing from now on. */
  renew(): void {
    this.#forgotten = this.option
    this.strings = new StringTable()
    this.names = []
    this.#raw = new StringTable()
    this.#last.fill(-1)
  }

  endOfKnown(buf: Uint8Array, start: number, end: number): number {
    const id = this.#last[slotOf(buf, start)]
    if (id < 0) return -1
    const length = this.#raw.lengthAt(id, buf, start, end)
    if (length < 0 || isDeleted(buf, start + length)) return -1
    this.found = id
    return start + length
  }

  /** What the decoration of a scanned argument says; -1 where it has none. */
  decoration(buf: Uint8Array, scanner: Scanner, argument: number): number {
    const known = scanner.decorationId[argument]
    if (known >= 0) return known
    const start = scanner.decorationStart[argument]
    return start < 0 ? -1 : this.fdName(buf, start, scanner.decorationEnd[argument])
  }

  /** Bytes [start, close) are a decoration with its brackets; `(deleted)` may follow. */
  fdName(buf: Uint8Array, start: number, close: number): number {
    const deleted = isDeleted(buf, close)
    const slot = slotOf(buf, start)
    const id = this.#raw.intern(buf, start, deleted ? close + '(deleted)'.length : close, latin1, this.#last[slot])
    // One that ends its line may be cut: it would be the beginning of others.
    this.#last[slot] = deleted || !(buf[close] >= 0x20) ? -1 : id
    if (id === this.names.length) this.names.push(parseFdName(buf, start + 1, close - 1, deleted))
    return id
  }
}

/** The number before a decoration: a descriptor means the same file for a while. */
function slotOf(buf: Uint8Array, start: number): number {
  return (buf[start - 1] + (start > 1 ? buf[start - 2] * 10 : 0)) & 255
}

function isDetailed({ kind, text }: FdName): boolean {
  return kind === 'device' || /^(?:TCP|UDP|UNIX|NETLINK)/.test(text)
}

function isDeleted(buf: Uint8Array, close: number): boolean {
  return buf[close] === 0x28 && buf[close + 1] === 0x64
}
