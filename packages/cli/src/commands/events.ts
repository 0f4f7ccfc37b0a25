import { events } from '@flushtrace/answers'
import { boolean } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { commonFlags, formatsOf } from '../flags.ts'
import { JsonLines } from '../json-lines.ts'

export default class Events extends BaseCommand {
  static override enableJsonFlag = false
  static override summary = 'The normalised events, one JSON object a line'
  static override description =
    'For jq, grep and other tools: every flush, hint, failed flush, write and writable mapping, with its file and evidence.'
  static override args = sourcesArg
  static override flags = {
    json: boolean({ summary: 'JSON lines: what is printed anyway' }),
    ...commonFlags,
  }
  static override examples = [
    {
      description: 'All flushes that took over 10 ms:',
      command: '<%= config.bin %> events strace.txt | jq \'select(.type == "flush" and .tookNs > 1e7)\'',
    },
    { description: 'What was written to one file:', command: "<%= config.bin %> events strace.txt --file '*.ldb'" },
  ]

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Events)
    const lines = new JsonLines()
    const { diagnostics } = await this.withProgress(flags, (onProgress) =>
      events(args.sources, { ...flags, ...formatsOf(flags), onProgress, pace: lines.pace }, (event) =>
        lines.add(event),
      ),
    )
    lines.end()
    this.tellGaps({ diagnostics: diagnostics.rows() }, flags)
  }
}
