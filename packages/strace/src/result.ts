/**
 * What stands after `) = `:
 *
 *     15324 <0.004106>
 *     3</srv/x> <0.000206>
 *     0x8002 (flags O_RDWR|O_LARGEFILE)
 *     -1 ENOENT (No such file or directory) <0.000024>
 *     -1 EIO (Input/output error) (INJECTED)
 *     ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.002479>
 *     5 /* 12345 in strace's PID NS *\/
 *
 * Format: strace/strace src/syscall.c print_syscall_resume(); docs/formats/strace.md.
 */
import { FAILED, INJECTED, OK, RESTARTED, UNKNOWN, latin1 } from '@flushtrace/trace'
import { isUnavailable } from './shape.ts'
import { parseNumber } from './values.ts'
import { NONE_KNOWN, endOfDecoration, opensDecoration, type KnownDecorations } from './scanner.ts'

const SPACE = 0x20

/** One object a reader, reused. */
export class ResultPart {
  outcome = OK
  value = NaN
  /** Bytes of the errno's name; errnoStart < 0 where there is none. */
  errnoStart = -1
  errnoEnd = -1
  /** The decoration of a returned descriptor, brackets included; decorationStart < 0 where there is none. */
  decorationStart = -1
  decorationEnd = -1
  tookNs = NaN
  /** `? <unavailable>` */
  unavailable = false
  /** False when no result stands there; then the other fields mean nothing. */
  valid = true
  readonly #known: KnownDecorations

  constructor(known: KnownDecorations = NONE_KNOWN) {
    this.#known = known
  }

  /** A number and nothing else but its duration. */
  take(value: number, tookNs: number): void {
    this.outcome = OK
    this.value = value
    this.errnoStart = -1
    this.decorationStart = -1
    this.unavailable = false
    this.valid = true
    this.tookNs = tookNs
  }

  parse(buf: Uint8Array, start: number, lineEnd: number): void {
    const tookAt = durationAt(buf, start, lineEnd)
    const end = tookAt < 0 ? lineEnd : tookAt
    this.take(NaN, tookAt < 0 ? NaN : parseTook(buf, tookAt, lineEnd))
    // `0 <0.000021>`: what nearly all lines have.
    let value = 0
    let digits = start
    for (let c = buf[digits]; digits < end && c >= 0x30 && c <= 0x39; c = buf[++digits]) value = value * 10 + (c - 0x30)
    if (digits > start && digits === end) {
      this.value = value
      return
    }
    if (start < end && buf[start] === 0x3f) {
      const word = start + 2
      const restart = buf[start + 1] === SPACE && buf[word] === 0x45 // E of ERESTART…
      this.outcome = restart ? RESTARTED : UNKNOWN
      this.unavailable = isUnavailable(buf, start, end)
      return
    }
    this.value = parseNumber(buf, start, end)
    if (Number.isNaN(this.value)) {
      this.valid = false
      return
    }
    let p = start
    while (p < end && buf[p] !== SPACE && buf[p] !== 0x3c) p++
    if (p < end && buf[p] === 0x3c && opensDecoration(buf, p, buf[p - 1])) {
      const known = this.#known.endOfKnown(buf, p, end)
      const close = known < 0 ? endOfDecoration(buf, p, end) : known
      this.decorationStart = p
      this.decorationEnd = close
      p = close
      // Cut inside of a name, what is there is another one.
      if (buf[close - 1] !== 0x3e) this.valid = false
    } else if (p < end && buf[p] === SPACE && buf[p + 1] === 0x2f && buf[p + 2] === 0x2a) {
      // A child's pid in the tracer's own namespace is the one that its lines begin with.
      const translated = parseNumber(buf, p + 4, end)
      if (translated > 0 && latin1(buf, p, end).includes('in strace')) this.value = translated
    }
    if (!this.valid) return
    if (buf[start] === 0x2d) {
      this.outcome = FAILED
      const first = p + 1 < end ? buf[p + 1] : SPACE
      if (first !== SPACE && first !== 0x28) {
        const word = ++p
        while (p < end && buf[p] !== SPACE) p++
        if (first >= 0x41 && first <= 0x5a) [this.errnoStart, this.errnoEnd] = [word, p]
      }
    }
    if (p < end && !isRemark(buf, p, end)) this.valid = false
    else if (injected(buf, p, end)) this.outcome = INJECTED
  }
}

/** ` (No such file or directory)`, ` (flags O_RDWR)`, `(deleted)`, ` /* 12345 in strace's PID NS *\/`: what may follow. Else two lines became one. */
function isRemark(buf: Uint8Array, start: number, end: number): boolean {
  const [first, last] = [buf[buf[start] === SPACE ? start + 1 : start], buf[end - 1]]
  return (first === 0x28 && last === 0x29) || (first === 0x2f && (last === 0x2f || last === 0x29))
}

/** `(INJECTED)` and `(INJECTED: args, retval)`: the kernel never ran it; `(INJECTED: args)` and `(DELAYED)` did run. */
function injected(buf: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p + 9 <= end; p++) {
    if (buf[p] === 0x28 && buf[p + 1] === 0x49 && buf[p + 2] === 0x4e && buf[p + 3] === 0x4a) {
      const note = latin1(buf, p, end)
      return note.startsWith('(INJECTED)') || note.startsWith('(INJECTED: args, retval)')
    }
  }
  return false
}

/** Where the blank before `<0.005569>` at the very end stands (-T); -1: there is none. */
function durationAt(buf: Uint8Array, start: number, end: number): number {
  if (buf[end - 1] !== 0x3e) return -1
  let p = end - 2
  while (p > start && ((buf[p] >= 0x30 && buf[p] <= 0x39) || buf[p] === 0x2e)) p--
  return p > start && p < end - 2 && buf[p] === 0x3c && buf[p - 1] === SPACE ? p - 1 : -1
}

/** `<0.005569>` at the very end (-T); NaN where there is none. */
function parseTook(buf: Uint8Array, start: number, end: number): number {
  if (buf[end - 1] !== 0x3e) return NaN
  let p = end - 2
  let value = 0
  let scale = 1
  let fraction = -1
  while (p >= start) {
    const c = buf[p]
    if (c >= 0x30 && c <= 0x39) {
      value += (c - 0x30) * scale
      scale *= 10
    } else if (c === 0x2e && fraction < 0) {
      fraction = end - 2 - p
    } else break
    p--
  }
  if (p < start || buf[p] !== 0x3c || p === end - 2 || buf[p - 1] !== SPACE) return NaN
  const digits = fraction < 0 ? 0 : fraction
  const ns = digits === 6 ? value * 1000 : digits > 9 ? NaN : value * 10 ** (9 - digits)
  // Longer than 104 days is damage, and no whole number of ns any more.
  return ns <= Number.MAX_SAFE_INTEGER ? ns : NaN
}
