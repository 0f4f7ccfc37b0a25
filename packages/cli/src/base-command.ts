/** What every command has in common: --json, its form, and how failures reach the user. */
import { string as stringArg } from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import type { Arg } from '@oclif/core/interfaces'
import { describeFailure, FAILURE_EXIT, isExit, printFailure, type Failure } from './failure.ts'

export const sourcesArg = {
  // oclif's types do not know yet that `multiple` makes it a list.
  sources: stringArg({
    description: 'trace files or directories; - is standard input',
    multiple: true,
    required: true,
    ignoreStdin: true, // else oclif waits for a missing argument to come through a pipe
  }) as unknown as Arg<string[]>,
}

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true

  /** Never coloured, unlike oclif's: what is piped and what is looked at are the same bytes. */
  override logJson(document: unknown): void {
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  }

  override async catch(error: Error): Promise<void> {
    if (isExit(error)) throw error
    printFailure(this.toErrorJson(error).error, this.jsonEnabled(), error)
    this.exit(FAILURE_EXIT)
  }

  override toErrorJson(error: unknown): { error: Failure } {
    const flags = ['help', 'json', ...Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags })]
    return { error: describeFailure(error, `${this.config.bin} ${this.id?.replaceAll(':', ' ')}`, flags) }
  }
}
