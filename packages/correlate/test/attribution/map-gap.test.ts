/** Maps from afterwards of file systems that move what is overwritten, where files were written on meanwhile. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type FsStory } from './capture.ts'

const PAGE = 4096
const gaps = suite('files written between the trace and the map')

/** Block 10 was written in the trace; afterwards it is of /mnt/b. `more`: what else that map has. */
function named(type: FsStory['type'], before: boolean, more: number): [string, number] {
  const maps: FsStory['maps'] = [
    ...(before ? [{ when: 'before', extents: [['/mnt/old', 2 * PAGE, 3 * PAGE]] } as const] : []),
    {
      when: 'after',
      extents: [
        ['/mnt/old', 2 * PAGE, 3 * PAGE],
        ['/mnt/b', 10 * PAGE, 11 * PAGE],
        ...(more > 0 ? [['/mnt/b', more * PAGE, (more + 1) * PAGE, PAGE] as const] : []),
      ],
    },
  ]
  const c = new Capture({ type, maps })
  c.blocks.at('Q W 80+8', 120, { tid: 30, comm: 'kworker/u8:1' })
  return [c.locate()[0].split(' ')[1], c.attribution().lateMaps.size]
}

gaps('a new extent that no request wrote: the map names nothing alone', () => {
  assert.equal(named('btrfs', true, 20), ['unknown', 1])
})

gaps('believed where all that is new was traced, and where nothing tells what is new', () => {
  assert.equal(named('btrfs', true, 0), ['/mnt/b@0', 0])
  assert.equal(named('btrfs', false, 20), ['/mnt/b@0', 0])
})

gaps('believed of what is written in place', () => {
  assert.equal(named('ext4', true, 20), ['/mnt/b@0', 0])
})

gaps.run()
