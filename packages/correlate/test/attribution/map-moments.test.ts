/** Maps taken during the trace. Times in tenths of a second. */
import { EXTENT } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type FsStory, type MapStory } from './capture.ts'

const { O_RDWR } = F
const T = 1e8
/** Sector 80. */
const BLOCK = [40_960, 45_056] as const

function during(from: number, until: number, ...extents: NonNullable<MapStory['extents']>): MapStory {
  return { when: 'during', taken: [from * T, until * T], extents }
}

/** What becomes of a block that the kernel writes at these times, without any call. */
function written(fs: FsStory, ...at: number[]): string[] {
  const c = new Capture(fs)
  for (const one of at) c.blocks.at('Q W 80+8', one * T, { tid: 30, comm: 'kworker/u8:1' })
  return c.locate().map((line) => line.replace(/^0\+4096 | writeback -$/g, ''))
}

const NOTHING = 'unknown unknown none'
const moved = suite('a map during the trace, where every write moves')
const btrfs = (...maps: MapStory[]): FsStory => ({ type: 'btrfs', maps })

moved('it names the last write before its first look, although another one comes after its last', () => {
  const fs = btrfs(during(10, 12, ['/mnt/a', ...BLOCK]))
  assert.equal(written(fs, 3, 5, 40), [NOTHING, '/mnt/a@0 snapshot map-after', NOTHING])
})

moved('while it was read, anything may have been: neither that write, nor the one before', () => {
  const fs = btrfs(during(10, 12, ['/mnt/a', ...BLOCK]))
  assert.equal(written(fs, 5, 11, 40), [NOTHING, NOTHING, NOTHING])
})

moved('of several maps the first one after the write counts, and no later one after the next write', () => {
  const fs = btrfs(
    during(10, 12, ['/mnt/a', ...BLOCK]),
    during(50, 52, ['/mnt/b', ...BLOCK]),
    during(90, 92, ['/mnt/c', ...BLOCK]),
  )
  assert.equal(written(fs, 5, 40, 120), ['/mnt/a@0 snapshot map-after', '/mnt/b@0 snapshot map-after', NOTHING])
  const later = btrfs(during(10, 12), during(50, 52, ['/mnt/b', ...BLOCK]))
  assert.equal(written(later, 5), ['/mnt/b@0 snapshot map-after'])
  assert.equal(written(later, 5, 30), [NOTHING, '/mnt/b@0 snapshot map-after'])
})

moved('the map from after the trace goes first where it shows the same write', () => {
  const after: MapStory = { when: 'after', extents: [['/mnt/z', ...BLOCK]] }
  assert.equal(written(btrfs(during(10, 12, ['/mnt/a', ...BLOCK]), after), 5), ['/mnt/z@0 snapshot map-after'])
})

moved('a request is cut where the map ends, and where it was written again before', () => {
  const c = new Capture(btrfs(during(10, 12, ['/mnt/a', 40_960, 53_248])))
  c.blocks.at('Q W 80+32', 5 * T, { tid: 30, comm: 'kworker/u8:1' })
  c.blocks.at('Q W 88+8', 7 * T, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), [
    '0+4096 /mnt/a@0 snapshot map-after writeback -',
    '4096+4096 /mnt/a inferred same-request writeback -',
    '8192+4096 /mnt/a@8192 snapshot map-after writeback -',
    '12288+4096 /mnt/a inferred same-request writeback -',
    '0+4096 /mnt/a@4096 snapshot map-after writeback -',
  ])
})

moved('a map that does not tell when it was taken, or a write that does not, names nothing', () => {
  assert.equal(written(btrfs({ when: 'during', extents: [['/mnt/a', ...BLOCK]] }), 5), [NOTHING])
  const c = new Capture(btrfs(during(10, 12, ['/mnt/a', ...BLOCK])))
  c.blocks.at('Q W 80+8', 5 * T, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate('unknown'), ['0+4096 unknown unknown none writeback -'])
})

moved('a map whose end is not told shows what was never written again', () => {
  const fs = btrfs(during(10, Infinity, ['/mnt/a', ...BLOCK]))
  assert.equal(written(fs, 5), ['/mnt/a@0 snapshot map-after'])
  assert.equal(written(fs, 5, 400), [NOTHING, NOTHING])
})

moved('two files there, or a block that holds no data yet: nothing', () => {
  assert.equal(written(btrfs(during(10, 12, ['/mnt/a', ...BLOCK], ['/mnt/b', ...BLOCK])), 5), [NOTHING])
  assert.equal(written(btrfs(during(10, 12, ['/mnt/a', ...BLOCK, 0, EXTENT.unwritten])), 5), [NOTHING])
})

moved('it tells the offset of a write whose file the call tells', () => {
  const c = new Capture(btrfs(during(10, 12, ['/mnt/a', ...BLOCK, 8192])))
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'fsync', { fd: 3, atNs: 5 * T, tookNs: T })
  c.blocks.at('Q WS 80+8', 5 * T + 10, { tid: 10 }).at('Q W 80+8', 60 * T, { tid: 30, comm: 'kworker/u8:1' })
  assert.is(c.locate()[0], '0+4096 /mnt/a@8192 inferred own-call flush 10')
})

moved('a file that got blocks of another one since may have got this one from it', () => {
  const c = new Capture(btrfs(during(10, 12, ['/mnt/b', ...BLOCK])))
  c.calls.exec(10, '/bin/cp')
  c.calls.open(10, '/mnt/b', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'ioctl', { fd: 3, flags: F.FICLONERANGE, atNs: 7 * T, tookNs: 5 })
  c.blocks.at('Q W 80+8', 5 * T, { tid: 30, comm: 'kworker/u8:1' }).at('Q W 80+8', 60 * T, { tid: 31 })
  assert.is.not(c.locate()[0], '0+4096 /mnt/b@0 snapshot map-after writeback -')
})

moved('without calls, so may one that shares blocks with another file in any map', () => {
  const shared: MapStory = {
    when: 'before',
    extents: [
      ['/mnt/a', 0, 4096],
      ['/mnt/b', 0, 4096],
    ],
  }
  assert.equal(written(btrfs(shared, during(10, 12, ['/mnt/b', ...BLOCK])), 5), [NOTHING])
  assert.equal(written(btrfs(shared, during(10, 12, ['/mnt/c', ...BLOCK])), 5), ['/mnt/c@0 snapshot map-after'])
})

moved('a path is the file that had it then, under the name that it has at the end', () => {
  const c = new Capture(btrfs(during(10, 12, ['/mnt/new', ...BLOCK])))
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/new', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'pwrite64', { fd: 3, size: 4096, offset: 0, result: 4096, atNs: T, tookNs: 5 })
  c.calls.call(10, 'rename', { path: '/mnt/new', path2: '/mnt/old', atNs: 30 * T, tookNs: 5 })
  c.blocks.at('Q W 80+8', 5 * T, { tid: 30, comm: 'kworker/u8:1' }).at('Q W 80+8', 60 * T, { tid: 31 })
  assert.is(c.locate()[0], '0+4096 /mnt/old@0 snapshot map-after writeback 10')
})

moved.run()

const stays = suite('a map during the trace, where blocks stay')
const ext4 = (...maps: MapStory[]): FsStory => ({ maps })

stays('what is written after its last look is still the file’s that it has there', () => {
  assert.equal(written(ext4(during(10, 12, ['/mnt/a', ...BLOCK])), 40, 50), [
    '/mnt/a@0 snapshot kept-place',
    '/mnt/a@0 inferred kept-place',
  ])
})

stays('unless the file gave it away since', () => {
  const c = new Capture(ext4(during(10, 12, ['/mnt/a', ...BLOCK])))
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'ftruncate', { fd: 3, size: 0, atNs: 30 * T, tookNs: 5 })
  c.blocks
    .at('Q W 80+8', 20 * T, { tid: 30, comm: 'kworker/u8:1' })
    .at('Q W 80+8', 40 * T, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), [
    '0+4096 /mnt/a@0 snapshot kept-place writeback -',
    '0+4096 unknown unknown none writeback -',
  ])
})

stays('what calls told since its first look counts, what they told before does not', () => {
  const told = (...asked: number[]): string[] => {
    const c = new Capture(ext4(during(10, 12, ['/mnt/b', ...BLOCK])))
    c.calls.exec(10, '/bin/writer')
    c.calls.exec(20, '/bin/other')
    c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
    c.calls.open(20, '/mnt/b', O_RDWR, 3, { atNs: 0 })
    c.calls.call(20, 'pwrite64', { fd: 3, size: 1, offset: 0, result: 1, atNs: T, tookNs: 5 })
    for (const at of asked) {
      c.calls.call(10, 'fsync', { fd: 3, atNs: at * T, tookNs: T })
      c.blocks.at('Q WS 80+8', at * T + 10, { tid: 10 })
    }
    c.blocks.at('Q W 80+8', 60 * T, { tid: 30, comm: 'kworker/u8:1' })
    return c.locate()
  }
  assert.is(told(5).at(-1), '0+4096 /mnt/b@0 snapshot kept-place writeback 20')
  assert.is(told(11).at(-1), '0+4096 /mnt/a inferred kept-place writeback -')
})

stays('a block may be the file’s a moment before its data are: within a second of the map, nothing is named', () => {
  const fs = ext4(during(10, 12, ['/mnt/a', ...BLOCK]))
  assert.is(written(fs, 5, 15)[0], NOTHING)
  assert.is(written(fs, 5, 40)[0], '/mnt/a@0 snapshot map-after')
})

stays('without delayed allocation, it may be so for long', () => {
  const fs = { ...ext4(during(10, 12, ['/mnt/a', ...BLOCK])), allocatesEarly: true }
  assert.is(written(fs, 5, 400)[0], NOTHING)
})

stays('without calls, two maps that agree are believed, if no other one shows that the file moves', () => {
  const a = ['/mnt/a', ...BLOCK] as const
  const agreeing = [during(10, 12, a), during(50, 52, a)]
  const after = (start: number): MapStory => ({ when: 'after', extents: [['/mnt/a', start, start + 4096]] })
  assert.is(written(ext4(...agreeing, after(BLOCK[0])), 30, 40, 51)[0], '/mnt/a@0 snapshot kept-place')
  assert.is(written(ext4(...agreeing, after(81_920)), 30, 40, 51)[0], NOTHING)
})

stays('calls that show no file to have lost a block since: the next map counts for all writes before it', () => {
  const c = new Capture(ext4(during(30, 32, ['/mnt/a', ...BLOCK])))
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'pwrite64', { fd: 3, size: 4096, offset: 0, result: 4096, atNs: T, tookNs: 5 })
  c.calls.call(10, 'ftruncate', { fd: 3, size: 0, atNs: 60 * T, tookNs: 5 })
  for (const at of [5, 20]) c.blocks.at('Q W 80+8', at * T, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), [
    '0+4096 /mnt/a@0 snapshot map-both writeback 10',
    '0+4096 /mnt/a@0 inferred kept-place writeback 10',
  ])
})

stays.run()
