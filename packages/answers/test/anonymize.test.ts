/** Every text fixture, and the same with other names: the same answers, renamed; and no name is left. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anonymizeSysdigText } from '@flushtrace/sysdig'
import { Renamer, TraceError, decodeUtf8 } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { anonymize, explain, inspect, locate, rank } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const KEY = Buffer.alloc(32, 7)
const renamer = new Renamer(KEY)
const anonymizing = suite('anonymize')
anonymizing.after(() => rmSync(folder, { recursive: true }))

/** What an answer says of the sources themselves: where they lie and how large they are. */
const OF_SOURCES = new Set(['source', 'sources', 'origin', 'bytes', 'compression', 'message', 'first', 'detail', 'key'])
/** Text that holds names of the trace. */
const NAMES = /paths?$|name$|^(?:command|comm|mountpoints|file|candidates|process|program|label)$/i

/** As bytes, one char each. */
function bytesOf(text: string): string {
  const bytes = Array.from(text, (c) =>
    c >= '\udc80' && c <= '\udcff' ? Buffer.of(c.charCodeAt(0) - 0xdc00) : Buffer.from(c),
  )
  return Buffer.concat(bytes).toString('latin1')
}

/** The answer to compare: renamed where `rename`, without what tells of the sources, lists in no order. */
function told(value: unknown, rename: boolean, key = ''): unknown {
  if (typeof value === 'string') {
    if (!rename || !NAMES.test(key)) return value
    // `…` stands where an answer cut a name.
    return value
      .split('…')
      .map((part) => decodeUtf8(Buffer.from(renamer.task(bytesOf(part)), 'latin1')))
      .join('…')
  }
  if (Array.isArray(value)) {
    const list = value.map((item) => told(item, rename, key))
    return list.map((item) => JSON.stringify(item)).sort()
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OF_SOURCES.has(name))
      .map(([name, item]) => [name, told(item, rename, name)]),
  )
}

async function answers(paths: readonly string[]): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  const ask = async (name: string, question: () => Promise<unknown>): Promise<void> => {
    all[name] = await question().catch((error) => {
      if (!(error instanceof TraceError)) throw error
      return error.code
    })
  }
  for (const by of ['process', 'file'] as const) await ask(`rank by ${by}`, () => rank(paths, { by, top: 0 }))
  await ask('locate', () => locate(paths, { top: 0 }))
  await ask('explain', () => explain(paths, { process: '*', top: 0 }))
  const { rows } = await inspect(paths)
  all.accounts = rows.flatMap(({ kind, lines, calls }) => (kind === 'unknown' ? [] : [{ kind, lines, calls }]))
  return all
}

/** Sources that belong together; of what is binary there is no copy. */
const text = (set: string): string[] =>
  statSync(set).isFile()
    ? [set]
    : readdirSync(set)
        .filter((name) => !/golden|README|blktrace\.\d+$|\.scap/.test(name))
        .map((name) => join(set, name))
const SETS: readonly (readonly string[])[] = [
  ...text('fixtures/strace')
    .filter((path) => !/truth$|attach-samba$/.test(path)) // that one with its maps, below
    .map((path) => [path]),
  ...text('fixtures/sysdig')
    .filter((path) => !path.includes('format'))
    .map((path) => [path]),
  ...['partition', 'discard', 'samba', 'tables'].flatMap((name) =>
    text(`fixtures/blktrace/${name}`).map((path) => [path]),
  ),
  ['fixtures/strace/attach-samba', 'fixtures/locate/samba/maps', 'fixtures/locate/samba/tracefs.txt.gz'],
  ...readdirSync('fixtures/layout')
    .filter((name) => name !== 'zdb' && statSync(join('fixtures/layout', name)).isDirectory())
    .map((name) => [join('fixtures/layout', name), 'fixtures/blktrace/partition/blkparse-head.txt']),
]

for (const [k, paths] of SETS.entries()) {
  anonymizing(`${paths.join(', ')}: the same answers, new names`, async () => {
    const out = join(folder, String(k))
    const { left } = await anonymize(paths, out, { key: KEY })
    assert.equal(
      left.filter(({ source }) => statSync(source).size > 0),
      [],
    )
    const before = await answers(paths)
    const after = await answers([out])
    for (const [name, answer] of Object.entries(before)) {
      assert.equal(told(after[name], false), told(answer, true), name)
    }
  })
}

anonymizing('of sysdig, pids and times stay, whatever the name of the task looks like', () => {
  const line = (name: string, user: string): string =>
    `3 10:00:00.000000003 0 ${name} (501) < clone res=0 tid=501(${name}) pid=500(${name}) ptid=-3(ESRCH) pgid=7(<NA>) ` +
    `uid=1000(${user}) loginuid=-1(<NONE>) exe_ino_ctime=2025-01-10 14:10:05.982868489 flags=33(CLONE_FILES|CLONE_FS) `
  assert.is(
    anonymizeSysdigText(line('redis-server', 'www-data'), renamer),
    line(renamer.task('redis-server'), renamer.text('www-data')),
  )
})

/** A name that is nowhere in what tools print themselves. */
const SECRET = /s[e3]cre/i

const STRACE = `7<secret> 1795173545.1 execve("/home/secret/secret", ["secret", "--password=secret"], ["SECRET=secret"]) = 0
7<secret> 1795173545.2 openat(AT_FDCWD</secret>, "secret.db-wal", O_RDWR) = 3</secret/secret.db-wal>
7<secret> 1795173545.3 write(3</secret/secret.db-wal>, "\\1secret\\n", 8) = 8
7<secret> 1795173545.4 sendto(4<TCP:[secret:1->secret:2]>, "secret", 6, 0, {sa_family=AF_UNIX, sun_path="/secret"}, 10) = 6
7<secret> 1795173545.4 setxattr("/secret", "user.secret", "secret", 6, 0) = 0
7<secret> 1795173545.4 uname({sysname="Linux", nodename="secret"}) = 0
7<secret> 1795173545.5 fsync(3</secret/secret.db-wal>(deleted) <unfinished ...>
 > /opt/secret/libsecret.so(secret_sync+0x17) [0x11bb07]
 | 00000  73 65 63 72 65 74                                 secret           |
secret: cannot open secret
strace: exec: /opt/secret: Permission denied
strace: Can't stat 'secret': No such file or directory
strace: Cannot find user 'secret'
--- a/secret.c
+++ b/secret.c
Process 8 secret
7<secret> 1795173545.6 <... fsync resumed>) = 0
`
const PLACES: Readonly<Record<string, string>> = {
  'debugfs.txt':
    '\ufeffdebugfs:  stat /secret\nInode: 17   Type: symlink    Mode:  0777   Flags: 0x0\nLinks: 1   Blockcount: 0\nFast link dest: "secret"\n' +
    'Inode\tPathname\n17\t//secret\nsecret\n',
  'strace.txt': STRACE,
  'hexadecimal/strace.txt': `7 openat(AT_FDCWD, "${'/secret'.replace(/./g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)}", 0) = 3\n7 fsync(3) = 0\n`,
  'blkparse.txt': `  7,0    0        1     0.000000000   519  Q  WS 0 + 8 [secret]
  7,0    0        0     0.000000001     0  m   N secret note
secret (519)
 Reads Queued:           0,        0KiB	 Writes Queued:           5,    32636KiB
Input file /srv/secret/loop0.blktrace.0 added
secret
  7,0    0        2     0.000000002   519  Q  WS 0 + 8 [secre`,
  'tracefs.txt': `# tracer: nop
# hostname : secret
          secret-519     [000] .....     1.000001: block_bio_queue: 7,0 WS 0 + 8 [secret]
          secret-519     [000] .....     1.000002: sched_process_exec: filename=/secret pid=519
          secret-519     [000] .....     1.000003: tracing_mark_write: secret
`,
  'sysdig.txt': `1 15:41:38.416541555 1 secret (5721) > open fd=3(<f>/secret) name=/secret/x data=secret flags=1(O_RDONLY)
2 15:41:38.416541556 1 secret (5721) < execve res=0 exe=secret args=--secret. env=SECRET=1. cgroups=cpu=/secret comm=secret
3 15:41:38.416541557 1 secret (5721) > fsync fd=3(<f>/secret)
4 15:41:38.416541558 1 secret (5721) < clone res=0 tid=5721(secret) ptid=1(top-secret) uid=1000(SECRET)
5 15:41:38.416541558 1 secret (5721) < clone res=5722(SECRET) name=a secret=SECRET flags=1(CLONE_FS) secret=SECRET
6 15:41:38.416541558 1 secret (5721) < read res=9 data=x secret=0(SECRET) size=5
secret
`,
  'sysdig.json': `{"evt.info":"fd=3(<f>/secret) name=s\\u0065cret ","evt.num":1,"evt.outputtime":1795175539378199216,"evt.dir":">","evt.type":"fsync","proc.name":"secret","proc.cmdline":"secret","user.name":"secret","thread.tid":5721,"secret":1,"nested":{"secret":"secret"},"list":["secret","evt.num"],"container.label.secret":"1"}\n`,
  'proc/7/maps':
    '7f5c6a200000-7f5c6a210000 rw-s 00000000 00:27 279     /secret/x\n7f5c6a210000-7f5c6a220000 rw-p 0 00:00 0 [anon:secret]\n',
  'proc/7/fd': 'total 0\nlrwx------ 1 secret secret 64 Nov 20 11:51 10 -> /secret/sam.ldb\n',
  'proc/7/cmdline': 'secret\0--secret\0',
  'proc/7/comm': 'secret\n',
  'proc/7/cwd': '/secret\n',
  'proc/7/status': 'Name:\tsecret\nTgid:\t7\n',
  'maps/filefrag.txt': `Filesystem type is: ef53
File size of /secret/a secret is 50000 (13 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..      12:      33280..     33292:     13:             last,eof
/secret/a secret: 1 extent found
filefrag: secret
`,
  'maps/lsblk.json':
    '{"blockdevices":[{"name":"vg-secret","kname":"dm-0","maj:min":"253:0","label":"secret","serial":"secret","mountpoints":[\n"/secret"]}]}\n',
  'maps/mountinfo.txt':
    '47 27 0:39 /@secret /secret\\040x rw,relatime shared:1 - btrfs /dev/mapper/vg-secret rw,subvolid=256,subvol=/@secret\n',
  'maps/ls.txt':
    '/secret:\ntotal 4\n279 -rw-r--r-- 1 secret secret 4096 2026-11-20 11:52:28.433243445 +0000 secret.tdb\n',
  'maps/inodes.txt': '279 4096 /secret/x\n',
  'maps/subvolumes.txt': 'ID 256 gen 10 top level 5 path @secret\n',
  'maps/show.txt':
    "Label: 'secret'  uuid: 13e0cbf2-90ac-4562-b651-cf9f9bdf9525\n\tTotal devices 1 FS bytes used 1.00GiB\n\tdevid    1 size 3.00GiB used 1.00GiB path /dev/mapper/secret\n",
  'maps/dump-tree.txt':
    'btrfs-progs v6.2\nfs tree key (FS_TREE ROOT_ITEM 0)\nleaf 1 items 1 free space 1 generation 1 owner FS_TREE\nfs uuid 13e0cbf2-90ac-4562-b651-cf9f9bdf9525\n\titem 1 key (257 INODE_REF 256) itemoff 16111 itemsize 12\n\t\tindex 0 namelen 6 name: secret\n\t\tdata secret\n',
  'maps/dmsetup.txt':
    'vg-secret: 0 8192 linear 7:0 2048\nluks-secret: 0 8192 crypt aes-xts-plain64 :32:logon:cryptsetup:secret 0 7:0 0\n',
  'maps/mdstat.txt':
    'Personalities : [raid1] \nmd_secret : active raid1 dm-1[1] loop1[0]\n      1046528 blocks super 1.2 [2/2] [UU]\n      bitmap: 0/1 pages [0KB], 65536KB chunk, file: /var/secret\n\nunused devices: <none>\n',
  'maps/xfs-info.txt':
    'meta-data=/dev/mapper/secret-root isize=512    agcount=4, agsize=65536 blks\ndata     =                       bsize=4096   blocks=262144, imaxpct=25\nlog      =/dev/secret            bsize=4096   blocks=2560, version=2\nrealtime =/dev/secret            extsz=4096   blocks=2560, rtextents=2560\n',
}

anonymizing('no name is left, wherever it stands', async () => {
  const from = join(folder, 'secrets')
  const out = join(folder, 'no-secrets')
  for (const [name, content] of Object.entries(PLACES)) {
    mkdirSync(join(from, name, '..'), { recursive: true })
    writeFileSync(join(from, name), content)
  }
  symlinkSync('/secret', join(from, 'link-to-secret'))
  const { left, files } = await anonymize([from], out)
  assert.equal(left, [])
  assert.is(files.length, Object.keys(PLACES).length)
  for (const [name, content] of Object.entries(PLACES)) {
    const copy = readFileSync(join(out, name), 'utf8')
    assert.not.match(copy, SECRET, name)
    assert.not.match(copy, /\\x73\\x65/, name)
    assert.is(copy.length, content.replace('\ufeff', '').length, name)
  }
  assert.match(readFileSync(join(out, 'strace.txt'), 'utf8'), /\.db-wal>\(deleted\) <unfinished/)
  assert.match(readFileSync(join(out, 'maps/mdstat.txt'), 'utf8'), /^md_\w{6} : active raid1 dm-1/m)
  assert.not.match(readdirSync(out).join(), SECRET)
})

anonymizing('prompts and commands around a table have no names left, and are passed over as before', async () => {
  const prompt = 'bob@secrethost:/srv/acme$'
  const tables = {
    'mdstat.txt': 'Personalities : [raid1]\nmd0 : active raid1 sdb[1] sda[0]\n      8192 blocks [2/2] [UU]\n',
    'lsblk.json': '{"blockdevices": [\n  {"name": "sda", "kname": "sda", "maj:min": "8:0", "size": 8192}\n]}\n',
  }
  const from = join(folder, 'prompts')
  const to = join(folder, 'no-prompts')
  mkdirSync(from)
  for (const [name, text] of Object.entries(tables)) {
    writeFileSync(join(from, name), `${prompt} sudo cat ${name}\n[sudo] password for bob: \n${text}${prompt} \n`)
  }
  writeFileSync(join(from, 'trace.txt'), '8,0 0 1 0.000000001 100 Q W 8 + 8 [x]\n')
  await anonymize([from], to)
  const copies = Object.keys(tables).map((name) => readFileSync(join(to, name), 'utf8'))
  assert.not.match(copies.join(''), /bob|secrethost|acme/)
  const read = async (path: string): Promise<unknown> =>
    (await inspect([path])).sources.map(({ kind, records }) => [kind, records])
  assert.equal(await read(to), await read(from))
})

anonymizing('nothing is written where OUT exists, and nothing is left of a copy that fails or is stopped', async () => {
  const rejects = async (run: Promise<unknown>, words: RegExp): Promise<void> => {
    const error = await run.then(
      () => null,
      (reason: Error) => reason,
    )
    assert.match(String(error?.message), words)
  }
  const parent = join(folder, 'parent')
  mkdirSync(join(parent, 'there'), { recursive: true })
  const log = join(parent, 'strace.txt')
  writeFileSync(log, STRACE)
  await rejects(anonymize([log], join(parent, 'there')), /there: exists already/)
  await rejects(anonymize([log], join(parent, 'none', 'out')), /no such file/)
  const stopped = AbortSignal.abort(new Error('stopped'))
  await rejects(anonymize([log], join(parent, 'out'), { signal: stopped }), /stopped/)
  mkdirSync(join(parent, 'other'))
  writeFileSync(join(parent, 'other', 'strace.txt'), `${STRACE}\n`)
  await rejects(anonymize([log, join(parent, 'other', 'strace.txt')], join(parent, 'out')), /two sources would be/)
  writeFileSync(join(parent, 'long.txt'), `7 fsync(3) = 0\n${'x'.repeat((1 << 24) + 9)}`)
  await rejects(anonymize([join(parent, 'long.txt')], join(parent, 'out')), /a line of more than 16 MiB/)
  assert.equal(readdirSync(parent).sort(), ['long.txt', 'other', 'strace.txt', 'there'])
})

anonymizing("binary sources, and formats of one's own, are named as left out", async () => {
  const { left, files } = await anonymize(['fixtures/blktrace/discard'], join(folder, 'binary'))
  assert.equal(
    files.map(({ copy }) => copy),
    ['blkparse.txt', 'tracefs.txt'],
  )
  assert.equal(
    left.map(({ why }) => why.replace(/:.*/, '')),
    ['JSON of no known kind', 'binary', 'binary'],
  )
  const own = { blkparseFormat: '%a %C\\n' }
  const { left: formatted } = await anonymize(
    ['fixtures/blktrace/discard/blkparse.txt', 'fixtures/strace/libaio.txt'],
    join(folder, 'own'),
    own,
  )
  assert.match(formatted[0].why, /format of its own/)
})

anonymizing.run()
