/** What comes through a pipe answers as the file does. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'
import { program } from './program.ts'

const pipe = suite('pipes')
const PROGRAM = await program()

async function run(path: string, input?: Buffer): Promise<string[]> {
  const child = spawn(process.execPath, [PROGRAM, 'events', path])
  child.stdin.end(input)
  const { code, out, err } = await ended(child)
  assert.is(code, 0)
  assert.not.match(err, 'one after the other')
  return out.replaceAll(`"source":"${path}"`, '"source":""').split('\n')
}

for (const name of ['strace/sqlite-ext4/strace.txt.gz', 'strace/fd-ext4/strace.txt', 'sysdig/fd-ext4.scap']) {
  pipe(`events of ${name}, which is larger than what is looked at first`, async () => {
    const path = fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url))
    const bytes = readFileSync(path)
    assert.ok(bytes.length > 1 << 16)
    assert.equal(await run('-', bytes), await run(path))
  })
}

pipe.run()
