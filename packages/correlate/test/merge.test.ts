import { Diagnostics, ENTER, EXIT, WHOLE, flags as F, type Clock, type Instant } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { applyStreams, type CallStream } from '../src/merge.ts'
import { System } from '../src/system.ts'
import { Rows, copyOf, fds, type Args, type Seen } from './trace.ts'

const { O_RDWR, O_CREAT } = F
const THREAD = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD

type Story = [atNs: number, name: string, args?: Args, phase?: number][]

function stream(
  source: number,
  tid: number,
  story: Story,
  clock: Clock = 'wall',
  origin: Instant = { seconds: 0, nanos: 0 },
): CallStream {
  const rows = new Rows()
  for (const [atNs, name, args, phase] of story) rows.add(phase ?? WHOLE, tid, name, { atNs, ...args })
  return rows.stream(source, tid, clock, origin)
}

async function apply(...streams: CallStream[]) {
  const seen: Seen[] = []
  const times: number[] = []
  const diagnostics = new Diagnostics()
  const system = new System({ diagnostics, emit: (a) => seen.push(copyOf(a)), sourcePaths: ['a', 'b', 'c'] })
  const timeline = await applyStreams(streams, system, (atNs) => times.push(atNs))
  system.finish()
  const flushes = seen
    .filter(({ kind }) => kind === 'flush')
    .map(({ tid, call, paths, scope }) => `${tid} ${call} ${paths.join('+') || scope}`)
  return { seen, times, diagnostics, timeline, flushes, system }
}

function open(path: string, fd: number, flags = O_RDWR | O_CREAT): Args {
  return { fd: F.AT_FDCWD, path, flags, result: fd }
}

const times = suite('streams with times')

times('are merged, each with its own time 0', async () => {
  const late = { seconds: 1, nanos: 0 }
  const {
    flushes,
    times: at,
    timeline,
  } = await apply(
    stream(
      0,
      20,
      [
        [0, 'sync'],
        [2e9, 'sync'],
      ],
      'wall',
      late,
    ),
    stream(1, 10, [
      [5e8, 'sync'],
      [2e9, 'sync'],
    ]),
  )
  assert.equal(flushes, ['10 sync system', '20 sync system', '10 sync system', '20 sync system'])
  assert.equal(at, [5e8, 1e9, 2e9, 3e9])
  assert.equal(timeline.origin, { seconds: 0, nanos: 0 })
  assert.equal(
    [...timeline.offsets],
    [
      [0, 1e9],
      [1, 0],
    ],
  )
})

times('a call of a -ff file begins and ends at moments of its own', async () => {
  // 11 opens a file under the number that 10 frees while its own open is under way.
  const { flushes } = await apply(
    stream(0, 10, [
      [0, 'openat', open('/a', 3)],
      [10, 'clone', { flags: THREAD, result: 11, tookNs: 5 }],
      [30, 'close', { fd: 3, tookNs: 40 }],
    ]),
    stream(1, 11, [
      [20, 'openat', { ...open('/b', 3), tookNs: 20 }],
      [50, 'fsync', { fd: 3, tookNs: 100 }],
    ]),
  )
  assert.equal(flushes, ['11 fsync /b'])
})

times('a child that begins before its fork returned', async () => {
  const { flushes, diagnostics } = await apply(
    stream(0, 10, [
      [0, 'execve', { path: '/bin/prog' }],
      [5, 'openat', open('/a', 3)],
      [10, 'vfork', { result: 11, tookNs: 100 }],
    ]),
    stream(1, 11, [
      [20, 'fsync', { fd: 3, tookNs: 5 }],
      [30, 'execve', { path: '/bin/next', tookNs: 5 }],
    ]),
  )
  assert.equal(flushes, ['11 fsync /a'])
  for (const kind of [CORRELATE.startedLate, CORRELATE.startNotShown]) assert.is(diagnostics.count(kind), 0)
})

times('and is in its first call when the fork returns: once', async () => {
  const { flushes } = await apply(
    stream(0, 10, [
      [0, 'openat', open('/a', 3)],
      [10, 'fork', { result: 11, tookNs: 10 }],
    ]),
    stream(1, 11, [[15, 'fsync', { fd: 3, tookNs: 50 }]]),
  )
  assert.equal(flushes, ['11 fsync /a'])
})

times('the wall clock first, then the times of day', async () => {
  const { flushes, timeline } = await apply(
    stream(0, 10, [[0, 'sync']], 'timeOfDay', { seconds: 100, nanos: 0 }),
    stream(1, 20, [[0, 'sync']], 'wall', { seconds: 5000, nanos: 0 }),
    stream(2, 30, [[0, 'sync']], 'timeOfDay', { seconds: 50, nanos: 0 }),
  )
  assert.equal(flushes, ['20 sync system', '30 sync system', '10 sync system'])
  assert.equal(timeline.origin, { seconds: 5000, nanos: 0 })
  assert.equal(
    [...timeline.offsets].sort((a, b) => a[0] - b[0]),
    [
      [0, 50e9],
      [1, 0],
      [2, 0],
    ],
  )
})

times('split calls of a log of several tasks stay where they are', async () => {
  const { flushes } = await apply(
    stream(0, 0, [
      [0, 'openat', open('/a', 3)],
      [5, 'fsync', { fd: 3 }, ENTER],
      [9, 'fsync', { fd: 3 }, EXIT],
    ]),
    stream(1, 20, [[7, 'sync']]),
  )
  assert.equal(flushes, ['20 sync system', '-1 fsync /a'])
})

times('an empty stream and one row are no problem', async () => {
  const { flushes } = await apply(stream(0, 10, []), stream(1, 20, [[7, 'sync']]))
  assert.equal(flushes, ['20 sync system'])
})

times.run()

const starts = suite('streams without durations')

starts('a number that is still in use means the old file until its close', async () => {
  const { flushes, seen } = await apply(
    stream(0, 10, [
      [0, 'openat', open('/a', 3)],
      [10, 'clone', { flags: THREAD, result: 11 }],
      [30, 'fsync', { fd: 3 }],
      [40, 'close', { fd: 3 }],
    ]),
    stream(1, 11, [
      [20, 'openat', open('/b', 3)],
      [50, 'fsync', { fd: 3 }],
      [60, 'close', { fd: 3 }],
      [70, 'fsync', { fd: 3 }],
    ]),
  )
  assert.equal(flushes, ['10 fsync /a', '11 fsync /b', '11 fsync unknown'])
  assert.is(seen[0].confidence, 'inferred')
})

starts('who got the number has it, even when the close is not in the trace', async () => {
  const { flushes } = await apply(
    stream(0, 10, [
      [0, 'openat', open('/a', 3)],
      [10, 'clone', { flags: THREAD, result: 11 }],
    ]),
    stream(1, 11, [
      [20, 'openat', open('/b', 3)],
      [50, 'fsync', { fd: 3 }],
      [60, 'close', { fd: 3 }],
      [70, 'fsync', { fd: 3 }],
    ]),
  )
  assert.equal(flushes, ['11 fsync /b', '11 fsync unknown'])
})

starts('a receiver waits for its sender', async () => {
  const { flushes } = await apply(
    stream(0, 10, [
      [0, 'socketpair', { extra: fds(3, 4) }],
      [1, 'fork', { result: 11 }],
      [20, 'openat', open('/a', 5)],
      [30, 'sendmsg', { fd: 3, extra: fds(5), result: 1 }],
    ]),
    stream(1, 11, [
      [10, 'recvmsg', { fd: 4, extra: fds(6), result: 1 }],
      [40, 'fsync', { fd: 6 }],
    ]),
  )
  assert.equal(flushes, ['11 fsync /a'])
})

starts.run()

const lists = suite('streams without times')

lists('parents before their children, the traced program first', async () => {
  const none: Clock = 'none'
  const { flushes, diagnostics } = await apply(
    stream(0, 5, [[NaN, 'fsync', { fd: 3 }]], none),
    stream(
      1,
      9,
      [
        [NaN, 'execve', { path: '/bin/prog' }],
        [NaN, 'openat', open('/a', 3)],
        [NaN, 'fork', { result: 5 }],
        [NaN, 'close', { fd: 3 }],
      ],
      none,
    ),
  )
  assert.equal(flushes, ['5 fsync /a'])
  assert.is(diagnostics.count(CORRELATE.unordered), 1)
})

lists('a thread has what was open when it began: inferred', async () => {
  const none: Clock = 'none'
  const { flushes, seen } = await apply(
    stream(
      0,
      10,
      [
        [NaN, 'openat', open('/a', 3)],
        [NaN, 'clone', { flags: THREAD, result: 11 }],
        [NaN, 'close', { fd: 3 }],
      ],
      none,
    ),
    stream(1, 11, [[NaN, 'fsync', { fd: 3 }]], none),
  )
  assert.equal(flushes, ['11 fsync /a'])
  assert.is(seen[0].confidence, 'inferred')
})

lists('a child whose file comes first is one process with what its parent tells of it', async () => {
  const none: Clock = 'none'
  const { system } = await apply(
    stream(0, 5, [[NaN, 'sync']], none),
    stream(
      1,
      9,
      [
        [NaN, 'chdir', { path: '/' }],
        [NaN, 'fork', { result: 5 }],
      ],
      none,
    ),
  )
  assert.equal([system.seen.processes, system.seen.tasks], [2, 2])
})

lists('whole seconds tell no order either', async () => {
  const { flushes, diagnostics } = await apply(
    stream(0, 11, [
      [1e9, 'fsync', { fd: 3 }],
      [1e9, 'chdir', { path: '/sub' }],
    ]),
    stream(1, 12, [
      [0, 'execve', { path: '/bin/prog' }],
      [1e9, 'openat', open('/a', 3)],
      [1e9, 'fork', { result: 11 }],
    ]),
  )
  assert.equal(flushes, ['11 fsync /a'])
  assert.is(diagnostics.count(CORRELATE.unordered), 1)
})

lists.run()
