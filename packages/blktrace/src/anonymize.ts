/** Lines of blkparse, btrace, ftrace, trace-cmd and perf with other names of tasks. One char per byte. */
import { blank, type Renamer } from '@flushtrace/trace'
import { isBlockEvent } from './block-events.ts'
import { isInodeEvent } from './inode-events.ts'
import { parseTracefsHead } from './tracefs-line.ts'

/** `  7,0    0        1     0.000000000   519  Q  WS 0 + 8 [dd]`: what follows the pid. */
const EVENT = /^(\s*\d+,\d+\s+\d+\s+-?\d+\s+\d+\.\d+\s+\d+\s+)([A-Z]{1,2}\s.*|m\s.*)$/s
const MESSAGE = /^(m\s+N\s+)(.*)$/s
/** `dd (519)`; `CPU0 (loop0):` and totals name devices. */
const PROCESS_TABLE = /^(\S.*?)( \((?:\d+|\d+, \.\.\.)\))$/s
const TABLE =
  /^(?: [A-Z].*[:\d]|(?:CPU\d+|Total) \(|Events \(|Throughput|Skips:|\s*(?:CPU|Total)\s|You have|=== |Trace started|$)/
const INPUT_FILE = /^(Input file )(.*)( added)$/s
/** What ftrace and trace-cmd print around events; other comments (perf's host name, its command) are blanked. */
const FRAME =
  /^(?:# tracer: |#[^A-Za-z]*(?:$|(?:entries-in|irqs-off|need-resched|hardirq|preempt|migrate|delay|TASK|DEV|\|)\b)|CPU|cpus=|version)/

/** A line of blkparse or btrace; one of no known shape is blanked. */
export function anonymizeBlkparse(line: string, renamer: Renamer): string {
  const event = EVENT.exec(line)
  if (event) return event[1] + action(event[2], renamer)
  const process = PROCESS_TABLE.exec(line)
  if (process && !/^(?:CPU\d+|Total)$/.test(process[1])) return renamer.task(process[1]) + process[2]
  const input = INPUT_FILE.exec(line)
  if (input) return input[1] + renamer.text(input[2]) + input[3]
  return TABLE.test(line) ? line : blank(line)
}

/** `Q  WS 0 + 8 [dd]`, `C  WS 0 + 8 [0]`, `m   N free text`; a line that was cut has no `]`. */
function action(text: string, renamer: Renamer): string {
  const message = MESSAGE.exec(text)
  if (message) return message[1] + renamer.text(message[2])
  return text.replace(/\[(.*?)(\][\s\d]*)?$/s, (whole, comm: string, after = '') =>
    /^-?\d*$/.test(comm) ? whole : `[${renamer.task(comm)}${after}`,
  )
}

/** A line of ftrace, trace-cmd or perf; the body of an event of no known kind is blanked. */
export function anonymizeTracefs(line: string, renamer: Renamer): string {
  const head = parseTracefsHead(line)
  if (!head) return FRAME.test(line) ? line : blank(line)
  const at = line.search(/\S/)
  const before = line.slice(0, at) + renamer.task(head.comm) + line.slice(at + head.comm.length, -head.body.length)
  const event = /^(?:\w+:)?(\w+): /.exec(head.body)
  if (!event) return before + action(head.body, renamer)
  if (isInodeEvent(event[1])) return before + head.body
  if (isBlockEvent(event[1])) return before + action(head.body, renamer)
  return before + event[0] + blank(head.body.slice(event[0].length))
}
