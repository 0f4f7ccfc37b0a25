import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics, type DiagnosticKind } from '../src/diagnostics.ts'

const table = suite('diagnostics')

const NOTE: DiagnosticKind = { code: 'test/note', severity: 'info', message: 'A note.', fix: 'nothing' }
const LOST: DiagnosticKind = { code: 'test/lost', severity: 'loss', message: 'Lost {}, {}.', fix: 'record again' }
const BAD: DiagnosticKind = { code: 'test/bad', severity: 'error', message: 'Bad: {}.', fix: 'look' }

table('counts by kind and keeps the first place and detail', () => {
  const diagnostics = new Diagnostics()
  diagnostics.add(BAD, { source: 'a', record: 3 }, 'first')
  diagnostics.add(BAD, { source: 'b', record: 4 }, 'second')
  diagnostics.add(BAD, null, '', 5)
  assert.equal(diagnostics.rows(), [
    {
      code: 'test/bad',
      severity: 'error',
      count: 7,
      message: 'Bad: first.',
      fix: 'look',
      note: false,
      first: { source: 'a', record: 3 },
    },
  ])
  assert.is(diagnostics.count(BAD), 7)
  assert.is(diagnostics.count(NOTE), 0)
})

table('errors first, then losses, then notes', () => {
  const diagnostics = new Diagnostics()
  for (const kind of [NOTE, LOST, BAD]) diagnostics.add(kind)
  assert.equal(
    diagnostics.rows().map(({ code }) => code),
    ['test/bad', 'test/lost', 'test/note'],
  )
})

table('a detail is text, not a replacement pattern', () => {
  const diagnostics = new Diagnostics()
  diagnostics.add(BAD, null, "$& $' {}")
  assert.is(diagnostics.rows()[0].message, "Bad: $& $' {}.")
})

table('is JSON-safe', () => {
  const diagnostics = new Diagnostics()
  diagnostics.add(LOST, { source: 'a', offset: 7 }, 'x')
  assert.equal(JSON.parse(JSON.stringify(diagnostics.rows())), diagnostics.rows())
})

table.run()
