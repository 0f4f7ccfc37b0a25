import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AREAS, sniffLayout, stackOf, type FileSystem, type LayoutMap } from '../src/index.ts'
import { filesOf, readFiles } from './capture.ts'

const maps = suite('maps')
const EXT4 = filesOf('fixtures/layout/partition-ext4')
const DUMPE2FS = EXT4['maps/before/dumpe2fs.txt'].toString()
const LSBLK = EXT4['maps/before/lsblk.json'].toString()
const MOUNTS = EXT4['maps/before/mountinfo.txt'].toString()

function codes({ diagnostics }: { diagnostics: readonly { code: string }[] }): string[] {
  return diagnostics.map(({ code }) => code)
}

function areaAt(fs: FileSystem, byte: number): string[] {
  return fs.maps.flatMap(({ areas }) =>
    Array.from({ length: areas.length }, (_, k) => k)
      .filter((k) => areas.start[k] <= byte && byte < areas.end[k])
      .map((k) => AREAS[areas.area[k]]),
  )
}

maps('no trace, and no other text, is taken for a map', () => {
  for (const folder of ['fixtures/strace', 'fixtures/blktrace', 'fixtures/sysdig', 'docs', 'packages/layout/src']) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(?:txt|md|ts|json|\d+)$/.test(name) || /golden|proc\//.test(name)) continue
      assert.is(sniffLayout(readFileSync(join(folder, name)).subarray(0, 1 << 16)), null, join(folder, name))
    }
  }
})

maps('an ext4 file system on a partition, known by its mount', async () => {
  const { layout, diagnostics, unread } = await readFiles(EXT4)
  assert.equal([diagnostics, unread], [[], []])
  const fs = layout.fileSystems.find(({ uuid }) => uuid !== null) as FileSystem
  assert.equal([fs.type, fs.stDev, fs.blockBytes], ['ext4', '259:0', 4096])
  const order = fs.maps.map(({ time }) => time.when)
  assert.equal(
    order,
    order.toSorted((a, b) => (a === b ? 0 : a === 'before' ? -1 : 1)),
  )
  assert.equal(areaAt(fs, 65536 * 4096), ['used', 'journal', 'used', 'journal'])
  assert.equal(areaAt(fs, 65 * 4096), ['metadata', 'metadata'])
  assert.equal(areaAt(fs, 130_000 * 4096), ['free', 'free'])
  assert.is(fs.namesOf(12, null)[0].path, '/srv/lab/mnt-partition-ext4/durable.db')
  assert.is(fs.inodesOf('/srv/lab/mnt-partition-ext4/osync')[0].inode, 14)
})

const ZDB = filesOf('fixtures/layout/zdb')

maps(
  'blocks of a pool on one device lie behind its labels; those of an array, or of several devices, nowhere',
  async () => {
    const alone = await readFiles(ZDB)
    const [, device] = alone.layout.devices.map((known) => known.device)
    const [place] = alone.layout.resolve(device, (0x54400 + (4 << 20)) / 512, 4096)
    assert.equal([place.fs?.type, place.byte, codes(alone)], ['zfs', 0x54400 + (4 << 20), ['layout/best-effort']])
    const text = ZDB['zdb.txt'].toString()
    for (const [zdb, lsblk] of [
      [text.replaceAll(':20000 ', ':28000 '), ZDB['lsblk.json']], // raidz: parity in what is allocated
      [text.replace('0:7c400:', '1:7c400:'), ZDB['lsblk.json']],
      [text, ZDB['lsblk.json'].toString().replaceAll('"fstype": null', '"fstype": "zfs_member"')],
      [text, '{"blockdevices": []}'],
    ]) {
      const read = await readFiles({ 'lsblk.json': lsblk, 'zdb.txt': zdb })
      assert.equal(codes(read), ['layout/unknown-vdev'])
      assert.equal(
        read.layout.fileSystems.flatMap((fs) => fs.maps),
        [],
      )
    }
  },
)

maps('a block of zfs that has no place is damaged, a hole and a gang block are not', async () => {
  const rows = ['0 L0 0:54400 20000L/20000P F=1 B=1/1', '0 L0 HOLE [L0 ZFS plain file] size=200L birth=1L']
  const gang =
    '0 L0 DVA[0]=<0:1000:200> [L0 ZFS plain file] lz4 unencrypted LE gang unique single size=200L/200P birth=1L'
  const text = [...rows, gang].map((row) => `        ${row}\n`).join('')
  const zdb = ZDB['zdb.txt'].toString() + text
  const { layout, diagnostics } = await readFiles({ ...ZDB, 'zdb.txt': zdb })
  assert.equal([codes({ diagnostics }), diagnostics[0].count], [['layout/damaged-line', 'layout/best-effort'], 1])
  const before = (await readFiles(ZDB)).layout.sources.at(-1)
  assert.is(layout.sources.at(-1)?.used, before?.used)
})

maps('sizes of xfs that cannot be end, and those of another device are not joined', async () => {
  const { 'xfs-info.txt': info, 'lsblk.json': lsblk } = filesOf('fixtures/layout/sizes-xfs')
  const text = info.toString()
  assert.equal(codes(await readFiles({ 'lsblk.json': lsblk, 'x.txt': text.split('\n').slice(0, 3).join('\n') })), [
    'layout/cut-map',
  ])
  assert.equal(codes(await readFiles({ 'lsblk.json': lsblk, 'x.txt': text.replace('=102400', '=202400') })), [
    'layout/foreign-map',
  ])
  const endless = text
    .replace('agcount=4, agsize=25600', 'agcount=4294967295, agsize=1')
    .replace('=102400', '=4294967295')
  const { layout } = await readFiles({ 'x.txt': endless })
  assert.is(layout.fileSystems[0].maps[0].areas.length, 2 << 20)
})

maps('a file system whose UUID is another one is not joined', async () => {
  const lsblk = LSBLK.replace(
    '"start": 2048,',
    '"start": 2048, "uuid": "00000000-0000-4000-8000-000000000000",',
  ).replaceAll('"fstype": null', '"fstype": "ext4"')
  const read = await readFiles({
    'lsblk.json': lsblk,
    'mountinfo.txt': MOUNTS,
    'filefrag.txt': EXT4['maps/after/filefrag.txt'],
    'dumpe2fs.txt': EXT4['maps/after/dumpe2fs.txt'],
  })
  assert.equal(codes(read), ['layout/foreign-map'])
  const joined = read.layout.fileSystems.flatMap((fs) => fs.maps.map(({ tool }) => `${tool} on ${fs.stDev}`))
  assert.equal(joined, ['filefrag on 259:0'])
})

maps('files of one type of file system at the mount of another', async () => {
  const filefrag = EXT4['maps/after/filefrag.txt'].toString().replace('ef53', '58465342')
  const read = await readFiles({ 'lsblk.json': LSBLK, 'mountinfo.txt': MOUNTS, 'filefrag.txt': filefrag })
  assert.equal(codes(read), ['layout/foreign-map'])
  assert.ok(read.layout.fileSystems.every((fs) => fs.maps.length === 0))
})

maps('a map that reaches beyond its device is not used', async () => {
  const lsblk = LSBLK.replace('534773760', '4096000')
  const read = await readFiles({
    'lsblk.json': lsblk,
    'mountinfo.txt': MOUNTS,
    'filefrag.txt': EXT4['maps/after/filefrag.txt'],
  })
  assert.equal(codes(read), ['layout/beyond-device'])
  assert.ok(read.layout.fileSystems.every((fs) => fs.maps.length === 0))
})

maps('cut in the middle: said, and what is not there is neither free nor used', async () => {
  const cut = DUMPE2FS.slice(0, DUMPE2FS.indexOf('Group 2:'))
  const read = await readFiles({ 'lsblk.json': LSBLK, 'mountinfo.txt': MOUNTS, 'dumpe2fs.txt': cut })
  assert.equal(codes(read), ['layout/cut-map'])
  const fs = read.layout.fileSystems.find(({ uuid }) => uuid !== null) as FileSystem
  assert.is(fs.maps[0].complete, false)
  assert.equal(areaAt(fs, 80_000 * 4096), [])
  const tree = filesOf('fixtures/layout/subvolumes-btrfs')['maps/after/btrfs-dump-tree-extent.txt'].toString()
  assert.ok(codes(await readFiles({ 'tree.txt': tree.slice(0, tree.length / 2) })).includes('layout/cut-map'))
})

function areasOf({ areas }: FileSystem['maps'][number]): string[] {
  return Array.from(
    { length: areas.length },
    (_, k) => `${areas.labels[areas.label[k]]} ${areas.start[k]}-${areas.end[k]}`,
  )
}

/** What `debugfs -c -R stats` prints of the same file system. */
function statsOf(dumpe2fs: string): string {
  const [head] = dumpe2fs.split('\n\n\n')
  const groups = [
    ...dumpe2fs.matchAll(/^Group (\d+)[^]*?Block bitmap at (\d+)[^]*?Inode bitmap at (\d+)[^]*?table at (\d+)/gm),
  ]
  const lines = groups.map(
    ([, group, blocks, inodes, table]) =>
      ` Group ${group.padStart(2)}: block bitmap at ${blocks}, inode bitmap at ${inodes}, inode table at ${table}\n` +
      '           296 free blocks, 2013 free inodes, 2 used directories, 2013 unused inodes\n           [Checksum 0xe094]\n',
  )
  return `${head}\nDirectories:              2\n${lines.join('')}`
}

maps('bitmaps and inode tables, where dumpe2fs gives up', async () => {
  const [stats, whole] = await Promise.all(
    [statsOf(DUMPE2FS), DUMPE2FS].map(async (text) => {
      const read = await readFiles({ 'lsblk.json': LSBLK, 'mountinfo.txt': MOUNTS, 'dumpe2fs.txt': text })
      assert.equal(codes(read), [])
      const fs = read.layout.fileSystems.find(({ uuid }) => uuid !== null) as FileSystem
      return fs.maps[0]
    }),
  )
  const told = (text: string): boolean => /bitmap|inode table/.test(text)
  assert.is(stats.areas.length, 3)
  assert.equal(areasOf(stats), areasOf(whole).filter(told))
  assert.is(stats.complete, false)
})

maps('a list of files in two file systems is taken apart by their mounts', async () => {
  const mounts = `${MOUNTS}46 27 259:1 / /srv/other rw - ext4 /dev/loop0p2 rw\n`
  const other = EXT4['maps/after/filefrag.txt'].toString().replaceAll('/srv/lab/mnt-partition-ext4', '/srv/other')
  const both = EXT4['maps/after/filefrag.txt'].toString() + other
  const { layout } = await readFiles({ 'mountinfo.txt': mounts, 'filefrag.txt': both })
  const lengths = layout.fileSystems.map((fs) => [
    fs.stDev,
    fs.maps.reduce((sum, { extents }) => sum + extents.length, 0),
  ])
  assert.equal(lengths, [
    ['254:0', 0],
    ['259:0', 15],
    ['259:1', 15],
  ])
})

maps('names with white space that tools print as it is: a carriage return, a no-break space', async () => {
  const odd = 'a\rb\u00a0c\u2028d'
  const mounts = `${MOUNTS}46 27 259:1 / /srv/${odd} rw - ext4 /dev/loop0p2 rw\n`
  const date = '1 root root 4 2026-11-20 11:54:16.7 +0000'
  const listing = `/srv/${odd}:\ntotal 8\n 12 -rw-r--r-- ${date} plain\n 13 -rw-r--r-- ${date} ${odd}\n`
  const read = await readFiles({ 'mountinfo.txt': mounts, 'ls.txt': listing })
  assert.equal(codes(read), [])
  const fs = read.layout.fileSystems.find(({ mountpoints }) => mountpoints.includes(`/srv/${odd}`)) as FileSystem
  const inodes = ['plain', odd].map((name) => fs.inodesOf(`/srv/${odd}/${name}`).map(({ inode }) => inode))
  assert.equal(inodes, [[12], [13]])
})

maps('by its mount ext4 tells whether data goes through the journal', async () => {
  const mounts = `${MOUNTS}46 27 259:1 / /srv/other rw - ext4 /dev/loop0p2 rw,commit=30,data=journal\n`
  const { layout } = await readFiles({ 'mountinfo.txt': mounts })
  const told = layout.fileSystems.map(({ stDev, journalsData }) => [stDev, journalsData])
  assert.equal(told, [
    ['254:0', false],
    ['259:0', false],
    ['259:1', true],
  ])
})

maps('by its mount ext4 tells whether it gives blocks to a file when it is written', async () => {
  const lines = ['ext4 /dev/a rw', 'ext4 /dev/b rw,nodelalloc', 'ext3 /dev/c rw', 'ext4 /dev/d rw,data=journal']
  const mounts = lines.map((line, k) => `${40 + k} 1 8:${k} / /mnt/${k} rw - ${line}\n`).join('')
  const { layout } = await readFiles({ 'mountinfo.txt': mounts })
  assert.equal(
    layout.fileSystems.map(({ allocatesEarly }) => allocatesEarly),
    [false, true, true, true],
  )
})

maps('a log on a device of its own: by the mount of its xfs, or as lsblk calls it', async () => {
  const mountinfo = '40 1 8:0 / /mnt/a rw - xfs /dev/sda rw,attr2,logdev=/dev/sdb,noquota\n'
  const disk = (name: string, number: string, fstype: string | null) => ({
    name,
    kname: name,
    'maj:min': number,
    type: 'disk',
    size: 1 << 20,
    fstype,
    mountpoints: [null],
  })
  const lsblk = { blockdevices: [disk('sda', '8:0', 'xfs'), disk('sdb', '8:16', null), disk('sdc', '8:32', 'jbd')] }
  const fsmap =
    ' EXT: DEV  BLOCK-RANGE    OWNER            FILE-OFFSET  AG AG-OFFSET  TOTAL\n' +
    '   0: 8:0  [0..1023]:     unknown                       0  (0..1023)  1024\n' +
    '   1: 8:16 [0..2047]:     journalling log                             2048\n'
  const read = await readFiles({ 'mountinfo.txt': mountinfo, 'lsblk.json': JSON.stringify(lsblk), 'fsmap.txt': fsmap })
  const { layout } = read
  assert.equal(codes(read), [])
  const [xfs, ...logs] = layout.fileSystems
  assert.equal([xfs.type, xfs.devices, xfs.log], ['xfs', [makeDevice(8, 0)], makeDevice(8, 16)])
  assert.equal(
    logs.map(({ type, devices, log }) => [type, devices, log]),
    [16, 32].map((minor) => ['log', [makeDevice(8, minor)], null]),
  )
  for (const {
    maps: [map],
  } of logs) {
    assert.equal([[...map.areas.end], [...map.areas.area]], [[1 << 20], [AREAS.indexOf('journal')]])
  }
})

maps('when: a clock note beside the map, else a folder', async () => {
  const note = 'wall_ns 1795175532265277782\nmonotonic_ns 3699632139774\nwhen during\nuntil_ns 1795175534000000001\n'
  const { layout } = await readFiles({
    'mountinfo.txt': MOUNTS,
    'one/clock.txt': note,
    'one/filefrag.txt': EXT4['maps/after/filefrag.txt'],
    'maps-before/filefrag.txt': EXT4['maps/after/filefrag.txt'],
  })
  const fs = layout.fileSystems.find(({ stDev }) => stDev === '259:0') as FileSystem
  assert.equal(
    fs.maps.map(({ time }) => time),
    [
      { when: 'before', wall: null, monotonic: null, until: null },
      {
        when: 'during',
        wall: { seconds: 1795175532, nanos: 265277782 },
        monotonic: { seconds: 3699, nanos: 632139774 },
        until: { seconds: 1795175534, nanos: 1 },
      },
    ],
  )
})

maps('clock notes: one moment on both clocks, where it is close', async () => {
  const both = (wall: string, ...more: string[]) => [
    'when before',
    `wall_ns ${wall}`,
    'monotonic_ns 5000000001',
    ...more,
  ]
  const SOURCE = 'monotonic_source /proc/timer_list'
  const { layout } = await readFiles({
    'close/clock.txt': both('1795175532265277782', 'within_ns 482311', SOURCE).join('\n'),
    'untold/clock.txt': both('1795175532265277782', SOURCE).join('\n'),
    'seconds/clock.txt': both('1795175532000000000', SOURCE).join('\n'),
    'uptime/clock.txt': both('1795175532265277782', 'monotonic_source /proc/uptime').join('\n'),
    'wall/clock.txt': 'wall_ns 1795175532265277782\n',
  })
  const wall = { seconds: 1795175532, nanos: 265277782 }
  const monotonic = { seconds: 5, nanos: 1 }
  assert.equal(
    layout.clockNotes.map((note) => ({ ...note, path: note.path.split('/').at(-2) })),
    [
      { path: 'close', wall, monotonic, withinNs: 482311 },
      { path: 'untold', wall, monotonic, withinNs: null },
    ],
  )
})

maps('lists of inodes: ended by NUL, by line, with escapes, of ls', async () => {
  const folder = '/srv/lab/mnt-partition-ext4'
  const { layout, diagnostics } = await readFiles({
    'mountinfo.txt': MOUNTS,
    'nul.txt': `12 5 ${folder}/a\nb\\012\0` + `13 6 ${folder}/c\0`,
    'lines.txt': `14 7 ${folder}/new\\012line\n15 8 ${folder}/back\\134slash\n`,
    'ls.txt': `${folder}:\ntotal 8\n16 -rw-r--r-- 1 root root 9 Nov 20 11:54 d e\n17 -rw-r--r-- 1 root root 9 2026-11-20 11:54:16.7 +0000 odd\nname\n`,
  })
  assert.equal(diagnostics, [])
  const fs = layout.fileSystems.find(({ stDev }) => stDev === '259:0') as FileSystem
  const names = [12, 13, 14, 15, 16, 17].map((inode) =>
    fs.namesOf(inode, null).map(({ path }) => path.slice(folder.length)),
  )
  // Which of the lines of ls belong to the name nothing tells: it is left out.
  assert.equal(names, [['/a\nb\\012'], ['/c'], ['/new\nline'], ['/back\\slash'], ['/d e'], []])
})

maps('a delayed allocation, which has no length, is not hexadecimal for it', async () => {
  const text = EXT4['maps/after/filefrag.txt'].toString()
  const delayed = `${text}File size of /srv/d is 81920 (20 blocks of 4096 bytes)
   0:        0..       0:          0..         0:      0:             last,unknown_loc,delalloc,eof
/srv/d: 1 extent found
`
  const places = async (filefrag: string): Promise<number[]> => {
    const { layout } = await readFiles({ 'mountinfo.txt': MOUNTS, 'filefrag.txt': filefrag })
    return layout.fileSystems.flatMap(({ maps: all }) => all.flatMap(({ extents }) => [...extents.start]))
  }
  assert.equal(await places(delayed), await places(text))
})

maps('ncheck: names of the top folder, and one that goes over two lines', async () => {
  const { layout, diagnostics } = await readFiles(filesOf('fixtures/layout/plain-ext4'))
  assert.equal(diagnostics, [])
  const [fs] = layout.fileSystems
  const names = [13, 14, 15, 16].map((inode) => fs.namesOf(inode, null).map(({ path }) => path))
  assert.equal(names, [
    ['/srv/lab/x/a.db'],
    ['/srv/lab/x/d/b.log'],
    ['/srv/lab/x/odd\nname'],
    ['/srv/lab/x/back\\slash'],
  ])
})

maps('btrfs: an inode number is of one subvolume', async () => {
  const { layout } = await readFiles(filesOf('fixtures/layout/subvolumes-btrfs'))
  const fs = layout.fileSystems.find(({ type }) => type === 'btrfs') as FileSystem
  const base = '/srv/lab/mnt-subvol-btrfs'
  const paths = (root: number | null): string[] => [...new Set(fs.namesOf(257, root).map(({ path }) => path))]
  assert.equal([paths(256), paths(257), paths(null)], [[`${base}/a.db`], [`${base}/snap/a.db`], [`${base}/a.db`]])
})

maps('debugfs: where the block size comes from, and blocks of the file’s own', async () => {
  const stat =
    'Inode: 12   Type: regular    Mode:  0644   Flags: 0x80000\nLinks: 1   Blockcount: 48\nEXTENTS:\n(ETB0):33280, (0-3):40000-40003, (9[u]):40009\n'
  const { layout, diagnostics } = await readFiles({
    'mountinfo.txt': MOUNTS.replace(/^27 1.*\n/m, ''),
    'stat.txt': stat,
  })
  assert.equal(diagnostics, [])
  const [
    {
      maps: [map],
    },
  ] = layout.fileSystems
  assert.equal([...map.extents.start], [40_000 * 4096, 40_009 * 4096])
  assert.equal([...map.extents.fileOffset], [0, 9 * 4096])
  assert.equal([...map.extents.flags], [0, 1])
  assert.is(map.areas.start[0], 33_280 * 4096)
  const lost = await readFiles({
    'mountinfo.txt': MOUNTS,
    'icheck.txt': 'Block\tInode number\n33280\t12\n33281\t<block not found>\n',
  })
  assert.ok(codes(lost).some((code) => code === 'layout/unplaced-map' || code === 'layout/unknown-block-size'))
})

maps('any bytes: nothing is thrown, and lookups end', async () => {
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
  for (const name of [
    'partition-ext4',
    'subvolumes-btrfs',
    'raid10-btrfs',
    'xfs',
    'rmap-xfs',
    'stack',
    'odd-filefrag',
  ]) {
    const files = filesOf(join('fixtures/layout', name))
    for (let round = 0; round < 12; round++) {
      const damaged = Object.entries(files).map(([path, bytes]) => {
        const copy = Buffer.from(bytes)
        for (let k = 0; k < 12; k++) copy[random(copy.length)] = '0123456789\n\t ,.:{["'.charCodeAt(random(18))
        return [path, round % 3 === 0 ? copy.subarray(0, random(copy.length)) : copy] as const
      })
      const { layout } = await readFiles(Object.fromEntries(damaged))
      stackOf(layout)
      for (const { device } of layout.devices) {
        for (const { fs, byte, bytes } of layout.resolve(device, random(1 << 20), 1 << 20)) {
          const pieces = fs?.addressesOf(device, byte, bytes) ?? []
          for (const { address, bytes: length } of pieces) if (address !== null) fs?.placesOf(address, length)
        }
      }
    }
  }
})

maps('JSON that is none, of other members, or nested without end', async () => {
  const deep = `{"blockdevices":[${'{"name":"a","children":['.repeat(20_000)}${']}'.repeat(20_000)}]}`
  for (const text of ['{"blockdevices": [', '{"blockdevices": [{"name": 7}]}', deep]) {
    assert.equal(codes(await readFiles({ 'lsblk.json': text })), ['layout/damaged-json'])
  }
})

maps('a list of inodes with the prompt and the command before it, and the next prompt behind it', async () => {
  for (const end of ['\n', '\0']) {
    const list = ['root@host:~# find /srv -xdev\n12 5 /srv/a', '13 5 /srv/b', 'root@host:~# '].join(end)
    const { layout, diagnostics } = await readFiles({
      'mountinfo.txt': '30 1 8:0 / /srv rw - ext4 /dev/sda rw\n',
      'inodes.txt': list,
    })
    assert.equal(diagnostics, [])
    const [fs] = layout.fileSystems
    assert.equal(
      [12, 13].map((inode) => fs.namesOf(inode, null)[0]?.path),
      ['/srv/a', '/srv/b'],
    )
  }
})

/** `start..end inode of tree @offset` of what the extent tree is believed of. */
async function writtenBy(names: readonly string[]): Promise<{ told: string[]; said: string[] }> {
  const all = filesOf('fixtures/layout/extents-btrfs')
  const read = await readFiles(Object.fromEntries(names.map((name) => [name, all[name]])))
  const tree = read.layout.fileSystems[0].maps.find(({ tool }) => tool === 'dump-tree extent')
  const told = Array.from({ length: tree?.extents.length ?? 0 }, (_, k) => {
    const { extents, files } = tree as LayoutMap
    const { inode, root } = files[extents.file[k]]
    return `${extents.start[k]}..${extents.end[k]} ${inode} of ${root} @${extents.fileOffset[k]}`
  })
  return { told, said: codes(read) }
}

maps('the extent tree names the file of an extent that another tree shows to be written', async () => {
  const tables = ['lsblk.json', 'chunk.txt', 'extent.txt']
  assert.equal(await writtenBy(tables), { told: [], said: ['layout/extents-alone'] })
  assert.equal((await writtenBy(['lsblk.json', 'extent.txt', 'fs.txt'])).said, ['layout/no-chunks'])
  // The whole of an extent of which a part was written again elsewhere; not the preallocated one; of the subvolume nothing.
  const REWRITTEN = ['13631488..13697024 257 of 5 @0', '13697024..13705216 257 of 5 @16384']
  const COMPRESSED = '13819904..13824000 261 of 5 @NaN'
  const byFiles = await writtenBy([...tables, 'fs.txt'])
  assert.equal(byFiles, { told: [...REWRITTEN, COMPRESSED], said: [] })
  // What was written of the preallocated one.
  const byAll = await writtenBy([...tables, 'fs.txt', '256.txt', 'csum.txt'])
  const PREALLOCATED = '13737984..13746176 258 of 5 @32768'
  assert.equal(byAll.told, [...REWRITTEN, PREALLOCATED, '13770752..13803520 257 of 256 @0', COMPRESSED])
  // Without the files' trees, whether an extent is compressed is not known.
  const bySums = await writtenBy([...tables, 'csum.txt'])
  assert.equal(
    bySums.told,
    byAll.told.map((text) => text.replace(/@.*/, '@NaN')),
  )
})

maps('the prompt and the command before what they print tell nothing', async () => {
  const { 'lsblk.json': lsblk, 'dmsetup-table.txt': table } = filesOf('fixtures/layout/stack')
  for (const prompt of [
    '# lsblk',
    '$ sudo lsblk\n[sudo] password for me: ',
    'root@host:/srv# lsblk',
    '[root@host ~]# lsblk \\\n> -J',
    '\nbash-5.1# lsblk',
    '+ lsblk -J',
  ]) {
    const files = {
      'lsblk.json': `${prompt}\n${lsblk.toString()}`,
      'dmsetup-table.txt': `${prompt}\n${table.toString()}`,
    }
    const { layout, diagnostics } = await readFiles(files)
    const plain = await readFiles({ 'lsblk.json': lsblk, 'dmsetup-table.txt': table })
    assert.equal([layout.layers, diagnostics], [plain.layout.layers, plain.diagnostics])
    assert.equal(
      layout.sources.map(({ damaged }) => damaged),
      [0, 0],
    )
  }
})

maps('a map that may be of several file systems is of none, and what would tell is said', async () => {
  const row = (name: string, minor: number): object => {
    return { name, kname: name, 'maj:min': `8:${minor}`, type: 'disk', size: 1 << 30, fstype: 'ext4', mountpoints: [] }
  }
  const icheck = 'Block\tInode number\n33280\t12\n33281\t<block not found>\n'
  const of = async (...rows: object[]): Promise<string[]> =>
    codes(await readFiles({ 'lsblk.json': JSON.stringify({ blockdevices: rows }), 'icheck.txt': icheck }))
  assert.ok((await of(row('sda', 0), row('sdb', 16))).includes('layout/ambiguous-map'))
  assert.not.ok((await of(row('sda', 0))).includes('layout/ambiguous-map'))
})

maps.run()
