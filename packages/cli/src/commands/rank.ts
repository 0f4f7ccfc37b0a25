import { DIMENSIONS, RANK_SORTS, rank, type RankAnswer } from '@flushtrace/answers'
import { option } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { clockFlags, filterFlags, formatFlags, formatsOf, outputFlags, tableFlags } from '../flags.ts'
import { renderCsv } from '../render/csv.ts'
import { renderRank } from '../render/rank.ts'

export default class Rank extends BaseCommand {
  static override summary = 'Who flushes, how often, what does it cost?'
  static override description =
    'Counts calls that make data durable (fsync, fdatasync, msync with MS_SYNC, sync, syncfs, synchronous writes) by process, thread, file or call.'
  static override args = sourcesArg
  static override flags = {
    by: option({ options: DIMENSIONS, summary: 'what a row is (default: process)' })(),
    sort: option({ options: RANK_SORTS, summary: 'what comes first', default: 'flushes' })(),
    ...tableFlags,
    ...filterFlags,
    ...clockFlags,
    ...formatFlags,
    ...outputFlags,
  }
  static override examples = [
    { description: 'Who flushes?', command: '<%= config.bin %> rank strace.txt' },
    { description: 'Which files, and by whom?', command: '<%= config.bin %> rank capture/ --by file --top 10' },
    {
      description: 'What one daemon cost in the first minute, for a script:',
      command: "<%= config.bin %> rank strace.txt.gz --process 'samba*' --until 60 --sort flush-time --json",
    },
  ]

  async run(): Promise<RankAnswer> {
    const { args, flags } = await this.parse(Rank)
    const answer = await this.withProgress(flags, (onProgress) =>
      rank(args.sources, { ...flags, ...formatsOf(flags), onProgress }),
    )
    if (flags.csv) this.print(renderCsv(answer.rows))
    else this.print(renderRank(answer, args.sources, this.width))
    return answer
  }
}
