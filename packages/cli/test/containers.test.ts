/** Which container a call is charged to, and which process, where captures of different times list the same number. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rank } from '@flushtrace/answers'
import {
  event,
  eventId,
  fdList,
  generic,
  i64,
  machine,
  processList,
  section,
  str,
  u32,
} from '../../sysdig/test/build.ts'

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

containers('a task that goes into a container is in it from then on, and not before', async () => {
  const execve = eventId('execve', true)
  const cgroups = Buffer.from(`cpu=/docker/${'c'.repeat(64)}\0`)
  const exec = event(execve, [i64(0), 'web', '', ...Array<null>(11).fill(null), cgroups], { tid: 42, atNs: 5n })
  const calls = (atNs: bigint, count: number): Buffer[] =>
    Array.from({ length: count }, (_, k) => generic(72, 74, true, { tid: 42, atNs: atNs + BigInt(k) }))
  const path = join(folder, 'moved.scap')
  const list = processList(9, [{ tid: 42, pid: 42, comm: 'runc' }])
  writeFileSync(path, Buffer.concat([section(), machine(), list, ...calls(0n, 2), exec, ...calls(6n, 3)]))
  const { rows } = await rank([path], { by: 'container' })
  assert.equal(
    rows.map((row) => ['container' in row && row.container, row.flushes.total]),
    [
      ['c'.repeat(12), 3],
      [null, 2],
    ],
  )
  const text = join(folder, 'moved.txt')
  const line = (at: number, container: string, type: string): string =>
    `${at} 0.00000000${at} 0 ${container} runc (42:42) ${type}\n`
  const host = 'host (host)'
  const inside = `c (${'c'.repeat(12)})`
  writeFileSync(text, [line(1, host, '< fsync'), line(2, inside, '< fsync'), line(3, inside, '< fsync')].join(''))
  const told = await rank([text], { by: 'container' })
  assert.equal(
    told.rows.map((row) => ['container' in row && row.container, row.flushes.total]),
    [
      ['c'.repeat(12), 2],
      [null, 1],
    ],
  )
})

/** A section of a capture in which task 42 is `comm`, has `file` open as 4, writes to it, and flushes it. */
function sectionOf(comm: string, file: string, atNs: bigint): Buffer {
  const list = processList(9, [{ tid: 42, pid: 42, comm, exe: comm, exepath: `/bin/${comm}` }])
  const fds = fdList(42, [{ fd: 4, type: 16, payload: Buffer.concat([Buffer.from([3, 0, 0, 0]), str(file)]) }])
  const write = event(9, [i64(7), Buffer.from('x'), i64(4), u32(7)], { tid: 42, atNs })
  return Buffer.concat([section(), machine(), list, fds, write, generic(72, 74, true, { tid: 42, atNs: atNs + 1n })])
}

const day = 86_400_000_000_000n
for (const joined of [true, false]) {
  containers(`a number that is another program's: ${joined ? 'sections of one file' : 'several files'}`, async () => {
    const parts = [sectionOf('db', '/srv/a', 0n), sectionOf('web', '/srv/b', day), sectionOf('web', '/srv/c', 2n * day)]
    const files = joined ? [Buffer.concat(parts)] : parts
    const paths = files.map((bytes, k) => {
      const path = join(folder, `again-${joined}-${k}.scap`)
      writeFileSync(path, bytes)
      return path
    })
    const { rows } = await rank(paths, {})
    assert.equal(
      rows.map((row) => [
        'process' in row && row.process?.name,
        row.flushes.total,
        'topFiles' in row && row.topFiles?.map(({ path }) => path),
      ]),
      [
        ['web', 2, ['/srv/b', '/srv/c']],
        ['db', 1, ['/srv/a']],
      ],
    )
  })
}

containers.run()
