import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ACTION, BlockBatch, OP, StringTable } from '@flushtrace/trace'
import { QUEUED, RequestTable } from '../src/request-table.ts'

const table = suite('requests under way')

table('they are found by sector, the latest first, whatever else comes and goes', () => {
  const requests = new RequestTable()
  const batch = new BlockBatch(new StringTable(), 1)
  const i = batch.add(ACTION.queue, 1, 1, 0, 1)
  batch.flags[i] = OP.write
  batch.bytes[i] = 4096
  const open = new Map<number, number[]>()
  let seed = 7
  for (let row = 0; row < 50_000; row++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const sector = (seed % 997) * 8 + (seed % 3) * 2 ** 33
    batch.sector[i] = sector
    const same = open.get(sector) ?? []
    if (seed & 0x10000) {
      requests.queue(batch, i, row)
      open.set(sector, [...same, row])
    } else if (same.length > 0) {
      const entry = requests.find(QUEUED, batch, i)
      requests.take(entry)
      assert.ok(requests.release(entry))
      same.pop()
    }
    const found = requests.find(QUEUED, batch, i)
    assert.is(found < 0 ? undefined : requests.row[found], open.get(sector)?.at(-1))
    batch.flags[i] = OP.read
    assert.is(requests.find(QUEUED, batch, i), -1)
    batch.flags[i] = OP.write
  }
  assert.is(requests.open, [...open.values()].flat().length)
})

table.run()
