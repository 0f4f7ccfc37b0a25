import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { Trace } from './trace.ts'

const { O_RDWR, O_CLOEXEC, O_CREAT } = F
const THREAD = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD

const forks = suite('fork and clone')

forks('fork copies the descriptors as they were at its entry', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.enter(10, 'fork')
  t.exit(10, 'fork', { result: 11 })
  t.call(10, 'close', { fd: 3 })
  t.open(10, '/b', O_RDWR, 3)
  t.call(11, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['11 fsync /a', '10 fsync /b'])
})

forks('CLONE_FILES shares them, also between processes', () => {
  const t = new Trace()
  t.call(10, 'clone', { flags: F.CLONE_FILES, result: 11 })
  t.open(11, '/a', O_RDWR, 3)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'close', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['10 fsync /a', '11 fsync unknown'])
})

forks('unshare(CLONE_FILES) ends the sharing', () => {
  const t = new Trace()
  t.call(10, 'clone', { flags: F.CLONE_FILES, result: 11 })
  t.open(10, '/a', O_RDWR, 3)
  t.call(11, 'unshare', { flags: F.CLONE_FILES })
  t.call(10, 'close', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

forks('CLONE_THREAD adds a task to the process', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.call(10, 'clone3', { flags: THREAD, result: 11 })
  t.open(10, '/a', O_RDWR, 3)
  t.call(11, 'fsync', { fd: 3 })
  assert.equal([t.last.pid, t.last.tid, t.last.process], [10, 11, 'prog'])
  assert.equal(t.counts, [1, 2])
})

forks('CLONE_FS shares the current directory, fork copies it', () => {
  const t = new Trace()
  t.call(10, 'chdir', { path: '/one' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.fork(10, 12)
  t.call(11, 'chdir', { path: '/two' })
  t.open(10, 'x', O_RDWR, 3)
  t.open(12, 'x', O_RDWR, 3)
  t.call(10, 'fsync', { fd: 3 })
  t.call(12, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['10 fsync /two/x', '12 fsync /one/x'])
})

forks('unshare(CLONE_FS) ends the sharing of the current directory', () => {
  const t = new Trace()
  t.call(10, 'chdir', { path: '/one' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.call(11, 'unshare', { flags: F.CLONE_FS })
  t.call(11, 'chdir', { path: '/two' })
  t.open(10, 'x', O_RDWR, 3)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /one/x'])
})

forks('CLONE_VM shares the mappings, fork copies them', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, '/a', O_RDWR, 3)
  t.map(10, 3, 0x10000, 1)
  t.call(10, 'clone', { flags: F.CLONE_VM, result: 11 })
  t.fork(10, 12)
  t.call(11, 'munmap', { addr: 0x10000, size: 4096 })
  t.msync(10, 0x10000)
  t.msync(12, 0x10000)
  assert.equal(t.byProcess, ['10 msync memory', '12 msync /a'])
})

forks('a vfork child shares the mappings of its parent until it execs', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, '/a', O_RDWR | O_CLOEXEC, 3)
  t.map(10, 3, 0x10000, 1)
  t.enter(10, 'vfork')
  t.msync(11, 0x10000)
  t.exec(11, '/bin/other')
  t.exit(10, 'vfork', { result: 11 })
  t.msync(11, 0x10000)
  t.msync(10, 0x10000)
  t.call(10, 'fsync', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['11 msync /a', '11 msync memory', '10 msync /a', '10 fsync /a', '11 fsync unknown'])
  assert.is(t.count(CORRELATE.unknownDescriptor), 1)
})

forks('a child that forked and lives on has the mappings for its own', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.map(10, 3, 0x10000, 2)
  t.fork(10, 11)
  t.fork(10, 12)
  t.exec(12, '/bin/other')
  t.end(11)
  t.end(12)
  t.finish()
  const mapped = t.seen.filter(({ kind }) => kind === 'mapped')
  assert.equal(
    mapped.map(({ pid, paths, bytes }) => [pid, paths[0], bytes]),
    [
      [10, '/a', 8192],
      [11, '/a', 8192],
    ],
  )
})

forks('a fork that failed makes nothing', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.call(10, 'fork', { errno: 'EAGAIN' })
  assert.equal(t.counts, [1, 1])
})

forks('CLONE_PARENT makes a sibling', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.fork(10, 11)
  t.call(11, 'clone', { flags: F.CLONE_PARENT, result: 12 })
  t.fork(11, 13)
  for (const tid of [11, 12, 13]) t.call(tid, 'sync')
  assert.equal(
    t.seen.map(({ pid, parent }) => [pid, parent]),
    [
      [11, 10],
      [12, 10],
      [13, 11],
    ],
  )
})

forks('a clone without flags may have made a thread: what its descriptors are is inferred', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone3', { flags: NaN, result: 11 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['11 fsync /a'])
  assert.is(t.last.confidence, 'inferred')
  assert.is(t.count(CORRELATE.hiddenFork), 1)
  // The trace names it.
  t.call(10, 'fsync', { fd: 3, said: '/a' })
  assert.is(t.last.confidence, 'exact')
})

forks.run()

const early = suite('children before their fork returns')

early('start with what their parent had', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.enter(10, 'clone')
  t.call(11, 'fsync', { fd: 3 })
  t.open(11, '/b', O_RDWR, 4)
  t.exit(10, 'clone', { result: 11 })
  t.call(11, 'fsync', { fd: 4 })
  assert.equal(t.byProcess, ['11 fsync /a', '11 fsync /b'])
  assert.is(t.count(CORRELATE.startedLate), 1) // the parent only
})

early('with several forks under way, each waits for its own', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.open(20, '/b', O_RDWR, 3)
  t.enter(10, 'clone')
  t.enter(20, 'clone')
  t.call(30, 'fsync', { fd: 3 })
  t.call(31, 'fsync', { fd: 3 })
  t.exit(20, 'clone', { result: 31 })
  t.exit(10, 'clone', { result: 30 })
  assert.equal(t.byProcess, ['31 fsync /b', '30 fsync /a'])
  assert.is(t.count(CORRELATE.heldBack), 0)
})

early('a child forks before its own fork has returned', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.enter(10, 'clone')
  t.call(11, 'clone', { flags: THREAD, result: 12 })
  t.enter(11, 'clone', { flags: THREAD })
  t.call(13, 'fsync', { fd: 3 })
  t.exit(11, 'clone', { result: 13 })
  t.exit(10, 'clone', { result: 11 })
  assert.equal(t.byProcess, ['11 fsync /a'])
  assert.is(t.count(CORRELATE.heldBack), 0)
})

early('a call entered before and ended after the fork returned counts once', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.enter(10, 'clone')
  t.enter(11, 'fsync', { fd: 3 })
  t.exit(10, 'clone', { result: 11 })
  t.exit(11, 'fsync')
  assert.equal(t.flushes, ['fsync /a'])
})

early('many rows are kept, in order', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.enter(10, 'clone')
  for (let k = 0; k < 300; k++) t.call(11, 'fsync', { fd: 3 })
  t.exit(10, 'clone', { result: 11 })
  assert.is(t.flushes.length, 300)
  assert.ok(t.flushes.every((flush) => flush === 'fsync /a'))
})

early('a parent that is killed in its fork keeps nobody waiting', () => {
  const t = new Trace()
  t.enter(10, 'clone')
  t.call(11, 'sync')
  t.end(10)
  t.call(11, 'sync')
  assert.equal(t.byProcess, ['11 sync system', '11 sync system'])
  assert.is(t.count(CORRELATE.heldBack), 1)
})

early('a thread that forks while another execs keeps nobody waiting', () => {
  const t = new Trace()
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'clone')
  t.exec(10, '/bin/prog')
  t.call(12, 'sync')
  assert.equal(t.byProcess, ['12 sync system'])
})

early('one that no result names is applied at the end', () => {
  const t = new Trace()
  t.enter(10, 'clone')
  t.call(11, 'sync')
  assert.equal(t.byProcess, [])
  t.finish()
  assert.equal(t.byProcess, ['11 sync system'])
})

/** A shell with /log as its output and /a as descriptor 4: strace -z prints its fork when that has succeeded. */
function shell(): Trace {
  const t = new Trace()
  t.call(10, 'execve', { path: '/bin/sh', result: 0, atNs: 0 })
  t.open(10, '/log', O_RDWR, 1)
  t.open(10, '/a', O_RDWR | O_CLOEXEC, 4)
  return t
}

early('a fork that is told late: what the child did is done again on what it was given', () => {
  const t = shell()
  t.call(11, 'dup2', { fd: 4, fd2: 1, result: 1, atNs: 20 })
  t.call(11, 'chdir', { path: '/srv', result: 0, atNs: 21 })
  t.call(10, 'vfork', { result: 11, atNs: 10 })
  t.exec(11, '/bin/prog')
  t.call(11, 'fsync', { fd: 1 })
  t.call(11, 'fsync', { fd: 4 })
  t.open(11, 'b', O_RDWR, 5)
  t.call(11, 'fsync', { fd: 5 })
  t.call(10, 'fsync', { fd: 1 })
  assert.equal(t.byProcess, ['11 fsync /a', '11 fsync unknown', '11 fsync /srv/b', '10 fsync /log'])
  assert.is(t.finish().count(CORRELATE.startNotShown), 0)
})

early('a number that the child has closed is not given to it again', () => {
  const t = shell()
  t.call(11, 'close', { fd: 1, atNs: 20 })
  t.call(10, 'fork', { result: 11, atNs: 10 })
  for (const tid of [10, 11]) t.call(tid, 'fsync', { fd: 1 })
  assert.equal(t.byProcess, ['10 fsync /log', '11 fsync unknown'])
})

early('also when it runs another program by then', () => {
  const t = shell()
  t.call(11, 'close', { fd: 1, atNs: 20 })
  t.call(11, 'fcntl', { fd: 4, flags: F.F_DUPFD, result: 1, atNs: 21 })
  t.exec(11, '/bin/prog')
  t.open(11, '/b', O_RDWR, 4)
  t.call(10, 'clone', { result: 11, atNs: 10 })
  for (const fd of [1, 4]) t.call(11, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /a', 'fsync /b'])
  assert.is(t.last.process, 'prog')
})

early('who was seen before the fork began had the number before', () => {
  const t = shell()
  t.open(11, '/old', O_RDWR, 3, { atNs: 5 })
  t.call(10, 'fork', { result: 11, atNs: 10 })
  for (const fd of [1, 3]) t.call(11, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /log', 'fsync unknown'])
  t.call(12, 'fsync', { fd: 1, atNs: 20 })
  assert.is(t.finish().count(CORRELATE.startNotShown), 2)
})

early('whose fork never comes in a log that begins with a program: nobody says that they ran before it', () => {
  const ends = (t: Trace): Trace => {
    t.call(11, '+exit', { atNs: 20 })
    t.call(12, 'fsync', { fd: 3, atNs: 21 })
    t.call(13, '+exit') // no time
    return t
  }
  const begun = ends(shell()).finish()
  assert.is(begun.count(CORRELATE.startNotShown), 3)
  assert.is(begun.count(CORRELATE.startedLate), 0)
  const attached = ends(new Trace()).finish()
  assert.is(attached.count(CORRELATE.startNotShown), 0)
  assert.is(attached.count(CORRELATE.startedLate), 3)
})

early('whoever does a lot before its fork is told keeps what it opened itself', () => {
  const t = shell()
  for (let fd = 5; fd < 300; fd++) t.open(11, `/${fd}`, O_RDWR, fd, { atNs: 20 })
  t.call(10, 'fork', { result: 11, atNs: 10 })
  for (const fd of [1, 5]) t.call(11, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync unknown', 'fsync /5'])
})

early.run()

const ids = suite('ids and names')

ids('a number that is given out again is another process', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, '/a', O_RDWR, 3)
  t.fork(10, 11)
  t.end(11)
  t.call(10, 'close', { fd: 3 })
  t.fork(10, 11)
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['11 fsync unknown'])
  assert.is(t.system.seen.processes, 3)
})

ids('also when the exit of the first was not seen', () => {
  const t = new Trace()
  t.fork(10, 11)
  t.open(11, '/old', O_RDWR, 3)
  t.open(10, '/a', O_RDWR, 3)
  t.fork(10, 11)
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

ids('exec gives the process its name and command, closes CLOEXEC and drops the mappings', () => {
  const t = new Trace()
  t.open(10, '/keep', O_RDWR, 3)
  t.open(10, '/lose', O_RDWR | O_CLOEXEC, 4)
  t.open(10, '/marked', O_RDWR, 5)
  t.call(10, 'fcntl', { fd: 5, flags: F.F_SETFD, flags2: F.FD_CLOEXEC })
  t.map(10, 3, 0x10000, 1)
  t.exec(10, '/usr/bin/python3', '/usr/sbin/samba_dnsupdate')
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  t.msync(10, 0x10000)
  assert.equal(t.flushes, ['fsync /keep', 'fsync unknown', 'fsync unknown', 'msync memory'])
  assert.is(t.last.process, 'python3')
})

ids('an exec that failed changes nothing', () => {
  const t = new Trace()
  t.open(10, '/lose', O_RDWR | O_CLOEXEC, 4)
  t.call(10, 'execve', { path: '/nowhere', errno: 'ENOENT' })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /lose'])
})

ids('exec leaves the table of a CLONE_FILES partner alone', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CLOEXEC, 3)
  t.call(10, 'clone', { flags: F.CLONE_FILES | F.CLONE_VM, result: 11 })
  t.exec(11, '/bin/other')
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

ids('a thread that execs goes on under the pid of its process, alone', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.call(10, 'clone', { flags: THREAD, result: 12 })
  t.enter(12, 'execve', { path: '/bin/next', extra: { kind: 'argv', argv: ['next', '-x'], cut: false } })
  t.takeOver(10, 12)
  t.exit(10, 'execve', { path: '/bin/next', extra: { kind: 'argv', argv: ['next', '-x'], cut: false } })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal([t.last.pid, t.last.tid, t.last.process, t.flushes], [10, 10, 'next', ['fsync /a']])
  assert.not(t.system.knows(11))
  assert.not(t.system.knows(12))
})

ids('the end of such an execve may come without its arguments (-ff)', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.call(10, 'clone', { flags: THREAD, result: 12 })
  t.enter(12, 'execve', { path: '/bin/next', extra: { kind: 'argv', argv: ['next'], cut: false } })
  t.takeOver(10, 12)
  t.call(10, 'execve')
  t.call(10, 'sync')
  assert.is(t.last.process, 'next')
})

ids('id 0 is the one task of a log without pids, and may be told later', () => {
  const t = new Trace()
  t.open(0, '/a', O_RDWR, 3)
  t.call(0, 'fsync', { fd: 3 })
  assert.is(t.last.pid, null)
  t.alias(42)
  t.call(42, 'fsync', { fd: 3 })
  t.call(0, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['null fsync /a', '42 fsync /a', '42 fsync /a'])
})

ids('or by its own gettid()', () => {
  const t = new Trace()
  t.exec(0, '/bin/prog')
  t.call(0, 'set_tid_address', { result: 42 })
  t.call(0, 'sync')
  assert.is(t.last.pid, 42)
})

ids('prctl names the task, and a process by its first task', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.call(11, 'prctl', { flags: F.PR_SET_NAME, path: 'worker' })
  t.call(11, 'sync')
  assert.is(t.last.process, 'prog')
  t.call(10, 'prctl', { flags: F.PR_SET_NAME, path: 'a name of more than fifteen bytes' })
  t.call(10, 'sync')
  assert.is(t.last.process, 'a name of more ')
})

ids('a name is fifteen bytes, whichever; a character that is cut goes', () => {
  const t = new Trace()
  const named = (name: string): string | null => {
    t.call(10, 'prctl', { flags: F.PR_SET_NAME, path: name })
    t.call(10, 'sync')
    return t.last.process
  }
  assert.is(named('a\udcffb\ufffd'), 'a\udcffb\ufffd')
  assert.is(named('\udcff'.repeat(20)), '\udcff'.repeat(15))
  assert.is(named('fourteen bytesé'), 'fourteen bytes')
  t.exec(10, '/bin/\udcfe')
  t.call(10, 'sync')
  assert.is(t.last.process, '\udcfe')
})

ids('a child has the name and command of its parent until it execs', () => {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.fork(10, 11)
  t.call(11, 'sync')
  assert.is(t.last.process, 'prog')
})

ids('an end in the middle of a call leaves nothing behind', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CREAT, 3)
  t.enter(10, 'fsync', { fd: 3 })
  t.end(10)
  t.fork(20, 10)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync unknown'])
})

const THREAD_OF = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD

ids('a thread that calls execve after the first task has ended has its number, and what its process had open', () => {
  const t = new Trace()
  t.exec(10, '/bin/sh')
  t.open(10, '/a', F.O_RDWR, 3)
  t.open(10, '/log', F.O_RDWR | F.O_CLOEXEC, 4)
  t.call(10, 'clone', { result: 11, flags: THREAD_OF })
  // The kernel ends the first task before the call returns: under its number.
  t.end(10)
  t.exec(10, '/bin/db')
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a', 'fsync unknown'])
  assert.equal(t.counts, [1, 2])
  assert.is(t.last.process, 'db')
})

ids('a process goes on when its first task has ended; its number is another’s when all have', () => {
  const t = new Trace()
  t.exec(10, '/bin/sh')
  t.open(10, '/a', F.O_RDWR, 3)
  t.call(10, 'clone', { result: 11, flags: THREAD_OF })
  t.end(10)
  t.call(11, 'fsync', { fd: 3 })
  // sysdig names the process where it does not know which thread made another.
  t.call(10, 'clone', { result: 12, flags: THREAD_OF })
  t.call(12, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['10 fsync /a', '10 fsync /a'])
  for (const tid of [10, 11, 12]) t.end(tid)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes.at(-1), 'fsync unknown')
  assert.is(t.counts[0], 2)
})

ids.run()
