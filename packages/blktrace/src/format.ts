/**
 * Text that blkparse printed with `-f FORMAT`: the same format, read backwards. A format is user text of any shape, so
 * it is never guessed; it has to be given.
 *
 *     -f "%5T.%9t %D %2c %5p %3d %a %S %n %C\n"
 *         0.000000000   7,0    0 22693  WS Q 264192 8 python3
 *
 * Refused: a format without an action (%a), one with line ends inside, unknown letters.
 * Letters: sdsc/blktrace blkparse_fmt.c print_field(); doc/blktrace.tex "Output format".
 */
import { ACTION, NO_DEVICE, SECTOR_BYTES, makeDevice, type BlockBatch, type Clock } from '@flushtrace/trace'
import { actionOf } from './actions.ts'
import { splitBytes } from './blkparse-line.ts'
import { parseRwbs, withSize } from './rwbs.ts'

/** What each letter prints. Numbers are padded with blanks, times with zeros. */
const PATTERNS: Readonly<Record<string, string>> = {
  a: '[A-Z]{1,2}',
  c: '\\d+',
  C: '.*?',
  d: '[A-Z]+',
  D: '\\d+,\\d+',
  e: '-?\\d+',
  g: '\\S*',
  M: '\\d+',
  m: '\\d+',
  n: '\\d+',
  N: '\\d+',
  p: '\\d+',
  P: '(?:[0-9a-f]{2} ?)*(?:\\.\\.)?',
  s: '-?\\d+',
  S: '\\d+',
  t: '\\d+',
  T: '\\d+',
  u: '\\d+',
  U: '\\d+',
  z: '\\d\\d:\\d\\d:\\d\\d\\.\\d+',
}
const UNKNOWN_COMM = new Set(['', '(null)', 'unknown'])

export class FormatLine {
  readonly clock: Clock
  readonly #pattern: RegExp
  readonly #letters: readonly string[]

  constructor(pattern: RegExp, letters: readonly string[]) {
    this.#pattern = pattern
    this.#letters = letters
    this.clock =
      letters.includes('T') || letters.includes('t') ? 'relative' : letters.includes('z') ? 'timeOfDay' : 'none'
  }

  /** Adds a row to `batch`; false where the line does not have this format. */
  parse(text: string, batch: BlockBatch, record: number): boolean {
    const match = this.#pattern.exec(text)
    if (!match) return false
    const field = (letter: string): string | undefined => {
      const at = this.#letters.indexOf(letter)
      return at < 0 ? undefined : match[at + 1]
    }
    const number = (letter: string): number | undefined => {
      const value = field(letter)
      return value === undefined ? undefined : Number(value)
    }
    const action = actionOf(field('a') ?? '')
    if (action < 0) return false
    const letters = Buffer.from(field('d') ?? 'N')
    const flags = parseRwbs(letters, 0, letters.length)
    if (flags < 0) return false
    const i = batch.add(
      action,
      this.#device(field('D'), number('M'), number('m')),
      number('p') ?? 0,
      this.#time(field),
      record,
    )
    batch.cpu[i] = number('c') ?? -1
    batch.sequence[i] = (number('s') ?? 0) >>> 0
    batch.sector[i] = number('S') ?? -1
    batch.bytes[i] = number('N') ?? (number('n') ?? 0) * SECTOR_BYTES
    batch.flags[i] = withSize(flags, batch.bytes[i])
    const error = number('e') ?? 0
    batch.error[i] = error >= 0x8000 ? error - 0x10000 : error
    const comm = field('C')
    if (comm !== undefined && !UNKNOWN_COMM.has(comm)) batch.comm[i] = batch.strings.add(comm)
    const took = number('u')
    if (took !== undefined && Number.isSafeInteger(took)) batch.tookNs[i] = took * 1000
    const payload = number('U')
    if (payload !== undefined) {
      if (action === ACTION.split) {
        batch.splitSector[i] = payload
        batch.bytes[i] = splitBytes(batch, i)
      }
      if (action === ACTION.unplug || action === ACTION.unplugTimer) batch.depth[i] = payload
    }
    return true
  }

  #device(both: string | undefined, major: number | undefined, minor: number | undefined): number {
    if (both) {
      const comma = both.indexOf(',')
      return makeDevice(Number(both.slice(0, comma)), Number(both.slice(comma + 1)))
    }
    return major === undefined || minor === undefined ? NO_DEVICE : makeDevice(major, minor)
  }

  #time(field: (letter: string) => string | undefined): number {
    if (this.clock === 'none') return NaN
    if (this.clock === 'relative') return Number(field('T') ?? 0) * 1e9 + Number(field('t') ?? 0)
    const [hours, minutes, seconds] = (field('z') ?? '').split(':')
    const dot = seconds.indexOf('.')
    const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.slice(0, dot))
    return whole * 1e9 + Number(seconds.slice(dot + 1).padEnd(9, '0'))
  }
}

/** null for a format that cannot be read backwards. */
export function compileFormat(format: string): FormatLine | null {
  const letters: string[] = []
  let pattern = ''
  const text = format
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll('\\r', '')
    .replaceAll('\\b', '')
    .replace(/\n$/, '')
  if (text.includes('\n')) return null
  for (let p = 0; p < text.length;) {
    const field = /^%(-?)(\d*)([A-Za-z])/.exec(text.slice(p))
    if (field) {
      const [whole, , width, letter] = field
      const known = PATTERNS[letter]
      if (!known) return null
      const padded = width !== '' || letter === 'D'
      pattern += padded ? `${PADDING}(${known})${PADDING}` : `(${known})`
      letters.push(letter)
      p += whole.length
    } else if (text.startsWith('%%', p)) {
      pattern += '%'
      p += 2
    } else {
      pattern += text[p] === ' ' ? BLANK : text[p].replace(/[.*+?^${}()|[\]\\/]/, '\\$&')
      p++
    }
  }
  return letters.includes('a') ? new FormatLine(new RegExp(`^${joinBlanks(pattern)}$`, 's'), letters) : null
}

/** What a width may leave beside a field, and a blank of the format itself. */
const PADDING = '\0'
const BLANK = '\x01'

/** One run of blanks between two fields: with several in a row, a line that does not fit is tried in every division. */
function joinBlanks(pattern: string): string {
  // oxlint-disable-next-line no-control-regex -- the marks above
  return pattern.replace(/[\0\x01]+/g, (run, at: number) => {
    const inside = at > 0 && at + run.length < pattern.length
    return inside && run.includes(BLANK) ? '[ ]+' : '[ ]*'
  })
}
