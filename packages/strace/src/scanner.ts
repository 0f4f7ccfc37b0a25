/**
 * The left-to-right scan of one call: where its arguments are and where its result begins.
 *
 *     write(3</srv/a\76b>, ") = 42 <unfinished ...>"..., 94) = 94 <0.005569>
 *     ioctl(22, SIOCGIFINDEX, {ifr_name="lo" <unfinished ...>
 *     wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 15324 <0.004106>
 *
 * States: string, decoration, comment, bracket depth. Nothing is ever searched for in the raw line, because written
 * data can hold `) = 0 <unfinished ...>`; a shift like `1<<CAP_CHOWN` is no decoration.
 * Format: strace/strace src/syscall.c, src/util.c (print_quoted_string_ex, printfd); see docs/formats/strace.md.
 */
export type Ending =
  | 'complete' // the closing bracket was found; the result begins at `resultStart`
  | 'unfinished' // ` <unfinished ...>`: goes on in a later line
  | 'ended' // ` <unfinished ...>) = ?`: ended by death or exec, no result
  | 'detached' // ` <detached ...>`: the tracer left
  | 'pidChanged' // ` <pid changed to N ...>`: goes on under another pid
  | 'open' // the text ends before the call does

const MAX_ARGUMENTS = 16

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LANGLE = 0x3c
const RANGLE = 0x3e
const COMMA = 0x2c
const SPACE = 0x20
const SLASH = 0x2f
const STAR = 0x2a
const EQUALS = 0x3d

/** Decorations met before: mostly, a descriptor has the one it had last. */
export interface KnownDecorations {
  /**
   * Where the decoration that begins at `start` ends, when it is the last one of its descriptor; -1: not known. The same
   * bytes end at the same place, so nothing is to be scanned.
   */
  endOfKnown(buf: Uint8Array, start: number, end: number): number
  /** Its id. */
  readonly found: number
}

export const NONE_KNOWN: KnownDecorations = { endOfKnown: () => -1, found: -1 }

/** One object a reader, reused: the fields describe the last `scan`. */
export class Scanner {
  readonly argStart = new Int32Array(MAX_ARGUMENTS)
  readonly argEnd = new Int32Array(MAX_ARGUMENTS)
  /** The decoration of an argument that is a descriptor, brackets included; -1 where it has none. */
  readonly decorationStart = new Int32Array(MAX_ARGUMENTS)
  readonly decorationEnd = new Int32Array(MAX_ARGUMENTS)
  /** Its id, where it was met before; -1: not looked up yet. */
  readonly decorationId = new Int32Array(MAX_ARGUMENTS)
  argCount = 0
  /** After `) = `, for `complete`. */
  resultStart = 0
  /** Where the arguments end (before ` <unfinished ...>`, or at the end of the text). */
  argsEnd = 0
  /**
   * For `unfinished`: which argument the rest of the call begins with; -1 when the mark is inside one's brackets.
   * `between`: nothing of that argument is there yet; else the rest begins with what ends the one before it.
   */
  next = -1
  between = false
  #afterMark = 0
  readonly #known: KnownDecorations

  constructor(known: KnownDecorations = NONE_KNOWN) {
    this.#known = known
  }

  /** Scans bytes [start, end), start being just after the call's `(`, or where its argument number `first` begins. */
  scan(buf: Uint8Array, start: number, end: number, first = 0): Ending {
    let depth = 0
    let p = start
    let count = first
    let argStart = start
    if (first < MAX_ARGUMENTS) this.#undecorated(first)
    while (p < end) {
      const c = buf[p]
      // Letters and digits are the bulk of what is left outside strings.
      if (c > 0x5d && c !== 0x7b && c !== 0x7d) {
        p++
        continue
      }
      switch (c) {
        case QUOTE:
          p = endOfString(buf, p, end)
          continue
        case LANGLE: {
          const before = p > start ? buf[p - 1] : 0
          if (before === SPACE) {
            const ending = this.#mark(buf, p, end)
            if (ending) {
              this.between = argStart === p - 1
              this.next = depth !== 0 ? -1 : this.between ? count : count + 1
              this.#argument(count++, argStart, p - 1)
              this.argCount = Math.min(count, MAX_ARGUMENTS)
              this.argsEnd = p - 1
              return ending === 'ended' ? this.#ended(buf, end) : ending
            }
          } else if (opensDecoration(buf, p, before)) {
            p =
              depth === 0 && count < MAX_ARGUMENTS ? this.#decoration(count, buf, p, end) : endOfDecoration(buf, p, end)
            continue
          }
          break
        }
        case SLASH:
          if (buf[p + 1] === STAR) {
            p = endOfComment(buf, p, end)
            continue
          }
          break
        case 0x28:
        case 0x5b:
        case 0x7b:
          depth++
          break
        case 0x5d:
        case 0x7d:
          depth--
          break
        case COMMA:
          if (depth === 0) {
            this.#argument(count++, argStart, p)
            if (count < MAX_ARGUMENTS) this.#undecorated(count)
            argStart = p + 1
            if (buf[argStart] === SPACE) argStart++
          }
          break
        case 0x29:
          if (depth === 0) {
            if (p > argStart || count > 0) this.#argument(count++, argStart, p)
            this.argCount = Math.min(count, MAX_ARGUMENTS)
            this.argsEnd = p
            return this.scanResult(buf, p + 1, end)
          }
          depth--
          break
      }
      p++
    }
    if (end > argStart) this.#argument(count++, argStart, end)
    this.argCount = Math.min(count, MAX_ARGUMENTS)
    this.argsEnd = end
    return 'open'
  }

  /** The shortest of calls, whole: `3</srv/x>) = 0 <0.000021>`. `open` when it is anything else: then `scan` tells. */
  scanDescriptor(buf: Uint8Array, start: number, end: number): Ending {
    let p = start
    while (buf[p] >= 0x30 && buf[p] <= 0x39) p++
    if (p === start) return 'open'
    this.#undecorated(0)
    if (buf[p] === LANGLE) {
      p = this.#decoration(0, buf, p, end)
      if (startsWith(buf, p, end, DELETED)) p += DELETED.length
    }
    if (p >= end || buf[p] !== 0x29) return 'open'
    this.argCount = 1
    this.argStart[0] = start
    this.argEnd[0] = this.argsEnd = p
    return this.scanResult(buf, p + 1, end)
  }

  /**
   * The tail of a call whose start is lost: brackets can't be counted, so the result is after the last `) = ` that
   * stands outside strings and decorations.
   */
  scanTail(buf: Uint8Array, start: number, end: number): Ending {
    let ending: Ending = 'open'
    this.argCount = 0
    for (let p = start; p < end;) {
      const c = buf[p]
      if (c === QUOTE) p = endOfString(buf, p, end)
      else if (c === LANGLE && buf[p - 1] === SPACE && this.#mark(buf, p, end)) return 'unfinished'
      else if (c === LANGLE && opensDecoration(buf, p, buf[p - 1])) p = endOfDecoration(buf, p, end)
      else {
        if (c === 0x29 && this.scanResult(buf, p + 1, end) === 'complete') ending = 'complete'
        p++
      }
    }
    return ending
  }

  #undecorated(index: number): void {
    this.decorationStart[index] = -1
    this.decorationId[index] = -1
  }

  /** Notes the decoration of an argument; returns where it ends. */
  #decoration(index: number, buf: Uint8Array, p: number, end: number): number {
    const known = this.#known.endOfKnown(buf, p, end)
    const close = known < 0 ? endOfDecoration(buf, p, end) : known
    this.decorationStart[index] = p
    this.decorationEnd[index] = close
    this.decorationId[index] = known < 0 ? -1 : this.#known.found
    return close
  }

  #argument(index: number, start: number, end: number): void {
    if (index < MAX_ARGUMENTS) {
      this.argStart[index] = start
      this.argEnd[index] = end
    }
  }

  /** `= …` after the call's `)`. */
  scanResult(buf: Uint8Array, start: number, end: number): Ending {
    let p = start
    while (p < end && buf[p] === SPACE) p++
    if (p === start || buf[p] !== EQUALS || buf[p + 1] !== SPACE || p + 2 >= end) return 'open'
    this.resultStart = p + 2
    return 'complete'
  }

  /** What ` <…` at `p` is; null when it is none of the tracer's marks. */
  #mark(buf: Uint8Array, p: number, end: number): Ending | null {
    if (startsWith(buf, p, end, UNFINISHED)) {
      let q = p + UNFINISHED.length
      // `<unfinished #12 ...>`: proposed upstream, ids make a start and its end meet.
      if (buf[q] === 0x23) {
        q++
        while (buf[q] >= 0x30 && buf[q] <= 0x39) q++
        if (buf[q] === SPACE) q++
      }
      if (!startsWith(buf, q, end, DOTS)) {
        // Before 4.7: `<unfinished ... exit status 0>`.
        return startsWith(buf, q, end, THREE_DOTS) ? 'detached' : null
      }
      this.#afterMark = q + DOTS.length
      return this.#afterMark >= end ? 'unfinished' : 'ended'
    }
    if (startsWith(buf, p, end, DETACHED)) return 'detached'
    return startsWith(buf, p, end, PID_CHANGED) ? 'pidChanged' : null
  }

  /** Only `) = ?` may follow a mark that does not end the line. */
  #ended(buf: Uint8Array, end: number): Ending {
    const p = this.#afterMark
    if (buf[p] === 0x29 && this.scanResult(buf, p + 1, end) === 'complete' && buf[this.resultStart] === 0x3f)
      return 'ended'
    return 'open'
  }
}

const UNFINISHED = Buffer.from('<unfinished ')
const DOTS = Buffer.from('...>')
const THREE_DOTS = Buffer.from('...')
const DELETED = Buffer.from('(deleted)')
const DETACHED = Buffer.from('<detached ...>')
const PID_CHANGED = Buffer.from('<pid changed to ')

/** Whether `text` stands at `p`, all of it before `end`. */
export function startsWith(buf: Uint8Array, p: number, end: number, text: Uint8Array): boolean {
  if (p + text.length > end) return false
  for (let i = 0; i < text.length; i++) if (buf[p + i] !== text[i]) return false
  return true
}

/** Past this, finding the next quote by a call is quicker than by looking at each byte. */
const NEAR = 16

/** After the closing quote; `end` where there is none. */
export function endOfString(buf: Uint8Array, start: number, end: number): number {
  const near = Math.min(end, start + NEAR)
  let p = start + 1
  for (; p < near; p++) {
    const c = buf[p]
    if (c === BACKSLASH) p++
    else if (c === QUOTE) return p + 1
  }
  for (; p < end; p++) {
    p = buf.indexOf(QUOTE, p)
    if (p < 0 || p >= end) return end
    let before = p
    while (before > start && buf[before - 1] === BACKSLASH) before--
    // Backslashes before it in pairs are text, an odd one makes the quote text.
    if (((p - before) & 1) === 0) return p + 1
  }
  return end
}

/**
 * A decoration follows a number (`3<…>`, `15314<comm>`), `AT_FDCWD`, or the comment of -X verbose
 * (`-100 /* AT_FDCWD *\/</srv>`). `1<<CAP` is a shift.
 */
export function opensDecoration(buf: Uint8Array, p: number, before: number): boolean {
  if (buf[p + 1] === LANGLE) return false
  return (before >= 0x30 && before <= 0x39) || before === 0x44 || before === SLASH
}

/** After the closing `>`; nested `<char 1:3>` counts, a socket's `->` and quoted path are text. */
export function endOfDecoration(buf: Uint8Array, p: number, end: number): number {
  const first = buf[p + 1]
  if (first === SLASH) {
    // A path has its own brackets escaped: the first raw one ends it, or begins `<block 8:0>`.
    for (let q = p + 2; q < end; q++) {
      if ((buf[q] & 0xfd) !== LANGLE) continue // 0x3c or 0x3e
      if (buf[q] === RANGLE) return q + 1
      break
    }
  }
  const socket = first >= 0x41 && first <= 0x5a
  let depth = 0
  for (; p < end; p++) {
    const c = buf[p]
    if (c === BACKSLASH) p++
    else if (c === QUOTE && socket) p = endOfString(buf, p, end) - 1
    else if (c === LANGLE) depth++
    else if (c === RANGLE) {
      if (socket && buf[p - 1] === 0x2d) continue
      if (--depth === 0) return p + 1
    }
  }
  return end
}

function endOfComment(buf: Uint8Array, p: number, end: number): number {
  for (p += 2; p < end; p++) if (buf[p] === STAR && buf[p + 1] === SLASH) return p + 2
  return end
}
