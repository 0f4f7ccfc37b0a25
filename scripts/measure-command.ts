/** Whole processes measured side by side, for benchmarks: wall time, and peak resident memory as the kernel counted it. */
import { execFileSync, spawnSync } from 'node:child_process'
import { median } from 'd3-array'

const ROUNDS = 5
export const FLUSHTRACE: readonly string[] = ['packages/cli/bin/flushtrace.js']

export interface Measured {
  seconds: number
  /** Peak resident memory in MB. */
  peakMb: number
}

/** Medians over the rounds; `ratio` is the median of the pairs' ratios: their time divided by ours. */
export interface Compared {
  ours: Measured
  theirs: Measured
  ratio: number
}

export function buildCli(): void {
  execFileSync('npm', ['run', '-s', 'build', '--', 'cli'], { stdio: 'ignore' })
}

/** One run, from the start of the process to its end; needs GNU time. Throws when the program could not be run. */
export function measured(program: string, args: readonly string[]): Measured {
  const from = process.hrtime.bigint()
  // The shell's time would count the shell; GNU time tells the peak of the program itself.
  const done = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const seconds = Number(process.hrtime.bigint() - from) / 1e9
  const peak = Number(done.stderr?.toString().trim().split('\n').pop() ?? NaN)
  if (done.status === 127 || Number.isNaN(peak)) throw new Error(`${program} ${args.join(' ')}: ${String(done.stderr)}`)
  return { seconds, peakMb: peak / 1000 }
}

/** `flushtrace` with `args` against another program, in turn, A B A B …, after one run of each to fill the page cache. */
export function compare(args: readonly string[], program: string, theirArgs: readonly string[]): Compared {
  const round = (): { ours: Measured; theirs: Measured } => ({
    ours: measured('node', [...FLUSHTRACE, ...args]),
    theirs: measured(program, theirArgs),
  })
  round()
  const rounds = Array.from({ length: ROUNDS }, round)
  const middle = (pick: (pair: { ours: Measured; theirs: Measured }) => number): number => median(rounds, pick) ?? NaN
  return {
    ours: { seconds: middle(({ ours }) => ours.seconds), peakMb: middle(({ ours }) => ours.peakMb) },
    theirs: { seconds: middle(({ theirs }) => theirs.seconds), peakMb: middle(({ theirs }) => theirs.peakMb) },
    ratio: middle(({ ours, theirs }) => theirs.seconds / ours.seconds),
  }
}

/** One comparison as a line: both times and memory, and how many times faster ours was. */
export function comparison(
  args: readonly string[],
  program: string,
  theirArgs: readonly string[],
  name: string,
): string {
  const { ours, theirs, ratio } = compare(args, program, theirArgs)
  const one = ({ seconds, peakMb }: Measured): string => `${seconds.toFixed(2)} s, ${peakMb.toFixed(0)} MB`
  return `flushtrace (${one(ours)}) against ${name} (${one(theirs)}): ${ratio.toFixed(2)} × as fast`
}
