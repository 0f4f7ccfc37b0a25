/** Lists of tasks: of captures of different times, and of the sections of one. */
import { flags as F, type ListedTask } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Trace, listed } from './trace.ts'

const lists = suite('lists of tasks')

/** How many processes 10 are, by a list, a flush, another list and another flush. */
function processes(first: Partial<ListedTask>, second: Partial<ListedTask>): number {
  const seen = new Set<unknown>()
  const t = new Trace({ onActivity: ({ task }) => seen.add(task.process) })
  t.list([listed(10, first)])
  t.call(10, 'sync')
  t.list([listed(10, second)])
  t.call(10, 'sync')
  return seen.size
}

const SAME: readonly (readonly [what: string, first: Partial<ListedTask>, second: Partial<ListedTask>])[] = [
  ['nothing changed', {}, {}],
  ['its name: prctl sets it', {}, { comm: 'db: idle' }],
  ['its words: many write into them', { cmdline: ['db: idle'] }, { cmdline: ['db: busy', ''], comm: 'busy' }],
  ['the words of an older list, but not the name', { exe: null, cmdline: ['a'] }, { exe: null, cmdline: ['b', 'c'] }],
  ['a program that was replaced on disk', {}, { exe: '/bin/db (deleted)' }],
  ['a session of its own', { sid: 1 }, { sid: 10 }],
  ['what one of the lists does not tell', { exe: null, sid: null, vtid: null }, {}],
  ['it went into a container', {}, { container: 'a' }],
  ['the end of a long command line', { cmdline: ['a', 'b'.repeat(4090)] }, { cmdline: ['a', 'b'.repeat(4060)] }],
]
for (const [what, first, second] of SAME) {
  lists(`still the same process: ${what}`, () => {
    assert.is(processes(first, second), 1)
  })
}

const OTHER: typeof SAME = [
  ['another file is run', {}, { exe: '/bin/web', comm: 'web', cmdline: ['/bin/web'] }],
  ['other arguments', { cmdline: ['python3', 'a.py'] }, { cmdline: ['python3', 'b.py'] }],
  ['other words and another name', { exe: null }, { exe: null, comm: 'web', cmdline: ['web'] }],
  ['a thread of another process', {}, { tgid: 9 }],
  ['another session, not its own', { sid: 1 }, { sid: 2 }],
  ['another number in its namespace', { vtid: 1 }, { vtid: 2 }],
  ['another container', { container: 'a' }, { container: 'b' }],
]
for (const [what, first, second] of OTHER) {
  lists(`another process: ${what}`, () => {
    assert.is(processes(first, second), 2)
  })
}

lists('what a task has become since the last list is compared, not what was listed', () => {
  const t = new Trace()
  t.list([listed(10, { cmdline: ['sh'], exe: '/bin/sh', comm: 'sh' })])
  t.exec(10, '/bin/db')
  t.call(10, 'sync')
  t.list([listed(10)])
  t.call(10, 'sync')
  assert.is(t.system.seen.processes, 1)
})

lists('a machine that was started again has other tasks', () => {
  const t = new Trace()
  t.list([listed(10)], { boot: 1000 })
  t.call(10, 'sync')
  t.list([listed(10)], { boot: 1003 })
  t.call(10, 'sync')
  assert.is(t.system.seen.processes, 1)
  t.list([listed(10)], { boot: 9000 })
  t.call(10, 'sync')
  assert.is(t.system.seen.processes, 2)
})

lists(
  'who is not listed is gone: the number is another task’s; not where a list was cut, or another source is under way',
  () => {
    const processesAfter = (whole: boolean, alone: boolean): number => {
      const t = new Trace()
      t.list([listed(10), listed(11)])
      t.call(10, 'sync')
      t.system.alone = alone
      t.list([listed(11)], { whole })
      t.call(10, 'sync')
      return t.system.seen.processes
    }
    assert.equal([processesAfter(true, true), processesAfter(false, true), processesAfter(true, false)], [2, 1, 1])
  },
)

lists('descriptors are what the list says, from there on', () => {
  const t = new Trace()
  t.list([listed(10, {}, { 3: '/a', 4: '/b', 5: '/c' })])
  t.open(10, '/wal', F.O_RDWR | F.O_SYNC, 6)
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  t.list([listed(10, {}, { 3: '/a', 4: '/new', 6: '/wal' })])
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  t.call(10, 'write', { fd: 6, result: 1 })
  // What is still the same keeps what its open told.
  assert.equal(t.flushes, [
    'fsync /a',
    'fsync /b',
    'fsync /c',
    'fsync /a',
    'fsync /new',
    'fsync unknown',
    'syncWrite /wal',
  ])
  assert.is(t.system.seen.processes, 1)
})

lists('after a while mappings may have changed', () => {
  const t = new Trace()
  t.list([listed(10, {}, { 3: '/a' })])
  t.map(10, 3, 4096, 1)
  t.list([listed(10, {}, { 3: '/a' })], { sinceNs: 1e9 })
  t.msync(10, 4096)
  t.list([listed(10, {}, { 3: '/a' })], { sinceNs: 1e12 })
  t.msync(10, 4096)
  assert.equal(t.flushes, ['msync /a', 'msync unknown'])
})

lists('a section that lists nothing goes on, but not after a while, nor from another order', () => {
  for (const [sinceNs, processes] of [
    [1e9, 1],
    [1e12, 2],
    [-1e12, 2],
  ]) {
    const t = new Trace()
    t.call(10, 'sync')
    t.list([], { whole: false, sinceNs })
    t.call(10, 'sync')
    assert.is(t.counts[0], processes)
  }
})

lists('another process has its own descriptors; threads are of the process that the list says', () => {
  const t = new Trace()
  t.list([listed(10, {}, { 3: '/a' }), listed(11, { tgid: 10 })])
  t.call(11, 'fsync', { fd: 3 })
  const other = { exe: '/bin/web', comm: 'web', cmdline: ['web'] }
  t.list([listed(10, other, { 3: '/b' }), listed(11, { ...other, tgid: 10 })])
  t.call(11, 'fsync', { fd: 3 })
  t.list([listed(10, other), listed(11, other, { 3: '/c' })])
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['10 fsync /a', '10 fsync /b', '11 fsync /c'])
  assert.is(t.last.process, 'web')
})

lists('a number that was listed and used by nobody is what the next list says', () => {
  const t = new Trace()
  t.list([listed(10, {}, { 3: '/a' })])
  t.list([listed(10, { comm: 'web' }, { 3: '/b' })])
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /b'])
  assert.is(t.last.process, 'web')
})

lists('a call that was under way ended with its section', () => {
  const t = new Trace()
  t.list([listed(10)])
  t.enter(10, 'clone')
  t.list([listed(10), listed(20)])
  t.call(20, 'sync')
  assert.equal(t.flushes, ['sync system'])
})

lists('a task is in the container that it was last said to be in, and its children, too', () => {
  const seen: (string | null)[] = []
  const t = new Trace({ onActivity: ({ task }) => seen.push(task.container) })
  t.list([listed(10, { container: 'a' })])
  t.fork(10, 11)
  t.call(11, 'sync')
  t.call(10, '+container', { path: 'b' })
  t.call(10, 'sync')
  t.call(11, 'sync')
  t.call(10, '+container')
  t.call(10, 'sync')
  assert.equal(seen, ['a', 'b', 'a', null])
})

lists.run()
