/** The rules by which a block write is named, one by one. */
import { AREAS, EXTENT } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type Clocks, type FsStory } from './capture.ts'

const { O_RDWR, O_DIRECT, O_SYNC } = F
const PAGE = 4096

/** Two programs, each with a file of its own. */
function begun(fs: FsStory = {}): Capture {
  const c = new Capture(fs)
  c.calls.exec(10, '/bin/writer')
  c.calls.exec(20, '/bin/other')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.open(20, '/mnt/b', O_RDWR, 3, { atNs: 0 })
  return c
}

function wrote(c: Capture, tid: number, atNs: number, bytes = PAGE, offset = 0): void {
  c.calls.call(tid, 'pwrite64', { fd: 3, size: bytes, offset, result: bytes, atNs, tookNs: 5 })
}

function synced(c: Capture, tid: number, atNs: number, tookNs = 50): void {
  c.calls.call(tid, 'fsync', { fd: 3, atNs, tookNs })
}

const calls = suite('own call')

calls('what a task queues inside its fsync is of that file', () => {
  const c = begun()
  wrote(c, 10, 10)
  wrote(c, 20, 20)
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+8', 120, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred own-call flush 10'])
})

calls('after the call, and in another task, it is not', () => {
  const c = begun()
  wrote(c, 10, 10)
  wrote(c, 20, 20)
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+8', 90, { tid: 10 }).at('Q WS 160+8', 120, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), [
    '0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -',
    '0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -',
  ])
})

calls('clocks that leave two calls possible: both files are named, unless the block tells', () => {
  const told = (maps: FsStory['maps']): string[] => {
    const c = begun({ maps })
    c.doubtNs = 30
    c.calls.open(10, '/mnt/c', O_RDWR, 4, { atNs: 0 })
    synced(c, 10, 100)
    c.calls.call(10, 'fsync', { fd: 4, atNs: 170, tookNs: 50 })
    c.blocks.at('Q WS 80+8', 145, { tid: 10 })
    return c.locate()
  }
  assert.equal(told([]), ['0+4096 /mnt/a|/mnt/c ambiguous one-of flush -'])
  assert.equal(told([{ when: 'after', extents: [['/mnt/c', 40_960, 45_056]] }]), [
    '0+4096 /mnt/c@0 snapshot map-after flush 10',
  ])
})

calls('syncfs is of every file, not of the one that it was given', () => {
  const c = begun()
  wrote(c, 20, 20)
  c.calls.call(10, 'syncfs', { fd: 3, atNs: 100, tookNs: 50 })
  c.blocks.at('Q WS 80+8', 120, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/b inferred only-dirty flush 20'])
})

calls('clocks that could not be joined: no call counts', () => {
  const c = begun()
  wrote(c, 10, 10)
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+8', 120, { tid: 10, comm: 'writer' })
  assert.equal(c.locate('unknown'), ['0+4096 unknown unknown none writeback -'])
})

calls('O_DIRECT and O_SYNC writes queue their own range, part by part', () => {
  const c = begun()
  c.calls.open(10, '/mnt/d', O_RDWR | O_DIRECT, 4, { atNs: 30 })
  c.calls.open(10, '/mnt/s', O_RDWR | O_SYNC, 5, { atNs: 40 })
  c.calls.call(10, 'pwrite64', { fd: 4, size: 8192, offset: 65_536, result: 8192, atNs: 100, tookNs: 50 })
  c.calls.call(10, 'pwrite64', { fd: 5, size: 10, offset: 5000, result: 10, atNs: 200, tookNs: 50 })
  c.blocks.at('Q WS 80+8', 110, { tid: 10 }).at('Q WS 800+8', 120, { tid: 10 }).at('Q WS 1600+8', 210, { tid: 10 })
  assert.equal(c.locate(), [
    '0+4096 /mnt/d@65536 inferred own-call direct 10',
    '0+4096 /mnt/d@69632 inferred own-call direct 10',
    '0+4096 /mnt/s@4096 inferred own-call direct 10',
  ])
})

calls('the call is believed against the place, and the contradiction counted', () => {
  const c = begun({ maps: [{ when: 'before', extents: [['/mnt/b', 40_960, 45_056]] }] })
  wrote(c, 10, 10)
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+8', 120, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred own-call flush 10'])
  assert.is(c.attribution().conflicts, 1)
})

calls('where memory does not suffice, it ends before it has begun', () => {
  const c = begun()
  c.look = () => {
    throw new Error('enough')
  }
  c.blocks.at('Q WS 80+8', 120, { tid: 10 })
  assert.throws(() => c.locate(), /enough/)
})

calls.run()

const kept = suite('kept place')

/** `/mnt/a` has its block at sector 80, as its own fsync showed; the kernel writes it again at 300. */
function writtenTwice(between: (c: Capture) => void, fs: FsStory = {}): string {
  const c = begun(fs)
  wrote(c, 10, 10)
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+8', 120, { tid: 10 })
  between(c)
  wrote(c, 20, 280)
  c.blocks.at('Q W 80+8', 300, { tid: 30, comm: 'kworker/u8:1' })
  return c.locate()[1]
}

kept('a block stays its file’s', () => {
  assert.is(
    writtenTwice((c) => wrote(c, 10, 200)),
    '0+4096 /mnt/a inferred kept-place writeback 10',
  )
})

for (const [how, takeAway] of [
  ['ftruncate', (c: Capture) => c.calls.call(10, 'ftruncate', { fd: 3, size: 0, atNs: 200 })],
  ['O_TRUNC', (c: Capture) => c.calls.open(10, '/mnt/a', O_RDWR | F.O_TRUNC, 4, { atNs: 200 })],
  ['unlink', (c: Capture) => c.calls.call(10, 'unlink', { path: '/mnt/a', atNs: 200 })],
  ['rename over it', (c: Capture) => c.calls.call(20, 'rename', { path: '/mnt/b', path2: '/mnt/a', atNs: 200 })],
] as const) {
  kept(`until ${how}: then it may be anybody’s`, () => {
    const other = how === 'rename over it' ? '/mnt/a' : '/mnt/b'
    assert.is(writtenTwice(takeAway), `0+4096 ${other} inferred only-dirty writeback 20`)
  })
}

kept('one whose offset is known survives a truncation behind it', () => {
  const c = begun({ maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 49_152, 0]] }] })
  wrote(c, 10, 10, 8192)
  wrote(c, 20, 10)
  c.calls.call(10, 'ftruncate', { fd: 3, size: PAGE, atNs: 200 })
  c.blocks.at('Q W 80+16', 300, { tid: 30, comm: 'kworker/u8:1' })
  const [first, second] = c.locate()
  assert.is(first, '0+4096 /mnt/a@0 snapshot kept-place writeback 10')
  assert.match(second, /^4096\+4096 .* ambiguous one-of /)
})

kept('a part that was given away does not come back with a write to the rest', () => {
  const c = begun({ maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 53_248, 0]] }] })
  synced(c, 10, 100)
  c.blocks.at('Q WS 80+24', 110, { tid: 10 })
  wrote(c, 20, 150)
  synced(c, 20, 200)
  c.blocks.at('Q WS 88+8', 210, { tid: 20 })
  c.calls.call(10, 'ftruncate', { fd: 3, size: 0, atNs: 300 })
  wrote(c, 10, 310)
  synced(c, 10, 400)
  c.blocks.at('Q WS 80+8', 410, { tid: 10 }).at('Q W 96+8', 500, { tid: 30, comm: 'kworker/u8:1' })
  const located = c.locate()
  assert.is(located[0], '0+12288 /mnt/a@0 inferred own-call flush 10')
  assert.is(located[2], '0+4096 /mnt/a inferred own-call flush 10', 'the old offset is not known to hold')
  assert.is(located[3], '0+4096 unknown unknown none writeback -')
})

for (const type of ['btrfs', 'zfs'] as const) {
  kept(`never on ${type}: it writes elsewhere each time`, () => {
    assert.not.match(
      writtenTwice((c) => wrote(c, 10, 200), { type }),
      'kept-place',
    )
  })
}

kept(
  'not from a map from before, where the block has another owner afterwards and no call tells when it lost it',
  () => {
    const told = (after: [string, number, number, number][], atNs: number): string[] => {
      const c = begun({
        maps: [
          { when: 'before', extents: [['/mnt/a', 40_960, 45_056, 0]] },
          { when: 'after', extents: after },
        ],
      })
      wrote(c, 10, 10)
      c.blocks.at('Q W 80+8', atNs, { tid: 30, comm: 'kworker/u8:1' })
      c.blocks.at('Q W 80+8', 900, { tid: 30, comm: 'kworker/u8:1' })
      return c.locate().slice(0, 1)
    }
    const [watched, unwatched] = [500, -500]
    const ours: [string, number, number, number] = ['/mnt/a', 40_960, 45_056, 0]
    const others: [string, number, number, number] = ['/mnt/b', 40_960, 45_056, 0]
    const moved: [string, number, number, number] = ['/mnt/a', 81_920, 86_016, 0]
    for (const atNs of [watched, unwatched]) {
      assert.match(told([ours], atNs)[0], /^0\+4096 \/mnt\/a@0 snapshot kept-place/)
    }
    assert.match(told([others], watched)[0], /^0\+4096 \/mnt\/a\|\/mnt\/b ambiguous one-of/)
    assert.match(told([others], unwatched)[0], /unknown none/)
    assert.match(told([moved], unwatched)[0], /unknown none/)
  },
)

kept('not where calls took blocks away from the file, and nothing tells when', () => {
  const writtenBack = (clocks: Clocks, lose: (c: Capture) => void): string => {
    const c = begun({ maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 49_152, 0]] }] })
    wrote(c, 10, 10)
    c.blocks.at('Q W 80+8', 120, { tid: 30, comm: 'kworker/u8:1' })
    lose(c)
    return c.locate(clocks)[0]
  }
  const unlinked = (c: Capture): void => c.calls.call(10, 'unlink', { path: '/mnt/a', atNs: 500, tookNs: 1 })
  assert.is(writtenBack('joined', unlinked), '0+4096 /mnt/a@0 snapshot kept-place writeback 10')
  for (const clocks of ['apart', 'other'] as const) {
    const kept = writtenBack(clocks, () => {})
    assert.match(kept, '/mnt/a@0 snapshot kept-place')
    assert.is(writtenBack(clocks, unlinked), '0+4096 unknown unknown none writeback -')
  }
})

kept('as the map from before the trace has it', () => {
  const c = begun({ maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 49_152, 8192]] }] })
  wrote(c, 10, 10)
  c.blocks.at('Q W 88+8', 300, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), ['0+4096 /mnt/a@12288 snapshot kept-place writeback 10'])
})

kept('not one that it shared then: the other file may be left alone with it', () => {
  const c = begun({
    type: 'xfs',
    maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 45_056, 0, EXTENT.shared]] }],
  })
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 300, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), ['0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -'])
})

kept('not where nothing says that the file system writes in place: f2fs and others do not', () => {
  const c = begun({ type: 'other', maps: [{ when: 'before', extents: [['/mnt/a', 40_960, 45_056]] }] })
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 300, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), ['0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -'])
})

kept.run()

const maps = suite('maps from afterwards')

const AFTER: FsStory = { maps: [{ when: 'after', extents: [['/mnt/b', 40_960, 45_056]] }] }
const KWORKER = { tid: 30, comm: 'kworker/u8:1' }

maps('name the last write to a block', () => {
  const c = begun(AFTER)
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/b@0 snapshot map-after writeback 20'])
})

maps('each tells of its own files; where two tell of one block, they must agree', () => {
  const c = begun({
    maps: [
      {
        when: 'after',
        extents: [
          ['/mnt/a', 4096, 8192],
          ['/mnt/c', 16_384, 20_480],
        ],
      },
      {
        when: 'after',
        extents: [
          ['/mnt/d', 16_384, 20_480],
          ['/mnt/b', 40_960, 49_152],
        ],
      },
    ],
  })
  c.blocks.at('Q W 88+8', 300, KWORKER).at('Q W 8+8', 400, KWORKER).at('Q W 32+8', 500, KWORKER)
  assert.equal(c.locate(), [
    '0+4096 /mnt/b@4096 snapshot map-after writeback -',
    '0+4096 /mnt/a@0 snapshot map-after writeback -',
    '0+4096 /mnt/c|/mnt/d ambiguous maps-differ writeback -',
  ])
})

maps('not of a file that got blocks of another one since', () => {
  const written = (type: FsStory['type'], call: string, atNs: number): string => {
    const c = begun({ ...AFTER, type })
    c.calls.open(20, '/mnt/a', O_RDWR, 4, { atNs: 5 })
    wrote(c, 10, 10)
    c.blocks.at('Q W 80+8', 300, KWORKER)
    c.calls.call(20, call, {
      fd: 3,
      fd2: 4,
      flags: F.FICLONE,
      size: PAGE,
      result: call === 'ioctl' ? 0 : PAGE,
      atNs,
      tookNs: 5,
    })
    return c.locate()[0]
  }
  for (const call of ['ioctl', 'copy_file_range']) {
    assert.not.match(written('xfs', call, 400), 'map-after')
    assert.match(written('xfs', call, 200), '/mnt/b@0 snapshot map-after')
    assert.match(written('ext4', call, 400), '/mnt/b@0 snapshot map-after')
  }
})

maps('an earlier one is not theirs when the block changed hands', () => {
  const c = begun(AFTER)
  wrote(c, 10, 10)
  c.blocks.at('Q W 80+8', 50, KWORKER)
  c.calls.call(10, 'unlink', { path: '/mnt/a', atNs: 100 })
  wrote(c, 20, 200)
  c.blocks.at('Q W 80+8', 300, KWORKER)
  const [earlier, last] = c.locate()
  assert.not.match(earlier, '/mnt/b')
  assert.is(last, '0+4096 /mnt/b@0 snapshot map-after writeback 20')
})

maps('an earlier one is theirs when nothing gave a block away', () => {
  const c = begun(AFTER)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 50, KWORKER).at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), [
    '0+4096 /mnt/b@0 snapshot map-both writeback 20',
    '0+4096 /mnt/b@0 inferred kept-place writeback 20',
  ])
})

maps('not for certain where a part of it was cut off in between, though the map shows the file there again', () => {
  const c = begun({ maps: [{ when: 'after', extents: [['/mnt/b', 40_960, 49_152]] }] })
  wrote(c, 10, 10)
  wrote(c, 20, 10, 8192)
  c.blocks.at('Q W 80+16', 50, KWORKER)
  c.calls.call(20, 'ftruncate', { fd: 3, size: PAGE, atNs: 100 })
  wrote(c, 20, 200, 8192)
  c.blocks.at('Q W 80+16', 300, KWORKER)
  assert.equal(c.locate(), [
    '0+8192 /mnt/a|/mnt/b ambiguous one-of writeback -',
    '0+8192 /mnt/b@0 snapshot map-after writeback 20',
  ])
})

maps('a file whose blocks a map shows elsewhere, and that lost none, is out; one that no map tells of is not', () => {
  for (const [extents, whose] of [
    [[], '/mnt/a|/mnt/b ambiguous one-of writeback -'],
    [[['/mnt/a', 81_920, 86_016]], '/mnt/b inferred only-dirty writeback 20'],
  ] as const) {
    const c = begun({ maps: [{ when: 'after', extents: [['/mnt/b', 122_880, 126_976], ...extents] }] })
    wrote(c, 10, 10)
    wrote(c, 20, 10)
    c.blocks.at('Q W 80+8', 50, KWORKER)
    c.calls.call(20, 'ftruncate', { fd: 3, size: 0, atNs: 100 })
    assert.equal(c.locate(), [`0+4096 ${whose}`])
  }
})

maps('on a copy-on-write file system they name the last write only', () => {
  const c = begun({ ...AFTER, type: 'btrfs' })
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 50, KWORKER).at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), [
    '0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -',
    '0+4096 /mnt/b@0 snapshot map-after writeback 20',
  ])
})

maps('preallocated blocks and maps taken during the trace say nothing', () => {
  for (const story of [
    { when: 'after', extents: [['/mnt/b', 40_960, 45_056, 0, EXTENT.unwritten]] },
    { when: 'during', extents: [['/mnt/b', 40_960, 45_056]] },
  ] as const) {
    const c = begun({ type: 'btrfs', maps: [story] })
    wrote(c, 10, 10)
    wrote(c, 20, 10)
    c.blocks.at('Q W 80+8', 300, KWORKER)
    assert.equal(c.locate(), ['0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -'])
  }
})

maps('a request holds one file: the part that no map names is of the same', () => {
  const c = begun(AFTER)
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+16', 300, KWORKER)
  assert.equal(c.locate(), [
    '0+4096 /mnt/b@0 snapshot map-after writeback 20',
    '4096+4096 /mnt/b inferred same-request writeback 20',
  ])
})

maps('not when it was merged: requests of two files may be one at the device', () => {
  const c = begun(AFTER)
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('D W 80+16', 300, KWORKER)
  assert.not.match(c.locate()[1], 'same-request')
})

maps('two files on one block (reflinks): neither is named', () => {
  const extents = [
    ['/mnt/a', 40_960, 45_056],
    ['/mnt/b', 40_960, 45_056],
  ] as const
  const c = begun({ type: 'btrfs', maps: [{ when: 'after', extents }] })
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a|/mnt/b ambiguous one-of writeback -'])
})

maps.run()

const dirty = suite('dirty files')

dirty('the only one there is', () => {
  const c = begun()
  wrote(c, 10, 10)
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 10'])
})

dirty('what btrfs was told to defragment, by whoever told it', () => {
  const c = new Capture({ type: 'btrfs' })
  c.calls.exec(10, '/bin/btrfs')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'ioctl', { fd: 3, flags: F.BTRFS_IOC_DEFRAG_RANGE, atNs: 10, tookNs: 5 })
  c.calls.open(10, '/mnt/b', O_RDWR, 4, { atNs: 20 })
  c.calls.call(10, 'ioctl', { fd: 4, atNs: 30, tookNs: 5 })
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 10'])
})

dirty('a file that blocks of another were cloned into, or that was cut within a page', () => {
  for (const call of [
    ['ioctl', { fd: 3, fd2: 4, flags: F.FICLONE }],
    ['ioctl', { fd: 3, flags: F.FICLONERANGE }],
    ['ftruncate', { fd: 3, size: 100 }],
    ['fallocate', { fd: 3, flags: F.FALLOC_FL_PUNCH_HOLE, offset: 0, size: 4097 }],
    ['fallocate', { fd: 3, flags: F.FALLOC_FL_ZERO_RANGE, offset: 1, size: 4095 }],
  ] as const) {
    const c = begun({ type: 'btrfs' })
    c.calls.call(10, call[0], { ...call[1], atNs: 10, tookNs: 5 })
    c.blocks.at('Q W 80+8', 300, KWORKER)
    assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 10'])
  }
  const aligned = begun({ type: 'btrfs' })
  aligned.calls.call(10, 'ftruncate', { fd: 3, size: PAGE, atNs: 10, tookNs: 5 })
  aligned.blocks.at('Q W 80+8', 300, KWORKER)
  assert.not.match(aligned.locate()[0], 'only-dirty')
})

dirty('one elsewhere is none of this file system’s', () => {
  const c = begun()
  c.calls.open(20, '/elsewhere', O_RDWR, 4, { atNs: 0 })
  wrote(c, 10, 10)
  c.calls.call(20, 'write', { fd: 4, size: PAGE, result: PAGE, atNs: 20, tookNs: 5 })
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 10'])
})

dirty('no file, where others write there whom no call shows', () => {
  const named = (others: (c: Capture) => void): string => {
    const c = begun()
    wrote(c, 10, 10, 2 * PAGE)
    c.blocks.at('Q W 80+8', 300, KWORKER)
    others(c)
    return c.locate()[0].split(' ')[1]
  }
  assert.is(
    named(() => {}),
    '/mnt/a',
  )
  assert.is(
    named((c) => c.blocks.at('Q W 160+8', 400, KWORKER)),
    '/mnt/a',
  )
  assert.is(
    named((c) => c.blocks.at('Q WS 160+8', 400, { tid: 40, comm: 'untraced' })),
    'unknown',
  )
  assert.is(
    named((c) => c.blocks.at('Q W 160+16', 400, KWORKER)),
    'unknown',
    'more than was written',
  )
  assert.is(
    named((c) => c.blocks.at('Q WM 160+16', 400, KWORKER)),
    '/mnt/a',
    'metadata',
  )
})

dirty('whoever flushes another file system is not whom the journal is written for', () => {
  const c = begun()
  c.calls.open(20, '/elsewhere', O_RDWR, 4, { atNs: 0 })
  for (const [fd, atNs] of [
    [3, 100],
    [4, 200],
  ]) {
    c.calls.call(20, 'fsync', { fd, atNs, tookNs: 50 })
    c.blocks.at('Q WSM 80+8', atNs + 20, { tid: 30, comm: 'jbd2/loop0-8' })
  }
  assert.equal(
    c.locate().map((piece) => piece.split(' ').at(-1)),
    ['20', '-'],
  )
})

dirty('what was flushed is clean, what was written since is not', () => {
  const c = begun()
  wrote(c, 10, 10)
  wrote(c, 20, 10)
  synced(c, 10, 100)
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/b inferred only-dirty writeback 20'])
})

dirty('nobody wrote: unknown', () => {
  const c = begun()
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 unknown unknown none writeback -'])
})

dirty('too many to tell: unknown', () => {
  const c = begun()
  for (let k = 0; k < 9; k++) {
    c.calls.open(10, `/mnt/${k}`, O_RDWR, 10 + k, { atNs: 1 })
    c.calls.call(10, 'write', { fd: 10 + k, size: 1, result: 1, atNs: 2, tookNs: 1 })
  }
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 unknown unknown none writeback -'])
})

dirty('a thread of the kernel made nothing dirty; who has the file mapped did', () => {
  const c = begun()
  c.calls.map(10, 3, 0x100000, 1, { atNs: 10 })
  c.blocks.at('Q W 80+8', 300, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 10'])
})

dirty.run()

const events = suite('inode events')

/** An fsync event in the fsync of task 10: inode 12 is `/mnt/a`. */
function joined(fs: FsStory = {}): Capture {
  const c = begun(fs)
  wrote(c, 10, 1000)
  synced(c, 10, 10_000, 5000)
  c.inode('sync', 12, { atNs: 11_000, tid: 10 })
  return c
}

events('a placed range is exact where a call named the inode', () => {
  const c = joined()
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 2, pages: 2, at: 40_960 })
  c.blocks.at('Q WS 80+16', 13_500, { tid: 10 })
  assert.equal(c.locate(), ['0+8192 /mnt/a@8192 exact placed flush 10'])
})

events('a snapshot where only a list does, unnamed where nothing does', () => {
  for (const [names, whose] of [
    [{ 12: '/mnt/listed' }, '/mnt/listed'],
    [{}, '#12'],
  ] as const) {
    const c = new Capture({ names })
    c.inode('placed', 12, { atNs: 12_000, tid: 30, page: 2, at: 40_960 })
    c.blocks.at('Q W 80+8', 14_000, KWORKER)
    assert.equal(c.locate(), [`0+4096 ${whose}@8192 snapshot placed writeback -`])
  }
})

events('the page’s own writer is named, not who flushed it, and once', () => {
  const c = joined()
  c.calls.call(20, 'write', { fd: 9, said: '/mnt/a', size: PAGE, result: PAGE, atNs: 1500, tookNs: 500 })
  c.inode('dirty', 12, { atNs: 1700, tid: 20, comm: 'other', page: 2 })
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 2, at: 40_960 })
  c.blocks.at('Q WS 80+8', 14_000, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/a@8192 exact placed flush 20'])
})

events('the last event that placed a block counts', () => {
  const c = joined()
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 0, at: 40_960 })
  c.inode('placed', 13, { atNs: 20_000, tid: 20, page: 5, at: 40_960 })
  c.blocks.at('Q WS 80+8', 14_000, { tid: 10 }).at('Q W 80+8', 30_000, KWORKER)
  assert.equal(
    c.locate().map((piece) => piece.split(' ')[1]),
    ['/mnt/a@0', '#13@20480'],
  )
})

events('an announced range is what the task queues next, of as many bytes', () => {
  const c = joined({ type: 'xfs' })
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 3, pages: 2, event: 'xfs_map_blocks_alloc' })
  c.blocks.at('Q WS 80+16', 14_000, { tid: 10 }).at('Q WS 800+8', 14_100, { tid: 10 })
  const [first, second] = c.locate()
  assert.is(first, '0+8192 /mnt/a@12288 exact announced flush 10')
  assert.match(second, /^0\+4096 \/mnt\/a inferred sync-event flush 10/)
})

events('inside the file system’s fsync of an inode a task queues data of that inode, without any call', () => {
  const c = new Capture()
  c.inode('dirty', 12, { atNs: 10_000, tid: 20, comm: 'other', page: 7 })
  c.inode('sync', 12, { atNs: 20_000, tid: 10 })
  c.blocks.at('Q WS 80+8', 22_000, { tid: 10, comm: 'writer' }).at('Q WS 160+8', 23_000, { tid: 30, comm: 'third' })
  assert.equal(c.locate(), [
    '0+4096 #12@28672 inferred sync-event writeback 20',
    '0+4096 unknown unknown none writeback -',
  ])
})

events('an fsync event is of the fsync, however near the write before it was', () => {
  const c = new Capture()
  c.doubtNs = 500
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  wrote(c, 10, 9900)
  synced(c, 10, 10_000, 5000)
  c.inode('sync', 12, { atNs: 10_100, tid: 10 })
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 0, at: 40_960 })
  c.blocks.at('Q WS 80+8', 14_000, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/a@0 exact placed flush 10'])
})

events('an inode number that went to a file which is never flushed is not the one before', () => {
  const c = joined()
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 0, at: 40_960 })
  c.calls.call(10, 'unlink', { path: '/mnt/a', atNs: 20_000, tookNs: 10 })
  c.calls.call(10, 'close', { fd: 3, atNs: 20_100, tookNs: 10 })
  c.inode('placed', 12, { atNs: 32_000, ...KWORKER, page: 0, at: 81_920 })
  c.blocks.at('Q WS 80+8', 14_000, { tid: 10 }).at('Q W 160+8', 34_000, KWORKER)
  assert.equal(c.locate(), ['0+4096 /mnt/a@0 exact placed flush 10', '0+4096 #12@0 snapshot placed writeback -'])
})

events('what a task announced is what it queues next, unless an event places it first', () => {
  const next = (between: (c: Capture) => void): string => {
    const c = new Capture()
    c.inode('announce', 12, { atNs: 10_000, tid: 10, page: 31, event: 'ext4_da_write_pages_extent' })
    between(c)
    c.blocks.at('Q WS 160+8', 30_000, { tid: 10 })
    return c.locate().at(-1)!
  }
  assert.match(
    next(() => {}),
    '#12@126976 inferred announced',
  )
  const placed = (c: Capture): void => {
    c.inode('placed', 12, { atNs: 20_000, tid: 10, page: 31, at: 40_960 })
    c.blocks.at('Q WS 80+8', 25_000, { tid: 10 })
  }
  assert.match(next(placed), 'unknown')
  assert.match(
    next((c) => c.inode('sync', 13, { atNs: 20_000, tid: 10 })),
    '#13 inferred sync-event',
  )
})

events('where events were lost, a place is as any that was learned, and an fsync may be over', () => {
  const c = new Capture({ type: 'ext4' })
  c.inode('placed', 12, { atNs: 12_000, ...KWORKER, page: 0, at: 40_960 })
  c.inode('sync', 12, { atNs: 12_000, tid: 10 })
  c.inode('lost', NaN, { atNs: 13_000, tid: 0 })
  c.inode('placed', 12, { atNs: 20_000, ...KWORKER, page: 1, at: 45_056 })
  c.blocks.at('Q WS 160+8', 14_000, { tid: 10 }).at('Q W 80+8', 15_000, KWORKER).at('Q W 88+8', 22_000, KWORKER)
  assert.equal(c.locate(), [
    '0+4096 unknown unknown none writeback -',
    '0+4096 #12@0 inferred kept-place writeback -',
    '0+4096 #12@4096 snapshot placed writeback -',
  ])
})

events('ext4 with bigalloc gives clusters to files, and tells the first block only', () => {
  const named = (clusterBytes: number | null): string[] => {
    const c = new Capture({ clusterBytes })
    c.inode('placed', 12, { atNs: 10_000, tid: 10, page: 0, pages: 1, at: 65_536, clusters: true })
    c.inode('placed', 13, { atNs: 20_000, tid: 10, page: 4, pages: 1, at: 65_536, clusters: true })
    c.blocks.at('Q WS 136+8', 30_000, { tid: 10 })
    return c.locate()
  }
  assert.equal(named(16_384), ['0+4096 #13@20480 snapshot placed writeback 10'])
  assert.equal(named(null), ['0+4096 unknown unknown none writeback -'])
})

events('a rename over another name sends off the data of the new file', () => {
  const c = begun()
  c.doubtNs = 100
  c.calls.call(10, 'rename', { path: '/mnt/a', path2: '/mnt/b', atNs: 10_000, tookNs: 5000 })
  c.inode('announce', 12, { atNs: 11_000, tid: 10, page: 0, event: 'ext4_da_write_pages_extent' })
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 0, at: 40_960 })
  c.blocks.at('Q W 80+8', 14_000, { tid: 10 })
  assert.equal(c.locate(), ['0+4096 /mnt/b@0 exact placed flush 10'])
})

events('pages that a thread of the kernel made dirty name nobody', () => {
  const c = new Capture()
  c.inode('dirty', 12, { atNs: 10_000, ...KWORKER, page: 0 })
  c.inode('placed', 12, { atNs: 20_000, ...KWORKER, page: 0, at: 40_960 })
  c.blocks.at('Q W 80+8', 30_000, KWORKER)
  assert.equal(c.locate(), ['0+4096 #12@0 snapshot placed writeback -'])
})

events('an inode number that went to another file is that file from then on', () => {
  const c = joined()
  c.calls.call(10, 'unlink', { path: '/mnt/a', atNs: 20_000, tookNs: 10 })
  synced(c, 20, 30_000, 5000)
  c.inode('sync', 12, { atNs: 31_000, tid: 20 })
  c.inode('placed', 12, { atNs: 12_000, tid: 10, page: 0, at: 40_960 })
  c.inode('placed', 12, { atNs: 32_000, tid: 20, page: 0, at: 81_920 })
  c.blocks.at('Q WS 80+8', 14_000, { tid: 10 }).at('Q WS 160+8', 34_000, { tid: 20 })
  assert.equal(
    c.locate().map((piece) => piece.split(' ')[1]),
    ['/mnt/a@0', '/mnt/b@0'],
  )
})

events('events of another trace are of no use where nothing tells how its clock stands to that of the requests', () => {
  const named = (clocks: Clocks, inodeTrace: number): string => {
    const c = begun()
    c.inodeTrace = inodeTrace
    c.inode('announce', 12, { atNs: 100, tid: 10, page: 0 })
    c.blocks.at('Q WS 80+8', 2000, { tid: 10 })
    return c.locate(clocks)[0]
  }
  assert.equal(
    [named('joined', 0), named('joined', 1), named('apart', 1), named('unknown', 0)],
    Array(4).fill('0+4096 #12@0 inferred announced writeback 10'),
  )
  assert.equal(named('unknown', 1), '0+4096 unknown unknown none writeback -')
})

events.run()

const trials = suite('maps tried against calls')

/** `own` flushed writes of /mnt/a by its own task, then one by a worker; all blocks stand in the map under `mapped`. */
function tried(own: number, mapped: string, fs: Partial<FsStory> = {}): Capture {
  const c = begun({ ...fs, maps: [{ when: 'after', extents: [[mapped, 0, 1 << 20]], ...fs.maps?.[0] }] })
  for (let k = 0; k < own; k++) {
    synced(c, 10, 1000 * (k + 1))
    c.blocks.at(`Q WS ${80 + 8 * k}+8`, 1000 * (k + 1) + 10, { tid: 10 })
  }
  c.blocks.at('Q W 400+8', 50_000, { tid: 30, comm: 'kworker/u8:1' })
  return c
}

const told = (c: Capture): unknown[] =>
  c.attribution().contradictions.map(({ of, against, writes }) => [of, against, writes])

trials('a map with other names for what calls wrote is not believed; by two writes it may be chance', () => {
  const c = tried(3, '/mnt/z')
  assert.equal(c.locate(), [
    ...[0, 1, 2].map(() => '0+4096 /mnt/a inferred own-call flush 10'),
    '0+4096 unknown unknown none writeback -',
  ])
  assert.equal(told(c), [['maps', 3, 3]])
  assert.equal(tried(2, '/mnt/z').locate().at(-1), '0+4096 /mnt/z@204800 snapshot map-after writeback -')
})

trials('the same name in another folder is the same file: a container has paths of its own', () => {
  const c = tried(4, '/var/lib/containers/7/a', { mountpoints: [] })
  assert.equal(told(c), [])
  assert.match(c.locate().at(-1) ?? '', /snapshot map-after/)
})

trials('a journal has no data that a task writes in its fsync', () => {
  const journal = AREAS.indexOf('journal')
  const c = tried(3, '/mnt/a', { maps: [{ when: 'after', extents: [], areas: [[journal, 0, 1 << 20]] }] })
  c.blocks.at('Q WM 8000+8', 60_000, { tid: 30, comm: 'jbd2/loop0-8' })
  assert.equal(told(c), [['maps', 3, 3]])
  assert.equal(c.locate()[0], '0+4096 /mnt/a inferred own-call flush 10')
})

trials('files are mounted elsewhere, and written here: the calls are believed', () => {
  const c = tried(3, '/data/a', { mountpoints: ['/data'] })
  assert.equal(told(c), [['mounts', 3, 3]])
  assert.match(c.locate()[0], /\/mnt\/a\S* inferred own-call/)
})

trials.run()

const whole = suite('pieces')

whole('add up to the bytes of each request, whatever is known of its parts', () => {
  const c = begun({
    maps: [
      { when: 'before', extents: [['/mnt/a', 40_960, 45_056]] },
      { when: 'after', extents: [['/mnt/b', 49_152, 53_248]], areas: [[AREAS.indexOf('journal'), 409_600, 819_200]] },
    ],
  })
  wrote(c, 10, 10)
  wrote(c, 20, 20)
  c.inode('placed', 12, { atNs: 30, tid: 10, page: 0, at: 57_344 })
  c.blocks.at('Q W 72+64', 3000, KWORKER).at('Q W 800+16', 3001, KWORKER).at('Q FWS', 3002, { tid: 10 })
  c.blocks.at('Q D 80+80', 3003, { tid: 10 }).at('Q W 88+80', 3004, KWORKER)
  const { pieces } = c.attribution()
  const reached = c.blockLog.bytes.values.map(() => 0)
  for (let k = 0; k < pieces.length; k++) {
    const { request, at, bytes } = pieces.row(k)
    assert.is(at, reached[request], 'in order, without a hole')
    reached[request] += bytes
  }
  assert.equal(reached, c.blockLog.bytes.values)
  assert.ok(pieces.length > 8)
})

whole('zeroing of inode tables is for nobody, whoever flushes at the time', () => {
  const c = begun()
  synced(c, 10, 100)
  c.blocks
    .at('Q WM 8000+8', 110, { tid: 40, comm: 'jbd2/loop0-8' })
    .at('Q W 80+8', 120, { tid: 30, comm: 'ext4lazyinit' })
  assert.equal(c.locate(), [
    '0+4096 journal inferred submitter writeback 10',
    '0+4096 metadata inferred metadata-flag writeback -',
  ])
})

whole('a discard frees, a bare flush serves the call', () => {
  const c = begun()
  synced(c, 10, 100)
  c.blocks.at('Q D 80+8', 50, { tid: 10 }).at('Q D 80+8', 60, KWORKER).at('Q D 80+8', 110, { tid: 10 })
  c.blocks.at('Q FWS', 120, { tid: 10 })
  assert.equal(c.locate(), [
    '0+4096 free inferred dataless direct 10',
    '0+4096 free inferred dataless writeback -',
    '0+4096 free inferred dataless flush -',
    '0+0 /mnt/a inferred dataless flush 10',
  ])
})

whole.run()
