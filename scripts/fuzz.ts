/**
 * Mutated fixtures through every reader and command, for as long as you like.
 *
 *     npm run fuzz -- [--seconds N] [--seed N] [--from N] [--case N] [--out FOLDER] [WORD...]
 *
 * Any bytes give an answer or one clear line; never a crash, a hang, or memory without bound; the counts always add up;
 * the size of the pieces that the bytes arrive in makes no difference; nothing raw reaches the terminal. WORD: only
 * fixtures whose name holds it. A failing input is written to FOLDER (default: a new one below the system's temporary
 * folder), with the seed and number that make it again (`--seed N --case N`). Exits 1 when anything failed.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Cases } from './fuzz/case.ts'
import { checkCase } from './fuzz/promises.ts'

/** A case that waits for what never comes takes no CPU time (cpu-limit.ts); nothing waits this long on any machine. */
const STUCK_SECONDS = 300
/** Of V8's heap; inputs are below 1 MiB. */
const HEAP_MIB = 512
/** Further failures are most likely the same one again. */
const MOST_FAILURES = 20

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    case: { type: 'string' },
    out: { type: 'string' },
  },
})
const seed = Number(values.seed)
const cases = new Cases(seed, words)
if (cases.count === 0) {
  console.error(`fuzz: no fixture's name holds ${words.join(' or ')}`)
  process.exit(2)
}
console.log(`seed ${seed}, ${cases.count} inputs`)
if (values.case !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-fuzz-'))
  await checkCase(cases.make(Number(values.case)), folder).finally(() => rmSync(folder, { recursive: true }))
  console.log('holds')
} else process.exitCode = await watch(Number(values.seconds))

interface Message {
  begun?: number
  failed?: number
  why?: string
}

/** The exit code. */
async function watch(seconds: number): Promise<number> {
  const endAt = Date.now() + seconds * 1000
  let failures = 0
  let running = Number(values.from)
  let begunAt = Date.now()
  const report = (number: number, why: string): void => {
    failures++
    const out = values.out ?? mkdtempSync(join(tmpdir(), 'flushtrace-found-'))
    mkdirSync(out, { recursive: true })
    const { name, place, bytes } = cases.make(number)
    const path = join(out, `${seed}-${number}-${place.replaceAll('/', '-')}`)
    writeFileSync(path, bytes)
    console.log(`\nFAILED --seed ${seed} --case ${number} (${name}), input in ${path}\n${why}`)
  }
  const start = (from: number): ChildProcess => {
    begunAt = Date.now()
    const child = fork(new URL('./fuzz/worker.ts', import.meta.url), [String(seed), String(from), ...words], {
      execArgv: ['--conditions=dev', '--import', 'tsx', `--max-old-space-size=${HEAP_MIB}`],
    })
    child.on('message', ({ begun, failed, why }: Message) => {
      begunAt = Date.now()
      if (begun !== undefined) running = begun
      if (failed !== undefined) report(failed, why ?? '')
    })
    return child
  }
  let child = start(running)
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  while (Date.now() < endAt && failures < MOST_FAILURES) {
    await wait(250)
    const died = child.exitCode !== null || child.signalCode !== null
    const stuck = Date.now() - begunAt > STUCK_SECONDS * 1000
    if (!died && !stuck) continue
    const ended =
      child.signalCode === 'SIGXCPU' ? 'no end: all its CPU time is used' : (child.signalCode ?? child.exitCode)
    report(running, died ? `the process ended: ${ended}` : `no end in ${STUCK_SECONDS} s`)
    child.kill('SIGKILL')
    child = start(running + 1)
  }
  child.kill('SIGKILL')
  console.log(`${running - Number(values.from)} cases, ${failures} failed (seed ${seed})`)
  return failures > 0 ? 1 : 0
}
