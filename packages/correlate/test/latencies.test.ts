import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LATENCY_ERROR, Latencies } from '../src/index.ts'

const latencies = suite('latencies')

latencies('few samples are exact', () => {
  const l = new Latencies()
  assert.is(l.spread(), null)
  for (const ns of [5, 1, 3, 2, 4]) l.add(ns)
  l.add(NaN)
  l.add(-1)
  assert.equal(l.spread(), { count: 5, mean: 3, p50: 3, p99: 5, max: 5 })
})

latencies('many are within the stated error', () => {
  const l = new Latencies()
  const all: number[] = []
  let seed = 1
  for (let k = 0; k < 100_000; k++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const ns = Math.round(10 ** (3 + (seed / 2 ** 32) * 5))
    all.push(ns)
    l.add(ns)
  }
  all.sort((a, b) => a - b)
  const spread = l.spread()
  assert.is(spread?.count, 100_000)
  assert.is(spread?.max, all.at(-1))
  for (const [p, found] of [
    [0.5, spread?.p50],
    [0.99, spread?.p99],
  ] as const) {
    const exact = all[Math.floor(p * (all.length - 1))]
    assert.ok(Math.abs((found ?? 0) - exact) <= exact * LATENCY_ERROR * 1.01, `${p}: ${found} for ${exact}`)
  }
})

latencies('parts together are as if told to one', () => {
  for (const sizes of [[], [3, 0, 4], [4000, 96], [4000, 97], [5000, 10], [10, 5000], [5000, 5000]]) {
    const one = new Latencies()
    const parts = sizes.map((size, part) => {
      const l = new Latencies()
      for (let k = 0; k < size; k++) {
        l.add(k * 1000 + part)
        one.add(k * 1000 + part)
      }
      return l
    })
    assert.equal(Latencies.together(parts).spread(), one.spread())
  }
})

latencies.run()
