/**
 * Runs the command that the user named. Commands report their own failures (base-command.ts); here are those that
 * reach no command, the closed pipe, and the one way out.
 */
import { Config } from '@oclif/core/config'
import { CLIError } from '@oclif/core/errors'
import { run } from '@oclif/core/run'
import { describeFailure, FAILURE_EXIT, isExit, printFailure } from './failure.ts'
import { nearest } from './nearest.ts'

/** What a shell reports for a program that SIGPIPE ended: 128 + 13. */
const CLOSED_PIPE = 141

/** `root` is the folder of the package, where oclif finds package.json and the command manifest. */
export async function main(root: string): Promise<void> {
  const argv = process.argv.slice(2)
  // The reader went away (`| head -1`): nobody wants the rest, so stop working for it, without a word.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(CLOSED_PIPE)
  })
  process.stderr.on('error', () => {}) // nowhere left to complain
  try {
    await run(argv, { root })
  } catch (error) {
    // process.exit, not exitCode: after a failure no reader, worker or timer has anything left to do.
    if (isExit(error)) process.exit(error.oclif.exit || 0)
    const failure = describeFailure(await unknownCommand(error, argv[0], root), 'flushtrace')
    printFailure(failure, argv.includes('--json'), error)
    process.exit(FAILURE_EXIT)
  }
}

/** oclif says `command x:y not found`, with the arguments glued to the command by colons. */
async function unknownCommand(error: unknown, name: string, root: string): Promise<unknown> {
  if (!(error instanceof CLIError && /^command .* not found$/.test(error.message))) return error
  if (name.startsWith('-')) return new CLIError(`unknown flag ${name}, or no command before it`)
  const config = await Config.load({ root })
  const known = config.commands.filter((command) => !command.hidden).map((command) => command.id)
  const close = nearest(name, known)
  return new CLIError(`unknown command ${name}${close ? ` (did you mean ${close}?)` : ''}`)
}
