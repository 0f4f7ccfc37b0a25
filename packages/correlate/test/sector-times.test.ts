import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BlockBatch, StringTable } from '@flushtrace/trace'
import { SectorTimes } from '../src/sector-times.ts'

const times = suite('times of sectors')

times('each sector has its latest time until it is taken, whatever else comes and goes', () => {
  const waiting = new SectorTimes(256)
  const batch = new BlockBatch(new StringTable(), 1)
  const i = batch.add(1, 1, 1, 0, 1)
  let expected = new Map<number, number>()
  let seed = 7
  let cleared = 0
  for (let atNs = 0; atNs < 50_000; atNs++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const sector = ((seed >>> 8) % 397) * 8 + (seed % 3) * 2 ** 33
    batch.sector[i] = sector
    batch.atNs[i] = atNs
    assert.is(waiting.full, expected.size === 256)
    if (waiting.full) {
      cleared++
      waiting.clear()
      expected = new Map()
    }
    if (seed >>> 30 > 0) {
      waiting.set(batch, i)
      expected.set(sector, atNs)
    } else {
      const place = waiting.take(batch, i)
      assert.is(place < 0 ? undefined : waiting.times[place], expected.get(sector))
      expected.delete(sector)
    }
  }
  assert.ok(cleared > 0)
})

times.run()
