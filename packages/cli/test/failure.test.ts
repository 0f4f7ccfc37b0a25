/** How wrong usage and unusable sources reach the user: by a command of its own, run from source. */
import { fileURLToPath } from 'node:url'
import { integer } from '@oclif/core/flags'
import { TraceError } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BaseCommand, sourcesArg } from '../src/base-command.ts'
import { isExit } from '../src/failure.ts'
import { sourceWords } from '../src/render/notes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

class Probe extends BaseCommand {
  static override id = 'probe'
  static override args = sourcesArg
  static override flags = { top: integer({ description: 'rows to show', min: 0 }) }

  async run(): Promise<{ sources: string[] }> {
    const { args } = await this.parse(Probe)
    if (args.sources[0] === 'missing')
      throw new TraceError('source/missing', 'missing: no such file', { path: 'missing' })
    if (args.sources[0] === 'bug') throw new Error('undefined is not\n a trace')
    return args
  }
}

/** The exit code, and what was printed on either stream. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const printed = { out: '', err: '' }
  const { log, error } = console
  console.log = (text: string) => (printed.out += text)
  console.error = (text: string) => (printed.err += text)
  let code = 0
  try {
    await Probe.run(argv, root)
  } catch (failure) {
    if (!isExit(failure)) throw failure
    code = failure.oclif.exit as number
  } finally {
    console.log = log
    console.error = error
  }
  return { code, ...printed }
}

const usage = suite('wrong usage')

usage('is one line with the fix, and exit 2', async () => {
  assert.equal(await run('a', '--tpo', '3'), {
    code: 2,
    out: '',
    err: 'flushtrace: unknown flag --tpo (did you mean --top?); see `flushtrace probe --help`',
  })
  assert.equal(await run(), { code: 2, out: '', err: 'flushtrace: missing SOURCES; see `flushtrace probe --help`' })
  for (const argv of [['--top'], ['a', '--top', 'x'], ['a', '--top', '-1'], ['a', '--top', '1', '--top', '2']]) {
    const { code, out, err } = await run(...argv)
    assert.is(code, 2)
    assert.is(out, '')
    assert.match(err, /^flushtrace: [^\n]*--top[^\n]*; see `flushtrace probe --help`$/)
  }
})

usage('shows a flag that is none without what a terminal would obey', async () => {
  const { err } = await run('a', '--x\u001b[31m\ny')
  assert.is(err, 'flushtrace: unknown flag --x\\x1b[31m y; see `flushtrace probe --help`')
})

usage('names the flag whose value does not fit', async () => {
  const { err } = await run('a', '--top', 'x')
  assert.is(err, 'flushtrace: --top: expected an integer but received: x; see `flushtrace probe --help`')
})

usage('is not what a next command advises for a source named like a flag', () => {
  assert.is(sourceWords(['--json', '-', "it's -x", 'b/-c']), `./--json - 'it'\\''s -x' b/-c`)
})

usage('with --json is one object on stdout', async () => {
  const { code, out, err } = await run('--json')
  assert.is(code, 2)
  assert.is(err, '')
  assert.equal(JSON.parse(out), { error: { code: 'usage', message: 'missing SOURCES; see `flushtrace probe --help`' } })
})

usage.run()

const sources = suite('failures')

sources('a source that cannot be used', async () => {
  assert.equal(await run('missing'), { code: 2, out: '', err: 'flushtrace: missing: no such file' })
  assert.is(
    (await run('missing', '--json')).out,
    '{"error":{"code":"source/missing","message":"missing: no such file"}}',
  )
})

sources('a bug of ours shows no stack', async () => {
  const { code, err } = await run('bug')
  assert.is(code, 2)
  assert.is(err, 'flushtrace: internal error: undefined is not a trace; FLUSHTRACE_DEBUG=1 shows where')
})

sources.run()
