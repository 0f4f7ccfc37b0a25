/** Recordings of different times given at once: a number may be another task's in the next one. */
import { Diagnostics, WHOLE, flags as F, type Clock } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { applyStreams, type CallStream } from '../src/merge.ts'
import { System } from '../src/system.ts'
import { Rows, listed, type Args } from './trace.ts'

const recordings = suite('recordings of different times')

type Story = [seconds: number, tid: number, name: string, args?: Args][]

/** A log of several tasks; `ff`: of one. */
function log(source: number, story: Story, ff = 0, clock: Clock = 'wall'): CallStream {
  const rows = new Rows()
  for (const [seconds, tid, name, args] of story) {
    rows.add(WHOLE, tid, name, { atNs: clock === 'none' ? NaN : seconds * 1e9, ...args })
  }
  return rows.stream(source, ff, clock)
}

/** `A` and `B` for processes in the order they are met, and what each flushed. */
async function flushes(streams: CallStream[], infer = false): Promise<string[]> {
  const processes: unknown[] = []
  const seen: string[] = []
  const system = new System({
    diagnostics: new Diagnostics(),
    infer,
    sourcePaths: ['a', 'b', 'c', 'd'],
    emit: ({ kind, task, targets, scope }) => {
      if (kind !== 'flush') return
      if (!processes.includes(task.process)) processes.push(task.process)
      seen.push(`${'ABCD'[processes.indexOf(task.process)]} ${targets[0]?.name.path ?? scope}`)
    },
  })
  await applyStreams(streams, system, () => {})
  system.finish()
  return seen
}

function open(path: string, fd: number): Args {
  return { fd: F.AT_FDCWD, path, flags: F.O_RDWR | F.O_CREAT, result: fd }
}

/** A program that opens a file and flushes it. */
function run(at: number, tid: number, path: string): Story {
  return [
    [at, tid, 'execve', { path: '/bin/prog' }],
    [at + 1, tid, 'openat', open(path, 3)],
    [at + 2, tid, 'fsync', { fd: 3 }],
  ]
}

/** It is there already, and flushes descriptor 3. */
const later = (at: number): Story => [[at, 10, 'fsync', { fd: 3 }]]

recordings('a log that begins with a program has none of the tasks of the one before', async () => {
  const again: Story = [...run(100, 10, '/b'), [103, 11, 'fsync', { fd: 3 }]]
  const first: Story = [...run(0, 10, '/a'), [3, 10, 'fork', { result: 11 }], [4, 11, 'fsync', { fd: 3 }]]
  const told = ['A /a', 'B /a', 'C /b', 'D unknown']
  assert.equal(await flushes([log(0, first), log(1, again)]), told)
  // In whatever order they are named.
  assert.equal(await flushes([log(0, again), log(1, first)]), told)
})

recordings('nor where no clock tells', async () => {
  assert.equal(await flushes([log(0, run(0, 10, '/a'), 0, 'none'), log(1, run(0, 10, '/b'), 0, 'none')]), [
    'A /a',
    'B /b',
  ])
})

recordings('beside a log that goes on, the program alone is another', async () => {
  const long: Story = [...run(0, 10, '/a'), [3, 10, 'fork', { result: 11 }], [90, 11, 'fsync', { fd: 3 }]]
  assert.equal(await flushes([log(0, long), log(1, run(50, 10, '/b'))]), ['A /a', 'B /b', 'C /a'])
})

recordings('a second -ff set has a file of the same task', async () => {
  const sets = [log(0, run(0, 10, '/a'), 10), log(1, run(100, 10, '/b'), 10)]
  assert.equal(await flushes(sets), ['A /a', 'B /b'])
})

recordings('the files of one -ff set are one recording: what a child begins with is not its beginning', async () => {
  const parent: Story = [...run(0, 10, '/a'), [3, 10, 'fork', { result: 11 }]]
  const child: Story = [
    [50, 11, 'execve', { path: '/bin/other' }],
    [51, 11, 'fsync', { fd: 3 }],
  ]
  assert.equal(await flushes([log(0, parent, 10), log(1, child, 11)]), ['A /a', 'B /a'])
})

recordings(
  'a log that goes on where another ended knows its descriptors; after a while nobody does, nor whose number it is',
  async () => {
    assert.equal(await flushes([log(0, run(0, 10, '/a')), log(1, later(11.9))]), ['A /a', 'A /a'])
    assert.equal(await flushes([log(0, run(0, 10, '/a')), log(1, later(100))]), ['A /a', 'B unknown'])
  },
)

recordings(
  'a capture that lists its tasks tells whose numbers they are, and what is open; mappings it does not',
  async () => {
    const known = listed(10, { comm: 'prog', cmdline: ['/bin/prog'] }, { 3: '/a', 4: '/b' })
    const list: Args = {
      extra: { kind: 'tasks', list: { tasks: new Map([[10, known]]), whole: true, bootSeconds: null, sinceNs: NaN } },
    }
    const map = { size: 4096, fd: 3, result: 4096, flags: F.MAP_SHARED, flags2: F.PROT_WRITE, offset: 0 }
    const first: Story = [
      [0, 0, '+tasks', list],
      [1, 10, 'mmap', map],
      [2, 10, 'msync', { flags: F.MS_SYNC }],
    ]
    const second = (at: number): Story => [
      [at, 0, '+tasks', list],
      [at, 10, 'msync', { flags: F.MS_SYNC }],
      [at, 10, 'fsync', { fd: 4 }],
    ]
    assert.equal(await flushes([log(0, first), log(1, second(3))], true), ['A /a', 'A /a', 'A /b'])
    assert.equal(await flushes([log(0, first), log(1, second(100))], true), ['A /a', 'A unknown', 'A /b'])
  },
)

recordings('text of sysdig that begins with execve is not the beginning of all', async () => {
  const first: Story = [...run(0, 10, '/a'), [3, 10, 'fork', { result: 11 }]]
  const second: Story = [
    [3.5, 11, 'execve', { path: '/bin/other' }],
    [4, 11, 'fsync', { fd: 3 }],
  ]
  assert.equal(await flushes([log(0, first), log(1, second)], true), ['A /a', 'B /a'])
})

recordings.run()
