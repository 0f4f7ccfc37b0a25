/**
 * What explain costs beyond reading: 100,000 flushes, each a write and an fsync, with two requests each, all explained.
 * `rank` reads the same sources and counts.
 *
 *     npm run bench -- answers/bench/explain
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFlushes, writeFlushRequests } from '../../../scripts/make-capture.ts'
import { benchOptions, beyond, circumstances, flushtrace } from '../../../scripts/measure-command.ts'

const { size, rounds } = benchOptions()
const FLUSHES = 100_000 * size

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  writeFlushes(folder, FLUSHES)
  writeFlushRequests(folder, FLUSHES)
  const sources = [folder, '--json', '--clock', 'blkparse.txt=+0']
  console.log(circumstances(rounds))
  console.log(`${FLUSHES.toLocaleString('en')} flushes with ${(2 * FLUSHES).toLocaleString('en')} block requests:\n`)
  const contenders = [
    flushtrace(['rank', ...sources], 'flushtrace rank'),
    flushtrace(['locate', ...sources], 'flushtrace locate'),
    { ...flushtrace(['explain', ...sources, '--process', '700'], 'flushtrace explain --process'), aim: 2 },
  ]
  console.log(beyond(contenders, rounds))
} finally {
  rmSync(folder, { recursive: true })
}
