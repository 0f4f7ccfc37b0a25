/** LastWriters against one number for each unit of a device. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LastWriters } from '../../src/attribution/last-writers.ts'
import { randomFrom } from './random.ts'

const writers = suite('last writers')

for (const [units, longest, requests] of [
  [30, 30, 40],
  [3000, 200, 2000],
  [6000, 3, 9000],
]) {
  writers(`${requests} requests on ${units} units: the last one of each, and where they change`, () => {
    const random = randomFrom(units)
    const tested = new LastWriters()
    const last = Array.from({ length: units }, () => -1)
    const ranges = Array.from({ length: requests }, (_, request) => {
      const start = random(units)
      const end = Math.min(units, start + 1 + random(longest))
      last.fill(request, start, end)
      tested.add(8, start, end, request)
      return { start, end }
    })
    tested.sweep(requests)
    const oneIn = (start: number, end: number): number => {
      const all = new Set(last.slice(start, end).filter((request) => request >= 0))
      return all.size === 1 ? [...all][0] : -1
    }
    for (const [request, { start, end }] of ranges.entries()) {
      assert.is(tested.over(request), oneIn(start, end), `request ${request}`)
      const middle = start + Math.floor((end - start) / 2)
      if (middle > start) assert.is(tested.oneOf(8, start, middle), oneIn(start, middle))
      const cuts = new Set<number>()
      tested.cutsIn(8, start, end, (at) => cuts.add(at))
      for (let at = start + 1; at < end; at++) assert.is(cuts.has(at), last[at] !== last[at - 1], `cut at ${at}`)
    }
  })
}

writers('devices are apart, and nothing is known of another one', () => {
  const tested = new LastWriters()
  tested.add(8, 0, 10, 0)
  tested.add(9, 5, 10, 1)
  tested.sweep(2)
  assert.equal([tested.oneOf(8, 0, 10), tested.oneOf(9, 0, 10), tested.oneOf(9, 0, 5)], [0, 1, -1])
  assert.is(tested.oneOf(10, 0, 10), -1)
  tested.cutsIn(10, 0, 10, () => assert.unreachable())
})

writers.run()
