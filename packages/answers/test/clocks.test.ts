/** One recording, seen by strace and by blktrace: with its clocks, and with them taken away. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseInstant, nsBetween } from '@flushtrace/trace'
import { inspect, locate, rank } from '../src/index.ts'

const STRACE = 'fixtures/strace/fd-ext4/strace.txt'
const BLOCKS = ['fixtures/clocks/loop0.blktrace.0', 'fixtures/clocks/loop0.blktrace.1']
/** How far an alignment by data may be off. */
const WITHIN_NS = 200_000

const test = suite('clocks')
const folder = mkdtempSync(join(tmpdir(), 'flushtrace-clocks-'))
test.after(() => rmSync(folder, { recursive: true }))

/** Without the note that tells the wall clock (BLK_TN_TIMESTAMP), by a clock that runs slower by so much. */
function bare(bytes: Buffer, name: string, driftPpm = 0): string {
  const NOTIFY_TIMESTAMP = ((1 << 26) | 1) >>> 0
  const kept: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    // struct blk_io_trace, include/uapi/linux/blktrace_api.h
    const end = at + 48 + bytes.readUInt16LE(at + 46)
    const event = Buffer.from(bytes.subarray(at, end))
    const ns = event.readBigUInt64LE(8)
    event.writeBigUInt64LE(ns - (ns * BigInt(driftPpm)) / 1_000_000n, 8)
    if (event.readUInt32LE(28) !== NOTIFY_TIMESTAMP) kept.push(event)
    at = end
  }
  const to = join(folder, name)
  writeFileSync(to, Buffer.concat(kept))
  return to
}

function noteless(): string[] {
  return BLOCKS.map((path, cpu) => bare(readFileSync(path), `bare.blktrace.${cpu}`))
}

/** As strace -tt prints it. */
function dateless(): string {
  const text = readFileSync(STRACE, 'latin1').replace(/^(\d+ +)?(\d{10})(\.\d{6}) /gm, (_, pid = '', seconds, rest) => {
    return `${pid}${new Date(Number(seconds) * 1000).toISOString().slice(11, 19)}${rest} `
  })
  const to = join(folder, 'dateless.txt')
  writeFileSync(to, text, 'latin1')
  return to
}

async function clockOf(sources: string[], which: RegExp, clock: string[] = []) {
  const answer = await inspect(sources, { clock })
  return { answer, row: answer.clocks.find(({ source }) => which.test(source))! }
}

test('by its note; without it by data, close to where the note had it', async () => {
  const noted = await clockOf([STRACE, ...BLOCKS], /blktrace/)
  assert.is(noted.row.aligned, 'note')
  const found = await clockOf([STRACE, ...noteless()], /blktrace/)
  assert.is(found.row.aligned, 'data')
  assert.ok(Math.abs(found.row.offsetNs! - noted.row.offsetNs!) < WITHIN_NS)
  assert.ok(found.row.matched! >= 20 && found.row.residualNs! < WITHIN_NS && found.row.confidence! > 0.9)
})

/** Of a file of one CPU: its first record that is no note. */
function firstEventNs(path: string): number {
  const bytes = readFileSync(path)
  for (let at = 0; ; at += 48 + bytes.readUInt16LE(at + 46)) {
    // BLK_TC_NOTIFY
    if (!(bytes.readUInt32LE(at + 28) & (1 << 26))) return Number(bytes.readBigUInt64LE(at + 8))
  }
}

const FTRACE = [
  '  jbd2/loop0-8-100   [000] .....   103.000000: writeback_dirty_folio: bdi 7:0: ino=12 index=1',
  '  jbd2/loop0-8-100   [000] .....   104.000000: writeback_dirty_folio: bdi 7:0: ino=12 index=2',
]

test('ftrace beside blktrace: by its clock, when it is known to be the same', async () => {
  for (const [choice, aligned] of [
    ['local global counter uptime perf [mono] mono_raw boot tai x86-tsc', 'note'],
    ['[local] global counter uptime perf mono mono_raw boot tai x86-tsc', 'none'],
  ] as const) {
    writeFileSync(join(folder, 'tracefs.txt'), `${FTRACE.join('\n')}\n`)
    writeFileSync(join(folder, 'trace_clock.txt'), `${choice}\n`)
    const sources = [...BLOCKS, join(folder, 'tracefs.txt'), join(folder, 'trace_clock.txt')]
    const { answer, row } = await clockOf(sources, /tracefs/)
    assert.is(row.aligned, aligned)
    if (aligned === 'none') continue
    const block = answer.clocks.find(({ source }) => /blktrace/.test(source))!
    // struct blk_io_trace: its third field is the time, ns on CLOCK_MONOTONIC.
    const first = Math.min(...BLOCKS.map(firstEventNs))
    assert.is(Math.round(row.offsetNs! - block.offsetNs!), 103e9 - first)
  }
})

/** The log of the same calls without flushes: nothing in it bounds the offset. */
function flushless(): string {
  const lines = readFileSync(STRACE, 'latin1').split('\n')
  const to = join(folder, 'flushless.txt')
  writeFileSync(to, lines.filter((line) => !/sync|exit/.test(line)).join('\n'), 'latin1')
  return to
}

interface Noted {
  readonly errorNs: number
  readonly withinNs?: number
  readonly source?: string
}

/** Clock notes as `flushtrace recipe` saves them, in `folder`/maps, of seconds after the first event: wrong by so much. */
async function clockNotes(notes: readonly Noted[]): Promise<{ files: string[]; offsetNs: number }> {
  const { answer, row } = await clockOf([flushless(), ...BLOCKS], /blktrace/)
  const start = parseInstant(answer.startedAt!)!
  const first = Math.min(...BLOCKS.map(firstEventNs))
  const files = notes.map(({ errorNs, withinNs, source = '/proc/timer_list' }, k) => {
    const wall = BigInt(start.seconds) * 1_000_000_000n + BigInt(start.nanos + row.offsetNs! + errorNs + (k + 1) * 1e9)
    const within = withinNs === undefined ? '' : `within_ns ${withinNs}\n`
    const monotonic = `monotonic_ns ${first + (k + 1) * 1e9}\nmonotonic_source ${source}\n`
    mkdirSync(join(folder, `maps/${k}`), { recursive: true })
    const to = join(folder, `maps/${k}/clock.txt`)
    writeFileSync(to, `when during\nwall_ns ${wall}\n${within}${monotonic}`)
    return to
  })
  return { files, offsetNs: row.offsetNs! }
}

const UPTIME = '/proc/uptime'

for (const [what, notes, withinNs] of [
  ['that do not tell how close they are', [{ errorNs: 0 }, { errorNs: 1e6 }, { errorNs: -5e5 }], 2.75e6],
  [
    'one of them much closer',
    [
      { errorNs: 2e5, withinNs: 3e5 },
      { errorNs: -4e6, withinNs: 9e6 },
    ],
    3e5,
  ],
  [
    'each of which leaves out a part',
    [
      { errorNs: 2e5, withinNs: 3e5 },
      { errorNs: -2e5, withinNs: 3e5 },
    ],
    1e5,
  ],
  [
    'of a clock that was put right a little',
    [
      { errorNs: 0, withinNs: 1e5 },
      { errorNs: 1e6, withinNs: 1e5 },
    ],
    6e5,
  ],
  [
    'of a clock that was set',
    [
      { errorNs: 0, withinNs: 1e5 },
      { errorNs: 1e9, withinNs: 1e5 },
    ],
    null,
  ],
  ['of uptime', [{ errorNs: 0, source: UPTIME }], null],
  [
    'and one of uptime',
    [
      { errorNs: 3e7, source: UPTIME },
      { errorNs: 0, withinNs: 5e5 },
    ],
    5e5,
  ],
  ['of another day', [{ errorNs: -2e14, withinNs: 1e5 }], null],
] as const) {
  test(`a block trace on CLOCK_MONOTONIC by notes of both clocks ${what}`, async () => {
    const { files, offsetNs } = await clockNotes(notes)
    const { row } = await clockOf([flushless(), ...noteless(), ...files], /blktrace/)
    assert.is(row.aligned, withinNs === null ? 'none' : 'note')
    assert.is(row.residualNs, withinNs)
    if (withinNs !== null) assert.ok(Math.abs(row.offsetNs! - offsetNs) <= withinNs)
  })
}

test('notes of both clocks are left where the data are sure, and take from what they leave open', async () => {
  const sources = [STRACE, ...noteless()]
  const { row: data } = await clockOf(sources, /blktrace/)
  const rough = await clockNotes([{ errorNs: 1e6 }])
  assert.equal((await clockOf([...sources, ...rough.files], /blktrace/)).row, data)
  const fine = await clockNotes([{ errorNs: 1e4, withinNs: 2e4 }])
  const { row } = await clockOf([...sources, ...fine.files], /blktrace/)
  assert.is(row.aligned, 'data')
  assert.ok(row.residualNs! <= 4e4 && row.residualNs! < data.residualNs!)
  assert.ok(Math.abs(row.offsetNs! - fine.offsetNs) <= row.residualNs!)
  const foreign = await clockNotes([{ errorNs: 6e10, withinNs: 2e4 }])
  assert.equal((await clockOf([...sources, ...foreign.files], /blktrace/)).row, data)
})

test('ftrace by notes of both clocks, when it is known to be on the one', async () => {
  const { files, offsetNs } = await clockNotes([{ errorNs: 0, withinNs: 1e5 }])
  const first = Math.min(...BLOCKS.map(firstEventNs))
  const stamps = [0, 1e6].map((ns) => ((first + ns) / 1e9).toFixed(6))
  const lines = stamps.map((at) => `  kworker/1-100 [000] ..... ${at}: writeback_dirty_folio: bdi 7:0: ino=12 index=1`)
  writeFileSync(join(folder, 'tracefs.txt'), `${lines.join('\n')}\n`)
  for (const [clock, aligned] of [
    ['local global [mono] boot', 'note'],
    ['[local] global mono boot', 'none'],
  ] as const) {
    writeFileSync(join(folder, 'trace_clock.txt'), `${clock}\n`)
    const sources = [flushless(), join(folder, 'tracefs.txt'), join(folder, 'trace_clock.txt'), ...files]
    const { row } = await clockOf(sources, /tracefs/)
    assert.is(row.aligned, aligned)
    if (aligned === 'note') assert.ok(Math.abs(row.offsetNs! - offsetNs) <= 1e5 + 1e3)
  }
})

/** As strace -t prints it: nothing can be said to lie in a call. */
function wholeSeconds(): string {
  const text = gunzipSync(readFileSync('fixtures/strace/attach-samba/strace.txt.gz')).toString('latin1')
  const to = join(folder, 'whole-seconds.txt')
  const timeOf = (seconds: string): string => new Date(Number(seconds) * 1000).toISOString().slice(11, 19)
  writeFileSync(
    to,
    text.replace(/^(\d+ +)?(\d{10})\.\d{6} /gm, (_, pid = '', seconds) => `${pid}${timeOf(seconds)} `),
  )
  return to
}

test('block traces that nothing joins to the calls are joined to each other', async () => {
  const EVENTS = 'fixtures/blktrace/samba/tracefs.txt'
  const lines = readFileSync(EVENTS, 'latin1').split('\n')
  const requests = join(folder, 'requests.txt')
  writeFileSync(requests, `${lines.filter((line) => line.includes(': block_')).join('\n')}\n`)
  const log = wholeSeconds()
  const { row } = await clockOf([log, requests, EVENTS], /tracefs/)
  assert.equal([row.aligned, row.offsetNs, row.apart!.aligned], ['none', null, 'data'])
  assert.ok(row.apart!.matched! > 100 && row.apart!.residualNs! < WITHIN_NS)
  const beside = await locate([log, requests, EVENTS])
  assert.ok(beside.located.byWitness.events > 400_000)
  assert.equal(beside.located, (await locate([requests, EVENTS])).located)
  assert.is(beside.witnesses.aligned, false)
})

/** What ftrace prints of flushes of one task: its requests in one text, the file system's word of them in another. */
function apartByFtrace(name: string, offsetUs: number): [requests: string, inodes: string] {
  let [at, seed] = [100_000_000, 1]
  const lines = { requests: [] as string[], inodes: [] as string[] }
  const print = (us: number, event: string): string => `  worker-500 [000] ..... ${(us / 1e6).toFixed(6)}: ${event}`
  for (let k = 0; k < 40; k++) {
    at += 2000 + ((seed = (seed * 48_271) % 2_147_483_647) % 30_000)
    lines.inodes.push(print(at + offsetUs, 'ext4_sync_file_enter: dev 7,0 ino 12 parent 2 datasync 1 '))
    lines.requests.push(print(at + 30, `block_bio_queue: 7,0 WS ${8 * k} + 8 [worker]`))
  }
  return (['requests', 'inodes'] as const).map((what) => {
    const to = join(folder, `${name}-${what}.txt`)
    writeFileSync(to, `${lines[what].join('\n')}\n`)
    return to
  }) as [string, string]
}

test('events that name inodes, with no request among them: by what data and the clock since boot both say', async () => {
  const joined = apartByFtrace('boot', 0)
  const { row } = await clockOf(joined, /inodes/)
  assert.equal([row.aligned, row.offsetNs, row.residualNs], ['data', -30_000, 0])
  assert.is((await locate(joined)).witnesses.eventsPlaced, true)
  // Another clock: where the end of a flush is not told, the data alone do not tell how close they are.
  const { witnesses, located } = await locate(apartByFtrace('local', 900))
  assert.equal([witnesses.events, witnesses.eventsPlaced, located.byWitness.events], [true, false, 0])
})

/** As strace -r prints it: since the line before, in ns that are cut to µs. */
function sinceLast(): string {
  let last: number | null = null
  let line = 0
  const text = readFileSync(STRACE, 'latin1').replace(/^(\d+ +)?(\d{10}\.\d{6}) /gm, (_, pid = '', stamp: string) => {
    const ns = Math.round(Number(stamp) * 1e6) * 1000 + ((line++ * 617) % 1000)
    const step = (Math.floor((ns - (last ?? ns)) / 1000) / 1e6).toFixed(6)
    last = ns
    return `${pid}${step.padStart(13)} `
  })
  const to = join(folder, 'since-last.txt')
  writeFileSync(to, text, 'latin1')
  return to
}

test('a log that counts from line to line', async () => {
  const { answer } = await clockOf([STRACE, ...BLOCKS], /blktrace/)
  const { row, answer: found } = await clockOf([sinceLast(), ...BLOCKS], /blktrace/)
  assert.is(row.aligned, 'data')
  assert.ok(Math.abs(nsBetween(parseInstant(answer.startedAt!)!, parseInstant(found.startedAt!)!)) < WITHIN_NS)
})

test('ftrace on the monotonic clock', async () => {
  const { row } = await clockOf(['fixtures/entangled'], /tracefs/)
  assert.equal([row.clock, row.aligned], ['monotonic', 'data'])
  // The recording noted both clocks at one instant: 5012.059764666 s and 1795695815.104770303 s; the log begins at …820.427340.
  const trueNs = (5018.084936 - 5012.059764666 + 815.104770303 - 820.42734) * 1e9
  assert.ok(Math.abs(row.offsetNs! - trueNs) < WITHIN_NS, `${row.offsetNs! - trueNs}`)
})

/** sysdig -t r counts from the start of its capture, -t d from the event before. */
function sysdigText(mode: 'r' | 'd'): string {
  const text = readFileSync('fixtures/sysdig/attach-samba-epoch.txt', 'latin1')
  let first: bigint | null = null
  let last: bigint | null = null
  const counted = text.replace(/^(\d+) (\d{10})\.(\d{9}) /gm, (_, event: string, seconds: string, fraction: string) => {
    const ns = BigInt(seconds + fraction)
    const from = mode === 'r' ? (first ??= ns) : (last ?? ns)
    last = ns
    const since = String(ns - from).padStart(10, '0')
    return `${event} ${since.slice(0, -9)}.${since.slice(-9)} `
  })
  const to = join(folder, `sysdig-${mode}.txt`)
  writeFileSync(to, counted, 'latin1')
  return to
}

for (const mode of ['r', 'd'] as const) {
  test(`sysdig -t ${mode} beside a log of the same calls`, async () => {
    const log = 'fixtures/strace/attach-samba/strace.txt.gz'
    const { row: dated } = await clockOf([log, 'fixtures/sysdig/attach-samba-epoch.txt'], /sysdig/)
    const { row } = await clockOf([log, sysdigText(mode)], /sysdig/)
    assert.equal([dated.aligned, row.clock, row.aligned], ['wall', 'relative', 'data'])
    assert.ok(Math.abs(row.offsetNs! - dated.offsetNs!) < WITHIN_NS, `${row.offsetNs! - dated.offsetNs!}`)
  })
}

test('times in whole seconds, and no times, are told as not aligned', async () => {
  for (const log of ['fixtures/strace/fd-ext4-t/strace.txt', 'fixtures/strace/fd-ext4-noy/strace.txt']) {
    const { row } = await clockOf([log, ...noteless()], /blktrace/)
    assert.equal([row.aligned, row.offsetNs], ['none', null])
  }
})

const SQLITE = 'fixtures/strace/sqlite-ext4/strace.txt.gz'
const QUEUED = 'fixtures/drift/loop0.blktrace.0.gz'

for (const driftPpm of [0, 200, -200]) {
  test(`a clock that runs ${driftPpm} ppm slower than that of the calls`, async () => {
    const noted = await clockOf([SQLITE, QUEUED], /blktrace/)
    const found = await clockOf([SQLITE, bare(gunzipSync(readFileSync(QUEUED)), 'q.blktrace.0', driftPpm)], /blktrace/)
    assert.is(found.row.aligned, 'data')
    assert.ok(Math.abs((found.row.driftPpm ?? 0) - driftPpm) < 10, `${found.row.driftPpm}`)
    assert.is(found.row.driftPpm === null, driftPpm === 0)
    assert.ok(Math.abs((found.row.driftPpm ?? 0) - driftPpm) <= found.row.driftResidualPpm!)
    assert.ok(Math.abs(found.row.offsetNs! - noted.row.offsetNs!) < WITHIN_NS)
  })
}

test('two traces of the same requests: the one without a note is put right to the microsecond', async () => {
  const slow = bare(gunzipSync(readFileSync(QUEUED)), 'slow.blktrace.0', 50)
  const noted = await clockOf([QUEUED], /blktrace/)
  const found = await clockOf([QUEUED, slow], /slow/)
  assert.is(found.row.aligned, 'data')
  assert.ok(Math.abs(found.row.driftPpm! - 50) < 0.1)
  assert.ok(Math.abs(found.row.offsetNs! - noted.row.offsetNs!) < 1e3 && found.row.residualNs! < 1e3)
})

test("a log without dates begins where the block trace's note says", async () => {
  const { answer: dated } = await clockOf([STRACE, ...BLOCKS], /blktrace/)
  const { answer, row } = await clockOf([dateless(), ...BLOCKS], /blktrace/)
  assert.is(row.aligned, 'data')
  assert.ok(Math.abs(nsBetween(parseInstant(dated.startedAt!)!, parseInstant(answer.startedAt!)!)) < WITHIN_NS)
})

test('--since and --until apply to what was aligned by data', async () => {
  const writes = async (sources: string[]): Promise<number> => {
    const { rows } = await rank(sources, { by: 'device', since: '0.05', until: '0.1' })
    return rows.reduce((sum, { block }) => sum + (block?.writes ?? 0), 0)
  }
  const noted = await writes([STRACE, ...BLOCKS])
  assert.ok(noted > 0)
  assert.is(await writes([STRACE, ...noteless()]), noted)
})

test('the block trace of another recording is not aligned', async () => {
  const { row, answer } = await clockOf(['fixtures/strace/fd-ext4-noy/strace.txt', ...noteless()], /blktrace/)
  assert.is(row.aligned, 'none')
  assert.is(row.offsetNs, null)
  assert.ok(answer.startedAt)
})

test('as given', async () => {
  const { row } = await clockOf([STRACE, ...noteless()], /blktrace/, ['bare.blktrace.0=-1.5s'])
  assert.equal([row.aligned, row.offsetNs], ['given', -1_500_000_000])
  for (const [text, ns] of [
    ['=+1.234s', 1_234_000_000],
    ['=0', 0],
    ['=-2', -2_000_000_000],
    ['=0.000001s', 1000],
  ] as const) {
    assert.is((await clockOf([STRACE, ...noteless()], /blktrace/, [`bare.blktrace.0${text}`])).row.offsetNs, ns)
  }
  for (const wrong of ['bare.blktrace.0', 'bare.blktrace.0=noon', 'bare.blktrace.0=+1500ms', 'nothing=+1s']) {
    try {
      await inspect([STRACE], { clock: [wrong] })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /^--clock/)
    }
  }
})

test.run()
