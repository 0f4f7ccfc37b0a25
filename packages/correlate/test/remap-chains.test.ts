import { makeDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RemapChains, RequestTracker, blockPart } from '../src/index.ts'
import { Story } from './block-events.ts'

const chains = suite('remap chains')

const VOLUME = makeDevice(253, 1)
const ARRAY = makeDevice(9, 0)
const [ONE, TWO] = [makeDevice(254, 0), makeDevice(254, 16)]

/** For each queue event: on which device, and where the request was asked for; `-`: there. */
function origins({ batch }: Story): string[] {
  const all = new RemapChains()
  return Array.from({ length: batch.length }, (_, i) => {
    const chain = all.apply(batch, i)
    const from = chain ? `${chain.originDevice}:${chain.originSector}` : '-'
    return batch.action[i] === new Story().at('Q W 0+0', 0).batch.action[0] ? [`${batch.device[i]} ${from}`] : []
  }).flat()
}

function asked(story: Story) {
  const tracker = new RequestTracker()
  tracker.apply(story.batch)
  return blockPart(tracker.summaries())
}

chains('a mirror remaps to all its members before it queues, some of it in its own thread', () => {
  const story = new Story()
  for (const [k, sector] of [8, 32].entries()) {
    story.at(`Q W ${sector}+8`, k * 10, { device: ARRAY, tid: 7 })
    for (const device of [ONE, TWO]) {
      story.at(`A W ${sector + 2048}+8`, k * 10 + 1, { device, tid: 7, from: [ARRAY, sector] })
    }
  }
  for (const [k, sector] of [8, 32].entries()) {
    story.at(`Q W ${sector + 2048}+8`, 30 + k, { device: ONE, tid: 90, comm: 'md0_raid1' })
    story.at(`Q W ${sector + 2048}+8`, 30 + k, { device: TWO, tid: k === 0 ? 7 : 90 })
  }
  // Of somebody else, and later on the same place.
  story.at('Q W 2056+8', 50, { device: TWO, tid: 91 })
  assert.equal(origins(story), [
    `${ARRAY} -`,
    `${ARRAY} -`,
    `${ONE} ${ARRAY}:8`,
    `${TWO} ${ARRAY}:8`,
    `${ONE} ${ARRAY}:32`,
    `${TWO} ${ARRAY}:32`,
    `${TWO} -`,
  ])
  assert.is(asked(story).writes, 3)
})

chains('tasks on two processors take turns', () => {
  const story = new Story().at('A W 2056+8', 1, { device: ONE, tid: 1, from: [VOLUME, 8] })
  story.at('A W 2088+8', 2, { device: ONE, tid: 2, from: [VOLUME, 40] })
  story.at('Q W 2056+8', 3, { device: ONE, tid: 1 }).at('Q W 2088+8', 4, { device: ONE, tid: 2 })
  assert.equal(origins(story), [`${ONE} ${VOLUME}:8`, `${ONE} ${VOLUME}:40`])
})

/** An array below a volume, with two members that have had requests from it. */
function array(): Story {
  const story = new Story()
  for (const device of [ONE, TWO]) {
    story.at('Q W 8+8', 0, { device: ARRAY })
    story.at('A W 2056+8', 1, { device, from: [ARRAY, 8] }).at('Q W 2056+8', 2, { device })
  }
  return story
}

chains('a flush that md passes on to its members is no flush of its own', () => {
  const story = array().at('Q FWS', 10, { device: ARRAY, tid: 5 })
  story.at('Q FW', 11, { device: TWO, tid: 5 }).at('Q FW', 12, { device: ONE, tid: 60, comm: 'kworker/0:1' })
  story.at('C FWS', 20, { device: ARRAY })
  assert.is(asked(story).flushes, 1)
})

chains('a flush asked of a member itself is one: the array was not asked, has passed its own on, or is done', () => {
  const unasked = array().at('Q FW', 10, { device: ONE })
  assert.is(asked(unasked).flushes, 1)
  const twice = array()
    .at('Q FWS', 10, { device: ARRAY })
    .at('Q FW', 11, { device: ONE })
    .at('Q FW', 12, { device: ONE })
  assert.is(asked(twice).flushes, 2)
  const done = array().at('Q FWS', 10, { device: ARRAY }).at('C FWS', 20, { device: ARRAY })
  assert.is(asked(done.at('Q FW', 21, { device: ONE })).flushes, 2)
  const withData = array().at('Q FWS', 10, { device: ARRAY }).at('Q FWS 80+8', 11, { device: ONE })
  assert.is(asked(withData).flushes, 2)
})

chains.run()
