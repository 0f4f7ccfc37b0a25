import { flags as F, type Extra } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { Trace, fds } from './trace.ts'

const { O_RDWR, O_CLOEXEC, O_SYNC, O_DSYNC, O_CREAT, O_WRONLY } = F
const THREAD = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD

const copies = suite('copies of descriptors')

copies('dup, dup2, dup3 and F_DUPFD lead to the same file', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'dup', { fd: 3, result: 4 })
  t.call(10, 'dup2', { fd: 3, fd2: 7, result: 7 })
  t.call(10, 'dup3', { fd: 4, fd2: 8, flags: O_CLOEXEC, result: 8 })
  t.call(10, 'fcntl', { fd: 8, flags: F.F_DUPFD, result: 9 })
  t.call(10, 'close', { fd: 3 })
  for (const fd of [4, 7, 8, 9]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /a', 'fsync /a', 'fsync /a', 'fsync /a'])
})

copies('dup2 replaces what the number was', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/b', O_RDWR, 4)
  t.call(10, 'dup2', { fd: 3, fd2: 4, result: 4 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a'])
})

copies('dup2 of a descriptor onto itself changes nothing, not even close-on-exec', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CLOEXEC, 3)
  t.call(10, 'dup2', { fd: 3, fd2: 3, result: 3 })
  t.exec(10, '/bin/next')
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync unknown'])
})

copies('close-on-exec belongs to the number, not to the description', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CLOEXEC, 3)
  t.call(10, 'dup', { fd: 3, result: 4 })
  t.call(10, 'fcntl', { fd: 3, flags: F.F_DUPFD_CLOEXEC, result: 5 })
  t.call(10, 'dup3', { fd: 3, fd2: 6, flags: O_CLOEXEC, result: 6 })
  t.call(10, 'fcntl', { fd: 6, flags: F.F_SETFD, flags2: 0 })
  t.exec(10, '/bin/next')
  for (const fd of [3, 4, 5, 6]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync unknown', 'fsync /a', 'fsync unknown', 'fsync /a'])
})

copies('ioctl sets and clears close-on-exec, where it succeeds', () => {
  const t = new Trace()
  t.open(10, '/kept', O_RDWR | O_CLOEXEC, 3)
  t.open(10, '/marked', O_RDWR, 4)
  t.open(10, '/failed', O_RDWR, 5)
  t.call(10, 'ioctl', { fd: 3, flags: F.FIONCLEX })
  t.call(10, 'ioctl', { fd: 4, flags: F.FIOCLEX })
  t.call(10, 'ioctl', { fd: 5, flags: F.FIOCLEX, errno: 'EPERM' })
  t.exec(10, '/bin/next')
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /kept', 'fsync unknown', 'fsync /failed'])
})

copies('a copy of an unknown descriptor is unknown, whatever its number was before', () => {
  const t = new Trace()
  t.open(10, '/old', O_RDWR, 5)
  t.call(10, 'dup2', { fd: 3, fd2: 5, result: 5 })
  t.call(10, 'fsync', { fd: 5 })
  assert.equal(t.flushes, ['fsync unknown'])
})

copies('a dup that failed or was injected makes nothing', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/b', O_RDWR, 4)
  t.call(10, 'dup2', { fd: 3, fd2: 4, errno: 'EBADF' })
  t.call(10, 'dup2', { fd: 3, fd2: 4, result: 4, outcome: 'injected' })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /b'])
})

copies('what a call means is fixed at its entry', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'fsync', { fd: 3 })
  t.call(10, 'close', { fd: 3 })
  t.open(10, '/b', O_RDWR, 3)
  t.exit(11, 'fsync')
  assert.equal(t.flushes, ['fsync /a'])
})

copies('/dev/fd/N, /proc/self/fd/N and /dev/stdout open the same file anew', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 1)
  t.open(10, '/dev/fd/1', O_WRONLY, 3)
  t.open(10, '/proc/self/fd/1', O_WRONLY | O_SYNC, 4)
  t.open(10, '/dev/stdout', O_WRONLY, 5)
  for (const fd of [3, 4, 5]) t.call(10, 'write', { fd, result: 1 })
  assert.equal(t.of('write'), ['write /a', 'write /a', 'write /a'])
  assert.equal(t.flushes, ['syncWrite /a'])
})

copies('a reopened pipe stays a pipe', () => {
  const t = new Trace()
  t.call(10, 'pipe', { extra: fds(0, 1) })
  t.open(10, '/dev/stdin', O_RDWR, 3)
  t.call(10, 'write', { fd: 3, result: 5 })
  assert.equal(t.seen, [])
})

copies.run()

const closing = suite('closing')

closing('the number is free at the entry of close', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'close', { fd: 3 })
  t.open(11, '/b', O_RDWR, 3)
  t.exit(10, 'close')
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /b'])
})

closing('a close that returned an error has closed, an injected one has not', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/b', O_RDWR, 4)
  t.call(10, 'close', { fd: 3, errno: 'EIO' })
  t.call(10, 'close', { fd: 4, outcome: 'injected' })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync unknown', 'fsync /b'])
})

closing('close_range closes at its entry', () => {
  const t = new Trace()
  for (const fd of [3, 4, 5]) t.open(10, `/${fd}`, O_RDWR, fd)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'close_range', { fd: 4, fd2: 0x7fffffff })
  t.open(11, '/new', O_RDWR, 4)
  t.exit(10, 'close_range')
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /3', 'fsync /new', 'fsync unknown'])
})

closing('a close_range that failed has closed nothing', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'close_range', { fd: 3, fd2: 9, flags: 64, errno: 'EINVAL' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

closing('CLOSE_RANGE_UNSHARE leaves the partner its descriptors', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: F.CLONE_FILES, result: 11 })
  t.call(11, 'close_range', { fd: 3, fd2: 9, flags: F.CLOSE_RANGE_UNSHARE })
  t.call(11, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['11 fsync unknown', '10 fsync /a'])
})

closing('CLOSE_RANGE_CLOEXEC only marks', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'close_range', { fd: 3, fd2: 9, flags: F.CLOSE_RANGE_CLOEXEC })
  t.call(10, 'fsync', { fd: 3 })
  t.exec(10, '/bin/next')
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a', 'fsync unknown'])
})

closing.run()

const sync = suite('O_SYNC and O_DSYNC')

sync('live on the description: dup and fork share them', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3)
  t.open(10, '/b', O_WRONLY | O_DSYNC, 4)
  t.call(10, 'dup', { fd: 3, result: 5 })
  t.fork(10, 11)
  t.call(10, 'write', { fd: 5, result: 7 })
  t.call(11, 'pwrite64', { fd: 4, result: 7 })
  assert.equal(t.byProcess, ['10 syncWrite /a', '11 syncWrite /b'])
})

sync('fcntl(F_SETFL) can neither set nor clear them', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3)
  t.open(10, '/b', O_RDWR, 4)
  t.call(10, 'fcntl', { fd: 3, flags: 4, flags2: 0 })
  t.call(10, 'fcntl', { fd: 4, flags: 4, flags2: O_SYNC })
  t.call(10, 'write', { fd: 3, result: 1 })
  t.call(10, 'write', { fd: 4, result: 1 })
  assert.equal(t.flushes, ['syncWrite /a'])
})

sync('a second open of the file has its own', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3)
  t.open(10, '/a', O_RDWR, 4)
  t.call(10, 'write', { fd: 4, result: 1 })
  assert.equal(t.flushes, [])
})

sync('are unknown for a descriptor that was open before', () => {
  const t = new Trace()
  t.call(10, 'write', { fd: 3, said: '/a', result: 1 })
  assert.equal(t.of('write'), ['write /a'])
  assert.equal(t.flushes, [])
  assert.is(t.count(CORRELATE.unknownFlags), 1)
})

sync('of a file that the trace does not name: by a handle, or by the address of a path', () => {
  const t = new Trace()
  t.call(10, 'open_by_handle_at', { flags: O_RDWR | O_DSYNC, result: 3 })
  t.call(10, 'write', { fd: 3, result: 5 })
  t.call(10, 'dup', { fd: 3, result: 4 })
  t.call(10, 'openat', { fd: F.AT_FDCWD, flags: O_RDWR, result: 5 })
  t.call(10, 'write', { fd: 5, result: 5 })
  t.call(10, 'fsync', { fd: 5 })
  assert.equal(t.flushes, ['syncWrite unknown', 'fsync unknown'])
  assert.is(t.count(CORRELATE.unnamedFile), 3)
  assert.is(t.count(CORRELATE.unknownDescriptor), 0)
  // A later line names it, and all its copies.
  t.call(10, 'write', { fd: 4, result: 5, said: '/a' })
  t.call(10, 'write', { fd: 3, result: 5 })
  assert.equal(t.flushes.slice(2), ['syncWrite /a', 'syncWrite /a'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

sync('unknown where the flags of openat2 are hidden', () => {
  const t = new Trace()
  t.call(10, 'openat2', { fd: F.AT_FDCWD, path: '/a', flags: NaN, result: 3 })
  t.call(10, 'write', { fd: 3, result: 5 })
  assert.equal(t.flushes, [])
  assert.is(t.count(CORRELATE.unknownFlags), 1)
})

sync.run()

const others = suite('descriptors of other things')

others('pipes and sockets are no storage', () => {
  const t = new Trace()
  t.call(10, 'pipe2', { extra: fds(3, 4), flags: O_CLOEXEC })
  t.call(10, 'socketpair', { extra: fds(5, 6) })
  t.call(10, 'socket', { result: 7 })
  t.call(10, 'epoll_create1', { result: 8 })
  for (const fd of [3, 4, 5, 6, 7, 8]) t.call(10, 'write', { fd, result: 9 })
  assert.equal(t.seen, [])
})

others('a pipe takes the place of a file that had its number', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3)
  t.call(10, 'close', { fd: 3 })
  t.call(10, 'pipe', { extra: fds(3, 4) })
  t.call(10, 'write', { fd: 3, result: 9 })
  assert.equal(t.seen, [])
})

others('a memfd is a file in memory', () => {
  const t = new Trace()
  t.call(10, 'memfd_create', { path: 'pool', result: 3 })
  t.call(10, 'write', { fd: 3, result: 9 })
  t.call(10, 'fsync', { fd: 3, said: '/memfd:pool' })
  assert.equal(t.of('write'), ['write /memfd:pool (deleted)'])
  assert.equal(t.flushes, ['fsync /memfd:pool (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

others('pidfd_getfd takes the description of another process', () => {
  const t = new Trace()
  t.fork(10, 11)
  t.open(11, '/a', O_RDWR | O_SYNC, 5)
  t.call(10, 'pidfd_open', { size: 11, result: 3 })
  t.call(10, 'pidfd_getfd', { fd2: 3, size: 5, result: 4 })
  t.call(10, 'write', { fd: 4, result: 1 })
  assert.equal(t.byProcess, ['10 syncWrite /a'])
})

others('a file opened by its handle has no name', () => {
  const t = new Trace()
  t.call(10, 'open_by_handle_at', { flags: O_RDWR, result: 3 })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'open_by_handle_at', { flags: O_RDWR, result: 4, saidResult: '/a' })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync unknown', 'fsync /a'])
})

others('an open whose beginning is lost tells nothing of its flags', () => {
  const t = new Trace()
  t.open(10, '/old', O_RDWR, 3)
  t.call(10, 'openat', { result: 3 })
  t.call(10, 'openat', { result: 4, saidResult: '/b' })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'write', { fd: 4, result: 2 })
  assert.equal(t.flushes, ['fsync unknown'])
  assert.is(t.count(CORRELATE.unknownFlags), 1)
})

others('a descriptor that nobody opened is named as unknown', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.call(10, 'fsync', { fd: 33 })
  assert.is(t.last.scope, 'unknown')
  assert.match(t.diagnostics.rows()[0].message, /descriptor 33 of prog \[10\]/)
})

others('/proc/PID/fd leads to the file of that task, /proc/self/fd to the own one', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.fork(10, 11)
  t.open(11, '/b', O_RDWR, 3)
  t.open(11, '/proc/10/fd/3', O_RDWR, 4)
  t.open(11, '/proc/11/fd/3', O_RDWR | O_DSYNC, 5)
  t.open(11, '/proc/77/fd/3', O_RDWR, 6)
  for (const fd of [4, 5, 6]) t.call(11, 'fsync', { fd })
  t.call(11, 'write', { fd: 5, result: 1 })
  assert.equal(t.flushes, ['fsync /a', 'fsync /b', 'fsync unknown', 'syncWrite /b'])
})

others('openat2 may take its directory for the root', () => {
  const t = new Trace()
  t.open(10, '/srv', F.O_DIRECTORY, 3)
  t.call(10, 'openat2', { fd: 3, path: '/x/a', flags: O_RDWR, flags2: F.RESOLVE_IN_ROOT, result: 4 })
  t.call(10, 'openat2', { fd: 3, path: '../../b', flags: O_RDWR, flags2: F.RESOLVE_IN_ROOT, result: 5 })
  t.call(10, 'openat2', { fd: 3, path: '/x/a', flags: O_RDWR, result: 6 })
  for (const fd of [4, 5, 6]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /srv/x/a', 'fsync /srv/b', 'fsync /x/a'])
})

others('a memory file whose name is cut has the one that the trace shows', () => {
  const t = new Trace()
  t.call(10, 'memfd_create', { result: 3, saidResult: '/memfd:name' })
  t.call(10, 'fsync', { fd: 3, said: '/memfd:name' })
  assert.equal(t.flushes, ['fsync /memfd:name (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

others.run()

const passing = suite('SCM_RIGHTS')

passing('a socketpair brings the description to its other end', () => {
  const t = new Trace()
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  t.fork(10, 11)
  t.open(10, '/a', O_RDWR | O_SYNC, 5)
  t.call(10, 'sendmsg', { fd: 3, extra: fds(5), result: 1 })
  t.call(11, 'recvmsg', { fd: 4, extra: fds(9), result: 1 })
  t.call(11, 'write', { fd: 9, result: 1 })
  assert.equal(t.byProcess, ['11 syncWrite /a'])
  assert.is(t.last.confidence, 'exact')
})

passing('also when recvmsg returns before sendmsg does', () => {
  const t = new Trace()
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  t.fork(10, 11)
  t.open(10, '/a', O_RDWR, 5)
  t.enter(11, 'recvmsg', { fd: 4 })
  t.enter(10, 'sendmsg', { fd: 3, extra: fds(5) })
  t.exit(11, 'recvmsg', { extra: fds(9), result: 1 })
  t.exit(10, 'sendmsg', { result: 1 })
  t.call(11, 'fsync', { fd: 9 })
  assert.equal(t.byProcess, ['11 fsync /a'])
})

passing('a sendmsg that failed sent nothing', () => {
  const t = new Trace()
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  t.open(10, '/a', O_RDWR, 5)
  t.open(10, '/b', O_RDWR, 6)
  t.call(10, 'sendmsg', { fd: 3, extra: fds(5), errno: 'EAGAIN' })
  t.call(10, 'sendmsg', { fd: 3, extra: fds(6), result: 1 })
  t.call(10, 'recvmsg', { fd: 4, extra: fds(9), result: 1 })
  t.call(10, 'fsync', { fd: 9 })
  assert.equal(t.flushes, ['fsync /b'])
})

passing('several in one message keep their order; one that had no room is skipped', () => {
  const t = new Trace()
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  t.open(10, '/a', O_RDWR, 5)
  t.open(10, '/b', O_RDWR, 6)
  t.call(10, 'sendmsg', { fd: 3, extra: fds(6), result: 1 })
  t.call(10, 'sendmsg', { fd: 3, extra: fds(5, 6), result: 1 })
  t.call(10, 'recvmsg', { fd: 4, result: 1 })
  t.call(10, 'recvmsg', { fd: 4, extra: fds(8, 9), flags: F.MSG_CMSG_CLOEXEC, result: 1 })
  t.call(10, 'fsync', { fd: 8 })
  t.call(10, 'fsync', { fd: 9 })
  assert.equal(t.flushes, ['fsync /a', 'fsync /b'])
})

passing('of sendmmsg and recvmmsg each message is one; those that were not sent come to nobody', () => {
  const t = new Trace()
  const several = (messages: number[], ...numbers: number[]): Extra => ({ ...fds(...numbers), messages }) as Extra
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  for (const [fd, path] of [
    [5, '/a'],
    [6, '/b'],
    [7, '/c'],
  ] as const)
    t.open(10, path, O_RDWR, fd)
  // /a in the first, nothing in the second, /b in the third; the last one did not go.
  t.call(10, 'sendmmsg', { fd: 3, extra: several([0, 1, 1, 2], 5, 6, 7), result: 3 })
  t.call(10, 'sendmsg', { fd: 3, extra: fds(7), result: 1 })
  t.call(10, 'recvmsg', { fd: 4, extra: fds(20), result: 1 })
  t.call(10, 'recvmmsg', { fd: 4, extra: several([0, 0, 1], 21, 22), result: 3 })
  for (const fd of [20, 21, 22]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /a', 'fsync /b', 'fsync /c'])
})

passing('a message with a descriptor that is not known keeps its place', () => {
  const t = new Trace()
  t.call(10, 'socketpair', { extra: fds(3, 4) })
  t.open(10, '/a', O_RDWR, 5)
  t.call(10, 'sendmsg', { fd: 3, extra: fds(99), result: 1 })
  t.call(10, 'sendmsg', { fd: 3, extra: fds(5), result: 1 })
  t.call(10, 'recvmsg', { fd: 4, extra: fds(20), result: 1 })
  t.call(10, 'recvmsg', { fd: 4, extra: fds(21), result: 1 })
  t.call(10, 'fsync', { fd: 20 })
  t.call(10, 'fsync', { fd: 21 })
  assert.is(t.flushes[1], 'fsync /a')
  assert.is.not(t.flushes[0], 'fsync /a')
})

passing('with an unknown peer, the messages of one sender keep their order: inferred', () => {
  const t = new Trace()
  t.call(10, 'socket', { result: 3 })
  t.call(20, 'accept', { result: 4 })
  for (const [fd, path] of [
    [5, '/a'],
    [6, '/b'],
  ] as const) {
    t.open(10, path, O_RDWR | O_SYNC, fd)
    t.call(10, 'sendmsg', { fd: 3, extra: fds(fd), result: 1 })
  }
  t.call(20, 'recvmsg', { fd: 4, extra: fds(8), result: 1 })
  t.call(20, 'recvmsg', { fd: 4, extra: fds(9), result: 1 })
  t.call(20, 'fsync', { fd: 8 })
  t.call(20, 'fsync', { fd: 9 })
  assert.equal(t.byProcess, ['20 fsync /a', '20 fsync /b'])
  assert.is(t.last.confidence, 'inferred')
  assert.is(t.count(CORRELATE.inferredPass), 2)
})

passing('of two senders it is unknown which', () => {
  const t = new Trace()
  for (const tid of [10, 11]) {
    t.call(tid, 'socket', { result: 3 })
    t.open(tid, `/of${tid}`, O_RDWR, 5)
    t.call(tid, 'sendmsg', { fd: 3, extra: fds(5), result: 1 })
  }
  t.call(20, 'accept', { result: 4 })
  t.call(20, 'recvmsg', { fd: 4, extra: fds(8), result: 1 })
  t.call(20, 'fsync', { fd: 8 })
  assert.equal(t.flushes, ['fsync unknown'])
})

passing('unless the trace says what came', () => {
  const t = new Trace()
  for (const tid of [10, 11]) {
    t.call(tid, 'socket', { result: 3 })
    t.open(tid, `/of${tid}`, O_RDWR | O_SYNC, 5)
    t.call(tid, 'sendmsg', { fd: 3, extra: fds(5), result: 1 })
  }
  t.call(20, 'recvmsg', { fd: 4, extra: fds([8, '/of11']), result: 1 })
  t.call(20, 'write', { fd: 8, said: '/of11', result: 1 })
  assert.equal(t.flushes, ['syncWrite /of11'])
})

passing('a message that was looked at (MSG_PEEK) comes again', () => {
  for (const pair of [true, false]) {
    const t = new Trace()
    if (pair) t.call(10, 'socketpair', { extra: fds(7, 8) })
    t.open(10, '/a', O_RDWR, 3)
    t.open(10, '/b', O_RDWR, 4)
    t.call(10, 'sendmsg', { fd: 7, extra: fds(3) })
    t.call(10, 'sendmsg', { fd: 7, extra: fds(4) })
    t.call(10, 'recvmsg', { fd: 8, flags: F.MSG_PEEK, extra: fds(20), result: 1 })
    t.call(10, 'recvmsg', { fd: 8, extra: fds(21), result: 1 })
    t.call(10, 'recvmsg', { fd: 8, extra: fds(22), result: 1 })
    for (const fd of [20, 21, 22]) t.call(10, 'fsync', { fd })
    const known = pair ? ['fsync /a', 'fsync /a', 'fsync /b'] : ['fsync unknown', 'fsync unknown', 'fsync unknown']
    assert.equal(t.flushes, known)
  }
})

passing.run()

const said = suite('what the trace says behind a descriptor')

said('names a descriptor that was open before', () => {
  const t = new Trace()
  t.call(10, 'fsync', { fd: 3, said: '/a' })
  t.call(10, 'dup', { fd: 3, said: '/a', result: 4, saidResult: '/a' })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a', 'fsync /a'])
})

said('agrees with the calls before: no word about it', () => {
  const t = new Trace()
  t.open(10, 'a', O_RDWR, 3, { said: '/srv', saidResult: '/srv/a' })
  t.call(10, 'rename', { path: 'a', path2: 'b' })
  t.call(10, 'fsync', { fd: 3, said: '/srv/b' })
  t.call(10, 'unlink', { path: '/srv/b' })
  t.call(10, 'fsync', { fd: 3, said: '/srv/b>(deleted)' })
  assert.equal(t.flushes, ['fsync /srv/b', 'fsync /srv/b (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

said('a file that somebody else renamed keeps its O_SYNC, and a mapping follows', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3, { saidResult: '/a' })
  t.map(10, 3, 0x10000, 1, { said: '/a' })
  t.call(10, 'write', { fd: 3, said: '/b', result: 1 })
  t.msync(10, 0x10000)
  assert.equal(t.flushes, ['syncWrite /b', 'msync /b'])
  assert.is(t.count(CORRELATE.disagreement), 1)
})

said('a file that somebody else deleted', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3, { saidResult: '/a' })
  t.open(10, '/a', O_RDWR, 4, { saidResult: '/a' })
  t.call(10, 'fsync', { fd: 3, said: '/a>(deleted)' })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a (deleted)', 'fsync /a (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 1)
})

said('a name that procfs forgot: no word about it', () => {
  const t = new Trace()
  t.open(10, '/proc/10/net/dev', O_RDWR, 3, { saidResult: '/proc/10/net/dev' })
  t.call(10, 'fsync', { fd: 3, said: '/proc/10/net/dev>(deleted)' })
  assert.is(t.count(CORRELATE.disagreement), 0)
})

said('a number that got another known file unseen: its O_SYNC is unknown', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3, { saidResult: '/a' })
  t.open(10, '/b', O_RDWR, 4, { saidResult: '/b' })
  t.call(10, 'write', { fd: 3, said: '/b', result: 1 })
  assert.equal(t.of('write'), ['write /b'])
  assert.equal(t.flushes, [])
  assert.is(t.count(CORRELATE.disagreement), 1)
})

said('where no opens are seen, another name is another file, and its mapping stays what it was', () => {
  const t = new Trace()
  t.map(10, 3, 0x10000, 1, { said: '/a' })
  t.call(10, 'fsync', { fd: 3, said: '/b' })
  t.msync(10, 0x10000)
  assert.equal(t.flushes, ['fsync /b', 'msync /a'])
})

said('a pipe where a file was, and a file where a socket was', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3)
  t.call(10, 'write', { fd: 3, said: 'pipe:[7]', result: 1 })
  t.call(10, 'socket', { result: 4 })
  t.call(10, 'write', { fd: 4, said: '/b', result: 1 })
  assert.equal(t.of('write'), ['write /b'])
})

said('the name of the other link does not undo the first', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CREAT, 3, { saidResult: '/a' })
  t.call(10, 'link', { path: '/a', path2: '/b' })
  t.open(10, '/b', O_RDWR, 4, { saidResult: '/b' })
  t.call(10, 'fsync', { fd: 3, said: '/a' })
  t.call(10, 'fsync', { fd: 4, said: '/b' })
  t.call(10, 'unlink', { path: '/a' })
  t.call(10, 'fsync', { fd: 3, said: '/a>(deleted)' })
  t.call(10, 'fsync', { fd: 4, said: '/b' })
  assert.is(t.count(CORRELATE.disagreement), 0)
})

said('up to strace 5.18 the mark stands inside: deleted, unless a live file has that name', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3, { saidResult: '/a' })
  t.call(10, 'unlink', { path: '/a' })
  t.call(10, 'fsync', { fd: 3, said: '/a (deleted)' })
  t.open(10, '/b (deleted)', O_RDWR | O_CREAT, 4, { saidResult: '/b (deleted)' })
  t.call(10, 'fsync', { fd: 4, said: '/b (deleted)' })
  t.call(10, 'fsync', { fd: 9, said: '/c (deleted)' })
  assert.equal(t.flushes, ['fsync /a (deleted)', 'fsync /b (deleted)', 'fsync /c (deleted)'])
  const names = t.seen.filter(({ kind }) => kind === 'flush').map(({ paths }) => paths[0])
  assert.equal(names, ['/a (deleted)', '/b (deleted)', '/c (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

said('while a rename is under way, others may see its effect already', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3, { saidResult: '/a' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.map(10, 3, 0x10000, 1, { said: '/a' })
  t.enter(11, 'rename', { path: '/a', path2: '/b' })
  t.call(10, 'fsync', { fd: 3, said: '/b' })
  t.exit(11, 'rename')
  t.msync(10, 0x10000)
  assert.equal(t.flushes, ['fsync /b', 'msync /b'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

said('also of a rename over another file, whose holders keep it', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_SYNC, 3, { saidResult: '/a' })
  t.open(10, '/b', O_RDWR, 4, { saidResult: '/b' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'rename', { path: '/a', path2: '/b' })
  t.call(10, 'write', { fd: 3, said: '/b', result: 1 })
  t.exit(11, 'rename')
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['syncWrite /b', 'fsync /b (deleted)'])
})

said('and of an unlink, after which the next file of the name lives', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3, { saidResult: '/a' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'unlink', { path: '/a' })
  t.call(10, 'fsync', { fd: 3, said: '/a>(deleted)' })
  t.open(10, '/a', O_RDWR | O_CREAT, 4, { saidResult: '/a' })
  t.exit(11, 'unlink')
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a (deleted)', 'fsync /a'])
})

said('a stat that ends after its number was given away does not bring the old file back', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3, { saidResult: '/a' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'fstat', { fd: 3, said: '/a' })
  t.call(10, 'close', { fd: 3, said: '/a' })
  t.open(10, '/b', O_RDWR | O_SYNC, 3, { saidResult: '/b' })
  t.exit(11, 'fstat', { flags2: F.S_IFREG })
  t.call(10, 'write', { fd: 3, result: 1 })
  assert.equal(t.flushes, ['syncWrite /b'])
})

said.run()
