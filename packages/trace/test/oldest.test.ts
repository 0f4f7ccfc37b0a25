import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { oldestKeys } from '../src/oldest.ts'

const oldest = suite('oldest keys')

oldest('are those that were set first, and at least one', () => {
  const map = new Map(Array.from({ length: 640 }, (_, k) => [k, null]))
  assert.equal(oldestKeys(map), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  for (const key of oldestKeys(map)) map.delete(key)
  map.set(0, null)
  assert.is(oldestKeys(map)[0], 10)
  assert.equal(oldestKeys(new Map([[5, null]])), [5])
  assert.equal(oldestKeys(new Map()), [])
})

oldest.run()
