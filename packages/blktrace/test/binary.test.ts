import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ACTION } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { act, be, fixture, named, read, readAll, record, stamped, type Layout, type RecordFields } from './source.ts'

const binary = suite('binary records')

const LAYOUTS: Layout[] = [
  { version: 1, big: false },
  { version: 1, big: true },
  { version: 2, big: false },
  { version: 2, big: true },
]

binary('the sheet’s record: Q of 4 KiB, synchronous, sector 264192 on 7:0', async () => {
  const bytes = Buffer.from(
    '07746165 0b000000 90146da2d9000000 0008040000000000 00100000 01001a00 a5580000 00007000 00000000 00000000'.replaceAll(
      ' ',
      '',
    ),
    'hex',
  )
  const { rows, origin, clock } = await read(bytes)
  assert.equal(rows, [
    {
      at: 0,
      action: 'Q',
      rwbs: 'WS',
      device: '7:0',
      sector: 264192,
      bytes: 4096,
      tid: 22693,
      comm: null,
      cpu: 0,
      sequence: 11,
      error: 0,
      record: 1,
    },
  ])
  assert.equal(origin, { seconds: 934, nanos: 732960912 })
  assert.is(clock, 'monotonic')
})

/** One of everything. */
const EVENTS: RecordFields[] = [
  {
    time: 5_000,
    action: act(15, 'write', 'queue', 'sync'),
    sector: 526336,
    bytes: 4096,
    pid: 9,
    payload: be([32, 0x10300000], [32, 0x700000], [64, 524288]),
  },
  {
    time: 5_100,
    action: act(1, 'write', 'queue', 'sync', 'flush', 'fua', 'meta'),
    sector: 526336,
    bytes: 4096,
    pid: 9,
  },
  { time: 5_200, action: act(13, 'write', 'queue'), sector: 278528, bytes: 2560, pid: 9, payload: be([64, 278533]) },
  { time: 5_300, action: act(10, 'read', 'queue'), pid: 9, payload: be([64, 3]) },
  { time: 5_400, action: act(11, 'read', 'queue'), pid: 9, payload: be([64, 1]) },
  { time: 5_500, action: act(7, 'read', 'flush', 'issue', 'fs'), pid: 54 },
  { time: 5_600, action: act(8, 'read', 'flush', 'complete', 'fs'), pid: 22, sector: 0xffffffffffffffffn },
  { time: 5_700, action: act(1, 'write', 'discard', 'sync', 'queue'), sector: 8, bytes: 1 << 20, pid: 9 },
  { time: 5_800, action: act(8, 'read', 'complete', 'fs', 'ahead'), sector: 16, bytes: 512, error: -5 },
  { time: 5_900, action: act(7, 'write', 'issue', 'pc'), bytes: 36, pid: 9, payload: Buffer.from('120000002400') },
  // With a cgroup id before the payload, and before none.
  { time: 6_000, action: act(0x100 + 10, 'read', 'queue'), pid: 9, payload: be([64, 77], [64, 2]) },
  { time: 6_100, action: act(0x100 + 1, 'read', 'queue'), sector: 1 << 20, bytes: 8192, pid: 9, payload: be([64, 77]) },
]

function build(layout: Layout): Buffer {
  const events = EVENTS.map((fields, k) => record({ ...fields, sequence: k + 1 }, layout))
  return Buffer.concat([stamped(4_000, 1_700_000_000, 5, layout), named(4_900, 9, 'dd', layout), ...events])
}

for (const layout of LAYOUTS) {
  binary(`version ${layout.version}, ${layout.big ? 'big' : 'little'}-endian`, async () => {
    const { rows, facts, codes } = await read(build(layout))
    assert.equal(
      rows.map(({ action, rwbs, sector, bytes, comm, error, more }) => [
        action,
        rwbs,
        sector,
        bytes,
        comm,
        error,
        more ?? '',
      ]),
      [
        ['A', 'WS', 526336, 4096, 'dd', 0, '259:0 524288'],
        ['Q', 'FWFSM', 526336, 4096, 'dd', 0, ''],
        ['X', 'W', 278528, 2560, 'dd', 0, '278533'],
        ['U', 'N', 0, 0, 'dd', 0, '3'],
        ['UT', 'N', 0, 0, 'dd', 0, '1'],
        ['D', 'FN', 0, 0, null, 0, ''],
        ['C', 'FN', -1, 0, null, 0, ''],
        ['Q', 'DS', 8, 1 << 20, 'dd', 0, ''],
        ['C', 'RA', 16, 512, null, -5, ''],
        ['D', 'W!', 0, 36, 'dd', 0, ''],
        ['U', 'N', 0, 0, 'dd', 0, '2'],
        ['Q', 'R', 1 << 20, 8192, 'dd', 0, ''],
      ],
    )
    assert.equal(codes, {})
    assert.is(facts.records, 14)
    assert.is(facts.used, 12)
    assert.is(facts.notes, 2)
    assert.is(facts.wall, '2023-11-14T22:13:20.000001005Z')
  })

  binary(
    `pieces of 1, 7 and 65536 bytes: version ${layout.version}, ${layout.big ? 'big' : 'little'}-endian`,
    async () => {
      const whole = (await read(build(layout))).rows
      for (const chunk of [1, 7, 65_536]) assert.equal((await read(build(layout), chunk)).rows, whole)
    },
  )
}

binary('version 2 has categories of its own: zones, write-zeroes', async () => {
  const kinds = [16, 17, 18, 19, 20, 21, 22]
  const bytes = Buffer.concat(
    kinds.map((bit, k) =>
      record(
        { time: 1000 + k, action: ((1n << BigInt(bit)) << 16n) | BigInt(act(1, 'write', 'queue')), bytes: 4096 },
        { version: 2 },
      ),
    ),
  )
  const { rows } = await read(bytes)
  assert.equal(
    rows.map(({ rwbs }) => rwbs),
    ['W', 'N', 'N', 'N', 'N', 'N', 'Z'],
  )
  const zone = await read(record({ time: 1, action: act(18, 'write') }, { version: 2 }))
  assert.equal(
    zone.rows.map(({ action }) => action),
    ['ZP'],
  )
})

binary('payloads that are no multiple of 4 do not disturb the next records', async () => {
  const bytes = Buffer.concat([
    record({ time: 1, action: act(0x100 + 2, 'notify'), payload: Buffer.from('12345678cfq1 alloced!') }),
    record({ time: 2, action: act(1, 'write', 'queue'), sector: 8, bytes: 512, sequence: 1 }),
    record({ time: 3, action: act(2, 'notify'), payload: Buffer.from('odd') }),
    record({ time: 4, action: act(1, 'write', 'queue'), sector: 16, bytes: 512, sequence: 2 }),
  ])
  const { rows, facts, codes } = await read(bytes)
  assert.equal(
    rows.map(({ sector }) => sector),
    [8, 16],
  )
  assert.is(facts.messages, 2)
  assert.equal(codes, {})
})

binary('files of several CPUs: by time, ties by device, then sequence', async () => {
  const q = act(1, 'write', 'queue')
  const cpu0 = Buffer.concat([
    record({ time: 100, action: q, cpu: 0, sequence: 1, sector: 1 }),
    record({ time: 300, action: q, cpu: 0, sequence: 2, sector: 2 }),
    record({ time: 500, action: q, cpu: 0, sequence: 3, sector: 3, device: 0x800000 }),
  ])
  const cpu1 = Buffer.concat([
    record({ time: 200, action: q, cpu: 1, sequence: 1, sector: 4 }),
    record({ time: 300, action: q, cpu: 1, sequence: 1, sector: 5 }),
    record({ time: 500, action: q, cpu: 1, sequence: 9, sector: 6 }),
  ])
  const { rows } = await readAll([memorySource(cpu0, 'x.0'), memorySource(cpu1, 'x.1')])
  assert.equal(
    rows.map(({ at, sector }) => [at, sector]),
    [
      [0, 1],
      [100, 4],
      [200, 5],
      [200, 2],
      [400, 6],
      [400, 3],
    ],
  )
})

binary('a task is named from its note on; a new note names a new task of the same id', async () => {
  const q = act(1, 'write', 'queue')
  const { rows } = await read(
    Buffer.concat([
      record({ time: 100, action: q, pid: 7, sequence: 1 }),
      named(200, 7, 'first'),
      record({ time: 300, action: q, pid: 7, sequence: 2 }),
      record({ time: 400, action: q, pid: 8, sequence: 3 }),
      named(500, 7, 'a b/c]'),
      record({ time: 600, action: q, pid: 7, sequence: 4 }),
    ]),
  )
  assert.equal(
    rows.map(({ comm }) => comm),
    [null, 'first', null, 'a b/c]'],
  )
})

binary('a note in another CPU’s file names by time', async () => {
  const q = act(1, 'write', 'queue')
  const events = Buffer.concat([record({ time: 100, action: q, pid: 7 }), record({ time: 300, action: q, pid: 7 })])
  const { rows } = await readAll([memorySource(events, 'x.0'), memorySource(named(200, 7, 'late'), 'x.1')])
  assert.equal(
    rows.map(({ comm }) => comm),
    [null, 'late'],
  )
})

binary('a single stream with the buffers of CPUs one after the other is put in order', async () => {
  const q = act(1, 'write', 'queue')
  const buffer = (cpu: number, from: number): Buffer =>
    Buffer.concat(
      Array.from({ length: 5000 }, (_, k) =>
        record({ time: from + k * 10 + cpu, action: q, cpu, sequence: 1 + k + from / 10, pid: cpu }),
      ),
    )
  const stream = Buffer.concat([
    named(1, 2, 'two'),
    buffer(0, 10),
    buffer(1, 10),
    buffer(2, 10),
    buffer(1, 50_010),
    buffer(0, 50_010),
    buffer(2, 50_010),
  ])
  const { rows, codes } = await read(stream)
  assert.is(rows.length, 30_000)
  assert.ok(rows.every((row, k) => k === 0 || row.at > rows[k - 1].at))
  assert.ok(rows.every(({ tid, comm }) => comm === (tid === 2 ? 'two' : null)))
  assert.equal(codes, {})
})

binary('gaps in a CPU’s numbering are lost events', async () => {
  const q = act(1, 'write', 'queue')
  const { facts, codes, diagnostics } = await read(
    Buffer.concat([
      record({ time: 1, action: q, sequence: 3 }),
      record({ time: 2, action: q, sequence: 4 }),
      record({ time: 3, action: q, sequence: 9 }),
      record({ time: 4, action: q, sequence: 1, device: 0x800000 }),
      record({ time: 5, action: q, sequence: 10 }),
    ]),
  )
  assert.is(facts.lost, 4)
  assert.equal(codes, { 'blktrace/lost-events': 4 })
  assert.equal(diagnostics.rows()[0].first, { source: 'memory', record: 3, offset: 96 })
  assert.equal(facts.devices, ['7:0', '8:0'])
})

binary('time going backwards in one CPU’s file is reported', async () => {
  const q = act(1, 'write', 'queue')
  const back = Buffer.concat([
    record({ time: 10, action: q }),
    record({ time: 5, action: q }),
    record({ time: 20, action: q }),
  ])
  const other = record({ time: 7, action: q, cpu: 1 })
  const { codes } = await readAll([memorySource(back, 'x.0'), memorySource(other, 'x.1')])
  assert.equal(codes, { 'blktrace/time-backwards': 1 })
})

binary('a machine up for longer than a double counts ns', async () => {
  const q = act(1, 'write', 'queue')
  const { rows, origin } = await read(
    Buffer.concat([
      record({ time: 20_000_000_000_000_001n, action: q }),
      record({ time: 20_000_000_000_000_002n, action: q }),
    ]),
  )
  assert.equal(
    rows.map(({ at }) => at),
    [0, 1],
  )
  assert.equal(origin, { seconds: 20_000_000, nanos: 1 })
})

binary('actions that nobody asks for are counted and become no row, in CPUs’ files and in one stream', async () => {
  for (const files of [[0, 1], [1]]) {
    const sources = files.map((cpu) => memorySource(fixture(`partition/loop0.blktrace.${cpu}`), `loop0.${cpu}`))
    const all = await readAll(sources)
    const some = await readAll(sources, { actions: [ACTION.queue, ACTION.remap] })
    assert.ok(some.rows.length > 0 && some.rows.length < all.rows.length)
    assert.equal(
      some.rows,
      all.rows.filter(({ action }) => action === 'Q' || action === 'A'),
    )
    assert.equal([some.facts, some.codes], [all.facts, all.codes])
  }
})

binary.run()
