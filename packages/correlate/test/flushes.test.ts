/** Every call that counts as a flush (docs/commands/rank.md, Fields), and what only looks like one. */
import { flags as F, type Extra, type Iocb } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { Trace, fds } from './trace.ts'

const { O_RDWR, O_SYNC, O_DSYNC, O_DIRECT, O_WRONLY } = F
const A = 0x100000

function begun(flags = O_RDWR, path = '/a'): Trace {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, path, flags, 3)
  return t
}

const calls = suite('flush calls')

calls('fsync and fdatasync that returned success, of a file, a directory or a block device', () => {
  const t = begun()
  t.open(10, '/d', F.O_DIRECTORY, 4)
  t.call(10, 'fsync', { fd: 3, tookNs: 5000 })
  assert.is(t.last.tookNs, 5000)
  t.call(10, 'fdatasync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  t.call(10, 'fsync', { fd: 9, said: '/dev/sda<block 8:0>' })
  assert.equal(t.flushes, ['fsync /a', 'fdatasync /a', 'fsync /d', 'fsync /dev/sda'])
})

calls('entry and exit are one flush', () => {
  const t = begun()
  t.enter(10, 'fsync', { fd: 3 })
  t.exit(10, 'fsync', { tookNs: 7 })
  assert.equal([t.flushes, t.last.tookNs], [['fsync /a'], 7])
})

calls('sync is of everything, syncfs of a file system', () => {
  const t = begun()
  t.call(10, 'sync')
  t.call(10, 'syncfs', { fd: 3 })
  assert.equal(
    t.seen.map(({ call, scope, paths }) => [call, scope, ...paths]),
    [
      ['sync', 'system'],
      ['syncfs', 'filesystem', '/a'],
    ],
  )
})

calls('msync with MS_SYNC is a flush, with MS_ASYNC a hint, with neither nothing', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.msync(10, A, 1)
  t.msync(10, A, 1, { flags: F.MS_SYNC | 2 })
  t.msync(10, A, 1, { flags: F.MS_ASYNC })
  t.msync(10, A, 1, { flags: 2 })
  assert.equal(t.flushes, ['msync /a', 'msync /a'])
  assert.equal(t.of('hint'), ['msync /a'])
})

calls('sync_file_range promises nothing, whatever its flags', () => {
  const t = begun()
  t.call(10, 'sync_file_range', { fd: 3, offset: 0, size: 0, flags: 2 })
  t.call(10, 'sync_file_range', { fd: 3, offset: 0, size: 0, flags: 7 })
  t.call(10, 'sync_file_range2', { fd: 3, offset: 0, size: 0, flags: 7 })
  t.call(10, 'sync_file_range', { fd: 3, flags: 2, errno: 'ESPIPE' })
  assert.equal(t.of('hint'), ['sync_file_range /a', 'sync_file_range /a', 'sync_file_range2 /a'])
  assert.equal(t.flushes, [])
})

calls('a failed one is counted apart, by errno', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'fsync', { fd: 3, errno: 'EIO' })
  t.msync(10, A, 3, { errno: 'ENOMEM' })
  t.msync(10, A, 3, { errno: 'ENOMEM', flags: F.MS_ASYNC })
  t.call(10, 'fsync', { fd: -1, errno: 'EBADF' })
  assert.equal(t.of('failed'), ['fsync /a', 'msync /a', 'fsync file'])
  assert.equal(
    t.seen.filter(({ kind }) => kind === 'failed').map(({ errno }) => errno),
    ['EIO', 'ENOMEM', 'EBADF'],
  )
  assert.equal(t.flushes, [])
  assert.is(t.count(CORRELATE.unknownDescriptor), 0)
})

calls('an interrupted, injected or endless one is none', () => {
  const t = begun()
  t.call(10, 'fsync', { fd: 3, outcome: 'restarted' })
  t.call(10, 'fsync', { fd: 3, outcome: 'injected' })
  t.call(10, 'fsync', { fd: 3, outcome: 'unknown' })
  t.enter(10, 'fsync', { fd: 3 })
  t.end(10)
  assert.equal(t.seen, [])
})

calls('of a pipe fails, and names no file', () => {
  const t = begun()
  t.call(10, 'pipe', { extra: fds(4, 5) })
  t.call(10, 'fsync', { fd: 4, errno: 'EINVAL' })
  assert.equal([t.last.kind, t.last.paths, t.last.errno], ['failed', [], 'EINVAL'])
})

calls('close, rename, unlink, munmap and exit are none', () => {
  const t = begun(O_RDWR | O_SYNC)
  t.map(10, 3, A, 1)
  t.call(10, 'rename', { path: '/a', path2: '/b' })
  t.call(10, 'unlink', { path: '/b' })
  t.call(10, 'munmap', { addr: A, size: 4096 })
  t.call(10, 'close', { fd: 3 })
  t.end(10)
  assert.equal(t.flushes, [])
})

calls.run()

const writes = suite('synchronous writes')

writes('each write to an O_SYNC or O_DSYNC description is a flush and a write', () => {
  for (const flag of [O_SYNC, O_DSYNC]) {
    const t = begun(O_WRONLY | flag)
    t.call(10, 'write', { fd: 3, size: 100, result: 60 })
    t.call(10, 'pwrite64', { fd: 3, size: 8, offset: 0, result: 8 })
    t.call(10, 'writev', { fd: 3, result: 9 })
    assert.equal(t.flushes, ['syncWrite /a', 'syncWrite /a', 'syncWrite /a'])
    assert.equal(
      t.seen.map(({ bytes }) => bytes),
      [60, 0, 8, 0, 9, 0],
    )
    assert.is(t.last.via, 'writev')
  }
})

writes('creat, and O_SYNC of a read-only open, make no flusher', () => {
  const t = begun(O_SYNC)
  t.call(10, 'creat', { path: '/c', result: 4 })
  t.call(10, 'write', { fd: 4, result: 1 })
  assert.equal(t.flushes, [])
})

writes('O_DIRECT alone is no flush', () => {
  const t = begun(O_RDWR | O_DIRECT)
  t.call(10, 'write', { fd: 3, result: 512 })
  assert.equal([t.flushes, t.of('write')], [[], ['write /a']])
})

writes('a write of nothing flushes nothing, a failed one is none', () => {
  const t = begun(O_RDWR | O_SYNC)
  t.call(10, 'write', { fd: 3, size: 0, result: 0 })
  t.call(10, 'write', { fd: 3, size: 10, errno: 'ENOSPC' })
  t.call(10, 'write', { fd: 3, size: 10, outcome: 'restarted' })
  t.call(10, 'write', { fd: 3, size: 10, result: 10, outcome: 'injected' })
  assert.equal([t.flushes, t.of('write'), t.of('failed')], [[], ['write /a'], []])
})

writes('RWF_DSYNC and RWF_SYNC make the one call synchronous, on any descriptor', () => {
  const t = begun()
  t.call(10, 'pwritev2', { fd: 3, flags: F.RWF_DSYNC, result: 30 })
  t.call(10, 'pwritev2', { fd: 3, flags: F.RWF_SYNC, result: 30 })
  t.call(10, 'pwritev2', { fd: 3, flags: 8, result: 30 })
  t.call(10, 'pwritev2', { fd: 99, flags: F.RWF_SYNC, result: 30 })
  assert.equal(t.flushes, ['syncWrite /a', 'syncWrite /a', 'syncWrite unknown'])
})

writes('to what is on no disk are none', () => {
  const t = new Trace()
  t.open(10, '/dev/null', O_WRONLY | O_SYNC, 3)
  t.open(10, '/dev/shm/x', O_WRONLY | O_SYNC, 4)
  t.call(10, 'memfd_create', { path: 'm', result: 5 })
  t.call(10, 'openat', { path: '/tty', flags: O_WRONLY | O_SYNC, result: 6, saidResult: '/tty<char 5:0>' })
  for (const fd of [3, 4, 5, 6]) t.call(10, 'write', { fd, result: 1 })
  t.call(10, 'pwritev2', { fd: 5, flags: F.RWF_SYNC, result: 1 })
  assert.equal(t.flushes, [])
  assert.is(t.of('write').length, 5)
})

writes('to a block device are', () => {
  const t = new Trace()
  t.open(10, '/dev/vg/lv', O_WRONLY | O_SYNC, 3, { saidResult: '/dev/vg/lv<block 253:0>' })
  t.call(10, 'write', { fd: 3, result: 1 })
  assert.equal(t.flushes, ['syncWrite /dev/vg/lv'])
})

writes('sendfile, copy_file_range and splice write to their output, when it is a file', () => {
  const t = begun(O_RDWR, '/in')
  t.open(10, '/out', O_RDWR | O_SYNC, 4)
  t.call(10, 'pipe', { extra: fds(5, 6) })
  t.call(10, 'sendfile', { fd: 4, fd2: 3, result: 10 })
  t.call(10, 'copy_file_range', { fd: 4, fd2: 3, result: 20 })
  t.call(10, 'splice', { fd: 6, fd2: 3, result: 30 })
  t.call(10, 'splice', { fd: 4, fd2: 5, result: 30 })
  t.call(10, 'tee', { fd: 6, fd2: 5, result: 30 })
  t.call(10, 'vmsplice', { fd: 6, result: 30 })
  assert.equal(t.of('write'), ['sendfile /out', 'copy_file_range /out', 'splice /out'])
  assert.equal(
    t.seen.reduce((sum, { bytes }) => sum + bytes, 0),
    60,
  )
  assert.is(t.flushes.length, 3)
})

writes('to an unknown descriptor: the bytes are there, the file is not', () => {
  const t = new Trace()
  t.call(10, 'write', { fd: 3, result: 7 })
  assert.equal([t.last.kind, t.last.scope, t.last.bytes], ['write', 'unknown', 7])
})

writes('ftruncate, truncate and fallocate write no bytes', () => {
  const t = begun(O_RDWR | O_SYNC)
  t.call(10, 'ftruncate', { fd: 3, size: 5 })
  t.call(10, 'fallocate', { fd: 3, offset: 0, size: 100 })
  t.call(10, 'truncate', { path: '/a', size: 0 })
  assert.equal(t.seen, [])
})

writes(
  'a call that gives no space back is told with its errno; one that only failed to reserve or to ask is not',
  () => {
    const t = new Trace({ onActivity: () => {} })
    t.open(10, '/a', O_RDWR, 3)
    const punch = F.FALLOC_FL_PUNCH_HOLE
    t.call(10, 'fallocate', { fd: 3, flags: punch, offset: 0, size: 4096, errno: 'EOPNOTSUPP' })
    t.call(10, 'fallocate', { fd: 3, flags: punch, offset: 4096, size: 4096, errno: 'EOPNOTSUPP' })
    t.call(10, 'fallocate', { fd: 3, flags: 0, offset: 0, size: 4096, errno: 'ENOSPC' })
    assert.is(t.count(CORRELATE.notGivenBack), 2)
    t.open(10, '/srv', 0, 4)
    t.call(10, 'ioctl', { fd: 4, flags: F.FITRIM, errno: 'EOPNOTSUPP' })
    t.call(10, 'ioctl', { fd: 4, flags: F.BLKDISCARD, errno: 'EREMOTEIO' })
    t.call(10, 'ioctl', { fd: 4, flags: F.FICLONE, errno: 'EOPNOTSUPP' })
    t.call(10, 'ioctl', { fd: 4, flags: F.FITRIM })
    assert.is(t.count(CORRELATE.notGivenBack), 4)
  },
)

writes.run()

const aio = suite('asynchronous calls')

function iocb(opcode: string, fd: number, data: string, flags = 0): Iocb {
  return { opcode: `IOCB_CMD_${opcode}`, fd: { fd, name: null }, data, bytes: 512, offset: 0, flags }
}

function submit(t: Trace, result: number, ...iocbs: Iocb[]): void {
  t.call(10, 'io_submit', { extra: { kind: 'iocbs', iocbs }, result })
}

function events(...results: [data: string, result: number][]): Extra {
  return { kind: 'events', events: results.map(([data, result]) => ({ data, result })) }
}

aio('IOCB_CMD_FSYNC and FDSYNC that were taken are flushes, from the front', () => {
  const t = begun()
  submit(t, 2, iocb('FSYNC', 3, '1'), iocb('FDSYNC', 3, '2'), iocb('FSYNC', 3, '3'))
  assert.equal(t.flushes, ['aioFsync /a', 'aioFdsync /a'])
  assert.is(t.last.via, 'io_submit')
  assert.ok(Number.isNaN(t.last.tookNs))
})

aio('a write counts what its completion says', () => {
  const t = begun()
  submit(t, 3, iocb('PWRITE', 3, '1'), iocb('PWRITEV', 3, '2'), iocb('PREAD', 3, '3'))
  assert.equal(t.of('write'), [])
  t.call(10, 'io_getevents', { extra: events(['2', 300], ['1', -5], ['3', 512]), result: 3 })
  assert.equal(
    t.seen.map(({ kind, call, bytes }) => [kind, call, bytes]),
    [['write', 'io_submit', 300]],
  )
  assert.is(t.finish().count(CORRELATE.aioUnreaped), 0)
})

aio('O_SYNC and RWF_DSYNC make it a flush', () => {
  const t = begun(O_RDWR | O_SYNC)
  t.open(10, '/b', O_RDWR, 4)
  submit(t, 3, iocb('PWRITE', 3, '1'), iocb('PWRITE', 4, '2', F.RWF_DSYNC), iocb('PWRITE', 4, '3'))
  assert.equal(t.flushes, ['syncWrite /a', 'syncWrite /b'])
})

aio('operations that are not printed are counted', () => {
  const t = begun()
  const unread = { ...iocb('', 3, ''), opcode: '' }
  submit(t, 4, iocb('FSYNC', 3, '1'), unread)
  assert.equal(t.flushes, ['aioFsync /a'])
  assert.is(t.count(CORRELATE.aioHidden), 3)
  // `io_submit(0x7f…, 2, 0x7ffc…) = 2`
  t.call(10, 'io_submit', { result: 2 })
  assert.is(t.count(CORRELATE.aioHidden), 5)
})

aio('completions that never show are named', () => {
  const t = begun()
  submit(t, 1, iocb('PWRITE', 3, '1'))
  assert.is(t.finish().count(CORRELATE.aioUnreaped), 1)
})

aio('io_uring hides what it does', () => {
  const t = begun()
  t.call(10, 'io_uring_setup', { result: 4 })
  t.call(10, 'io_uring_enter', { fd: 4, size: 2, result: 2 })
  assert.equal(t.seen, [])
  assert.is(t.count(CORRELATE.uring), 1)
})

aio.run()
