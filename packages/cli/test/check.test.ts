import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderCheck } from '../src/render/check.ts'

const checks = suite('rank --check')

checks('a difference names its cell, and what was not counted again is said', () => {
  const text = renderCheck({
    cells: 3,
    differences: [{ source: 'a\u001b.txt', of: '7', what: 'fsync', counted: 5, recounted: 4 }],
    left: [{ source: 'b.json', why: 'no second count of sysdig-json' }],
  })
  assert.is(
    text,
    `check: 2 of 3 counts equal when counted another way
  a\\x1b.txt: 7 fsync: 5, but 4 when counted again
  b.json: not counted again (no second count of sysdig-json)
  this is a bug of flushtrace: please report it with these lines
`,
  )
})

checks.run()
