import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type FsStory } from './capture.ts'

const AT = [40_960, 45_056] as const

/** What is said of a write to a block that a map gives to a file. `rwbs`: of another request. */
function whatOf(file: string | number, fs: FsStory = {}, rwbs = 'W'): string[] {
  const c = new Capture({
    ...fs,
    maps: [
      {
        when: 'after',
        extents: [
          ['/mnt/d/f', 0, 4096],
          [file, ...AT],
        ],
      },
    ],
  })
  c.blocks.at('Q W 80+8', 100, { tid: 30, comm: 'kworker/u8:1' })
  c.blocks.at(`Q ${rwbs} 800+8`, 200, { tid: 31, comm: 'jbd2/loop0-8' })
  const { pieces } = c.attribution()
  const { what, file: named } = pieces.row(0)
  const { path, inode } = c.book.at(named)
  return [what, path ?? `#${inode}`]
}

const kinds = suite('what maps name')

kinds('of an inode without a name nothing tells whether it is a file', () => {
  assert.equal(whatOf(12), ['unknown', '#12'])
  assert.equal(whatOf(12, { names: { 12: '/mnt/f' } }), ['file', '/mnt/f'])
})

kinds('where file systems mark what is metadata, blocks of directories are marked', () => {
  assert.equal(whatOf(12, {}, 'WM'), ['file', '#12'])
})

kinds('btrfs has no data of directories', () => {
  assert.equal(whatOf(12, { type: 'btrfs' }), ['file', '#12'])
})

kinds('what has something below it is a directory, and so is a mount point', () => {
  assert.equal(whatOf(12, { names: { 12: '/mnt/d' } }), ['metadata', '/mnt/d'])
  assert.equal(whatOf(12, { names: { 12: '/mnt' } }), ['metadata', '/mnt'])
})

kinds.run()
