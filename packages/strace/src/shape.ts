/**
 * What a line shows without being scanned: the name at its start and the marks at its end. Only for lines of calls that
 * nobody asks for, and to find out which those are; everything else is scanned from left to right (scanner.ts).
 */
import { FAILED, OK, RESTARTED, UNKNOWN } from '@flushtrace/trace'
import { startsWith } from './scanner.ts'

const SPACE = 0x20
export const UNFINISHED_TAIL = Buffer.from(' <unfinished ...>')

/** Where the `(` after a call's name is; -1 when no name stands at `p`. Names: `openat`, `syscall_0x1a9`, `readv#64`, `???`. */
export function endOfName(buf: Uint8Array, p: number, end: number): number {
  const limit = Math.min(end, p + 64)
  for (let q = p; q < limit; q++) {
    const c = buf[q]
    if ((c >= 0x61 && c <= 0x7a) || c === 0x5f || (c >= 0x30 && c <= 0x39)) continue
    if (c === 0x28) return q > p ? q : -1
    if (c !== 0x23 && c !== 0x3f) return -1
  }
  return -1
}

/**
 * How the line of a call ends, judged by its tail alone. A whole line can't end in the mark, because strace escapes `<` in
 * what it prints after the result; what doesn't look whole is scanned properly. One object a reader, reused.
 */
export class Tail {
  unfinished = false
  /** Where the result begins; -1: the line doesn't look whole. */
  result = -1
  /** The result where it is a number and nothing else but its duration, and that (ns, NaN without -T); else NaN. */
  value = NaN
  tookNs = NaN
  /** Where the sieve keeps such a line; -1: nowhere. */
  slot = -1

  /** Of the arguments, or the rest of them, in bytes [args, end). */
  read(buf: Uint8Array, args: number, end: number): void {
    this.unfinished = endsUnfinished(buf, args, end)
    this.result = this.unfinished ? -1 : lastResult(buf, args, end)
    this.value = NaN
    this.slot = -1
  }
}

function endsUnfinished(buf: Uint8Array, from: number, end: number): boolean {
  return (
    endsInMark(buf, end) &&
    end - UNFINISHED_TAIL.length >= from &&
    startsWith(buf, end - UNFINISHED_TAIL.length, end, UNFINISHED_TAIL)
  )
}

/** Any mark of the tracer: `<unfinished ...>`, `<detached ...>`, `<pid changed to 42 ...>`. */
export function endsInMark(buf: Uint8Array, end: number): boolean {
  return buf[end - 1] === 0x3e && buf[end - 2] === 0x2e
}

/** After the last `) = ` of bytes [from, end); -1 where there is none. Results are short: the last 512 bytes tell. */
function lastResult(buf: Uint8Array, from: number, end: number): number {
  const stop = Math.max(from, end - 512)
  // `<0.000021>`: nothing to find in there.
  const timed = buf[end - 1] === 0x3e && buf[end - 10] === 0x3c && buf[end - 8] === 0x2e
  for (let p = timed ? end - 13 : end - 2; p > stop; p--) {
    if (buf[p] !== 0x3d || buf[p - 1] !== SPACE || buf[p + 1] !== SPACE) continue
    let q = p - 1
    while (q > stop && buf[q] === SPACE) q--
    if (buf[q] === 0x29) return p + 2
  }
  return -1
}

/** How a call ended whose result begins at `at`. */
export function outcomeAt(buf: Uint8Array, at: number, end: number): number {
  if (buf[at] === 0x3f) return at + 2 < end && buf[at + 2] === 0x45 ? RESTARTED : UNKNOWN
  return buf[at] === 0x2d && buf[at + 1] === 0x31 ? FAILED : OK
}

/** `? <unavailable>`: the call ended, and its task before strace could ask how. strace's own table counts it. */
export function isUnavailable(buf: Uint8Array, at: number, end: number): boolean {
  return buf[at] === 0x3f && at + 3 < end && buf[at + 2] === 0x3c && buf[at + 3] === 0x75
}

/** ` <0.000021>`: the duration that -T prints last. */
export function endsTimed(buf: Uint8Array, end: number): boolean {
  return buf[end - 1] === 0x3e && buf[end - 2] >= 0x30 && buf[end - 2] <= 0x39
}
