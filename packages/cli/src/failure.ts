/**
 * What the user sees when something went wrong: one line on stderr that ends in the fix, or with --json one short
 * object on stdout. Wrong usage and unusable sources both exit 2; 1 is kept for a check that failed (--fail-if).
 */
import { ExitError, CLIError } from '@oclif/core/errors'
import type { TraceError } from '@flushtrace/trace'
import { nearest } from './nearest.ts'
import { json as jsonText } from './render/json.ts'
import { safe } from './render/text.ts'

export interface Failure {
  /** `usage`, `internal`, or the code of a TraceError, e.g. `source/missing`. */
  readonly code: string
  readonly message: string
}

export const FAILURE_EXIT = 2

/** `command` is what to ask for help with, e.g. `flushtrace rank`; `flags` are the names that it knows. */
export function describeFailure(error: unknown, command: string, flags: readonly string[] = []): Failure {
  if (isTraceError(error)) return { code: error.code, message: oneLine(error.message) }
  if (error instanceof CLIError) {
    return { code: 'usage', message: `${oneLine(usageMessage(error, flags))}; see \`${command} --help\`` }
  }
  const what = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message: `internal error: ${oneLine(what)}; FLUSHTRACE_DEBUG=1 shows where` }
}

/** `error`: what is behind the failure, shown with FLUSHTRACE_DEBUG=1. */
export function printFailure(failure: Failure, json: boolean, error: unknown): void {
  if (process.env.FLUSHTRACE_DEBUG === '1' && error instanceof Error) console.error(error.stack)
  if (json) console.log(jsonText({ error: failure }))
  else console.error(`flushtrace: ${failure.message}`)
}

/** A command that ended itself with `this.exit(code)`: nothing to report. */
export function isExit(error: unknown): error is ExitError {
  return error instanceof ExitError
}

/** By name: the command line imports no code below the answers. */
function isTraceError(error: unknown): error is TraceError {
  return error instanceof Error && error.name === 'TraceError'
}

/** oclif's parser errors are several lines long and some carry the details as properties. */
function usageMessage(
  error: CLIError & { flags?: string[]; args?: { name: string }[] },
  known: readonly string[],
): string {
  if (error.message.startsWith('Nonexistent flag') && error.flags) {
    const close = nearest(error.flags[0].replace(/^-+/, ''), known)
    return `unknown flag ${error.flags.join(', ')}${close ? ` (did you mean --${close}?)` : ''}`
  }
  if (error.message.startsWith('Missing') && error.args) {
    return `missing ${error.args.map((arg) => arg.name.toUpperCase()).join(', ')}`
  }
  return oneLine(error.message.replace('See more help with --help', ''))
    .replace(/^The following errors? occurred: /, '')
    .replace(/^Parsing (--[\w-]+) Expected/, '$1: expected')
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
}

/** File names may hold anything: what reaches the terminal is made harmless. */
function oneLine(text: string): string {
  return safe(text.replace(/\s*\n\s*/g, ' ').trim())
}
