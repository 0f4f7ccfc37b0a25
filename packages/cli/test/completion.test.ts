/** What `flushtrace autocomplete` makes for bash, asked as readline asks it. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'
import { program } from './program.ts'

const completion = suite('completion')
const home = mkdtempSync(join(tmpdir(), 'flushtrace-home-'))
completion.after(() => rmSync(home, { recursive: true }))

completion('commands, then flags, and files for what is neither', async () => {
  if (spawnSync('bash', ['-c', 'exit']).status !== 0) return
  const env = { PATH: process.env.PATH, HOME: home }
  await ended(spawn(process.execPath, [await program(), 'autocomplete', 'bash'], { env, stdio: 'ignore' }))
  const functions = join(home, '.cache/flushtrace/autocomplete/functions/bash/flushtrace.bash')
  const ask = (...words: string[]): string =>
    execFileSync(
      'bash',
      [
        '-c',
        `source ${functions}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _flushtrace_autocomplete; echo "\${COMPREPLY[@]}"`,
        'bash',
        'flushtrace',
        ...words,
      ],
      { env, encoding: 'utf8' },
    ).trim()
  assert.is(ask('ra'), 'rank')
  assert.is(ask('rank', '--s'), '--sort --since --sysdig-format')
  assert.is(ask('rank', 'cap'), '')
  const registered = execFileSync('bash', ['-c', `source ${functions}; complete -p flushtrace`], { encoding: 'utf8' })
  assert.match(registered, '-o default')
})

completion.run()
