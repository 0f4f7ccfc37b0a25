/** The flags that several commands share, and what they mean to the answers. */
import { CLIError } from '@oclif/core/errors'
import { boolean, integer, string } from '@oclif/core/flags'
import { askedProfile } from './profile.ts'
import { safe } from './render/text.ts'

export const filterFlags = {
  since: string({ summary: 'leave out what came before: seconds from the start, or a time', helpValue: 'TIME' }),
  until: string({ summary: 'leave out what came at or after', helpValue: 'TIME' }),
  process: string({ summary: 'only this process: a pid, or a pattern over names', helpValue: 'PID|GLOB' }),
  device: string({ summary: 'only what is on this device: a number, as 8:0, or a name', helpValue: 'DEV' }),
  file: string({ summary: 'only files whose path, or last part, matches', helpValue: 'GLOB' }),
}

/** What reading needs to know: the shape of text that its recorder chose, and how far it may go. */
export const formatFlags = {
  'blkparse-format': string({ summary: 'the -f that blkparse was given', helpValue: 'FORMAT' }),
  'sysdig-format': string({ summary: 'the -p that sysdig was given', helpValue: 'FORMAT' }),
  'max-memory': string({
    summary: 'refuse to read on beyond this (default: three quarters of the machine)',
    helpValue: 'SIZE',
  }),
  threads: integer({
    summary: 'threads to read with (default: as many as there are processors)',
    min: 1,
    helpValue: 'N',
  }),
}

/** Flags as the answers take them. */
export function formatsOf(flags: {
  'blkparse-format'?: string
  'sysdig-format'?: string
  'max-memory'?: string
  threads?: number
  quiet: boolean
}) {
  return {
    onWait: flags.quiet ? undefined : (path: string): void => console.error(`waiting for a writer of ${safe(path)}`),
    threads: flags.threads,
    blkparseFormat: flags['blkparse-format'],
    sysdigFormat: flags['sysdig-format'],
    stages: askedProfile(),
    maxMemoryBytes: flags['max-memory'] === undefined ? undefined : bytesOf('--max-memory', flags['max-memory']),
  }
}

/** `800M`, `2G`, `1.5GiB`, or bytes: units of 1,024. */
function bytesOf(flag: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? []
  if (number === undefined) throw new CLIError(`${flag} ${text}: give a size, like 800M or 2G`)
  return Number(number) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' ')
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

/** What every command that reads takes; inspect has no events to filter. */
export const commonFlags = { ...filterFlags, ...clockFlags, ...formatFlags, ...outputFlags }

export const tableFlags = {
  csv: boolean({ summary: 'rows as CSV', exclusive: ['json'] }),
  top: integer({ summary: 'rows to show; 0 shows all', default: 20, min: 0, helpValue: 'N' }),
}
