import { makeDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RemapLog } from '../src/index.ts'
import { Story } from './block-events.ts'

const remaps = suite('remap log')

const [DISK, PARTITION, OTHER] = [makeDevice(8, 0), makeDevice(8, 3), makeDevice(8, 16)]
const [THIN, POOL, ARRAY] = [makeDevice(253, 4), makeDevice(253, 2), makeDevice(9, 0)]

function topsOf(story: Story, device: number, sector: number): string[] {
  const log = new RemapLog()
  log.add(story.batch, 0)
  return log
    .tops(device, sector)
    .map(
      (top) =>
        `${top.device === THIN ? 'thin' : top.device === ARRAY ? 'array' : top.device}:${top.sector} ${top.atNs}`,
    )
    .toSorted()
}

/** 8 sectors of the thin volume: by way of the pool and the partition to the disk. */
function write(story: Story, sector: number, pool: number, ns: number): Story {
  return story
    .at(`Q W ${sector}+8`, ns, { device: THIN })
    .at(`A W ${pool}+8`, ns + 1, { device: POOL, from: [THIN, sector] })
    .at(`A W ${pool + 100}+8`, ns + 2, { device: PARTITION, from: [POOL, pool] })
    .at(`A W ${pool + 2148}+8`, ns + 3, { device: DISK, from: [PARTITION, pool + 100] })
    .at(`Q W ${pool + 2148}+8`, ns + 4, { device: DISK })
}

remaps('each device on the way leads to the one on top, and to the sector there', () => {
  const story = write(new Story(), 40, 8000, 10)
  for (const [device, sector] of [
    [DISK, 10_151],
    [PARTITION, 8103],
    [POOL, 8003],
  ]) {
    assert.equal(topsOf(story, device, sector), ['thin:43 11'])
  }
  assert.equal(topsOf(story, DISK, 10_156), [])
  assert.equal(topsOf(story, OTHER, 10_151), [])
})

remaps('a place that was given to others in turn: each time by itself', () => {
  const story = write(write(write(new Story(), 40, 8000, 10), 640, 8000, 20), 40, 9000, 30)
  assert.equal(topsOf(story, DISK, 10_148), ['thin:40 11', 'thin:640 21'])
  assert.equal(topsOf(story, DISK, 11_148), ['thin:40 31'])
})

remaps('a mirror goes to each member, and what lies on it leads on', () => {
  const story = new Story()
    .at('A W 108+8', 1, { device: ARRAY, from: [THIN, 8] })
    .at('Q W 108+8', 2, { device: ARRAY })
    .at('A W 208+8', 3, { device: DISK, from: [ARRAY, 108] })
    .at('A W 308+8', 4, { device: OTHER, from: [ARRAY, 108] })
    .at('A W 268+8', 9, { device: DISK, from: [ARRAY, 168] })
  assert.equal(topsOf(story, DISK, 208), ['thin:8 1'])
  assert.equal(topsOf(story, OTHER, 315), ['thin:15 1'])
  assert.equal(topsOf(story, DISK, 268), ['array:168 9'])
})

remaps('a flush without data leads nowhere', () => {
  const story = new Story().at('A F 0', 1, { device: DISK, from: [PARTITION, 0] })
  assert.equal(topsOf(story, DISK, 0), [])
})

remaps.run()
