import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeDevice } from '@flushtrace/trace'
import { RequestTracker, blockPart, type DeviceSummary } from '../src/index.ts'
import { Story } from './block-events.ts'

const requests = suite('block requests')

function summaries(story: Story): DeviceSummary[] {
  const tracker = new RequestTracker()
  tracker.apply(story.batch)
  return tracker.summaries()
}

function one(story: Story): DeviceSummary {
  const all = summaries(story)
  assert.is(all.length, 1)
  return all[0]
}

requests('one write: Q2C = Q2D + D2C', () => {
  const s = one(
    new Story().at('Q WS 8+8', 100).at('G WS 8+8', 110).at('I WS 8+8', 120).at('D WS 8+8', 150).at('C WS 8+8', 400),
  )
  assert.equal([s.writes, s.bytes, s.reads, s.flushes, s.fua], [1, 4096, 0, 0, 0])
  assert.is(s.q2c?.p50, 300)
  assert.is(s.q2d?.p50, 50)
  assert.is(s.d2c?.p50, 250)
  assert.is(s.writeD2c?.count, 1)
  assert.is(s.readD2c, null)
  assert.is(s.unfinished, 0)
  assert.equal(s.depth, { max: 1, mean: 1 })
  assert.is(s.busyNs, 250)
})

for (const traced of [true, false]) {
  requests(
    `merges: each queued range has its own wait, the request one D2C (merge events ${traced ? '' : 'not '}traced)`,
    () => {
      const story = new Story().at('Q W 8+8', 0).at('G W 8+8', 1).at('Q W 16+8', 10)
      if (traced) story.at('M W 16+8', 11)
      story.at('Q W 0+8', 20)
      if (traced) story.at('F W 0+8', 21)
      const s = one(story.at('D W 0+24', 100).at('C W 0+24', 200))
      assert.is(s.writes, 3)
      assert.is(s.q2c?.count, 3)
      assert.equal([s.q2c?.max, s.q2c?.p50], [200, 190])
      assert.equal([s.d2c?.count, s.d2c?.p50], [1, 100])
      assert.is(s.merges, traced ? 2 : 0)
      assert.is(s.unfinished, 0)
    },
  )

  requests(`splits: the whole waits for its last part (split events ${traced ? '' : 'not '}traced)`, () => {
    const story = new Story().at('Q W 0+24', 0)
    if (traced) story.at('X W 0/8', 1)
    story.at('D W 0+8', 10)
    if (traced) story.at('X W 8/16', 11)
    const s = one(story.at('D W 8+8', 20).at('D W 16+8', 30).at('C W 8+8', 100).at('C W 0+8', 200).at('C W 16+8', 300))
    assert.is(s.writes, 1)
    assert.equal([s.q2c?.count, s.q2c?.p50], [1, 300])
    assert.equal([s.d2c?.count, s.d2c?.max], [3, 270])
    assert.is(s.splits, traced ? 2 : 0)
    assert.is(s.depth?.max, 3)
    assert.is(s.unfinished, 0)
  })
}

requests('a requeued request counts from when it is sent again', () => {
  const s = one(new Story().at('Q W 0+8', 0).at('D W 0+8', 10).at('R W 0+8', 20).at('D W 0+8', 50).at('C W 0+8', 60))
  assert.equal([s.d2c?.count, s.d2c?.p50, s.requeues, s.depth?.max], [1, 10, 1, 1])
})

requests('a write sent twice without a requeue event is one', () => {
  const s = one(new Story().at('D W 8+8', 0).at('C W 8+8', 5).at('D W 0+8', 10).at('D W 0+8', 50).at('C W 0+8', 60))
  assert.equal([s.basis, s.writes, s.d2c?.count, s.d2c?.max, s.requeues], ['issue', 2, 2, 10, 1])
  const untold = one(new Story().at('D W 0+8', 10).at('D W 0+8', 50))
  assert.equal([untold.writes, untold.requeues], [2, 0])
  const back = one(new Story().at('D W 0+8', 10).at('R W 0+8', 20).at('D W 0+8', 50).at('C W 0+8', 60))
  assert.equal([back.basis, back.writes, back.d2c?.count, back.requeues], ['issue', 1, 1, 1])
})

requests('a request done in two steps', () => {
  const s = one(new Story().at('Q W 0+16', 0).at('D W 0+16', 10).at('C W 0+8', 100).at('C W 8+8', 200))
  assert.equal([s.q2c?.count, s.q2c?.p50, s.d2c?.count, s.d2c?.p50, s.unfinished], [1, 200, 1, 190, 0])
})

requests('a commit: flush before, FUA behind, on a device with a cache and no FUA', () => {
  const s = one(
    new Story()
      .at('Q FWFS 800+8', 0, { tid: 7, comm: 'jbd2/loop0-8' })
      .at('D FN', 10, { tid: 54 })
      .at('C FN 0', 100, { tid: 22 })
      .at('D WS 800+8', 110)
      .at('C WS 800+8', 200)
      .at('D FN', 210)
      .at('C FN 0', 300)
      .at('C WS 800', 310),
  )
  assert.equal([s.writes, s.bytes, s.reads, s.flushes, s.bareFlushes, s.fua, s.deviceFlushes], [1, 4096, 0, 1, 0, 1, 2])
  assert.equal([s.deviceFlushD2c?.count, s.deviceFlushD2c?.p50], [2, 90])
  assert.equal([s.flushQ2c?.count, s.flushQ2c?.p50], [1, 310])
  assert.is(s.d2c?.count, 1)
  assert.equal(
    s.tasks.map(({ tid, comm, flushes }) => [tid, comm, flushes]),
    [[7, 'jbd2/loop0-8', 1]],
  )
})

requests('a bare flush is neither a read nor a write', () => {
  const s = one(new Story().at('Q FWS 0', 0, { tid: 7 }).at('D FN', 10).at('C FN 0', 90).at('C WS 0', 100))
  assert.equal([s.reads, s.writes, s.bytes, s.flushes, s.bareFlushes, s.deviceFlushes], [0, 0, 0, 1, 1, 1])
  assert.is(s.flushQ2c?.p50, 100)
  assert.is(s.q2c, null)
  assert.is(s.sequentialShare, null)
  assert.equal(blockPart([s]), { writes: 0, bytes: 0, flushes: 1, fua: 0 })
})

requests('flushes of several tasks merged into one of the device', () => {
  const story = new Story().at('Q FWS 0', 0, { tid: 1 }).at('Q FWS 0', 5, { tid: 2 }).at('D FN', 10).at('C FN 0', 90)
  const s = one(story.at('C WS 0', 100).at('C WS 0', 101))
  assert.equal([s.flushes, s.deviceFlushes, s.flushQ2c?.count, s.flushQ2c?.max], [2, 1, 2, 100])
})

requests('discards, write-zeroes and zone commands carry no bytes', () => {
  const s = one(
    new Story()
      .at('Q DS 0+2048', 0)
      .at('Q ZS 4096+8', 1)
      .at('Q O 0', 2)
      .at('Q W 8+8', 3)
      .at('D DS 0+2048', 4)
      .at('C DS 0+2048', 9),
  )
  assert.equal(
    [s.writes, s.bytes, s.discards, s.discardBytes, s.writeZeroes, s.writeZeroesBytes, s.zoneCommands],
    [1, 4096, 1, 1 << 20, 1, 4096, 1],
  )
  assert.is(s.discardD2c?.p50, 5)
})

requests('errors by errno', () => {
  const s = one(new Story().at('Q W 0+8', 0).at('D W 0+8', 1).at('C W 0+8', 2, { error: -5 }))
  assert.equal(s.errors, { '-5': 1 })
})

requests('layers: what a volume passed on to its disk counts on each, and once in the sum', () => {
  const volume = makeDevice(253, 3)
  const part = makeDevice(259, 3)
  const disk = makeDevice(259, 0)
  const story = new Story()
    .at('Q FWFS 1000+8', 0, { device: volume, tid: 9, comm: 'mysqld' })
    .at('A FWFS 5000+8', 1, { device: part, tid: 9, from: [volume, 1000] })
    .at('A FWFS 7048+8', 2, { device: disk, tid: 9, from: [part, 5000] })
    .at('Q FWFS 7048+8', 3, { device: disk, tid: 9, comm: 'mysqld' })
    .at('Q W 64+8', 4, { device: disk, tid: 8 })
    .at('C FWFS 7048+8', 50, { device: disk })
    .at('C FWFS 1000+8', 60, { device: volume })
  const all = summaries(story)
  const byName = new Map(all.map((s) => [s.device, s]))
  assert.is(byName.get('253:3')?.bytes, 4096)
  assert.is(byName.get('259:0')?.bytes, 8192)
  assert.is(byName.get('259:0')?.passedOn.bytes, 4096)
  assert.equal(byName.get('259:0')?.above, ['259:3'])
  const seen = new RequestTracker()
  seen.apply(story.batch)
  assert.equal(seen.layers.all, [
    { upper: volume, lower: part, startBytes: 4000 * 512, remaps: 1 },
    { upper: part, lower: disk, startBytes: 2048 * 512, remaps: 1 },
  ])
  assert.is(byName.get('253:3')?.q2c?.p50, 60)
  assert.equal(blockPart(all), { writes: 2, bytes: 8192, flushes: 1, fua: 1 })
})

requests('what goes to several places of another device begins at none; a bare flush tells of no place', () => {
  const volume = makeDevice(253, 3)
  const tracker = new RequestTracker()
  const remaps = new Story().at('A FWS 0+0', 0, { from: [volume, 0] }).at('A W 2056+8', 0, { from: [volume, 8] })
  tracker.apply(remaps.batch)
  assert.is(tracker.layers.all[0].startBytes, 2048 * 512)
  tracker.apply(new Story().at('A W 9064+8', 1, { from: [volume, 16] }).batch)
  assert.equal(
    tracker.layers.all.map(({ startBytes, remaps }) => [startBytes, remaps]),
    [[null, 2]],
  )
})

requests('copies on members of a mirror that is not traced itself: one write', () => {
  const [volume, other] = [makeDevice(9, 0), makeDevice(8, 16)]
  const story = new Story()
    .at('A W 2056+8', 0, { from: [volume, 8] })
    .at('A W 3056+8', 1, { device: other, from: [volume, 8] })
    .at('Q W 2056+8', 2)
    .at('Q W 3056+8', 3, { device: other })
  assert.equal(blockPart(summaries(story)), { writes: 1, bytes: 4096, flushes: 0, fua: 0 })
})

requests('a partition without requests of its own is no second layer', () => {
  const part = makeDevice(259, 0)
  const story = new Story()
    .at('A W 2056+8', 0, { from: [part, 8] })
    .at('Q W 2056+8', 1)
    .at('D W 2056+8', 2)
    .at('C W 2056+8', 3)
  const [s] = summaries(story)
  assert.is(s.passedOn.writes, 0)
  assert.equal(s.above, ['259:0'])
})

requests('without queue events the first step there is counts, and no task is charged', () => {
  const s = one(new Story().at('D W 0+8', 0, { tid: 54 }).at('C W 0+8', 10).at('D FN', 11).at('C FN 0', 12))
  assert.equal([s.basis, s.writes, s.bytes, s.flushes, s.tasks.length], ['issue', 1, 4096, 1, 0])
})

requests('sequential: starts where the one before ended, whoever asked for it', () => {
  const story = new Story()
  for (let k = 0; k < 4; k++) story.at(`Q W ${k * 8}+8`, k * 10, { tid: 1 + (k % 2) })
  assert.is(one(story).sequentialShare, 0.75)
  for (let k = 0; k < 4; k++) story.at(`Q W ${k * 8}+8`, k * 10, { tid: 1 }).at(`Q W ${1000 + k * 8}+8`, k * 10 + 5)
  assert.is(one(story).sequentialShare, 0.25)
})

requests('the first step that the trace has counts, whenever it is first seen', () => {
  const story = new Story().at('C W 0+8', 0).at('C W 8+8', 1)
  assert.equal([one(story).basis, one(story).writes, one(story).firstNs], ['complete', 2, 0])
  story.at('D W 16+8', 2)
  assert.equal([one(story).basis, one(story).writes, one(story).firstNs], ['issue', 1, 2])
  story.at('C W 16+8', 3).at('Q R 24+8', 4).at('D R 24+8', 5).at('C R 24+8', 6)
  const s = one(story)
  assert.equal([s.basis, s.writes, s.reads, s.firstNs, s.d2c?.count], ['queue', 0, 1, 4, 2])
})

requests('a thread id used again under another name is another row; a late name names what came before', () => {
  const s = one(
    new Story()
      .at('Q W 0+8', 0, { tid: 5 })
      .at('Q W 8+8', 1, { tid: 5, comm: 'a' })
      .at('Q W 16+8', 2, { tid: 5, comm: 'b' }),
  )
  assert.equal(
    s.tasks.map(({ comm, writes }) => [comm, writes]),
    [
      ['a', 2],
      ['b', 1],
    ],
  )
})

requests('23 requests at once, then none', () => {
  const story = new Story()
  for (let k = 0; k < 23; k++) story.at(`Q R ${k * 100}+8`, k).at(`D R ${k * 100}+8`, k)
  for (let k = 0; k < 23; k++) story.at(`C R ${k * 100}+8`, 100 + k)
  const s = one(story)
  assert.equal([s.reads, s.depth?.max, s.d2c?.p50, s.unfinished], [23, 23, 100, 0])
})

requests('two reads of one block at once', () => {
  const s = one(
    new Story().at('Q R 0+8', 0).at('D R 0+8', 1).at('Q R 0+8', 2).at('D R 0+8', 3).at('C R 0+8', 10).at('C R 0+8', 11),
  )
  assert.equal([s.reads, s.d2c?.count, s.unfinished], [2, 2, 0])
})

requests('completions missing from the trace stay bounded', () => {
  const tracker = new RequestTracker()
  for (let round = 0; round < 80; round++) {
    const story = new Story()
    for (let k = 0; k < 4096; k++) story.at(`Q W ${(round * 4096 + k) * 8}+8`, k)
    tracker.apply(story.batch)
  }
  assert.is(tracker.summaries()[0].unfinished, 80 * 4096)
})

requests.run()
