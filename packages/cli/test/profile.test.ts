import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended, type Ended } from './child.ts'
import { program } from './program.ts'

const profile = suite('FLUSHTRACE_PROFILE')
const PROGRAM = await program()
const SOURCE = fileURLToPath(new URL('../../../fixtures/strace/attach-samba', import.meta.url))

function run(env: Record<string, string>): Promise<Ended> {
  const argv = [PROGRAM, 'rank', SOURCE, '--json', '--process', 'samba*']
  return ended(spawn(process.execPath, argv, { env: { ...process.env, ...env } }))
}

profile('tells the stages on stderr, and changes nothing else', async () => {
  const [asked, plain] = [await run({ FLUSHTRACE_PROFILE: '1' }), await run({ FLUSHTRACE_PROFILE: '' })]
  assert.is(asked.out, plain.out)
  assert.equal([asked.code, plain.code, plain.err], [0, 0, ''])
  const stages = asked.err.trimEnd().split('\n')
  const names = stages.map((line) => line.slice(0, 16).trimEnd())
  assert.equal(names, ['starting', 'opening', 'calls', 'reading', 'parsing', 'block requests', 'answer'])
  for (const line of stages) assert.match(line, /^[a-z ]{16} +\d+\.\d{3} s +\d+ %/)
  assert.match(asked.err, /^parsing .* \d+\.\d MB\/s, \d+\.\d million rows\/s$/m)
})

profile.run()
