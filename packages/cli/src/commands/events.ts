import { events } from '@flushtrace/answers'
import { boolean } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { commonFlags, formatsOf } from '../flags.ts'
import { JsonLines } from '../json-lines.ts'
import { diagnosticNotes } from '../render/notes.ts'

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
    // What is said of the events, and what a filter left out because nothing tells, are no events.
    const told = diagnostics.rows().filter(({ code }) => /^(?:events|device)\//.test(code))
    if (told.length > 0 && !flags.quiet) console.error(diagnosticNotes(told).join('\n'))
  }
}
