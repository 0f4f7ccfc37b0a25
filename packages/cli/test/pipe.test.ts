/** What comes through a pipe answers as the file does. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { program } from './program.ts'

const pipe = suite('pipes')
const PROGRAM = await program()

function run(path: string, input?: Buffer): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, 'events', path], {
    input,
    maxBuffer: 1 << 28,
  })
  assert.is(status, 0)
  assert.not.match(stderr.toString(), 'one after the other')
  return stdout.toString().replaceAll(`"source":"${path}"`, '"source":""').split('\n')
}

for (const name of ['strace/sqlite-ext4/strace.txt.gz', 'strace/fd-ext4/strace.txt', 'sysdig/fd-ext4.scap']) {
  pipe(`events of ${name}, which is larger than what is looked at first`, () => {
    const path = fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url))
    const bytes = readFileSync(path)
    assert.ok(bytes.length > 1 << 16)
    assert.equal(run('-', bytes), run(path))
  })
}

pipe.run()
