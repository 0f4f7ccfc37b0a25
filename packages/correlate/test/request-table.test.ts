import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ACTION, BlockBatch, OP, StringTable } from '@flushtrace/trace'
import { RequestTable } from '../src/request-table.ts'

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
      continue
    }
    batch.flags[i] = OP.read
    requests.complete(batch, i)
    assert.is(requests.done.count, 0)
    batch.flags[i] = OP.write
    requests.complete(batch, i)
    assert.equal([...requests.done.row.subarray(0, requests.done.count)], same.slice(-1))
    requests.done.count = 0
    same.pop()
  }
  assert.is(requests.open, [...open.values()].flat().length)
})

table.run()
