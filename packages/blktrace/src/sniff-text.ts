/** What a text is, from its first lines; never by its name. */
import { BlockBatch, StringTable, decodeUtf8, encodeUtf8 } from '@flushtrace/trace'
import { BlkparseLine } from './blkparse-line.ts'
import { isBlockEvent } from './block-events.ts'
import { compileFormat } from './format.ts'
import { isInodeEvent } from './inode-events.ts'
import { SummaryReader } from './summary.ts'
import { parseTracefsHead } from './tracefs-line.ts'

/** Enough to get past headers and what a terminal log begins with. */
const LINES = 2000
/** So many tracepoints of other kinds are no accident. */
const OTHER_EVENTS = 64

/** blkparse or btrace text (with `format`: of that -f format), or tables without events. */
export function sniffBlkparse(head: Uint8Array, format: string | null = null): 'blkparse' | 'btrace-summary' | null {
  const custom = format === null ? null : compileFormat(format)
  const line = new BlkparseLine()
  const summary = new SummaryReader()
  const batch = new BlockBatch(new StringTable(), 2)
  let table = false
  for (const { start, end } of lines(head)) {
    batch.length = 0
    if (custom?.parse(decodeUtf8(head, start, end), batch, 0)) return 'blkparse'
    const kind = line.parse(head, start, end, batch, 0)
    if (kind === 'event' || kind === 'message') return 'blkparse'
    if (kind !== 'other') continue
    summary.line(decodeUtf8(head, start, end))
    // `comm (pid)` alone is nobody's mark; the counts under it are.
    table ||= summary.tables.some(({ reads }) => reads.queued.count !== null)
  }
  return table ? 'btrace-summary' : null
}

/**
 * Block events, or events that name inodes, as printed by ftrace, trace-cmd report or perf script; or tracepoints of
 * other kinds, or perf's own records (--show-mmap-events), one after the other, which ours may follow far behind.
 */
export function sniffTracefs(head: Uint8Array): 'tracefs' | null {
  let others = 0
  for (const { start, end } of lines(head)) {
    const text = decodeUtf8(head, start, Math.min(end, start + 512))
    if (/^# tracer: \S/.test(text)) return 'tracefs'
    if (/^#\s+DEV\s+CPU TIMESTAMP\s+PID ACT FLG/.test(text)) return 'tracefs'
    const parsed = parseTracefsHead(text)
    if (!parsed) continue
    const event = /^(?:(?:\w+:)?([a-z]\w*_\w+): |PERF_RECORD_[A-Z])/.exec(parsed.body)
    const name = event?.[1] ?? ''
    if (event ? isBlockEvent(name) || isInodeEvent(name) : isBlkTracer(parsed.body)) return 'tracefs'
    if (event && ++others === OTHER_EVENTS) return 'tracefs'
  }
  return null
}

function isBlkTracer(body: string): boolean {
  const device = /^\s*\d+,\d+\s+/.exec(body)
  if (!device) return false
  const bytes = encodeUtf8(body)
  const line = new BlkparseLine()
  line.from(bytes, device[0].length, bytes.length)
  return line.body(0, 0, 0, new BlockBatch(new StringTable(), 2), 0) === 'event'
}

/** The first lines, without the last one where it goes on beyond the head. */
function* lines(head: Uint8Array): Generator<{ start: number; end: number }> {
  let start = 0
  for (let count = 0; count < LINES && start < head.length; count++) {
    let end = head.indexOf(0x0a, start)
    if (end < 0) end = head.length
    const trimmed = end > start && head[end - 1] === 0x0d ? end - 1 : end
    if (trimmed > start && trimmed - start < 4096) yield { start, end: trimmed }
    start = end + 1
  }
}
