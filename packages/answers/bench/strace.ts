/**
 * `rank --json` over large strace logs against `grep -c fsync` on the same file: whole processes, in turn, A B A B …,
 * the median of the ratios of pairs. Then memory at 100 MB and 2 GB, and start-up against `node -e 0`.
 *
 *     npm run bench -- answers/bench/strace        FLUSHTRACE_BENCH_MB=400 chooses the size
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from 'd3-array'
import { buildCli, compare, FLUSHTRACE, measured } from '../../../scripts/measure-command.ts'
import { repeatLog } from '../../../scripts/repeat-log.ts'

const MB = 1e6
const SIZE = Number(process.env.FLUSHTRACE_BENCH_MB ?? 1000) * MB
const FIXTURES = {
  'attach-samba': 'fixtures/strace/attach-samba/strace.txt.gz',
  'sqlite-ext4': 'fixtures/strace/sqlite-ext4/strace.txt.gz',
}

buildCli()
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
  const { ours, theirs, ratio } = compare(['rank', log, '--json'], 'grep', ['-c', 'fsync', log])
  const rate = (seconds: number): string => `${seconds.toFixed(2)} s, ${(SIZE / seconds / 1e9).toFixed(2)} GB/s`
  console.log(
    `${name}, ${SIZE / MB} MB: rank --json (${rate(ours.seconds)}, ${ours.peakMb.toFixed(0)} MB) against ` +
      `grep -c fsync (${rate(theirs.seconds)}): ${ratio.toFixed(2)} × grep's throughput`,
  )
}

function memory(fixture: string): void {
  for (const size of [100, 2000]) {
    const log = join(folder, 'log')
    repeatLog(fixture, log, size * MB)
    const runs = [0, 1, 2].map(() => measured('node', [...FLUSHTRACE, 'rank', log, '--json']))
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
    const runs = Array.from({ length: 11 }, () => measured('node', args))
    console.log(`start-up: ${name} ${((median(runs, ({ seconds }) => seconds) ?? NaN) * 1000).toFixed(0)} ms`)
  }
}
