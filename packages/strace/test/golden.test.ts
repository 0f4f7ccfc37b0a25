/**
 * One sample a situation: fixtures/strace/NAME.txt against NAME.golden.json. A new sample is a new test. UPDATE=1
 * rewrites the golden files; read the difference before you commit it.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { linesAccounted, read, show, type Read } from './source.ts'

const FOLDER = new URL('../../../fixtures/strace/', import.meta.url)

const golden = suite('golden')

/** JSON with one row a line, so that a difference is read like one of the logs themselves. */
function render({ rows, facts, diagnostics }: Read): string {
  const list = (items: readonly unknown[]): string =>
    items.length === 0 ? '[]' : `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`
  const places = diagnostics.map(({ code, count, message, first }) => ({ code, count, message, line: first?.record }))
  const shown = Object.entries({ ...facts, summary: undefined }).filter(([, value]) => value !== undefined)
  return `{
  "rows": ${list(rows)},
  "facts": {
${shown.map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')}
  },
  "summary": ${list(facts.summary)},
  "diagnostics": ${list(places)}
}
`
}

for (const name of readdirSync(FOLDER).sort()) {
  if (!name.endsWith('.txt')) continue
  golden(name, async () => {
    const bytes = readFileSync(new URL(name, FOLDER))
    const result = await read(bytes)
    const text = render(result)
    const file = new URL(name.replace(/txt$/, 'golden.json'), FOLDER)
    if (process.env.UPDATE || !existsSync(file)) writeFileSync(file, text)
    assert.fixture(text, readFileSync(file, 'utf8'))
    JSON.parse(text)
    assert.is(linesAccounted(result.facts), result.facts.lines)
    assert.ok(result.rows.every((row) => show(row) !== ''))
  })
}

golden.run()
