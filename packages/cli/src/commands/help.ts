import { string as stringArg } from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import { Help } from '@oclif/core/help'

/** `flushtrace help rank` is `flushtrace rank --help`. */
export default class HelpCommand extends Command {
  static override summary = 'Help for a command'
  static override strict = false // a command may be several words
  static override args = { command: stringArg({ description: 'command to explain', ignoreStdin: true }) }

  async run(): Promise<void> {
    const { argv } = await this.parse(HelpCommand)
    await new Help(this.config).showHelp(argv as string[])
  }
}
