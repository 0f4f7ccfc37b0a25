/** Segments against one number for each unit. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Segments } from '../../src/attribution/segments.ts'
import { randomFrom } from './random.ts'

const segments = suite('segments')

/** What is known of a range, unit by unit; the parts have to be in order and must not overlap. */
function unitsOf(tested: Segments, start: number, end: number): number[] {
  const units = Array.from({ length: end - start }, () => -1)
  let reached = start
  tested.within(start, end, (from, to, payload) => {
    assert.ok(reached <= from && from < to && to <= end, `${from}..${to} after ${reached}`)
    units.fill(payload, from - start, to - start)
    reached = to
  })
  return units
}

for (const [units, longest, steps] of [
  [40, 12, 4000],
  [3000, 300, 3000],
  // More segments than a block of them holds, so that blocks are split and emptied.
  [6000, 3, 12_000],
]) {
  segments(`set, clear and within agree with an array of ${units} units`, () => {
    const random = randomFrom(units)
    const tested = new Segments()
    const oracle = Array.from({ length: units }, () => -1)
    for (let step = 0; step < steps; step++) {
      // Now and then a range over many segments.
      const length = random(step % 1500 === 1499 ? units : longest)
      const start = random(units - length)
      const end = start + length
      if (random(4) === 0) {
        tested.clear(start, end)
        oracle.fill(-1, start, end)
      } else {
        tested.set(start, end, step)
        oracle.fill(step, start, end)
      }
      const from = random(units)
      const to = Math.min(units, from + 1 + random(60))
      assert.equal(unitsOf(tested, from, to), oracle.slice(from, to))
    }
    assert.equal(unitsOf(tested, 0, units), oracle)
  })
}

segments('one range over a hundred thousand others', () => {
  const tested = new Segments()
  for (let k = 0; k < 100_000; k++) tested.set(2 * k, 2 * k + 1, k)
  tested.set(1, 199_999, 7)
  const found: number[][] = []
  tested.within(0, 300_000, (...segment) => found.push(segment))
  assert.equal(found, [
    [0, 1, 0],
    [1, 199_999, 7],
  ])
})

segments('an empty range changes nothing', () => {
  const tested = new Segments()
  tested.set(4, 4, 1)
  tested.set(5, 3, 1)
  tested.clear(0, 0)
  assert.equal(
    unitsOf(tested, 0, 8),
    Array.from({ length: 8 }, () => -1),
  )
})

segments.run()
