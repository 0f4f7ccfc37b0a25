/** Patterns whose rules need names, sizes and mappings: built calls through a System. */
import type { Activity } from '@flushtrace/correlate'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
// oxlint-disable-next-line no-restricted-imports -- the builder of calls belongs to tests: no package exports it
import { Trace, type Args } from '../../correlate/test/trace.ts'
import { NothingDirty } from '../src/nothing-dirty.ts'
import { SafeReplace } from '../src/safe-replace.ts'
import { SmallSyncWrites } from '../src/small-sync-writes.ts'

const TOOK = 5
const MADE = F.O_RDWR | F.O_CREAT | F.O_EXCL

/** Calls of process 10, each 10 ns after the one before and 5 ns long. */
class Story {
  readonly trace: Trace
  #atNs = 0

  constructor(pattern: { add: (activity: Activity) => void }, { started = true } = {}) {
    this.trace = new Trace({ onActivity: (activity) => pattern.add(activity) })
    if (started) this.trace.exec(10, '/bin/program')
  }

  call(name: string, args: Args = {}, tid = 10): this {
    this.trace.call(tid, name, { atNs: (this.#atNs += 10), tookNs: TOOK, ...args })
    return this
  }

  open(path: string, flags: number, fd: number): this {
    return this.call('openat', { fd: F.AT_FDCWD, path, flags, result: fd })
  }

  write(fd: number, bytes = 100, args: Args = {}): this {
    return this.call('write', { fd, size: bytes, result: bytes, ...args })
  }

  rename(path: string, path2: string): this {
    return this.call('rename', { path, path2 })
  }
}

// --------------------------------------------------------------------------------------------------------------------

const replace = suite('safe replacement')

function replaced(build: (story: Story) => void): SafeReplace {
  const pattern = new SafeReplace()
  build(new Story(pattern))
  return pattern
}

replace('is a new file, written, flushed, renamed; a flush of the directory may serve several', () => {
  const { seen, withDirectory, directoryFlushes, directoryNs } = replaced((story) => {
    for (const name of ['a', 'b']) {
      story.open(`/d/${name}.new`, MADE, 3).write(3).call('fsync', { fd: 3 }).call('close', { fd: 3 })
      story.rename(`/d/${name}.new`, `/d/${name}`)
    }
    story.open('/d', F.O_DIRECTORY, 4).call('fsync', { fd: 4 }).call('fsync', { fd: 4 })
  })
  assert.equal([seen.count, seen.processes, seen.tookNs], [2, 1, 2 * TOOK])
  assert.equal(
    [...seen.files.keys()].map(({ path }) => path),
    ['/d/a', '/d/b'],
  )
  assert.equal([withDirectory, directoryFlushes, directoryNs], [2, 1, TOOK])
})

replace('begins with a file truncated by its open, or one that replaces a known file', () => {
  const truncated = replaced((story) =>
    story
      .open('/a.new', F.O_RDWR | F.O_CREAT | F.O_TRUNC, 3)
      .write(3)
      .call('fdatasync', { fd: 3 })
      .rename('/a.new', '/a'),
  )
  assert.is(truncated.seen.count, 1)
  const over = replaced((story) =>
    story
      .open('/a', F.O_RDWR, 4)
      .open('/a.new', F.O_RDWR | F.O_CREAT, 3)
      .write(3)
      .call('fsync', { fd: 3 })
      .rename('/a.new', '/a'),
  )
  assert.is(over.seen.count, 1)
})

replace('is none without a flush after the last write, without a write, or of a log that is rotated', () => {
  const none = [
    replaced((story) => story.open('/a.new', MADE, 3).write(3).rename('/a.new', '/a')),
    replaced((story) => story.open('/a.new', MADE, 3).call('fsync', { fd: 3 }).rename('/a.new', '/a')),
    replaced((story) =>
      story.open('/a.new', MADE, 3).write(3).call('fsync', { fd: 3 }).write(3).rename('/a.new', '/a'),
    ),
    replaced((story) =>
      story
        .open('/log', F.O_RDWR | F.O_CREAT, 3)
        .write(3)
        .call('fsync', { fd: 3 })
        .rename('/log', '/log.1'),
    ),
  ]
  assert.equal(
    none.map(({ seen }) => seen.count),
    [0, 0, 0, 0],
  )
})

replace('has no flush of a directory that came before, is another one, or came when the file had left', () => {
  const { seen, withDirectory } = replaced((story) => {
    story.open('/d', F.O_DIRECTORY, 4).open('/e', F.O_DIRECTORY, 5).open('/d/a.new', MADE, 3).write(3)
    story.call('fsync', { fd: 3 }).call('fsync', { fd: 4 }).rename('/d/a.new', '/d/a').call('fsync', { fd: 5 })
    story.rename('/d/a', '/e/a').call('fsync', { fd: 4 })
  })
  assert.equal([seen.count, withDirectory], [1, 0])
})

replace.run()

// --------------------------------------------------------------------------------------------------------------------

const nothing = suite('flushes of nothing')

/** How many flushes of nothing there are after a file was made, written and flushed with fsync. */
function nothingIn(build: (story: Story) => unknown, options?: { started: boolean }): number {
  const pattern = new NothingDirty()
  build(new Story(pattern, options).open('/a', MADE, 3).write(3).call('fsync', { fd: 3 }))
  return pattern.seen.count
}

nothing('are those after a flush, with no write in between, through any descriptor', () => {
  assert.is(
    nothingIn(() => 0),
    0,
  )
  assert.is(
    nothingIn((story) => story.call('fsync', { fd: 3 }).call('fdatasync', { fd: 3 })),
    2,
  )
  assert.is(
    nothingIn((story) => story.open('/a', 0, 4).call('fsync', { fd: 4 })),
    1,
  )
  assert.is(
    nothingIn((story) => story.write(3).call('fsync', { fd: 3 })),
    0,
  )
})

nothing('are not the first flush of a file, whatever opened it', () => {
  assert.is(
    nothingIn((story) => story.open('/b', F.O_RDWR, 4).call('fsync', { fd: 4 }).call('fsync', { fd: 4 })),
    0,
  )
})

nothing('are not an fsync after an fdatasync: metadata is left', () => {
  assert.is(
    nothingIn((story) => story.write(3).call('fdatasync', { fd: 3 }).call('fsync', { fd: 3 })),
    0,
  )
  assert.is(
    nothingIn((story) => story.write(3).call('fdatasync', { fd: 3 }).call('fdatasync', { fd: 3 })),
    1,
  )
})

nothing('are not after what changes sizes, blocks and names, or after a flush that failed', () => {
  const changes: ((story: Story) => Story)[] = [
    (story) => story.call('ftruncate', { fd: 3, size: 9 }),
    (story) => story.call('fallocate', { fd: 3, flags: 0, offset: 0, size: 4096 }),
    (story) => story.call('fallocate', { fd: 3, flags: F.FALLOC_FL_PUNCH_HOLE, offset: 0, size: 4096 }),
    (story) => story.call('ioctl', { fd: 3, fd2: 9, flags: F.FICLONE }),
    (story) => story.call('ioctl', { fd: 3, flags: F.FICLONERANGE }),
    // The struct says which file, and is not read.
    (story) => story.call('ioctl', { fd: 9, flags: F.FIDEDUPERANGE }),
    (story) => story.call('copy_file_range', { fd: 3, fd2: 9, size: 4096, result: 4096 }),
    (story) => story.rename('/a', '/b'),
    (story) => story.call('link', { path: '/a', path2: '/b' }),
    (story) => story.open('/a', F.O_RDWR | F.O_TRUNC, 4),
    (story) => story.call('fsync', { fd: 3, errno: 'EIO' }),
  ]
  for (const change of changes)
    assert.is(
      nothingIn((story) => change(story).call('fsync', { fd: 3 })),
      0,
      String(change),
    )
})

nothing('are not counted where a write may go unseen', () => {
  const unseen: ((story: Story) => Story)[] = [
    (story) => story.call('mmap', { fd: 3, size: 4096, offset: 0, flags: F.MAP_SHARED, flags2: 3, result: 1 << 20 }),
    (story) => story.write(77),
    (story) => story.call('io_uring_enter', { fd: 9, size: 1, result: 1 }),
  ]
  for (const each of unseen)
    assert.is(
      nothingIn((story) => each(story).call('fsync', { fd: 3 })),
      0,
      String(each),
    )
  // It was there before the trace: its mappings are not known.
  assert.is(
    nothingIn((story) => story.call('fsync', { fd: 3 }), { started: false }),
    0,
  )
})

nothing('are not after a write that ended during the flush', () => {
  const late = (writeNs: number): number =>
    nothingIn((story) => {
      story.write(3, 100, { atNs: 1000, tookNs: writeNs })
      story.call('fsync', { fd: 3, atNs: 1010 }).call('fsync', { fd: 3, atNs: 2000 })
    })
  assert.equal([late(10), late(11)], [1, 0])
})

nothing.run()

// --------------------------------------------------------------------------------------------------------------------

const small = suite('small synchronous writes')

/** `s` a write of 100 bytes, `L` one of 1 MiB, `f` an fdatasync, `o` a write by another process. */
function written(steps: string, flags = F.O_DSYNC): SmallSyncWrites {
  const pattern = new SmallSyncWrites()
  const story = new Story(pattern).open('/a', MADE | flags, 3)
  story.call('fork', { result: 11 })
  for (const step of steps) {
    if (step === 's') story.write(3)
    if (step === 'L') story.write(3, 1 << 20)
    if (step === 'f') story.call('fdatasync', { fd: 3 })
    if (step === 'o') story.call('write', { fd: 3, size: 100, result: 100 }, 11)
  }
  return pattern
}

small('are counted from the eighth in a row on, with those before it', () => {
  assert.is(written('s'.repeat(7)).seen.count, 0)
  const { seen, runs, bytes, medianBytes } = written('s'.repeat(20))
  assert.equal([seen.count, seen.tookNs, seen.processes, runs, bytes, medianBytes], [20, 20 * TOOK, 1, 1, 2000, 100])
})

small('end with a flush, a large write, and a write by another process', () => {
  for (const end of 'fLo') {
    assert.is(written(`${'s'.repeat(7)}${end}${'s'.repeat(7)}`).seen.count, 0, end)
    assert.is(written(`${'s'.repeat(8)}${end}${'s'.repeat(9)}`).runs, 2, end)
  }
})

small('are none without O_SYNC or O_DSYNC', () => {
  assert.is(written('s'.repeat(20), 0).seen.count, 0)
  assert.is(written('s'.repeat(20), F.O_SYNC).seen.count, 20)
})

small.run()
