/** What inspect says of a block trace that nothing places on the timeline of the calls. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flushtrace } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const clocks = suite('clock notes')
clocks.after(() => rmSync(folder, { recursive: true }))

async function told(calls: number): Promise<string> {
  const [strace, blocks] = [join(folder, 'strace.txt'), join(folder, 'blkparse.txt')]
  const lines = Array.from({ length: calls }, (_, k) => `7 ${1795173545 + k * 3}.100000 fsync(3) = 0 <0.000100>\n`)
  writeFileSync(strace, lines.join(''))
  writeFileSync(blocks, '8,0 0 1 0.000000001 9 Q WS 8 + 8 [x]\n8,0 0 2 60.000000001 9 Q WS 16 + 8 [x]\n')
  const { out } = await flushtrace('inspect', strace, blocks)
  return (/^clocks +([^]*?)\n\S/m.exec(out)?.[1] ?? '').replace(/\s+/g, ' ')
}

clocks('how little of its time the calls cover', async () => {
  assert.match(
    await told(2),
    /not aligned: .*; the calls cover 3\.0 s of its 1 min(?: 0 s)?\.|the calls cover 3\.0 s of its 60\.0 s/,
  )
  assert.not.match(await told(8), /cover/)
})

clocks.run()
