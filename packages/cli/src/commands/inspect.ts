import { inspect, type InspectAnswer } from '@flushtrace/answers'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { clockFlags, formatFlags, formatsOf, outputFlags, tableFlags } from '../flags.ts'
import { renderCsv } from '../render/csv.ts'
import { renderInspect } from '../render/inspect.ts'

export default class Inspect extends BaseCommand {
  static override summary = 'What is in these files, what could be read, what could not be seen?'
  static override args = sourcesArg
  static override flags = { csv: tableFlags.csv, ...clockFlags, ...formatFlags, ...outputFlags }
  static override examples = [
    { description: 'Look at a trace before asking it anything:', command: '<%= config.bin %> inspect strace.txt' },
    { description: 'Everything that was captured together:', command: '<%= config.bin %> inspect capture/ --json' },
  ]

  async run(): Promise<InspectAnswer> {
    const { args, flags } = await this.parse(Inspect)
    const answer = await this.withProgress(flags, (onProgress) =>
      inspect(args.sources, { ...formatsOf(flags), clock: flags.clock, onProgress }),
    )
    if (flags.csv) this.print(renderCsv(answer.rows))
    else this.print(renderInspect(answer, this.width))
    return answer
  }
}
