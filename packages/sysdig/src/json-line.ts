/**
 * A line of `sysdig -j` → PrintedEvents. Keys are the fields of the format, in alphabetical order:
 *
 *     {"evt.cpu":1,"evt.dir":">","evt.info":"","evt.num":2182,"evt.outputtime":1481211698416541555,"evt.type":"fsync",
 *      "proc.name":"etcd","thread.tid":5721}
 *     [{"evt.cpu":0,…},            releases of 2016: one array over all lines, sometimes without its end
 *     {"evt.cpu":0,…},{"evt.cpu":1,…}]
 *
 * Format: falcosecurity/libs sinsp_evt_formatter, draios/sysdig userspace/sysdig/sysdig.cpp.
 * Times are integers above 2^53: their digits are taken from the text, before a double rounds them.
 */
import { emptyEvent, setField, type PrintedEvent } from './printed-event.ts'

/** Integers that a double can't hold; inside a string the same digits are quoted once more, which harms nothing. */
const LONG_TIME = /("evt\.(?:outputtime|rawtime|datetime|time(?:\.iso8601)?)"\s*:\s*)(\d{16,20})/g

const BEGIN = /^\[?[,\s]*/
/** A run is tried from its beginning only. */
const END = /(?<![,\s])(?:[,\s]+|[,\s]*\][,\s]*)$/

/** null: not a whole line of JSON. */
export function parseJsonLine(line: string): PrintedEvent[] | null {
  // Some lines of an array, or all of it: what begins and ends it, and stands between its lines, goes.
  const text = line.trim().replace(BEGIN, '').replace(END, '')
  let items: unknown[]
  try {
    items = JSON.parse(`[${text.replace(LONG_TIME, '$1"$2"')}]`) as unknown[]
  } catch {
    return null
  }
  const events: PrintedEvent[] = []
  for (const item of items) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return null
    const event = emptyEvent()
    for (const [field, content] of Object.entries(item)) {
      if (typeof content === 'string') setField(event, field, content)
      else if (typeof content === 'number' && field !== 'evt.type') setField(event, field, String(content))
    }
    if (event.type === '') return null
    events.push(event)
  }
  return events
}
