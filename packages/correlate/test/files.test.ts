import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CORRELATE } from '../src/diagnostics.ts'
import { FileTree, pathOf } from '../src/files.ts'
import { Trace } from './trace.ts'

const { O_RDWR, O_CREAT, O_TMPFILE, O_WRONLY, AT_FDCWD } = F
const O_EXCL = 0o200
const THREAD = F.CLONE_VM | F.CLONE_FS | F.CLONE_FILES | F.CLONE_THREAD

const names = suite('names come and go')

names('a rename names what is open', () => {
  const t = new Trace()
  t.open(10, '/tmp1', O_RDWR | O_CREAT, 3)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'rename', { path: '/tmp1', path2: '/final' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /tmp1', 'fsync /final'])
})

names('a rename over a file deletes that one; the directory is another file', () => {
  const t = new Trace()
  t.open(10, '/d/final', O_RDWR, 3)
  t.open(10, '/d/tmp', O_RDWR | O_CREAT, 4)
  t.open(10, '/d', F.O_DIRECTORY, 5)
  t.call(10, 'rename', { path: '/d/tmp', path2: '/d/final' })
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  t.open(10, '/d/final', O_RDWR, 6)
  t.call(10, 'fsync', { fd: 6 })
  assert.equal(t.flushes, ['fsync /d/final (deleted)', 'fsync /d/final', 'fsync /d', 'fsync /d/final'])
})

names('also where the new file was never opened', () => {
  const t = new Trace()
  t.open(10, '/final', O_RDWR, 3)
  t.call(10, 'rename', { path: '/tmp', path2: '/final' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /final (deleted)'])
})

names('a rename that failed, and one onto another link of the same file, change nothing', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'rename', { path: '/a', path2: '/b', errno: 'EXDEV' })
  t.call(10, 'link', { path: '/a', path2: '/c' })
  t.call(10, 'rename', { path: '/a', path2: '/c' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

names('a directory takes everything below along, at any depth', () => {
  const t = new Trace()
  t.open(10, '/a/b/x', O_RDWR, 3)
  t.call(10, 'rename', { path: '/a', path2: '/c/d' })
  t.call(10, 'fsync', { fd: 3 })
  t.open(10, '/a/b/x', O_RDWR | O_CREAT, 4)
  t.call(10, 'fsync', { fd: 4 })
  t.call(10, 'unlink', { path: '/c/d/b/x' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /c/d/b/x', 'fsync /a/b/x', 'fsync /c/d/b/x (deleted)'])
})

names('a renamed directory is followed by its descriptor and by who stands in it', () => {
  const t = new Trace()
  t.open(10, '/a', F.O_DIRECTORY, 3)
  t.call(10, 'chdir', { path: '/a/in' })
  t.call(10, 'rename', { path: '/a', path2: '/b' })
  t.open(10, 'x', O_RDWR | O_CREAT, 4)
  t.call(10, 'openat', { fd: 3, path: 'y', flags: O_RDWR | O_CREAT, result: 5 })
  t.call(10, 'fchdir', { fd: 3 })
  t.open(10, 'z', O_RDWR | O_CREAT, 6)
  for (const fd of [3, 4, 5, 6]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /b', 'fsync /b/in/x', 'fsync /b/y', 'fsync /b/z'])
})

names('RENAME_EXCHANGE swaps, also a file with a directory', () => {
  const t = new Trace()
  const cwd = { fd: AT_FDCWD, fd2: AT_FDCWD }
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/d/x', O_RDWR, 4)
  t.call(10, 'renameat2', { ...cwd, path: '/a', path2: '/d', flags: F.RENAME_EXCHANGE })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /d', 'fsync /a/x'])
})

names('unlink deletes for those who hold it; the name begins a new file', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CREAT, 3)
  t.call(10, 'unlink', { path: '/a' })
  t.open(10, '/a', O_RDWR | O_CREAT, 4)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a (deleted)', 'fsync /a'])
})

names('unlink of a name that was never opened is nothing', () => {
  const t = new Trace()
  t.call(10, 'unlink', { path: '/never' })
  t.open(10, '/never', O_RDWR | O_CREAT, 3)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /never'])
})

names('rmdir takes only empty directories: what was known below is gone', () => {
  const t = new Trace()
  t.open(10, '/d/x', O_RDWR, 3)
  t.open(10, '/d', F.O_DIRECTORY, 4)
  t.call(10, 'unlinkat', { fd: AT_FDCWD, path: '/d', flags: 0x200 })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /d/x (deleted)', 'fsync /d (deleted)'])
})

names('unlink of a symbolic link to a directory leaves what is below alone', () => {
  const t = new Trace()
  t.open(10, '/current/x', O_RDWR, 3)
  t.call(10, 'unlink', { path: '/current' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /current/x'])
})

names('O_CREAT|O_EXCL made a new file, whatever was known of the name', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CREAT, 3)
  t.open(10, '/a', O_RDWR | O_CREAT | O_EXCL, 4)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a (deleted)', 'fsync /a'])
})

names('an open that ends after the name was taken away got the old file', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'openat', { fd: AT_FDCWD, path: '/a', flags: O_RDWR })
  t.call(10, 'rename', { path: '/a', path2: '/b' })
  t.exit(11, 'openat', { result: 4 })
  t.call(11, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /b'])
})

names('with O_CREAT it may have made the next one: a guess, and said so', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(11, 'openat', { fd: AT_FDCWD, path: '/a', flags: O_RDWR | O_CREAT })
  t.call(10, 'unlink', { path: '/a' })
  t.exit(11, 'openat', { result: 4 })
  t.call(11, 'fsync', { fd: 4 })
  assert.equal([t.last.confidence, t.last.rule], ['inferred', 'raced'])
})

names('two renames of one name at the same time: who was first is a guess', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR, 3)
  t.open(10, '/b', O_RDWR, 4)
  t.open(10, '/quiet', O_RDWR, 5)
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'rename', { path: '/a', path2: '/b' })
  t.enter(11, 'rename', { path: '/b', path2: '/c' })
  t.exit(11, 'rename')
  t.exit(10, 'rename')
  t.call(10, 'fsync', { fd: 4 })
  assert.is(t.last.confidence, 'inferred')
  t.call(10, 'fsync', { fd: 5 })
  assert.is(t.last.confidence, 'exact')
})

names.run()

const links = suite('hard links')

links('a descriptor keeps the name it was opened by', () => {
  const t = new Trace()
  t.open(10, '/a', O_RDWR | O_CREAT, 3)
  t.call(10, 'link', { path: '/a', path2: '/b' })
  t.open(10, '/b', O_RDWR, 4)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  t.call(10, 'unlink', { path: '/a' })
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /a', 'fsync /b', 'fsync /a (deleted)', 'fsync /b'])
})

links('a link over nothing known of an unopened file is its second name', () => {
  const t = new Trace()
  t.call(10, 'linkat', { fd: AT_FDCWD, path: '/a', fd2: AT_FDCWD, path2: '/b' })
  t.open(10, '/b', O_RDWR, 3)
  t.call(10, 'rename', { path: '/b', path2: '/c' })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /c'])
})

links('O_TMPFILE has no name until linkat gives it one, through /proc', () => {
  const t = new Trace()
  t.open(10, '/d', O_RDWR | O_TMPFILE, 3)
  t.call(10, 'fsync', { fd: 3 })
  t.call(10, 'linkat', { fd: AT_FDCWD, path: '/proc/self/fd/3', fd2: AT_FDCWD, path2: '/d/x', flags: 0x400 })
  t.call(10, 'fsync', { fd: 3 })
  t.open(10, '/d/x', O_RDWR, 4)
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /d/#unnamed (deleted)', 'fsync /d/x', 'fsync /d/x'])
})

links('or with AT_EMPTY_PATH; what the trace prints of it agrees', () => {
  const t = new Trace()
  t.open(10, '/d', O_RDWR | O_TMPFILE, 3, { saidResult: '/d/#42>(deleted)' })
  t.call(10, 'linkat', { fd: 3, path: '', fd2: AT_FDCWD, path2: '/d/x', flags: F.AT_EMPTY_PATH })
  t.call(10, 'fsync', { fd: 3, said: '/d/#42>(deleted)' })
  assert.equal(t.flushes, ['fsync /d/x'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

links('what sysdig prints of an O_TMPFILE is its directory', () => {
  const t = new Trace()
  t.open(10, '/d', O_RDWR | O_TMPFILE, 3, { saidResult: '/d' })
  t.call(10, 'fsync', { fd: 3, said: '/d' })
  assert.equal(t.flushes, ['fsync /d/#unnamed (deleted)'])
  assert.is(t.count(CORRELATE.disagreement), 0)
})

links('an O_TMPFILE is no file of its directory', () => {
  const t = new Trace()
  t.open(10, '/d', O_RDWR | O_TMPFILE, 3)
  t.open(10, '/d', F.O_DIRECTORY, 4)
  t.call(10, 'fsync', { fd: 4 })
  assert.equal(t.flushes, ['fsync /d'])
})

links.run()

const directories = suite('where relative paths start')

directories('chdir, fchdir and a directory descriptor', () => {
  const t = new Trace()
  t.call(10, 'chdir', { path: '/one' })
  t.open(10, 'two', F.O_DIRECTORY, 3)
  t.open(10, './x/../y', O_RDWR, 4)
  t.call(10, 'openat', { fd: 3, path: 'z', flags: O_RDWR, result: 5 })
  t.call(10, 'fchdir', { fd: 3 })
  t.open(10, '../w', O_RDWR, 6)
  for (const fd of [4, 5, 6]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /one/y', 'fsync /one/two/z', 'fsync /one/w'])
})

directories('getcwd and AT_FDCWD<…> teach where the process stands', () => {
  const t = new Trace()
  t.call(10, 'getcwd', { path: '/one', result: 5 })
  t.open(10, 'x', O_RDWR, 3)
  t.open(11, 'x', O_RDWR, 3, { said: '/two' })
  t.call(11, 'rename', { path: 'x', path2: 'y' })
  t.call(10, 'fsync', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /one/x', 'fsync /two/y'])
})

directories('a directory that nobody tells: relative, each process by itself, and named', () => {
  const t = new Trace()
  t.open(10, 'x', O_RDWR, 3)
  t.open(11, 'x', O_RDWR, 3)
  t.call(10, 'unlink', { path: 'x' })
  t.call(10, 'fsync', { fd: 3 })
  t.call(11, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync x (deleted)', 'fsync x'])
  assert.is(t.count(CORRELATE.unknownDirectory), 2)
})

directories('.. of an unknown directory is another one', () => {
  const t = new Trace()
  t.open(10, 'x', O_RDWR, 3)
  t.open(10, '../x', O_RDWR, 4)
  t.open(10, '../../x', O_RDWR, 5)
  t.call(10, 'chdir', { path: '..' })
  t.open(10, 'x', O_RDWR, 6)
  t.call(10, 'unlink', { path: 'x' })
  for (const fd of [3, 4, 5, 6]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync x', 'fsync ../x (deleted)', 'fsync ../../x', 'fsync ../x (deleted)'])
})

directories('fchdir through an unknown descriptor leads to an unknown directory', () => {
  const t = new Trace()
  t.call(10, 'chdir', { path: '/known' })
  t.call(10, 'fchdir', { fd: 9 })
  t.open(10, 'x', O_RDWR, 3)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync x'])
})

directories('two paths from one unknown directory descriptor meet, until it is closed', () => {
  const t = new Trace()
  const args = { fd: 9, path: 'x', flags: O_RDWR }
  t.call(10, 'openat', { ...args, result: 3 })
  t.call(10, 'openat', { ...args, result: 4 })
  t.call(10, 'close', { fd: 9 })
  t.call(10, 'openat', { ...args, result: 5 })
  t.call(10, 'unlinkat', { fd: 9, path: 'x' })
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync x', 'fsync x', 'fsync x (deleted)'])
})

directories('the directory is fixed at the entry of the call', () => {
  const t = new Trace()
  t.call(10, 'chdir', { path: '/one' })
  t.call(10, 'clone', { flags: THREAD, result: 11 })
  t.enter(10, 'openat', { fd: AT_FDCWD, path: 'x', flags: O_RDWR })
  t.call(11, 'chdir', { path: '/two' })
  t.exit(10, 'openat', { result: 3 })
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /one/x'])
})

directories('chroot moves the root; getcwd tells the path below it', () => {
  const t = new Trace()
  t.call(10, 'chroot', { path: '/jail' })
  t.call(10, 'chdir', { path: '/' })
  t.open(10, '/x', O_RDWR, 3)
  t.open(10, '../../y', O_RDWR, 4)
  t.call(10, 'getcwd', { path: '/in', result: 4 })
  t.open(10, 'z', O_RDWR, 5)
  for (const fd of [3, 4, 5]) t.call(10, 'fsync', { fd })
  assert.equal(t.flushes, ['fsync /jail/x', 'fsync /jail/y', 'fsync /jail/in/z'])
})

directories.run()

const kinds = suite('kinds of files')

kinds('by where they stand, and by stat', () => {
  const t = new Trace()
  const O_SYNC = F.O_SYNC | O_WRONLY
  const paths = ['/dev/null', '/dev/shm/x', '/proc/self/oom_adj', '/dev/sda1', '/dev/mapper/root', '/tmp/x', '/run/x']
  for (const path of paths) {
    t.open(10, path, O_SYNC, 3)
    t.call(10, 'write', { fd: 3, result: 1 })
  }
  assert.equal(
    t.flushes,
    ['/dev/sda1', '/dev/mapper/root', '/tmp/x', '/run/x'].map((path) => `syncWrite ${path}`),
  )
  t.open(10, '/mnt/node', O_SYNC, 3)
  t.call(10, 'fstat', { fd: 3, flags2: F.S_IFCHR })
  t.call(10, 'write', { fd: 3, result: 1 })
  assert.is(t.flushes.length, 4)
})

kinds.run()

const sweep = suite('forgetting names')

sweep('keeps what is held and frees the rest', () => {
  const tree = new FileTree(10)
  const held = tree.fileAt(tree.resolve('/held/deep/x', tree.root))
  const kept = tree.resolve('/cwd/of/somebody', tree.root)
  for (let k = 0; k < 20; k++) tree.fileAt(tree.resolve(`/many/${k}`, tree.root))
  assert.ok(tree.crowded)
  tree.sweep((file) => file === held, new Set([kept]))
  assert.not(tree.crowded)
  assert.is(tree.resolve('/held/deep/x', tree.root).file, held)
  assert.is(tree.resolve('/cwd/of/somebody', tree.root), kept)
  assert.is(tree.resolve('/many/1', tree.root).file, null)
})

sweep('also below unknown directories', () => {
  const tree = new FileTree(10)
  const cwd = tree.unknownDirectory()
  for (let k = 0; k < 20; k++) tree.fileAt(tree.resolve(`f${k}`, cwd))
  tree.sweep(() => false, new Set([cwd]))
  assert.is(cwd.children, null)
})

sweep('where all are held, waits for twice as many', () => {
  const tree = new FileTree(10)
  for (let k = 0; k < 20; k++) tree.fileAt(tree.resolve(`/f${k}`, tree.root))
  tree.sweep(() => true, new Set())
  assert.not(tree.crowded)
  for (let k = 0; k < 30; k++) tree.fileAt(tree.resolve(`/g${k}`, tree.root))
  assert.ok(tree.crowded)
})

sweep('a file that is forgotten and still called keeps its path', () => {
  const tree = new FileTree(1)
  const node = tree.resolve('/a/b', tree.root)
  tree.fileAt(node)
  tree.sweep(() => false, new Set())
  assert.is(pathOf(node), '/a/b')
})

sweep('one process that opens file after file stays small, and what it holds is followed', () => {
  const t = new Trace()
  const { batch } = t.rows
  t.open(10, '/log', O_RDWR | O_CREAT, 3)
  t.call(10, 'chdir', { path: '/work' })
  const start = batch.length
  for (let k = 0; k < 250_000; k++) {
    batch.length = start
    t.open(10, `/many/${k % 1000}/${k}`, O_RDWR | O_CREAT, 4)
  }
  batch.length = start
  t.call(10, 'rename', { path: '/log', path2: '/log.1' })
  t.call(10, 'fsync', { fd: 3 })
  t.open(10, 'x', O_RDWR, 5)
  t.call(10, 'fsync', { fd: 5 })
  assert.equal(t.flushes, ['fsync /log.1', 'fsync /work/x'])
})

sweep.run()

const hostile = suite('hostile names')

hostile('renames that dig ever deeper end somewhere', () => {
  const t = new Trace()
  t.open(10, '/f', O_RDWR | O_CREAT, 3)
  const { batch } = t.rows
  const start = batch.length
  for (let k = 0; k < 5000; k++) {
    batch.length = start
    t.call(10, 'rename', { path: '/a', path2: '/tmp' })
    t.call(10, 'rename', { path: '/tmp', path2: '/a/b' })
  }
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /f'])
})

hostile('a path of many components', () => {
  const t = new Trace()
  t.open(10, '/x'.repeat(100_000), O_RDWR | O_CREAT, 3)
  t.call(10, 'fsync', { fd: 3 })
  assert.ok(t.last.paths[0].length <= 2 * 2048)
})

hostile.run()
