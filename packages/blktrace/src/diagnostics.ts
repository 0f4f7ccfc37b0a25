/** What can be wrong with, or missing from, a block trace. */
import type { DiagnosticKind } from '@flushtrace/trace'

/** Characters of an unreadable line that a diagnostic shows. */
export const SHOWN = 80

/** The longest line of any event is some hundred bytes; a path or message makes it longer, nothing makes it this long. */
export const MAX_LINE = 1 << 16

export const BLKTRACE = {
  damaged: {
    code: 'blktrace/damaged-record',
    severity: 'error',
    message: 'Some bytes are not block trace records; reading went on at the next record (first: {}).',
    fix: 'copy the file again, and stop blktrace with SIGINT before copying it',
  },
  cut: {
    code: 'blktrace/cut-last-record',
    severity: 'loss',
    message: 'The last record is cut in the middle: {}.',
    fix: 'stop blktrace with SIGINT, and copy its files after it has ended',
  },
  timeJump: {
    code: 'blktrace/time-jump',
    severity: 'error',
    message: 'Some records have a time more than a year away from the record before (first: {}); they are skipped.',
    fix: 'the records are damaged, or files of different machines were mixed',
  },
  backwards: {
    code: 'blktrace/time-backwards',
    severity: 'info',
    message: 'Time steps backwards in this trace (first: {}); the order of these events is uncertain.',
    fix: 'kernels before 2.6.30 have a clock per CPU; otherwise the file may hold several traces in a row',
  },
  lost: {
    code: 'blktrace/lost-events',
    severity: 'loss',
    message: 'Some events are missing in the numbering of their CPU (first: {}).',
    fix: 'give all per-CPU files of the trace; record with larger buffers (blktrace -b 2048 -n 8), to another disk',
  },
  dropped: {
    code: 'blktrace/dropped-events',
    severity: 'loss',
    message: 'The recorder says that it dropped events (first: {} at once).',
    fix: 'record with larger buffers (blktrace -b 2048 -n 8; ftrace buffer_size_kb; perf -m), to another disk',
  },
  unknownAction: {
    code: 'blktrace/unknown-action',
    severity: 'info',
    message: 'Some records are of a kind that this version does not know (first: {}); they are skipped.',
    fix: 'newer kernels may have new kinds of events; the others are not touched by it',
  },
  badPayload: {
    code: 'blktrace/short-payload',
    severity: 'error',
    message: 'Some remap, split or unplug records lack their payload (first: {}).',
    fix: 'the file is damaged at these places; the rest was used',
  },
  rebased: {
    code: 'blktrace/rebased-times',
    severity: 'info',
    message:
      'Event times begin at 0 while notes keep the clock (blkparse -d): the clock was recovered from process names.',
    fix: 'keep the original per-CPU files: their times are exact',
  },
  noClock: {
    code: 'blktrace/no-clock',
    severity: 'loss',
    message: 'Event times begin at 0 and no process name tells where on the clock that was.',
    fix: 'keep the original per-CPU files, or the start time of the recording',
  },
  clockUnit: {
    code: 'blktrace/clock-unit',
    severity: 'error',
    message: 'The times do not look like nanoseconds: {}.',
    fix: 'latencies and rates of this source are in its own unit; record with a nanosecond clock',
  },
  tooManyNames: {
    code: 'blktrace/too-many-names',
    severity: 'loss',
    message: 'More than 131,072 tasks have names (MAX_NAMES); the rest stays unnamed.',
    fix: 'check that the file is a block trace, or record a shorter time; the limit is fixed',
  },
  longLine: {
    code: 'blktrace/long-line',
    severity: 'error',
    message: 'A line is longer than 64 KiB (MAX_LINE), and no event; it is skipped.',
    fix: 'look whether the file holds other data; the limit is fixed',
  },
  addedTimes: {
    code: 'blktrace/added-times',
    severity: 'info',
    message:
      'perf script printed the time since the line before (--deltatime): the times are added up, and each lacks what its digits do not show.',
    fix: 'print with --ns, or without --deltatime',
  },
  damagedLine: {
    code: 'blktrace/damaged-line',
    severity: 'error',
    message: 'Some lines begin like a block event but cannot be read to their end (first: {}).',
    fix: 'check whether the text was cut, or mixed with other output',
  },
  cutLine: {
    code: 'blktrace/cut-last-line',
    severity: 'loss',
    message: 'The last line is cut in the middle: {}.',
    fix: 'let blkparse end before copying its output',
  },
  foreignLines: {
    code: 'blktrace/foreign-lines',
    severity: 'info',
    message: 'Some lines are not block events (first: {}); they are skipped.',
    fix: 'text made with blkparse -f needs the same format: --blkparse-format',
  },
  badFormat: {
    code: 'blktrace/format',
    severity: 'error',
    message: 'The format given cannot be read backwards: {}.',
    fix: 'give the format blkparse had with -f; it needs %a, known letters, and one line for each event',
  },
  summaryDiffers: {
    code: 'blktrace/summary-differs',
    severity: 'error',
    message: 'The totals at the end of the text count other events than its lines do: {}.',
    fix: 'part of the text may be missing; was it cut, filtered or appended to?',
  },
} as const satisfies Record<string, DiagnosticKind>
