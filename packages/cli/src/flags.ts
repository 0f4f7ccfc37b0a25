/** The flags that several commands share, and what they mean to the answers. */
import { boolean, integer, string } from '@oclif/core/flags'

export const filterFlags = {
  since: string({ summary: 'leave out what came before: seconds from the start, or a time', helpValue: 'TIME' }),
  until: string({ summary: 'leave out what came at or after', helpValue: 'TIME' }),
  process: string({ summary: 'only this process: a pid, or a pattern over names', helpValue: 'PID|GLOB' }),
  file: string({ summary: 'only files whose path, or last part, matches', helpValue: 'GLOB' }),
}

/** Text whose shape its recorder chose. */
export const formatFlags = {
  'blkparse-format': string({ summary: 'the -f that blkparse was given', helpValue: 'FORMAT' }),
  'sysdig-format': string({ summary: 'the -p that sysdig was given', helpValue: 'FORMAT' }),
}

/** Flags as the answers take them. */
export function formatsOf(flags: { 'blkparse-format'?: string; 'sysdig-format'?: string }) {
  return { blkparseFormat: flags['blkparse-format'], sysdigFormat: flags['sysdig-format'] }
}

/** Where the sources themselves do not tell. */
export const clockFlags = {
  clock: string({
    summary: "when a source's first event was, since the start (SOURCE: its path or the end of it)",
    helpValue: 'SOURCE=+SECONDS',
    multiple: true,
    multipleNonGreedy: true,
  }),
}

export const outputFlags = {
  'no-color': boolean({ summary: 'no colours (also with NO_COLOR set)' }),
  quiet: boolean({ summary: 'nothing on stderr but errors' }),
}

export const tableFlags = {
  csv: boolean({ summary: 'rows as CSV', exclusive: ['json'] }),
  top: integer({ summary: 'rows to show; 0 shows all', default: 20, min: 0, helpValue: 'N' }),
}
