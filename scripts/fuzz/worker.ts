/** Runs cases until told to stop. A process of its own: a hang or a full memory ends it, not the one that watches. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cases } from './case.ts'
import { limitCpu } from './cpu-limit.ts'
import { checkCase } from './promises.ts'

/** A case takes 0.3 s, the slowest 2 s: one that takes this long hangs. */
const MOST_CPU_SECONDS = 30

const [seed, from, ...words] = process.argv.slice(2)
const cases = new Cases(Number(seed), words)
const begins = limitCpu(MOST_CPU_SECONDS)
process.on('disconnect', () => process.exit(0))
for (let number = Number(from); ; number++) {
  begins()
  process.send?.({ begun: number })
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-fuzz-'))
  try {
    await checkCase(cases.make(number), folder)
  } catch (error) {
    process.send?.({ failed: number, why: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
