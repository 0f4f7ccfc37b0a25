/**
 * Flushes of an strace log, counted a second time: a line and a regular expression at a time, and knowing of nothing but
 * the five calls, and of libaio's flushes. Slow and plain on purpose, and with no code of the reader: where the two differ, one of them is wrong.
 *
 *     7813  1795173137.151540 fsync(10</srv/x>) = 0 <0.0012>
 *     [pid 7813] msync(0x7f0000000000, 4096, MS_SYNC <unfinished ...>
 *     7813  <... msync resumed>) = 0
 */
import { basename } from 'node:path'
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'
import { plainLines } from './lines.ts'

/** Times, `(+ 0.000123)` of -r, numbers and pointers in brackets, labels. */
const BEFORE_CALL = String.raw`(?:(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d+|\d{9,}|\(\+ *\d+\.\d+\)|\[[^\]]*\]) +)*`
const PID = String.raw`(?:\[pid +(\d+)(?:<.*?>)?\] *|(\d{1,7})(?:<.*?>)? +)?`
const CALL = new RegExp(
  String.raw`^${PID} *${BEFORE_CALL}(?:<\.\.\. )?(fsync|fdatasync|msync|sync|syncfs|io_submit)(?:\(| resumed> ?)(.*)$`,
)
const ANY_PID = /^(?:\[pid +\d+|\d{1,7}(?:<.*?>)? +\S)/
/** The last `) = ` of a line: a name may hold one, what follows a result cannot. */
const RESULT = /^(.*)\)\s*= (-?\d+|\?)(.*)$/
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
    if (call === 'io_submit') {
      for (const name of submitted(args, Number(result))) found.push([pid, name])
      return
    }
    if (call === 'msync' && !isSync(args)) return
    found.push([pid, result.startsWith('-') ? `${call} failed` : call])
  }
  for await (const line of plainLines(source)) {
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

/** The flushes among the first `taken` control blocks; 2 and 3 are their numbers, before 4.22 they were called by words. */
function submitted(args: string, taken: number): string[] {
  const blocks = args.replace(/"(?:[^"\\]|\\.)*"/g, '').split(/\}(?=, \{|\])/)
  return blocks.slice(0, Math.max(0, taken)).flatMap((text) => {
    const opcode = /lio_opcode=(?:IOCB_CMD_)?(\w+)|, (f(?:d|data)?sync), fildes/i.exec(text)
    const name = (opcode?.[1] ?? opcode?.[2] ?? '').toLowerCase()
    if (name === 'fsync' || name === '0x2' || name === '2') return ['aioFsync']
    return name === 'fdsync' || name === '0x3' || name === '3' ? ['aioFdsync'] : []
  })
}

/** MS_SYNC is 4. */
function isSync(args: string): boolean {
  const flags = args.slice(args.lastIndexOf(',') + 1)
  const raw = Number.parseInt(/^ *(?:flags=)?(0x[\da-f]+|\d+)/.exec(flags)?.[1] ?? '0')
  return /MS_SYNC/.test(flags) || (raw & 4) !== 0
}
