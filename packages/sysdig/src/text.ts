/** What sysdig prints, as text in its own or a user's format, or as JSON → batches of calls. */
import {
  LineFeed,
  decodeUtf8,
  latin1,
  type CallBatch,
  type Diagnostics,
  type LineSink,
  type Source,
} from '@flushtrace/trace'
import { SYSDIG } from './diagnostics.ts'
import { parseJsonLine } from './json-line.ts'
import { emptyEvent, type PrintedEvent } from './printed-event.ts'
import { PrintedRows } from './printed-rows.ts'
import { timeModeOf } from './printed-time.ts'
import { readingOf, type SysdigReading } from './reading.ts'
import { SpreadEvent } from './spread-event.ts'
import { parseFormat, parseLine, plainLine } from './text-line.ts'

/** Buffers printed with -v or a large snaplen stand on one line; nothing that is longer is an event. */
const MAX_LINE = 1 << 22
/** A damaged or foreign line is shown up to here. */
const SHOWN = 80
/** Lines of the head that tell what the times mean. */
const SAMPLE = 200
const SAMPLE_BYTES = 1 << 16

/** The events of one line; null when it is damaged, none when it is no event. */
type LineParser = (line: string) => PrintedEvent[] | null

export interface SysdigTextOptions {
  /** The format that was given to sysdig -p. */
  readonly format?: string
}

/** Reads sysdig's text: the default formats, or the one given in `options`. */
export function readSysdigText(
  source: Source,
  diagnostics: Diagnostics,
  options: SysdigTextOptions = {},
): SysdigReading {
  const format = options.format === undefined ? null : parseFormat(options.format)
  const directed = format === null || format.fields.includes('evt.dir')
  if (format?.strict) diagnostics.add(SYSDIG.strictFormat, { source: source.path })
  if (!directed) diagnostics.add(SYSDIG.noDirection, { source: source.path })
  return readLines(source, diagnostics, directed, (line) => {
    const event = emptyEvent()
    const plain = plainLine(line)
    return (format ? format.parse(plain, event) : parseLine(plain, event)) ? [event] : []
  })
}

/** Reads the output of `sysdig -j`. */
export function readSysdigJson(source: Source, diagnostics: Diagnostics): SysdigReading {
  const sample = sampleOf(source.head, parseJsonLine)
  const directed = sample.length === 0 || sample.some(({ direction }) => direction !== '')
  if (!directed) diagnostics.add(SYSDIG.noDirection, { source: source.path })
  return readLines(source, diagnostics, directed, parseJsonLine)
}

function readLines(source: Source, diagnostics: Diagnostics, directed: boolean, parse: LineParser): SysdigReading {
  const printed = new PrintedRows(source.path, diagnostics, timeModeOf(sampleOf(source.head, parse)))
  const { facts, rows } = printed
  /** To be taken. Of JSON an array may hold all events of a source in one line. */
  let events: { event: PrintedEvent; record: number }[] = []
  let spread: SpreadEvent | null = null
  let number = 0
  const sink: LineSink = {
    get full() {
      return events.length > 0
    },
    line(buf, start, end, whole) {
      number++
      facts.records++
      const place = { source: source.path, record: number }
      const text = decodeUtf8(buf, start, end)
      const found = parse(text)
      const shown = (): string => JSON.stringify(text.slice(0, SHOWN))
      if (found === null) {
        facts.damaged++
        diagnostics.add(whole ? SYSDIG.damagedLine : SYSDIG.cutLine, place, shown())
      } else if (found.length > 0) {
        if (spread) events.push(spread)
        spread = null
        for (const event of found) {
          spread =
            found.length === 1 && event.info.endsWith('=')
              ? SpreadEvent.of(event, number, printed.showsEnters(event.type))
              : null
          if (!spread) events.push({ event, record: number })
        }
        facts.records += found.length - 1
      } else {
        spread?.line(plainLine(text))
        facts.foreign++
        if (plainLine(text).trim() !== '') diagnostics.add(whole ? SYSDIG.foreign : SYSDIG.cutLine, place, shown())
      }
    },
    longLine() {
      number++
      facts.records++
      facts.damaged++
      diagnostics.add(SYSDIG.longLine, { source: source.path, record: number })
    },
  }
  function* take(): Generator<CallBatch> {
    for (const { event, record } of events) {
      if (rows.crowded) {
        printed.stampBatch()
        yield printed.batch
        rows.recycle()
      }
      printed.onEvent(event, record)
    }
    events = []
  }
  async function* batches(): AsyncGenerator<CallBatch> {
    for await (const _ of new LineFeed(sink, MAX_LINE).fill(source)) yield* take()
    if (spread) events.push(spread)
    yield* take()
    printed.end(directed)
    printed.stampBatch()
    if (printed.batch.length > 0) yield printed.batch
  }
  return readingOf(batches(), { facts, processes: printed.processes, containers: printed.containers })
}

/** The events at the beginning of a source; its last line may be cut. */
function sampleOf(head: Uint8Array, parse: LineParser): PrintedEvent[] {
  return linesOf(head.subarray(0, SAMPLE_BYTES)).flatMap((line) => parse(line) ?? [])
}

/** -x: `\t0x0010: 7465 7374 3200`, -X with the characters behind it. */
const HEX_DUMP = /^\t0x[0-9a-f]{4}:/

/** The first lines, without dumps. */
function linesOf(head: Uint8Array): string[] {
  const lines = latin1(head, 0, head.length).split('\n')
  return lines.filter((line) => !HEX_DUMP.test(line)).slice(0, SAMPLE)
}

/** `head`: the first bytes of text as sysdig prints it by default. */
export function sniffSysdigText(head: Uint8Array): 'sysdig-text' | null {
  const lines = linesOf(head)
  const events = lines.filter((line) => parseLine(plainLine(line), emptyEvent())).length
  // With -A an event is followed by many lines of its buffer; one quoted line does not make a log.
  return events >= 20 || (events > 0 && events >= lines.length / 10) ? 'sysdig-text' : null
}

/** `head`: the first bytes of what sysdig -j or -pj prints. */
export function sniffSysdigJson(head: Uint8Array): 'sysdig-json' | null {
  const lines = latin1(head, 0, head.length).split('\n', SAMPLE)
  const events = lines.filter((line) => /^[[,]?\s*\{.*"evt\.type"\s*:/.test(line)).length
  return events > 0 && events >= lines.length / 2 - 1 ? 'sysdig-json' : null
}
