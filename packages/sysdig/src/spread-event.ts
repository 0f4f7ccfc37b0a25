/**
 * With -A, -x and -X sysdig prints a buffer on lines of its own, and on the last of them, or below, the parameters after it:
 *
 *     287 11:50:35.484881725 0 tool (6921) < write res=9 data=
 *     two
 *     lines fd=4(<f>/srv/dup) size=9                              -A
 *     	0x0000: 7477 6f0a 6c69 6e65 73                             -x
 *      fd=4(<f>/srv/dup) size=9
 *
 * Since 2025 these are the descriptor of a write and the flags of a clone (sysdig.md); of a clone the ids always were.
 * A buffer may hold what looks like parameters: the last line before the next event is the one that has them.
 */
import type { PrintedEvent } from './printed-event.ts'

/** Buffers → what comes behind them, from the blank before it on. */
const BEHIND: ReadonlyMap<string, { readonly first: readonly string[]; readonly all: RegExp }> = new Map([
  ['data', { first: [' fd='], all: /^ fd=-?\d+(?:\(.*\))? size=\d+(?: |$)/ }],
  ['args', { first: [' tid='], all: /^ tid=-?\d+/ }],
  ['cgroups', { first: [' env=', ' flags='], all: /^ (?:env=|flags=\d)/ }],
  ['env', { first: [' tty='], all: /^ tty=-?\d/ }],
])
/** Names of files may hold what looks like a parameter; no more of it is looked through than this. */
const MOST_TRIES = 16
const OPEN = /(?:^| )(data|args|cgroups|env)=$/

/** An event whose line ended with a buffer, until the next event comes. */
export class SpreadEvent {
  readonly event: PrintedEvent
  readonly record: number
  #info: string
  #buffer: string

  private constructor(event: PrintedEvent, record: number, buffer: string) {
    this.event = event
    this.record = record
    this.#info = event.info
    this.#buffer = buffer
  }

  /** null: its line is all of it. `onEnter`: events of its type were printed at their enter, with their descriptors. */
  static of(event: PrintedEvent, record: number, onEnter: boolean): SpreadEvent | null {
    const buffer = event.direction === '>' ? undefined : OPEN.exec(event.info)?.[1]
    // What follows in such a source is written by the program, however it looks.
    if (buffer === undefined || (buffer === 'data' && onEnter)) return null
    return new SpreadEvent(event, record, buffer)
  }

  /** A line that is no event. */
  line(text: string): void {
    const rest = restOf(this.#buffer, text)
    this.event.info = this.#info + rest
    const next = OPEN.exec(rest)?.[1]
    if (next === undefined) return
    this.#info = this.event.info
    this.#buffer = next
  }
}

/** What comes behind `buffer` in a line: the last that looks so. */
function restOf(buffer: string, text: string): string {
  const behind = BEHIND.get(buffer)
  if (!behind) return ''
  let at = text.length
  for (let tries = 0; tries < MOST_TRIES && at > 0; tries++) {
    at = Math.max(...behind.first.map((name) => text.lastIndexOf(name, at - 1)))
    if (at < 0) return ''
    const rest = text.slice(at)
    if (behind.all.test(rest)) return rest
  }
  return ''
}
