/** Every input, as it is and damaged, keeps what promises.ts asks of it. `npm run fuzz` goes on from here. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cases, type Case } from './case.ts'
import { corpus } from './corpus.ts'
import { QUESTIONS, checkCase, reconcile, sameInPieces } from './promises.ts'

/** Enough to fail when a reader forgets what the long run has shown; that is `npm run fuzz`. */
const MUTATED = 60
const SEED = 20261125

const fuzz = suite('any bytes')

async function holds(one: Case): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-fuzz-'))
  try {
    await checkCase(one, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** How often the commands were asked about a capture: of a set once with each question, not once for each of its files. */
const asked = new Map<string, number>()

for (const [question, seed] of corpus().entries()) {
  const capture = seed.sameAs ?? seed.name
  const times = asked.get(capture) ?? 0
  asked.set(capture, times + 1)
  const one = { ...seed, question: seed.sameAs === null ? question : times, by: 'file', piece: 61 } as const
  const known = times >= QUESTIONS.length
  fuzz(`${seed.name}, as it is`, () => (known ? sameInPieces(one) : holds(one)))
}

fuzz('what inspect reads rank answers, unasked by what: a table names no process', async () => {
  const tables = corpus().filter(({ name }) => name.startsWith('strace/tables/'))
  assert.ok(tables.length > 0)
  for (const seed of tables) await holds({ ...seed, question: 0, by: 'process', piece: 61 })
})

fuzz('rank may refuse a trace of which no line can be read', async () => {
  const [one] = corpus().filter(({ name }) => name === 'strace/cut-last-line.txt')
  const cut = { ...one, bytes: Buffer.from('3000  fsync(3</srv/x'), beside: {} }
  await holds({ ...cut, question: 0, by: 'process', piece: 61 })
})

fuzz(`${MUTATED} mutated ones`, async () => {
  const cases = new Cases(SEED)
  for (let number = 0; number < MUTATED; number++) await holds(cases.make(number))
})

fuzz('a case comes again from its seed and number, and no two are alike', () => {
  const twice = [new Cases(7), new Cases(7)].map((cases) => [0, 1, 2].map((number) => cases.make(number)))
  assert.equal(twice[0], twice[1])
  assert.not.equal(new Cases(8).make(0), twice[0][0])
  assert.not.equal(twice[0][0].bytes, twice[0][1].bytes)
})

fuzz('a case that hangs is ended by its CPU time, one that waits is not', () => {
  const signalOf = (script: string): string | null => {
    const begin = `import { limitCpu } from './scripts/fuzz/cpu-limit.ts'; const begins = limitCpu(0.5);`
    const argv = ['--import', 'tsx', '--input-type=module', '-e', begin + script]
    return spawnSync(process.execPath, argv, { timeout: 60_000 }).signal
  }
  assert.is(signalOf('begins(); for (;;);'), 'SIGXCPU')
  const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)'
  assert.is(signalOf(`begins(); ${wait}`), null)
  const busy = 'const end = Date.now() + 200; while (Date.now() < end);'
  assert.is(signalOf(`for (let k = 0; k < 8; k++) { begins(); ${busy} }`), null, 'each case has its own time')
})

fuzz('an account that does not add up is told', () => {
  const lines = { total: 3, used: 1, counted: 1, signals: 0, exits: 0, notes: 0, foreign: 0, damaged: 0 }
  const answer = { rows: [{ path: 'x', kind: 'strace', lines }] } as unknown as Parameters<typeof reconcile>[0]
  assert.throws(() => reconcile(answer), /x \(strace\): 3 records/)
  answer.rows[0].lines = null
  assert.throws(() => reconcile(answer), /x \(strace\): no account/)
})

fuzz.run()
