/**
 * Flushes of an strace log, counted a second time: a line and a regular expression at a time, and knowing of nothing but
 * the five calls. Slow and plain on purpose, and with no code of the reader: where the two differ, one of them is wrong.
 *
 *     7813  1795173137.151540 fsync(10</srv/x>) = 0 <0.0012>
 *     [pid 7813] msync(0x7f0000000000, 4096, MS_SYNC <unfinished ...>
 *     7813  <... msync resumed>) = 0
 */
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'

/** Times, `(+ 0.000123)` of -r, numbers and pointers in brackets, labels. */
const BEFORE_CALL = String.raw`(?:(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d+|\d{9,}|\(\+ *\d+\.\d+\)|\[[^\]]*\]) +)*`
const PID = String.raw`(?:\[pid +(\d+)(?:<.*?>)?\] *|(\d{1,7})(?:<.*?>)? +)?`
const CALL = new RegExp(
  String.raw`^${PID} *${BEFORE_CALL}(?:<\.\.\. )?(fsync|fdatasync|msync|sync|syncfs)(?:\(| resumed> ?)(.*)$`,
)
const ANY_PID = /^(?:\[pid +\d+|\d{1,7}(?:<.*?>)? +\S)/
/** The last `) = ` of a line: a name may hold one, what follows a result cannot. */
const RESULT = /^(.*)\)\s*= (-?\d+|\?)(.*)$/
// oxlint-disable-next-line no-control-regex -- colours begin with one
const COLOUR = /\u001b\[[\d;]*m/g

interface Unfinished {
  call: string
  args: string
}

/** `numbered`: every line told its task. */
export async function recountStrace(sources: readonly Source[]): Promise<{ cells: Cells; numbered: boolean }> {
  const cells: Cells = new Map()
  let numbered = true
  for (const source of sources) numbered = (await recountLog(source, cells)) && numbered
  return { cells, numbered }
}

async function recountLog(source: Source, cells: Cells): Promise<boolean> {
  const own = /\.(\d+)(?:\.\w+)?$/.exec(basename(source.path))?.[1] ?? ''
  const unfinished = new Map<string, Unfinished>()
  let last: string | null = null
  let lines = 0
  let withPid = 0
  const found: [pid: string, name: string][] = []
  const end = (pid: string, call: string, text: string): void => {
    const [, args, result, rest] = RESULT.exec(text) ?? []
    if (result === undefined || result === '?' || /\(INJECTED(?:: args, retval)?\)/.test(rest)) return
    if (call === 'msync' && !isSync(args)) return
    found.push([pid, result.startsWith('-') ? `${call} failed` : call])
  }
  const input = Readable.from(source.chunks(), { objectMode: false })
  for await (const raw of createInterface({ input, crlfDelay: Infinity })) {
    const line = raw.replace(COLOUR, '').trimEnd()
    if (line === '') continue
    lines++
    if (ANY_PID.test(line)) withPid++
    const [, bracketed, bare, call, text] = CALL.exec(line) ?? []
    const rest = last !== null && /^\)\s*= /.test(line) ? unfinished.get(last) : undefined
    if (last !== null && rest) {
      // -z prints the rest of a call that another task's line interrupted without its name.
      end(last, rest.call, rest.args + line)
      unfinished.delete(last)
    }
    last = null
    if (call === undefined) continue
    const pid = bracketed ?? bare ?? ''
    const resumed = / resumed> ?/.test(line.slice(0, line.length - text.length))
    const begun = resumed && unfinished.get(pid)?.call === call ? (unfinished.get(pid)?.args ?? '') : ''
    unfinished.delete(pid)
    const whole = begun + text
    const open = /^(.*?) ?<(?:unfinished|detached) \.\.\.>$/.exec(whole)
    if (!open) end(pid, call, whole)
    else {
      unfinished.set(pid, { call, args: open[1] })
      last = pid
    }
  }
  // A file of a -ff set tells its task by its name alone.
  const oneTask = withPid === 0 && own !== ''
  for (const [pid, name] of found) cellOf(cells, oneTask ? own : pid, name).least++
  for (const cell of cells.values()) cell.most = cell.least
  return oneTask || withPid === lines
}

/** MS_SYNC is 4. */
function isSync(args: string): boolean {
  const flags = args.slice(args.lastIndexOf(',') + 1)
  const raw = Number.parseInt(/^ *(?:flags=)?(0x[\da-f]+|\d+)/.exec(flags)?.[1] ?? '0')
  return /MS_SYNC/.test(flags) || (raw & 4) !== 0
}
