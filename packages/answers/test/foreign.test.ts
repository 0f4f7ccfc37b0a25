/** Output of other tools is refused by name; these are beginnings of what they print. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { foreignKind, foreignOf } from '../src/foreign.ts'

const foreign = suite('foreign formats')

function nameOf(text: string): string | undefined {
  return foreignOf(Buffer.from(text, 'latin1'))?.name
}

const SAMPLES: readonly [name: RegExp, ...beginnings: string[]][] = [
  [
    /perf trace/,
    '         ? (         ): sync/1104  ... [continued]: execve())                                           = 0\n',
    '     2.509 ( 2.954 ms): sqlite3/1483 fdatasync(fd: 5</srv/x.db-journal>)                             = 0\n',
    '1234567.890 ( 0.002 ms): brk() = 0x55d4c8222000\n',
    '\n Summary of events:\n\n sync (1500), 218 events, 97.3%\n',
  ],
  [/binary recording of perf/, 'PERFILE2h\0\0\0', '2ELIFREP\0\0'],
  [/trace-cmd/, '\x17\x08Dtracing6\0\0\x08'],
  [/LTTng \(CTF\)/, '\xc1\x1f\xfc\xc1\x01\x02', '\x57\x1d\xd1\x75\x01\x02', '/* CTF 1.8 */\n\ntypealias integer {\n'],
  [
    /babeltrace/,
    '[12:05:05.899862574] (+?.?????????) host syscall_entry_fsync: { cpu_id = 13 }, { fd = 7 }\n',
    '[2026-11-20 12:05:05.916075225] (+0.016212651) host syscall_exit_fsync: { cpu_id = 13 }, { ret = 0 }\n',
  ],
  [
    /ltrace/,
    'open("z", 65, 0644)                              = 3\nfree(0x5581)                                     = <void>\n',
    '1555 1795703457.705055 SYS_brk(0)                = 0x5605492bc000 <0.000016>\n',
  ],
  [
    /truss \(FreeBSD\)/,
    'openat(AT_FDCWD,"/etc/libmap.conf",O_RDONLY|O_CLOEXEC,00) = 3 (0x3)\n',
    'openat(AT_FDCWD,"/usr/none",O_RDONLY,00) ERR#2 \'No such file or directory\'\n',
  ],
  [
    /truss \(Solaris, AIX\)/,
    'execve("x", 0xFFBEEC6C, 0xFFBEEC74)  argc = 1\nopen("/var/ld/ld.config", O_RDONLY)\t\tErr#2 ENOENT\n',
    'open("/opt/dcelocal/var/svc/routing", O_RDONLY, 0666) .... ERR#2 ENOENT\n',
  ],
  [
    /dtruss/,
    'SYSCALL(args) \t\t = return\nfsync(0x3)\t\t = 0 0\n',
    '\tPID/THRD  RELATIVE  ELAPSD SYSCALL(args) \t\t = return\n',
  ],
  [/kdump/, '   802 random  CALL  openat(AT_FDCWD,0x400877,0<O_RDONLY>)\n   802 random  RET   openat 3\n'],
  [
    /Cygwin/,
    '--- Process 24624 created\n--- Process 24624 loaded C:\\Windows\\System32\\ntdll.dll at 00007fff0c850000\n',
  ],
  [/gVisor/, 'I0102 15:04:05.678901   12345 strace.go:567] [   1:   1] app E fsync(0x3 /srv/a)\n'],
  [
    /audit/,
    'type=SYSCALL msg=audit(1718230992.098:90): arch=c000003e syscall=74 success=yes exit=0 a0=4\n',
    'type=CWD msg=audit(08/12/25 12:48:19.093:2219) : cwd=/root\n',
  ],
  [/inotifywait/, 'Setting up watches.\nWatches established.\n/srv/ MODIFY b\n', '/srv/ CLOSE_WRITE,CLOSE b\n'],
  [/fatrace/, '14:31:02.509180 sqlite3(1693): W   /srv/a.db\n', 'timeout(1694): RO  /usr/bin/timeout\n'],
  [
    /biosnoop/,
    'TIME(s)     COMM           PID     DISK      T SECTOR     BYTES   LAT(ms)\n',
    'TIME(ms)     DISK    COMM             PID    LAT(ms)\n',
  ],
  [/biotop/, 'PID     COMM             D MAJ MIN DISK       I/O  Kbytes  AVGms\n'],
  [
    /ext4slower/,
    'TIME     COMM           PID    T BYTES   OFF_KB   LAT(ms) FILENAME\n',
    'TIME(s)  COMM           TID    D BYTES   LAT(ms) FILENAME\n',
  ],
  [/filetop/, 'TID     COMM             READS  WRITES R_Kb    W_Kb    T FILE\n'],
  [/syncsnoop/, 'TIME(s)            CALL\n', 'Tracing sync syscalls... Hit Ctrl-C to end.\n'],
  [/sysstat/, 'Linux 6.18.44 (host) \t11/26/26 \t_x86_64_\t(2 CPU)\n\nDevice            r/s     rkB/s\n'],
  [
    /iotop/,
    'Total DISK READ:         0.00 B/s | Total DISK WRITE:        15.48 K/s\n',
    '14:31:02     1 be/4 root        0.00 B/s    0.00 B/s ?unavailable?  init\n',
  ],
  [/vmstat/, 'procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n'],
  [/network packets/, '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0'],
  [/btt/, '==================== All Devices ====================\n\n            ALL           MIN           AVG\n'],
  [/Docker/, '{"log":"7 fsync(3) = 0\\n","stream":"stderr","time":"2026-11-27T10:31:48.64Z"}\n'],
  [
    /behind the stamps or names/,
    '2026-11-27T10:31:48.645932000Z 7 fsync(3</srv/a>) = 0\n'.repeat(3),
    'Nov 27 10:31:48 host strace[7]: [pid 8] fsync(3)                = 0 <0.000012>\n'.repeat(3),
    'app-1  | <... fsync resumed>) = 0\r\napp-1  | write(1, "x", 1) = 1\r\napp-1  | close(3) = -1 EBADF (Bad)\r\n',
  ],
]

const BINARY = /^PERFILE2|^2ELIFREP|^\/\* CTF|^.{0,3}[^\s -~]/s

for (const [name, ...beginnings] of SAMPLES) {
  foreign(`${name.source} is named`, () => {
    for (const text of beginnings) {
      assert.match(nameOf(text) ?? '', name)
      // Text may follow some other lines.
      if (!BINARY.test(text)) assert.match(nameOf(`some words before it\n${text}`) ?? '', name)
    }
  })
}

foreign('words, tables and programs of no tool known here have no name', () => {
  for (const text of [
    '',
    'to do: buy milk\n',
    'int main() { return fsync(3); }\n',
    '\x7fELF\x02\x01\x01\0',
    'a,b,c\n1,2,3\n',
  ]) {
    assert.is(nameOf(text), undefined, text)
  }
})

foreign('averages beside a trace are no gap, a log that is not read is one', () => {
  const [averages, log] = [SAMPLES[20], SAMPLES[0]].map(([, text]) => foreignOf(Buffer.from(text)))
  assert.ok(averages && log)
  assert.is(foreignKind(averages).note, true)
  assert.is(foreignKind(log).note, undefined)
})

foreign.run()
