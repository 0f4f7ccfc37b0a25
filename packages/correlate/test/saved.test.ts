import type { SavedProcess } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { Trace } from './trace.ts'

const A = 0x100000

function saved(pid: number, more: Partial<SavedProcess> = {}): SavedProcess {
  return { pid, tgid: pid, comm: 'smbd', cmdline: ['/usr/sbin/smbd', '-D'], cwd: '/srv', fds: [], regions: [], ...more }
}

const region = { start: A, end: A + 4096, writable: true, fileOffset: 0, device: '8:1', inode: 7, deleted: false }

const start = suite('a trace that begins with saved /proc state')

start('knows descriptors, their flags, mappings, directory and command', () => {
  const fds = [
    { fd: 3, target: '/srv/a', deleted: false, flags: F.O_RDWR | F.O_SYNC },
    { fd: 4, target: '/srv/b', deleted: true, flags: F.O_RDWR },
    { fd: 5, target: 'socket:[123]', deleted: false, flags: F.O_RDWR },
    { fd: 6, target: '/srv/c', deleted: false, flags: null },
  ]
  const t = new Trace({ saved: [saved(10, { fds, regions: [{ ...region, path: '/srv/m' }] })] })
  for (const fd of [3, 4, 5, 6]) t.call(10, 'write', { fd, result: 1 })
  t.msync(10, A)
  t.msync(10, A + 8192)
  t.open(10, 'x', F.O_RDWR, 7)
  t.call(10, 'fsync', { fd: 7 })
  assert.equal(t.of('write'), ['write /srv/a', 'write /srv/b (deleted)', 'write /srv/c'])
  assert.equal(t.flushes, ['syncWrite /srv/a', 'msync /srv/m', 'msync memory', 'fsync /srv/x'])
  assert.is(t.last.process, 'smbd')
  assert.is(t.count(CORRELATE.startedLate), 0)
  assert.is(t.count(CORRELATE.unknownFlags), 1)
})

start('follows a rename of what was mapped before', () => {
  const t = new Trace({ saved: [saved(10, { regions: [{ ...region, path: '/srv/m' }] })] })
  t.call(10, 'rename', { path: '/srv/m', path2: '/srv/n' })
  t.msync(10, A)
  assert.equal(t.flushes, ['msync /srv/n'])
})

start(
  'a number that was closed and opened again before the tracer attached leads to another file, not to a new name',
  () => {
    const fds = [3, 4].map((fd) => ({ fd, target: `/srv/${fd}`, deleted: false, flags: F.O_RDWR }))
    const t = new Trace({ saved: [saved(10, { fds }), saved(11, { fds })] })
    t.call(11, 'fsync', { fd: 3 })
    t.call(10, 'fsync', { fd: 3, said: '/srv/other' })
    t.call(11, 'fsync', { fd: 3 })
    // What the trace itself called so before was renamed.
    t.call(10, 'fsync', { fd: 4, said: '/srv/4' })
    t.call(10, 'fsync', { fd: 4, said: '/srv/rotated' })
    t.call(11, 'fsync', { fd: 4 })
    const paths = ['/srv/3', '/srv/other', '/srv/3', '/srv/4', '/srv/rotated', '/srv/rotated']
    assert.equal(
      t.flushes,
      paths.map((path) => `fsync ${path}`),
    )
  },
)

start('tells of writable mappings when the process is first met: it may have ended when the kernel writes', () => {
  const regions = [
    { ...region, path: '/srv/m' },
    { ...region, path: '/srv/r', start: A + 8192, end: A + 12_288, writable: false },
  ]
  const told: string[] = []
  const t = new Trace({
    saved: [saved(10, { regions }), saved(11, { tgid: 10 })],
    onActivity: ({ kind, targets }) => told.push(`${kind} ${targets[0]?.name.path}`),
  })
  t.call(11, 'munmap', { addr: A, size: 4096 })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(told, ['held /srv/m', 'flush undefined'])
})

start('tells at the end, where asked, of mappings of processes that made no call', () => {
  const regions = [{ ...region, path: '/srv/m' }]
  const told: string[] = []
  const t = new Trace({
    saved: [saved(10, { regions }), saved(11, { regions }), saved(12, { tgid: 11, regions }), saved(13)],
    onActivity: ({ kind, task }) => told.push(`${kind} ${task.process.pid}`),
  })
  t.call(10, 'fsync', { fd: 3 })
  t.system.finish()
  assert.equal(told, ['held 10', 'flush 10'])
  t.system.finish(true)
  assert.equal(told, ['held 10', 'flush 10', 'held 11'])
  assert.equal(t.system.seen, { processes: 1, tasks: 1 })
})

start('an io_uring that a process has is told of, though no call shows it used', () => {
  const uring = { fd: 9, target: 'anon_inode:[io_uring]', deleted: false, flags: F.O_RDWR }
  const t = new Trace({ saved: [saved(10, { fds: [uring] }), saved(11)] })
  t.call(11, 'fsync', { fd: 3 })
  assert.is(t.count(CORRELATE.uring), 0)
  t.call(10, 'fsync', { fd: 3 })
  assert.is(t.count(CORRELATE.uring), 1)
})

start('what was not saved is unknown', () => {
  const t = new Trace({ saved: [saved(10, { fds: null, regions: null })] })
  t.call(10, 'fsync', { fd: 3 })
  t.msync(10, A)
  assert.equal(t.flushes, ['fsync unknown', 'msync unknown'])
})

start('a thread belongs to its process, whichever is seen first', () => {
  const fds = [{ fd: 3, target: '/srv/a', deleted: false, flags: F.O_RDWR }]
  const t = new Trace({ saved: [saved(10, { fds }), saved(11, { tgid: 10, comm: 'worker' })] })
  t.call(11, 'fsync', { fd: 3 })
  t.call(10, 'close', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['10 fsync /srv/a', '10 fsync unknown'])
  assert.equal(t.counts, [1, 2])
})

start('a number that is given out again is not the saved process', () => {
  const fds = [{ fd: 3, target: '/srv/a', deleted: false, flags: F.O_RDWR }]
  const t = new Trace({ saved: [saved(10, { fds })] })
  t.call(10, 'fsync', { fd: 3 })
  t.end(10)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /srv/a', 'fsync unknown'])
})

start('two processes meet in a deleted file that both have mapped', () => {
  const gone = { ...region, path: '/srv/m', deleted: true }
  const t = new Trace({ saved: [saved(10, { regions: [gone] }), saved(20, { regions: [gone] })] })
  t.msync(10, A)
  t.msync(20, A)
  assert.equal(t.flushes, ['msync /srv/m (deleted)', 'msync /srv/m (deleted)'])
})

start.run()
