import { RECIPE_FILE_SYSTEMS, RECIPE_TOOLS, recipe } from '@flushtrace/answers'
import { integer, option, string } from '@oclif/core/flags'
import { BaseCommand } from '../base-command.ts'

export default class Recipe extends BaseCommand {
  static override summary = 'A script that records what flushtrace wants, to run as root on the server'
  static override description =
    'Prints a short, commented POSIX shell script. It saves where files lie before and after, the clocks and the state of the traced programs, and records block requests and system calls into one folder. Read it, then run it.'
  static override flags = {
    fs: option({
      options: RECIPE_FILE_SYSTEMS,
      summary: 'only what this file system needs (default: the script looks what is mounted)',
    })(),
    device: string({
      summary: 'what to record, unless the script is told (default: the file system written to most)',
      helpValue: 'DEVICE|FOLDER',
    }),
    tools: option({
      options: RECIPE_TOOLS,
      multiple: true,
      delimiter: ',',
      summary: 'what to record with (default: strace,blktrace)',
    })(),
    seconds: integer({ summary: 'how long; Ctrl-C ends it earlier', default: 60, min: 1, helpValue: 'N' }),
    process: string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'for strace, repeatable (default: the programs that write)',
      helpValue: 'NAME|PID',
    }),
  }
  static override examples = [
    {
      description: 'Record ten minutes on a server, and look at it here:',
      command: [
        '<%= config.bin %> recipe --seconds 600 > record.sh',
        'scp record.sh server: && ssh -t server sudo sh record.sh /srv',
      ].join('\n'),
    },
    {
      description: 'A database on btrfs, with all its processes:',
      command: '<%= config.bin %> recipe --fs btrfs --process postgres > record.sh',
    },
  ]

  async run(): Promise<{ schema: 'flushtrace/recipe/1'; script: string }> {
    const { flags } = await this.parse(Recipe)
    const script = recipe({ ...flags, processes: flags.process })
    // Not by print(): nothing of it may be coloured.
    if (!this.jsonEnabled()) process.stdout.write(script)
    return { schema: 'flushtrace/recipe/1', script }
  }
}
