import {
  RULES,
  locate,
  locateEvents,
  locateSector,
  type LocateRow,
  type LocateAnswer,
  type LocateSectorAnswer,
} from '@flushtrace/answers'
import { boolean, string } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { commonFlags, formatsOf, tableFlags } from '../flags.ts'
import { JsonLines } from '../json-lines.ts'
import { renderCsv } from '../render/csv.ts'
import { renderLocate, renderSector } from '../render/locate.ts'

export default class Locate extends BaseCommand {
  static override summary = 'Which files are behind these block writes, and who made them dirty?'
  static override description =
    'Follows each block write to its file by inode events (ftrace), by the calls of the task that queued it, and by saved maps (filefrag, dump-tree, …), and says how sure it is.'
  static override args = sourcesArg
  static override flags = {
    events: boolean({ summary: 'each block write as a JSON line, with its evidence', exclusive: ['csv', 'sector'] }),
    sector: string({
      summary: 'what was written to this sector, and why',
      helpValue: 'DEV:SECTOR',
      exclusive: ['csv'],
    }),
    ...tableFlags,
    ...commonFlags,
  }
  static override examples = [
    { description: 'Which files, and by whom?', command: '<%= config.bin %> locate capture/' },
    {
      description: 'What is behind one line of blkparse?',
      command: '<%= config.bin %> locate capture/ --sector 7:0:264192',
    },
    {
      description: 'Bytes by path, for a script:',
      command: "<%= config.bin %> locate capture/ --events | jq -r 'select(.path) | [.path, .bytes] | @tsv'",
    },
  ]

  async run(): Promise<LocateAnswer | LocateSectorAnswer> {
    const { args, flags } = await this.parse(Locate)
    const options = { ...flags, ...formatsOf(flags) }
    if (flags.events) {
      const lines = new JsonLines()
      const { analysis } = await this.withProgress(flags, (onProgress) =>
        locateEvents(args.sources, { ...options, onProgress }, (write) => lines.add(write)),
      )
      lines.end()
      this.tellGaps({ diagnostics: analysis.diagnostics.rows() }, flags)
      this.exit(0)
    }
    const { sector } = flags
    if (sector !== undefined) {
      const found = await this.withProgress(flags, (onProgress) =>
        locateSector(args.sources, sector, { ...options, onProgress }),
      )
      this.print(() => renderSector(found, this.width))
      return found
    }
    const answer = await this.withProgress(flags, (onProgress) => locate(args.sources, { ...options, onProgress }))
    if (flags.csv) {
      this.print(() => renderCsv(answer.rows.map(evenRow)))
      this.tellGaps(answer, flags)
    } else this.print(() => renderLocate(answer, args.sources, this.width))
    return answer
  }
}

const NO_FILE = { path: null, deleted: null, inode: null, root: null, device: null, kind: null }
const NO_RULES = Object.fromEntries(RULES.map((rule) => [rule, 0]))

/** With every column, whatever the other rows have: a script finds them where they were. */
function evenRow(row: LocateRow): object {
  return { ...row, file: row.file ?? NO_FILE, rules: { ...NO_RULES, ...row.rules }, candidates: row.candidates ?? [] }
}
