/** Whole processes measured side by side: what the benchmarks of the packages are made of. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { median } from 'd3-array'

/** A command to measure. */
export interface Contender {
  /** How the table calls it. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** Where it runs, for one that writes where it stands. */
  readonly cwd?: string
  /** How many times as fast flushtrace is to be; for what our own commands cost, seconds. */
  readonly aim?: number
}

/** One run of a process, from its start to its end. */
export interface Run {
  readonly seconds: number
  /** Of all its threads, user and system. */
  readonly cpuSeconds: number
  /** Peak resident memory in MB. */
  readonly peakMb: number
}

/** Arguments that scripts/bench.ts hands on: the share of the documented size, rounds, and what the file itself takes. */
export function benchOptions(
  defaultRounds = 5,
  args = process.argv.slice(2),
): { size: number; rounds: number; rest: string[] } {
  const { values, positionals } = parseArgs({
    args,
    options: { size: { type: 'string' }, rounds: { type: 'string' } },
    allowPositionals: true,
  })
  return { size: Number(values.size ?? 1), rounds: Number(values.rounds ?? defaultRounds), rest: positionals }
}

/** The command line as it is published. */
export function buildCli(): void {
  execFileSync('npm', ['run', '-s', 'build', '--', 'cli'], { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** The command line as built, e.g. `flushtrace(['rank', '--json', log])`. */
export function flushtrace(args: readonly string[], name = `flushtrace ${args[0]}`): Contender {
  return { name, program: process.execPath, args: ['packages/cli/bin/flushtrace.cjs', ...args] }
}

/** Whether the shell finds it. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
}

/** Rounds of all contenders in turn, A B C A B C …, after one that fills the page cache where there are more. By contender. */
export function inTurn(contenders: readonly Contender[], rounds: number): Run[][] {
  if (rounds > 1) for (const contender of contenders) measured(contender)
  const runs: Run[][] = contenders.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [k, contender] of contenders.entries()) {
      process.stderr.write(`  round ${round + 1} of ${rounds}: ${contender.name}\n`)
      runs[k].push(measured(contender))
    }
  }
  return runs
}

/** bash counts the milliseconds of CPU time, GNU time the peak memory; either's own cost is under 2 ms. */
const MEASURE = 'TIMEFORMAT="%R %U %S"; time /usr/bin/time -f %M "$@" >/dev/null'

/** What a machine adds to each start of Node hides what a program adds: certificates are 55 ms of Node 20. */
const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...ENVIRONMENT } = process.env

/** Throws where the program could not be run, or failed; 1 is what grep says where it finds nothing. */
function measured({ name, program, args, cwd }: Contender): Run {
  const { status, stderr } = spawnSync('bash', ['-c', MEASURE, 'bash', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd,
    env: { ...ENVIRONMENT, LC_ALL: 'C' },
    encoding: 'utf8',
  })
  const [peak, clock] = stderr.trim().split('\n').slice(-2)
  const [seconds, user, system] = (clock ?? '').split(' ').map(Number)
  if (status === null || status > 1 || Number.isNaN(Number(peak))) throw new Error(`${name} failed: ${stderr}`)
  return { seconds, cpuSeconds: user + system, peakMb: Number(peak) / 1000 }
}

/** Median of the rounds. */
export function middle(runs: readonly Run[], of: keyof Run): number {
  return median(runs, (run) => run[of]) ?? NaN
}

/** Median of the rounds' ratios: what `theirs` took in times of `ours`. */
export function ratio(theirs: readonly Run[], ours: readonly Run[], of: keyof Run): number {
  return median(theirs, (run, round) => run[of] / ours[round][of]) ?? NaN
}

/** What further questions cost beyond the first contender, which only reads. `aim`: seconds at most. */
export function beyond(contenders: readonly Contender[], rounds: number): string {
  const runs = inTurn(contenders, rounds)
  const more = (k: number, of: keyof Run): number =>
    median(runs[k], (run, round) => run[of] - runs[0][round][of]) ?? NaN
  const rows = contenders.map((contender, k) => {
    const cells = [code(contender), duration(middle(runs[k], 'seconds')), memory(runs[k])]
    if (k === 0) return [...cells, '', '', '']
    const limit = contender.aim === undefined ? '' : duration(contender.aim)
    return [...cells, duration(more(k, 'seconds')), duration(more(k, 'cpuSeconds')), limit]
  })
  return table(['', 'time', 'memory', 'beyond reading', 'CPU time beyond reading', 'at most'], rows)
}

/** The first contender is ours; the others are rows that say how many times faster it is, or that they are not there. */
export function comparison(contenders: readonly Contender[], rounds: number): string {
  const present = contenders.filter(({ program }) => isInstalled(program))
  const runs = inTurn(present, rounds)
  const rows = contenders.map((contender) => {
    const own = runs[present.indexOf(contender)]
    if (!own) return [code(contender), 'not installed', '', '', '', '', aim(contender)]
    const cells = [code(contender), duration(middle(own, 'seconds')), duration(middle(own, 'cpuSeconds')), memory(own)]
    if (contender === contenders[0]) return [...cells, '', '', '']
    return [...cells, times(ratio(own, runs[0], 'seconds')), times(ratio(own, runs[0], 'cpuSeconds')), aim(contender)]
  })
  return table(['', 'time', 'CPU time', 'memory', 'flushtrace is … as fast', 'by CPU time', 'aim'], rows)
}

/** A row each: its time and its CPU time, and both in times of the first one's. */
export function besideFirst(contenders: readonly Contender[], runs: readonly (readonly Run[])[]): string[][] {
  return contenders.map((contender, k) => [
    code(contender),
    duration(middle(runs[k], 'seconds')),
    times(ratio(runs[k], runs[0], 'seconds')),
    duration(middle(runs[k], 'cpuSeconds')),
    times(ratio(runs[k], runs[0], 'cpuSeconds')),
  ])
}

const code = ({ name }: Contender): string => `\`${name}\``
const aim = ({ aim }: Contender): string => (aim === undefined ? '' : times(aim))

/** As `96 MB`: the median of the peaks. */
export function memory(runs: readonly Run[]): string {
  return `${middle(runs, 'peakMb').toFixed(0)} MB`
}

/** As `2.14 ×`. */
export function times(n: number): string {
  return `${n.toFixed(2)} ×`
}

/** As `127 ms` or `2.40 s`. */
export function duration(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`
}

/** Bytes with three figures, as `1.02 GB`. */
export function size(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toPrecision(3)} MB` : `${(bytes / 1e9).toPrecision(3)} GB`
}

/** As Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** When and on what: the line that stands above every table. `versions`: of other programs, as they tell it. */
export function circumstances(rounds: number, versions: readonly string[] = []): string {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}, Linux ${release().split('-')[0]}, Node ${process.versions.node}`
  const date = new Date().toISOString().slice(0, 10)
  const method = rounds === 1 ? 'one round' : `median of ${rounds} rounds`
  return `${[date, commit, machine, ...versions].join(', ')}; ${method}.\n`
}

/** First line that a program prints of its version; nothing where it isn't installed. */
export function version(program: string, flag = '--version'): string[] {
  const { stdout, stderr, error } = spawnSync(program, [flag], { encoding: 'utf8' })
  return error ? [] : [`${stdout}${stderr}`.trim().split('\n')[0]]
}
