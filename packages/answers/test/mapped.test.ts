/** Who can store into a file without a call: mappings of the trace, and those that only saved /proc state tells of. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rank } from '../src/rank.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const mapped = suite('mapped writers')
mapped.after(() => rmSync(folder, { recursive: true }))

function save(name: string, lines: readonly string[]): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''))
}

const map = (at: number, pages: number, how: string, path: string): string =>
  `${at.toString(16)}-${(at + pages * 4096).toString(16)} ${how} 00000000 fd:01 ${at / 4096} ${path}`
for (const pid of [100, 200]) {
  save(`proc/${pid}/comm`, [`holder${pid}`])
  save(`proc/${pid}/maps`, [
    map(0x10000, 2, 'rw-s', '/srv/names.tdb'),
    map(0x20000, 3, 'rw-s', '/srv/again.tdb'),
    map(0x30000, 1, 'r--s', '/srv/read.tdb'),
    map(0x40000, 1, 'rw-p', '/srv/private.tdb'),
    map(0x50000, 1, 'rw-s', '/dev/zero (deleted)'),
  ])
}
save('strace.txt', [
  '100 1700000000.000000 getpid() = 100 <0.000001>',
  '200 1700000000.100000 openat(AT_FDCWD, "/srv/again.tdb", O_RDWR) = 9 <0.000001>',
  '200 1700000000.200000 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 9, 0) = 0x7f0000000000 <0.000001>',
  '200 1700000000.300000 msync(0x7f0000000000, 4096, MS_SYNC) = 0 <0.000100>',
])

// Process 100 makes no call of interest: only its saved state tells of it.
mapped('of a file that nobody flushes it is told who has it mapped', async () => {
  const { rows, total } = await rank([folder], { by: 'file' })
  assert.equal(
    rows.map(({ file, flushes, mapped: { files, bytesUpperBound, before }, processes }) => [
      file?.path,
      flushes.total,
      { files, bytesUpperBound, before },
      processes?.map((process) => [process.pid, process.name, process.mapped, process.flushes]),
    ]),
    [
      [
        '/srv/again.tdb',
        1,
        { files: 1, bytesUpperBound: 12288, before: 0 },
        [
          [200, 'holder200', true, 1],
          [100, 'holder100', true, 0],
        ],
      ],
      [
        '/srv/names.tdb',
        0,
        { files: 1, bytesUpperBound: 8192, before: 1 },
        [
          [200, 'holder200', true, 0],
          [100, 'holder100', true, 0],
        ],
      ],
    ],
  )
  assert.equal(total.mapped, { files: 2, bytesUpperBound: 20480, before: 1 })
  assert.is(total.mappingProcesses, 2)
})

mapped('a process that only has files mapped is a row of its own', async () => {
  const { rows } = await rank([folder])
  assert.equal(
    rows.map(({ process, flushes, mapped: { files, before } }) => [process?.pid, flushes.total, files, before]),
    [
      [200, 1, 2, 1],
      [100, 0, 2, 2],
    ],
  )
})

mapped('a mapping is no call', async () => {
  const { rows } = await rank([folder], { by: 'call' })
  assert.equal(
    rows.map(({ call }) => call),
    ['msync'],
  )
})

mapped.run()
