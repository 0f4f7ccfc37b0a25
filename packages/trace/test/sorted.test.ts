import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SortedIndex, firstAbove, sortedBy } from '../src/sorted.ts'

const sorted = suite('sorted columns')

/** Numbers of many sizes, some of them equal. */
function keys(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, k) => ((k * 7919) % 1000) ** (k % 5) / (k % 3 === 0 ? 7 : 1))
}

for (const count of [0, 1, 2, 1000, 20_000]) {
  sorted(`${count} rows: the order that comparing gives, equal keys as they stood`, () => {
    const key = keys(count)
    const expected = Array.from(key, (_, row) => row).sort((a, b) => key[a] - key[b] || a - b)
    assert.equal([...sortedBy(key)], expected)
    assert.equal([...sortedBy(key.slice().sort())], [...key.keys()])
  })
}

for (const [name, step] of [
  ['their lowest bits', 1],
  ['bits in the middle', 2 ** 20],
  ['bits of both words', 2 ** 30 + 1],
] as const) {
  sorted(`keys that differ in ${name} alone`, () => {
    const key = Float64Array.from({ length: 5000 }, (_, k) => 2 ** 45 + ((k * 7919) % 1000) * step)
    const expected = Array.from(key, (_, row) => row).sort((a, b) => key[a] - key[b] || a - b)
    assert.equal([...sortedBy(key)], expected)
  })
}

sorted('of a part of a column only that part counts', () => {
  const key = keys(20_000)
  const part = key.subarray(5000, 15_000)
  assert.equal([...sortedBy(part)], [...sortedBy(part.slice())])
})

sorted('the first value above a place', () => {
  const values = [1, 3, 3, 8]
  assert.equal(
    [0, 1, 2, 3, 7.5, 8, 9].map((at) => firstAbove(values, at)),
    [0, 1, 1, 3, 3, 4, 4],
  )
  assert.is(firstAbove([], 1), 0)
})

for (const [name, values] of Object.entries({
  none: [],
  one: [5],
  equal: [3, 3, 3, 3],
  spread: [...keys(1000)].sort((a, b) => a - b),
  crowded: [0, ...Array.from({ length: 500 }, (_, k) => 1e15 + (k >> 2)), 2e15],
  fractions: Array.from({ length: 300 }, (_, k) => k / 3),
})) {
  sorted(`an index of ${name} values finds what halving finds`, () => {
    const column = Float64Array.from(values)
    const index = new SortedIndex(column)
    for (const value of [-1, 0, ...values, 3e15, Infinity]) {
      for (const at of [value - 0.5, value, value + 0.5])
        assert.is(index.firstAbove(at), firstAbove(column, at), `${at}`)
    }
  })
}

sorted.run()
