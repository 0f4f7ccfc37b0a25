/**
 * What stands before the call on a line of strace text:
 *
 *     leader = [pid] [secontext] [time] [rel] [nr] [ip]
 *
 *     6920  1795175435.438954 execve(…            -f -o FILE -ttt
 *     16509<python3>      0.000299 [  74] [00007f92f34f8c20] fsync(…    -Y -r -n -i
 *     [pid 26917] 10:50:53.118201 select(…         stderr, -tt
 *     16847 1795173614.790194250 (+     0.000411) fsync(…   -ttt -r, ns
 *     11:19:30.054771 clone3(…                     no pid: one process, or a -ff file
 *
 * Format: strace/strace src/strace.c printleader(), print_secontext; see docs/formats/strace.md.
 */
import { sameBytes, viewOf, type Clock } from '@flushtrace/trace'

const SPACE = 0x20
const LANGLE = 0x3c
const RANGLE = 0x3e
const LBRACKET = 0x5b
const RBRACKET = 0x5d
const COLON = 0x3a
const DOT = 0x2e
const PLUS = 0x2b
const LPAREN = 0x28

/** No pid has more digits (the kernel's limit is 2^22); more than these are seconds since 1970. */
const MAX_PID_DIGITS = 7

/** Seconds since 1970 have ten digits until 2286; longer ones than these are no time, and would spoil all that follow. */
const LONGEST_SECONDS = 11

/** Bytes of `SECONDS.` before the decimals. */
const SECONDS = 11

/** The fields of the last line given to `parse`. One object a reader, reused for every line. */
export class Leader {
  /** 0: the line has none. */
  tid = 0
  /** `-Y`: the task's name stands in bytes [commStart, commEnd), commStart < 0 where it doesn't. */
  commStart = -1
  commEnd = -1
  clock: Clock = 'none'
  /** wall: since 1970; timeOfDay: since midnight. */
  seconds = 0
  nanos = 0
  /** -r: time since the line before, ns; NaN without -r. */
  relativeNs = NaN
  /**
   * What -r cut off, on average: differences of ns are printed in µs (strace 6.1 lost 0.55 µs a line of 535). Nothing is
   * known of coarser ones: most differences are smaller than what they count.
   */
  cutNs = 0
  /** The options seen, for `inspect`. */
  hasNumber = false
  hasPointer = false
  hasContext = false
  hasBrackets = false
  #timeAt = 0
  #start = 0
  /** `PID SECONDS.` as it stood on an earlier line, what it said, and whether it stands on this one. */
  readonly #usual = new Uint8Array(32)
  readonly #usualView = new DataView(this.#usual.buffer)
  #usualLength = 0
  #usualTid = 0
  #usualSeconds = 0
  #known = false

  /**
   * `PID SECONDS.MICROS ` in the shape that most logs have from end to end: the pid is read here, the time is at
   * `timeAt`. Returns where the body begins, -1 when the line is not laid out so (then `parse` tells how it is).
   */
  parseUsual(buf: Uint8Array, start: number, withPid: boolean): number {
    const time = this.#repeats(buf, start) ? start + this.#usualLength - SECONDS : this.#readPid(buf, start, withPid)
    if (time < 0 || buf[time + 17] !== SPACE || buf[time + 10] !== DOT || buf[time + 18] < LANGLE) return -1
    this.#timeAt = time
    return time + 18
  }

  /** Mostly a line comes from the same task in the same second as the last one: `PID SECONDS.` is the same, then. */
  #repeats(buf: Uint8Array, start: number): boolean {
    const length = this.#usualLength
    if (length === 0 || start + length > buf.length || !sameBytes(viewOf(buf), start, this.#usualView, 0, length)) {
      this.#known = false
      return false
    }
    this.tid = this.#usualTid
    this.#known = true
    return true
  }

  /** Returns where the time begins, -1 where no pid stands as expected. */
  #readPid(buf: Uint8Array, start: number, withPid: boolean): number {
    let p = start
    let pid = 0
    if (withPid) {
      for (let c = buf[p]; c >= 0x30 && c <= 0x39; c = buf[++p]) pid = pid * 10 + (c - 0x30)
      if (p === start || p > start + MAX_PID_DIGITS || buf[p] !== SPACE) return -1
      while (buf[p] === SPACE) p++
    }
    this.tid = pid
    this.#start = start
    return p
  }

  /** Reads the time that `parseUsual` passed over. False when it is none. */
  readUsualTime(buf: Uint8Array): boolean {
    const at = this.#timeAt
    let micros = 0
    for (let p = at + SECONDS; p < at + 17; p++) {
      const digit = buf[p] - 0x30
      if (!(digit >= 0 && digit <= 9)) return false
      micros = micros * 10 + digit
    }
    if (!this.#known && !this.#readSeconds(buf, at)) return false
    this.#usualTime(this.#usualSeconds, micros)
    return true
  }

  /** What the sieve has read: a pid, seconds since 1970 and µs. */
  take(tid: number, seconds: number, micros: number): void {
    this.tid = tid
    this.#usualTime(seconds, micros)
  }

  #usualTime(seconds: number, micros: number): void {
    this.commStart = -1
    this.relativeNs = NaN
    this.clock = 'wall'
    this.seconds = seconds
    this.nanos = micros * 1000
  }

  #readSeconds(buf: Uint8Array, at: number): boolean {
    let seconds = 0
    for (let p = at; p < at + 10; p++) {
      const digit = buf[p] - 0x30
      if (!(digit >= 0 && digit <= 9)) return false
      seconds = seconds * 10 + digit
    }
    this.#usualSeconds = seconds
    this.#usualTid = this.tid
    const length = at + SECONDS - this.#start
    this.#usualLength = length <= this.#usual.length ? length : 0
    for (let k = 0; k < this.#usualLength; k++) this.#usual[k] = buf[this.#start + k]
    return true
  }

  /** Parses bytes [start, end); returns where the body begins. */
  parse(buf: Uint8Array, start: number, end: number): number {
    this.tid = 0
    this.commStart = -1
    this.clock = 'none'
    this.relativeNs = NaN
    let p = start
    let c = buf[p]
    if (c === LBRACKET) {
      p = this.#bracketPid(buf, p, end)
      if (p !== start) c = buf[p]
    } else if (c >= 0x30 && c <= 0x39) {
      let value = 0
      let q = p
      while (q < end && (c = buf[q]) >= 0x30 && c <= 0x39) {
        value = value * 10 + (c - 0x30)
        q++
      }
      if (q - p <= MAX_PID_DIGITS) {
        if (c === SPACE) {
          this.tid = value
          p = q + 1
        } else if (c === LANGLE) {
          p = this.#comm(buf, q, end, value, start)
        }
      }
    }
    // Blanks before the time: padding of a short pid, or of -r's number. A line that starts with a blank is only
    // a leader when a number follows (else it is a stack frame, a dump or the rest of a split line).
    while (p < end && buf[p] === SPACE) p++
    while (p < end) {
      c = buf[p]
      const before = p
      if (c >= 0x30 && c <= 0x39) p = this.#time(buf, p, end)
      else if (c === LBRACKET) p = this.#bracket(buf, p, end)
      else if (c === LPAREN && buf[p + 1] === PLUS) p = this.#delta(buf, p, end)
      else break
      if (p === before) break
    }
    return p
  }

  /** `[pid 26917] ` or `[pid 26917<comm>] `. */
  #bracketPid(buf: Uint8Array, start: number, end: number): number {
    let p = start + 1
    if (buf[p] !== 0x70 || buf[p + 1] !== 0x69 || buf[p + 2] !== 0x64 || buf[p + 3] !== SPACE) return start
    p += 4
    while (p < end && buf[p] === SPACE) p++
    const digits = p
    let value = 0
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * 10 + (buf[p++] - 0x30)
    if (p === digits || p - digits > MAX_PID_DIGITS) return start
    if (buf[p] === LANGLE) {
      // The name may hold `]`, but `>` is escaped in it.
      const close = endOfComm(buf, p, end)
      if (close < 0 || buf[close + 1] !== RBRACKET) return start
      this.commStart = p + 1
      this.commEnd = close
      p = close + 1
    }
    if (buf[p] !== RBRACKET || buf[p + 1] !== SPACE) {
      this.commStart = -1
      return start
    }
    this.hasBrackets = true
    this.tid = value
    return p + 2
  }

  /** `16509<python3> `, `27576<a\76 b]\74\"\\x c> `. */
  #comm(buf: Uint8Array, open: number, end: number, pid: number, start: number): number {
    const close = endOfComm(buf, open, end)
    if (close < 0 || buf[close + 1] !== SPACE) return start
    this.tid = pid
    this.commStart = open + 1
    this.commEnd = close
    return close + 2
  }

  /** `HH:MM:SS[.frac] `, `epoch[.frac] ` or -r's `seconds.frac `. */
  #time(buf: Uint8Array, start: number, end: number): number {
    let p = start
    let value = 0
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * 10 + (buf[p++] - 0x30)
    if (buf[p] === COLON) {
      if (p - start !== 2 || p + 6 > end || buf[p + 3] !== COLON) return start
      if (this.clock !== 'none') return start
      const minutes = two(buf, p + 1)
      const seconds = two(buf, p + 4)
      if (!(minutes < 60) || !(seconds < 61)) return start
      p = this.#fraction(buf, p + 6, end)
      if (buf[p] !== SPACE) return start
      this.clock = 'timeOfDay'
      this.seconds = value * 3600 + minutes * 60 + seconds
      return p + 1
    }
    // Nine digits of seconds began in 1973; -r never gets there. Both may come without a fraction:
    // `     0 fsync(3) = 0` (--relative-timestamps=s).
    const wall = p - start >= 9
    // Beside another time -r's is in brackets.
    if (this.clock !== 'none') return start
    const point = p
    p = this.#fraction(buf, p, end)
    if (buf[p] !== SPACE || point - start > LONGEST_SECONDS) return start
    if (wall) {
      this.clock = 'wall'
      this.seconds = value
    } else {
      this.clock = 'relative'
      this.relativeNs = value * 1e9 + this.nanos
      this.cutNs = p - point === 7 ? 500 : 0
    }
    return p + 1
  }

  #fraction(buf: Uint8Array, start: number, end: number): number {
    this.nanos = 0
    if (buf[start] !== DOT) return start
    let p = start + 1
    let value = 0
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * 10 + (buf[p++] - 0x30)
    const digits = p - start - 1
    if (digits > 9) return start
    this.nanos = digits === 6 ? value * 1000 : digits === 9 ? value : value * 10 ** (9 - digits)
    return p
  }

  /** `(+     0.000411) `, -r beside -t. */
  #delta(buf: Uint8Array, start: number, end: number): number {
    let p = start + 2
    while (p < end && buf[p] === SPACE) p++
    let value = 0
    while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) value = value * 10 + (buf[p++] - 0x30)
    const nanos = this.nanos
    const q = this.#fraction(buf, p, end)
    const fraction = this.nanos
    this.nanos = nanos
    if (buf[q] !== 0x29 || buf[q + 1] !== SPACE) return start
    this.relativeNs = value * 1e9 + fraction
    return q + 2
  }

  /** `[  74] ` (-n), `[00007f92f34f8c20] ` (-i), `[????????????????] `, `[unconfined_u:…] ` (--secontext). */
  #bracket(buf: Uint8Array, start: number, end: number): number {
    let p = start + 1
    let numeric = true
    let pointer = true
    let context = false
    for (; p < end && buf[p] !== RBRACKET; p++) {
      const c = buf[p]
      if (!(c === SPACE || (c >= 0x30 && c <= 0x39))) numeric = false
      if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66) || c === 0x3f)) pointer = false
      if (c === COLON) context = true
      // `[ Process PID=21324 runs in 32 bit mode. ]` is a note, not a leader.
      if (c === SPACE && !numeric) return start
    }
    if (p >= end || buf[p + 1] !== SPACE) return start
    const length = p - start - 1
    if (pointer && (length === 16 || length === 8)) this.hasPointer = true
    else if (numeric && length > 0) this.hasNumber = true
    else if (context) {
      this.hasContext = true
      // Padding of -r's number.
      for (p += 2; p < end && buf[p] === SPACE; p++);
      return p
    } else return start
    return p + 2
  }
}

/** The `>` after a task's name, which is at most 15 bytes, each up to four when escaped; -1 where there is none. */
function endOfComm(buf: Uint8Array, open: number, end: number): number {
  const limit = Math.min(end, open + 64)
  for (let p = open + 1; p < limit; p++) if (buf[p] === RANGLE) return p
  return -1
}

function two(buf: Uint8Array, p: number): number {
  const tens = buf[p] - 0x30
  const ones = buf[p + 1] - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}
