/**
 * The tables of counts at the end of blkparse's text, and those of `btrace -s`, `blkparse -s` by process:
 *
 *     CPU0 (loop0):
 *      Reads Queued:           0,        0KiB	 Writes Queued:          36,      124KiB
 *      Reads Requeued:         0		 Writes Requeued:         0
 *      Read depth:             1        	 Write depth:            18
 *     jbd2/loop0p1-8 (11475)
 *      Dispatch wait:          0        	 Dispatch wait:    18446620929421236
 *     Events (loop0): 2,115 entries
 *
 * Numbers have the locale's thousands separator (comma, dot, apostrophe, blanks of several widths), so only digits
 * count. Sizes step by 1000 through K, M, G, P once they pass 1,000,000; T is left out. Counters can run below 0.
 * What reads count includes the flush requests sent to the device, and completions stand with whoever ran on the CPU.
 * Printed by sdsc/blktrace blkparse.c dump_io_stats(), dump_wait_stats(), show_device_and_cpu_stats().
 */
export interface Amount {
  count: number | null
  bytes: number | null
}

/** One direction of a table. null: printed below 0, or not printed. */
export interface SummarySide {
  queued: Amount
  dispatched: Amount
  completed: Amount
  merged: Amount
  requeued: number | null
  depth: number | null
  allocationWaitNs: number | null
  dispatchWaitNs: number | null
  completionWaitNs: number | null
}

export interface SummaryTable {
  kind: 'cpu' | 'total' | 'process'
  /** The device's name, as the files were called; of a process table its name. */
  name: string
  cpu: number | null
  pid: number | null
  /** `(1234, ...)`: several tasks of this name. */
  several: boolean
  reads: SummarySide
  writes: SummarySide
  unplugs: number | null
  timerUnplugs: number | null
}

/** Bytes of one unit: the first step counts KiB, the next ones thousands of it. */
const UNITS: Readonly<Record<string, number>> = { K: 1024, M: 1024e3, G: 1024e6, P: 1024e9 }
const COUNTS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9, P: 1e12 }

export class SummaryReader {
  readonly tables: SummaryTable[] = []
  /** `Events (name): N entries`. */
  readonly events: { name: string; entries: number }[] = []
  /** `Trace started at …`, blkparse 1.3: local time of the machine that printed it. */
  started: string | null = null
  #table: SummaryTable | null = null

  /** Takes the line if it belongs to a table. */
  line(text: string): boolean {
    if (text.startsWith(' ')) return this.#table !== null && this.#counts(this.#table, text)
    // Counts below a head that cannot be read belong to no table, least of all to the one before.
    if (text !== '') this.#table = null
    const head = /^(?:CPU(\d+)|Total) \((.*)\):$/.exec(text)
    if (head) {
      this.#begin(
        head[1] === undefined ? 'total' : 'cpu',
        head[2],
        head[1] === undefined ? null : small(head[1]),
        null,
        false,
      )
      return true
    }
    if (text.startsWith('Throughput (R/W): ') || /^Skips: .* forward /.test(text)) return true
    const events = /^Events \((.*)\): (.*) entries$/.exec(text)
    if (events) {
      this.events.push({ name: events[1], entries: digits(events[2]) ?? 0 })
      return true
    }
    const started = /^Trace started at (.+)$/.exec(text)
    if (started) this.started = started[1].trim()
    if (started) return true
    const process = /^(.{1,64}) \((\d+)(, \.\.\.)?\)$/s.exec(text)
    if (!process) return false
    this.#begin('process', process[1], null, small(process[2]), process[3] !== undefined)
    return true
  }

  #begin(kind: SummaryTable['kind'], name: string, cpu: number | null, pid: number | null, several: boolean): void {
    this.#table = {
      kind,
      name,
      cpu,
      pid,
      several,
      reads: emptySide(),
      writes: emptySide(),
      unplugs: null,
      timerUnplugs: null,
    }
    this.tables.push(this.#table)
  }

  #counts(table: SummaryTable, text: string): boolean {
    const halves = text.split('\t').filter((half) => half.trim() !== '')
    let taken = 0
    for (const [k, half] of halves.entries()) {
      const match = /^\s*((?:PC )?[A-Za-z]+ [a-zA-Z]+):\s*(.*?)\s*$/.exec(half)
      if (match && take(table, match[1], match[2], k === 0)) taken++
    }
    return taken > 0
  }
}

function take(table: SummaryTable, label: string, value: string, first: boolean): boolean {
  const side = first ? table.reads : table.writes
  switch (label) {
    case 'Reads Queued':
    case 'Writes Queued':
      side.queued = amount(value)
      return true
    case 'Read Dispatches':
    case 'Write Dispatches':
      side.dispatched = amount(value)
      return true
    case 'Reads Completed':
    case 'Writes Completed':
      side.completed = amount(value)
      return true
    case 'Read Merges':
    case 'Write Merges':
      side.merged = amount(value)
      return true
    case 'Reads Requeued':
    case 'Writes Requeued':
      side.requeued = amount(value).count
      return true
    case 'Read depth':
    case 'Write depth':
      side.depth = digits(value)
      return true
    case 'Allocation wait':
      side.allocationWaitNs = micros(value)
      return true
    case 'Dispatch wait':
      side.dispatchWaitNs = micros(value)
      return true
    case 'Completion wait':
      side.completionWaitNs = micros(value)
      return true
    case 'IO unplugs':
      table.unplugs = digits(value)
      return true
    case 'Timer unplugs':
      table.timerUnplugs = digits(value)
      return true
    default:
      // Passthrough lines are optional and repeat the others for SCSI commands.
      return label.startsWith('PC ')
  }
}

/** `1,303,     7508KiB`, `12K,    1,204MiB`, or a count alone. */
function amount(value: string): Amount {
  const both = /^(.*?)([KMGP]?),\s+(\S.*?)\s*([KMGP]?)iB$/u.exec(value)
  if (!both) {
    const alone = /^(.*?)([KMGP]?)$/u.exec(value)
    return { count: alone ? scaled(alone[1], COUNTS[alone[2]] ?? 1) : null, bytes: null }
  }
  return {
    count: scaled(both[1], COUNTS[both[2]] ?? 1),
    bytes: scaled(both[3], UNITS[both[4]] ?? 1),
  }
}

function scaled(text: string, unit: number): number | null {
  const value = digits(text)
  // A counter below 0 is printed as if unsigned, then cut by 1000s: 18446744073P.
  return value === null || value * unit >= Number.MAX_SAFE_INTEGER ? null : value * unit
}

function digits(text: string): number | null {
  const only = text.replace(/\D/g, '')
  const value = Number(only)
  return only === '' || value > Number.MAX_SAFE_INTEGER ? null : value
}

/** Longest waits, µs; one that began before the trace is nonsense: half the age of the universe in µs is 10^17. */
function micros(text: string): number | null {
  const value = digits(text)
  return value === null || value > 1e12 ? null : value * 1000
}

function emptySide(): SummarySide {
  const none = (): Amount => ({ count: null, bytes: null })
  return {
    queued: none(),
    dispatched: none(),
    completed: none(),
    merged: none(),
    requeued: null,
    depth: null,
    allocationWaitNs: null,
    dispatchWaitNs: null,
    completionWaitNs: null,
  }
}

/** A pid or a CPU; null where no system has one so large (PID_MAX_LIMIT). */
function small(text: string): number | null {
  const value = Number(text)
  return value <= 1 << 22 ? value : null
}
