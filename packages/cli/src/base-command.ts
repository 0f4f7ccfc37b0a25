/** What every command has in common: --json, its form, and how failures reach the user. */
import { string as stringArg } from '@oclif/core/args'
import { Command } from '@oclif/core/command'
import type { Arg } from '@oclif/core/interfaces'
import { describeFailure, FAILURE_EXIT, isExit, printFailure, type Failure } from './failure.ts'
import { ProgressBar } from './progress.ts'
import { json } from './render/json.ts'
import { gapNotes } from './render/notes.ts'

/** Not styleText: node:util is slow to load. */
const BOLD = '\u001b[1m'
const PLAIN = '\u001b[22m'

export const sourcesArg = {
  // oclif's types do not know yet that `multiple` makes it a list.
  sources: stringArg({
    description: 'trace files or directories; - is standard input',
    multiple: true,
    required: true,
    ignoreStdin: true, // else oclif waits for a missing argument to come through a pipe
  }) as unknown as Arg<string[]>,
}

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true

  /** Never coloured, unlike oclif's: what is piped and what is looked at are the same bytes. */
  override logJson(document: unknown): void {
    process.stdout.write(`${json(document, 2)}\n`)
  }

  /** Columns of a table: the terminal's, 80 when piped. */
  get width(): number {
    return process.stdout.isTTY ? Math.max(40, process.stdout.columns) : 80
  }

  /** Text on stdout; nothing with --json. The first line, the answer, is bold on a terminal. */
  print(render: () => string): void {
    if (this.jsonEnabled()) return
    const text = render()
    const plain = !process.stdout.isTTY || process.env.NO_COLOR || this.argv.includes('--no-color')
    const end = text.indexOf('\n')
    process.stdout.write(plain || end < 0 ? text : `${BOLD}${text.slice(0, end)}${PLAIN}${text.slice(end)}`)
  }

  /** CSV and lines of JSON have no place for what is damaged, or was not read or not told: stderr tells it. */
  tellGaps({ diagnostics }: Parameters<typeof gapNotes>[0], { quiet }: { quiet: boolean }): void {
    const lost = diagnostics.filter(
      ({ code, severity }) => severity === 'error' || /^(?:source|events|device)\//.test(code),
    )
    const told = gapNotes({ diagnostics: lost })
    if (told.length > 0 && !quiet) console.error(told.join('\n'))
  }

  /** Runs a reading with a progress bar on stderr, where that is a terminal and the reading takes long. */
  async withProgress<T>(
    { quiet }: { quiet: boolean },
    read: (onProgress: (done: number, total: number | null) => void) => Promise<T>,
  ): Promise<T> {
    const progress = quiet || !process.stderr.isTTY ? null : new ProgressBar()
    try {
      return await read((done, total) => progress?.update(done, total))
    } finally {
      progress?.stop()
    }
  }

  override async catch(error: Error): Promise<void> {
    if (isExit(error)) throw error
    printFailure(this.toErrorJson(error).error, this.jsonEnabled(), error)
    this.exit(FAILURE_EXIT)
  }

  override toErrorJson(error: unknown): { error: Failure } {
    const flags = ['help', 'json', ...Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags })]
    return { error: describeFailure(error, `${this.config.bin} ${this.id?.replaceAll(':', ' ')}`, flags) }
  }
}
