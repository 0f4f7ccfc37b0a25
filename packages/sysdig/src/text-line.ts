/**
 * A line of sysdig's own text formats → PrintedEvent.
 *
 *     2182 15:41:38.416541555 1 etcd (5721) > fsync
 *     960 17:35:48.518644032 0 curl (17497) < pipe res=0 fd1=4(<p>) fd2=5(<p>) ino=38688
 *     905 19:43:36.576931575 0 runc:[1:CHILD] (10310) > capget
 *     76 10:03:11.118211301 2 curl (3343.5721) < close res=0                          on a terminal: pid.tid
 *     3 15:14:22.753937218 3 <NA> (<NA>.0) > switch next=2987(sysdig)                  the same, of no process
 *     33 11:09:31.881023133 1 web (3ad7b26ded6d) nginx (120512:17) > read fd=8        -pc: container, tid:vtid
 *
 * Format: draios/sysdig userspace/sysdig/sysdig.cpp (output formats), falcosecurity/libs sinsp_evt_formatter.
 * The name of a program may hold blanks and brackets; the first ` (number) < ` ends it, so that what a traced program
 * writes to its terminal can't pass for another event. Refused: everything else (buffers of -A and -x, notes, tables).
 */
import { withoutColour } from '@flushtrace/trace'
import { setField, type PrintedEvent } from './printed-event.ts'

export const HEAD =
  /^(\d+) (\S+) (\d+) (.*?) \((?:<NA>\.)?(\d+)(?:\.(\d+))?(?::(?:-?\d+|<NA>))?\) ([<>]) (\S+)(?: (.*))?$/s
export const IN_CONTAINER = /^(.*) \((host|<NA>|[0-9a-f]{12}|)\) (.*)$/s

/** Without colours, and without the carriage return at the end, as in the record of a terminal. */
export function plainLine(line: string): string {
  const plain = withoutColour(line)
  return plain.endsWith('\r') ? plain.slice(0, -1) : plain
}

/** Fills `event`; false when the line is none. */
export function parseLine(line: string, event: PrintedEvent): boolean {
  const match = HEAD.exec(line)
  if (!match) return false
  const [, , time, , comm, first, second, direction, type, info] = match
  // `(tid)`, or `(pid.tid)`.
  event.tid = Number(second ?? first)
  event.pid = second === undefined ? 0 : Number(first)
  const container = IN_CONTAINER.exec(comm)
  if (container) {
    event.container = container[2]
    event.comm = container[3]
  } else event.comm = comm
  if (event.comm === '<NA>') event.comm = null
  event.direction = direction === '<' ? '<' : '>'
  event.type = type
  event.info = info ?? ''
  setField(event, 'evt.outputtime', time)
  return true
}

/** A format given with sysdig -p, as a parser of its lines. */
export interface LineFormat {
  /** Fields in their order. */
  readonly fields: readonly string[]
  /** Without a leading `*` sysdig leaves out events that lack a field. */
  readonly strict: boolean
  parse(line: string, event: PrintedEvent): boolean
}

const NUMBER = '-?\\d+|<NA>'
// Not all that is no blank: what stands between two fields may be a comma.
const TYPE = '\\w+|<\\w+>'
const TIME = '[\\d:.]+'
const PATTERNS: Readonly<Record<string, string>> = {
  'evt.num': NUMBER,
  'evt.cpu': NUMBER,
  'evt.rawtime': NUMBER,
  'evt.reltime': NUMBER,
  'evt.latency': NUMBER,
  'evt.dir': '[<>]',
  'evt.type': TYPE,
  'syscall.type': TYPE,
  'evt.outputtime': TIME,
  'evt.time': TIME,
  'evt.time.iso8601': '[\\dT:.+Z-]+',
  'evt.datetime': `\\d+-\\d+-\\d+ ${TIME}`,
  'thread.tid': NUMBER,
  'thread.vtid': NUMBER,
  'proc.pid': NUMBER,
  'proc.vpid': NUMBER,
  'proc.ppid': NUMBER,
  'fd.num': NUMBER,
  'evt.info': '.*',
  'evt.args': '.*',
}

/** null: the text names no field. */
export function parseFormat(format: string): LineFormat | null {
  const strict = !format.startsWith('*')
  const fields: string[] = []
  let pattern = '^'
  let at = 0
  const text = strict ? format : format.slice(1)
  for (const match of text.matchAll(/%(\d+)?([a-z_]+(?:\.[a-z_0-9]+)+(?:\[[^\]]*\])?)/gi)) {
    pattern += escape(text.slice(at, match.index))
    // A width pads with blanks, and cuts.
    const padding = match[1] === undefined ? '' : ' *'
    pattern += `(${PATTERNS[match[2]] ?? '.*?'})${padding}`
    fields.push(match[2])
    at = match.index + match[0].length
  }
  if (fields.length === 0) return null
  // sysdig cuts blanks at the end of a line; so do editors.
  pattern += `${escape(text.slice(at).trimEnd())}\\s*$`
  const line = new RegExp(pattern, 's')
  return {
    fields,
    strict,
    parse: (printed, event) => {
      const match = line.exec(printed)
      if (!match) return false
      fields.forEach((field, k) => setField(event, field, match[k + 1].trim()))
      return event.type !== ''
    },
  }
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
