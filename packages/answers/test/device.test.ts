/** --device: calls by the files they are about, requests by where they were queued; what nothing tells of is counted. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { events, explain, inspect, locate, rank, type CallEvent } from '../src/index.ts'

/** Two partitions of a disk, a volume on the second, and a disk of its own. */
const LSBLK = {
  blockdevices: [
    {
      ...device('sda', '8:0', 'disk', null),
      children: [
        device('sda1', '8:1', 'part', 2048, '/one'),
        { ...device('sda2', '8:2', 'part', 1_000_000), children: [device('vg-two', '253:0', 'lvm', null, '/two')] },
      ],
    },
    device('sdb', '8:16', 'disk', null, '/three'),
  ],
}
const MOUNTS = [
  '20 1 8:1 / /one rw - ext4 /dev/sda1 rw',
  '21 1 253:0 / /two rw - ext4 /dev/mapper/vg-two rw',
  '22 1 8:16 / /three rw - xfs /dev/sdb rw',
  '23 20 0:50 / /one/tmp rw - tmpfs tmpfs rw',
]
const FLUSHED = ['/one/a', '/two/b', '/three/c', '/one/tmp/d', '/elsewhere/e', 'relative']
const CALLS = [
  ...FLUSHED.flatMap((path, k) => [
    `700 1700000000.${k}00000 openat(AT_FDCWD, "${path}", O_RDWR) = ${k + 3}`,
    `700 1700000000.${k}10000 fsync(${k + 3}) = 0 <0.001000>`,
  ]),
  '700 1700000000.900000 sync() = 0 <0.001000>',
]
const event = (device: string, n: number, what: string): string =>
  ` ${device}   0 ${String(n).padStart(8)} ${(n / 1e4).toFixed(9).padStart(14)} ${String(700).padStart(5)}  ${what}`
/** A write to each partition, one to the disk of its own; the first partition's is remapped as the kernel tells it. */
const BLOCKS = [
  event('8,0', 1, 'A  WS 2056 + 8 <- (8,1) 8'),
  event('8,0', 2, 'Q  WS 2056 + 8 [db]'),
  event('8,0', 3, 'D  WS 2056 + 8 [db]'),
  event('8,0', 4, 'C  WS 2056 + 8 [0]'),
  event('253,0', 5, 'Q  WS 80 + 16 [db]'),
  event('8,0', 6, 'A  WS 1000080 + 16 <- (253,0) 80'),
  event('8,0', 7, 'Q  WS 1000080 + 16 [db]'),
  event('8,16', 8, 'Q  WS 800 + 24 [db]'),
]

function device(name: string, number: string, type: string, start: number | null, mountpoint?: string) {
  const mountpoints = mountpoint === undefined ? [] : [mountpoint]
  return {
    name,
    kname: name,
    'maj:min': number,
    type,
    size: type === 'part' ? 2 ** 28 : 2 ** 32,
    start,
    fstype: null,
    mountpoints,
  }
}

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-device-'))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const strace = file('strace.txt', `${CALLS.join('\n')}\n`)
const blocks = file('blkparse.txt', `${BLOCKS.join('\n')}\n`)
const mounts = file('mountinfo.txt', `${MOUNTS.join('\n')}\n`)
const lsblk = file('lsblk.json', JSON.stringify(LSBLK, null, 3))

interface Told {
  paths: (string | null)[]
  sizes: number[]
  untold: number
}

/** Paths of the flushes (null: sync), sizes of the block writes, and flushes of which nothing tells. */
async function told(sources: string[], wanted: string): Promise<Told> {
  const found: Told = { paths: [], sizes: [], untold: 0 }
  const { diagnostics } = await events(sources, { device: wanted }, (one) => {
    if (one.type === 'flush') found.paths.push((one as CallEvent).path)
    if (one.type === 'block-write') found.sizes.push(one.bytes / 512)
  })
  for (const { code, count } of diagnostics.rows()) if (code === 'device/untold-flushes') found.untold = count
  return found
}

const test = suite('--device')
test.after(() => rmSync(folder, { recursive: true }))

const EVERYTHING = [strace, blocks, mounts, lsblk]
for (const [wanted, paths, sizes] of [
  ['sda', ['/one/a', '/two/b'], [8, 16]],
  ['8:0', ['/one/a', '/two/b'], [8, 16]],
  ['/dev/sda1', ['/one/a'], [8]],
  ['8:2', ['/two/b'], [16]],
  ['/dev/mapper/vg-two', ['/two/b'], [16]],
  ['sdb', ['/three/c'], [24]],
] as const) {
  test(`${wanted}: what is mounted from it or on it, and requests that went there`, async () => {
    assert.equal(await told(EVERYTHING, wanted), { paths: [...paths, null], sizes: [...sizes], untold: 3 })
  })
}

test('without tables a number is all that there is: mounts tell what is on it, remaps what came from it', async () => {
  assert.equal(await told([strace, mounts, blocks], '8:1'), { paths: ['/one/a', null], sizes: [8], untold: 5 })
  // Whether 8:1 is a part of 8:0, or 253:0 lies on it, nothing tells.
  assert.equal((await told([strace, mounts, blocks], '8:0')).paths, [null])
  assert.equal((await told([strace, blocks], '8:0')).untold, FLUSHED.length)
})

test('a name that no table tells is wrong usage, and the known ones are named', async () => {
  const failure = async (sources: string[]): Promise<string> =>
    rank(sources, { device: 'sdz' }).then(
      () => '',
      (error: Error) => error.message,
    )
  assert.match(await failure(EVERYTHING), /sdz.*8:0.*sda1/)
  assert.match(await failure([strace]), /give its number/)
})

test('rank counts flushes and requests of the device alone', async () => {
  const { total, rows, diagnostics } = await rank(EVERYTHING, { device: 'sda1' })
  assert.equal(total.flushes.byCall, { fsync: 1, sync: 1 })
  assert.equal([total.block?.writes, total.block?.bytes], [1, 4096])
  assert.equal(rows[0].block?.bytes, 4096)
  assert.is(diagnostics.find(({ code }) => code === 'device/untold-flushes')?.count, 3)
  const byDevice = await rank(EVERYTHING, { device: 'sda1', by: 'device' })
  assert.equal(
    byDevice.rows.map((row) => [row.device, row.block?.writes, row.io?.d2c?.count]),
    [['8:0', 1, 1]],
  )
})

test('where a partition lies, only a table tells: without it, ends of its requests are not seen, and that is said', async () => {
  const { rows, diagnostics } = await rank([blocks], { device: '8:1', by: 'device' })
  assert.equal([rows[0].block?.writes, rows[0].io?.d2c], [1, null])
  assert.ok(diagnostics.some(({ code }) => code === 'device/untold-place'))
})

test('locate and explain go by the same device', async () => {
  const bytes = async (wanted: string): Promise<number> => (await locate(EVERYTHING, { device: wanted })).total.bytes
  assert.equal(await Promise.all(['sda', 'sda1', 'vg-two', 'sdb'].map(bytes)), [24 * 512, 8 * 512, 16 * 512, 24 * 512])
  const answer = await explain([strace, mounts, lsblk], { device: 'sda' })
  assert.equal(new Set(answer.rows.map(({ path }) => path)), new Set(['/one/a', '/two/b', null]))
  assert.is(answer.diagnostics.find(({ code }) => code === 'device/untold-flushes')?.count, 3)
  const requests = await explain([blocks, lsblk], { device: 'sdb' })
  assert.is(requests.rows.length, 0)
})

test('explain: where no table tells, the requests of a flush tell where its file is', async () => {
  const capture = ['fixtures/strace/fd-ext4', 'fixtures/clocks']
  const found = await explain(capture, { device: '7:0', top: 0 })
  const untold = found.diagnostics.find(({ code }) => code === 'device/untold-flushes')?.count ?? 0
  const all = await explain(capture, { process: '*', top: 0 })
  assert.ok(found.rows.length > 40, `${found.rows.length} of ${all.rows.length}`)
  assert.ok(found.rows.length + untold <= all.rows.length)
})

test('events: a request passes the other filters by who queued it, and by when', async () => {
  const requests = async (options: Parameters<typeof events>[1]): Promise<number> => {
    let count = 0
    await events([strace, blocks], { ...options, clock: ['blkparse.txt=+0'] }, ({ type }) => {
      if (type === 'block-write') count++
    })
    return count
  }
  const counts = [
    {},
    { process: '700' },
    { process: 'db' },
    { process: '701' },
    { file: '*' },
    { until: '0.0004' },
  ].map(requests)
  assert.equal(await Promise.all(counts), [4, 4, 4, 0, 0, 1])
})

test('inspect leaves out traces of other devices, and the rest of the stack', async () => {
  const { rows, stack } = await inspect(EVERYTHING, { device: 'vg-two' })
  assert.equal(
    stack.map(({ name }) => name),
    ['vg-two'],
  )
  assert.ok(rows.some(({ path }) => path === blocks))
  const other = await inspect([...EVERYTHING], { device: '9:9' })
  assert.not.ok(other.rows.some(({ path }) => path === blocks))
})

test('inspect draws what lies on what by the remaps, where no table tells, and counts them', async () => {
  const figure = async (sources: string[]): Promise<unknown[]> => {
    const { stack } = await inspect(sources)
    return stack.map(({ depth, device: number, startBytes, remaps }) => [
      depth,
      number,
      startBytes === null ? null : startBytes / 512,
      remaps,
    ])
  }
  assert.equal(await figure([blocks]), [
    [0, '8:0', null, null],
    [1, '8:1', 2048, 1],
    [1, '253:0', 1_000_000, 1],
  ])
  // The volume's requests are shown to reach the disk; the table knows the partition between.
  assert.equal(await figure([blocks, lsblk]), [
    [0, '8:0', null, null],
    [1, '8:1', 2048, 1],
    [1, '8:2', 1_000_000, null],
    [2, '253:0', null, null],
    [0, '8:16', null, null],
  ])
})

test('a table that has a partition begin elsewhere than its requests do is contradicted', async () => {
  const contradicted = async (sources: string[]): Promise<string[]> => {
    const { diagnostics } = await inspect(sources)
    return diagnostics.filter(({ code }) => code === 'layout/other-place').map(({ message }) => message)
  }
  assert.equal(await contradicted([blocks, lsblk]), [])
  const moved = file('moved.json', JSON.stringify(LSBLK).replace('"start":2048', '"start":4096'))
  assert.match((await contradicted([blocks, moved])).join(), /8:1 on 8:0 from sector 4096, and requests from 2048/)
})

test('stat tells the device of a file', async () => {
  const log = file(
    'stat.txt',
    [
      '700 1700000000.100000 openat(AT_FDCWD, "/x", O_RDWR) = 3',
      '700 1700000000.200000 fstat(3, {st_dev=makedev(0x8, 0x10), st_ino=12, st_mode=S_IFREG|0644, st_nlink=1, st_uid=0, st_gid=0, st_blksize=4096, st_blocks=0, st_size=0, st_atime=0, st_mtime=0, st_ctime=0}) = 0',
      '700 1700000000.300000 fsync(3) = 0',
      '',
    ].join('\n'),
  )
  assert.equal(await told([log], '8:16'), { paths: ['/x'], sizes: [], untold: 0 })
  assert.equal(await told([log, lsblk], 'sda'), { paths: [], sizes: [], untold: 0 })
  assert.equal(await told([log], '8:0'), { paths: [], sizes: [], untold: 1 })
})

test.run()
