import { setTimeout as wait } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Stages } from '../src/stages.ts'

const stages = suite('stages')

async function* numbers(...items: number[]): AsyncGenerator<number> {
  for (const item of items) {
    await wait(5)
    yield item
  }
}

stages('every moment belongs to the innermost one', async () => {
  const all = new Stages('start')
  all.enter('state')
  const read = all.watch('reading', numbers(10, 20, 30), (n) => n)
  const seen: number[] = []
  for await (const n of all.watch('parsing', read, () => 1)) seen.push(n)
  assert.equal(seen, [10, 20, 30])
  const told = all.all()
  assert.equal([...told.keys()], ['start', 'state', 'parsing', 'reading'])
  assert.equal([told.get('reading')?.units, told.get('parsing')?.units], [60, 3])
  // Timers may be early by a part of a millisecond.
  assert.ok((told.get('reading')?.ms ?? 0) > 13)
})

stages('who stops early stops the source, and an error passes', async () => {
  const all = new Stages('start')
  let ended = false
  async function* failing(): AsyncGenerator<number> {
    try {
      yield 1
      throw new Error('unreadable')
    } finally {
      ended = true
    }
  }
  for await (const n of all.watch('reading', failing(), () => 1)) if (n === 1) break
  assert.ok(ended)
  try {
    for await (const n of all.watch('reading', failing(), () => 1)) assert.is(n, 1)
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), /unreadable/)
  }
  assert.is(all.enter('next'), 'start')
})

stages.run()
