/**
 * What locate costs beyond reading: a million block writes in random order against a million scattered extents. `inspect`
 * reads the same sources and asks nothing of them.
 *
 *     npm run bench -- answers/bench/locate
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeMap, writeWriteback } from '../../../scripts/make-capture.ts'
import { benchOptions, beyond, circumstances, flushtrace } from '../../../scripts/measure-command.ts'

const { size, rounds } = benchOptions()
const COUNT = 1_000_000 * size

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  writeMap(folder, COUNT)
  writeWriteback(folder, COUNT, COUNT)
  console.log(circumstances(rounds))
  console.log(`${COUNT.toLocaleString('en')} block writes, as many extents:\n`)
  const contenders = [
    flushtrace(['inspect', '--json', folder], 'flushtrace inspect'),
    { ...flushtrace(['locate', '--json', folder], 'flushtrace locate'), aim: 3 },
  ]
  console.log(beyond(contenders, rounds))
} finally {
  rmSync(folder, { recursive: true })
}
