import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readScap } from '../src/index.ts'
import { EVENTS } from '../src/event-table.ts'
import { block, event, eventId, generic, i64, machine, processList, section, u32, START, type Param } from './build.ts'
import { collect, withoutTimes, type Collected } from './collect.ts'

const head = Buffer.concat([section(), machine()])

async function read(...blocks: Uint8Array[]): Promise<Collected> {
  return collect(Buffer.concat([head, ...blocks]), readScap)
}

function codes({ diagnostics }: Collected): string[] {
  return diagnostics.map(({ code, count }) => `${code} ${count}`)
}

test('an fsync of 2016 (v1 events, as published) is one call, and took what lies between', async () => {
  const enter = Buffer.from(
    '040200002c0000000100735f452131528e1459160000000000001e0000000000020002004800' + '4a002c000000',
    'hex',
  )
  const exit = Buffer.from(
    '04020000280000000100a50d4a2131528e1459160000000000001a000000010002004800' + '28000000',
    'hex',
  )
  const result = await collect(Buffer.concat([section(0), enter, exit]), readScap)
  assert.equal(result.rows, ['5721 fsync at=0 took=306738'])
  assert.equal(result.facts.calls, { fsync: 1 })
  assert.equal(result.facts.types, { fsync: { enter: 1, exit: 1 } })
  assert.is(result.facts.version, '1.0')
})

test('v2: a call without a code of its own is told by its number on x86-64', async () => {
  const enter = Buffer.from(
    '16020000300000000000aef005a2df107617f70200000000000022000000000002000000020002000000' + '4a0030000000',
    'hex',
  )
  const result = await read(enter, generic(0, null, true, { tid: 759, atNs: 10_000_000_000_000_000n }))
  assert.equal(result.facts.calls, { fsync: 1 })
})

test('times are exact ns, and the first event is the origin', async () => {
  const result = await read(generic(72, 74, false, { atNs: 5n }), generic(72, 74, true, { atNs: 1_000_000_007n }))
  assert.equal(result.rows, ['100 fsync at=0 took=1000000002'])
  const { batches } = readScap(memorySource(Buffer.concat([head, generic(72, 74, true)])), new Diagnostics())
  for await (const batch of batches) {
    assert.equal(batch.origin, { seconds: 1_700_000_000, nanos: 123_456_789 })
    assert.is(batch.clock, 'wall')
  }
  assert.is(START % 1_000_000_000n, 123_456_789n)
})

// [call code, x86-64 number] of everything that flushes without an event of its own
for (const [name, code, native] of [
  ['sync', 24, 162],
  ['fsync', 72, 74],
  ['msync', 86, 26],
  ['fdatasync', 90, 75],
  ['syncfs', 238, 306],
  ['sync_file_range', 388, 277],
] as const) {
  test(`${name}: one row from enter and exit, from an exit alone, and from an enter whose exit was lost`, async () => {
    const flags = name === 'msync' ? ' flags=4' : ''
    const row = `100 ${name}${flags}`
    const both = await read(generic(code, native, false), generic(code, native, true, { atNs: 9n }))
    assert.equal(both.rows, [`${row} at=0 took=9`])
    const exitOnly = await read(generic(code, native, true))
    assert.equal(exitOnly.rows, [`${row} at=0`])
    assert.is(exitOnly.facts.shows, 'exit')
    const lost = await read(
      generic(code, native, false),
      generic(code, native, false, { atNs: 50n }),
      generic(code, native, true, { atNs: 60n }),
    )
    assert.equal(lost.rows, [`${row} at=0`, `${row} at=50 took=10`])
    assert.is(lost.facts.lostExits, 1)
    assert.equal(lost.facts.calls, { [name]: 2 })
  })
}

test('a capture of enters alone counts each once, the last one included', async () => {
  const result = await read(
    generic(72, 74, false),
    generic(90, 75, false, { atNs: 5n }),
    generic(90, 75, false, { tid: 7 }),
  )
  assert.is(result.facts.shows, 'enter')
  assert.equal(result.facts.calls, { fsync: 1, fdatasync: 2 })
})

test('a flush under way when the capture ends, or its task dies, is none', async () => {
  const procexit = event(eventId('procexit', false), [i64(0)], { tid: 8 })
  const result = await read(generic(72, 74, true), generic(72, 74, false), generic(72, 74, false, { tid: 8 }), procexit)
  assert.equal(result.facts.calls, { fsync: 1 })
  assert.is(result.facts.inFlight, 2)
  assert.ok(codes(result).includes('sysdig/in-flight 2'))
})

/** The same calls as recorded before 2025 (parameters on the enter) and since (all on the exit). */
const GENERATIONS: readonly [
  name: string,
  enter: [number, Param[]],
  old: [number, Param[]],
  now: [number, Param[]],
  row: string,
][] = [
  [
    'write',
    [8, [i64(4), u32(100)]],
    [9, [i64(90), Buffer.from('data')]],
    [9, [i64(90), Buffer.from('data'), i64(4), u32(100)]],
    '100 write fd=4 size=100 = 90',
  ],
  [
    'pwrite',
    [114, [i64(4), u32(100), i64(4096)]],
    [115, [i64(100), Buffer.from('')]],
    [115, [i64(100), null, i64(4), u32(100), i64(4096)]],
    '100 pwrite fd=4 size=100 offset=4096 = 100',
  ],
  ['close', [4, [i64(4)]], [5, [i64(-9)]], [5, [i64(-9), i64(4)]], '100 close fd=4 failed EBADF = -9'],
  [
    'mmap',
    [160, [i64(0), i64(8192), u32(3), u32(1), i64(4), i64(4096)]],
    [161, [i64(0x7fa69774e000), u32(1), u32(1), u32(0)]],
    [161, [i64(0x7fa69774e000), u32(1), u32(1), u32(0), i64(0), i64(8192), u32(3), u32(1), i64(4), i64(4096)]],
    '100 mmap fd=4 addr=0 size=8192 offset=4096 flags=1 flags2=3 = 140353482317824',
  ],
  [
    'munmap',
    [164, [i64(4096), i64(8192)]],
    [165, [i64(0), u32(1), u32(1), u32(0)]],
    [165, [i64(0), u32(1), u32(1), u32(0), i64(4096), i64(8192)]],
    '100 munmap addr=4096 size=8192 = 0',
  ],
  [
    'fcntl',
    [150, [i64(4), { bytes: 1, value: 26 }]],
    [151, [i64(9)]],
    [151, [i64(9), i64(4), { bytes: 1, value: 26 }]],
    '100 fcntl fd=4 flags=1030 = 9',
  ],
  [
    'splice',
    [166, [i64(3), i64(4), i64(512), u32(0)]],
    [167, [i64(500)]],
    [167, [i64(500), i64(3), i64(4), i64(512), u32(0)]],
    '100 splice fd=4 fd2=3 size=512 = 500',
  ],
  [
    'sendfile',
    [188, [i64(4), i64(3), i64(0), i64(512)]],
    [189, [i64(500), i64(500)]],
    [189, [i64(500), i64(500), i64(4), i64(3), i64(512)]],
    '100 sendfile fd=4 fd2=3 size=512 = 500',
  ],
  ['fchdir', [96, [i64(4)]], [97, [i64(0)]], [97, [i64(0), i64(4)]], '100 fchdir fd=4 = 0'],
]

for (const [name, enter, old, now, row] of GENERATIONS) {
  test(`${name}: old and new captures lead to the same row`, async () => {
    const before = await read(event(enter[0], enter[1]), event(old[0], old[1], { atNs: 3n }))
    const since = await read(event(now[0], now[1]))
    assert.equal(before.rows, [`${row} at=0 took=3`])
    assert.equal(since.rows, [`${row} at=0`])
    assert.equal(before.facts.calls, since.facts.calls)
  })
}

test('open: flags become the kernel’s, device and inode come along', async () => {
  const flags = 1 + 2 + 4 + 16 + 4096 // O_RDWR|O_CREAT|O_DSYNC|O_CLOEXEC in sysdig's bits
  const openat = eventId('openat', true, 'fd dirfd')
  const result = await read(
    event(openat, [i64(5), i64(-100), 'a b', u32(flags), u32(0o644), u32(0xfd01), i64(593530)]),
    event(openat, [i64(-2), i64(-100), '/nowhere', u32(1), u32(0)], { atNs: 1n }),
  )
  assert.equal(withoutTimes(result.rows), [
    '100 openat fd=-100 path=a b flags=528450 {"kind":"stat","inode":593530,"device":"253:1"} = 5',
    '100 openat fd=-100 path=/nowhere failed ENOENT = -2',
  ])
  assert.equal(result.facts.errors, { openat: 1 })
})

test('old calls whose path stands on the enter only', async () => {
  const result = await read(
    event(108, ['/srv/x']),
    event(109, [i64(0)], { atNs: 1n }),
    event(102, [i64(7), 'y', u32(3), u32(0)], { atNs: 2n }),
    event(103, [i64(4)], { atNs: 3n }),
  )
  assert.equal(withoutTimes(result.rows), ['100 unlink path=/srv/x = 0', '100 openat fd=7 path=y flags=2 = 4'])
})

test('what another task does between enter and exit comes in between', async () => {
  const result = await read(
    event(4, [i64(4)]),
    event(5, [i64(0), i64(3)], { tid: 200, atNs: 1n }),
    event(5, [i64(0)], { atNs: 2n }),
  )
  assert.equal(result.rows, [
    '100 close enter fd=4 at=0',
    '200 close fd=3 = 0 at=1',
    '100 close exit fd=4 = 0 at=0 took=2',
  ])
})

test('events of all block types lead to the same row', async () => {
  for (const type of [0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x8010abcd]) {
    if (type === 0x8010abcd) continue // the same layout as 0x204
    const result = await read(
      event(8, [i64(4), u32(7)], { type }),
      event(9, [i64(7), Buffer.from('x')], { type, atNs: 2n }),
    )
    assert.equal(result.rows, ['100 write fd=4 size=7 = 7 at=0 took=2'], `type ${type.toString(16)}`)
    assert.equal(result.diagnostics, [])
  }
})

test('v1 does not say how many parameters an event has: older drivers wrote fewer', async () => {
  const v1 = { type: 0x204 }
  const open = await read(event(3, [i64(3), '/etc/passwd', u32(1), u32(0)], v1))
  assert.equal(open.rows, ['100 open path=/etc/passwd = 3 at=0'])
  const bare = await read(event(2, [], v1), event(3, [i64(3), '/etc/passwd', u32(1), u32(0), u32(0x801)], v1))
  assert.equal(bare.rows.length, 1)
  assert.equal(bare.diagnostics, [])
})

test('more parameters than are known are left alone; unknown events and blocks are skipped and counted', async () => {
  const result = await read(
    event(9, [i64(7), Buffer.from('x'), i64(4), u32(7), i64(99), 'new']),
    event(9999, [i64(7)]),
    block(0x777, Buffer.alloc(40)),
    generic(72, 74, true, { atNs: 1n }),
  )
  assert.equal(withoutTimes(result.rows), ['100 write fd=4 size=7 = 7', '100 fsync'])
  assert.ok(codes(result).includes('sysdig/unknown-event 1'))
  assert.ok(codes(result).includes('sysdig/unknown-block 1'))
  assert.is(result.facts.damaged, 0)
})

test('a block may go on behind its event: the comment of an editor', async () => {
  const plain = generic(72, 74, true)
  const comment = Buffer.from([1, 0, 5, 0, ...Buffer.from('hello\0\0\0'), 0, 0, 0, 0])
  const body = Buffer.concat([plain.subarray(8, plain.length - 4), comment])
  const result = await read(block(0x216, body))
  assert.equal(result.rows, ['100 fsync at=0'])
  assert.is(result.facts.damaged, 0)
})

test('state-only events change state and are not counted', async () => {
  const openat = eventId('openat', true, 'fd dirfd')
  const result = await read(
    event(openat, [i64(5), i64(-100), '/a', u32(1), u32(0)], { type: 0x217, flags: 1 }),
    generic(72, 74, true, { type: 0x217, flags: 1, atNs: 1n }),
    event(9, [i64(7), null, i64(5), u32(7)], { type: 0x217, flags: 1, atNs: 2n }),
  )
  assert.equal(withoutTimes(result.rows), ['100 openat fd=-100 path=/a = 5'])
  assert.is(result.facts.stateOnly, 3)
  assert.equal(result.facts.calls, {})
})

test('sections one after the other: calls do not reach from one to the next', async () => {
  const first = Buffer.concat([head, generic(72, 74, false)])
  const second = Buffer.concat([head, generic(72, 74, true, { atNs: 500n }), generic(90, 75, true, { atNs: 600n })])
  const result = await collect(Buffer.concat([first, second]), readScap)
  assert.equal(result.rows, ['0 +tasks 0 at=500', '100 fsync at=500', '100 fdatasync at=600'])
  assert.is(result.facts.sections, 2)
})

test('execve: name, command line, container; the environment is nowhere', async () => {
  const execve = eventId(
    'execve',
    true,
    'res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap comm cgroups env tty vpgid',
  )
  const id = '3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e'
  const names = EVENTS[execve].parameters
  const values: Record<string, Param> = {
    res: i64(0),
    exe: 'python3',
    args: Buffer.from('/usr/sbin/tool\0-x\0'),
    tid: i64(100),
    pid: i64(100),
    cwd: '/srv',
    comm: 'tool',
    cgroups: Buffer.from(`cpu=/docker/${id}\0mem=/docker/${id}\0`),
    env: Buffer.from('PASSWORD=secret\0'),
    trusted_exepath: '/usr/bin/python3.11',
  }
  const result = await read(
    event(
      execve,
      names.map((name) => values[name] ?? null),
    ),
  )
  assert.equal(withoutTimes(result.rows), [
    '100 execve path=/usr/bin/python3.11 {"kind":"argv","argv":["python3","/usr/sbin/tool","-x"],"cut":false} = 0',
    '100 getcwd path=/srv',
    '100 +name path=tool',
    '100 +container path=3ad7b26ded6d',
  ])
  assert.is(result.reading.containers.get(100), '3ad7b26ded6d')
  assert.equal(result.facts.containers, { '3ad7b26ded6d': 1 })
  assert.not.ok(JSON.stringify([result.rows, result.facts, [...result.reading.processes]]).includes('secret'))
})

test('recvmsg and recvmmsg with SCM_RIGHTS bring descriptors', async () => {
  const control = Buffer.alloc(24)
  control.writeUInt32LE(24, 0)
  control.writeInt32LE(1, 8)
  control.writeInt32LE(1, 12)
  control.writeInt32LE(11, 16)
  control.writeInt32LE(12, 20)
  const recvmsg = eventId('recvmsg', true)
  const result = await read(
    event(recvmsg, [i64(1), u32(1), Buffer.from('x'), null, control, i64(3)]),
    event(recvmsg, [i64(1), u32(1), Buffer.from('x'), null, null, i64(3)], { atNs: 1n }),
  )
  const fds = '{"kind":"fds","fds":[{"fd":11,"name":null},{"fd":12,"name":null}]}'
  assert.equal(withoutTimes(result.rows), [`100 recvmsg fd=3 ${fds} = 1`])
  assert.equal(result.facts.calls, { recvmsg: 2 })
  // One event for each of its messages.
  const recvmmsg = eventId('recvmmsg', true)
  const many = await read(
    event(recvmmsg, [i64(1), i64(3), u32(1), Buffer.from('x'), null, control]),
    event(recvmmsg, [i64(1), i64(3), u32(1), Buffer.from('x'), null, control], { atNs: 1n }),
    event(recvmmsg, [i64(-11), i64(3), u32(0), null, null, null], { atNs: 2n }),
    event(recvmmsg, [], { atNs: 3n }),
  )
  assert.equal(withoutTimes(many.rows), [`100 recvmmsg fd=3 ${fds} = 1`, `100 recvmmsg fd=3 ${fds} = 1`])
})

test('F_SETFD without its argument changes nothing; with it, it does', async () => {
  const setfd = { bytes: 1, value: 3 } as const
  const result = await read(
    event(151, [i64(0), i64(4), setfd]),
    event(151, [i64(0), i64(4), setfd, i64(1)], { atNs: 1n }),
  )
  assert.equal(withoutTimes(result.rows), ['100 fcntl fd=4 flags=2 flags2=1 = 0'])
})

test('an ioctl that sets or clears close-on-exec is a row, others are none', async () => {
  const [FIOCLEX, FIONCLEX, TCGETS] = [0x5451, 0x5450, 0x5401].map(i64)
  const result = await read(
    event(170, [i64(4), FIOCLEX, i64(0)]),
    event(171, [i64(0)], { atNs: 1n }),
    event(170, [i64(4), TCGETS, i64(0)], { atNs: 2n }),
    event(171, [i64(0)], { atNs: 3n }),
    event(171, [i64(0), i64(4), FIONCLEX, i64(0)], { atNs: 4n }),
    event(171, [i64(0), i64(4), TCGETS, i64(0)], { atNs: 5n }),
  )
  assert.equal(withoutTimes(result.rows), ['100 ioctl fd=4 flags=21585 = 0', '100 ioctl fd=4 flags=21584 = 0'])
})

test('an ioctl that shares blocks is a row; FICLONE tells of which file', async () => {
  const [FICLONE, FICLONERANGE, FIDEDUPERANGE] = [0x40049409, 0x4020940d, 0xc0189436]
  const address = i64(0x7ffca52ca1f0)
  const result = await read(
    event(170, [i64(4), i64(FICLONE), i64(3)]),
    event(171, [i64(0)], { atNs: 1n }),
    event(171, [i64(-18), i64(4), i64(FICLONE), i64(3)], { atNs: 2n }),
    event(171, [i64(0), i64(4), i64(FICLONERANGE), address], { atNs: 3n }),
    // As a program has it whose request is a signed number.
    event(171, [i64(0), i64(4), i64(FIDEDUPERANGE - 2 ** 32), address], { atNs: 4n }),
  )
  assert.equal(withoutTimes(result.rows), [
    `100 ioctl fd=4 fd2=3 flags=${FICLONE} = 0`,
    `100 ioctl fd=4 fd2=3 flags=${FICLONE} failed EXDEV = -18`,
    `100 ioctl fd=4 flags=${FICLONERANGE} = 0`,
    `100 ioctl fd=4 flags=${FIDEDUPERANGE} = 0`,
  ])
})

test('open: O_EXCL, and that the call made the file', async () => {
  const openat = eventId('openat', true, 'fd dirfd')
  const open = (flags: number, atNs: bigint): Buffer =>
    event(openat, [i64(5), i64(-100), '/a', u32(flags), u32(0)], { atNs })
  const { rows } = await read(open(3 + 4 + 32, 0n), open(3 + 4 + 16384, 1n), open(3 + 4, 2n))
  assert.equal(
    rows.map((row) => Number(/flags=(\d+)/.exec(row)?.[1])),
    [0o302, 0o302, 0o102],
  )
})

test('openat2: what stays inside its directory; fcntl: locks of 32-bit programs', async () => {
  const openat2 = eventId('openat2', true)
  const open = (resolve: number, atNs: bigint): Buffer =>
    event(openat2, [i64(5), i64(4), '/a', u32(1), u32(0), u32(resolve), u32(0), i64(0)], { atNs })
  const lock = (fd: number, command: number, atNs: number): Buffer =>
    event(151, [i64(0), i64(fd), { bytes: 1, value: command }], { atNs: BigInt(atNs) })
  const result = await read(open(2, 0n), open(1, 1n), lock(4, 18, 2), lock(5, 19, 3), lock(5, 16, 4))
  assert.equal(withoutTimes(result.rows), [
    '100 openat2 fd=4 path=/a flags2=16 = 5',
    '100 openat2 fd=4 path=/a = 5',
    '100 fcntl fd=4 flags=6 = 0',
    '100 fcntl fd=5 flags=7 = 0',
  ])
})

test('of record locks in a row on one descriptor the first says it all; other commands say nothing', async () => {
  const lock = (fd: number, command: number, atNs: number): Buffer =>
    event(151, [i64(0), i64(fd), { bytes: 1, value: command }], { atNs: BigInt(atNs) })
  const result = await read(
    lock(4, 9, 0),
    lock(4, 8, 1),
    lock(4, 2, 2),
    lock(5, 9, 3),
    lock(4, 9, 4),
    generic(72, 74, true, { atNs: 5n }),
    lock(4, 9, 6),
  )
  assert.equal(withoutTimes(result.rows), [
    '100 fcntl fd=4 flags=7 = 0',
    '100 fcntl fd=5 flags=7 = 0',
    '100 fcntl fd=4 flags=7 = 0',
    '100 fsync',
    '100 fcntl fd=4 flags=7 = 0',
  ])
  assert.is(result.facts.calls.fcntl, 6)
})

test('what is listed is told before the first event that has a time', async () => {
  const list = processList(9, [
    { tid: 50, pid: 50, comm: 'server' },
    { tid: 51, pid: 50, comm: 'worker' },
  ])
  const note = event(272, ['{}'])
  note.writeBigUInt64LE(0n, 10)
  const result = await read(
    list,
    note,
    generic(72, 74, true, { tid: 51, atNs: 5n }),
    generic(72, 74, true, { tid: 50, atNs: 6n }),
  )
  assert.equal(result.rows, ['0 +tasks 2 whole at=0', '51 fsync at=0', '50 fsync at=1'])
  const procexit = event(eventId('procexit', false), [i64(0)], { tid: 50, atNs: 6n })
  const ended = await read(list, generic(72, 74, true, { tid: 51, atNs: 5n }), procexit)
  assert.equal(withoutTimes(ended.rows), ['0 +tasks 2 whole', '51 fsync', '50 +exit'])
})

test('sampling and calls that sysdig cannot show are said', async () => {
  const result = await read(
    event(148, [u32(4)]),
    generic(360, 328, true, { atNs: 1n }), // pwritev2
    generic(104, 25, true, { atNs: 2n }), // mremap
  )
  assert.equal(result.rows, [])
  const found = codes(result)
  for (const code of ['sampled', 'unseen-writes', 'unseen-mapping', 'exit-only']) {
    assert.ok(found.includes(`sysdig/${code} 1`), code)
  }
})

test('calls that sysdig did not know are told by their number, or said to have none', async () => {
  const numbered = await read(
    generic(0, 74, false), // fsync
    generic(0, null, true, { atNs: 1n }),
    generic(0, 221, false, { atNs: 2n }), // fadvise64
    generic(0, null, true, { atNs: 3n }),
  )
  assert.equal(numbered.rows, ['100 fsync at=0 took=1'])
  assert.equal(codes(numbered), ['sysdig/no-flush-file 1', 'sysdig/native-call-number 2'])
  assert.match(numbered.diagnostics[1].message, '(first: number 74)')
  const bare = await read(generic(0, null, true), generic(0, 221, true, { atNs: 2n }))
  assert.equal(codes(bare), ['sysdig/unnumbered-call 1', 'sysdig/exit-only 1', 'sysdig/native-call-number 1'])
})

test('a later section says anew which container a task is in', async () => {
  const entry = { tid: 42, pid: 42, comm: 'web' }
  const groups = (id: string): string => `cpu=/docker/${id.repeat(64)}\0`
  const both = [processList(9, [{ ...entry, cgroups: groups('a') }]), section(), machine()]
  const other = await read(...both, processList(9, [{ ...entry, cgroups: groups('b') }]), generic(72, 74, true))
  assert.equal([...other.reading.containers], [[42, 'b'.repeat(12)]])
  const none = await read(...both, processList(9, [entry]), generic(72, 74, true))
  assert.equal([...none.reading.containers], [])
})

test('idle events and notes without a time are no harm', async () => {
  const note = event(272, ['{}'])
  note.writeBigUInt64LE(0xffffffffffffffffn, 10)
  const result = await read(
    note,
    event(152, [i64(1)], { tid: 0 }),
    generic(72, 74, true, { atNs: 10n }),
    generic(72, 74, true, { atNs: 12n }),
  )
  assert.equal(result.rows, ['100 fsync at=10', '100 fsync at=12'])
  assert.is(result.facts.lastNs, 12)
})

test.run()
