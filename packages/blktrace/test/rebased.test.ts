/** `blkparse -d`: events from 0, notes on the absolute clock. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { act, named, read, record, stamped } from './source.ts'

const rebased = suite('rebased dumps')
const q = act(1, 'write', 'queue')
const BASE = 175_669_815_001_344

rebased('the base is the largest of name time − first event time', async () => {
  const { rows, codes, clock, origin, facts } = await read(
    Buffer.concat([
      // The trace was switched on 36 s before the first event.
      stamped(BASE - 36e9, 1_700_000_000, 0),
      named(BASE - 155, 7, 'one'),
      record({ time: 0, action: q, pid: 7, cpu: 0, sequence: 1 }),
      record({ time: 500, action: q, pid: 7, cpu: 1, sequence: 1 }),
      named(BASE + 900 - 75, 8, 'two'),
      record({ time: 900, action: q, pid: 8, cpu: 0, sequence: 2 }),
    ]),
  )
  assert.equal(
    rows.map(({ at, comm }) => [at, comm]),
    [
      [0, 'one'],
      [500, 'one'],
      [900, 'two'],
    ],
  )
  assert.is(clock, 'monotonic')
  assert.equal(origin, { seconds: 175_669, nanos: 815_001_344 - 75 })
  assert.is(facts.wall, '2023-11-14T22:13:55.999999925Z')
  assert.equal(codes, { 'blktrace/rebased-times': 1 })
})

rebased('without names the clock is unknown', async () => {
  const { clock, origin, codes, facts } = await read(
    Buffer.concat([stamped(BASE, 1_700_000_000, 0), record({ time: 0, action: q }), record({ time: 9, action: q })]),
  )
  assert.is(clock, 'relative')
  assert.is(origin, null)
  assert.is(facts.wall, null)
  assert.equal(codes, { 'blktrace/no-clock': 1 })
})

rebased('a trace whose notes come late is not taken for one', async () => {
  const { codes, origin } = await read(
    Buffer.concat([
      record({ time: BASE, action: q, pid: 1 }),
      record({ time: BASE + 5, action: q }),
      named(BASE + 8, 9, 'x'),
      record({ time: BASE + 9, action: q, pid: 9 }),
    ]),
  )
  assert.equal(codes, {})
  assert.is(origin?.seconds, 175_669)
})

rebased.run()
