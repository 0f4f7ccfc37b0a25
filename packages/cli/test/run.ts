/** Runs a command line in this process, from source, and gives what it printed. */
import { fileURLToPath } from 'node:url'
import Events from '../src/commands/events.ts'
import Explain from '../src/commands/explain.ts'
import Inspect from '../src/commands/inspect.ts'
import Locate from '../src/commands/locate.ts'
import Rank from '../src/commands/rank.ts'
import Recipe from '../src/commands/recipe.ts'
import { isExit } from '../src/failure.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** oclif types `run` for one class at a time. */
type Runnable = { run(argv: string[], root: string): Promise<unknown> }
const COMMANDS = {
  events: Events,
  explain: Explain,
  inspect: Inspect,
  locate: Locate,
  rank: Rank,
  recipe: Recipe,
} as unknown as Record<string, Runnable>

export interface Printed {
  code: number
  out: string
  err: string
}

/** `argv` is what follows `flushtrace`; sources are relative to the repository. */
export async function flushtrace(...argv: string[]): Promise<Printed> {
  const printed: Printed = { code: 0, out: '', err: '' }
  const { stdout, stderr } = process
  const saved = { out: stdout.write.bind(stdout), err: stderr.write.bind(stderr), tty: stdout.isTTY }
  stdout.isTTY = false
  stdout.write = ((text: string | Uint8Array) => Boolean((printed.out += text.toString()))) as typeof stdout.write
  stderr.write = ((text: string | Uint8Array) => Boolean((printed.err += text.toString()))) as typeof stderr.write
  const { log, error } = console
  const { exitCode } = process
  process.exitCode = undefined
  console.log = (text: string) => (printed.out += `${text}\n`)
  console.error = (text: string) => (printed.err += `${text}\n`)
  try {
    await COMMANDS[argv[0]].run(argv.slice(1), ROOT)
    printed.code = Number(process.exitCode ?? 0)
  } catch (failure) {
    if (!isExit(failure)) throw failure
    printed.code = failure.oclif.exit as number
  } finally {
    process.exitCode = exitCode
    stdout.write = saved.out
    stderr.write = saved.err
    stdout.isTTY = saved.tty
    console.log = log
    console.error = error
  }
  return printed
}

/** Splits as a shell does, for command lines in documents: words, and words in single quotes. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain)
}
