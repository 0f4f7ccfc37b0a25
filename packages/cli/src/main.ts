/**
 * Runs the command that the user named. Commands report their own failures (base-command.ts); here are those that
 * reach no command, the closed pipe, and the one way out.
 */
import { Config } from '@oclif/core/config'
import { CLIError } from '@oclif/core/errors'
import { run } from '@oclif/core/run'
import { describeFailure, FAILURE_EXIT, isExit, printFailure } from './failure.ts'
import { leave } from './leave.ts'
import { nearest } from './nearest.ts'

/** What a shell reports for a program that SIGPIPE ended: 128 + 13. */
const CLOSED_PIPE = 141

/** `root` is the folder of the package, where oclif finds package.json and the command manifest. */
export async function main(root: string): Promise<void> {
  const argv = process.argv.slice(2)
  // Not exitCode alone: after a failure no reader, worker or timer has anything left to do.
  const fail = (error: unknown): void => {
    if (isExit(error)) {
      leave(error.oclif.exit || 0)
      return
    }
    printFailure(describeFailure(error, 'flushtrace'), argv.includes('--json'), error)
    leave(FAILURE_EXIT)
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader went away (`| head -1`): nobody wants the rest, so stop working for it, without a word.
    if (error.code === 'EPIPE') process.exit(CLOSED_PIPE)
    console.error(`flushtrace: cannot write the output: ${error.message}`)
    process.exit(FAILURE_EXIT)
  })
  process.stderr.on('error', () => {}) // nowhere left to complain
  process.on('uncaughtException', fail) // also rejections that nobody handles
  // A promise that nothing is left to settle would end as a success that says nothing.
  const unanswered = (): void => fail(new Error('nothing was left to do, and there is no answer'))
  process.once('beforeExit', unanswered)
  try {
    await run(argv, { root })
  } catch (error) {
    fail(await unknownCommand(error, argv[0], root))
  }
  process.off('beforeExit', unanswered)
}

/** oclif says `command x:y not found`, with the arguments glued to the command by colons. */
async function unknownCommand(error: unknown, name: string, root: string): Promise<unknown> {
  if (!(error instanceof CLIError && /^command .* not found$/.test(error.message))) return error
  if (name.startsWith('-')) return new CLIError(`unknown flag ${name}, or no command before it`)
  const config = await Config.load({ root })
  const known = config.commands.filter((command) => !command.hidden).map((command) => command.id)
  if (known.includes(name)) {
    const [, argument = ''] = error.message.replace(/ not found$/, '').split(':')
    return new CLIError(`${name} takes no argument${argument && `: ${argument}`}`)
  }
  const close = nearest(name, known)
  return new CLIError(`unknown command ${name}${close ? ` (did you mean ${close}?)` : ''}`)
}
