/** Every recorded strace log of the fixtures against what is known of it: call by call, file by file. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareWithTruth, type Truth } from '../../../scripts/truth-cells.ts'

const FIXTURES = 'fixtures/strace'

const truths = suite('strace logs of known truth')

for (const file of readdirSync(join(FIXTURES, 'truth')).sort()) {
  const name = basename(file, '.json')
  truths(name, async () => {
    const truth = JSON.parse(readFileSync(join(FIXTURES, 'truth', file), 'utf8')) as Truth
    assert.ok(existsSync(join(FIXTURES, name)), `no capture for ${file}`)
    const { wrong, right, total } = await compareWithTruth([join(FIXTURES, name)], truth)
    assert.equal(wrong, [])
    // At most two cells are explained by what the truth itself cannot show.
    assert.ok(right >= total - 2, `${right} of ${total} right`)
  })
}

truths.run()
