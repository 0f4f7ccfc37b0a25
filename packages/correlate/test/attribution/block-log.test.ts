import { makeDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { leaveOutCopies } from '../../src/attribution/mirror-copies.ts'
import { BlockLog } from '../../src/attribution/block-log.ts'
import { Story } from '../block-events.ts'

const [VOLUME, DISK, OTHER] = [makeDevice(253, 0), makeDevice(8, 0), makeDevice(8, 16)]

/** `sector+sectors` of the rows that count, with the record each stands in. */
function counted(...stories: Story[]): string[] {
  const log = new BlockLog()
  for (const [trace, { batch }] of stories.entries()) log.add(batch, trace, [trace])
  return rowsOf(log)
}

function rowsOf(log: BlockLog): string[] {
  return [...log.inOrder(log.atNs.values)].map(
    (row) => `${log.trace.data[row]}.${log.record.data[row]} ${log.sector.data[row]}+${log.bytes.data[row] / 512}`,
  )
}

const blocks = suite('block log')

blocks('a request counts where it was queued', () => {
  const story = new Story().at('Q W 8+8', 1).at('G W 8+8', 2).at('I W 8+8', 3).at('D W 8+8', 4).at('C W 8+8', 5)
  assert.equal(counted(story), ['0.1 8+8'])
})

blocks('else where it was sent to the device, else where it was done', () => {
  assert.equal(counted(new Story().at('D W 8+8', 4).at('C W 8+8', 5)), ['0.1 8+8'])
  assert.equal(counted(new Story().at('C W 8+8', 5).at('C W 16+8', 6)), ['0.1 8+8', '0.2 16+8'])
})

blocks('what is sent to the device again, because it was busy or gave it back, is one request', () => {
  const story = new Story().at('D W 8+8', 1).at('C W 8+8', 2).at('D D 64+8', 3).at('D D 64+8', 4).at('C D 64+8', 5)
  assert.equal(counted(story), ['0.1 8+8', '0.3 64+8'])
  assert.equal(counted(story.at('D D 64+8', 6)), ['0.1 8+8', '0.3 64+8', '0.6 64+8'])
  assert.equal(counted(new Story().at('D W 8+8', 1).at('R W 8+8', 2).at('D W 8+8', 3)), ['0.1 8+8'])
})

blocks('what was under way when the trace began does not make a device count otherwise', () => {
  const story = new Story().at('C W 8+8', 1).at('D W 80+8', 2).at('Q W 800+8', 3).at('C W 80+8', 4).at('C W 800+8', 5)
  assert.equal(counted(story), ['0.3 800+8'])
})

blocks('each device by itself', () => {
  const story = new Story().at('Q W 8+8', 1, { device: DISK }).at('D W 8+8', 2, { device: DISK })
  story.at('D W 8+8', 3, { device: OTHER }).at('C W 8+8', 4, { device: OTHER })
  assert.equal(counted(story), ['0.1 8+8', '0.3 8+8'])
})

blocks('reads do not change a device; discards and bare flushes do, or may', () => {
  const story = new Story().at('Q R 8+8', 1).at('Q RS 8+8', 2).at('Q D 8+8', 3).at('Q FWS', 4).at('Q WFS 16+8', 5)
  assert.equal(counted(story), ['0.3 8+8', '0.4 -1+0', '0.5 16+8'])
})

blocks('two traces of one device: the first tells', () => {
  const [rich, poor] = [new Story().at('Q W 8+8', 1), new Story().at('C W 8+8', 2).at('Q W 8+8', 3)]
  poor.at('Q W 800+8', 4, { device: OTHER })
  assert.equal(counted(rich, poor), ['0.1 8+8', '1.3 800+8'])
})

blocks('what a volume passes on to its disk counts once, where it was asked for', () => {
  const log = new BlockLog()
  const story = new Story().at('Q WS 8+8', 1, { device: VOLUME })
  story.at('A WS 2056+8', 2, { device: DISK, from: [VOLUME, 8] }).at('Q WS 2056+8', 3, { device: DISK })
  story.at('Q WS 4000+8', 4, { device: DISK })
  log.add(story.batch, 0, [0])
  assert.equal(rowsOf(log), ['0.1 8+8', '0.4 4000+8'])
  assert.equal(
    [...log.passedOn].map(([below, above]) => [below, ...above]),
    [[DISK, VOLUME]],
  )
})

blocks('where a layer below has completions, too, they are no requests of their own', () => {
  const log = new BlockLog()
  const story = new Story().at('Q WS 8+8', 1, { device: VOLUME })
  story.at('A WS 2056+8', 2, { device: DISK, from: [VOLUME, 8] }).at('Q WS 2056+8', 3, { device: DISK })
  story.at('C WS 2056+8', 9, { device: DISK }).at('C WS 8+8', 10, { device: VOLUME })
  log.add(story.batch, 0, [0])
  assert.equal(rowsOf(log), ['0.1 8+8'])
})

blocks('where the volume itself is not traced, the row on the disk is of the place on the volume', () => {
  const log = new BlockLog()
  const story = new Story().at('A WS 2056+8', 2, { device: DISK, from: [VOLUME, 8] })
  log.add(story.at('Q WS 2056+8', 3, { device: DISK }).batch, 0, [0])
  assert.equal(rowsOf(log), ['0.2 8+8'])
  assert.equal([log.device.data[0], log.rowDevice.data[0], log.rowSector.data[0]], [VOLUME, DISK, 2056])
})

/** A mirror on two members, which alone are traced: where each row was asked for, how often. */
function onMirror(story: Story): string[] {
  const log = new BlockLog()
  log.add(story.batch, 0, [0])
  leaveOutCopies(log, null, log.atNs.values)
  return rowsOf(log)
}

function toMember(story: Story, ns: number, device: number, tid = 1): Story {
  return story.at('A W 100+8', ns, { device, from: [VOLUME, 0], tid }).at('Q W 100+8', ns, { device, tid })
}

blocks('copies of one write on both members count once, where it was asked for', () => {
  const story = toMember(toMember(new Story(), 1, DISK), 2, OTHER)
  assert.equal(onMirror(story), ['0.2 0+8'])
  toMember(toMember(story, 3, OTHER), 4, DISK)
  assert.equal(onMirror(story), ['0.2 0+8', '0.6 0+8'])
})

blocks('no copies: of another task, on the same member, or long after', () => {
  assert.is(onMirror(toMember(toMember(new Story(), 1, DISK), 2, OTHER, 9)).length, 2)
  assert.is(onMirror(toMember(toMember(toMember(new Story(), 1, DISK), 2, DISK), 3e9, OTHER)).length, 3)
})

blocks('both members and the volume above the mirror: one write', () => {
  const LV = makeDevice(253, 7)
  const story = new Story().at('Q W 8+8', 1, { device: LV }).at('A W 0+8', 1, { device: VOLUME, from: [LV, 8] })
  story.at('A W 100+8', 1, { device: DISK, from: [VOLUME, 0] }).at('A W 200+8', 1, { device: OTHER, from: [VOLUME, 0] })
  story.at('Q W 100+8', 2, { device: DISK }).at('Q W 200+8', 2, { device: OTHER })
  assert.equal(onMirror(story), ['0.1 8+8'])
})

blocks.run()
