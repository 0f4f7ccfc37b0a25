/**
 * What the tracer says of itself. On stderr a notice may stand inside the line of a call, and so may what the program
 * writes there. strace names itself as it was called (strace src/util.c error_msg: program_invocation_name):
 *
 *     strace: Process 27557 attached                            since 4.13; before that without `strace: `
 *     wait4(-1, /usr/bin/strace: Process 27557 attached
 *     clone(Process 27557 attached (waiting for parent)         until 4.6; `- interrupt to quit` until 4.7
 *     done[ Process PID=21324 runs in 64 bit mode. ]
 */
import { latin1 } from '@flushtrace/trace'

/** With the folder only where that is plain to see: what stands before it may be a number, or the end of a name. */
const TRACER = String.raw`(?:(?:\.{0,2}\/[^\s"'<>(){}[\],=]*)?strace[\w.+-]*: )`
const WORDS = String.raw`${TRACER}?Process (\d+) (attached|detached|suspended|resumed)(?: \(waiting for parent\)| \(parent \d+ ready\))?`
const NOTICE = new RegExp(`^${WORDS}(?: with \\d+ threads)?(?: - interrupt to quit)?$`)
const GLUED = new RegExp(`${WORDS}$`)
const RESTARTING = /restart_syscall\(<\.\.\. resuming interrupted [\w ]+ \.\.\.>$/
/** What stands last in an open line is looked for in so many bytes: the path of strace may be long. */
export const TAIL_ROOM = 300
const OWN_WORDS = new RegExp(`^${TRACER}`)

export interface Notice {
  readonly tid: number
  readonly what: string
  /** Of its text. */
  readonly length: number
}

/** A line that is one. */
export function noticeOf(line: string): Notice | null {
  return found(NOTICE.exec(line))
}

/** One at the end of a line that began as a call. */
export function noticeAtEnd(line: string): Notice | null {
  return found(GLUED.exec(line))
}

/** A call that was under way when strace attached; its line may stay open for ever. */
export function isRestarting(tail: string): boolean {
  return RESTARTING.test(tail)
}

/** `strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted`. */
export function isTracersOwn(line: string): boolean {
  return OWN_WORDS.test(line)
}

/** `[ Process PID=21324 runs in 32 bit mode. ]`, on stderr perhaps behind what the program wrote. */
export function isPersonalityNote(buf: Uint8Array, p: number, end: number): boolean {
  return /\[ Process PID=\d+ runs in .{1,20} mode\. \]$/.test(latin1(buf, Math.max(p, end - 80), end))
}

function found(match: RegExpExecArray | null): Notice | null {
  return match && { tid: Number(match[1]), what: match[2], length: match[0].length }
}
