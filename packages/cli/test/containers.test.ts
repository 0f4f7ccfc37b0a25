/** Which container a call is charged to. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rank } from '@flushtrace/answers'
import { generic, machine, processList, section } from '../../sysdig/test/build.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const containers = suite('containers')
containers.after(() => rmSync(folder, { recursive: true }))

/** Task 42, in the container `id`, flushes `flushes` times from `atNs` on. */
function capture(name: string, id: string | null, atNs: bigint, flushes: number): string {
  const cgroups = id === null ? 'cpu=/\0' : `cpu=/docker/${id.repeat(64)}\0`
  const calls = Array.from({ length: flushes }, (_, k) => generic(72, 74, true, { tid: 42, atNs: atNs + BigInt(k) }))
  const path = join(folder, name)
  const list = processList(9, [{ tid: 42, pid: 42, comm: 'web', cgroups }])
  writeFileSync(path, Buffer.concat([section(), machine(), list, ...calls]))
  return path
}

containers('captures of different times: each says whose number it was then', async () => {
  const paths = [
    capture('1.scap', 'a', 0n, 1),
    capture('2.scap', 'b', 1_000_000_000n, 2),
    capture('3.scap', null, 2_000_000_000n, 3),
  ]
  const { rows } = await rank(paths, { by: 'container' })
  assert.equal(
    rows.map((row) => ['container' in row && row.container, row.flushes.total]),
    [
      [null, 3],
      ['b'.repeat(12), 2],
      ['a'.repeat(12), 1],
    ],
  )
})

containers.run()
