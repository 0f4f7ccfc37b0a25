import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { readBlkparse, readBtraceSummary } from '../src/index.ts'
import { collect, fixture, textSource, type Read } from './source.ts'

const blkparse = suite('blkparse text')

function read(text: string, format: string | null = null, chunk?: number): Promise<Read> {
  const diagnostics = new Diagnostics()
  return collect(readBlkparse(textSource(text, 'text', chunk), diagnostics, { format }), diagnostics)
}

/** One line → what matters of its row. */
async function line(text: string): Promise<unknown[]> {
  const { rows, codes } = await read(`${text}\n`)
  assert.equal(codes, {}, text)
  return rows.map(({ action, rwbs, device, sector, bytes, comm, error, more, took }) => [
    action,
    rwbs,
    device,
    sector,
    bytes,
    comm,
    error,
    ...(more === undefined ? [] : [more]),
    ...(took === undefined ? [] : [took]),
  ])
}

const LINES: [text: string, row: unknown[]][] = [
  [
    '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]',
    ['Q', 'WS', '7:0', 264192, 4096, 'python3', 0],
  ],
  ['  7,0    0       13     0.000020400 22693  P   N [python3]', ['P', 'N', '7:0', -1, 0, 'python3', 0]],
  ['  7,0    0       14     0.000021442 22693  U   N [python3] 1', ['U', 'N', '7:0', -1, 0, 'python3', 0, '1']],
  [
    '  7,0    0       45     0.000061613 11896 UT   N [ext4lazyinit] 3',
    ['UT', 'N', '7:0', -1, 0, 'ext4lazyinit', 0, '3'],
  ],
  ['  7,0    1        1     0.000084446    22  C  WS 264192 + 8 [0]', ['C', 'WS', '7:0', 264192, 4096, null, 0]],
  [
    '  7,0    1       26     0.000308993 22617  Q FWFSM 524352 + 8 [jbd2/loop0-8]',
    ['Q', 'FWFSM', '7:0', 524352, 4096, 'jbd2/loop0-8', 0],
  ],
  ['  7,0    1       28     0.000340280    54  D  FN [kworker/1:1H]', ['D', 'FN', '7:0', -1, 0, 'kworker/1:1H', 0]],
  ['  7,0    1       29     0.000789645    22  C  FN 0 [0]', ['C', 'FN', '7:0', 0, 0, null, 0]],
  ['  7,0    1       29     0.000789645    22  C  FN 18446744073709551615 [0]', ['C', 'FN', '7:0', -1, 0, null, 0]],
  ['  7,0    1       35     0.007124512    22  C WSM 524352 [0]', ['C', 'WSM', '7:0', 524352, 0, null, 0]],
  [
    '  7,0    1     1823     0.207779817 22755  X  WS 278528 / 281088 [dd]',
    ['X', 'WS', '7:0', 278528, 2560 * 512, 'dd', 0, '281088'],
  ],
  [
    '  7,0    1        1     0.000000000 27458  A  WS 268288 + 16 <- (259,0) 266240',
    ['A', 'WS', '7:0', 268288, 8192, null, 0, '259:0 266240'],
  ],
  [
    '259,0   11        1     0.024124329  1889  A FWFS 575480360 + 0 <- (253,3) 407706152',
    ['A', 'FWFS', '259:0', 575480360, 0, null, 0, '253:3 407706152'],
  ],
  [
    '  8,0    3        1     0.000012680   226  D  WS 2640 + 16312 (   12529) [kworker/0:1H]',
    ['D', 'WS', '8:0', 2640, 16312 * 512, 'kworker/0:1H', 0, 12529],
  ],
  [
    '  8,0    3        1     0.000012680   226  D  FN (15027837496495565480) [kworker/0:1H]',
    ['D', 'FN', '8:0', -1, 0, 'kworker/0:1H', 0],
  ],
  ['  8,0    3        1     0.000012680   226  C  FN 0 (  114939) [0]', ['C', 'FN', '8:0', 0, 0, null, 0, 114939]],
  ['  8,0    3        1     0.000012680   226  C  WS 8 + 8 [65531]', ['C', 'WS', '8:0', 8, 4096, null, -5]],
  [
    '  8,0    3        1     0.000012680   226  D   R 36 (12 00 00 00 24 00 ..) [hdparm]',
    ['D', 'R!', '8:0', -1, 36, 'hdparm', 0],
  ],
  ['  8,0    3        1     0.000012680   226  C   R (12 00 00 00 24 00 ..) [0]', ['C', 'N!', '8:0', -1, 0, null, 0]],
  // Columns overflow, names are any bytes.
  [
    '4095,1048574 1023 123456789 123456.123456789 4194303  Q  WS 264192 + 8 [a]',
    ['Q', 'WS', '4095:1048574', 264192, 4096, 'a', 0],
  ],
  [
    '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [postgres: wal w]',
    ['Q', 'WS', '7:0', 264192, 4096, 'postgres: wal w', 0],
  ],
  [
    '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [a] b[c/d]',
    ['Q', 'WS', '7:0', 264192, 4096, 'a] b[c/d', 0],
  ],
  ['  7,0    0       14     0.000021442 22693  U   N [x] 7] 1', ['U', 'N', '7:0', -1, 0, 'x] 7', 0, '1']],
  ['  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [(null)]', ['Q', 'WS', '7:0', 264192, 4096, null, 0]],
  [
    '  7,0    0       11     0.000000000 22693  Q  DS 264192 + 4194304 [fstrim]',
    ['Q', 'DS', '7:0', 264192, 2 ** 31, 'fstrim', 0],
  ],
  ['  7,0    0       11     0.000000000 22693 ZP  WS [x]', ['ZP', 'WS', '7:0', -1, 0, 'x', 0]],
]

for (const [text, row] of LINES) blkparse(text.trim(), async () => assert.equal(await line(text), [row]))

blkparse('a completion printed with a latency but no command', async () => {
  assert.equal(await line('  8,0    3        1     0.000012680   226  C  WS 8 + 8 (     852) [0]'), [
    ['C', 'WS', '8:0', 8, 4096, null, 0, 852],
  ])
})

blkparse('messages, also with a cgroup, are notes', async () => {
  const { facts, rows } = await read(
    '  8,0    1        0     0.000000000  1234  m   N cfq1234 alloced\n  8,0    1        0     0.000000000     0 12,1 m   N throttle / [W] dispatch\n',
  )
  assert.is(rows.length, 0)
  assert.is(facts.messages, 2)
})

blkparse('beginnings of warnings that blkparse 1.3 -t prints before a line', async () => {
  const remarks = '(7,0) request 592 + 4096: (7,0) request 0 + 0: '
  const event = '  7,0    1      826     3.618828219  6896  D WSM 526464 + 32 [jbd2/loop0-8]'
  const { rows, facts } = await read(`${remarks}${event}\n ${remarks}\n(7,0) request 1 + 2: not found\n`)
  assert.equal(
    rows.map(({ action, sector }) => [action, sector]),
    [['D', 526464]],
  )
  assert.equal([facts.used, facts.notes, facts.foreign], [1, 1, 1])
})

blkparse('a cut line is damaged, its neighbours are not', async () => {
  const ok = '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]\n'
  for (const cut of [
    '  7,0    0       12     0.0000',
    '  7,0    0       12     0.000000001 22693  Q  WS 26',
    '  7,0    0       12     0.000000001 22693  C  WS 264192 + 8 [',
    '  7,0    0 12 0.000000001 22693  A  WS 268288 + 16 <- (259,',
  ]) {
    const middle = await read(ok + cut + '\n' + ok.replace(' 11 ', ' 12 '))
    assert.is(middle.rows.length, 2, cut)
    assert.equal(middle.codes, { 'blktrace/damaged-line': 1 })
    assert.is(middle.diagnostics.rows()[0].first?.record, 2)
    const end = await read(ok + cut)
    assert.is(end.rows.length, 1, cut)
    assert.equal(end.codes, { 'blktrace/cut-last-line': 1 })
  }
  const joined = await read(ok.trimEnd() + cut22() + ok)
  assert.is(joined.rows.length, 1)
})

/** A line that lost its end runs into the next one. */
function cut22(): string {
  return '  7,0    0       12     0.000000001 22693  Q  W'
}

blkparse('other output between the lines is foreign; a line without end is skipped', async () => {
  const ok = '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]\n'
  const { rows, facts, codes } = await read(`hello\n${ok}${'x'.repeat(70_000)}\n${ok.replace(' 11 ', ' 12 ')}`)
  assert.is(rows.length, 2)
  assert.is(facts.foreign, 1)
  assert.equal(codes, { 'blktrace/foreign-lines': 1, 'blktrace/long-line': 1 })
})

blkparse('missing numbers are lost events; a remap is numbered with the device that was traced', async () => {
  const head = (device: string, sequence: number, rest: string): string =>
    `${device}    0 ${sequence}     0.00000000${sequence} 1 ${rest}\n`
  const { facts } = await read(
    head('8,167', 1, 'Q W 8 + 8 [a]') +
      head('8,160', 2, 'A W 8 + 8 <- (8,167) 0') +
      head('8,167', 3, 'Q W 8 + 8 [a]') +
      head('8,167', 6, 'Q W 8 + 8 [a]'),
  )
  assert.is(facts.lost, 2)
})

blkparse('what blktrace says it dropped', async () => {
  const { facts, codes } = await read(
    '  CPU  0:                  123 events,        6 KiB data\n  Total:                  1234 events (dropped 1,005),       58 KiB data\nYou have 1,005 ( 4.5%) dropped events\n',
  )
  assert.is(facts.lost, 1005)
  assert.equal(codes, { 'blktrace/dropped-events': 1005 })
})

blkparse('text in pieces of 1, 7 and 65536 bytes', async () => {
  const text = LINES.map(([each]) => each).join('\r\n')
  const whole = (await read(text)).rows
  assert.is(whole.length, LINES.length)
  for (const chunk of [1, 7, 65_536]) assert.equal((await read(text, null, chunk)).rows, whole)
})

blkparse('lines out of order (a live run) are put in order', async () => {
  const at = (ns: number): string => `  7,0    0        0     0.00000000${ns}     1  Q  WS ${ns} + 8 [a]\n`
  const { rows } = await read(at(3) + at(1) + at(2))
  assert.equal(
    rows.map(({ sector }) => sector),
    [1, 2, 3],
  )
})

// -f ------------------------------------------------------------------------------------------------------------------

blkparse('-f: every letter', async () => {
  const format = '%5T.%9t %D %2c %8s %5p %2a %3d s=%S n=%n e=%e [%C] %u\n'
  const { rows, codes, facts } = await read(
    '    1.000000002   7,0    0       11 22693  Q  WS s=264192 n=8 e=0 [a b] 12\n',
    format,
  )
  assert.equal(codes, {})
  assert.equal(rows, [
    {
      at: 1_000_000_002,
      action: 'Q',
      rwbs: 'WS',
      device: '7:0',
      sector: 264192,
      bytes: 4096,
      tid: 22693,
      comm: 'a b',
      cpu: 0,
      sequence: 11,
      error: 0,
      record: 1,
      took: 12_000,
    },
  ])
  assert.equal(facts.options, ['-f'])
})

blkparse('-f: major and minor apart, bytes, wall time of day', async () => {
  const { rows, clock } = await read('8:16|Q|FWFSM|512|11:05:44.000123|dd\n', '%M:%m|%a|%d|%N|%z|%C\n')
  assert.equal(
    rows.map(({ device, action, rwbs, bytes, comm }) => [device, action, rwbs, bytes, comm]),
    [['8:16', 'Q', 'FWFSM', 512, 'dd']],
  )
  assert.is(rows[0].at, (11 * 3600 + 5 * 60 + 44) * 1e9 + 123_000)
  assert.is(clock, 'timeOfDay')
})

blkparse('-F: lines of other actions keep the default format', async () => {
  const { rows } = await read('Q 8 8\n  7,0    0       11     0.000000000 22693  C  WS 264192 + 8 [0]\n', '%a %S %n\n')
  assert.equal(
    rows.map(({ action, sector }) => [action, sector]),
    [
      ['Q', 8],
      ['C', 264192],
    ],
  )
})

blkparse('-f: a blank of the format is in every line of it', async () => {
  const format = '%5T.%9t %5p %2a %3d %S %N\n'
  const { rows, facts } = await read('    0.000000001   412  Q   W 8 4096\n    0.000000001412  Q   W 8 4096\n', format)
  assert.is(rows.length, 1)
  assert.is(facts.used, 1)
})

blkparse('-f: a format that cannot be read backwards is said to be one', async () => {
  for (const format of ['%S %n\n', '%a\n%S\n', '%a %y\n'])
    assert.ok((await read('', format)).codes['blktrace/format'], format)
})

// Tables --------------------------------------------------------------------------------------------------------------

blkparse('totals in any locale, K, M and G', async () => {
  const table = (count: string, kib: string): string =>
    ` Reads Queued:    ${count},    ${kib}\t Writes Queued:           0,        0KiB\n`
  const spellings: [string, string, number, number][] = [
    ['1,234', '7,508KiB', 1234, 7508 * 1024],
    ['1.234', '7.508KiB', 1234, 7508 * 1024],
    ['1\u202f234', '7\u202f508KiB', 1234, 7508 * 1024],
    ['1\u00a0234', '7\u00a0508MiB', 1234, 7508 * 1024_000],
    ['1’234', '7’508GiB', 1234, 7508 * 1024_000_000],
    ['    1234K', '1PiB', 1_234_000, 1024e9],
  ]
  for (const [count, kib, reads, bytes] of spellings) {
    const { facts } = await read(`CPU0 (sda):\n${table(count, kib)}`)
    assert.equal(facts.summary[0].reads.queued, { count: reads, bytes }, count)
  }
  const below = await read('CPU0 (sda):\n Reads Requeued:  18446744073P\t\t Writes Requeued:         0\n')
  assert.is(below.facts.summary[0].reads.requeued, null)
})

blkparse('totals that differ from the lines are an error', async () => {
  const text =
    '  7,0    0       11     0.000000000 22693  Q  WS 264192 + 8 [python3]\n\nEvents (loop0): 2,115 entries\nTrace started at Thu Aug  3 14:20:17 2023\n'
  const { codes, facts } = await read(text)
  assert.equal(codes, { 'blktrace/summary-differs': 1 })
  assert.is(facts.started, 'Thu Aug  3 14:20:17 2023')
})

blkparse('a line of a table that cannot be read is counted and placed', async () => {
  const diagnostics = new Diagnostics()
  const bytes = `${fixture('tables/btrace-s.txt').toString()}\nmake: *** [all] Error 2\n`
  const { facts } = await readBtraceSummary(textSource(bytes), diagnostics)
  assert.is(facts.foreign, 1)
  assert.equal(
    diagnostics.rows().map(({ code }) => code),
    ['blktrace/foreign-lines'],
  )
})

blkparse('tables by process', async () => {
  const diagnostics = new Diagnostics()
  const bytes =
    fixture('tables/btrace-s.txt').toString() +
    'kworker/u8:2 x (77, ...)\n Reads Queued:           7,       28KiB\t Writes Queued:           0,        0KiB\n'
  const { tables, facts } = await readBtraceSummary(textSource(bytes), diagnostics)
  assert.is(facts.foreign, 0)
  const jbd2 = tables.find(({ pid }) => pid === 11475)
  assert.is(jbd2?.name, 'jbd2/loop0p1-8')
  assert.equal(jbd2?.writes.queued, { count: 661, bytes: 2644 * 1024 })
  assert.is(jbd2?.writes.dispatchWaitNs, null)
  assert.equal(
    tables.filter(({ kind }) => kind !== 'process').map(({ kind, cpu, name }) => [kind, cpu, name]),
    [
      ['cpu', 0, 'loop0'],
      ['cpu', 1, 'loop0'],
      ['total', null, 'loop0'],
    ],
  )
  assert.equal(tables.at(-1) && [tables.at(-1)?.name, tables.at(-1)?.pid, tables.at(-1)?.several], [
    'kworker/u8:2 x',
    77,
    true,
  ])
})

blkparse('a table for a pid that cannot be, and counts below no head', async () => {
  const bytes = fixture('../damaged/btrace-pid-and-head.txt')
  const { tables } = await readBtraceSummary(textSource(bytes.toString()), new Diagnostics())
  assert.equal(
    tables.map(({ name, pid, writes }) => [name, pid, writes.queued.count]),
    [
      ['dd', null, 3],
      ['cp', 17, 5],
    ],
  )
})

blkparse.run()
