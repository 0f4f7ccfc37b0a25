/**
 * Flushes of an strace log, counted a second time: a line and a regular expression at a time, and knowing of nothing but
 * the five calls, of libaio's flushes, and of synchronous writes (sync-writes.ts). Slow and plain on purpose, and with no
 * code of the reader: where the two differ, one of them is wrong.
 *
 *     7813  1795173137.151540 fsync(10</srv/x>) = 0 <0.0012>
 *     [pid 7813] msync(0x7f0000000000, 4096, MS_SYNC <unfinished ...>
 *     7813  <... msync resumed>) = 0
 */
import { basename } from 'node:path'
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'
import { plainLines } from './lines.ts'
import { DESCRIPTOR_CALLS, SyncWrites } from './sync-writes.ts'

/** A run of blanks is taken whole: `(?! )`. Times, `(+ 0.000123)` of -r, numbers and pointers in brackets, labels. */
const BEFORE_CALL = String.raw`(?:(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d+\.\d+|\d{9,}|\(\+ *\d+\.\d+\)|\[[^\]]*\]) +(?! ))*`
const PID = String.raw`(?:\[pid +(\d+)(?:<.*?>)?\] *(?! )|(\d{1,7})(?:<.*?>)? +(?! ))?`
const CALL = new RegExp(
  String.raw`^${PID} *(?! )${BEFORE_CALL}(?:<\.\.\. )?(fsync|fdatasync|msync|sync|syncfs|io_submit|${DESCRIPTOR_CALLS})(?:\(| resumed> ?)(.*)$`,
)
const ANY_PID = /^(?:\[pid +\d+|\d{1,7}(?:<.*?>)? +\S)/
/** The last `) = ` of a line: a name may hold one, what follows a result cannot. */
const RESULT = /^(.*)\)\s*= (0x[\da-f]+|-?\d+|\?)(.*)$/
/** What may follow the number: a descriptor's name, an error, remarks, the duration. */
const REST = /^(?:<.*>(?:\(deleted\))?)?(?: [^ (]+)?(?: ?[(/].*[)/])?(?: <\d+(?:\.\d+)?>| <unavailable>)?$/
const ONE_DESCRIPTOR = /^(?:fsync|fdatasync|syncfs)$/
const DESCRIPTOR = /^ *(?:fd=)?(?:-?\d+|0x[0-9a-f]+)(?:<.*>(?:\(deleted\))?)? *$/
/** Strings and names, which may hold anything. */
const QUOTED = /"(?:[^"\\]|\\.)*"|<[^>]*>/g
const FLUSH = /sync/

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

/** Adds to `cells` what one log holds; whether every line told its task. */
async function recountLog(source: Source, cells: Cells): Promise<boolean> {
  const own = /\.(\d+)(?:\.\w+)?$/.exec(basename(source.path))?.[1] ?? ''
  const log = new LogRecount()
  for await (const line of plainLines(source)) if (line !== '') log.add(line)
  // A file of a -ff set tells its task by its name alone.
  const isOneTask = log.withPid === 0 && own !== ''
  for (const { task, what, least, most } of log.found.values()) {
    const cell = cellOf(cells, isOneTask ? own : task, what)
    cell.least += least
    cell.most += most
  }
  return isOneTask || log.withPid === log.lines
}

class LogRecount {
  readonly found: Cells = new Map()
  lines = 0
  withPid = 0
  /** By pid: the call that it is in. */
  readonly #unfinished = new Map<string, Unfinished>()
  readonly #writes = new SyncWrites()
  /** Whose call the line before interrupted. */
  #last: string | null = null

  add(line: string): void {
    this.lines++
    if (ANY_PID.test(line)) this.withPid++
    const [, bracketed, bare, call, text] = CALL.exec(line) ?? []
    const last = this.#last
    const rest = last !== null && /^\)\s*= /.test(line) ? this.#unfinished.get(last) : undefined
    if (last !== null && rest) {
      // -z prints the rest of a call that another task's line interrupted without its name.
      this.#end(last, rest.call, rest.args + line)
      this.#unfinished.delete(last)
    }
    this.#last = null
    if (call === undefined) return
    const pid = bracketed ?? bare ?? ''
    const resumed = / resumed> ?/.test(line.slice(0, line.length - text.length))
    const before = this.#unfinished.get(pid)
    this.#unfinished.delete(pid)
    const whole = (resumed && before?.call === call ? before.args : '') + text
    const open = /^(.*?) ?<(?:unfinished|detached) \.\.\.>$/.exec(whole)
    // One descriptor is all that these have; of the rest of a call whose beginning is not there, nothing is known.
    if (!resumed && ONE_DESCRIPTOR.test(call) && !open && !DESCRIPTOR.test(RESULT.exec(whole)?.[1] ?? '')) return
    if (!open) return this.#end(pid, call, whole)
    this.#unfinished.set(pid, { call, args: open[1] })
    this.#last = pid
  }

  #end(pid: string, call: string, text: string): void {
    const [, args, result, rest] = RESULT.exec(text) ?? []
    // Two lines that became one are damage.
    if (result === undefined || !REST.test(rest) || args.replace(QUOTED, '').includes(') = ')) return
    if (result === '?' || /\(INJECTED(?:: args, retval)?\)/.test(rest)) return
    if (call === 'io_submit') {
      const isSyncWrite = (fd: string, flags: string): boolean | null => this.#writes.isSync(pid, fd, flags)
      for (const [name, sure] of submitted(args, Number(result), isSyncWrite)) this.#count(pid, name, sure)
    } else if (FLUSH.test(call)) {
      if (call === 'msync' && !isSync(args)) return
      this.#count(pid, result.startsWith('-') ? `${call} failed` : call, true)
    } else if (!result.startsWith('-')) {
      const sync = this.#writes.ended(pid, call, args, Number(result))
      if (sync !== false) this.#count(pid, 'syncWrite', sync === true)
    }
  }

  #count(pid: string, name: string, sure: boolean): void {
    const cell = cellOf(this.found, pid, name)
    cell.most++
    if (sure) cell.least++
  }
}

/** The flushes among the first `taken` control blocks; 2 and 3 are their numbers, before 4.22 they were called by words. */
function submitted(
  args: string,
  taken: number,
  isSyncWrite: (fd: string, flags: string) => boolean | null,
): [name: string, sure: boolean][] {
  const blocks = args.replace(/"(?:[^"\\]|\\.)*"/g, '').split(/\}(?=, \{|\])/)
  return blocks.slice(0, Math.max(0, taken)).flatMap((text): [string, boolean][] => {
    const opcode = /lio_opcode=(?:IOCB_CMD_)?(\w+)|, (f(?:d|data)?sync|pwritev?), fildes/i.exec(text)
    const name = (opcode?.[1] ?? opcode?.[2] ?? '').toLowerCase()
    if (name === 'fsync' || name === '0x2' || name === '2') return [['aioFsync', true]]
    if (name === 'fdsync' || name === '0x3' || name === '3') return [['aioFdsync', true]]
    if (!/^(?:pwritev?|0x[18]|[18])$/.test(name)) return []
    const sync = isSyncWrite(/fildes=(\d+)/.exec(text)?.[1] ?? '', text)
    return sync === false ? [] : [['syncWrite', sync === true]]
  })
}

/** MS_SYNC is 4. */
function isSync(args: string): boolean {
  const flags = args.slice(args.lastIndexOf(',') + 1)
  const raw = Number.parseInt(/^ *(?:flags=)?(0x[\da-f]+|\d+)/.exec(flags)?.[1] ?? '0')
  return /MS_SYNC/.test(flags) || (raw & 4) !== 0
}
