import { explain, type ExplainAnswer } from '@flushtrace/answers'
import { integer } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { commonFlags, formatsOf, tableFlags } from '../flags.ts'
import { renderCsv } from '../render/csv.ts'
import { renderExplain } from '../render/explain.ts'

export default class Explain extends BaseCommand {
  static override summary = 'What did these flushes wait for?'
  static override description =
    'For the flushes of a process or a file, or for one flush: where their time went, and what the block layer did until the call returned. Give --process, --file, --device or --flush.'
  static override args = sourcesArg
  static override flags = {
    flush: integer({ summary: 'one flush: its number in the order of time', min: 1, helpValue: 'N' }),
    ...tableFlags,
    ...commonFlags,
  }
  static override examples = [
    { description: 'What one process waited for:', command: '<%= config.bin %> explain capture/ --process 7813' },
    { description: 'Flushes of one kind of file:', command: "<%= config.bin %> explain capture/ --file '*.tdb'" },
    { description: 'Everything about one flush:', command: '<%= config.bin %> explain capture/ --flush 12' },
  ]

  async run(): Promise<ExplainAnswer> {
    const { args, flags } = await this.parse(Explain)
    const answer = await this.withProgress(flags, (onProgress) =>
      explain(args.sources, { ...flags, ...formatsOf(flags), onProgress }),
    )
    if (flags.csv) {
      this.print(() => renderCsv(answer.rows))
      this.tellGaps(answer, flags)
    } else this.print(() => renderExplain(answer, args.sources, this.width))
    return answer
  }
}
