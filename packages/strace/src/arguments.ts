/** Scanned arguments → the columns of a batch row, as the call's slots (trace/calls.ts) ask for them. */
import { CALLS, FLAG_WORDS, latin1, type ArgumentSlot, type CallBatch, type Extra, type Iocb } from '@flushtrace/trace'
import { MAX_LIST, parseFd, parseFdList, parseFdRef, parseRights } from './fd-refs.ts'
import { startsWith, type Scanner } from './scanner.ts'
import type { Texts } from './texts.ts'
import { FlagParser, forEachElement, forEachField, parseFlags, parseNumber, stringEnd, unescape } from './values.ts'

/** More arguments of a program than this are not kept: enough to tell two interpreters apart. */
const MAX_ARGV = 32
const MAX_ARGV_BYTES = 4096
const EQUALS = 0x3d

/** What to do with one argument. Made once from the call table, so that a row costs no look-ups by name. */
interface Step {
  /** Which argument. */
  readonly argument: number
  readonly slot: ArgumentSlot
  /** Index in KINDS. A number, because a row is filled faster by a switch than by a function for each slot. */
  readonly kind: number
  readonly flags: FlagParser | null
}

/** Slots without their tables, in the order of the cases of `fill`; other `extra:…` are the last. */
const KINDS = [
  'fd',
  'fd2',
  'path',
  'path2',
  'addr',
  'addr2',
  'size',
  'size2',
  'offset',
  'flags',
  'flags2',
  'extra:stat',
  'extra:clone',
  'extra:cloneFlags',
  'extra:rwf',
  'extra:how',
  'extra',
]

/** The steps of each call; index = index in CALLS. */
export const PLANS: readonly (readonly Step[])[] = CALLS.map(({ slots }) =>
  slots.flatMap((slot, argument) => (slot === '-' ? [] : [stepFor(slot, argument)])),
)

function stepFor(slot: ArgumentSlot, argument: number): Step {
  const [column, table] = slot.split(':')
  const words = slot === 'extra:stat' ? FLAG_WORDS.mode : column.startsWith('flags') ? FLAG_WORDS[table] : null
  const kind = KINDS.indexOf(KINDS.includes(slot) ? slot : column)
  return { argument, slot, kind, flags: words && new FlagParser(words) }
}

/** Fills the columns of row `i` with the arguments that the scanner found, from argument number `first` on. */
export function fillRow(
  batch: CallBatch,
  i: number,
  plan: readonly Step[],
  scanner: Scanner,
  buf: Uint8Array,
  texts: Texts,
  first = 0,
): void {
  const { argCount, argStart, argEnd } = scanner
  for (let k = 0; k < plan.length; k++) {
    const step = plan[k]
    const { argument } = step
    if (argument >= argCount) return
    if (argument < first) continue
    const end = argEnd[argument]
    const start = valueStart(buf, argStart[argument], end)
    if (start < end) fill(batch, i, step, buf, start, end, texts, scanner)
  }
}

function fill(
  batch: CallBatch,
  i: number,
  { kind, argument, slot, flags }: Step,
  buf: Uint8Array,
  start: number,
  end: number,
  texts: Texts,
  scanner: Scanner,
): void {
  switch (kind) {
    case 0: // fd
      batch.fd[i] = parseFd(buf, start, end)
      batch.decoration[i] = texts.decoration(buf, scanner, argument)
      break
    case 1: // fd2
      batch.fd2[i] = parseFd(buf, start, end)
      batch.decoration2[i] = texts.decoration(buf, scanner, argument)
      break
    case 2: // path
      batch.path[i] = parsePath(buf, start, end, texts)
      break
    case 3: // path2
      batch.path2[i] = parsePath(buf, start, end, texts)
      break
    case 4: // addr
      batch.addr[i] = parseNumber(buf, start, end)
      break
    case 5: // addr2
      batch.addr2[i] = parseNumber(buf, start, end)
      break
    case 6: // size
      batch.size[i] = parseNumber(buf, start, end)
      break
    case 7: // size2
      batch.size2[i] = parseNumber(buf, start, end)
      break
    case 8: // offset
      batch.offset[i] = parseOffset(buf, start, end)
      break
    case 9: // flags
      if (flags) batch.flags[i] = flags.parse(buf, start, end)
      break
    case 10: // flags2
      if (flags) batch.flags2[i] = flags.parse(buf, start, end)
      break
    case 11: // extra:stat
      fillStat(batch, i, flags, buf, start, end)
      break
    case 12: // extra:clone
      batch.flags[i] = fieldFlags(buf, start, end, 'flags', FLAG_WORDS.clone)
      break
    case 13: // extra:cloneFlags
      if (isCloneFlags(buf, start, argument)) batch.flags[i] = parseFlags(buf, start, end, FLAG_WORDS.clone)
      break
    case 14: // extra:rwf
      batch.flags[i] = parseFlags(buf, start, end, FLAG_WORDS.rwf)
      break
    case 15: // extra:how
      batch.flags[i] = fieldFlags(buf, start, end, 'flags', FLAG_WORDS.open)
      batch.flags2[i] = fieldFlags(buf, start, end, 'resolve', FLAG_WORDS.resolve)
      break
    default:
      batch.extra[i] = parseExtra(slot, buf, start, end)
  }
}

/** strace -N (6.16+) prints `fd=3`; the value begins after the name. */
function valueStart(buf: Uint8Array, start: number, end: number): number {
  let c = buf[start]
  if (c < 0x61 || c > 0x7a) return start
  let p = start
  while (p < end && ((c >= 0x61 && c <= 0x7a) || c === 0x5f || (c >= 0x30 && c <= 0x39))) c = buf[++p]
  return c === EQUALS ? p + 1 : start
}

/** NaN: -1 of pwritev2 (at the descriptor's own place), as strace -e raw= prints it. */
function parseOffset(buf: Uint8Array, start: number, end: number): number {
  const offset = parseNumber(buf, start, end)
  return offset > Number.MAX_SAFE_INTEGER ? NaN : offset
}

/** -1: not shown, or cut by -s, which file names are not, but names of tasks and of memory files. */
function parsePath(buf: Uint8Array, start: number, end: number, texts: Texts): number {
  const close = stringEnd(buf, start, end)
  return close < 0 || buf[close + 1] === 0x2e ? -1 : texts.strings.intern(buf, start + 1, close, unescape)
}

/** `clone(child_stack=NULL, flags=CLONE_VM|…`: the second; `clone(0x1200011, 0, …` (-e raw=clone): the first. */
function isCloneFlags(buf: Uint8Array, start: number, argument: number): boolean {
  return (buf[start - 1] === EQUALS) === (argument === 1)
}

/** `{flags=CLONE_VM|…, exit_signal=0, …}`, `{flags=O_RDWR|…, mode=0, …}`; NaN: the trace shows no more than its address. */
function fieldFlags(
  buf: Uint8Array,
  start: number,
  end: number,
  field: string,
  words: ReadonlyMap<string, number>,
): number {
  if (buf[start] !== 0x7b) return NaN
  let bits = 0
  forEachField(buf, start, end, (key, from, to) => {
    if (key === field) bits = parseFlags(buf, from, to, words)
  })
  return bits
}

/** `{st_mode=S_IFREG|0644, st_size=23, ...}`; with -v `{st_dev=makedev(0xfe, 0), st_ino=329637, st_mode=…}`. */
function fillStat(
  batch: CallBatch,
  i: number,
  flags: FlagParser | null,
  buf: Uint8Array,
  start: number,
  end: number,
): void {
  if (startsWith(buf, start, end, SHORT_STAT)) {
    const from = start + SHORT_STAT.length
    batch.flags2[i] = flags?.parse(buf, from, fieldEnd(buf, from, end)) ?? 0
    return
  }
  let inode: number | null = null
  let device: string | null = null
  forEachField(buf, start, end, (key, from, to) => {
    if (key === 'st_mode') batch.flags2[i] = parseFlags(buf, from, to, FLAG_WORDS.mode)
    else if (key === 'st_ino') inode = parseNumber(buf, from, to)
    else if (key === 'st_dev') device = parseDevice(latin1(buf, from, to))
  })
  if (inode !== null) batch.extra[i] = { kind: 'stat', inode, device }
}

const SHORT_STAT = Buffer.from('{st_mode=')

function fieldEnd(buf: Uint8Array, start: number, end: number): number {
  let p = start
  while (p < end && buf[p] !== 0x2c && buf[p] !== 0x7d) p++
  return p
}

/** `makedev(0xfe, 0)` → `254:0`. */
function parseDevice(text: string): string | null {
  const match = /^makedev\((0x[0-9a-f]+|\d+), (0x[0-9a-f]+|\d+)\)$/.exec(text)
  return match ? `${Number(match[1])}:${Number(match[2])}` : null
}

function parseExtra(slot: ArgumentSlot, buf: Uint8Array, start: number, end: number): Extra | null {
  switch (slot) {
    case 'extra:fds':
      return { kind: 'fds', fds: parseFdList(buf, start, end) }
    case 'extra:message':
      return parseRights(buf, start, end)
    case 'extra:argv':
      return parseArgv(buf, start, end)
    case 'extra:iocbs':
      return parseIocbs(buf, start, end)
    case 'extra:events':
      return parseEvents(buf, start, end)
    default:
      return null
  }
}

/** `["python3", "/usr/sbin/samba_dnsupd"..., ...]` */
function parseArgv(buf: Uint8Array, start: number, end: number): Extra | null {
  if (buf[start] !== 0x5b) return null
  const argv: string[] = []
  let cut = false
  let bytes = 0
  forEachElement(buf, start, end, (from, to) => {
    const close = stringEnd(buf, from, to)
    if (close < 0 || argv.length >= MAX_ARGV || bytes >= MAX_ARGV_BYTES) {
      cut = true
      return
    }
    bytes += close - from
    const most = from + 1 + MAX_ARGV_BYTES
    cut ||= close > most
    const text = unescape(buf, from + 1, Math.min(close, most))
    // `"…"...`: strace -s cut it.
    argv.push(buf[close + 1] === 0x2e ? `${text}…` : text)
  })
  return { kind: 'argv', argv, cut }
}

/**
 * `[{aio_data=0x7f, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=3</x>, aio_nbytes=4096, aio_offset=0}]`; before 4.22
 * `[{data=0x7f, pwrite, fildes=3, …, nbytes=4096, offset=0}]`. NULL, an address or `...` stand for what was unreadable.
 */
function parseIocbs(buf: Uint8Array, start: number, end: number): Extra {
  const iocbs: Iocb[] = []
  forEachElement(buf, start, end, (from, to) => {
    if (iocbs.length >= MAX_LIST) return
    const iocb: Iocb = { opcode: '', fd: { fd: -1, name: null }, data: '', bytes: NaN, offset: NaN, flags: 0 }
    forEachField(buf, from, to, (key, a, b) => {
      switch (key.replace(/^aio_/, '')) {
        case 'lio_opcode':
          iocb.opcode = opcodeOf(latin1(buf, a, b))
          break
        case '':
          iocb.opcode ||= `IOCB_CMD_${latin1(buf, a, b).toUpperCase()}`
          break
        case 'fildes':
        case 'filedes':
          iocb.fd = parseFdRef(buf, a, b)
          break
        case 'data':
          iocb.data = latin1(buf, a, b)
          break
        case 'nbytes':
          iocb.bytes = parseNumber(buf, a, b)
          break
        case 'offset':
          iocb.offset = parseNumber(buf, a, b)
          break
        case 'rw_flags':
          iocb.flags = parseFlags(buf, a, b, FLAG_WORDS.rwf)
          break
      }
    })
    iocbs.push(iocb)
  })
  return { kind: 'iocbs', iocbs }
}

/** -X raw prints the number, -X verbose the word behind it in a comment. Numbers: linux/aio_abi.h. */
function opcodeOf(text: string): string {
  const name = /IOCB_CMD_\w+/.exec(text)
  return name ? name[0] : (OPCODES[Number(text)] ?? text)
}
const OPCODES: Readonly<Record<number, string>> = {
  0: 'IOCB_CMD_PREAD',
  1: 'IOCB_CMD_PWRITE',
  2: 'IOCB_CMD_FSYNC',
  3: 'IOCB_CMD_FDSYNC',
  5: 'IOCB_CMD_POLL',
  6: 'IOCB_CMD_NOOP',
  7: 'IOCB_CMD_PREADV',
  8: 'IOCB_CMD_PWRITEV',
}

/** `[{data=0x7f, obj=0x55, res=4096, res2=0}]` */
function parseEvents(buf: Uint8Array, start: number, end: number): Extra {
  const events: { data: string; result: number }[] = []
  forEachElement(buf, start, end, (from, to) => {
    const event = { data: '', result: NaN }
    forEachField(buf, from, to, (key, a, b) => {
      if (key === 'data') event.data = latin1(buf, a, b)
      else if (key === 'res') event.result = parseNumber(buf, a, b)
    })
    if (events.length < MAX_LIST) events.push(event)
  })
  return { kind: 'events', events }
}
