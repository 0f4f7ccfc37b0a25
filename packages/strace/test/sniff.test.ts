import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sniffStrace, tidOfName } from '../src/index.ts'

const sniffing = suite('sniff')

function kind(text: string | Uint8Array): string | null {
  return sniffStrace(typeof text === 'string' ? Buffer.from(text) : text)
}

sniffing('logs of every layout', () => {
  const body = 'fsync(3) = 0\nclose(3) = 0\n'
  for (const leader of [
    '',
    '15314 ',
    '[pid 15314] ',
    '16509<python3>      0.000299 [  74] [00007f92f34f8c20] ',
    '15314 1795173544.668163 ',
    '11:19:30.054771 ',
    '     0 ',
  ]) {
    assert.is(kind(body.replace(/^(?=.)/gm, leader)), 'strace', leader)
  }
  assert.is(kind('\x1b[33mfsync\x1b[0m(3) = \x1b[32m0\x1b[0m\n'), 'strace')
  assert.is(kind('[pid 5] \x1b[33mfsync\x1b[0m(\x1b[36m3\x1b[0m) = \x1b[32m0\x1b[0m\n'), 'strace')
  assert.is(kind(body.replaceAll('\n', '\r\n')), 'strace')
})

sniffing('one line is enough, also a part of one', () => {
  assert.is(kind('fsync(3) = 0'), 'strace')
  assert.is(kind('15314 fsync(3 <unfinished ...>\n'), 'strace')
  assert.is(kind('15314 <... fsync resumed>) = 0\n'), 'strace')
  assert.is(kind('+++ exited with 0 +++\n'), 'strace')
  assert.is(kind('15314 +++ killed by SIGKILL +++\n'), 'strace')
  assert.is(kind('15314 ???( <unfinished ...>\n'), 'strace')
  // The head ends within a first line of a megabyte.
  assert.is(kind(`15314 write(3, "${'x'.repeat(65_000)}`), 'strace')
  assert.is(kind(`1795173544.668163 write(3, "${'x'.repeat(65_000)}`), 'strace')
})

sniffing('results of every kind', () => {
  for (const result of [
    '0',
    '-1 ENOENT (No such file or directory)',
    '3</srv/x>',
    '? ERESTARTSYS (To be restarted)',
    '?',
    '0x7f00',
    '0 <0.000021>',
    '0 (Timeout)',
    "5 /* 12345 in strace's PID NS */",
    '? <unavailable>',
    '3 [system_u:object_r:tmp_t:s0]',
  ]) {
    assert.is(kind(`open("x") = ${result}\n`), 'strace', result)
  }
})

sniffing('a log that begins with what the program writes', () => {
  const output = Array.from({ length: 8 }, (_, k) => `building ${k} of 8`).join('\n')
  assert.is(kind(`${output}\nfsync(3) = 0\nclose(3) = 0\n`), 'strace')
  // Program output only, then calls: fifty of them are a log, whatever surrounds them.
  assert.is(kind(`${'line\n'.repeat(1000)}${'fsync(3) = 0\n'.repeat(60)}`), 'strace')
})

sniffing('a table of its own', () => {
  const table = `\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 83.52    0.000512          51        10           fdatasync
100.00    0.000613          40        15           total
`
  assert.is(kind(table), 'strace-summary')
  assert.is(kind(`program output\n${table}`), 'strace-summary')
  assert.is(kind(`fsync(3) = 0\n${table}`), 'strace')
})

sniffing('prose that quotes calls', () => {
  const prose = `\
# Why is it slow?

We see that fsync(3) = 0 takes long, and so does

    fdatasync(4) = 0 <0.1>

when the log is on the same disk. In the trace,
fsync(3) = 0 means that it was durable, and
write(1, ...) is not a flush. What follows is
about the journal of the file system, and how
the order of writes is kept there by barriers.
See the manual of the tool for its options.
More of it in the next part.
Nothing of this is a trace.
`
  assert.is(kind(prose), null)
})

sniffing('code', () => {
  assert.is(kind('#include <stdio.h>\nint main(void)\n{\n  fsync(3);\n  return close(3) == 0;\n}\n'), null)
  assert.is(kind('def f(x):\n  return g(x)\nf(1) == 2\nf(2)\n'), null)
})

sniffing('other tools', () => {
  const blkparse = `\
  8,0    3        1     0.000000000   697  G   W 223490 + 8 [kjournald]
  8,0    3        2     0.000001829   697  P   R [kjournald]
  8,0    3        3     0.000002197   697  Q   W 223490 + 8 [kjournald]
254,0    1        4     0.000002534 15314  C  WS 223490 + 8 [0]
`
  assert.is(kind(blkparse), null)
  const sysdig = `\
1 11:19:30.054771123 0 postgres (15314.15314) > fsync fd=3(<f>/srv/x)
2 11:19:30.054779123 0 postgres (15314.15314) < fsync res=0
3 11:19:30.054781123 1 postgres (15314.15314) > write fd=3(<f>/srv/x) size=94
4 11:19:30.054790123 1 postgres (15314.15314) < write res=94 data=fsync(3) = 0
`
  assert.is(kind(sysdig), null)
  const ftrace = `\
# tracer: nop
     jbd2/loop0-8-697   [000] ..... 12345.678901: block_rq_issue: 7,0 WS 4096 () 2048 + 8 [jbd2/loop0-8]
`
  assert.is(kind(ftrace), null)
  const perf = `\
     0.000 ( 0.012 ms): postgres/15314 fsync(fd: 3</srv/x>)                     = 0
`
  assert.is(kind(perf), null)
})

sniffing('bytes that are no text', () => {
  assert.is(kind(''), null)
  assert.is(kind('\n\n\n'), null)
  let state = 7
  const random = Uint8Array.from(
    { length: 1 << 16 },
    () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24,
  )
  assert.is(kind(random), null)
  assert.is(kind(new Uint8Array(1 << 16)), null)
  assert.is(kind(Buffer.from('\x7fELF\x02\x01\x01\0\0\0fsync\0close\0', 'latin1')), null)
})

sniffing('what only looks like strace', () => {
  const truss = 'openat(AT_FDCWD,"/etc/libmap.conf",O_RDONLY|O_CLOEXEC,00) = 3 (0x3)\nfsync(0x3) = 0 (0x0)\n'
  assert.is(kind(truss), null)
  const ltrace = 'open("z", 65, 0644)  = 3\nfsync(3, 0x562ed60bd006)  = 0\nclose(3)  = 0\n+++ exited (status 0) +++\n'
  assert.is(kind(ltrace), null)
  assert.is(kind('fsync(3)  = 0\n'.repeat(60)), 'strace')
  assert.is(kind(`${'fsync(3)  = 0\n'.repeat(60)}${ltrace}`), null, 'told late')
  assert.is(kind('malloc(24)  = 0x55\nfsync(3)  = 0\nfree(0x55)  = <void>\n'), null)
  assert.is(kind('5 1795703457.705055 SYS_fsync(3)  = 0 <0.000016>\n5 1795703457.7 fsync(3)  = 0 <0.000316>\n'), null)
  // What a traced program writes of it is no sign.
  assert.is(kind('write(1, "free(0x55) = <void>\\n", 20) = 20\n'), 'strace')
  assert.is(kind('fcntl(3, F_GETFL) = 0x1 (flags O_WRONLY)\n'), 'strace')
})

sniffing('the task of a -ff file', () => {
  assert.is(tidOfName('trace.27405'), 27405)
  assert.is(tidOfName('/a/trace.27405.gz'), 27405)
  assert.is(tidOfName('/a/trace.27405.zst'), 27405)
  for (const name of ['trace', 'trace.txt', '/a.27405/trace', 'trace.20261120', 'trace.27405.bak']) {
    assert.is(tidOfName(name), 0, name)
  }
})

sniffing.run()
