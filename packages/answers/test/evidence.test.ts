/** Where a fact stands that no line of the trace tells. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { events } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const evidence = suite('evidence')
evidence.after(() => rmSync(folder, { recursive: true }))

const LOG = `7 1700000000.0 fsync(3) = 0 <0.001>
7 1700000000.1 msync(0x10000, 4096, MS_SYNC) = 0 <0.001>
8 1700000000.2 fsync(3) = 0 <0.001>
8 1700000000.3 openat(AT_FDCWD, "/srv/c", O_RDWR) = 4 <0.001>
8 1700000000.4 fsync(4) = 0 <0.001>
`

evidence('saved /proc state is named by its file, or its folder of links', async () => {
  mkdirSync(join(folder, 'proc/7'), { recursive: true })
  mkdirSync(join(folder, 'proc/8/fd'), { recursive: true })
  writeFileSync(join(folder, 'proc/7/fd'), 'lrwx------ 1 root root 64 Nov 20 11:51 3 -> /srv/a\n')
  writeFileSync(join(folder, 'proc/7/maps'), '10000-20000 rw-s 00000000 08:01 9 /srv/m\n')
  symlinkSync('/srv/b', join(folder, 'proc/8/fd/3'))
  writeFileSync(join(folder, 'strace.txt'), LOG)
  const told: unknown[] = []
  await events([folder], {}, (event) => told.push(...event.evidence))
  assert.equal(told, [
    { rule: 'saved-proc', source: join(folder, 'proc/7/fd'), at: null },
    { rule: 'saved-proc', source: join(folder, 'proc/7/maps'), at: null },
    { rule: 'saved-proc', source: join(folder, 'proc/8/fd'), at: null },
    { rule: 'open', source: join(folder, 'strace.txt'), at: 4 },
  ])
})

evidence.run()
