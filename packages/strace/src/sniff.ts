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

/** Enough to get past the program output that a terminal log begins with. */
const LINES = 2000

/** A value, and what strace lets follow it: `fsync(3) = 0 means that …` is prose, `= 3 (0x3)` is FreeBSD's truss. */
const RESULT = /^(?:-?\d+|0x[0-9a-f]+|\?)(?:$|[\r<]| (?:<|\((?!0x[0-9a-f]+\))|\[|\/\*|E[A-Z]))/

export function sniffStrace(head: Uint8Array): StraceKind | null {
  const seen = countLines(head)
  // Prose that quotes a call or two is not a log; a log mixed with a program's output is.
  if (seen.calls >= 50 || (seen.calls > 0 && seen.calls >= seen.lines / 10)) return 'strace'
  return seen.summary ? 'strace-summary' : null
}

const NOTHING = { lines: 0, calls: 0, summary: false }

function countLines(head: Uint8Array): typeof NOTHING {
  const leader = new Leader()
  const scanner = new Scanner()
  let lines = 0
  let calls = 0
  let summary = false
  for (let start = 0; start < head.length && lines < LINES;) {
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
  return { lines, calls, summary }
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
