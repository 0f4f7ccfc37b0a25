/** What can be wrong with, or missing from, strace text. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const STRACE = {
  damaged: {
    code: 'strace/damaged-line',
    severity: 'error',
    message: 'Some lines start like a system call but cannot be read to their end (first: {}).',
    fix: 'check whether the log was cut, or mixed with other output; record with -o FILE',
  },
  cut: {
    code: 'strace/cut-last-line',
    severity: 'loss',
    message: 'The last line is cut in the middle: {}.',
    fix: 'stop strace with SIGINT, and copy the log after it has ended',
  },
  lostStart: {
    code: 'strace/lost-start',
    severity: 'loss',
    message: 'Some calls end in this log but begin before it (first: {}): their arguments are lost.',
    fix: 'keep the log from its first line; calls in flight when strace attaches always look like this',
  },
  inFlight: {
    code: 'strace/in-flight',
    severity: 'info',
    message: 'Some calls had not ended when the trace did (first: {}); they are not counted.',
    fix: 'nothing: the log ends while they were waiting',
  },
  detached: {
    code: 'strace/detached',
    severity: 'loss',
    message: 'The tracer left some tasks in {}: what the programs did that they began is not in the log.',
    fix: 'record without -b (--detach-on)',
  },
  noResult: {
    code: 'strace/no-result',
    severity: 'info',
    message: 'Some calls of interest have no result because their task was killed or replaced (first: {}).',
    fix: 'nothing: they are not counted as flushes',
  },
  foreign: {
    code: 'strace/foreign-lines',
    severity: 'info',
    note: true,
    message: "Some lines are not strace's (program output or notes; first: {}); they are skipped.",
    fix: 'record with -o FILE to keep the program’s own output apart',
  },
  backwards: {
    code: 'strace/time-backwards',
    severity: 'info',
    message: 'The clock steps backwards in this log.',
    fix: 'the wall clock was set while tracing, or -z, -Z or -e status= held lines back until their calls ended; durations are not touched by it',
  },
  longLine: {
    code: 'strace/long-line',
    severity: 'error',
    message: 'A line is longer than 8 MiB (MAX_SQUEEZED) also without its strings, and no system call; it is skipped.',
    fix: 'record with -s 0 or a smaller -s, or look whether the file holds other data; the limit is fixed',
  },
  summaryDiffers: {
    code: 'strace/summary-differs',
    severity: 'error',
    message: 'The table at the end of the log counts other calls than its lines do: {}.',
    fix: 'part of the log may be missing; was it appended to, cut or filtered afterwards?',
  },
  statusFilter: {
    code: 'strace/status-filter',
    severity: 'loss',
    message: 'The log shows calls of one outcome only (-z or -Z), its table counts all: {}.',
    fix: 'record without -z, -Z and -e status= to see the others',
  },
  onlyFailed: {
    code: 'strace/only-failed',
    severity: 'loss',
    message: 'All {} calls of the log failed: one recorded with -Z or -e status=failed hides those that succeeded.',
    fix: 'record without -Z and -e status= to see them',
  },
  hiddenCalls: {
    code: 'strace/hidden-calls',
    severity: 'loss',
    message:
      'The log seems filtered (by -P or -e): {} tasks exited, none by a call that it shows. What it lacks was not seen, not absent.',
    fix: 'record without -P and -e, or with -e trace=%desc,%file,%memory,%process,sync,io_submit,io_getevents,unshare,close_range',
  },
  tooManyNames: {
    code: 'strace/too-many-names',
    severity: 'loss',
    message:
      'More than 4,096 different names of calls (MAX_NAMES), which no kernel has; the rest is not counted by name.',
    fix: 'check that the file is an strace log; the limit is fixed',
  },
  tooManyPending: {
    code: 'strace/too-many-tasks',
    severity: 'loss',
    message: 'More than 262,144 tasks (MAX_TASKS) wait in a call at once; the oldest are forgotten.',
    fix: 'check that the file is an strace log; the limit is fixed',
  },
} as const satisfies Record<string, DiagnosticKind>
