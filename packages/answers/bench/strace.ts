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
const LOGS = [
  { name: 'attach-samba', bytes: 1e9 },
  { name: 'attach-samba', bytes: 4.1e8 },
  { name: 'sqlite-ext4', bytes: 1e9 },
]

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  console.log(circumstances(rounds, version('grep')))
  for (const { name, bytes } of LOGS) {
    const log = join(folder, 'log')
    repeatLog(`fixtures/strace/${name}/strace.txt.gz`, log, bytes * size)
    console.log(`${name}, ${sizeText(statSync(log).size)}:\n`)
    console.log(`${comparison(withAllThreads(log), rounds)}\n`)
    console.log(`${comparison(withOneThread(log), rounds)}\n`)
  }
} finally {
  rmSync(folder, { recursive: true })
}

function withAllThreads(log: string): Contender[] {
  return [
    flushtrace(['rank', '--json', log], 'flushtrace rank --json'),
    grep(log, 0.4),
    { name: 'wc -l', program: 'wc', args: ['-l', log] },
    // GitLab's, in Rust; and Perfetto's, in C++.
    { name: 'strace-parser summary', program: 'strace-parser', args: [log, 'summary'] },
    { name: 'trace_processor_shell', program: 'trace_processor_shell', args: [log, '-q', '/dev/null'] },
  ]
}

function withOneThread(log: string): Contender[] {
  return [flushtrace(['rank', '--json', '--threads', '1', log], 'flushtrace rank --json --threads 1'), grep(log, 0.2)]
}

function grep(log: string, aim: number): Contender {
  return { name: 'grep -c fsync', program: 'grep', args: ['-c', 'fsync', log], aim }
}
