import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PARTS, splitTime, type FlushSpans, type Role, type Wait } from '../src/explain-parts.ts'

const parts = suite('parts of a call')

const NO_END = { issuedNs: NaN, dataDoneNs: NaN, flushes: null }

function wait(role: Role, queuedNs: number, issuedNs: number, doneNs: number, flushes: FlushSpans | null = null): Wait {
  return { role, queuedNs, issuedNs, dataDoneNs: doneNs, doneNs, flushes }
}

parts('nothing: all of it is unseen', () => {
  assert.is(splitTime(0, 100, []).unseen, 100)
})

parts('one write: queued, at the device, and the rest', () => {
  const { queue, ownData, unseen } = splitTime(0, 100, [wait('ownData', 10, 30, 60)])
  assert.equal({ queue, ownData, unseen }, { queue: 20, ownData: 30, unseen: 50 })
})

parts('only what lies inside the call counts', () => {
  const { queue, journal, unseen } = splitTime(100, 200, [wait('journal', 50, 90, 120), wait('journal', 180, 190, 300)])
  assert.equal({ queue, journal, unseen }, { queue: 10, journal: 30, unseen: 60 })
})

parts('own data before the journal, the journal before the data of others', () => {
  const sums = splitTime(0, 100, [wait('othersData', 0, 0, 90), wait('journal', 0, 20, 60), wait('ownData', 0, 10, 30)])
  assert.equal([sums.ownData, sums.journal, sums.othersData, sums.queue, sums.unseen], [20, 30, 40, 0, 10])
})

parts('flush before and after the data of one request', () => {
  const flushes = { starts: [5, 45], ends: [20, 60] }
  const commit = { role: 'journal', queuedNs: 0, issuedNs: 25, dataDoneNs: 40, doneNs: 62, flushes } as const
  const sums = splitTime(0, 70, [commit])
  assert.equal([sums.deviceFlush, sums.journal, sums.queue, sums.unseen], [30, 15, 17, 8])
})

parts('a flush of the device counts only for those who asked for one', () => {
  const flushes = { starts: [0], ends: [50] }
  assert.is(splitTime(0, 50, [wait('ownData', 0, 0, 50)]).deviceFlush, 0)
  assert.is(splitTime(0, 50, [wait('deviceFlush', 10, NaN, 40, flushes)]).deviceFlush, 30)
})

parts('a bare flush where those of the device are not traced', () => {
  assert.is(splitTime(0, 50, [wait('deviceFlush', 10, NaN, 40)]).deviceFlush, 30)
})

parts('no issue event: the whole request is what it carries', () => {
  const sums = splitTime(0, 50, [{ role: 'ownData', queuedNs: 10, doneNs: 40, ...NO_END }])
  assert.equal([sums.ownData, sums.queue, sums.unseen], [30, 0, 20])
})

parts('no issue event of an array: its members’ flushes count, though nothing tells when the data was sent', () => {
  const flushes = { starts: [15, 35, 90], ends: [20, 45, 95] }
  const sums = splitTime(0, 50, [{ role: 'journal', queuedNs: 10, doneNs: 40, ...NO_END, flushes }])
  assert.equal([sums.deviceFlush, sums.journal, sums.queue, sums.unseen], [10, 20, 0, 20])
})

const moment = fc.double({ min: -50, max: 250, noNaN: true })
const anyWait = fc
  .record({
    role: fc.constantFrom<Role>('ownData', 'journal', 'othersData', 'deviceFlush'),
    at: fc.array(moment, { minLength: 4, maxLength: 4 }),
    issued: fc.boolean(),
    ended: fc.boolean(),
    flush: fc.option(fc.array(moment, { minLength: 2, maxLength: 2 })),
  })
  .map(({ role, at, issued, ended, flush }): Wait => {
    const [queuedNs, issuedNs, dataDoneNs, doneNs] = at.toSorted((a, b) => a - b)
    const [start, end] = flush?.toSorted((a, b) => a - b) ?? []
    const flushes = flush ? { starts: [start], ends: [end] } : null
    return { role, queuedNs, issuedNs: issued ? issuedNs : NaN, dataDoneNs: ended ? dataDoneNs : NaN, doneNs, flushes }
  })

parts('whatever the requests are, the parts add up to the call', () => {
  fc.assert(
    fc.property(fc.array(anyWait, { maxLength: 12 }), fc.nat(200), (waits, tookNs) => {
      const sums = splitTime(0, tookNs, waits)
      assert.is(
        PARTS.reduce((total, part) => total + sums[part], 0),
        tookNs,
      )
      assert.ok(PARTS.every((part) => Number.isInteger(sums[part]) && sums[part] >= 0))
    }),
  )
})

parts.run()
