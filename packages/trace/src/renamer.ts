/**
 * New names for old ones, so that a trace can be shown to others: the same name becomes the same new name in every
 * source, and what holds among names holds among the new ones.
 *
 *     /srv/private/customers.tdb-wal  →  /srv/kqmwzoe/ywpnhxrtq.tdb-wal
 *
 * 1. A name is renamed word by word (letters, digits and bytes of other scripts); `/`, `.`, `-`, `_` stay. So relative
 *    paths, renames, suffixes and `NAME (deleted)` agree as before.
 * 2. Each character becomes another of its class (a-z, A-Z, 0-9, …) by a secret key and the characters before it in the
 *    word. So lengths stay, UTF-8 stays UTF-8, different words stay different, and a name that was cut (comm has 15
 *    bytes) is the beginning of the whole one.
 * 3. Words that answers depend on, or that tell nothing, stay: KNOWN, device names, kernel threads, /proc/PID.
 *
 * This hides names from readers. It does not withstand who knows some of the names and has the time to guess.
 */
import { createHash, randomBytes } from 'node:crypto'
import { KERNEL_THREAD } from './kernel-threads.ts'

/** Words of a trace are few; beyond this they are worked out again. */
const MAX_WORDS = 1 << 18

const KNOWN = new Set(
  (
    'proc self dev sys shm memfd deleted unnamed anon inode idle host NA null zero full random urandom tty console kmsg fuse ' +
    'mapper md disk block by uuid UNIX TCP TCPv6 UDP UDPv6 NETLINK STREAM DGRAM SEQPACKET ' +
    'wal journal db tdb ldb sqlite log tmp lock pid txt so usr lib etc srv home run bin sbin var mnt ' +
    // Programs that run a script, and the options that name it: a row is called by its script.
    'sh bash dash zsh ksh python python2 python3 perl ruby node php java lua tclsh Rscript busybox c e m jar'
  ).split(' '),
)
const DEVICE =
  /^(?:(?:loop|sr|md|nbd|rbd|drbd|zram|ram|bcache|mmcblk)\d+(?:p\d+)?|(?:[shv]d|xvd)[a-z]\d*|nvme\d+(?:c\d+)?(?:n\d+)?(?:p\d+)?|SYSV[0-9a-f]+)$/
/** Kept as they are, or a word. */
const TOKEN =
  // oxlint-disable-next-line no-control-regex -- bytes of other scripts
  /(?<!\w)\/proc\/(?:\d+|self|thread-self)(?:\/task\/\d+)?(?:\/(?:fd|fdinfo)(?:\/\d+)?)?(?!\w)|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bdm-\d+\b|(?<=\/dev\/)(?:pts|fd|input|net|std(?:in|out|err))(?:\/\d+)?|([0-9A-Za-z\x80-\xff]+)/g
/** Ids of containers: what reads them wants hexadecimal digits. */
const HEXADECIMAL = /^(?=[a-f]*\d)[0-9a-f]{12,}$/

export class Renamer {
  readonly #key: Uint8Array
  readonly #mostWords: number
  readonly #words = new Map<string, string>()

  constructor(key: Uint8Array = randomBytes(32), mostWords = MAX_WORDS) {
    this.#key = key
    this.#mostWords = mostWords
  }

  /** A path, a command line, any text that holds names. One char per byte; as long as before. */
  text(text: string): string {
    return text.replace(TOKEN, (token, word: string | undefined) => (word === undefined ? token : this.#word(word)))
  }

  /** A task's name. */
  task(name: string): string {
    return KERNEL_THREAD.test(name) ? name : this.text(name)
  }

  #word(word: string): string {
    if (KNOWN.has(word) || DEVICE.test(word)) return word
    let renamed = this.#words.get(word)
    if (renamed !== undefined) return renamed
    // A word must not become one of those that stay: it walks on until it does not, which keeps different words apart.
    renamed = word
    do renamed = this.#step(renamed)
    while (KNOWN.has(renamed) || DEVICE.test(renamed))
    if (this.#words.size === this.#mostWords) this.#words.clear()
    this.#words.set(word, renamed)
    return renamed
  }

  #step(word: string): string {
    const hexadecimal = HEXADECIMAL.test(word)
    let renamed = ''
    /** Only the key and what stands before tell it. */
    let hash = this.#key
    for (let at = 0; at < word.length; at++) {
      const code = word.charCodeAt(at)
      const before = at > 0 ? word.charCodeAt(at - 1) : 0
      const members = hexadecimal ? HEX_DIGITS : classOf(code, before)
      const index = members?.indexOf(code) ?? -1
      hash = createHash('sha512')
        .update(hash)
        .update(Buffer.of(members?.[0] ?? 0, before))
        .digest()
      renamed += members && index >= 0 ? String.fromCharCode(shuffled(members, hash)[index]) : word[at]
    }
    return renamed
  }
}

/** The members of a class in the order that a hash gives them. */
function shuffled(members: Uint8Array, hash: Uint8Array): Uint8Array {
  const order = Uint8Array.from(members)
  for (let k = order.length - 1; k > 0; k--) {
    const other = hash[k] % (k + 1)
    ;[order[k], order[other]] = [order[other], order[k]]
  }
  return order
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, k) => from + k)
const HEX_DIGITS = Buffer.from('0123456789abcdef')
const DIGITS = Buffer.from('0123456789')
const LOWER = Buffer.from('abcdefghijklmnopqrstuvwxyz')
const UPPER = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ')
/** Bytes of UTF-8: those that go on, those that begin a character of two, of three bytes. */
const FOLLOWING = Uint8Array.from(range(0x80, 0xbf))
const TWO = Uint8Array.from(range(0xc2, 0xdf))
const THREE = Uint8Array.from([...range(0xe1, 0xec), 0xee, 0xef])

/** null: the byte stays. After 0xe0, 0xed, 0xf0 and 0xf4 not every byte is UTF-8. */
function classOf(code: number, before: number): Uint8Array | null {
  if (code < 0x80) return code >= 0x61 ? LOWER : code >= 0x41 ? UPPER : DIGITS
  if (code < 0xc0) return before === 0xe0 || before === 0xed || before === 0xf0 || before === 0xf4 ? null : FOLLOWING
  if (TWO.includes(code)) return TWO
  return THREE.includes(code) ? THREE : null
}

/** What was written or is nobody's business: its letters and digits are gone, its length stays. */
export function blank(text: string): string {
  // oxlint-disable-next-line no-control-regex -- bytes of other scripts
  return text.replace(/[A-Za-z\x80-\xff]/g, 'x').replace(/\d/g, '0')
}

const UNIT = /\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|\\[^]|[^]/g

/**
 * Renames what is written with escapes (C's, JSON's): `rename` gets the bytes, and each stands as it stood. A character
 * that JSON gives by its number is no byte: it goes.
 */
export function renameEscaped(text: string, rename: (bytes: string) => string): string {
  if (!text.includes('\\')) return rename(text)
  const units = text.match(UNIT) ?? []
  const renamed = rename(units.map(byteOf).join(''))
  return units.map((unit, k) => escapeAs(unit, renamed.charCodeAt(k))).join('')
}

/** Bytes that are no part of a word need not be told apart. */
function byteOf(unit: string): string {
  if (unit.length === 1) return unit
  if (unit[1] === 'x') return String.fromCharCode(Number.parseInt(unit.slice(2), 16))
  if (/^\\[0-7]/.test(unit)) return String.fromCharCode(Number.parseInt(unit.slice(1), 8) & 0xff)
  return unit === '\\/' ? '/' : '\0'
}

function escapeAs(unit: string, byte: number): string {
  if (unit.length === 1) return String.fromCharCode(byte)
  if (unit[1] === 'x') return `\\x${byte.toString(16).padStart(2, '0')}`
  if (/^\\[0-7]/.test(unit)) return `\\${byte.toString(8).padStart(unit.length - 1, '0')}`
  return unit[1] === 'u' && !/^\\u00[01]/.test(unit) ? '\\u0078' : unit
}
