import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { counts, linesAccounted, read, show } from './source.ts'
import { VECTORS } from './vectors.ts'

const vectors = suite('vectors')

for (const { id, what, lines, ...expected } of VECTORS) {
  vectors(`${id} ${what}`, async () => {
    const { rows, facts, diagnostics } = await read(`${lines.join('\n')}\n`)
    assert.equal(rows.map(show), expected.rows)
    assert.equal(counts(facts), expected.counts)
    assert.equal(facts.calls, expected.calls)
    assert.equal(Object.fromEntries(diagnostics.map(({ code, count }) => [code, count])), expected.diagnostics ?? {})
    assert.is(facts.lines, lines.length)
    assert.is(linesAccounted(facts), lines.length)
  })
}

vectors('every vector, in order', () => {
  assert.equal(
    VECTORS.map(({ id }) => id),
    Array.from({ length: 55 }, (_, k) => `V${k + 1}`),
  )
})

vectors.run()
