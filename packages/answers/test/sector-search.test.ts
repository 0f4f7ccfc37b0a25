/** --sector and --device by any device of the stack, as tables and remap events tell what lies on what. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { locate, locateEvents } from '../src/index.ts'

const test = suite('one sector of a stack')

/** A volume of two pieces on the partition of a disk. */
const LSBLK = JSON.stringify({
  blockdevices: [
    { name: 'sda', kname: 'sda', 'maj:min': '8:0', type: 'disk', size: 1 << 30, start: null, pkname: null },
    { name: 'sda3', kname: 'sda3', 'maj:min': '8:3', type: 'part', size: 1 << 29, start: 10_000, pkname: 'sda' },
    { name: 'vg-lv', kname: 'dm-1', 'maj:min': '253:1', type: 'lvm', size: 1 << 20, start: null, pkname: 'sda3' },
    { name: 'sda4', kname: 'sda4', 'maj:min': '8:4', type: 'part', size: 1 << 20, start: 1_600_000, pkname: 'sda' },
  ],
})
const TABLES = {
  'lsblk.json': LSBLK,
  'dmsetup-table.txt': 'vg-lv: 0 1000 linear 8:3 2048\nvg-lv: 1000 1000 linear 8:3 9000\n',
}
/** Sector 1008 of the volume. */
const PLACES = ['253:1:1008', '8:3:9008', '8:0:19008']

function blkparse(...lines: readonly string[]): string {
  return lines.map((line, k) => `${line.replace(/^(\S+) /, `$1 0 ${k + 1} 0.00000${k}000 100 `)}\n`).join('')
}

async function inFolder<T>(files: Readonly<Record<string, string>>, ask: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return await ask(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Records of the writes that are found. */
function found(files: Readonly<Record<string, string>>, sector: string): Promise<number[]> {
  return inFolder(files, async (folder) => {
    const at: number[] = []
    await locateEvents([folder], { sector }, (write) => at.push(write.at))
    return at
  })
}

test('tables lead up and down', async () => {
  for (const queued of PLACES) {
    const [, device, sector] = /^(.+):(\d+)$/.exec(queued) ?? []
    const files = {
      ...TABLES,
      'trace.txt': blkparse(`${device.replace(':', ',')} Q W ${sector} + 8 [x]`, '8,0 Q W 19016 + 8 [x]'),
    }
    for (const sought of PLACES) assert.equal(await found(files, sought), [1], `${queued}, ${sought}`)
    assert.equal(await found(files, '253:1:1007'), [])
  }
})

const CHAIN = blkparse(
  '253,1 Q W 1008 + 8 [x]',
  '8,3 A W 5008 + 8 <- (253,1) 1008',
  '8,0 A W 15008 + 8 <- (8,3) 5008',
  '8,0 Q W 15008 + 8 [x]',
  '253,1 Q W 1008 + 8 [x]',
  '8,3 A W 7008 + 8 <- (253,1) 1008',
  '8,0 A W 17008 + 8 <- (8,3) 7008',
  '8,0 Q W 17008 + 8 [x]',
)

test('remap events lead up, each time by themselves: a thin volume moves', async () => {
  const files = { 'trace.txt': CHAIN }
  assert.equal(await found(files, '8:0:15010'), [1])
  assert.equal(await found(files, '8:3:5010'), [1])
  assert.equal(await found(files, '8:0:17010'), [5])
  assert.equal(await found(files, '253:1:1010'), [1, 5])
  assert.equal(await found(files, '8:0:15016'), [])
})

test('tables that requests contradict are not followed', async () => {
  const lines = [1600, 2400].flatMap((sector) => [
    `8,3 Q W ${sector} + 8 [x]`,
    `8,0 A W ${sector + 800} + 8 <- (8,3) ${sector}`,
  ])
  const files = { ...TABLES, 'trace.txt': blkparse(...lines) }
  assert.equal(await found(files, '8:0:2400'), [1])
  assert.equal(await found(files, '8:0:11600'), [])
})

test('--device takes what is passed to it, and what lies on it', async () => {
  const bytesOn = (files: Readonly<Record<string, string>>, device: string): Promise<number> =>
    inFolder(files, async (folder) => (await locate([folder], { device })).total.bytes)
  const below = { ...TABLES, 'trace.txt': blkparse('8,0 Q W 19008 + 8 [x]', '8,0 Q W 1600000 + 8 [x]') }
  assert.equal(
    await Promise.all(['8:0', 'sda3', 'vg-lv', '8:4'].map((device) => bytesOn(below, device))),
    [8192, 4096, 4096, 4096],
  )
  const passed = { 'trace.txt': CHAIN }
  assert.equal(
    await Promise.all(['8:0', '8:3', '253:1', '8:4'].map((on) => bytesOn(passed, on))),
    [8192, 8192, 8192, 0],
  )
})

test('what would name data on the device below a volume or an array is said', async () => {
  const fixes = (tables: Readonly<Record<string, string>>): Promise<string[]> =>
    inFolder({ ...tables, 'trace.txt': blkparse('8,0 Q W 19008 + 8 [x]') }, async (folder) => {
      const { diagnostics } = await locate([folder])
      return diagnostics.flatMap(({ code, message, fix }) =>
        code.startsWith('layout/untold') ? [`${/dm-1 \(vg-lv\)|md0|sda3/.exec(message)?.[0]}: ${fix}`] : [],
      )
    })
  const table = (line: string): Record<string, string> => ({ 'lsblk.json': LSBLK, 'dmsetup-table.txt': line })
  assert.equal(await fixes(TABLES), [])
  assert.equal(await fixes({ 'lsblk.json': LSBLK }), ['dm-1 (vg-lv): save dmsetup table'])
  const moving = ['dm-1 (vg-lv): record the requests of the device itself, too (blktrace -d)']
  assert.equal(await fixes(table('vg-lv: 0 2000 cache 8:5 8:3 8:3 128 0 smq 0\n')), moving)
  const [thin] = await fixes(table('vg-lv: 0 2000 thin 8:3 1\n'))
  assert.match(thin, /^dm-1 \(vg-lv\): save dmsetup table and thin_dump /)
  const array = LSBLK.replace('vg-lv', 'md0').replace('dm-1', 'md0').replace('lvm', 'raid1')
  assert.equal(await fixes({ 'lsblk.json': array }), ['md0: save /proc/mdstat and mdadm -E of its members'])
  const old = LSBLK.replace('10000', 'null')
  assert.equal(
    (await fixes({ 'lsblk.json': old })).map((fix) => fix.slice(0, 16)),
    ['sda3: save lsblk'],
  )
})

test('members of a mirror: one write, found by the sector of either', async () => {
  const disk = (name: string, number: string) => ({
    name,
    kname: name,
    'maj:min': number,
    type: 'disk',
    size: 1 << 30,
    children: [{ name: 'md0', kname: 'md0', 'maj:min': '9:0', type: 'raid1', size: 1 << 29 }],
  })
  const files = {
    'lsblk.json': JSON.stringify({ blockdevices: [disk('sda', '8:0'), disk('sdb', '8:16')] }),
    'mdstat.txt': 'Personalities : [raid1]\nmd0 : active raid1 sdb[1] sda[0]\n      524288 blocks [2/2] [UU]\n',
    'trace.txt': blkparse('8,16 Q W 800 + 8 [x]', '8,0 Q W 800 + 8 [x]', '8,0 Q W 800 + 8 [x]', '8,16 Q W 800 + 8 [x]'),
  }
  for (const device of ['8:0', '8:16', '9:0']) assert.equal(await found(files, `${device}:804`), [1, 3])
  const { devices, total } = await inFolder(files, (folder) => locate([folder]))
  assert.equal([total.writes, devices.map(({ device }) => device)], [2, ['9:0']])
})

/** A volume of a piece on each of two disks, and a link of drbd. */
const TWO_DISKS = {
  'lsblk.json': JSON.stringify({
    blockdevices: ['sda', 'sdb'].map((name, k) => ({
      name,
      kname: name,
      'maj:min': `8:${16 * k}`,
      type: 'disk',
      size: 1 << 30,
      label: `disk${k}`,
      uuid: 'both',
      children: [{ name: 'vg-my--web', kname: 'dm-1', 'maj:min': '253:1', type: 'lvm', size: 1 << 20 }],
    })),
  }),
  'ls-drbd.txt':
    '/dev/drbd/by-res:\ntotal 0\n\n/dev/drbd/by-res/web1:\nlrwxrwxrwx 1 root root 15 Jan  3 10:00 0 -> ../../../sdb\n',
}
const PIECES = 'vg-my--web: 0 1000 linear 8:0 2048\nvg-my--web: 1000 1000 linear 8:16 2048\n'

function recordsOn(files: Readonly<Record<string, string>>, device: string): Promise<number[]> {
  return inFolder(files, async (folder) => {
    const at = new Set<number>()
    await locateEvents([folder], { device }, (write) => at.add(write.at))
    return [...at]
  })
}

test('a volume over two disks: on each of them only what lies there', async () => {
  const onTop = blkparse('253,1 Q W 0 + 8 [x]', '253,1 Q W 1000 + 8 [x]', '253,1 Q W 996 + 8 [x]')
  const told = { ...TWO_DISKS, 'dmsetup.txt': PIECES, 'trace.txt': onTop }
  assert.equal(await recordsOn(told, 'sda'), [1, 3])
  assert.equal(await recordsOn(told, 'sdb'), [2, 3])
  assert.equal(await recordsOn({ ...TWO_DISKS, 'trace.txt': onTop }, 'sda'), [1, 2, 3], 'untold')
  const below = blkparse(
    '8,0 A W 2048 + 8 <- (253,1) 0',
    '8,0 Q W 2048 + 8 [x]',
    '8,16 A W 2048 + 8 <- (253,1) 1000',
    '8,16 Q W 2048 + 8 [x]',
  )
  for (const tables of [{}, { 'dmsetup.txt': PIECES }] as Readonly<Record<string, string>>[]) {
    assert.equal(await recordsOn({ ...TWO_DISKS, ...tables, 'trace.txt': below }, 'sda'), [2])
    assert.equal(await recordsOn({ ...TWO_DISKS, ...tables, 'trace.txt': below }, '8:16'), [4])
    assert.equal(await recordsOn({ ...TWO_DISKS, ...tables, 'trace.txt': below }, 'dm-1'), [2, 4])
  }
})

test('devices by the names that people use', async () => {
  const files = { ...TWO_DISKS, 'trace.txt': blkparse('253,1 Q W 0 + 8 [x]', '8,16 Q W 90000 + 8 [x]') }
  for (const name of ['/dev/vg/my-web', 'vg/my-web', 'my-web', 'vg-my--web', '/dev/mapper/vg-my--web', '/dev/dm-1']) {
    assert.equal(await recordsOn(files, name), [1], name)
  }
  const onB = ['sdb', '/dev/sdb', 'disk1', 'LABEL=disk1', '/dev/disk/by-label/disk1', 'web1', '/dev/drbd/by-res/web1/0']
  for (const name of onB) assert.equal(await recordsOn(files, name), [1, 2], name)
  for (const name of ['both', 'web', 'vg']) {
    await recordsOn(files, name).then(
      () => assert.unreachable(name),
      ({ message }) => assert.match(message, 'no saved table names it'),
    )
  }
})

test.run()
