/**
 * Maps that are not of the trace, or not whole: what is said, and that nothing is named wrongly for certain. The truth is
 * what inode events of the same recording name, which no map is asked for.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gunzipSync } from 'node:zlib'
import { parseInstant } from '@flushtrace/trace'
import { locateEvents, type LocatedWrite } from '../src/index.ts'

const SAMBA = 'fixtures/locate/samba'
const MAPS = `${SAMBA}/maps`
const OTHER = 'fixtures/layout/subvolumes-btrfs'
const TRACES = ['fixtures/strace/attach-samba', `${SAMBA}/loop0.blktrace.0`, `${SAMBA}/loop0.blktrace.1`]

interface Answer {
  readonly writes: readonly LocatedWrite[]
  /** Codes of what is said. */
  readonly said: ReadonlySet<string>
}

async function answerOf(paths: readonly string[]): Promise<Answer> {
  const writes: LocatedWrite[] = []
  const { analysis } = await locateEvents(paths, {}, (write) => writes.push(write))
  return { writes, said: new Set(analysis.diagnostics.rows().map(({ code }) => code)) }
}

const truth = new Map<string, LocatedWrite[]>()
const idOf = ({ source, at }: LocatedWrite): string => `${source} ${at}`

/** Bytes of files by how they are named. */
function score({ writes }: Answer): { right: number; wrong: number; exactWrong: number } {
  const sums = { right: 0, wrong: 0, exactWrong: 0 }
  for (const write of writes) {
    if (write.path === null || write.sector === null) continue
    for (const true_ of truth.get(idOf(write)) ?? []) {
      const from = Math.max(write.sector, true_.sector ?? Infinity)
      const to = Math.min(write.sector + write.bytes / 512, (true_.sector ?? 0) + true_.bytes / 512)
      if (to <= from) continue
      const bytes = (to - from) * 512
      if (true_.path === write.path) sums.right += bytes
      else sums.wrong += bytes
      if (true_.path !== write.path && write.confidence === 'exact') sums.exactWrong += bytes
    }
  }
  return sums
}

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-maps-'))

/** The saved maps of a folder, each with its text changed. */
function changed(name: string, change: (text: string, path: string) => string, from = MAPS): string {
  for (const path of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(?:txt|json)(?:\.gz)?$/.test(path)) continue
    const bytes = readFileSync(join(from, path))
    const to = join(folder, name, path.replace(/\.gz$/, ''))
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, change((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1'), path), 'latin1')
  }
  return join(folder, name)
}

const test = suite('maps that are not of the trace')
test.after(() => rmSync(folder, { recursive: true }))
test.before(async () => {
  const { writes } = await answerOf([...TRACES, `${SAMBA}/tracefs.txt.gz`])
  for (const write of writes) {
    if (write.confidence === 'exact') truth.set(idOf(write), [...(truth.get(idOf(write)) ?? []), write])
  }
})

let alone: ReturnType<typeof score>
test('the calls alone, and with the maps of the recording', async () => {
  alone = score(await answerOf(TRACES))
  assert.ok(alone.right > 1_900_000)
  assert.is(alone.wrong, 0)
  const own = await answerOf([...TRACES, MAPS])
  const { right, wrong } = score(own)
  assert.ok(right >= alone.right)
  assert.is(wrong, 0)
  assert.not.ok(own.said.has('layout/contradicted-map') || own.said.has('layout/contradicted-mount'))
})

test('maps and mounts of another host are contradicted by the calls: said, and not used', async () => {
  const answer = await answerOf([...TRACES, OTHER])
  assert.ok(answer.said.has('layout/contradicted-mount'))
  assert.equal(score(answer), alone)
})

test('maps of the recording beside those of another host', async () => {
  const { right, wrong, exactWrong } = score(await answerOf([...TRACES, MAPS, OTHER]))
  assert.equal([wrong, exactWrong], [0, 0])
  assert.ok(right >= alone.right)
})

test('maps from before the trace, given as those from afterwards', async () => {
  const stale = changed('stale/maps/after', (text) => text, `${MAPS}/before`)
  const { wrong, exactWrong } = score(await answerOf([...TRACES, stale]))
  assert.equal([wrong, exactWrong], [0, 0])
})

/** The maps of the recording with a clock note in each folder, so many seconds before the trace, or after it. */
async function noted(name: string, seconds: number): Promise<string> {
  const { analysis } = await locateEvents(TRACES, {}, () => {})
  const start = parseInstant(analysis.startedAt!)!.seconds
  const maps = changed(name, (text) => text)
  for (const [of, at] of [
    ['before', start - seconds],
    ['after', start + 60 + seconds],
  ] as const) {
    writeFileSync(join(maps, of, 'clock.txt'), `wall_ns ${at}000000001\nwhen ${of}\n`)
  }
  return maps
}

test('maps of another day, by their clock notes: said, and not used', async () => {
  const own = await answerOf([...TRACES, MAPS])
  const near = await answerOf([...TRACES, await noted('same-day/maps', 20 * 3600)])
  assert.not.ok(near.said.has('layout/other-time'))
  assert.equal(score(near), score(own))
  const far = await answerOf([...TRACES, await noted('years/maps', 700 * 86_400)])
  assert.ok(far.said.has('layout/other-time'))
  assert.equal(score(far), alone)
})

test('a map taken during the trace names what was written before it, by its clock note; without one, nothing', async () => {
  const requests = TRACES.slice(1)
  const { analysis } = await locateEvents(requests, {}, () => {})
  const start = parseInstant(analysis.startedAt as string)!
  const taken = async (name: string, note: string): Promise<Answer> => {
    const maps = changed(name, (text) => text)
    for (const part of readdirSync(maps)) if (part !== 'after') rmSync(join(maps, part), { recursive: true })
    writeFileSync(join(maps, 'after', 'clock.txt'), note)
    return answerOf([...requests, maps])
  }
  const noteOf = (from: number, until: number): string =>
    `when during\nwall_ns ${start.seconds + from}000000001\nuntil_ns ${start.seconds + until}000000001\n`
  const named = ({ writes }: Answer): number[] =>
    writes.flatMap(({ evidence: [{ rule }], atNs }) => (rule === 'map-after' ? [atNs as number] : []))
  // As good as afterwards: all of it is told by then.
  const late = await taken('late', noteOf(1000, 1001))
  const half = await taken('half', noteOf(8, 9))
  assert.ok(named(half).length > 0 && named(late).length > named(half).length)
  assert.ok(named(half).every((atNs) => atNs < 8e9))
  assert.equal([score(late).wrong, score(half).exactWrong], [0, 0])
  const untimed = await taken('untimed', 'when during\n')
  assert.ok(untimed.said.has('layout/untimed-map') && !half.said.has('layout/untimed-map'))
  assert.equal(named(untimed), [])
})

test('a map whose folder says nothing is from before or after by its clock note', async () => {
  const maps = await noted('told/maps', 60)
  const unsaid = join(folder, 'unsaid')
  cpSync(join(maps, 'before'), unsaid, { recursive: true })
  const note = readFileSync(join(unsaid, 'clock.txt'), 'latin1')
  writeFileSync(join(unsaid, 'clock.txt'), note.replace(/when .*\n/, ''))
  const named = ({ writes }: Answer): string[] => writes.map(({ path, confidence }) => `${path} ${confidence}`)
  const [told, found] = [await answerOf([...TRACES, join(maps, 'before')]), await answerOf([...TRACES, unsaid])]
  assert.equal(named(found), named(told))
})

test('every file of a map on the blocks of the next one: said, and no file is named by it', async () => {
  const overlapping = changed('overlap/maps', (text, path) => {
    if (!path.includes('filefrag')) return /dump-tree-chunk|mountinfo|\.json/.test(path) ? text : ''
    const files = text.split(/^(?=File size of )/m)
    // Rows of each file, and those of the one before it.
    return files.map((file, k) => (k < 2 ? file : file.replace(/\n(?=\S)/, `\n${rowsOf(files[k - 1])}`))).join('')
  })
  const answer = await answerOf([...TRACES, overlapping])
  assert.ok(answer.said.has('layout/overlap'), [...answer.said].join())
  assert.equal([score(answer).wrong, score(answer).exactWrong], [0, 0])
})

function rowsOf(file: string): string {
  return [...file.matchAll(/^ +\d+: .*\n/gm)].map(([row]) => row).join('')
}

for (let tenths = 1; tenths < 10; tenths++) {
  test(`maps cut after ${tenths} tenths: said, and nothing is wrong`, async () => {
    const cut = changed(`cut-${tenths}/maps`, (text, path) =>
      path.endsWith('.json') || path.includes('mountinfo') ? text : text.slice(0, (text.length * tenths) / 10),
    )
    const answer = await answerOf([...TRACES, cut])
    assert.ok(answer.said.has('layout/cut-map') || answer.said.has('layout/damaged-line'), [...answer.said].join())
    const { right, wrong, exactWrong } = score(answer)
    assert.equal([wrong, exactWrong], [0, 0])
    assert.ok(right >= alone.right)
  })
}

test('a name with a newline, a backslash and an escape sequence is one file to calls and maps', async () => {
  const path = '/srv/data/new\nline \\134 \u001B[31m'
  const escaped = '/srv/data/new\\nline \\\\134 \\33[31m'
  const put = (name: string, text: string): void => {
    mkdirSync(join(folder, 'names/maps/after'), { recursive: true })
    writeFileSync(join(folder, 'names', name), text)
  }
  const start = 1_700_000_000
  put(
    'strace.txt',
    `700 ${start}.000000 openat(AT_FDCWD, "${escaped}", O_RDWR) = 3 <0.000010>\n` +
      `700 ${start}.001000 pwrite64(3, "x"..., 8192, 0) = 8192 <0.000020>\n` +
      `700 ${start}.002000 fsync(3) = 0 <0.000800>\n`,
  )
  put(
    'blkparse.txt',
    '  8,16   0        1     0.002100000   700  Q  WS 8000 + 8 [db]\n' +
      '  8,16   0        2     0.500000000    40  Q   W 8008 + 8 [kworker/u8:1]\n',
  )
  const disk = { name: 'sdb', kname: 'sdb', 'maj:min': '8:16', type: 'disk', size: 2 ** 30, start: null }
  put(
    'maps/after/lsblk.json',
    JSON.stringify({ blockdevices: [{ ...disk, fstype: 'ext4', mountpoints: ['/srv/data'] }] }),
  )
  put(
    'maps/after/filefrag.txt',
    `Filesystem type is: ef53
File size of ${path} is 8192 (2 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..       1:       1000..      1001:      2:             last,eof
${path}: 1 extent found
`,
  )
  const writes: LocatedWrite[] = []
  const clock = `${join(folder, 'names/blkparse.txt')}=+0s`
  await locateEvents([join(folder, 'names')], { clock: [clock] }, (write) => writes.push(write))
  assert.equal(
    writes.map((write) => [write.path, write.fileOffset, write.evidence[0].rule]),
    [
      [path, 0, 'own-call'],
      [path, 4096, 'map-after'],
    ],
  )
})

test.run()
