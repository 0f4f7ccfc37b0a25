import { BaseCommand, sourcesArg } from '../base-command.ts'

export default class Inspect extends BaseCommand {
  static override summary = 'What is in these files, what could be read, what could not be seen?'
  static override args = sourcesArg
  static override examples = [
    { description: 'Look at a trace before asking it anything:', command: '<%= config.bin %> inspect strace.txt' },
    { description: 'Everything that was captured together:', command: '<%= config.bin %> inspect capture/ --json' },
  ]

  async run(): Promise<{ sources: string[] }> {
    const { args } = await this.parse(Inspect)
    this.log(args.sources.join('\n'))
    return { sources: args.sources }
  }
}
