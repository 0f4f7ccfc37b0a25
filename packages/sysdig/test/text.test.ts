import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readSysdigJson, readSysdigText, sniffSysdigJson, sniffSysdigText } from '../src/index.ts'
import { collect, withoutTimes } from './collect.ts'

const text = suite('text and JSON')

async function rows(...lines: string[]): Promise<string[]> {
  return (await collect(Buffer.from(`${lines.join('\n')}\n`), readSysdigText)).rows.filter(
    (row) => !row.includes('+name'),
  )
}

/** [lines as printed, rows]; the lines are published ones or come from sysdig 0.29.3. */
const VECTORS: readonly [what: string, lines: string[], rows: string[]][] = [
  [
    'a write and its fsync',
    [
      '2180 15:41:38.416521523 1 etcd (5721) > write fd=7(<f>/var/etcd/data/member/wal/0.wal) size=113 ',
      '2181 15:41:38.416539708 1 etcd (5721) < write res=113 data=G................=......."4.............SYNC..".(.2.8.H.P.X.`.h.p.x............. ',
      '2182 15:41:38.416541555 1 etcd (5721) > fsync ',
      '2215 15:41:38.416848293 1 etcd (5721) < fsync ',
    ],
    [
      '5721 write fd=7</var/etcd/data/member/wal/0.wal> size=113 = 113 at=0 took=18185',
      '5721 fsync at=20032 took=306738',
    ],
  ],
  [
    'open, mmap with an address in hexadecimal, an errno',
    [
      '219 17:35:48.514682170 0 curl (17497) < open fd=3(<f>/etc/ld.so.cache) name=/etc/ld.so.cache flags=4097(O_RDONLY|O_CLOEXEC) mode=0 ',
      '222 17:35:48.514686029 0 curl (17497) > mmap addr=0 length=24778 prot=1(PROT_READ) flags=2(MAP_PRIVATE) fd=3(<f>/etc/ld.so.cache) offset=0 ',
      '223 17:35:48.514688309 0 curl (17497) < mmap res=7FA69774E000 vm_size=536 vm_rss=4 vm_swap=0 ',
      '224 17:35:48.514688400 0 curl (17497) < open fd=-2(ENOENT) name=/no flags=1(O_RDONLY) mode=0 ',
    ],
    [
      '17497 open path=/etc/ld.so.cache flags=524288 = 3</etc/ld.so.cache> at=0',
      '17497 mmap fd=3</etc/ld.so.cache> addr=0 size=24778 offset=0 flags=2 flags2=1 = 140353482317824 at=3859 took=2280',
      '17497 open path=/no failed ENOENT = -2 at=6230',
    ],
  ],
  [
    'an address in decimal, an anonymous mapping, fd -1 printed as an error',
    [
      '1058 08:10:06.378261057 0 curl (108261) > mmap addr=0 length=8192 prot=3(PROT_READ|PROT_WRITE) flags=10(MAP_PRIVATE|MAP_ANONYMOUS) fd=-1(EPERM) offset=0',
      '1059 08:10:06.378265968 0 curl (108261) < mmap res=140135080673280 vm_size=656 vm_rss=256 vm_swap=0',
      '1063 08:10:06.378297599 0 curl (108261) < openat fd=3(<f>/etc/ld.so.cache) dirfd=-100(AT_FDCWD) name=/etc/ld.so.cache flags=69633(O_RDONLY|O_CLOEXEC|FD_LOWER_LAYER) mode=0 dev=2F ino=593530',
    ],
    [
      '108261 mmap addr=0 size=8192 offset=0 flags=34 flags2=3 = 140135080673280 at=0 took=4911',
      '108261 openat fd=-100 path=/etc/ld.so.cache flags=524288 {"kind":"stat","inode":593530,"device":"0:47"} = 3</etc/ld.so.cache> at=36542',
    ],
  ],
  [
    'an ioctl that sets close-on-exec, and another; requests are hexadecimal',
    [
      '10 17:35:48.514682170 0 curl (17497) > ioctl fd=4(<f>/srv/a) request=5451 argument=0 ',
      '11 17:35:48.514682180 0 curl (17497) < ioctl res=0 ',
      '12 17:35:48.514682190 0 curl (17497) > ioctl fd=1 request=5401 argument=7FFC734011F0 ',
      '13 17:35:48.514682200 0 curl (17497) < ioctl res=0 ',
      '14 17:35:48.514682210 0 curl (17497) > ioctl fd=4(<f>/srv/a) request=40049409 argument=12 ',
      '15 17:35:48.514682220 0 curl (17497) < ioctl res=0 ',
    ],
    [
      '17497 ioctl fd=4</srv/a> flags=21585 = 0 at=0 took=10',
      '17497 ioctl fd=4</srv/a> fd2=18 flags=1074041865 = 0 at=40 took=10',
    ],
  ],
  [
    'relative names and where they lead; renames, unlinks',
    [
      '587 21:29:50.950240209 0 filesat (28509) < openat fd=4(<f>/srv/tested_file.txt) dirfd=3(<d>/srv) name=tested_file.txt(/srv/tested_file.txt) flags=6(O_CREAT|O_WRONLY) mode=07747 ',
      '657 21:29:50.950240209 0 filesat (28509) < renameat res=0 olddirfd=3(<d>/srv) oldpath=./f3.txt(/srv/f3.txt) newdirfd=-100(AT_FDCWD) newpath=/srv/f4.txt ',
      '663 21:29:50.950240209 0 filesat (28509) < unlinkat res=0 dirfd=3(<d>/srv) name=./f.txt(/srv/f.txt) flags=0 ',
      '1851 21:29:50.950240209 4 mv (28509) < renameat2 res=0 olddirfd=-100(AT_FDCWD) oldpath=/srv/test1 newdirfd=-100(AT_FDCWD) newpath=/srv/test2 flags=1(RENAME_NOREPLACE) ',
    ],
    [
      '28509 openat fd=3</srv> path=/srv/tested_file.txt flags=65 = 4</srv/tested_file.txt> at=0',
      '28509 renameat fd=3</srv> fd2=-100 path=/srv/f3.txt path2=/srv/f4.txt = 0 at=0',
      '28509 unlinkat fd=3</srv> path=/srv/f.txt = 0 at=0',
      '28509 renameat2 fd=-100 fd2=-100 path=/srv/test1 path2=/srv/test2 flags=1 = 0 at=0',
    ],
  ],
  [
    'blanks and brackets in names; deleted files; names without a beginning',
    [
      '1 21:29:50.950240209 0 a (1) > write fd=8(<f>/srv/.ZendSem.I1y8sF (deleted)) size=4 ',
      '2 21:29:50.950240209 0 a (1) < write res=4 data=.... ',
      '3 21:29:50.950240209 0 a (1) < open fd=3(<f>/home/x/TP1 Hardening basics.txt) name=TP1 Hardening basics.txt(/home/x/TP1 Hardening basics.txt) flags=1(O_RDONLY) mode=0 ',
      '1263 21:29:50.950240209 0 filer (21847) > write fd=3(<f>tested_file_test.txt) size=41 ',
      '1350 21:29:50.950240209 0 filer (21847) < write res=-28(ENOSPC) data= ',
    ],
    [
      '1 write fd=8</srv/.ZendSem.I1y8sF (deleted) deleted> size=4 = 4 at=0 took=0',
      '1 open path=/home/x/TP1 Hardening basics.txt = 3</home/x/TP1 Hardening basics.txt> at=0',
      '21847 write fd=3 size=41 failed ENOSPC = -28 at=0 took=0',
    ],
  ],
  [
    'a relative name whose directory sysdig did not know, brackets in it',
    [
      '1 21:29:50.950240209 0 a (1) < open fd=3(<f>a.copy) name=./a.copy(a.copy) flags=1(O_RDONLY) mode=0 ',
      '2 21:29:50.950240209 0 a (1) < open fd=4(<f>a(b)) name=a(b)(a(b)) flags=1(O_RDONLY) mode=0 ',
      '3 21:29:50.950240209 0 a (1) < open fd=5(<f>a(b)) name=a(b) flags=1(O_RDONLY) mode=0 ',
    ],
    ['1 open path=./a.copy = 3 at=0', '1 open path=a(b) = 4 at=0', '1 open path=a(b) = 5 at=0'],
  ],
  [
    'O_DIRECTORY without O_WRONLY or O_RDWR is no O_TMPFILE, though sysdig says so',
    [
      '1 21:29:50.950240209 0 a (1) < open fd=3(<f>/d) name=/d flags=9217(O_DIRECTORY|O_RDONLY|O_TMPFILE) mode=0 ',
      '2 21:29:50.950240209 0 a (1) < open fd=4(<f>/d) name=/d flags=9219(O_DIRECTORY|O_RDWR|O_TMPFILE) mode=0 ',
    ],
    ['1 open path=/d flags=65536 = 3</d> at=0', '1 open path=/d flags=4259842 = 4</d> at=0'],
  ],
  [
    'an exit that has everything, behind its data',
    ['1 21:29:50.950240209 0 a (1) < pwrite res=5 data= fd=9 size= pos=1 fd=4(<f>/srv/x y) size=5 pos=4096 '],
    ['1 pwrite fd=4</srv/x y> size=5 offset=4096 = 5 at=0'],
  ],
  [
    'dup, pipe, sockets',
    [
      '3597 16:00:21.405786715 10 sh (120512) > dup fd=3(<f>/srv/test) ',
      '3598 16:00:21.405787394 10 sh (120512) < dup res=1(<f>/srv/test) ',
      '960 16:00:21.405787394 0 curl (17497) < pipe res=0 fd1=4(<p>) fd2=5(<p>) ino=38688 ',
      '74 16:00:21.405787394 0 nginx (15747) > sendfile out_fd=3(<4t>172.18.0.1:51910->172.18.0.2:80) in_fd=11(<f>/usr/share/nginx/html/index.html) offset=0 size=612 ',
      '75 16:00:21.405787394 0 nginx (15747) < sendfile res=612 offset=612 ',
    ],
    [
      '120512 dup fd=3</srv/test> = 1</srv/test> at=0 took=679',
      '17497 pipe {"kind":"fds","fds":[{"fd":4,"name":null},{"fd":5,"name":null}]} = 0 at=679',
      '15747 sendfile fd=3<172.18.0.1:51910->172.18.0.2:80> fd2=11</usr/share/nginx/html/index.html> size=612 = 612 at=679 took=0',
    ],
  ],
]

for (const [what, lines, expected] of VECTORS) {
  text(what, async () => assert.equal(await rows(...lines), expected))
}

text('lines that lost their ends are damaged, and no event; a newer parameter is none of that', async () => {
  const head = (n: number): string => `${n} 11:52:19.37819921${n % 10} 0 a (5)`
  const damaged = [
    `${head(1)} > fsync ${head(2)} < fsync `,
    `${head(1)} > fsync${head(2)} < fsync `,
    `${head(1)} < close res=0${head(2)} > fsync `,
    `${head(1)} > close fd=3(<f>/x)${head(2)} < close res=0 `,
    `${head(1)} < unlink res=0 path=/srv/x${head(2)} < close res=0 `,
    `${head(1)} < futex res=0 ${head(2)} > fsync `,
    `${head(1)} < close res=0 a (5) > fsync `,
    `${head(1)} > fsync a (5) < fsync `,
  ]
  for (const line of damaged) {
    const { facts, diagnostics } = await collect(Buffer.from(`${line}\n`), readSysdigText)
    assert.equal([facts.used, facts.counted, facts.damaged], [0, 0, 1], line)
    assert.is(diagnostics[0].code, 'sysdig/damaged-line')
  }
  const whole = [
    `${head(1)} < read res=80 data=${head(2)} > fsync `,
    `${head(1)} < unlink res=0 path=/srv/a (5) > b `,
    `${head(1)} < fsync res=0 fd=3(<f>/x) `,
    `${head(1)} > close fd=3(<f>/x) since=7 `,
    `${head(1)} < close res=-9(EBADF) `,
  ]
  for (const line of whole) {
    const { facts } = await collect(Buffer.from(`${line}\n`), readSysdigText)
    assert.is(facts.damaged, 0, line)
  }
})

text('names of programs: blanks, brackets, numbers; a terminal’s pid.tid, a container’s tid:vtid', async () => {
  const lines = [
    '1 0.1 0 runc:[1:CHILD] (10310) < fsync ',
    '2 0.2 0 a (1) b (11) < fsync ',
    '\u001b[0m3 0.3 0 \u001b[01;32mcat\u001b[00m (\u001b[01;36m3343\u001b[00m.5721) < \u001b[01;34mfsync\u001b[00m \r',
    '4 0.4 1 web (3ad7b26ded6d) nginx worker (120512:17) < fsync ',
    '5 0.5 1 host (host) sh (12:<NA>) < fsync ',
    '6 0.6 0 <NA> (7) < fsync ',
    '7 0.7 0 \u001b[01;32m<NA>\u001b[00m (\u001b[01;36m<NA>\u001b[00m.8) < \u001b[01;34mfsync\u001b[00m \r',
    '\u001b[00m',
  ]
  const result = await collect(Buffer.from(lines.join('\n')), readSysdigText)
  const names = result.rows.filter((row) => row.includes('+name path')).map((row) => row.replace(/ at=.*/, ''))
  assert.equal(names, [
    '10310 +name path=runc:[1:CHILD]',
    '11 +name path=a (1) b',
    '5721 +name path=cat',
    '120512 +name path=nginx worker',
    '12 +name path=sh',
  ])
  assert.is(result.facts.calls.fsync, 7)
  assert.ok(result.rows.some((row) => row.startsWith('8 fsync')))
  assert.not.ok(
    result.diagnostics.some(({ code }) => code === 'sysdig/cut-last-line'),
    'the terminal’s last word',
  )
  assert.ok(result.rows.some((row) => row.startsWith('3343 clone flags=67328 = 5721')))
  assert.equal([...result.reading.containers], [[120512, '3ad7b26ded6d']])
})

text('the name on a task’s first line holds for the call on it, and a child’s behind its fork', async () => {
  const { rows: all } = await collect(
    Buffer.from(`1 10:00:00.000000001 0 db (77) > fsync fd=3(<f>/x)
2 10:00:00.000000002 0 db (77) < fsync res=0
3 10:00:00.000000003 0 db (77) > clone
4 10:00:00.000000004 0 db (78) < clone res=0 ptid=77(db) flags=0
5 10:00:00.000000005 0 db (77) < clone res=78(db) flags=0
6 10:00:00.000000006 0 wal (78) > fsync fd=3(<f>/x)
7 10:00:00.000000007 0 wal (78) < fsync res=0
8 10:00:00.000000008 0 new (79) < execve res=0 exe=/bin/new args= tid=79(new)
`),
    readSysdigText,
  )
  const said = withoutTimes(all).map((row) => row.split(' ', 2).join(' ') + (/path=\S+/.exec(row)?.[0] ?? ''))
  assert.equal(said, [
    '77 +namepath=db',
    '77 fsync',
    '77 clone',
    '78 +namepath=db',
    '78 +namepath=wal',
    '78 fsync',
    '79 execvepath=/bin/new',
    '79 +namepath=new',
  ])
})

text('a name that a file no longer has is not believed', async () => {
  const found = await rows(
    '1 0.1 0 a (1) < open fd=4(<f>/srv/old) name=/srv/old flags=7(O_CREAT|O_RDWR) mode=0 ',
    '2 0.2 0 a (1) < rename res=0 oldpath=/srv/old newpath=/srv/new ',
    '3 0.3 0 a (1) < write res=1 data=x fd=4(<f>/srv/old) size=1 ',
    '4 0.4 0 a (1) < open fd=5(<f>/srv/old) name=/srv/old flags=7(O_CREAT|O_RDWR) mode=0 ',
    '5 0.5 0 a (1) < write res=1 data=x fd=5(<f>/srv/old) size=1 ',
  )
  const writes = withoutTimes(found.filter((row) => row.includes('write')))
  assert.equal(writes, ['1 write fd=4 size=1 = 1', '1 write fd=5</srv/old> size=1 = 1'])
})

text('a format of the user’s own', async () => {
  const format = '*%evt.num|%evt.rawtime|%20proc.name|%thread.tid|%evt.dir|%evt.type|%fd.num|%evt.args end'
  const lines = [
    '1|1700000000123456789|a b                 |7|<|fsync|<NA>| end',
    '2|1700000000123456799|c|7|<|write|4|res=3 data=abc  end',
  ]
  const result = await collect(Buffer.from(lines.join('\n')), (source, diagnostics) =>
    readSysdigText(source, diagnostics, { format }),
  )
  assert.equal(
    result.rows.filter((row) => !row.includes('+name')),
    ['7 fsync at=0', '7 write fd=4 = 3 at=10'],
  )
  assert.is(result.facts.clock, 'wall')
  assert.equal(
    result.diagnostics.filter(({ code }) => /format|direction/.test(code)),
    [],
  )
})

text('a format that drops events, or tells no direction, is said', async () => {
  const read = (format: string, lines: string): ReturnType<typeof collect> =>
    collect(Buffer.from(lines), (source, diagnostics) => readSysdigText(source, diagnostics, { format }))
  const result = await read('%thread.tid %evt.type', '7 fsync\n7 fsync\n8 fsync\n7 read\n7 read\n8 fsync\n')
  // The known trap: both halves of a call look alike.
  assert.equal(result.facts.calls, { fsync: 2, read: 1 })
  const found = result.diagnostics.map(({ code }) => code)
  assert.ok(found.includes('sysdig/strict-format') && found.includes('sysdig/no-direction'))
})

text('JSON: lines, the array of 2016, one line; times beyond 2^53 are exact', async () => {
  const event = (num: number, dir: string, nanos: string): string =>
    `{"evt.cpu":1,"evt.dir":"${dir}","evt.info":"","evt.num":${num},"evt.outputtime":1481211698${nanos},"evt.type":"fsync","proc.name":"etcd","thread.tid":5721}`
  const enter = event(2182, '>', '416541555')
  const exit = event(2215, '<', '416848293')
  for (const json of [`${enter}\n${exit}\n`, `[${enter},\n${exit}]\n`, `[${enter},\n${exit}`, `[${enter},${exit}]`]) {
    const result = await collect(Buffer.from(json), readSysdigJson)
    assert.equal(result.rows, ['5721 +name path=etcd at=0', '5721 fsync at=0 took=306738'], json)
    assert.equal(result.facts.damaged, 0)
    assert.is(sniffSysdigJson(Buffer.from(json)), 'sysdig-json')
  }
})

text('the five kinds of times', async () => {
  const lines = (times: string[]): string =>
    times.map((time, k) => `${k + 1} ${time} 0 a (7) ${k % 2 === 0 ? '>' : '<'} fsync `).join('\n')
  const read = async (...times: string[]) => {
    const result = await collect(Buffer.from(lines(times)), readSysdigText)
    return [result.facts.clock, ...result.rows.filter((row) => row.includes('fsync'))]
  }
  assert.equal(await read('23:59:59.999999999', '00:00:00.000000004'), ['timeOfDay', '7 fsync at=0 took=5'])
  assert.equal(await read('1481211698.416541555', '1481211698.416848293'), ['wall', '7 fsync at=0 took=306738'])
  assert.equal(await read('0.144868152', '0.144868160'), ['relative', '7 fsync at=144868152 took=8'])
  assert.equal(await read('0.000000000', '0.000306738', '0.000000000', '0.000000005'), [
    'none',
    '7 fsync took=306738',
    '7 fsync took=5',
  ])
  assert.equal(await read('0.000000000', '0.000306738', '0.000000100', '0.000000005'), [
    'relative',
    '7 fsync at=0 took=306738',
    '7 fsync at=306838 took=5',
  ])
})

text('what is sysdig’s text, and what is not', () => {
  assert.is(sniffSysdigText(Buffer.from('1 0.1 0 a (7) < fsync \n')), 'sysdig-text')
  assert.is(sniffSysdigText(Buffer.from('hello\n'.repeat(30))), null)
  assert.is(sniffSysdigText(Buffer.from('7 fsync(3) = 0\n')), null)
  assert.is(sniffSysdigJson(Buffer.from('{"a":1}\n')), null)
  assert.is(sniffSysdigJson(Buffer.from('')), null)
})

text('-t a of sysdig 0.29: ns without their leading zeros', async () => {
  const read = await rows(
    '182 1690557263.96829183 3 cat (698) > fsync ',
    '183 1690557263.96829190 3 cat (698) < fsync ',
    '184 1690557264.5 3 cat (698) > fsync ',
    '185 1690557264.000000105 3 cat (698) < fsync ',
  )
  assert.equal(read, ['698 fsync at=0 took=7', '698 fsync at=903170822 took=100'])
})

text('-x: the first event is followed by more lines of its buffer than are sampled', async () => {
  const dump = '\t0x0000: 2f74 6d70 2f74 6573 7431 002f 746d 702f'
  const lines = [
    '1 0.000000000 4 mv (12) < execve res=0 exe=mv args=',
    ...Array<string>(500).fill(dump),
    '2 0.000000000 4 mv (12) > fsync ',
    '3 0.000000700 4 mv (12) < fsync ',
    '4 0.000000000 4 mv (12) > fsync ',
    '5 0.000000900 4 mv (12) < fsync ',
  ]
  assert.is(sniffSysdigText(Buffer.from(lines.join('\n'))), 'sysdig-text')
  // The time of exits is what the calls took (-t d): told by events behind the buffer.
  assert.equal((await rows(...lines)).slice(1), ['12 fsync took=700', '12 fsync took=900'])
})

text('what stands behind a buffer that is printed on lines of its own (-A, -x)', async () => {
  const shown = await rows(
    '1 11:50:35.000000001 0 sh (20) < clone res=21(sh) exe=/bin/sh args=',
    '/x tid=1(y) tid=20(sh) pid=20(sh) ptid=1(init) cwd=<NA> comm=sh cgroups=',
    '\t0x0000: 6370 7573 6574',
    ' flags=1(CLONE_FILES) uid=0 gid=0 vtid=20(sh) vpid=20(sh)',
    '2 11:50:35.000000002 0 sh (20) < write res=9 data=',
    'two fd=9 size=7',
    'lines fd=4(<f>/srv/dup) size=9 ',
    '3 11:50:35.000000003 0 sh (20) < pwrite res=2 data=',
    '\t0x0000: 7477                                   xx',
    ' fd=5(<f>/srv/a) size=2 pos=4096 ',
    // Of a source with enters what looks so is the program's.
    '4 11:50:35.000000004 0 sh (20) > writev fd=6(<f>/srv/b) size=17 ',
    '5 11:50:35.000000005 0 sh (20) < writev res=17 data=',
    'fd=1 fd=7 size=17',
  )
  assert.equal(shown, [
    '20 clone flags=1024 = 21 at=0',
    '20 write fd=4</srv/dup> size=9 = 9 at=1',
    '20 pwrite fd=5</srv/a> size=2 offset=4096 = 2 at=2',
    '20 writev fd=6</srv/b> = 17 at=3 took=1',
  ])
})

text.run()
