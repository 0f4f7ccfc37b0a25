/**
 * The test vectors of the format: one line or a few, what they show, and the rows, counts and diagnostics that they
 * must give. Captured with strace 6.1, or from public logs and strace's own tests; shortened where that loses nothing.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { counts, linesAccounted, read, show } from './source.ts'

interface Vector {
  id: string
  what: string
  lines: string[]
  rows: string[]
  counts: Record<string, number>
  calls: Record<string, number>
  /** Code → count. */
  diagnostics?: Record<string, number>
}

const VECTORS: Vector[] = [
  {
    id: 'V1',
    what: 'data and a name that look like a result, a flush and the mark',
    lines: [
      String.raw`15314 1795173544.668163 write(3</srv/d/a\76b (deleted), \"q\" = 0\n\74x\76.db>, ") = 42 <0.000001>\nfsync(9) = 0 <unfinished ...>) = 42 <0.000001>"..., 94) = 94 <0.005569>`,
    ],
    rows: [String.raw`15314 write fd=3<path:"/srv/d/a>b (deleted), \"q\" = 0\n<x>.db"> size=94 = 94 5569000ns`],
    counts: { used: 1 },
    calls: { write: 1 },
  },
  {
    id: 'V2',
    what: 'deleted, 5.19 and newer',
    lines: [
      String.raw`15314 1795173544.674200 fsync(3</srv/d/a\76b (deleted), \"q\" = 0\n\74x\76.db>(deleted)) = 0 <0.007498>`,
    ],
    rows: [String.raw`15314 fsync fd=3<path:"/srv/d/a>b (deleted), \"q\" = 0\n<x>.db" deleted> = 0 7498000ns`],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V3',
    what: 'deleted, up to 5.18, or a name',
    lines: ['fsync(3</srv/x (deleted)>) = 0'],
    rows: ['fsync fd=3<path:"/srv/x (deleted)" deleted?> = 0'],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V4',
    what: 'every escape',
    lines: [
      String.raw`fsync(4</d/\1\0020\v\0047\f\58\t\79\n\10\0171\r\0167\218\37 \\'\"\74\0740::0\76\0761~\177\200\377>) = 0`,
    ],
    rows: [
      String.raw`fsync fd=4<path:"/d/\u0001\u00020\u000b\u00047\f\u00058\t\u00079\n\b\u000f1\r\u000e7\u00118\u001f \\'\"<<0::0>>1~\udc80\udcff"> = 0`,
    ],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V5',
    what: 'failed flush of a block device',
    lines: ['fsync(3</dev/sda<block 8:0>>) = -1 EBADF (Bad file descriptor)'],
    rows: ['fsync fd=3<device:"/dev/sda" block 8:0> = -1 failed EBADF'],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V6',
    what: '-xx: hex in strings and decorations',
    lines: [
      String.raw`5000  1709301662.093001 openat(AT_FDCWD<\x2f\x72\x6f\x6f\x74>, "\x2f\x65\x74\x63\x2f\x68\x6f\x73\x74\x73", O_RDONLY|O_CLOEXEC) = 3<\x2f\x65\x74\x63\x2f\x68\x6f\x73\x74\x73> <0.000033>`,
    ],
    rows: ['5000 openat fd=-100<path:"/root"> path="/etc/hosts" flags=0x80000 = 3<path:"/etc/hosts"> 33000ns'],
    counts: { used: 1 },
    calls: { openat: 1 },
  },
  {
    id: 'V7',
    what: '-xx: hex path, plain device',
    lines: [
      String.raw`fstat(0<\x2f\x64\x65\x76\x2f\x70\x74\x73\x2f\x30<char 136:0>>, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0), ...}) = 0 <0.000009>`,
    ],
    rows: ['fstat fd=0<device:"/dev/pts/0" char 136:0> flags2=0x2190 = 0 9000ns'],
    counts: { used: 1 },
    calls: { fstat: 1 },
  },
  {
    id: 'V8',
    what: 'io_uring_enter in two lines',
    lines: [
      String.raw`2634  1709301662.093747 io_uring_enter(5<\x61\x6e\x6f\x6e\x5f\x69\x6e\x6f\x64\x65\x3a\x5b\x69\x6f\x5f\x75\x72\x69\x6e\x67\x5d>, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0 <unfinished ...>`,
      '2634  1709301662.093802 <... io_uring_enter resumed>) = 2 <0.000046>',
    ],
    rows: [
      'enter 2634 io_uring_enter fd=5<anon:"anon_inode:[io_uring]"> size=2',
      'exit 2634 io_uring_enter fd=5<anon:"anon_inode:[io_uring]"> size=2 = 2 46000ns',
    ],
    counts: { used: 2 },
    calls: { io_uring_enter: 1 },
  },
  {
    id: 'V9',
    what: 'io_uring_enter of a polled ring',
    lines: [
      String.raw`2634  1709301662.093747 io_uring_enter(12<\x61\x6e\x6f\x6e\x5f\x69\x6e\x6f\x64\x65\x3a\x5b\x69\x6f\x5f\x75\x72\x69\x6e\x67\x5d>, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) = 0 <0.000012>`,
    ],
    rows: ['2634 io_uring_enter fd=12<anon:"anon_inode:[io_uring]"> size=0 = 0 12000ns'],
    counts: { used: 1 },
    calls: { io_uring_enter: 1 },
  },
  {
    id: 'V10',
    what: 'a notice inside clone3',
    lines: [
      '11:19:30.054771 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, child_tid=0x7fe950bf1990, parent_tid=0x7fe950bf1990, exit_signal=0, stack=0x7fe9503f1000, stack_size=0x7fff80, tls=0x7fe950bf16c0}strace: Process 16476 attached',
      ' => {parent_tid=[16476]}, 88) = 16476',
    ],
    rows: ['clone3 flags=0x10700 = 16476'],
    counts: { used: 1, notes: 1 },
    calls: { clone3: 1 },
  },
  {
    id: 'V11',
    what: 'two notices inside clone',
    lines: [
      'clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLDstrace: Process 225426 attached',
      'strace: Process 225425 attached',
      ', child_tidptr=0x7de6096c7a10) = 225426',
    ],
    rows: ['clone = 225426'],
    counts: { used: 1, notes: 2 },
    calls: { clone: 1 },
  },
  {
    id: 'V12',
    what: 'detached inside a call',
    lines: [
      'futex(0x557e945343b8, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANYstrace: Process 651 detached',
      ' <detached ...>',
    ],
    rows: [],
    counts: { counted: 1, notes: 1 },
    calls: {},
  },
  {
    id: 'V13',
    what: 'restart_syscall is a start',
    lines: ['[pid 38394] restart_syscall(<... resuming interrupted futex ...> <unfinished ...>'],
    rows: [],
    counts: { counted: 1 },
    calls: {},
  },
  {
    id: 'V14',
    what: 'terminal echo',
    lines: ['[pid 26917] select(0, NULL, NULL, NULL, {1, 0}^C <unfinished ...>'],
    rows: [],
    counts: { counted: 1 },
    calls: {},
  },
  {
    id: 'V15',
    what: '`) ==` in the tail',
    lines: [
      '15323 1795173543.365307 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 15324 <0.004106>',
    ],
    rows: [],
    counts: { counted: 1 },
    calls: { wait4: 1 },
    diagnostics: { 'strace/lost-start': 1 },
  },
  {
    id: 'V16',
    what: 'resumed, before 5.0',
    lines: [
      '10738 01:58:22.788361 <... clone resumed> child_stack=0, flags=CLONE_VM|CLONE_VFORK|SIGCHLD) = 13442 <0.002381>',
    ],
    rows: ['10738 clone = 13442 2381000ns'],
    counts: { used: 1 },
    calls: { clone: 1 },
    diagnostics: { 'strace/lost-start': 1 },
  },
  {
    id: 'V17',
    what: 'resumed, since 5.0',
    lines: ['17819 13:43:39.897107 <... rt_sigprocmask resumed>NULL, 8) = 0 <0.000016>'],
    rows: [],
    counts: { counted: 1 },
    calls: { rt_sigprocmask: 1 },
    diagnostics: { 'strace/lost-start': 1 },
  },
  {
    id: 'V18',
    what: 'resumed, unavailable',
    lines: ['3619  <... futex resumed> )             = ? <unavailable>'],
    rows: [],
    counts: { counted: 1 },
    calls: {},
    diagnostics: { 'strace/lost-start': 1 },
  },
  {
    id: 'V19',
    what: 'resumed and unfinished again',
    lines: [
      '1000 1700000052.321500 <... epoll_wait resumed> {}, 64, 100 <unfinished ...>',
      '1000 1700000052.421500 <... epoll_wait resumed> {}, 64, 100) = 0',
    ],
    rows: [],
    counts: { counted: 2 },
    calls: { epoll_wait: 1 },
  },
  {
    id: 'V20',
    what: 'resumed into death',
    lines: ['<... nanosleep resumed> <unfinished ...>) = ?'],
    rows: [],
    counts: { counted: 1 },
    calls: {},
  },
  {
    id: 'V21',
    what: 'begun into death',
    lines: ['12345 nanosleep({tv_sec=123, tv_nsec=0} <unfinished ...>) = ?'],
    rows: [],
    counts: { counted: 1 },
    calls: {},
  },
  {
    id: 'V22',
    what: 'execve of a thread',
    lines: ['12346 execve("/bin/true", ["true"], 0x7ffd5c1b8f28 /* 3 vars */ <pid changed to 12345 ...>'],
    rows: ['enter 12346 execve path="/bin/true" {"kind":"argv","argv":["true"],"cut":false}'],
    counts: { used: 1 },
    calls: {},
    diagnostics: { 'strace/in-flight': 1 },
  },
  {
    id: 'V23',
    what: 'superseded',
    lines: [
      '12346 execve("/bin/true", ["true"], 0x7ffd5c1b8f28 /* 3 vars */ <pid changed to 12345 ...>',
      '12345 +++ superseded by execve in pid 12346 +++',
      '12345 <... execve resumed>) = 0',
    ],
    rows: [
      'enter 12346 execve path="/bin/true" {"kind":"argv","argv":["true"],"cut":false}',
      '12345 +takeover = 12346',
      'exit 12345 execve path="/bin/true" {"kind":"argv","argv":["true"],"cut":false} = 0',
    ],
    counts: { used: 2, exits: 1 },
    calls: { execve: 1 },
  },
  {
    id: 'V24',
    what: 'unreadable call',
    lines: ['13994 ???( <unfinished ...>', '13994 <... ??? resumed>) = ?'],
    rows: [],
    counts: { counted: 2 },
    calls: {},
  },
  {
    id: 'V25',
    what: 'detached in execve',
    lines: ['execve("../sleep", ["../sleep", "0"], NULL <detached ...>'],
    rows: [],
    counts: { used: 1 },
    calls: {},
    diagnostics: { 'strace/in-flight': 1 },
  },
  {
    id: 'V26',
    what: 'interrupted and issued again: one read',
    lines: [
      'read(0, 0x7ffff72cf5cf, 1)              = ? ERESTARTSYS (To be restarted)',
      '--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---',
      'rt_sigreturn({mask=[]})                 = 0',
      'read(0, "", 1)                          = 0',
    ],
    rows: [],
    counts: { counted: 3, signals: 1 },
    calls: { read: 2, rt_sigreturn: 1 },
  },
  {
    id: 'V27',
    what: 'end of a process',
    lines: ['exit_group(0) = ?', '+++ exited with 0 +++'],
    rows: ['+exit'],
    counts: { counted: 1, exits: 1 },
    calls: {},
  },
  {
    id: 'V28',
    what: 'a note glued to program output',
    lines: [
      '[ Process PID=21324 runs in 32 bit mode. ]',
      'obj/SVGStyleElement.o[ Process PID=21324 runs in 32 bit mode. ]',
    ],
    rows: [],
    counts: { notes: 2 },
    calls: {},
  },
  {
    id: 'V29',
    what: 'msync, -X verbose',
    lines: [
      '16497 msync(0x7f9ee4c42000, 4096, 0x4 /* MS_SYNC */) = 0',
      '16497 msync(0x7f9ee4c41000, 16384, 0x1 /* MS_ASYNC */) = 0',
    ],
    rows: [
      '16497 msync addr=0x7f9ee4c42000 size=4096 flags=0x4 = 0',
      '16497 msync addr=0x7f9ee4c41000 size=16384 flags=0x1 = 0',
    ],
    counts: { used: 2 },
    calls: { msync: 2 },
  },
  {
    id: 'V30',
    what: 'O_DSYNC, -X raw',
    lines: ['openat(-100</srv>, "/srv/d.dat", 0x81242, 0644) = 3</srv/d.dat>'],
    rows: ['openat fd=-100<path:"/srv"> path="/srv/d.dat" flags=0x81242 = 3<path:"/srv/d.dat">'],
    counts: { used: 1 },
    calls: { openat: 1 },
  },
  {
    id: 'V31',
    what: 'a mapping outlives its descriptor',
    lines: [
      'mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/d/m.dat>, 0) = 0x7fa7da3ba000',
      'close(3</srv/d/m.dat>) = 0',
      'msync(0x7fa7da3bb000, 4096, MS_SYNC) = 0',
    ],
    rows: [
      'mmap fd=3<path:"/srv/d/m.dat"> addr=0x0 size=16384 offset=0 flags=0x1 flags2=0x3 = 140358897606656',
      'close fd=3<path:"/srv/d/m.dat"> = 0',
      'msync addr=0x7fa7da3bb000 size=4096 flags=0x4 = 0',
    ],
    counts: { used: 3 },
    calls: { mmap: 1, close: 1, msync: 1 },
  },
  {
    id: 'V32',
    what: 'shared, read-only',
    lines: [
      'mmap(NULL, 27028, PROT_READ, MAP_SHARED, 3</usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache>, 0) = 0x7f31f1e50000',
    ],
    rows: [
      'mmap fd=3<path:"/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache"> addr=0x0 size=27028 offset=0 flags=0x1 flags2=0x1 = 139852488441856',
    ],
    counts: { used: 1 },
    calls: { mmap: 1 },
  },
  {
    id: 'V33',
    what: 'implied flush',
    lines: [
      'pwritev2(3</srv/d/r.dat>, [{iov_base="xxxxxxxxxx", iov_len=10}, {iov_base="yyyyyyyyyyyyyyyyyyyy", iov_len=20}], 2, 0, RWF_DSYNC) = 30 <0.003606>',
      'pwritev2(3</srv/d/r.dat>, [...], 2, 0, RWF_DSYNC) = 30 <0.003606>',
    ],
    rows: [
      'pwritev2 fd=3<path:"/srv/d/r.dat"> offset=0 flags=0x2 = 30 3606000ns',
      'pwritev2 fd=3<path:"/srv/d/r.dat"> offset=0 flags=0x2 = 30 3606000ns',
    ],
    counts: { used: 2 },
    calls: { pwritev2: 2 },
  },
  {
    id: 'V34',
    what: 'sync_file_range',
    lines: [
      'sync_file_range(3</srv/d/r.dat>, 0, 0, SYNC_FILE_RANGE_WRITE) = 0',
      'sync_file_range(3</srv/d/r.dat>, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE|SYNC_FILE_RANGE_WRITE|SYNC_FILE_RANGE_WAIT_AFTER) = 0',
    ],
    rows: [
      'sync_file_range fd=3<path:"/srv/d/r.dat"> size=0 offset=0 flags=0x2 = 0',
      'sync_file_range fd=3<path:"/srv/d/r.dat"> size=0 offset=0 flags=0x7 = 0',
    ],
    counts: { used: 2 },
    calls: { sync_file_range: 2 },
  },
  {
    id: 'V35',
    what: 'io_submit with unreadable elements',
    lines: [
      'io_submit(0x7f2b3c4d5000, 1057, [{aio_data=0x1, aio_key=0xdeadbeef, aio_lio_opcode=0xf00d /* IOCB_CMD_??? */, aio_fildes=-1}, {aio_data=0x2, aio_lio_opcode=IOCB_CMD_PWRITE, aio_reqprio=IOPRIO_PRIO_VALUE(0x5 /* IOPRIO_CLASS_??? */, 7919), aio_fildes=3, aio_buf=NULL, aio_nbytes=4096, aio_offset=8192}, {aio_data=0x3, aio_lio_opcode=IOCB_CMD_FSYNC, aio_fildes=3}, NULL, 0xffffffffffffffff, ... /* 0x7f2b3c4d6000 */]) = 3',
    ],
    rows: [
      'io_submit {"kind":"iocbs","iocbs":[{"opcode":"0xf00d /* IOCB_CMD_??? */","fd":{"fd":-1,"name":null},"data":"0x1","bytes":null,"offset":null,"flags":0},{"opcode":"IOCB_CMD_PWRITE","fd":{"fd":3,"name":null},"data":"0x2","bytes":4096,"offset":8192,"flags":0},{"opcode":"IOCB_CMD_FSYNC","fd":{"fd":3,"name":null},"data":"0x3","bytes":null,"offset":null,"flags":0},{"opcode":"","fd":{"fd":-1,"name":null},"data":"","bytes":null,"offset":null,"flags":0},{"opcode":"","fd":{"fd":-1,"name":null},"data":"","bytes":null,"offset":null,"flags":0},{"opcode":"","fd":{"fd":-1,"name":null},"data":"","bytes":null,"offset":null,"flags":0}]} = 3',
    ],
    counts: { used: 1 },
    calls: { io_submit: 1 },
  },
  {
    id: 'V36',
    what: 'asynchronous fdatasync',
    lines: ['io_submit(0x7f2b3c4d5000, 1, [{aio_data=0, aio_lio_opcode=IOCB_CMD_FDSYNC, aio_fildes=4</x>}]) = 1'],
    rows: [
      'io_submit {"kind":"iocbs","iocbs":[{"opcode":"IOCB_CMD_FDSYNC","fd":{"fd":4,"name":{"kind":"path","text":"/x","deleted":false,"device":null,"block":false}},"data":"0","bytes":null,"offset":null,"flags":0}]} = 1',
    ],
    counts: { used: 1 },
    calls: { io_submit: 1 },
  },
  {
    id: 'V37',
    what: '-Y -r -n -i',
    lines: ['16509<python3>      0.000299 [  74] [00007f92f34f8c20] fsync(3</srv/d/q.db>(deleted)) = 0'],
    rows: ['16509 +name path="python3"', '16509 fsync fd=3<path:"/srv/d/q.db" deleted> = 0'],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V38',
    what: '-ttt -r in ns',
    lines: ['16847 1795173614.790194250 (+     0.000411) fsync(3</srv/d/q.db>(deleted)) = 0 <0.000146760>'],
    rows: ['16847 fsync fd=3<path:"/srv/d/q.db" deleted> = 0 146760ns'],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V39',
    what: 'dump lines',
    lines: [
      ' | 00010  3e 0a 66 73 79 6e 63 28  39 29 20 3d 20 30 20 3c  >.fsync(9) = 0 < |',
      ' * 10 bytes in buffer 0',
    ],
    rows: [],
    counts: { notes: 2 },
    calls: {},
  },
  {
    id: 'V40',
    what: 'stack lines',
    lines: [' > /usr/lib/x86_64-linux-gnu/libc.so.6(fsync+0x10) [0xfec20]'],
    rows: [],
    counts: { notes: 1 },
    calls: {},
  },
  {
    id: 'V41',
    what: 'sockets',
    lines: [
      'recvfrom(3<UNIX-STREAM:[123->456,"/srv/s"]>, "data", 4, MSG_DONTWAIT, NULL, NULL) = 4',
      'write(4<TCP:[127.0.0.1:5432->127.0.0.1:55432]>, "x", 1) = 1',
      'close(3<UNIX-STREAM:[123->456,"/srv/s"]>) = 0',
    ],
    rows: [
      'write fd=4<socket:"TCP:[127.0.0.1:5432->127.0.0.1:55432]"> size=1 = 1',
      String.raw`close fd=3<socket:"UNIX-STREAM:[123->456,\"/srv/s\"]"> = 0`,
    ],
    counts: { used: 2, counted: 1 },
    calls: { recvfrom: 1, write: 1, close: 1 },
  },
  {
    id: 'V42',
    what: 'the table',
    lines: [
      '% time     seconds  usecs/call     calls    errors syscall',
      '------ ----------- ----------- --------- --------- ----------------',
      ' 83.52    0.000512          51        10           fdatasync',
      ' 66,75    0,003708           0      3922           read',
      '------ ----------- ----------- --------- --------- ----------------',
      '100.00    0.000613          40        15           total',
    ],
    rows: [],
    counts: { notes: 6 },
    calls: {},
    diagnostics: { 'strace/summary-differs': 2 },
  },
  {
    id: 'V43',
    what: 'Cygwin',
    lines: [String.raw`--- Process 24624 loaded C:\Windows\System32\ntdll.dll at 00007fff0c850000`],
    rows: [],
    counts: { signals: 1 },
    calls: {},
  },
  {
    id: 'V44',
    what: 'diagnostic',
    lines: ['strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted'],
    rows: [],
    counts: { notes: 1 },
    calls: {},
  },
  {
    id: 'V45',
    what: 'the pid column starts late',
    lines: [
      'execve("./geth_evm_riscv64_linux", ["./geth_evm_riscv64_linux"], 0x7ffc0a1b2c30 /* 24 vars */) = 0',
      '1526  sched_getaffinity(0, 8192, [0 1 2 3]) = 8',
      '1526  fsync(3) = 0',
    ],
    rows: [
      'execve path="./geth_evm_riscv64_linux" {"kind":"argv","argv":["./geth_evm_riscv64_linux"],"cut":false} = 0',
      '1526 +alias = 0',
      '1526 fsync fd=3 = 0',
    ],
    counts: { used: 2, counted: 1 },
    calls: { execve: 1, sched_getaffinity: 1, fsync: 1 },
  },
  {
    id: 'V46',
    what: 'dup2 shows the old file',
    lines: ['dup2(11</srv/stdout>, 1</srv/sh.txt>) = 1</srv/stdout>'],
    rows: ['dup2 fd=11<path:"/srv/stdout"> fd2=1<path:"/srv/sh.txt"> = 1<path:"/srv/stdout">'],
    counts: { used: 1 },
    calls: { dup2: 1 },
  },
  {
    id: 'V47',
    what: 'O_SYNC without write access',
    lines: ['openat(AT_FDCWD, "duckdb-parquet-encrypted/hits.parquet", O_RDONLY|O_SYNC|O_DIRECT) = 10'],
    rows: ['openat fd=-100 path="duckdb-parquet-encrypted/hits.parquet" flags=0x105000 = 10'],
    counts: { used: 1 },
    calls: { openat: 1 },
  },
  {
    id: 'V48',
    what: 'flush of a directory',
    lines: [
      'openat(AT_FDCWD, "./idx", O_RDONLY|O_CLOEXEC) = 4',
      'fsync(4 <unfinished ...>',
      '<... fsync resumed>)        = 0 <0.000814>',
    ],
    rows: ['openat fd=-100 path="./idx" flags=0x80000 = 4', 'enter fsync fd=4', 'exit fsync fd=4 = 0 814000ns'],
    counts: { used: 3 },
    calls: { openat: 1, fsync: 1 },
  },
  {
    id: 'V49',
    what: 'args end in a comma',
    lines: [
      'read(3,  <unfinished ...>',
      '<... read resumed>"abc", 4096) = 3',
      'fcntl(3,  <unfinished ...>',
      '<... fcntl resumed>F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)',
    ],
    rows: ['enter fcntl fd=3', 'exit fcntl fd=3 flags=0x3 = 32770'],
    counts: { used: 2, counted: 2 },
    calls: { read: 1, fcntl: 1 },
  },
  {
    id: 'V50',
    what: 'cut argument lists',
    lines: [
      '3619  execve("/bin/x", ["bin", "args", ...], 0x7fff12345678 /* 10 vars */) = 0',
      '3619  execve("/bin/x", ["bin", "args"], [/* 35 vars */]) = 0',
    ],
    rows: [
      '3619 execve path="/bin/x" {"kind":"argv","argv":["bin","args"],"cut":true} = 0',
      '3619 execve path="/bin/x" {"kind":"argv","argv":["bin","args"],"cut":false} = 0',
    ],
    counts: { used: 2 },
    calls: { execve: 2 },
  },
  {
    id: 'V51',
    what: 'colour',
    lines: ['\x1b[33mfsync\x1b[0m(\x1b[36m3\x1b[0m) = \x1b[32m0\x1b[0m'],
    rows: ['fsync fd=3 = 0'],
    counts: { used: 1 },
    calls: { fsync: 1 },
  },
  {
    id: 'V52',
    what: '-N: named arguments',
    lines: [
      'flock(fd=0, operation=LOCK_EX) = 0',
      'pwrite64(fd=3</srv/a>, buf="xy", count=2, pos=4096) = 2',
      'openat(dfd=AT_FDCWD, filename="/srv/a", flags=O_WRONLY|O_DSYNC) = 3',
    ],
    rows: ['pwrite64 fd=3<path:"/srv/a"> size=2 offset=4096 = 2', 'openat fd=-100 path="/srv/a" flags=0x1001 = 3'],
    counts: { used: 2, counted: 1 },
    calls: { flock: 1, pwrite64: 1, openat: 1 },
  },
  {
    id: 'V53',
    what: 'the tail closes a struct',
    lines: [
      '17909 1795173600.000001 ioctl(22, SIOCGIFINDEX, {ifr_name="lo" <unfinished ...>',
      '17909 1795173600.000002 <... ioctl resumed>, ifr_ifindex=1}) = 0',
    ],
    rows: [],
    counts: { counted: 2 },
    calls: { ioctl: 1 },
  },
  {
    id: 'V54',
    what: 'a shift is no decoration',
    lines: [
      '17909 1795173600.000001 capget({version=_LINUX_CAPABILITY_VERSION_3, pid=0},  <unfinished ...>',
      '17909 1795173600.000002 <... capget resumed>{effective=1<<CAP_CHOWN|1<<CAP_DAC_OVERRIDE, permitted=1<<CAP_CHOWN|1<<CAP_DAC_OVERRIDE, inheritable=0}) = 0',
      '17909 1795173600.000003 fsync(3</x>) = 0',
    ],
    rows: ['17909 fsync fd=3<path:"/x"> = 0'],
    counts: { used: 1, counted: 2 },
    calls: { capget: 1, fsync: 1 },
  },
  {
    id: 'V55',
    what: 'not executed',
    lines: [
      '11773 1795175675.436077 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0},  <unfinished ...>',
      '11773 1795175675.438556 <... clock_nanosleep resumed>NULL) = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <0.002479>',
      '11773 1795175675.500000 fsync(3) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.000100>',
    ],
    rows: ['11773 fsync fd=3 restarted 100000ns'],
    counts: { used: 1, counted: 2 },
    calls: { clock_nanosleep: 1, fsync: 1 },
  },
]

const vectors = suite('vectors')

for (const { id, what, lines, ...expected } of VECTORS) {
  vectors(`${id} ${what}`, async () => {
    const { rows, facts, diagnostics } = await read(`${lines.join('\n')}\n`)
    assert.equal(rows.map(show), expected.rows)
    assert.equal(counts(facts), expected.counts)
    assert.equal(facts.calls, expected.calls)
    assert.equal(Object.fromEntries(diagnostics.map(({ code, count }) => [code, count])), expected.diagnostics ?? {})
    assert.is(facts.lines, lines.length)
    assert.is(linesAccounted(facts), lines.length)
  })
}

vectors('every vector, in order', () => {
  assert.equal(
    VECTORS.map(({ id }) => id),
    Array.from({ length: 55 }, (_, k) => `V${k + 1}`),
  )
})

vectors.run()
