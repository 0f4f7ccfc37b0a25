/**
 * Which clock ftrace's times are of, saved beside its text: `cat /sys/kernel/tracing/trace_clock > trace_clock.txt`. The
 * text itself does not tell.
 *
 *     local global counter uptime perf [mono] mono_raw boot tai x86-tsc
 *
 * Source: kernel/trace/trace.c trace_clocks[], tracing_clock_show().
 */
import { dirname } from 'node:path'
import type { Findings } from './findings.ts'
import type { SideFile } from './side-file.ts'

const LIST = /^(?=.*\blocal\b)(?=.*\bmono\b)(?:[\w-]+ )*\[([\w-]+)\](?: [\w-]+)*$/

/** Whether it is what `cat trace_clock` prints. */
export function sniffTraceClock(text: string): boolean {
  return LIST.test(text.trim())
}

/** The clock of the traces in the same folder. */
export function readTraceClock(file: SideFile, findings: Findings): Promise<void> {
  return file.eachLine((line) => {
    const clock = LIST.exec(line)
    if (!clock) return 'note'
    findings.traceClocks.set(dirname(file.path), clock[1])
    return 'used'
  })
}
