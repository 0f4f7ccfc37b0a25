import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ByTask } from '../src/by-task.ts'

const byTask = suite('numbers by thread id')
const LARGEST = 4_194_303

byTask('keeps what was set, whatever came in between; 0 for all others', () => {
  const numbers = new ByTask()
  const tids = [7, 0, 4095, 4096, 70_000, LARGEST, 8]
  for (const [k, tid] of tids.entries()) numbers.set(tid, k + 1)
  assert.equal(
    tids.map((tid) => numbers.get(tid)),
    [1, 2, 3, 4, 5, 6, 7],
  )
  assert.equal(
    [1, 4097, LARGEST - 1].map((tid) => numbers.get(tid)),
    [0, 0, 0],
  )
})

byTask('an id that no kernel gives keeps nothing', () => {
  const numbers = new ByTask()
  for (const tid of [-1, LARGEST + 1, 2 ** 32]) {
    numbers.set(tid, 5)
    assert.equal([numbers.get(tid), ByTask.valid(tid)], [0, false])
  }
  assert.ok(ByTask.valid(LARGEST))
})

byTask.run()
