/** What carries no file's data, and by what it is known. */
import { AREAS, type FsType } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Actors } from '../../src/attribution/actors.ts'
import { Capture, type MapStory } from './capture.ts'

const JBD2 = { tid: 40, comm: 'jbd2/loop0-8' }
const KWORKER = { tid: 30, comm: 'kworker/u8:1' }
const area = (name: (typeof AREAS)[number]): MapStory => ({
  when: 'after',
  areas: [[AREAS.indexOf(name), 409_600, 819_200]],
})

const natures = suite('natures')

for (const [type, range, what] of [
  ['ext4', '0+8', 'superblock'],
  ['ext4', '2+2', 'superblock'],
  ['ext4', '8+8', 'metadata'],
  ['ext4', '0+64', 'metadata'],
  ['xfs', '0+1', 'superblock'],
  ['xfs', '8+8', 'metadata'],
  ['btrfs', '128+8', 'superblock'],
  ['btrfs', '131072+8', 'superblock'],
  ['btrfs', '0+8', 'metadata'],
] as [FsType, string, string][]) {
  natures(`${type}: metadata at ${range} is ${what}`, () => {
    const c = new Capture({ type })
    c.blocks.at(`Q WM ${range}`, 10, KWORKER)
    assert.match(c.locate()[0], new RegExp(`^\\S+ ${what} inferred `))
  })
}

natures('with data=journal a marked write is data where the map has a file, which it has not where metadata is', () => {
  for (const [journalsData, whose] of [
    [true, '/mnt/b@0 snapshot map-after'],
    [false, 'metadata inferred metadata-flag'],
  ] as const) {
    const c = new Capture({ journalsData, maps: [{ when: 'after', extents: [['/mnt/b', 40_960, 45_056]] }] })
    c.blocks.at('Q WSM 80+8', 10, KWORKER).at('Q WSM 80+8', 20, KWORKER).at('Q WSM 8000+8', 30, KWORKER)
    const other = journalsData ? 'unknown unknown none' : whose
    assert.equal(c.locate(), [
      `0+4096 ${other} writeback -`,
      `0+4096 ${whose} writeback -`,
      `0+4096 ${other} writeback -`,
    ])
  }
})

natures('jbd2 writes the journal, marked as metadata, and files’ data, unmarked', () => {
  const c = new Capture()
  c.blocks.at('Q WSM 8000+8', 10, JBD2).at('Q WS 80+8', 20, JBD2)
  assert.equal(c.locate(), ['0+4096 journal inferred submitter writeback -', '0+4096 unknown unknown none writeback -'])
})

natures('data of a file that jbd2 writes stays the file’s', () => {
  const c = new Capture({ maps: [{ when: 'after', extents: [['/mnt/a', 40_960, 45_056]] }] })
  c.blocks.at('Q WSM 8000+8', 10, JBD2).at('Q WS 80+8', 20, JBD2)
  assert.is(c.locate()[1], '0+4096 /mnt/a@0 snapshot map-after writeback -')
})

natures('where no request has the mark, jbd2’s are the journal', () => {
  const c = new Capture()
  c.blocks.at('Q WS 8000+8', 10, JBD2)
  assert.equal(c.locate(), ['0+4096 journal inferred submitter writeback -'])
})

natures('a map knows better: its areas', () => {
  for (const name of ['journal', 'metadata', 'superblock', 'swap'] as const) {
    const c = new Capture({ maps: [area(name)] })
    c.blocks.at('Q WM 800+8', 10, KWORKER)
    assert.equal(c.locate(), [`0+4096 ${name} snapshot area writeback -`])
  }
})

natures('an area that is free, or used by whatever, says nothing', () => {
  for (const name of ['free', 'used'] as const) {
    const c = new Capture({ maps: [area(name)] })
    c.blocks.at('Q WM 800+8', 10, KWORKER)
    assert.equal(c.locate(), ['0+4096 metadata inferred metadata-flag writeback -'])
  }
})

natures('the journal’s blocks are never a file’s, marked or not', () => {
  const c = new Capture({ maps: [area('journal')] })
  c.blocks.at('Q WM 80+8', 10, KWORKER).at('Q W 800+8', 20, KWORKER)
  assert.is(c.locate()[1], '0+4096 journal snapshot area writeback -')
})

natures('ext4lazyinit writes zeroes over inode tables, without the mark', () => {
  const c = new Capture()
  c.blocks.at('Q W 800+8', 10, { tid: 50, comm: 'ext4lazyinit' })
  assert.equal(c.locate(), ['0+4096 metadata inferred metadata-flag writeback -'])
})

natures('metadata is written for whom is in a flush, where it is one', () => {
  const c = new Capture()
  for (const [tid, path] of [
    [10, '/mnt/a'],
    [20, '/mnt/b'],
  ] as const) {
    c.calls.exec(tid, '/bin/prog')
    c.calls.open(tid, path, F.O_RDWR, 3, { atNs: 0 })
  }
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 100 })
  c.calls.call(20, 'fsync', { fd: 3, atNs: 150, tookNs: 100 })
  for (const atNs of [50, 120, 170, 230, 300]) c.blocks.at('Q WSM 8000+8', atNs, JBD2)
  assert.equal(
    c.locate().map((piece) => piece.split(' ').at(-1)),
    ['-', '10', '-', '20', '-'],
  )
})

natures.run()

const actors = suite('actors')

actors('threads of the kernel by their names; a traced process is none, whatever it calls itself', () => {
  const all = new Actors()
  const kernel = (tid: number, comm: string): boolean => all.at(all.ofTid(tid, comm)).kernel
  for (const comm of ['kworker/u8:1', 'jbd2/sda1-8', 'xfsaild/sda1', 'btrfs-transacti', 'kswapd0', 'md127_raid1']) {
    assert.ok(kernel(2, comm), comm)
  }
  for (const comm of ['postgres', 'btrfs', 'loopback', 'mdadm', 'jbd']) assert.not.ok(kernel(3, comm), comm)
  const c = new Capture()
  c.calls.exec(10, '/bin/kworker/u8:1')
  c.calls.open(10, '/mnt/a', F.O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  const traced = c.actors.ofTid(10, 'kworker/u8:1')
  assert.equal([c.actors.at(traced).kernel, c.actors.at(traced).pid], [false, 10])
})

actors('a task that only a block trace names, once', () => {
  const all = new Actors()
  assert.is(all.ofTid(5, 'cp'), all.ofTid(5, 'cp'))
  assert.is.not(all.ofTid(5, 'cp'), all.ofTid(6, 'cp'))
  const { pid, name, process } = all.at(all.ofTid(0, null))
  assert.equal([pid, name, process], [null, null, null])
})

actors.run()
