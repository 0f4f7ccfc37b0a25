import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CallBatch, ENTER, FAILED, WHOLE } from '../src/batch.ts'
import { callIndex } from '../src/calls.ts'
import { StringTable } from '../src/strings.ts'

const batches = suite('call batch')
const FSYNC = callIndex('fsync')

batches('a new row is empty, also where an old one was', () => {
  const batch = new CallBatch(new StringTable(), [], 2)
  const first = batch.add(WHOLE, FSYNC, 42, 5, 1)
  batch.fd[first] = 3
  batch.outcome[first] = FAILED
  batch.flags[first] = 7
  batch.extra[first] = { kind: 'fds', fds: [] }
  batch.clear()
  const again = batch.add(ENTER, FSYNC, 43, NaN, 2)
  assert.is(again, first)
  assert.equal(
    [batch.phase[0], batch.tid[0], batch.fd[0], batch.outcome[0], batch.flags[0], batch.extra[0], batch.errno[0]],
    [ENTER, 43, -1, 0, 0, null, -1],
  )
  for (const column of [batch.result, batch.tookNs, batch.size, batch.addr, batch.offset])
    assert.ok(Number.isNaN(column[0]))
})

batches('copies a row whole', () => {
  const strings = new StringTable()
  const from = new CallBatch(strings, [], 2)
  const i = from.add(WHOLE, FSYNC, 42, 5, 1)
  const columns = Object.entries(from).filter(([, column]) => ArrayBuffer.isView(column) || Array.isArray(column))
  for (const [name, column] of columns) {
    if (name !== 'extra' && name !== 'names') (column as Float64Array)[i] = name.length
  }
  from.extra[i] = { kind: 'argv', argv: ['x'], cut: false }
  const to = new CallBatch(strings, [], 2)
  to.copyRow(from, i)
  for (const [name, column] of columns) {
    const copy = (to as unknown as Record<string, ArrayLike<unknown>>)[name]
    assert.equal(copy[0], (column as ArrayLike<unknown>)[0], name)
  }
})

batches('knows when it is full', () => {
  const batch = new CallBatch(new StringTable(), [], 2)
  batch.add(WHOLE, FSYNC, 1, 0, 1)
  assert.not(batch.full)
  batch.add(WHOLE, FSYNC, 1, 0, 2)
  assert.ok(batch.full)
})

batches.run()
