/**
 * What unpacking adds: `rank --json` of one log, as it is, packed by gzip and by zstd, and the unpacking alone.
 *
 *     npm run bench -- answers/bench/packed
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  benchOptions,
  besideFirst,
  circumstances,
  flushtrace,
  inTurn,
  isInstalled,
  memory,
  size as sizeText,
  table,
} from '../../../scripts/measure-command.ts'
import { repeatLog } from '../../../scripts/repeat-log.ts'

const { size, rounds } = benchOptions()

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  const log = join(folder, 'log')
  repeatLog('fixtures/strace/attach-samba/strace.txt.gz', log, 1e8 * size)
  const packed = [
    { program: 'gzip', suffix: '.gz' },
    { program: 'zstd', suffix: '.zst' },
  ].filter(({ program }) => isInstalled(program) && spawnSync(program, ['-kq', log]).status === 0)
  const contenders = [
    flushtrace(['rank', '--json', log], 'rank'),
    ...packed.map(({ program, suffix }) => flushtrace(['rank', '--json', `${log}${suffix}`], `rank of ${program}’s`)),
    ...packed.map(({ program, suffix }) => ({ name: `${program} -dc`, program, args: ['-dc', `${log}${suffix}`] })),
  ]
  const runs = inTurn(contenders, rounds)
  const rows = besideFirst(contenders, runs).map((cells, k) => [...cells, memory(runs[k])])
  console.log(circumstances(rounds))
  console.log(`attach-samba, ${sizeText(statSync(log).size)}:\n`)
  console.log(table(['', 'time', 'of the plain one’s', 'CPU time', 'of the plain one’s', 'memory'], rows))
} finally {
  rmSync(folder, { recursive: true })
}
