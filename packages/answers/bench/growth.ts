/**
 * Whether time grows with the log and memory does not: `rank --json` at three sizes of one log, all in turn.
 *
 *     npm run bench -- answers/bench/growth
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  benchOptions,
  circumstances,
  duration,
  flushtrace,
  inTurn,
  memory,
  middle,
  ratio,
  size as sizeText,
  table,
  times,
} from '../../../scripts/measure-command.ts'
import { repeatLog } from '../../../scripts/repeat-log.ts'

const { size, rounds } = benchOptions()

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  const logs = [1e8, 1e9, 4e9].map((bytes) => {
    const path = join(folder, String(bytes))
    repeatLog('fixtures/strace/sqlite-ext4/strace.txt.gz', path, bytes * size)
    return { path, bytes: statSync(path).size }
  })
  const runs = inTurn(
    logs.map(({ path, bytes }) => flushtrace(['rank', '--json', path], `rank of ${sizeText(bytes)}`)),
    rounds,
  )
  const rows = logs.map(({ bytes }, k) => [
    sizeText(bytes),
    duration(middle(runs[k], 'seconds')),
    duration(middle(runs[k], 'seconds') / (bytes / 1e9)),
    times(ratio(runs[k], runs[0], 'seconds') / (bytes / logs[0].bytes)),
    memory(runs[k]),
    times(ratio(runs[k], runs[0], 'peakMb')),
  ])
  console.log(circumstances(rounds))
  console.log(table(['sqlite-ext4', 'time', 'a GB', 'of the smallest’s', 'memory', 'of the smallest’s'], rows))
} finally {
  rmSync(folder, { recursive: true })
}
