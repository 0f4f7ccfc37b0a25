/** Is this strace text? Told by what stands in it, never by its name. */
import { latin1 } from '@flushtrace/trace'
import { hasEscape, stripColour } from './colour.ts'
import { Leader } from './leader.ts'
import { Scanner } from './scanner.ts'
import { isSummaryHead } from './summary.ts'

export type StraceKind = 'strace' | 'strace-summary'

/** A line of ltrace's log, whose calls are written as strace's, and are calls of libraries: free(0x55) = <void> */
export const LTRACE =
  /^(?:\[pid \d+\] |\d+ +)?(?:[\d:.]+ )?SYS_\w+\(|\) += <void>$|<no return \.\.\.>$|\+\+\+ exited \(status \d+\) \+\+\+$/m

/** What each such line has: found faster than the lines. */
const LTRACE_WORDS = ['SYS_', '= <void>', '<no return ...>', '+++ exited (status ']

/** Enough to get past the program output that a terminal log begins with. */
const LINES = 2000
/** So many calls are a log, whatever stands between them, if it is none of ltrace's. */
const ENOUGH = 50

/** A value, and what strace lets follow it: `fsync(3) = 0 means that …` is prose, `= 3 (0x3)` is FreeBSD's truss. */
const RESULT = /^(?:-?\d+|0x[0-9a-f]+|\?)(?:$|[\r<]| (?:<|\((?!0x[0-9a-f]+\))|\[|\/\*|E[A-Z]))/

/** `head`: the first bytes, unpacked. `strace-summary`: nothing but a table of strace -c. */
export function sniffStrace(head: Uint8Array): StraceKind | null {
  const seen = countLines(head)
  // Prose that quotes a call or two is not a log; a log mixed with a program's output is.
  if (seen.calls >= ENOUGH || (seen.calls > 0 && seen.calls >= seen.lines / 10)) return 'strace'
  return seen.summary ? 'strace-summary' : null
}

const NOTHING = { lines: 0, calls: 0, summary: false }

function countLines(head: Uint8Array): typeof NOTHING {
  const leader = new Leader()
  const scanner = new Scanner()
  let lines = 0
  let calls = 0
  let summary = false
  let start = 0
  while (start < head.length && lines < LINES && calls < ENOUGH) {
    let end = head.indexOf(0x0a, start)
    const whole = end >= 0
    if (!whole) end = head.length
    if (end > start) {
      // The last line may go on beyond the head.
      if (isCallLine(head, start, end, leader, scanner, !whole)) calls++
      else {
        const text = latin1(head, start, Math.min(end, start + 4096))
        if (isSummaryHead(text)) summary = true
        else if (LTRACE.test(text)) return NOTHING
      }
      lines++
    }
    start = end + 1
  }
  if (holdsLtrace(head.subarray(Math.min(start, head.length)))) return NOTHING
  return { lines, calls, summary }
}

function holdsLtrace(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return LTRACE_WORDS.some((word) => text.includes(word)) && LTRACE.test(latin1(bytes, 0, bytes.length))
}

function isCallLine(
  buf: Uint8Array,
  start: number,
  end: number,
  leader: Leader,
  scanner: Scanner,
  mayBeCut: boolean,
): boolean {
  if (hasEscape(buf, start, end)) {
    const plain = stripColour(buf, start, end)
    if (plain.length < end - start) return isCallLine(plain, 0, plain.length, leader, scanner, mayBeCut)
  }
  const p = leader.parse(buf, start, end)
  const body = latin1(buf, p, Math.min(end, p + 80))
  if (/^<\.\.\. [a-z_0-9]+ resumed/.test(body) || /^\+\+\+ (?:exited with \d|killed by SIG)/.test(body)) return true
  const name = /^(?:[a-z_][a-z_0-9]*|\?\?\?)\(/.exec(body)
  if (!name) return false
  const ending = scanner.scan(buf, p + name[0].length, end)
  if (ending === 'open') return mayBeCut && (leader.tid > 0 || leader.clock !== 'none')
  return ending !== 'complete' || RESULT.test(latin1(buf, scanner.resultStart, Math.min(end, scanner.resultStart + 40)))
}

/** The task id in the name of a file of a -ff set (`trace.27405`, also compressed); 0 where there is none. */
export function tidOfName(path: string): number {
  const match = /\.(\d{1,7})(?:\.(?:gz|zst))?$/.exec(path)
  return match ? Number(match[1]) : 0
}
