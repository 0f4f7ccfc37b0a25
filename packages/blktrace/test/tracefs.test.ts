import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readBlktrace, readBlkparse, readTracefs, sniffTracefs } from '../src/index.ts'
import { collect, digest, fixture, textSource, type Read, type Row } from './source.ts'

const tracefs = suite('ftrace, trace-cmd and perf text')

function read(text: string, chunk?: number): Promise<Read> {
  const diagnostics = new Diagnostics()
  return collect(readTracefs(textSource(text, 'text', chunk), diagnostics), diagnostics)
}

const F = '              dd-1234    [001] d..1.  3706.776280: '

const LINES: [text: string, row: unknown[]][] = [
  [
    '         ldap(3)-7813    [001] .....  3706.776280: block_bio_queue: 7,0 WS 26704 + 24 [ldap(3)]',
    ['Q', 'WS', '7:0', 26704, 12288, 7813, 'ldap(3)', 1],
  ],
  [
    '    jbd2/loop0-8-25114   [001] .....  1915.431783: block_bio_queue: 7,0 FWFSM 527328 + 8 [jbd2/loop0-8]',
    ['Q', 'FWFSM', '7:0', 527328, 4096, 25114, 'jbd2/loop0-8', 1],
  ],
  [
    '          <idle>-0       [003] d.h2.   102.123456: block_rq_complete: 8,0 WS () 2048 + 8 none,0,0 [0]',
    ['C', 'WS', '8:0', 2048, 4096, 0, '<idle>', 3],
  ],
  [
    '           <...>-77      [003]   102.123456: block_rq_complete: 8,0 WS () 2048 + 8 [-5]',
    ['C', 'WS', '8:0', 2048, 4096, 77, null, 3, -5],
  ],
  [
    '     postgres: w-4711  ( 4700) [002] ....  1021.334455: block_rq_issue: 8,0 WS 4096 () 2048 + 8 [postgres: w]',
    ['D', 'WS', '8:0', 2048, 4096, 4711, 'postgres: w', 2],
  ],
  [
    '     postgres: w-4711  (-------) [002] ....  1021.334455: block_getrq: 8,0 R 2048 + 8 [postgres: w]',
    ['G', 'R', '8:0', 2048, 4096, 4711, 'postgres: w', 2],
  ],
  // Names are bytes: what ends a line elsewhere, or nothing at all.
  [
    '         evil\rname-7813 [001] .....  3706.776280: block_bio_queue: 7,0 WS 8 + 8 [evil\rname]\r',
    ['Q', 'WS', '7:0', 8, 4096, 7813, 'evil\rname', 1],
  ],
  [
    '      a\u2028b\f\v\x1b  4711 [002]  1021.334455: block:block_rq_issue: 8,0 WS 4096 () 8 + 8 [a\u2028b\f\v\x1b]',
    ['D', 'WS', '8:0', 8, 4096, 4711, 'a\u2028b\f\v\x1b', 2],
  ],
  [
    '                -7813 [001] .....  3706.776280: block_bio_queue: 7,0 WS 8 + 8 []',
    ['Q', 'WS', '7:0', 8, 4096, 7813, null, 1],
  ],
  [
    '                 4711 [002]  1021.334455: block:block_bio_queue: 8,0 WS 8 + 8 []',
    ['Q', 'WS', '8:0', 8, 4096, 4711, null, 2],
  ],
  // trace-cmd report: no flags, or a dash behind the name.
  [
    'kworker/u8:2-15424 [001]  3823.064610: block_rq_insert:      8,0 FF 0 () 18446744073709551615 + 0 [kworker/u8:2]',
    ['I', 'FN', '8:0', -1, 0, 15424, 'kworker/u8:2', 1],
  ],
  // perf script, with µs, ns, pid/tid, a raw priority.
  [
    '        postgres  4711 [002]  1021.334455: block:block_rq_issue: 8,0 WFSU 4096 () 2048 + 8 0x2,0,4 [postgres]',
    ['D', 'WFSU', '8:0', 2048, 4096, 4711, 'postgres', 2],
  ],
  [
    '   npm exec oclif  4711/4712 [002]  1021.334455123: block:block_bio_queue: 8,0 RA 2048 + 8 [npm exec oclif]',
    ['Q', 'RA', '8:0', 2048, 4096, 4712, 'npm exec oclif', 2],
  ],
  [`${F}block_bio_backmerge: 8,0 WS 2048 + 8 [dd]`, ['M', 'WS', '8:0', 2048, 4096, 1234, 'dd', 1]],
  [`${F}block_bio_remap: 8,0 WS 2056 + 8 <- (8,1) 8`, ['A', 'WS', '8:0', 2056, 4096, 1234, 'dd', 1, 0, '8:1 8']],
  [`${F}block_rq_remap: 8,0 WS 2056 + 8 <- (8,1) 8 1`, ['A', 'WS', '8:0', 2056, 4096, 1234, 'dd', 1, 0, '8:1 8']],
  [`${F}block_split: 8,0 WS 278528 / 281088 [dd]`, ['X', 'WS', '8:0', 278528, 2560 * 512, 1234, 'dd', 1, 0, '281088']],
  [`${F}block_rq_requeue: 8,0 WS () 8 + 8 [0]`, ['R', 'WS', '8:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_rq_error: 8,0 WS () 8 + 8 none,0,0 [-5]`, ['error', 'WS', '8:0', 8, 4096, 1234, 'dd', 1, -5]],
  [`${F}block_rq_merge: 8,0 W 4096 () 8 + 8 be,0,4 [dd]`, ['M', 'W', '8:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_bio_complete: 253,0 WS 8 + 8 [0]`, ['C', 'WS', '253:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_plug: [dd]`, ['P', 'N', null, -1, 0, 1234, 'dd', 1]],
  [`${F}block_unplug: [a b] 3`, ['U', 'N', null, -1, 0, 1234, 'a b', 1, 0, '3']],
  // The latency format, of ftrace and of trace-cmd report -l.
  [
    'jbd2/loo-24431     1d..1. 31330us#: block_bio_queue: 7,0 WSM 280218 + 2 [jbd2/loop0-8]',
    ['Q', 'WSM', '7:0', 280218, 1024, 24431, 'jbd2/loop0-8', 1],
  ],
  [
    '      dd-26176    12d..1. 11399us :   7,0    Q  WS 17922 + 80 [dd]',
    ['Q', 'WS', '7:0', 17922, 40960, 26176, 'dd', 12],
  ],
  [
    '      dd-26176     0.... 1021.334455: block_bio_queue: 7,0 WS 17922 + 80 [dd]',
    ['Q', 'WS', '7:0', 17922, 40960, 26176, 'dd', 0],
  ],
  // Letters that only tracepoints have.
  [`${F}block_bio_queue: 8,0 DE 8 + 8 [dd]`, ['Q', 'E', '8:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_bio_queue: 8,0 NS 8 + 8 [dd]`, ['Q', 'ZS', '8:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_bio_queue: 8,0 WZS 8 + 8 [dd]`, ['Q', 'ZS', '8:0', 8, 4096, 1234, 'dd', 1]],
  [`${F}block_bio_queue: 8,0 ZRA 0 + 0 [dd]`, ['Q', 'N', '8:0', 0, 0, 1234, 'dd', 1]],
  // Much older: no bytes, no command.
  [`${F}block_rq_issue: 8,0 W 2048 + 8 [dd]`, ['D', 'W', '8:0', 2048, 4096, 1234, 'dd', 1]],
  [`${F}block_rq_issue: 8,0 R 36 (12 00 00 00 24 00 ..) 0 + 0 [hdparm]`, ['D', 'R!', '8:0', 0, 36, 1234, 'hdparm', 1]],
  // The blk tracer.
  [`${F}  8,32   A   R 2048 + 8 <- (253,1) 0`, ['A', 'R', '8:32', 2048, 4096, 1234, 'dd', 1, 0, '253:1 0']],
  [`${F}  8,32   Q  WS 2048 + 8 [dd]`, ['Q', 'WS', '8:32', 2048, 4096, 1234, 'dd', 1]],
  [`${F}  8,32 unplug_io   N [dd] 1`, ['U', 'N', '8:32', -1, 0, 1234, 'dd', 1, 0, '1']],
  [`${F}  8,32 /user.slice   Q  WS 2048 + 8 [dd]`, ['Q', 'WS', '8:32', 2048, 4096, 1234, 'dd', 1]],
  ['  8,0    1     0.000000001  1234  Q  WS 123 + 8 [x]', ['Q', 'WS', '8:0', 123, 4096, 1234, 'x', 1]],
]

for (const [text, row] of LINES) {
  tracefs(text.trim(), async () => {
    const { rows, codes } = await read(`${text}\n`)
    assert.equal(codes, {})
    const found = rows.map(({ action, rwbs, device, sector, bytes, tid, comm, cpu, error, more }) => {
      const all = [action, rwbs, device, sector, bytes, tid, comm, cpu]
      if (error !== 0 || more !== undefined) all.push(error)
      return more === undefined ? all : [...all, more]
    })
    assert.equal(found, [row])
  })
}

const INODES: [text: string, row: unknown[]][] = [
  ['writeback_dirty_folio: bdi 7:0: ino=12 index=3', ['dirty', '7:0', 12, [3, null, null]]],
  ['writeback_dirty_page: bdi btrfs-43: ino=298 index=1', ['dirty', 'btrfs-43', 298, [1, null, null]]],
  ['ext4_da_write_pages_extent: dev 7,0 ino 12 lblk 4 len 48 flags 0x100', ['writePages', '7:0', 12, [4, 48, null]]],
  [
    'ext4_allocate_blocks: dev 7,0 ino 12 flags HINT_DATA|DELALLOC_RESV len 48 block 32960 lblk 4 goal 32768 lleft 0 lright 0',
    ['placed', '7:0', 12, [4, 48, 32960]],
  ],
  ['ext4_sync_file_enter: dev 7,0 ino 12 parent 2 datasync 1 ', ['syncEnter', '7:0', 12, [null, null, null]]],
  ['ext4_sync_file_exit: dev 7,0 ino 12 ret 0', ['syncExit', '7:0', 12, [null, null, null]]],
  [
    'btrfs_ordered_extent_add: 13e0cbf2-90ac-4562-b651-cf9f9bdf9525: root=5(FS_TREE) ino=274 file_offset=8192 start=13672448 len=12288 disk_len=12288 flags=REGULAR',
    ['placed', '13e0cbf2-90ac-4562-b651-cf9f9bdf9525', 274, [8192, 12288, 13672448]],
  ],
  [
    'btrfs_sync_file: 13e0cbf2-90ac-4562-b651-cf9f9bdf9525: root=256(-) ino=274 parent=273 datasync=1',
    ['syncEnter', '13e0cbf2-90ac-4562-b651-cf9f9bdf9525', 274, [null, null, null]],
  ],
  [
    'xfs_map_blocks_found: dev 7:0 ino 0x83 disize 0x1000 pos 0x0 bytecount 0x1000 fork data startoff 0x1 startblock 0x20 fsbcount 0x2',
    ['placed', '7:0', 131, [1, 2, 32]],
  ],
  [
    'xfs_map_blocks_alloc: dev 7:0 ino 0x83 size 0x1000 offset 0x0 count 4096 type data startoff 0x0 startblock -1 blockcount 0x2',
    ['placed', '7:0', 131, [0, 2, null]],
  ],
  ['xfs_file_fsync: dev 7:0 ino 0x83', ['syncEnter', '7:0', 131, [null, null, null]]],
  [
    'iomap_writepage_map: dev 7:0 ino 0x83 bdev 7:0 addr 0x20000 offset 0x1000 length 0x1000 type MAPPED flags DIRTY',
    ['placed', '7:0', 131, [4096, 4096, 131072]],
  ],
  [
    'f2fs_submit_page_write: dev = (7,0), ino = 4, page_index = 0x1, oldaddr = 0xffffffff, newaddr = 0x1402, rw = WRITE(S), type = WARM_DATA',
    ['placed', '7:0', 4, [1, 1, 5122]],
  ],
]

for (const [text, row] of INODES) {
  tracefs(text, async () => {
    const { inodes, codes, facts } = await read(`${F}${text}\n`)
    assert.equal(codes, {})
    assert.equal(
      inodes.map(({ kind, where, inode, range }) => [kind, where, inode, range]),
      [row],
    )
    assert.is(facts.used, 1)
  })
}

tracefs('events of a CPU were lost between its last one and its next', async () => {
  const dirty = (cpu: number, seconds: string): string =>
    `  dd-1234    [00${cpu}] d..1.  ${seconds}: writeback_dirty_folio: bdi 7:0: ino=12 index=1`
  const { inodes } = await read(
    [
      dirty(0, '10.000000'),
      dirty(1, '11.000000'),
      'CPU:0 [LOST 5 EVENTS]',
      dirty(1, '12.000000'),
      dirty(0, '13.000000'),
      '',
    ].join('\n'),
  )
  assert.equal(
    inodes.map(({ kind, at }) => `${kind} ${at / 1e9}`),
    ['dirty 0', 'dirty 1', 'lost 0', 'dirty 2', 'lost 3', 'dirty 3'],
  )
})

tracefs('headers, other events, losses', async () => {
  const { facts, codes, rows } = await read(
    [
      '# tracer: nop',
      '#',
      '# entries-in-buffer/entries-written: 100/350   #P:2',
      '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
      'CPU:1 [LOST 123 EVENTS]',
      `${F}sched_switch: prev_comm=dd prev_pid=1 ==> next_comm=x`,
      `${F}block_bio_queue: 8,0 WS 8 + 8 [dd]`,
      '',
    ].join('\n'),
  )
  assert.is(rows.length, 1)
  assert.is(facts.lost, 373)
  assert.equal(facts.otherEvents, { sched_switch: 1 })
  assert.equal(codes, { 'blktrace/dropped-events': 373 })
  assert.equal(facts.options, ['ftrace', 'tracer nop'])
})

tracefs('times: origin is the first event, µs and ns', async () => {
  const { rows, origin, clock } = await read(
    `${F}block_plug: [dd]\n${F.replace('3706.776280', '3707.000000001')}block_plug: [dd]\n`,
  )
  assert.equal(origin, { seconds: 3706, nanos: 776_280_000 })
  assert.equal(
    rows.map(({ at }) => at),
    [0, 223_720_001],
  )
  assert.is(clock, 'monotonic')
})

tracefs('µs of the latency format count from the recording, not from boot', async () => {
  const { rows, origin, clock } = await read(
    '  dd-1  0d..1. 999us+: block_plug: [dd]\n  dd-1  0d..1. 3000001us : block_plug: [dd]\n',
  )
  assert.equal([origin, clock], [null, 'relative'])
  assert.equal(
    rows.map(({ at }) => at),
    [0, 2_999_002_000],
  )
})

/** As perf script prints these times of events, one of them none of ours. */
function perfText(print: (ns: number, last: number | null) => number, digits: number): string {
  const times = [
    7_000_001_234, 7_000_101_999, 7_000_102_500, 7_000_502_001, 7_000_502_900, 7_001_000_000, 7_001_000_700,
  ]
  return times
    .map((ns, k) => {
      const shown = print(ns - times[0], k === 0 ? null : times[k - 1] - times[0])
      const time = `${Math.floor(shown / 1e9)}.${String(shown % 1e9).padStart(9, '0')}`.slice(
        0,
        digits - 9 || undefined,
      )
      const event = k === 2 ? 'sched:sched_switch: x' : `block:block_bio_queue: 8,0 WS ${8 * k} + 8 [app]`
      return `   app  42 [000] ${time}: ${event}\n`
    })
    .join('')
}
const SINCE_FIRST = [0, 100_765, 500_767, 501_666, 998_766, 999_466]

tracefs('perf script --reltime counts from the first line', async () => {
  const { rows, clock, origin, codes } = await read(perfText((ns) => ns, 9))
  assert.equal([clock, origin, codes], ['relative', null, {}])
  assert.equal(
    rows.map(({ at }) => at),
    SINCE_FIRST,
  )
})

tracefs('perf script --deltatime counts from the line before, whatever that is of', async () => {
  const since = (ns: number, last: number | null): number => (last === null ? 0 : ns - last)
  const exact = await read(perfText(since, 9))
  assert.equal([exact.clock, exact.origin, exact.codes], ['relative', null, {}])
  assert.equal(
    exact.rows.map(({ at }) => at),
    SINCE_FIRST,
  )
  const cut = await read(perfText(since, 6), 7)
  assert.equal([cut.clock, cut.codes], ['relative', { 'blktrace/added-times': 7 }])
  assert.ok(cut.rows.every(({ at }, k) => Math.abs(at - SINCE_FIRST[k]) <= 500 * (k + 1)))
})

tracefs('a clock that counts something else than time', async () => {
  const { rows, codes, clock } = await read('  dd-1 [000] ....  123456789012: block_bio_queue: 8,0 WS 8 + 8 [dd]\n')
  assert.is(rows.length, 1)
  assert.ok(Number.isNaN(rows[0].at))
  assert.is(clock, 'none')
  assert.equal(codes, { 'blktrace/clock-unit': 1 })
})

tracefs('cut and damaged lines', async () => {
  const ok = `${F}block_bio_queue: 8,0 WS 8 + 8 [dd]\n`
  for (const cut of [
    'block_bio_queue: 8,0 WS 8 +',
    'block_rq_issue: 8,0 WS 4096 () 8 + 8 none,0,0 [d',
    'block_bio_queue: 8,0 XX 8 + 8 [dd]',
    'ext4_sync_file_enter: dev 7,0 in',
  ]) {
    const middle = await read(`${ok}${F}${cut}\n${ok}`)
    assert.is(middle.rows.length, 2)
    assert.equal(middle.codes, { 'blktrace/damaged-line': 1 }, cut)
    const end = await read(`${ok}${F}${cut}`)
    assert.is(end.rows.length, 1)
    assert.equal(end.codes, { 'blktrace/cut-last-line': 1 }, cut)
  }
})

tracefs('in pieces of 1, 7 and 65536 bytes', async () => {
  const text = LINES.map(([each]) => each).join('\n')
  const whole = (await read(text)).rows
  assert.is(whole.length, LINES.length)
  for (const chunk of [1, 7, 65_536]) assert.is(digest((await read(text, chunk)).rows), digest(whole))
})

tracefs('one recording as binary, as blkparse text and as tracefs text: equal events', async () => {
  const names = ['discard/loop0.blktrace.0', 'discard/loop0.blktrace.1']
  const diagnostics = new Diagnostics()
  const binary = await collect(
    readBlktrace(
      names.map((name) => memorySource(fixture(name), name)),
      diagnostics,
    ),
    diagnostics,
  )
  const text = await collect(readBlkparse(memorySource(fixture('discard/blkparse.txt')), diagnostics), diagnostics)
  const events = await collect(readTracefs(memorySource(fixture('discard/tracefs.txt')), diagnostics), diagnostics)
  assert.equal(diagnostics.rows(), [])
  // Text has no names with completions, no sectors with requests of 0 bytes, and line numbers of its own.
  const printed = (row: Row): unknown => ({
    ...row,
    record: 0,
    comm: row.action === 'C' || row.action === 'A' ? null : row.comm,
    sector: row.bytes === 0 ? 0 : row.sector,
  })
  assert.equal(text.rows.map(printed), binary.rows.map(printed))
  // tracefs has the queue events, in µs from its own first event; write-zeroes are writes in version 1 records.
  const queued = ({ sector, bytes, tid, comm, rwbs }: Row): unknown => [
    sector,
    bytes,
    tid,
    comm,
    rwbs.replace('Z', 'W'),
  ]
  assert.equal(events.rows.map(queued), binary.rows.filter(({ action }) => action === 'Q').map(queued))
})

tracefs('perf script: a task that was gone is none of number 1, and perf’s own records may come first', async () => {
  const { rows, facts } = await read(
    '             :-1    -1 [001] 86233.740032:   block:block_bio_queue: 254,0 WS 8 + 8 [swapper]\n' +
      '             :-1    -1 86233.740033:   block:block_bio_queue: 254,0 WS 16 + 8 [swapper]\n',
  )
  assert.equal(
    rows.map(({ tid, sector }) => [tid, sector]),
    [
      [0, 8],
      [0, 16],
    ],
  )
  assert.is(facts.foreign, 0)
  const record =
    '         swapper     0 [000]     0.000000: PERF_RECORD_MMAP -1/0: [0xffffffff81000000(0x1209988)]: x _text\n'
  assert.is(sniffTracefs(Buffer.from(record.repeat(64))), 'tracefs')
  assert.is(sniffTracefs(Buffer.from(record)), null)
})

tracefs('a long run of blanks, or a long word, is passed over at once', async () => {
  const blanks = ' '.repeat(30_000)
  const before = process.cpuUsage()
  const word = `${F}ext4_sync_file_enter: dev 7,0 ino 5 ${'a'.repeat(60_000)}`
  const { facts } = await read(`${F}block_plug: [dd]\na${blanks}\na ${blanks}1 ${blanks}\n${word}\n`)
  assert.equal([facts.used, facts.foreign], [2, 2])
  // By the square it takes seconds.
  assert.ok(process.cpuUsage(before).user < 1e6)
})

tracefs.run()
