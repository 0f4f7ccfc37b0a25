import { anonymize, inspect, type AnonymizeAnswer, type InspectAnswer } from '@flushtrace/answers'
import { string } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { clockFlags, filterFlags, formatFlags, formatsOf, outputFlags, tableFlags } from '../flags.ts'
import { untilInterrupted } from '../interrupt.ts'
import { renderAnonymize } from '../render/anonymize.ts'
import { renderCsv } from '../render/csv.ts'
import { renderInspect } from '../render/inspect.ts'

export default class Inspect extends BaseCommand {
  static override summary = 'What is in these files, what could be read, what could not be seen?'
  static override args = sourcesArg
  static override flags = {
    anonymize: string({
      summary: 'write a copy of the text sources with other names into this new folder',
      helpValue: 'FOLDER',
      exclusive: ['csv'],
    }),
    csv: tableFlags.csv,
    device: filterFlags.device,
    ...clockFlags,
    ...formatFlags,
    ...outputFlags,
  }
  static override examples = [
    { description: 'Look at a trace before asking it anything:', command: '<%= config.bin %> inspect strace.txt' },
    {
      description: 'Show a trace to somebody who must not know its names:',
      command: '<%= config.bin %> inspect capture/ --anonymize shared/',
    },
    { description: 'Everything that was captured together:', command: '<%= config.bin %> inspect capture/ --json' },
  ]

  async run(): Promise<InspectAnswer | AnonymizeAnswer> {
    const { args, flags } = await this.parse(Inspect)
    const { anonymize: folder } = flags
    if (folder !== undefined) {
      const copied = await untilInterrupted((signal) =>
        this.withProgress(flags, (onProgress) =>
          anonymize(args.sources, folder, { ...formatsOf(flags), onProgress, signal }),
        ),
      )
      this.print(() => renderAnonymize(copied, this.width))
      return copied
    }
    const answer = await this.withProgress(flags, (onProgress) =>
      inspect(args.sources, { ...formatsOf(flags), clock: flags.clock, device: flags.device, onProgress }),
    )
    if (flags.csv) {
      this.print(() => renderCsv(answer.rows))
      this.tellGaps(answer, flags)
    } else this.print(() => renderInspect(answer, this.width))
    return answer
  }
}
