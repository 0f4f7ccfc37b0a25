/** Block writes of recorded captures by file: the numbers of an answer hold together, whatever is asked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect, locate, locateEvents, locateSchema, type LocateAnswer, type LocatedWrite } from '../src/index.ts'

const PARTITION = ['0', '1'].map((cpu) => `fixtures/blktrace/partition/loop0.blktrace.${cpu}`)
const FD_EXT4 = [
  'fixtures/strace/fd-ext4/strace.txt',
  'fixtures/clocks/loop0.blktrace.0',
  'fixtures/clocks/loop0.blktrace.1',
]
const EVENTS = 'fixtures/blktrace/samba/tracefs.txt'
const SAMBA = ['fixtures/strace/attach-samba', EVENTS]
const CAPTURES: Readonly<Record<string, readonly string[]>> = {
  'calls and requests': FD_EXT4,
  'calls, requests and inode events': SAMBA,
  'requests and inode events': [EVENTS],
  'requests and maps': [...PARTITION, 'fixtures/layout/partition-ext4'],
  'requests alone': PARTITION,
  discards: ['fixtures/blktrace/discard/tracefs.txt'],
}

async function writesOf(
  paths: readonly string[],
  options: Parameters<typeof locateEvents>[1],
): Promise<LocatedWrite[]> {
  const writes: LocatedWrite[] = []
  await locateEvents(paths, options, (write) => writes.push(write))
  return writes
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, n) => total + n, 0)
}

const test = suite('locate')

for (const [name, paths] of Object.entries(CAPTURES)) {
  test(`${name}: rows add up to the total, shares to their row`, async () => {
    const answer = await locate(paths, { top: 0 })
    assert.ok(locateSchema.parse(answer))
    const { rows, total, located } = answer
    assert.is(rows.length, total.rows)
    assert.ok(total.bytes > 0)
    for (const of of [
      'writes',
      'bytes',
      'discards',
      'discardBytes',
      'zeroes',
      'zeroedBytes',
      'flushes',
      'fua',
    ] as const) {
      assert.is(sum(rows.map((row) => row[of])), total[of], of)
    }
    for (const row of rows) {
      assert.is(sum(Object.values(row.confidence)), row.bytes)
      assert.is(sum(Object.values(row.rules)), row.bytes)
      const moved = row.bytes + row.discardBytes + row.zeroedBytes
      assert.ok(sum(row.processes.map((process) => process.bytes)) <= moved + row.processes.length)
      if (row.what === 'file') assert.ok(row.file !== null || row.candidates !== undefined)
    }
    assert.is(sum(Object.values(total.byWhat).map((of) => of.bytes)), total.bytes)
    assert.ok(located.locatedBytes <= located.dataBytes && located.dataBytes <= total.bytes)
    assert.is(sum(Object.values(located.byWitness)), located.locatedBytes)
    assert.is(sum(answer.devices.map(({ bytes }) => bytes)), total.bytes)
  })

  test(`${name}: the events are the rows, one by one`, async () => {
    const { total } = await locate(paths)
    const writes = await writesOf(paths, {})
    const carrying = writes.filter(({ what }) => what !== 'free')
    assert.is(sum(carrying.map(({ bytes }) => bytes)), total.bytes)
    for (const { confidence, what, path, inode, candidates } of writes) {
      if (what === 'file') assert.ok(path !== null || inode !== null || candidates.length > 1)
      else assert.is(path, null)
      assert.is(confidence === 'ambiguous', candidates.length > 0)
    }
  })
}

test('calls and inode events name the same file: exact', async () => {
  const named = async (paths: readonly string[]): Promise<LocateAnswer['rows']> =>
    (await locate(paths)).rows.filter(({ what }) => what === 'file')
  const [events, both] = [await named([EVENTS]), await named(SAMBA)]
  assert.equal(
    both.map(({ file, bytes }) => [file?.inode, bytes]),
    events.map(({ file, bytes }) => [file?.inode, bytes]),
  )
  assert.ok(events.every(({ file, confidence }) => file?.path === null && confidence.exact === 0))
  assert.ok(both.every(({ file, confidence, bytes }) => file?.path !== null && confidence.exact === bytes))
})

test('a filter leaves what it says, and the same of it', async () => {
  const all = await locate(FD_EXT4, { top: 0 })
  const largest = all.rows.find(({ file }) => file?.path)
  assert.ok(largest?.file?.path)
  const ofFile = await locate(FD_EXT4, { file: largest.file.path })
  assert.equal(ofFile.rows, [largest])
  assert.is(ofFile.total.bytes, largest.bytes)

  const [{ pid }] = largest.processes
  const ofProcess = await locate(FD_EXT4, { process: String(pid), top: 0 })
  assert.ok(ofProcess.rows.every(({ processes }) => processes.some((process) => process.pid === pid)))
  assert.ok(ofProcess.total.bytes >= largest.bytes && ofProcess.total.bytes < all.total.bytes)

  assert.equal((await locate(FD_EXT4, { device: '7:0' })).total, all.total)
  assert.is((await locate(FD_EXT4, { device: '8:0' })).total.rows, 0)
  assert.is((await locate(FD_EXT4, { file: '/no/such/file' })).total.rows, 0)
})

test('a device by the name that a map gives; a name that nobody gives', async () => {
  const paths = [...PARTITION, 'fixtures/layout/partition-ext4']
  const named = await locate(paths, { device: 'loop0p1' })
  const numbered = await locate(paths, { device: '259:0' })
  assert.ok(named.total.bytes > 0)
  assert.equal(named.rows, numbered.rows)
  try {
    await locate(paths, { device: 'sdz' })
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /^--device sdz: no saved table names it, .* they name .*loop0p1/)
  }
})

test('the top rows and the rest are all of them', async () => {
  const { rows, rest, total } = await locate(FD_EXT4, { top: 3 })
  assert.is(rows.length, 3)
  assert.equal(rest, {
    rows: total.rows - 3,
    writes: total.writes - sum(rows.map(({ writes }) => writes)),
    bytes: total.bytes - sum(rows.map(({ bytes }) => bytes)),
    discards: 0,
    discardBytes: 0,
    zeroes: 0,
    zeroedBytes: 0,
    flushes: total.flushes - sum(rows.map(({ flushes }) => flushes)),
    fua: total.fua - sum(rows.map(({ fua }) => fua)),
  })
})

test('--sector: every write over it, with what each is known by', async () => {
  const paths = [...PARTITION, 'fixtures/layout/partition-ext4']
  const writes = await writesOf(paths, {})
  const wanted = writes.find(({ path, bytes, device }) => path !== null && bytes > 512 && device === '259:0')
  assert.ok(wanted?.sector)
  const sector = wanted.sector + 1
  const found = await writesOf(paths, { sector: `259:0:${sector}` })
  assert.equal(
    found,
    writes.filter((write) => {
      const from = write.sector ?? Infinity
      return write.device === '259:0' && from <= sector && sector < from + write.bytes / 512
    }),
  )
  for (const { evidence } of found) {
    assert.is(evidence.length, 1)
    assert.ok(evidence[0].says.length > 0)
  }
  // The partition begins at sector 2048 of the disk.
  assert.equal(await writesOf(paths, { sector: `7:0:${sector + 2048}` }), found)
})

for (const sector of ['12', '7:0', 'sdz:12', '4096:7:0']) {
  test(`--sector ${sector} is not a device and a sector`, async () => {
    try {
      await writesOf(FD_EXT4, { sector })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /^--(?:sector|device) /)
    }
  })
}

test('what md writes for itself on a member is metadata, not a file’s data', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  try {
    const files = {
      'blkparse.txt': [8, 24, 4096]
        .map((sector, k) => `  8,16    0  ${k + 1}     0.00000000${k}   519  Q  WS ${sector} + 8 [md0_raid1]\n`)
        .join(''),
      'lsblk.json': JSON.stringify({
        blockdevices: [{ name: 'sdb', kname: 'sdb', 'maj:min': '8:16', type: 'disk', size: 1 << 26 }],
      }),
      'mdadm.txt':
        '/dev/sdb:\n          Magic : a92b4efc\n    Data Offset : 4096 sectors\n   Super Offset : 8 sectors\n',
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const writes = await writesOf([folder], {})
    assert.equal(
      writes.map(({ what, confidence }) => `${what} ${confidence}`),
      ['metadata snapshot', 'metadata snapshot', 'unknown unknown'],
    )
    assert.match(JSON.stringify(writes[0].evidence), 'mdadm.txt')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('system calls alone say nothing of blocks', async () => {
  try {
    await locate(['fixtures/strace/fd-ext4/strace.txt'])
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /no block trace among the sources/)
  }
})

const WROTE = 'dd-519     [000] .....     1.000001: writeback_dirty_folio: bdi 7:0: ino=12 index=0\n'

test('events that name inodes alone: what is missing is named, also by what answers all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  try {
    const path = join(folder, 'tracefs.txt')
    writeFileSync(path, WROTE.repeat(3))
    const refused = await locate([path]).then(
      () => '',
      (error: Error) => error.message,
    )
    assert.match(refused, /tracefs\.txt: its events name inodes, none is of a request; record block_bio_queue/)
    const { diagnostics } = await inspect([path])
    const { code, message } = diagnostics[0]
    assert.is(code, 'block/no-requests')
    assert.match(message, '(writeback_dirty_folio 3)')
    // Beside requests they are what they are for.
    writeFileSync(path, `${WROTE}dd-519     [000] .....     1.000002: block_bio_queue: 7,0 R 0 + 8 [dd]\n`)
    assert.equal((await inspect([path])).diagnostics, [])
    assert.is((await locate([path])).total.bytes, 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
