/**
 * One line of blkparse's or btrace's default text:
 *
 *       7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]
 *       7,0    0       14     0.000021442 22693  U   N [python3] 1
 *       7,0    1       26     0.000308993 22617  Q FWFSM 524352 + 8 [jbd2/loop0-8]
 *       7,0    1       35     0.007124512    22  C WSM 524352 [0]
 *       7,0    1     1823     0.207779817 22755  X  WS 278528 / 281088 [dd]
 *     259,0   11        1     0.024124329  1889  A FWFS 575480360 + 0 <- (253,3) 407706152
 *       8,0    3        1     0.000012680   226  D  WS 2640 + 16312 (   12529) [kworker/0:1H]      -t
 *       8,0    1        0     0.000000000  1234  m   N cfq1234 alloced
 *
 * Columns overflow, so the head is split on blanks. Names are at most 15 bytes and may hold blanks, slashes and
 * brackets: from the first `[` behind the numbers to the last `]`. C and R have an error there instead.
 * Refused: a line that does not read to its end (cut, or mixed with other output).
 * Printed by sdsc/blktrace blkparse_fmt.c process_default(), blkparse.c handle_notify().
 */
import { ACTION, OP, SECTOR_BYTES, decodeUtf8, latin1, makeDevice, type BlockBatch } from '@flushtrace/trace'
import { actionOfBytes, actionOfLongName } from './actions.ts'
import { LineCursor } from './numbers.ts'
import { parseRwbs, withSize } from './rwbs.ts'

export type LineKind =
  | 'event' // a row was added
  | 'message' // `m`: a note of an I/O scheduler or throttle
  | 'damaged' // begins like an event
  | 'other'

const COMMA = 0x2c
const PLUS = 0x2b
const SLASH = 0x2f
const LPAREN = 0x28
const RPAREN = 0x29
const LBRACKET = 0x5b
const RBRACKET = 0x5d
const SPACE = 0x20
/** Errors are printed as unsigned 16 bits: −5 as 65531. */
const SIGN_BIT = 0x8000

export class BlkparseLine {
  readonly #c = new LineCursor()
  /** -t was seen. */
  timed = false

  /** Adds a row to `batch` when the line is an event. */
  parse(buf: Uint8Array, start: number, end: number, batch: BlockBatch, record: number): LineKind {
    const c = this.#c
    c.set(buf, start, end)
    c.blanks()
    const major = c.number()
    if (Number.isNaN(major) || !c.take(COMMA)) return 'other'
    const minor = c.number()
    c.blanks()
    const cpu = c.number()
    c.blanks()
    const sequence = c.number()
    c.blanks()
    const atNs = c.time()
    const nanos = c.digits
    c.blanks()
    if (Number.isNaN(minor + cpu + sequence + atNs) || nanos !== 9)
      return Number.isNaN(minor + cpu) ? 'other' : 'damaged'
    const tid = c.number()
    c.blanks()
    if (Number.isNaN(tid)) return 'damaged'
    const kind = this.body(makeDevice(major, minor), tid, atNs, batch, record)
    if (kind === 'event') {
      batch.cpu[batch.length - 1] = cpu
      batch.sequence[batch.length - 1] = sequence >>> 0
    }
    return kind
  }

  /** Begins at a byte of a line, for text that has the same events behind a head of its own: see `body`. */
  from(buf: Uint8Array, start: number, end: number): LineCursor {
    this.#c.set(buf, start, end)
    return this.#c
  }

  /** From the action on: `Q  WS 264192 + 8 [python3]`. */
  body(device: number, tid: number, atNs: number, batch: BlockBatch, record: number): LineKind {
    const c = this.#c
    const { buf } = c
    let word = c.word()
    // Before the action: a message's cgroup, `ino,gen` (blkparse 1.3), any event's cgroup, `a,b` or a path (ftrace).
    if (word < c.p && (buf[word] === SLASH || (buf[word] >= 0x30 && buf[word] <= 0x39))) {
      c.blanks()
      word = c.word()
    }
    const length = c.p - word
    if (length === 1 && buf[word] === 0x6d) return 'message'
    const action = length <= 2 ? actionOfBytes(buf[word], length === 2 ? buf[word + 1] : 0) : longAction(buf, word, c.p)
    if (action === ACTION.note) return 'message'
    c.blanks()
    const letters = c.word()
    const flags = action < 0 ? -1 : parseRwbs(buf, letters, c.p)
    if (flags < 0) return 'damaged'
    c.blanks()
    const i = batch.add(action, device, tid, atNs, record)
    batch.flags[i] = flags
    if (this.#tail(batch, i, action)) return 'event'
    batch.length--
    return 'damaged'
  }

  #tail(batch: BlockBatch, i: number, action: number): boolean {
    switch (action) {
      case ACTION.plug:
      case ACTION.zonePlug:
        return this.#comm(batch, i, this.#c.end)
      case ACTION.unplug:
      case ACTION.unplugTimer:
      case ACTION.zoneUnplug:
        return this.#unplug(batch, i)
      case ACTION.split:
        return this.#split(batch, i)
      case ACTION.remap:
        return this.#remap(batch, i)
      case ACTION.complete:
      case ACTION.requeue:
        return this.#done(batch, i)
      default:
        return this.#request(batch, i)
    }
  }

  /** `sector + n (took) [comm]`, without the numbers for an empty one; `bytes (command) [comm]` of a passthrough. */
  #request(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    const first = c.number()
    if (Number.isNaN(first)) {
      c.blanks()
      return this.#took(batch, i) && this.#sized(batch, i, 0) && this.#comm(batch, i, c.end)
    }
    c.blanks()
    if (c.take(PLUS)) {
      c.blanks()
      const sectors = c.number()
      c.blanks()
      if (Number.isNaN(sectors) || !this.#took(batch, i)) return false
      batch.sector[i] = first
      return this.#sized(batch, i, sectors * SECTOR_BYTES) && this.#comm(batch, i, c.end)
    }
    batch.flags[i] |= OP.passthrough
    this.#sized(batch, i, first)
    if (c.buf[c.p] === LPAREN && !this.#skipCommand()) return false
    return this.#comm(batch, i, c.end)
  }

  /** `sector + n (took) [error]`, `sector [error]`, `(command) [error]`. */
  #done(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    const first = c.number()
    let bytes = 0
    if (Number.isNaN(first)) {
      batch.flags[i] |= OP.passthrough
      if (c.buf[c.p] === LPAREN && !this.#skipCommand()) return false
    } else {
      batch.sector[i] = first < Number.MAX_SAFE_INTEGER ? first : -1
      c.blanks()
      if (c.take(PLUS)) {
        c.blanks()
        bytes = c.number() * SECTOR_BYTES
        c.blanks()
      }
      if (Number.isNaN(bytes) || !this.#took(batch, i)) return false
    }
    this.#sized(batch, i, bytes)
    if (!c.take(LBRACKET)) return false
    const error = c.number()
    if (Number.isNaN(error) || !c.take(RBRACKET)) return false
    batch.error[i] = error >= SIGN_BIT ? error - 2 * SIGN_BIT : error
    return c.p === c.end
  }

  #unplug(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    const close = c.buf.lastIndexOf(RBRACKET, c.end - 1)
    if (close < c.p || !this.#comm(batch, i, close + 1)) return false
    c.p = close + 1
    c.blanks()
    const depth = c.number()
    if (batch.action[i] === ACTION.zoneUnplug) return c.p === c.end
    batch.depth[i] = depth
    return !Number.isNaN(depth) && c.p === c.end
  }

  #split(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    batch.sector[i] = c.number()
    c.blanks()
    if (!c.take(SLASH)) return false
    c.blanks()
    batch.splitSector[i] = c.number()
    c.blanks()
    if (Number.isNaN(batch.sector[i] + batch.splitSector[i])) return false
    // The event is of the first part: its length is not printed, but follows.
    return this.#sized(batch, i, splitBytes(batch, i)) && this.#comm(batch, i, c.end)
  }

  #remap(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    batch.sector[i] = c.number()
    c.blanks()
    if (!c.take(PLUS)) return false
    c.blanks()
    this.#sized(batch, i, c.number() * SECTOR_BYTES)
    c.blanks()
    if (!c.take(0x3c) || !c.take(0x2d)) return false
    c.blanks()
    if (!c.take(LPAREN)) return false
    const major = c.number()
    if (!c.take(COMMA)) return false
    const minor = c.number()
    if (!c.take(RPAREN)) return false
    c.blanks()
    const sector = c.number()
    batch.fromDevice[i] = makeDevice(major, minor)
    batch.fromSector[i] = sector
    return !Number.isNaN(batch.sector[i] + batch.bytes[i] + major + minor + sector) && c.p === c.end
  }

  #sized(batch: BlockBatch, i: number, bytes: number): true {
    batch.bytes[i] = bytes
    batch.flags[i] = withSize(batch.flags[i], bytes)
    return true
  }

  /** `(     852) `, where -t was given. Nonsense (the start was not seen) is past 2^53. */
  #took(batch: BlockBatch, i: number): boolean {
    const c = this.#c
    if (!c.take(LPAREN)) return true
    c.blanks()
    const took = c.number()
    if (Number.isNaN(took) || !c.take(RPAREN)) return false
    c.blanks()
    this.timed = true
    batch.tookNs[i] = took < Number.MAX_SAFE_INTEGER ? took : NaN
    return true
  }

  /** `(12 00 00 00 24 00 ..) `. */
  #skipCommand(): boolean {
    const c = this.#c
    const close = c.buf.indexOf(RPAREN, c.p)
    if (close < 0 || close >= c.end) return false
    c.p = close + 1
    c.blanks()
    return true
  }

  /** `[comm]` up to `end`. */
  #comm(batch: BlockBatch, i: number, end: number): boolean {
    const { buf, p } = this.#c
    while (end > p && buf[end - 1] === SPACE) end--
    if (end - p < 2 || buf[p] !== LBRACKET || buf[end - 1] !== RBRACKET) return false
    batch.comm[i] = commId(batch, buf, p + 1, end - 1)
    return true
  }
}

/** Size of the first part of a split. */
export function splitBytes(batch: BlockBatch, i: number): number {
  return Math.max(0, batch.splitSector[i] - batch.sector[i]) * SECTOR_BYTES
}

/** ftrace's blk tracer with option `verbose`. */
function longAction(buf: Uint8Array, start: number, end: number): number {
  return actionOfLongName(latin1(buf, start, end))
}

/** The id of a printed name; -1 for what stands there when blkparse knows none (`[(null)]`, `[unknown]` with -s). */
function commId(batch: BlockBatch, buf: Uint8Array, start: number, end: number): number {
  if (end === start) return -1
  const id = batch.strings.intern(buf, start, end, decodeUtf8)
  const first = buf[start]
  if (first !== LPAREN && first !== 0x75) return id
  const text = batch.strings.text(id)
  return text === '(null)' || text === 'unknown' ? -1 : id
}
