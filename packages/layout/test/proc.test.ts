import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Diagnostics, openSources, type Source } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseMapsLine, procFileOf, readSavedProcesses, sniffProc } from '../src/index.ts'
import type { SavedProcess } from '../src/index.ts'

const proc = suite('saved /proc')

function source(path: string, text: string | Buffer): Source {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    // In two pieces: nothing may hang on where one ends.
    yield bytes.subarray(0, 3)
    yield bytes.subarray(3)
  }
  return { path, bytes: bytes.length, compression: null, head: bytes, chunks }
}

async function read(files: Record<string, string | Buffer>): Promise<Map<number, SavedProcess>> {
  return readSavedProcesses(
    Object.entries(files).map(([path, text]) => source(path, text)),
    [],
    new Diagnostics(),
  )
}

const SHARED = {
  start: 0x7f5c6a200000,
  end: 0x7f5c6a210000,
  writable: true,
  fileOffset: 0x2000,
  device: '0:39',
  inode: 279,
  path: '/srv/private/sam.ldb',
  deleted: false,
}

proc('a shared mapping of a file', () => {
  assert.equal(parseMapsLine('7f5c6a200000-7f5c6a210000 rw-s 00002000 00:27 279     /srv/private/sam.ldb'), SHARED)
  assert.is(parseMapsLine('7f5c6a200000-7f5c6a210000 r--s 00000000 00:27 279 /srv/x')?.writable, false)
})

proc('the device is hexadecimal', () => {
  assert.is(parseMapsLine('7f00-7f01 rw-s 00000000 fd:1a 279 /srv/x')?.device, '253:26')
  assert.is(parseMapsLine('7f00-7f01 rw-s 00000000 103:00010 279 /srv/x')?.device, '259:16')
})

proc('names: deleted, with blanks, with a newline', () => {
  const line = '7f00-7f01 rw-s 00000000 fd:00 279                        /srv/a  b (deleted)'
  assert.equal([parseMapsLine(line)?.path, parseMapsLine(line)?.deleted], ['/srv/a  b', true])
  assert.is(parseMapsLine('7f00-7f01 rw-s 00000000 fd:00 279 /srv/a\\012b')?.path, '/srv/a\nb')
  assert.is(parseMapsLine('7f00-7f01 rw-s 00000000 fd:00 279 /srv/a\rb\u2028c')?.path, '/srv/a\rb\u2028c')
  // The kernel escapes the newline only: a backslash stands for itself.
  assert.is(parseMapsLine('7f00-7f01 rw-s 00000000 fd:00 279 /srv/a\\134b')?.path, '/srv/a\\134b')
})

proc('what is no shared mapping of a file', () => {
  for (const line of [
    '7f5c6a200000-7f5c6a210000 rw-p 00000000 00:27 279     /srv/private/sam.ldb',
    '7f00-7f01 rw-s 00000000 00:00 0',
    '7f00-7f01 rw-s 00000000 00:01 12 anon_inode:[io_uring]',
    '7ffc8a5f2000-7ffc8a613000 rw-p 00000000 00:00 0                          [stack]',
    'Size:                  4 kB',
    '',
  ]) {
    assert.is(parseMapsLine(line), null, line)
  }
})

proc('which process and file a path is', () => {
  assert.equal(procFileOf('/x/proc/42/maps'), { pid: 42, tgid: 42, file: 'maps', entry: null })
  assert.equal(procFileOf('42/fd.txt'), { pid: 42, tgid: 42, file: 'fd', entry: null })
  assert.equal(procFileOf('a/42/cmdline.gz'), { pid: 42, tgid: 42, file: 'cmdline', entry: null })
  assert.equal(procFileOf('a/42/fd/7'), { pid: 42, tgid: 42, file: 'fd', entry: 7 })
  assert.equal(procFileOf('a/42/fdinfo/7'), { pid: 42, tgid: 42, file: 'fdinfo', entry: 7 })
  assert.equal(procFileOf('a/42/task/43/maps'), { pid: 43, tgid: 42, file: 'maps', entry: null })
  for (const path of ['a/42/smaps', 'a/maps', 'strace.42', 'a/42', 'a/42/environ', 'a/42x/maps', 'a/12345678/maps']) {
    assert.is(procFileOf(path), null, path)
  }
})

proc('told by its bytes', () => {
  const yes = [
    '7f5c6a200000-7f5c6a210000 rw-p 00000000 00:27 279     /srv/x\n',
    'total 0\nlrwx------ 1 root root 64 Nov 20 11:51 10 -> /srv/x\n',
    'lr-x------. 1 root root 64 2026-11-20 11:51 3 -> /srv/x\n',
    '10:flags:\t02100002\n',
    'pos:\t0\nflags:\t02100002\nmnt_id:\t29\n',
  ]
  for (const text of yes) assert.ok(sniffProc(Buffer.from(text)), text)
  const no = [
    '',
    'python3\n',
    '6920  1795175435.438954 fsync(3) = 0\n',
    '-rw-r--r-- 1 root root 64 Nov 20 11:51 10\n',
    '\0\0\0',
  ]
  for (const text of no) assert.not(sniffProc(Buffer.from(text)), JSON.stringify(text))
})

proc('a list of descriptors, as ls -l prints it', async () => {
  const processes = await read({
    '42/fd': [
      'total 0',
      'lrwx------ 1 root root 64 Nov 20 11:51 10 -> /srv/private/sam.ldb',
      'lrwx------. 1 root root 64 Nov 20 11:51 11 -> /srv/gone (deleted)',
      'l-wx------ 1 alice staff 64 Nov 20  2025 2 -> /srv/a 5 -> b',
      'lrwx------ 1 root root 64 2026-11-20 11:51:00.123 +0100 3 -> socket:[123]',
      'lrwx------ 1 root root 64 Nov 20 11:51 4 -> anon_inode:[eventpoll]',
      '',
    ].join('\n'),
    '42/fdinfo': ['10:flags:\t02100002', '/proc/42/fdinfo/2:flags: 0100001', '3:pos:\t0', ''].join('\n'),
  })
  assert.equal(processes.get(42)?.fds, [
    { fd: 10, target: '/srv/private/sam.ldb', deleted: false, flags: 0o2100002 },
    { fd: 11, target: '/srv/gone', deleted: true, flags: null },
    { fd: 2, target: '/srv/a 5 -> b', deleted: false, flags: 0o100001 },
    { fd: 3, target: 'socket:[123]', deleted: false, flags: null },
    { fd: 4, target: 'anon_inode:[eventpoll]', deleted: false, flags: null },
  ])
})

proc('a list of tasks says which threads are of one process', async () => {
  const processes = await read({ '42/task': '42\n43\nls: 44 is gone\n' })
  assert.equal(
    [...processes].map(([tid, { tgid }]) => [tid, tgid]),
    [
      [42, 42],
      [43, 42],
    ],
  )
})

proc('an empty list is known to be empty, a missing one is unknown', async () => {
  assert.equal((await read({ '42/fd': 'total 0\n' })).get(42)?.fds, [])
  assert.is((await read({ '42/comm': 'x\n' })).get(42)?.fds, null)
  assert.is((await read({ '42/comm': 'x\n' })).get(42)?.regions, null)
  assert.equal((await read({ '42/maps': '' })).get(42)?.regions, [])
})

proc('command lines', async () => {
  const commandLine = async (text: string | Buffer): Promise<readonly string[] | null | undefined> =>
    (await read({ '42/cmdline': text })).get(42)?.cmdline
  assert.equal(await commandLine('python3\0/usr/sbin/samba_dnsupdate\0'), ['python3', '/usr/sbin/samba_dnsupdate'])
  // A title written over the arguments is padded with what was there.
  assert.equal(await commandLine('samba: root process\0\0\0\0\0'), ['samba: root process'])
  assert.equal(await commandLine('nginx: master process /usr/sbin/nginx       '), [
    'nginx: master process /usr/sbin/nginx',
  ])
  assert.equal(await commandLine('sh\0-c\0a\nb\0'), ['sh', '-c', 'a b'])
  assert.equal(await commandLine('/srv/Größe\0'), ['/srv/Größe'])
  assert.equal(await commandLine(Buffer.from([0x61, 0xff, 0])), ['a\udcff'])
  // A kernel thread has none.
  assert.is(await commandLine(''), null)
})

proc('a task belongs to the process that its status names', async () => {
  const processes = await read({
    '42/task/43/status': 'Name:\tworker\nTgid:\t42\nPid:\t43\n',
    '42/task/43/comm': 'worker\n',
    '42/comm': 'master\n',
  })
  assert.equal([processes.get(43)?.tgid, processes.get(43)?.comm], [42, 'worker'])
  assert.equal([processes.get(42)?.tgid, processes.get(42)?.comm], [42, 'master'])
})

proc('a task folder without its status belongs to the process whose folder it is in', async () => {
  const processes = await read({ '42/task/43/comm': 'worker\n' })
  assert.is(processes.get(43)?.tgid, 42)
})

proc('the working directory, as readlink and as ls -l print it', async () => {
  assert.is((await read({ '42/cwd': '/srv/private\n' })).get(42)?.cwd, '/srv/private')
  const line = 'lrwxrwxrwx 1 root root 0 Nov 20 11:51 /proc/42/cwd -> /srv/private\n'
  assert.is((await read({ '42/cwd': line })).get(42)?.cwd, '/srv/private')
})

proc('folders of links and files, as cp -a makes them', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flushtrace-proc-'))
  try {
    mkdirSync(join(root, '42', 'fd'), { recursive: true })
    mkdirSync(join(root, '42', 'fdinfo'))
    symlinkSync('/srv/x', join(root, '42', 'fd', '3'))
    symlinkSync('/srv/gone (deleted)', join(root, '42', 'fd', '4'))
    symlinkSync('/srv', join(root, '42', 'cwd'))
    writeFileSync(join(root, '42', 'fdinfo', '3'), 'pos:\t0\nflags:\t0100002\nmnt_id:\t29\nino:\t279\n')
    writeFileSync(join(root, '42', 'comm'), 'x y\n')
    const { sources, links } = await openSources([root], new Diagnostics())
    const process = (await readSavedProcesses(sources, links, new Diagnostics())).get(42)
    assert.equal(process?.fds, [
      { fd: 3, target: '/srv/x', deleted: false, flags: 0o100002 },
      { fd: 4, target: '/srv/gone', deleted: true, flags: null },
    ])
    assert.equal([process?.cwd, process?.comm], ['/srv', 'x y'])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

proc('what the kernel of this machine writes', async () => {
  if (process.platform !== 'linux') return
  const root = mkdtempSync(join(tmpdir(), 'flushtrace-proc-'))
  try {
    mkdirSync(join(root, '42'))
    // Copied by reading: the files say that they have no size.
    for (const file of ['maps', 'comm', 'cmdline', 'status']) {
      writeFileSync(join(root, '42', file), readFileSync(`/proc/self/${file}`))
    }
    symlinkSync(readlinkSync('/proc/self/cwd'), join(root, '42', 'cwd'))
    const { sources, links } = await openSources([root], new Diagnostics())
    assert.ok(sniffProc(sources.find(({ path }) => path.endsWith('maps'))?.head ?? Buffer.alloc(0)))
    const saved = (await readSavedProcesses(sources, links, new Diagnostics())).get(42)
    assert.is(saved?.tgid, process.pid)
    assert.is(saved?.cwd, process.cwd())
    assert.ok((saved?.cmdline ?? []).length > 1)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

const SAMBA = fileURLToPath(new URL('../../../fixtures/strace/attach-samba', import.meta.url))

proc('the processes saved beside the samba capture', async () => {
  const { sources, links } = await openSources([SAMBA], new Diagnostics())
  const processes = await readSavedProcesses(
    sources.filter(({ path }) => procFileOf(path)),
    links,
    new Diagnostics(),
  )
  assert.ok(processes.size > 10)
  for (const saved of processes.values()) {
    assert.ok(saved.comm, `comm of ${saved.pid}`)
    assert.ok(saved.cmdline && saved.cmdline.length > 0, `cmdline of ${saved.pid}`)
    for (const { fd, flags } of saved.fds ?? []) assert.ok(flags !== null, `flags of ${saved.pid}, ${fd}`)
  }
})

proc.run()
