import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sniffBlkparse, sniffBlktrace, sniffTracefs } from '../src/index.ts'
import { act, fixture, record } from './source.ts'

const sniff = suite('sniffing')

function kinds(head: Uint8Array): (string | null)[] {
  return [sniffBlktrace(head), sniffBlkparse(head), sniffTracefs(head)]
}

const OURS: [file: string, kind: string][] = [
  ['partition/loop0.blktrace.0', 'blktrace'],
  ['partition/loop0.blktrace.1', 'blktrace'],
  ['discard/blkparse.txt', 'blkparse'],
  ['partition/blkparse-head.txt', 'blkparse'],
  ['shapes/blkparse-t.txt', 'blkparse'],
  ['tables/btrace-s.txt', 'btrace-summary'],
  ['discard/tracefs.txt', 'tracefs'],
  ['samba/tracefs.txt', 'tracefs'],
]

for (const [file, kind] of OURS) {
  sniff(file, () => {
    const head = fixture(file).subarray(0, 1 << 16)
    assert.equal(
      kinds(head).filter((found) => found !== null),
      [kind],
    )
    // A short head, cut in the middle of a line or record.
    assert.equal(
      kinds(head.subarray(0, 2000)).filter((found) => found !== null),
      [kind],
    )
  })
}

sniff('records of each version and byte order', () => {
  for (const version of [1, 2] as const) {
    for (const big of [true, false])
      assert.is(sniffBlktrace(record({ time: 1, action: act(1, 'write') }, { version, big })), 'blktrace')
  }
})

sniff('a binary trace with a damaged beginning', () => {
  const bytes = Buffer.concat([Buffer.alloc(100, 1), fixture('partition/loop0.blktrace.1')])
  assert.is(sniffBlktrace(bytes.subarray(0, 1 << 16)), 'blktrace')
})

sniff('text of a -f format, when it is given', () => {
  const head = Buffer.from('Q 8 8 dd\nC 8 8 dd\n')
  assert.is(sniffBlkparse(head), null)
  assert.is(sniffBlkparse(head, '%a %S %n %C\n'), 'blkparse')
})

sniff('a recording that begins with tracepoints of other kinds', () => {
  const touch =
    '            perf 27926 [001]  1089.682757:                 block:block_dirty_buffer: 254,0 sector=8 size=4096\n'
  const wakeup =
    '          <idle>-0       [003] dNh2.   102.123456: sched_wakeup: comm=x pid=4711 prio=120 target_cpu=003\n'
  for (const line of [touch, wakeup]) {
    assert.equal(kinds(Buffer.from(line.repeat(100))), [null, null, 'tracefs'])
    assert.equal(kinds(Buffer.from(line)), [null, null, null])
  }
})

const OTHERS: [name: string, text: string][] = [
  [
    'strace',
    '6920  1795175435.438954 execve("/bin/ls", ["ls"], 0x7ffd /* 9 vars */) = 0 <0.000411>\n6920  1795175435.439 fsync(3</srv/a>) = 0 <0.1>\n',
  ],
  [
    'strace of a program that prints a trace',
    '12 write(1, "  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]\\n", 66) = 66\n',
  ],
  [
    'strace -c',
    '% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n 52.00    0.000123          12        10           fsync\n',
  ],
  [
    'sysdig',
    '1 12:00:00.123456789 0 cat (123) > open fd=3(<f>/etc/x) name=/etc/x\n2 12:00:00.123456790 0 cat (123) < read res=5\n',
  ],
  ['sysdig JSON', '{"evt.cpu":1,"evt.num":7,"evt.type":"fsync","proc.name":"x"}\n'],
  [
    'filefrag',
    'Filesystem type is: ef53\nFile size of /srv/a is 4096 (1 block of 4096 bytes)\n ext:     logical_offset:        physical_offset: length:   expected: flags:\n   0:        0..       0:      33280..     33280:      1:             last,eof\n',
  ],
  ['maps', '55d0c0000000-55d0c0001000 r--p 00000000 fe:00 1234 /usr/bin/cat\n'],
  ['ps', '    PID TTY          TIME CMD\n   1234 pts/0    00:00:00 bash (1)\n'],
  ['log', 'kernel: sd 0:0:0:0: [sda] 7,0 blocks (12)\nNov 20 11:05:44 host x[12]: started (12)\n'],
  ['nothing', ''],
]

for (const [name, text] of OTHERS)
  sniff(`not ours: ${name}`, () => assert.equal(kinds(Buffer.from(text)), [null, null, null]))

sniff('not ours: bytes without records', () => {
  assert.equal(kinds(Buffer.alloc(5000)), [null, null, null])
  assert.equal(kinds(Buffer.from([0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0, 0, 0])), [null, null, null])
})

sniff.run()
