import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addOwn, setOwn } from '../src/index.ts'

const own = suite('records by names of traces')

own('names that every object has count like any others', () => {
  const counts: Record<string, number> = {}
  for (const name of ['constructor', '__proto__', 'read', '__proto__', 'constructor']) addOwn(counts, name)
  assert.equal(Object.entries(counts), [
    ['constructor', 2],
    ['__proto__', 2],
    ['read', 1],
  ])
  setOwn(counts, '__proto__', 5)
  assert.is(JSON.stringify(counts), '{"constructor":2,"__proto__":5,"read":1}')
})

own.run()
