/** f2fs writes nodes unmarked, by the task that flushes: only a map or an event tells one from data. */
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type FsStory } from './capture.ts'

const nodes = suite('nodes of f2fs')

/** A task writes two blocks within one flush of its file: data, then the node. */
function flushed(fs: FsStory, flags: number = F.O_RDWR): Capture {
  const c = new Capture(fs)
  c.calls.open(10, '/mnt/a', flags, 3, { atNs: 0 })
  c.calls.call(10, 'pwrite64', { fd: 3, offset: 0, result: 4096, atNs: 100, tookNs: 50 })
  if (flags === F.O_RDWR) c.calls.call(10, 'fsync', { fd: 3, atNs: 200, tookNs: 100 })
  return c
}

nodes('what a task writes in its flush may be a node, and what was dirty tells nothing', () => {
  for (const [type, whose] of [
    ['f2fs', 'unknown unknown none flush -'],
    ['xfs', '/mnt/a inferred own-call flush 10'],
  ] as const) {
    const c = flushed({ type })
    c.blocks.at('Q WS 80+8', 220, { tid: 10 })
    assert.equal(c.locate(), [`0+4096 ${whose}`])
  }
  const c = flushed({ type: 'f2fs' })
  c.blocks.at('Q W 80+8', 160, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), ['0+4096 unknown unknown none writeback -'])
})

nodes('where a map has the same file it is data', () => {
  const c = flushed({ type: 'f2fs', maps: [{ when: 'after', extents: [['/mnt/a', 40_960, 45_056]] }] })
  c.blocks.at('Q WS 80+8', 220, { tid: 10 }).at('Q WS 8000+8', 240, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/a@0 inferred own-call flush 10', '0+4096 unknown unknown none flush -'])
})

nodes('a direct write queues its data; one that flushes, nodes, too', () => {
  for (const [flags, whose] of [
    [F.O_RDWR | F.O_DIRECT, '/mnt/a@0 inferred own-call'],
    [F.O_RDWR | F.O_DIRECT | F.O_DSYNC, 'unknown unknown none'],
  ] as const) {
    const c = flushed({ type: 'f2fs' }, flags)
    c.blocks.at('Q WS 80+8', 120, { tid: 10 })
    assert.match(c.locate()[0], `0+4096 ${whose} direct`)
  }
})

nodes('an event that places a block tells a node from data', () => {
  const c = flushed({ type: 'f2fs', names: { 4: '/mnt/a' } })
  const event = 'f2fs_submit_page_write'
  c.inode('placed', 4, { atNs: 210, tid: 10, page: 0, at: 40_960, event })
  c.blocks.at('Q WS 80+8', 220, { tid: 10 })
  c.inode('placed', 1, { atNs: 230, tid: 10, page: 7, at: 4_096_000, event })
  c.blocks.at('Q WS 8000+8', 240, { tid: 10 })
  const [data, node] = c.locate()
  assert.match(data, '0+4096 /mnt/a@0 ')
  assert.match(data, ' placed flush 10')
  assert.is(node, '0+4096 metadata inferred placed flush -')
})

nodes.run()
