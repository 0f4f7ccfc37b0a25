import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { Trace } from './trace.ts'

const { O_RDWR } = F
const THREAD = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD
const PAGE = 4096
const A = 0x100000

/** A process whose mappings are all known: it began with execve. /a is descriptor 3, /b 4. */
function begun(): Trace {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/b', O_RDWR, 4)
  return t
}

/** What msync of each page from A on finds; `-` where no shared file is mapped. */
function pages(t: Trace, count: number, start = A, tid = 10): string {
  const found: string[] = []
  for (let page = 0; page < count; page++) {
    t.msync(tid, start + page * PAGE)
    found.push(t.last.scope === 'file' ? t.last.paths.join('+') : '-')
  }
  return found.join(' ')
}

/** Ways to store into files that came up: `/a 2` for two pages. */
function writable(t: Trace): string[] {
  return t.seen.filter(({ kind }) => kind === 'mapped').map(({ paths, bytes }) => `${paths[0]} ${bytes / PAGE}`)
}

const map = suite('mmap and munmap')

map('a mapping keeps its file after the descriptor is closed and the name is gone', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'close', { fd: 3 })
  t.msync(10, A)
  t.call(10, 'unlink', { path: '/a' })
  t.msync(10, A)
  assert.equal(t.flushes, ['msync /a', 'msync /a (deleted)'])
})

map('and follows a rename', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'rename', { path: '/a', path2: '/c' })
  assert.is(pages(t, 1), '/c')
})

map('lengths are rounded up to pages', () => {
  const t = begun()
  t.call(10, 'mmap', { size: 1, fd: 3, flags: F.MAP_SHARED, flags2: 1, offset: 0, result: A })
  t.call(10, 'msync', { addr: A, size: 1, flags: F.MS_SYNC })
  assert.equal([t.last.paths[0], pages(t, 2)], ['/a', '/a -'])
})

map('MAP_FIXED takes the place of what it covers', () => {
  const t = begun()
  t.map(10, 3, A, 5)
  t.map(10, 4, A + PAGE, 2)
  assert.is(pages(t, 5), '/a /b /b /a /a')
})

map('anonymous and private mappings take places too, and belong to no file', () => {
  const t = begun()
  t.map(10, 3, A, 4)
  t.map(10, 4, A, 1, { flags: F.MAP_PRIVATE })
  t.map(10, -1, A + 2 * PAGE, 1, { flags: F.MAP_SHARED | F.MAP_ANONYMOUS })
  assert.is(pages(t, 4), '- /a - /a')
})

map('MAP_SHARED_VALIDATE is shared', () => {
  const t = begun()
  t.map(10, 3, A, 1, { flags: F.MAP_SHARED_VALIDATE })
  assert.is(pages(t, 1), '/a')
})

map('munmap of a part leaves the rest, with its place in the file', () => {
  const t = begun()
  t.map(10, 3, A, 4, { offset: 8 * PAGE })
  t.call(10, 'munmap', { addr: A + PAGE, size: PAGE })
  assert.is(pages(t, 4), '/a - /a /a')
  t.call(10, 'mprotect', { addr: A + 2 * PAGE, size: PAGE, flags2: 1 })
  t.call(10, 'mprotect', { addr: A + 2 * PAGE, size: PAGE, flags2: F.PROT_WRITE })
  assert.equal(writable(t), ['/a 4', '/a 1'])
})

map('munmap has effect at its entry', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'munmap', { addr: A, size: PAGE })
  t.map(11, 4, A, 1)
  t.exit(10, 'munmap')
  assert.is(pages(t, 1), '/b')
})

map('and none when it fails', () => {
  const t = begun()
  t.map(10, 3, A, 2)
  t.call(10, 'munmap', { addr: A, size: 2 * PAGE, errno: 'EINVAL' })
  assert.is(pages(t, 2), '/a /a')
})

map('an mmap that failed maps nothing', () => {
  const t = begun()
  t.map(10, 3, A, 1, { errno: 'ENOMEM', result: -1 })
  assert.is(pages(t, 1), '-')
})

map('a read-only mapping is no way to write, until mprotect says so', () => {
  const t = begun()
  t.map(10, 3, A, 2, { flags2: 1 })
  assert.equal(writable(t), [])
  t.call(10, 'mprotect', { addr: A + PAGE, size: PAGE, flags2: F.PROT_WRITE })
  t.call(10, 'mprotect', { addr: A + PAGE, size: PAGE, flags2: F.PROT_WRITE })
  assert.equal(writable(t), ['/a 1'])
})

map.run()

const remap = suite('mremap')

remap('grows in place: the file goes on', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'mremap', { addr: A, size: PAGE, size2: 3 * PAGE, flags: F.MREMAP_MAYMOVE, result: A })
  assert.is(pages(t, 4), '/a /a /a -')
  assert.equal(writable(t), ['/a 1', '/a 3'])
})

remap('moves', () => {
  const t = begun()
  const to = A + 100 * PAGE
  t.map(10, 3, A, 2)
  t.call(10, 'mremap', { addr: A, size: 2 * PAGE, size2: 4 * PAGE, flags: F.MREMAP_MAYMOVE, result: to })
  assert.equal([pages(t, 2), pages(t, 5, to)], ['- -', '/a /a /a /a -'])
})

remap('shrinks', () => {
  const t = begun()
  t.map(10, 3, A, 4)
  t.call(10, 'mremap', { addr: A, size: 4 * PAGE, size2: PAGE, result: A })
  assert.is(pages(t, 4), '/a - - -')
})

remap('takes a part out of the middle', () => {
  const t = begun()
  const to = A + 100 * PAGE
  t.map(10, 3, A, 3)
  t.call(10, 'mremap', { addr: A + PAGE, size: PAGE, size2: PAGE, flags: 3, addr2: to, result: to })
  assert.equal([pages(t, 3), pages(t, 1, to)], ['/a - /a', '/a'])
})

remap('onto a mapping takes its place', () => {
  const t = begun()
  const to = A + 100 * PAGE
  t.map(10, 3, A, 1)
  t.map(10, 4, to, 3)
  t.call(10, 'mremap', { addr: A, size: PAGE, size2: PAGE, flags: 3, addr2: to + PAGE, result: to + PAGE })
  assert.is(pages(t, 3, to), '/b /a /b')
})

remap('MREMAP_DONTUNMAP leaves the old range mapped', () => {
  const t = begun()
  const to = A + 100 * PAGE
  t.map(10, 3, A, 1)
  t.call(10, 'mremap', { addr: A, size: PAGE, size2: PAGE, flags: F.MREMAP_MAYMOVE | F.MREMAP_DONTUNMAP, result: to })
  assert.equal([pages(t, 1), pages(t, 1, to)], ['/a', '/a'])
})

remap('old size 0 makes a second mapping', () => {
  const t = begun()
  const to = A + 100 * PAGE
  t.map(10, 3, A, 2)
  t.call(10, 'mremap', { addr: A, size: 0, size2: 2 * PAGE, flags: F.MREMAP_MAYMOVE, result: to })
  assert.equal([pages(t, 2), pages(t, 2, to)], ['/a /a', '/a /a'])
})

remap('of memory that is no file, clears where it goes', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'mremap', { addr: A + 50 * PAGE, size: PAGE, size2: PAGE, flags: 3, result: A })
  assert.is(pages(t, 1), '-')
})

remap('frees the old range at its entry, and gives it back when it fails', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'mremap', { addr: A, size: PAGE, size2: 9 * PAGE, flags: F.MREMAP_MAYMOVE })
  t.map(11, 4, A, 1)
  t.exit(10, 'mremap', { result: A + 100 * PAGE })
  assert.equal([pages(t, 1), pages(t, 1, A + 100 * PAGE)], ['/b', '/a'])
  t.call(10, 'mremap', { addr: A, size: PAGE, size2: 2 * PAGE, errno: 'ENOMEM' })
  assert.is(pages(t, 1), '/b')
})

remap.run()

const spaces = suite('msync in its address space')

spaces('of several mappings is one flush of several files', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.map(10, 4, A + PAGE, 1)
  t.map(10, 3, A + 2 * PAGE, 1)
  t.msync(10, A, 3)
  assert.equal(t.flushes, ['msync /a + /b'])
})

spaces('of memory is a flush of no file', () => {
  const t = begun()
  t.msync(10, A)
  assert.equal(t.flushes, ['msync memory'])
  assert.is(t.count(CORRELATE.unknownMapping), 0)
})

spaces('of what was mapped before the trace is unknown', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.msync(10, A)
  assert.equal(t.flushes, ['msync unknown'])
  assert.is(t.count(CORRELATE.unknownMapping), 1)
})

spaces('and where the trace shows no mmap at all', () => {
  const t = new Trace()
  t.call(10, 'execve', { path: '/bin/prog' })
  t.msync(10, A)
  assert.equal(t.flushes, ['msync unknown'])
})

spaces('of what was mapped through an unknown descriptor is unknown, too', () => {
  const t = begun()
  t.map(10, 9, A, 1)
  t.msync(10, A)
  assert.equal(t.flushes, ['msync unknown'])
})

spaces('fork copies, and each goes its own way', () => {
  const t = begun()
  t.map(10, 3, A, 2)
  t.fork(10, 11)
  t.call(11, 'munmap', { addr: A, size: PAGE })
  t.map(10, 4, A + PAGE, 1)
  assert.equal([pages(t, 2), pages(t, 2, A, 11)], ['/a /b', '- /a'])
})

spaces('exec drops all', () => {
  const t = begun()
  t.map(10, 3, A, 1)
  t.exec(10, '/bin/next')
  assert.is(pages(t, 1), '-')
})

spaces('a mapping of received descriptors is as sure as they are', () => {
  const t = begun()
  t.open(10, '/shared', O_RDWR, 5)
  t.call(10, 'sendmsg', { fd: 7, extra: { kind: 'fds', fds: [{ fd: 5, name: null }] }, result: 1 })
  t.call(20, 'recvmsg', { fd: 7, extra: { kind: 'fds', fds: [{ fd: 8, name: null }] }, result: 1 })
  t.map(20, 8, A, 1)
  t.msync(20, A)
  assert.equal([t.last.paths, t.last.confidence], [['/shared'], 'inferred'])
})

spaces.run()
