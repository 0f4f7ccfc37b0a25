/**
 * `rank --json` over large strace logs against `grep -c fsync` on the same file: whole processes, in turn, A B A B …,
 * the median of the ratios of pairs. Then memory at 100 MB and 2 GB, and start-up against `node -e 0`.
 *
 *     npm run bench -- answers/bench/strace        FLUSHTRACE_BENCH_MB=400 chooses the size
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from 'd3-array'
import { repeatLog } from '../../../scripts/repeat-log.ts'

const ROUNDS = 5
const MB = 1e6
const SIZE = Number(process.env.FLUSHTRACE_BENCH_MB ?? 1000) * MB
const FLUSHTRACE = ['packages/cli/bin/flushtrace.js']
const FIXTURES = {
  'attach-samba': 'fixtures/strace/attach-samba/strace.txt.gz',
  'sqlite-ext4': 'fixtures/strace/sqlite-ext4/strace.txt.gz',
}

interface Run {
  seconds: number
  /** Peak resident memory in MB, as the kernel counted it. */
  peakMb: number
}

execFileSync('npm', ['run', '-s', 'build', '--', 'cli'], { stdio: 'ignore' })
const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  console.log(
    `${cpus().length} × ${cpus()[0].model}, Node ${process.version}, ${execFileSync('grep', ['--version']).toString().split('\n')[0]}`,
  )
  for (const [name, fixture] of Object.entries(FIXTURES)) {
    const log = join(folder, 'log')
    repeatLog(fixture, log, SIZE)
    throughput(name, log)
  }
  memory(FIXTURES['sqlite-ext4'])
  startUp()
} finally {
  rmSync(folder, { recursive: true })
}

function throughput(name: string, log: string): void {
  const pairs: { ours: Run; grep: Run }[] = []
  run('grep', ['-c', 'fsync', log]) // into the page cache
  for (let k = 0; k < ROUNDS; k++) {
    pairs.push({ ours: run('node', [...FLUSHTRACE, 'rank', log, '--json']), grep: run('grep', ['-c', 'fsync', log]) })
  }
  const of = (pick: (pair: { ours: Run; grep: Run }) => number): string => (median(pairs, pick) ?? NaN).toFixed(2)
  console.log(
    `${name}, ${SIZE / MB} MB: rank ${of(({ ours }) => ours.seconds)} s (${of(({ ours }) => SIZE / ours.seconds / 1e9)} GB/s, ` +
      `${of(({ ours }) => ours.peakMb)} MB), grep -c fsync ${of(({ grep }) => grep.seconds)} s ` +
      `(${of(({ grep }) => SIZE / grep.seconds / 1e9)} GB/s): ${of(({ ours, grep }) => grep.seconds / ours.seconds)} × grep's throughput`,
  )
}

function memory(fixture: string): void {
  for (const size of [100, 2000]) {
    const log = join(folder, 'log')
    repeatLog(fixture, log, size * MB)
    const runs = [0, 1, 2].map(() => run('node', [...FLUSHTRACE, 'rank', log, '--json']))
    console.log(`memory at ${size} MB: ${(median(runs, ({ peakMb }) => peakMb) ?? NaN).toFixed(0)} MB peak resident`)
  }
}

function startUp(): void {
  const tiny = 'fixtures/strace/fd-ext4/strace.txt'
  const commands: [string, string[]][] = [
    ['node -e 0', ['-e', '0']],
    ['flushtrace --help', [...FLUSHTRACE, '--help']],
    ['flushtrace rank (100 kB)', [...FLUSHTRACE, 'rank', tiny]],
  ]
  for (const [name, args] of commands) {
    const runs = Array.from({ length: 11 }, () => run('node', args))
    console.log(`start-up: ${name} ${((median(runs, ({ seconds }) => seconds) ?? NaN) * 1000).toFixed(0)} ms`)
  }
}

function run(program: string, args: string[]): Run {
  const from = process.hrtime.bigint()
  // The shell's time would count the shell; GNU time tells the peak of the program itself.
  const done = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], { maxBuffer: 1 << 28 })
  const seconds = Number(process.hrtime.bigint() - from) / 1e9
  const peak = Number(done.stderr.toString().trim().split('\n').pop())
  if (Number.isNaN(peak)) throw new Error(`${program} ${args.join(' ')}: ${done.stderr.toString()}`)
  return { seconds, peakMb: peak / 1000 }
}
