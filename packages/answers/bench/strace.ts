/**
 * `rank --json` over large strace logs beside programs that read the same bytes: grep and wc, which understand nothing of
 * them, and other readers of strace logs, where they are installed.
 *
 *     npm run bench -- answers/bench/strace
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  benchOptions,
  circumstances,
  comparison,
  flushtrace,
  size as sizeText,
  version,
  type Contender,
} from '../../../scripts/measure-command.ts'
import { repeatLog } from '../../../scripts/repeat-log.ts'

const { size, rounds } = benchOptions()
const LOGS = ['attach-samba', 'sqlite-ext4']

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  console.log(circumstances(rounds, version('grep')))
  for (const name of LOGS) {
    const log = join(folder, 'log')
    repeatLog(`fixtures/strace/${name}/strace.txt.gz`, log, 1e9 * size)
    console.log(`${name}, ${sizeText(statSync(log).size)}:\n`)
    console.log(`${comparison(contenders(log), rounds)}\n`)
  }
} finally {
  rmSync(folder, { recursive: true })
}

function contenders(log: string): Contender[] {
  return [
    flushtrace(['rank', '--json', log], 'flushtrace rank --json'),
    { name: 'grep -c fsync', program: 'grep', args: ['-c', 'fsync', log], aim: 0.4 },
    { name: 'wc -l', program: 'wc', args: ['-l', log] },
    // GitLab's, in Rust; and Perfetto's, in C++.
    { name: 'strace-parser summary', program: 'strace-parser', args: [log, 'summary'] },
    { name: 'trace_processor_shell', program: 'trace_processor_shell', args: [log, '-q', '/dev/null'] },
  ]
}
