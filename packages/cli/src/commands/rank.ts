import { DIMENSIONS, RANK_SORTS, rank, type CheckAnswer, type RankAnswer } from '@flushtrace/answers'
import { boolean, option, string } from '@oclif/core/flags'
import { BaseCommand, sourcesArg } from '../base-command.ts'
import { commonFlags, formatsOf, tableFlags } from '../flags.ts'
import { renderCheck } from '../render/check.ts'
import { renderHolding } from '../render/conditions.ts'
import { renderCsv } from '../render/csv.ts'
import { renderRank } from '../render/rank.ts'

/** As promised for checks that failed; the answer is printed all the same. */
const CHECK_FAILED = 1

export default class Rank extends BaseCommand {
  static override summary = 'Who flushes, how often, what does it cost?'
  static override description =
    'Counts calls that make data durable (fsync, fdatasync, msync with MS_SYNC, sync, syncfs, synchronous writes) by process, thread, file, call or container; by device, the requests that reached it.'
  static override args = sourcesArg
  static override flags = {
    by: option({ options: DIMENSIONS, summary: 'what a row is (default: process)' })(),
    sort: option({ options: RANK_SORTS, summary: 'what comes first', default: 'flushes' })(),
    check: boolean({ summary: 'count everything a second time, another way; exit 1 where they differ' }),
    'fail-if': string({
      multiple: true,
      multipleNonGreedy: true, // or it would take the sources, too
      summary: "exit 1 where this holds, as in 'flush-p99 > 20ms'; repeatable",
      helpValue: "'METRIC OP NUMBER'",
    }),
    ...tableFlags,
    ...commonFlags,
  }
  static override examples = [
    { description: 'Who flushes?', command: '<%= config.bin %> rank strace.txt' },
    { description: 'Which files, and by whom?', command: '<%= config.bin %> rank capture/ --by file --top 10' },
    {
      description: 'What one daemon cost in the first minute, for a script:',
      command: "<%= config.bin %> rank strace.txt.gz --process 'samba*' --until 60 --sort flush-time --json",
    },
    {
      description: 'Does the daemon flush more than it should?',
      command: "<%= config.bin %> rank capture/ --process smbd --fail-if 'flushes-per-second > 20'",
    },
  ]

  async run(): Promise<RankAnswer & { check?: CheckAnswer }> {
    const { args, flags } = await this.parse(Rank)
    const answer = await this.withProgress(flags, (onProgress) =>
      rank(args.sources, { ...flags, ...formatsOf(flags), failIf: flags['fail-if'], onProgress }),
    )
    if (flags.csv) {
      this.print(() => renderCsv(answer.rows))
      this.tellGaps(answer, flags)
    } else this.print(() => renderRank(answer, args.sources, this.width))
    for (const line of renderHolding(answer.conditions ?? [])) {
      process.stderr.write(`${line}\n`)
      process.exitCode = CHECK_FAILED
    }
    if (!flags.check) return answer
    const { check } = await import('@flushtrace/answers')
    const checked = await check(args.sources, formatsOf(flags))
    if (!flags.quiet || checked.differences.length > 0) process.stderr.write(renderCheck(checked))
    if (checked.differences.length > 0) process.exitCode = CHECK_FAILED
    return { ...answer, check: checked }
  }
}
