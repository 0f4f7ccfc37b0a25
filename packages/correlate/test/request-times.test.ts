import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RequestTimes } from '../src/index.ts'
import { Story } from './block-events.ts'

const times = suite('times of requests')

function timesOf(story: Story): RequestTimes {
  const found = new RequestTimes()
  found.add(story.batch, 0, [0])
  return found
}

/** Issued, data done, done of the request that record `record` queued. */
function row(found: RequestTimes, record: number): number[] {
  const k = found.find(0, 0, record)
  return [found.issuedNs.data[k], found.dataDoneNs.data[k], found.doneNs.data[k]]
}

times('a write: sent, then done', () => {
  const found = timesOf(new Story().at('Q WS 8+8', 0).at('D WS 8+8', 10).at('C WS 8+8', 30))
  assert.equal(row(found, 1), [10, 30, 30])
})

times('flush before, data, flush instead of FUA: done at the completion of 0 bytes', () => {
  const found = timesOf(
    new Story()
      .at('Q FWFS 8+8', 0)
      .at('D FN', 5)
      .at('C FN', 20)
      .at('D WS 8+8', 25)
      .at('C WS 8+8', 40)
      .at('D FN', 45)
      .at('C FN', 60)
      .at('C WS 8', 61),
  )
  assert.equal(row(found, 1), [25, 40, 61])
  assert.equal([...found.flushStartNs.values], [5, 45])
  assert.equal([...found.flushEndNs.values], [20, 60])
})

times('a bare flush has no data; two of them end in their order', () => {
  const found = timesOf(
    new Story().at('Q FWS', 0).at('Q FWS', 1).at('D FN', 2).at('C FN', 9).at('C WS 0', 10).at('C WS 0', 11),
  )
  assert.equal(row(found, 1), [NaN, NaN, 10])
  assert.equal(row(found, 2), [NaN, NaN, 11])
})

times('merged ranges share the times of their request', () => {
  const found = timesOf(new Story().at('Q W 8+8', 0).at('Q W 16+8', 5).at('D W 8+16', 10).at('C W 8+16', 30))
  assert.equal(row(found, 1), [10, 30, 30])
  assert.equal(row(found, 2), [10, 30, 30])
})

times('a range that was split is done with its last part', () => {
  const found = timesOf(
    new Story().at('Q W 0+16', 0).at('D W 0+8', 10).at('D W 8+8', 20).at('C W 8+8', 30).at('C W 0+8', 40),
  )
  assert.equal(row(found, 1), [10, 40, 40])
})

times('no queue event: the issue makes the row', () => {
  const found = timesOf(new Story().at('D W 8+8', 10).at('C W 8+8', 30))
  assert.equal(row(found, 1), [10, 30, 30])
})

times('an end that is missing stays unknown', () => {
  const found = timesOf(new Story().at('Q W 8+8', 0).at('D W 8+8', 10).at('D FN', 12))
  assert.equal(row(found, 1), [10, NaN, NaN])
  assert.equal([...found.flushEndNs.values], [NaN])
})

times('a driver that works on bios: no issue', () => {
  const found = timesOf(new Story().at('Q W 8+8', 0).at('C W 8+8', 30))
  assert.equal(row(found, 1), [NaN, 30, 30])
})

times.run()
