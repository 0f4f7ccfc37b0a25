import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readStrace } from '../src/index.ts'
import { StraceParser } from '../src/parser.ts'
import { anyBytes } from './any-bytes.ts'
import { counts, everything, linesAccounted, read, show, type Read } from './source.ts'
import { VECTORS } from './vectors.ts'

const reading = suite('reading')

function codes({ diagnostics }: Read): string[] {
  return diagnostics.map(({ code }) => code)
}

function times({ rows }: Read): (number | undefined)[] {
  return rows.map(({ atNs }) => atNs)
}

// Pieces ------------------------------------------------------------------------------------------------------------

const FIXTURES = new URL('../../../fixtures/strace/', import.meta.url)
/** Byte by byte takes a second a megabyte. */
const SLOW_BYTES = 300_000

function logs(): [name: string, bytes: Buffer][] {
  return readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?:^|\/)[^/]*(?:\.txt|\.txt\.gz|strace\.\d+)$/.test(name))
    .sort()
    .map((name) => {
      const bytes = readFileSync(new URL(name, FIXTURES))
      return [name, name.endsWith('.gz') ? gunzipSync(bytes) : bytes]
    })
}

async function sameInPieces(name: string, bytes: Buffer, pieces: number[]): Promise<void> {
  const whole = await read(bytes, Math.max(1, bytes.length))
  assert.is(linesAccounted(whole.facts), whole.facts.lines, name)
  for (const piece of pieces) {
    assert.ok(everything(await read(bytes, piece)) === everything(whole), `${name} in pieces of ${piece}`)
  }
}

for (const [name, bytes] of logs()) {
  reading(`${name}: the same in pieces of any size`, async () => {
    await sameInPieces(name, bytes, bytes.length > SLOW_BYTES ? [7, 65_536] : [1, 7, 65_536])
  })
}

reading('the vectors: the same in pieces of any size', async () => {
  for (const { id, lines } of VECTORS) await sameInPieces(id, Buffer.from(`${lines.join('\n')}\n`), [1, 7, 65_536])
})

reading('all vectors in one log, with and without a last line end', async () => {
  const text = VECTORS.flatMap(({ lines }) => lines).join('\n')
  await sameInPieces('vectors', Buffer.from(text), [1, 7, 64, 65_536])
  await sameInPieces('vectors', Buffer.from(`${text}\n`), [1, 7, 64, 65_536])
})

reading('many batches: each row once, texts stay right', async () => {
  const lines: string[] = []
  for (let k = 0; k < 20_000; k++) lines.push(`${1000 + (k % 7)} fsync(3</srv/${k}>) = ${k % 3}`)
  const { rows } = await read(`${lines.join('\n')}\n`, 65_536)
  assert.is(rows.length, 20_000)
  assert.ok(rows.every(({ name, line, result }, k) => name?.text === `/srv/${k}` && line === k + 1 && result === k % 3))
})

reading('more names than one table holds', async () => {
  const lines: string[] = ['42 fsync(3</dev/sda<block 8:0>>) = 0']
  for (let k = 0; k < 100_000; k++) lines.push(`42 unlink("/srv/some/folder/with/names/${k}") = 0`)
  const { rows, facts } = await read(`${lines.join('\n')}\n`)
  assert.is(rows.length, 100_001)
  assert.ok(rows.slice(1).every(({ path }, k) => path === `/srv/some/folder/with/names/${k}`))
  assert.ok(facts.options.includes('-yy'), 'of a table given up, too')
})

// Times -------------------------------------------------------------------------------------------------------------

reading('midnight', async () => {
  const result = await read(
    '23:59:59.999800 fsync(3) = 0\n00:00:00.000100 fsync(3) = 0\n23:00:00.000100 fsync(3) = 0\n',
  )
  assert.equal(times(result), [0, 300_000, 82_800_000_300_000])
  assert.equal(codes(result), [])
  assert.is(result.facts.clock, 'timeOfDay')
  assert.equal(result.batch?.origin, { seconds: 86_399, nanos: 999_800_000 })
})

reading('the clock is set back', async () => {
  const result = await read('12:00:05 fsync(3) = 0\n12:00:03 fsync(3) = 0\n12:00:06 fsync(3) = 0\n')
  assert.equal(times(result), [0, -2e9, 1e9])
  assert.equal(codes(result), ['strace/time-backwards'])
  const wall = await read('42 1795173544.5 fsync(3) = 0\n42 1795173544.25 fsync(3) = 0\n')
  assert.equal(times(wall), [0, -250_000_000])
  assert.equal(codes(wall), ['strace/time-backwards'])
})

reading('ioctl: only what changes files or marks descriptors makes rows', async () => {
  const { rows, facts } = await read(`\
ioctl(1</dev/pts/0>, TCGETS, {c_iflag=ICRNL}) = 0
ioctl(3</srv/a, BT>, BTRFS_IOC_DEFRAG_RANGE, {start=0, len=UINT64_MAX, flags=0}) = 0 <0.000153>
ioctl(3, BTRFS_IOC_DEFRAG <unfinished ...>
<... ioctl resumed>) = 0
ioctl(4</srv/b>, BTRFS_IOC_CLONE or FICLONE, 3</srv/a>) = 0
ioctl(4, FICLONERANGE, {src_fd=3, src_offset=0, src_length=0, dest_offset=0}) = 0
ioctl(3, FIDEDUPERANGE, {src_offset=0, src_length=4096, dest_count=1, info=[{dest_fd=4, dest_offset=0}]}) = 0
ioctl(4, FIOCLEX) = 0
ioctl(4</srv/b>, FIONCLEX) = 0
ioctl(4, 0x5451 /* FIOCLEX */) = 0
ioctl(4, FIONREAD, [0]) = 0
ioctl(4</srv/b>, FIONBIO, [1]) = 0
ioctl(5</srv>, FITRIM, {start=0, len=0xffffffffffffffff, minlen=0}) = -1 EOPNOTSUPP (Operation not supported)
ioctl(6</dev/vdb<block 254:16>>, BLKDISCARD, [0, 8589934592]) = 0
ioctl(4, FIOASYNC, [1]) = 0
`)
  assert.equal(rows.map(show), [
    'ioctl fd=3<path:"/srv/a, BT"> flags=0x40309410 = 0 153000ns',
    'enter ioctl fd=3 flags=0x50009402',
    'exit ioctl fd=3 flags=0x50009402 = 0',
    'ioctl fd=4<path:"/srv/b"> fd2=3<path:"/srv/a"> flags=0x40049409 = 0',
    'ioctl fd=4 flags=0x4020940d = 0',
    'ioctl fd=3 flags=0xc0189436 = 0',
    'ioctl fd=4 flags=0x5451 = 0',
    'ioctl fd=4<path:"/srv/b"> flags=0x5450 = 0',
    'ioctl fd=4 flags=0x5451 = 0',
    'ioctl fd=5<path:"/srv"> flags=0xc0185879 = -1 failed EOPNOTSUPP',
    'ioctl fd=6<device:"/dev/vdb" block 254:16> flags=0x1277 = 0',
  ])
  assert.equal(facts.calls, { ioctl: 14 })
})

reading('-r: every line counts from the one before it, whoever wrote that', async () => {
  const result = await read(`\
42       0.000100 fsync(3) = 0
43       0.000200 getpid() = 43
42       0.000300 --- SIGCHLD {si_signo=SIGCHLD} ---
42       0.000400 fsync(3 <unfinished ...>
43       0.000500 +++ exited with 0 +++
42       0.000600 <... fsync resumed>) = 0
42       1.000000 fsync(3) = 0
`)
  assert.equal(
    result.rows.filter(({ call }) => call === 'fsync').map(({ phase, atNs }) => [phase, Math.round(atNs ?? NaN)]),
    [
      // The first line is the start; each of the others lost half a µs on average.
      ['whole', 0],
      ['enter', 901_500],
      ['exit', 901_500],
      ['whole', 1_002_003_000],
    ],
  )
  assert.is(result.facts.clock, 'relative')
  assert.is(Math.round(result.facts.lastNs ?? NaN), 1_002_003_000)
})

reading('the clock is set back among lines that are only counted: the same in any pieces', async () => {
  const text = [2, 3, 1, 4].map((second, k) => `42 179517354${second}.000000 ${k % 3 ? 'getpid()' : 'fsync(3)'} = 0\n`)
  for (const chunk of [1, 7, 30, 60, 65_536]) {
    const result = await read(text.join(''), chunk)
    assert.equal(codes(result), [], `pieces of ${chunk}`)
    assert.equal([result.facts.firstNs, result.facts.lastNs], [0, 2e9])
  }
})

reading('seconds since 1970 with their nanoseconds', async () => {
  const result = await read('42 1795173614.790194250 fsync(3) = 0\n42 1795173614.790194251 fsync(3) = 0\n')
  assert.equal(times(result), [0, 1])
  assert.equal(result.batch?.origin, { seconds: 1_795_173_614, nanos: 790_194_250 })
})

reading('a time of another kind is the program’s own', async () => {
  const result = await read('1795173614.5 fsync(3) = 0\n12:00:00 f(x) = 1\n1795173614.75 fsync(3) = 0\n')
  assert.equal(times(result), [0, 250_000_000])
  assert.equal(codes(result), [])
})

reading('the span of a log counts the lines that become no rows', async () => {
  const lines = [
    '42 1795173614.000000 getpid() = 42',
    '42 1795173615.000000 fsync(3) = 0',
    '42 1795173617.500000 getpid() = 42',
  ]
  for (const chunk of [1, 7, 65_536]) {
    const { facts } = await read(`${lines.join('\n')}\n`, chunk)
    assert.equal([facts.firstNs, facts.lastNs], [0, 3.5e9])
  }
})

// Tasks -------------------------------------------------------------------------------------------------------------

const tids = ({ rows }: Read): string[] => rows.map(({ call, tid }) => `${tid} ${call}`)

reading('brackets come and go: stderr of a process that forks twice', async () => {
  const result = await read(`\
fsync(3) = 0
vfork(strace: Process 501 attached
 <unfinished ...>
[pid 501] fsync(3) = 0
[pid 501] +++ exited with 0 +++
<... vfork resumed>) = 501
fdatasync(3) = 0
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 502 attached
, child_tidptr=0x7f00) = 502
[pid 500] fdatasync(3) = 0
[pid 502] +++ exited with 0 +++
fsync(3) = 0
+++ exited with 0 +++
`)
  assert.equal(tids(result), [
    '0 fsync',
    '0 vfork',
    '501 fsync',
    '501 +exit',
    '0 vfork',
    '0 fdatasync',
    '0 clone',
    '500 +alias',
    '500 fdatasync',
    '502 +exit',
    '500 fsync',
    '500 +exit',
  ])
  assert.equal(counts(result.facts), { used: 8, exits: 3, notes: 2 })
})

reading('attached to a running process, first without and then with brackets', async () => {
  const result = await read(`\
strace: Process 500 attached
fsync(3) = 0
strace: Process 501 attached
[pid 501] fsync(3) = 0
[pid 500] fsync(3) = 0
`)
  assert.equal(tids(result), ['500 fsync', '501 fsync', '500 fsync'])
})

reading('a notice of strace that was called by its path, between lines and inside of one', async () => {
  const result = await read(`\
clone(child_stack=NULL, flags=SIGCHLD/usr/bin/strace: Process 501 attached
 <unfinished ...>
[pid 501] fsync(15../x/strace-6.1: Process 502 attached
 <unfinished ...>
/opt/a b/strace: Process 502 attached
[pid 500] <... clone resumed>) = 501
[pid 501] <... fsync resumed>) = 0
/usr/bin/strace: Process 502 detached
`)
  assert.equal(result.rows.map(show).at(-1), 'exit 501 fsync fd=15 = 0')
  assert.equal([result.facts.damaged, result.facts.foreign], [0, 1])
})

reading('notices of strace before 4.7', async () => {
  const result = await read(`\
Process 100 attached - interrupt to quit
clone(Process 101 attached (waiting for parent)
Process 101 resumed (parent 100 ready)
child_stack=0, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f0) = 101
[pid   100] wait4(-1, Process 100 suspended
 <unfinished ...>
[pid   101] fsync(3)                    = 0
Process 100 resumed
Process 101 detached
<... wait4 resumed> [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 101
fdatasync(3)                            = 0
`)
  assert.equal(tids(result), ['100 clone', '101 fsync', '100 fdatasync'])
  assert.equal([result.facts.damaged, result.facts.foreign], [0, 0])
})

reading('what a program writes stands inside the line of its write', async () => {
  const { rows, facts } = await read(`\
write(1, "7 \\"a\\n", 67 "a
)                  = 6
write(2, "fsync(3) = 0\\nok", 15fsync(3) = 0
ok) = 15 <0.000012>
write(1</x>, "Save (y\\"? ", 10Save (y"? )    = 10
[pid 7] write(1, "x\\n", 2x
 <unfinished ...>
[pid 8] fsync(3) = 0
[pid 7] <... write resumed>) = 2
write(fd=1, buf="\\n"..., count=0x1
) = 0x1
write(1, "cut\\n", 4cut
write(1, "more\\n", 5mo
fsync(4) = 0
`)
  assert.equal(
    rows.filter(({ call }) => call === 'write').map(({ fd, result }) => [fd, result]),
    [
      [1, 6],
      [2, 15],
      [1, 10],
      [1, undefined],
      [1, 2],
      [1, 1],
    ],
  )
  assert.equal([facts.damaged, facts.foreign, facts.notes], [2, 0, 4])
  assert.is(linesAccounted(facts), facts.lines)
})

reading('descriptors of recvmmsg, message by message', async () => {
  const message = (fds: string): string =>
    `{msg_hdr={msg_name=NULL, msg_iov=[{iov_base="msg_hdr={", iov_len=9}], msg_iovlen=1, msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[${fds}]}], msg_controllen=24, msg_flags=0}, msg_len=9}`
  const { rows } = await read(`7 recvmmsg(4, [${message('5, 6')}, ${message('7')}], 2, 0, NULL) = 2\n`)
  const fds = [5, 6, 7].map((fd) => ({ fd, name: null }))
  assert.equal(
    rows.map(({ extra }) => extra),
    [{ kind: 'fds', fds, messages: [0, 2] }],
  )
})

reading('the pid column starts late', async () => {
  const result = await read('fsync(3 <unfinished ...>\n501 <... fsync resumed>) = 0\n501 fsync(4) = 0\n', 7)
  assert.equal(result.rows.map(show), [
    'enter fsync fd=3',
    '501 +alias = 0',
    'exit 501 fsync fd=3 = 0',
    '501 fsync fd=4 = 0',
  ])
  // -q hides that strace attached 501: it shows itself before the call that made it has returned.
  const inCall = await read(`\
clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
[pid 501] fsync(4) = 0
[pid 500] <... clone resumed>) = 501
[pid 500] fsync(3) = 0
`)
  assert.equal(tids(inCall), ['0 clone', '501 fsync', '500 +alias', '500 clone', '500 fsync'])
  const announced = await read('clone(child_stack=NULL, flags=SIGCHLD) = 501\n501 fsync(4) = 0\n500 fsync(3) = 0\n')
  assert.equal(tids(announced), ['0 clone', '501 fsync', '500 +alias', '500 fsync'])
})

reading('a file of a -ff set: every line is of the task in its name', async () => {
  const result = await read('fsync(3 <unfinished ...>\n) = ?\n+++ killed by SIGKILL +++\n', 7, 27405)
  assert.equal(tids(result).at(-1), '27405 +exit')
  assert.ok(result.facts.options.includes('-ff'))
})

reading('a thread’s exec: its call goes on under the pid of the process', async () => {
  const { rows, facts } = await read(`\
12346 execve("/bin/true", ["true"], 0x7ffd5c1b8f28 /* 3 vars */ <pid changed to 12345 ...>
12345 +++ superseded by execve in pid 12346 +++
12345 <... execve resumed>) = 0
12346 fsync(3) = 0
`)
  assert.equal(rows.map(show).slice(1), [
    '12345 +takeover = 12346',
    'exit 12345 execve path="/bin/true" {"kind":"argv","argv":["true"],"cut":false} = 0',
    '12346 fsync fd=3 = 0',
  ])
  assert.equal(facts.calls, { execve: 1, fsync: 1 })
})

reading('a pid that is used again begins with nothing pending', async () => {
  const result = await read('42 fsync(3 <unfinished ...>\n42 +++ killed by SIGKILL +++\n42 <... fsync resumed>) = 0\n')
  assert.equal(result.rows.map(show), ['enter 42 fsync fd=3', '42 +exit', '42 fsync = 0'])
  assert.equal(codes(result), ['strace/lost-start', 'strace/no-result'])
})

reading('-Y: what execve’s own line calls the task is over with it', async () => {
  const { rows } = await read(`\
42<strace> execve("/bin/x", ["x"], 0x7ffe /* 9 vars */) = 0
42<x> fsync(3) = 0
42<x> execve("/bin/y", ["y"], 0x7ffe /* 9 vars */ <unfinished ...>
43<z> fsync(3) = 0
42<y> <... execve resumed>) = 0
`)
  assert.equal(
    rows.filter(({ call }) => call === '+name').map(({ tid, path }) => [tid, path]),
    [
      [42, 'x'],
      [43, 'z'],
      [42, 'y'],
    ],
  )
  assert.is(rows[0].call, 'execve')
})

// Damage and what is around the calls ----------------------------------------------------------------------------------

reading('CRLF', async () => {
  const { rows, facts } = await read(
    '42 fsync(3 <unfinished ...>\r\n42 <... fsync resumed>) = -1 EIO (I/O error)\r\n\r\n',
  )
  assert.equal(rows.map(show), ['enter 42 fsync fd=3', 'exit 42 fsync fd=3 = -1 failed EIO'])
  assert.equal(counts(facts), { used: 2, notes: 1 })
})

reading('colour, also on one line of many', async () => {
  const plain = '42 fsync(3) = 0\n'
  const { rows, facts } = await read(
    `${plain.repeat(5)}42 \x1b[33mfsync\x1b[0m(\x1b[1;36m4\x1b[0m) = 0\n${plain.repeat(5)}`,
    7,
  )
  assert.is(rows.length, 11)
  assert.is(rows[5].fd, 4)
  assert.ok(facts.options.includes('--color'))
})

reading('lines that lost bytes are damage, and no call', async () => {
  for (const line of [
    '42 1.5 fsync(3</a>) = 0 <0.1>42 1.6 fsync(3</b>) = 0 <0.1>',
    '42 1.5 fsync(3</a>garbage, "x", {}) = 0 <0.1>',
    '42 1.5 fsync(3</a>) = 0 <0.1>trailing',
    '42 1.5 fsync() = 0 <0.1>',
    '42 1.5 fsync(zzz) = 0 <0.1>',
  ]) {
    const { facts, rows } = await read(`42 1.0 fsync(3</a>) = 0 <0.1>\n${line}\n42 2.0 fsync(3</a>) = 0 <0.1>\n`)
    assert.equal([counts(facts), rows.length], [{ used: 2, damaged: 1 }, 2], line)
  }
})

reading('a last line that was cut, and one that only lacks its end', async () => {
  const cut = await read('42 fsync(3) = 0\n42 write(3, "half of')
  assert.equal(counts(cut.facts), { used: 1, damaged: 1 })
  assert.equal(codes(cut), ['strace/damaged-line', 'strace/cut-last-line'])
  const whole = await read('42 fsync(3) = 0\n42 fsync(3) = 0')
  assert.equal(counts(whole.facts), { used: 2 })
  assert.equal(codes(whole), [])
})

reading('an empty source', async () => {
  const { rows, facts } = await read('')
  assert.equal(rows, [])
  assert.is(facts.lines, 0)
})

reading('unknown calls of another architecture are counted by name', async () => {
  const { facts } = await read(
    '42 riscv_flush_icache(0x1, 0x2, 0) = 0\n42 syscall_0x1a9(0, 0) = -1 ENOSYS (x)\n42 readv#64(3) = 5\n',
  )
  assert.equal(facts.calls, { riscv_flush_icache: 1, syscall_0x1a9: 1, 'readv#64': 1 })
  assert.equal(facts.errors, { syscall_0x1a9: 1 })
})

reading('more names of calls than any kernel has', async () => {
  const lines: string[] = []
  for (let k = 0; k < 5000; k++) lines.push(`42 name_${k}() = 0`)
  lines.push('42 name_7() = 0')
  const result = await read(`${lines.join('\n')}\n`)
  assert.is(Object.keys(result.facts.calls).length, 4096)
  assert.is(result.facts.calls.name_7, 2)
  assert.is(result.facts.foreign, 904)
  assert.equal(codes(result), ['strace/too-many-names'])
})

reading('a log of failed calls only hides the others', async () => {
  const failed = '42 openat(AT_FDCWD, "/x", O_RDONLY) = -1 ENOENT (No such file or directory)\n'
  assert.equal(codes(await read(failed.repeat(8))), ['strace/only-failed'])
  assert.equal(codes(await read(`${failed.repeat(8)}42 getpid() = 42\n`)), [])
})

reading('tasks that exit without a call that ends one: strace -P, or -e', async () => {
  const shown = '7 1.0 fsync(3) = 0\n'
  const ended = '7 1.1 +++ exited with 0 +++\n8 1.2 +++ exited with 1 +++\n'
  assert.equal(codes(await read(shown + ended)), ['strace/hidden-calls'])
  // Who waits in exit_group, or is ended by another thread's execve, calls nothing more; nor does who is killed.
  for (const ends of ['8 1.0 exit_group(0 <unfinished ...>\n', '9 1.0 execve("/x", [], []) = 0\n'])
    assert.not(codes(await read(shown + ends + ended)).includes('strace/hidden-calls'), ends)
  assert.not(
    codes(await read(shown + ended.replaceAll(/exited with ./g, 'killed by SIGKILL'))).includes('strace/hidden-calls'),
  )
  // One thread of several that was traced alone.
  assert.equal(codes(await read(`${shown}7 1.1 +++ exited with 0 +++\n`)), [])
})

reading('-z prints the rest of an interrupted line bare', async () => {
  const result = await read(`\
42 fdatasync(3 <unfinished ...>
)                      = 0
42 wait4(41,  <unfinished ...>
NULL, 0, NULL)         = 41
42 fdatasync(3 <unfinished ...>
some output = 0
42 <... fdatasync resumed>) = 0
`)
  assert.equal(result.facts.calls, { fdatasync: 2, wait4: 1 })
  assert.equal(counts(result.facts), { used: 4, counted: 2, foreign: 1 })
})

// The table of -C counts what the lines hold: strace itself is the judge. Recorded with strace 6.1, machine names removed.

const HEAD = `\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------`

const JUDGED: [what: string, log: string][] = [
  [
    'interrupted calls are counted each time, as errors; exit_group and killed calls are not',
    `\
500 read(3, 0x7fff2cf84787, 1)        = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
500 --- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---
500 rt_sigreturn({mask=[]})           = -1 EINTR (Interrupted system call)
500 read(3,  <unfinished ...>
501 write(4, "x", 1 <unfinished ...>
500 <... read resumed>"x", 1)         = 1
501 <... write resumed>)              = 1
501 exit_group(0 <unfinished ...>
500 pause( <unfinished ...>
501 <... exit_group resumed>)         = ?
501 +++ exited with 0 +++
500 <... pause resumed>)              = ? ERESTARTNOHAND (To be restarted if no handler)
502 fsync(5 <unfinished ...>
502 <... fsync resumed>)              = ?
502 +++ killed by SIGKILL +++
500 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=200000000}, NULL) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)
500 fsync(-1)                         = -1 EBADF (Bad file descriptor)
500 exit_group(0)                     = ?
500 +++ exited with 0 +++
${HEAD}
 50.00    0.000077          16         2         1 read
 10.00    0.000018           9         1           write
 10.00    0.000018           9         1         1 rt_sigreturn
 10.00    0.000018           9         1         1 pause
 10.00    0.000018           9         1         1 clock_nanosleep
 10.00    0.000018           9         1         1 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.001391          11         7         5 total
`,
  ],
  [
    'injected and delayed calls are counted; calls without a name are in no table',
    `\
500 fsync(5)                          = -1 EIO (Input/output error) (INJECTED)
500 fsync(5)                          = 0 (INJECTED)
500 fdatasync(5)                      = 0 (DELAYED)
500 syscall_0x270f(0, 0, 0x7f37c824fbd3, 0, 0x7f37c83776d0, 0x7800000000000000) = -1 ENOSYS (Function not implemented)
500 exit_group(0)                     = ?
${HEAD}
 50.00    0.000077          16         2         1 fsync
 50.00    0.000077          16         1           fdatasync
------ ----------- ----------- --------- --------- ----------------
100.00    0.000154          11         3         1 total
`,
  ],
  [
    'execve that succeeds is counted, also when a thread takes over its process',
    `\
500 execve("/srv/app/prog", ["/srv/app/prog"], 0x7ffff4d96010 /* 24 vars */) = 0
501 pause( <unfinished ...>
502 execve("/bin/true", ["true"], 0x7fff2ce66378 /* 24 vars */ <unfinished ...>
500 pause( <unfinished ...>
501 <... pause resumed>)              = ?
500 <... pause resumed>)              = ?
501 +++ exited with 0 +++
500 +++ superseded by execve in pid 502 +++
500 <... execve resumed>)             = 0
500 exit_group(0)                     = ?
500 +++ exited with 0 +++
${HEAD}
100.00    0.000077          16         2           execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.000077          16         2           total
`,
  ],
]

for (const [what, log] of JUDGED) {
  reading(`-C: ${what}`, async () => {
    const result = await read(log)
    assert.is(result.facts.summaryAgrees, true, JSON.stringify(result.diagnostics))
    for (const { call, errors } of result.facts.summary) {
      // The tracer's own results are no errors of the kernel's.
      if (call !== 'total' && !log.includes('INJECTED')) assert.is(result.facts.errors[call] ?? 0, errors, call)
    }
    const lines = log.trimEnd().split('\n')
    const short = await read(`${lines.filter((line) => !/^500 execve|^500 fsync/.test(line)).join('\n')}\n`)
    assert.is(short.facts.summaryAgrees, false)
    assert.ok(codes(short).includes('strace/summary-differs'))
  })
}

// Any bytes ---------------------------------------------------------------------------------------------------------

reading('any bytes in any pieces: nothing is thrown, every line is accounted for', () => {
  fc.assert(
    fc.property(
      anyBytes,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      (bytes, sizes) => {
        const diagnostics = new Diagnostics()
        const parser = new StraceParser('memory', diagnostics)
        for (let at = 0, k = 0; at < bytes.length; k++) {
          const size = sizes[k % sizes.length]
          const chunk = Uint8Array.prototype.slice.call(bytes, at, at + size)
          for (let pos = 0; pos < chunk.length;) {
            pos = parser.consume(chunk, pos)
            if (pos < chunk.length) parser.recycle()
          }
          at += size
        }
        parser.end()
        const lines =
          bytes.toString('latin1').split('\n').length - (bytes.length === 0 || bytes.at(-1) === 0x0a ? 1 : 0)
        assert.is(parser.facts.lines, lines)
        assert.is(linesAccounted(parser.facts), lines)
        JSON.stringify([parser.facts, diagnostics.rows()])
      },
    ),
    { numRuns: 3000 },
  )
})

reading('a small log, packed or not, has a batch of its own size: a set has thousands at once', async () => {
  const text = Buffer.from('1795175435.438954 fsync(3</srv/x>) = 0 <0.000021>\n')
  for (const compression of [null, 'gzip'] as const) {
    const source = { ...memorySource(text), compression }
    for await (const batch of readStrace(source, new Diagnostics(), 1).batches) {
      assert.is(batch.length, 1)
      assert.is(batch.capacity, 32, `${compression}`)
    }
  }
})

reading('any bytes: the same in pieces of any size', async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.integer({ min: 1, max: 40 }), async (bytes, piece) => {
      assert.is(everything(await read(bytes, piece)), everything(await read(bytes, 1 << 20)))
    }),
    { numRuns: 3000 },
  )
})

reading.run()
