/**
 * The head of a line of ftrace, trace-cmd report or perf script:
 *
 *              ldap(3)-7813    [001] .....  3706.776280: block_bio_queue: 7,0 WS 26704 + 24 [ldap(3)]        ftrace
 *               <idle>-0       [003] d.h2.   102.123456: block_rq_complete: 8,0 WS () 2048 + 8 none,0,0 [0]
 *     kworker/u8:2-15424 [001]  3823.064610: ext4_sync_file_enter: dev 254,0 ino 2146307 …              trace-cmd
 *              postgres  4711 [002]  1021.334455: block:block_rq_issue: 8,0 WS 4096 () 2048 + 8 [postgres]    perf
 *         npm exec oclif-4711  ( 4700) [002] ....  1021.334455: block_plug: [npm exec oclif]      record-tgid
 *               dd-1234  [000] d..1  10.000001:   8,32   A   R 2048 + 8 <- (253,1) 0              blk tracer
 *       dd-1234     0d..1. 11413us+: block_bio_queue: 7,0 WS 18050 + 80 [dd]       latency-format; trace-cmd report -l
 *
 * A name may hold anything but a newline (blanks, dashes, brackets), or nothing: the id is the last number before the CPU.
 * Flags are 4 to 6 characters, none in old kernels. In the latency format they follow the CPU's number, the name is cut, and
 * a mark behind µs since the start tells how long the next event took. A time without a fraction is a counter (trace_clock
 * counter, x86-tsc, uptime): no unit is known.
 * Printed by torvalds/linux kernel/trace/trace_output.c, rostedt/trace-cmd, tools/perf/builtin-script.c.
 */
export interface TracefsHead {
  comm: string
  tid: number
  /** -1: not printed. */
  cpu: number
  seconds: number
  /** NaN: the time is a counter. */
  nanos: number
  /** The time counts from the recording's own start, not from boot. */
  relative: boolean
  /** What the time lacks below its last digit, in the middle. */
  cutNs: number
  /** perf script's layout, whose times may count from elsewhere: perf-times.ts. */
  perf: boolean
  /** Where the event begins. */
  body: string
}

const FTRACE = /^\s*(\S.*?|)-(\d+)\s+(?:\([\d\s-]+\)\s+)?\[(\d+)\]\s+(?:([^\s:]{4,6})\s+)?(\d+)(?:\.(\d{1,9}))?:\s+/s
const LATENCY = /^\s*(\S.*?|)-(\d+)\s+(\d+)(?!\d)(\S{4,6})\s+(\d+)(?:\.(\d{1,9})|us[ !+#*@$]?): +/s
// The name ends where blanks begin: trying each blank of a run as its end would take the square of the run.
const PERF = /^\s*(?:(\S(?:.*?\S)??)\s+)?(?:\d+\/)?(\d+)\s+(?:\[(\d+)\]\s+)?()(\d+)(?:\.(\d{1,9}))?:\s+(?:\d+\s+)?/s

/** What perf script calls a task that was gone when the event came: `:-1    -1 [001]`. */
const GONE = /^\s*:-1\s+-1(?=\s)/

/** null where the line has no such head. */
export function parseTracefsHead(printed: string): TracefsHead | null {
  const line = printed.replace(GONE, '<...> 0')
  const other = FTRACE.exec(line) ?? LATENCY.exec(line)
  const match = other ?? PERF.exec(line)
  if (!match) return null
  return {
    perf: other === null,
    comm: match[1] ?? '',
    tid: Number(match[2]),
    cpu: match[3] === undefined ? -1 : Number(match[3]),
    ...timeOf(match[5], match[6], /us.?: +$/.test(match[0])),
    body: line.slice(match[0].length),
  }
}

function timeOf(whole: string, fraction: string | undefined, micros: boolean): Time {
  const value = Number(whole)
  if (micros) return { seconds: Math.floor(value / 1e6), nanos: (value % 1e6) * 1000, cutNs: 500, relative: true }
  const nanos = fraction === undefined ? NaN : Number(fraction.padEnd(9, '0'))
  const cutNs = fraction === undefined || fraction.length >= 9 ? 0 : 10 ** (9 - fraction.length) / 2
  return { seconds: value, nanos, cutNs, relative: false }
}
type Time = Pick<TracefsHead, 'seconds' | 'nanos' | 'cutNs' | 'relative'>

/** `CPU:3 [LOST 123 EVENTS]`, `CPU:3 [123 EVENTS DROPPED]`, `# entries-in-buffer/entries-written: 100/350   #P:2`. */
export function lostEvents(line: string): { events: number; cpu: number | null } {
  const lost = /^CPU:?\s*(\d+):? \[?(?:LOST )?(\d+) EVENTS(?: DROPPED)?\]?/.exec(line)
  if (lost) return { events: Number(lost[2]), cpu: Number(lost[1]) }
  const buffer = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(line)
  return { events: buffer ? Math.max(0, Number(buffer[2]) - Number(buffer[1])) : 0, cpu: null }
}
