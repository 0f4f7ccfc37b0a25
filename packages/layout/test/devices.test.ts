import { deviceText, parseDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stackOf, type DiskLayout, type FileSystem } from '../src/index.ts'
import { piecesAbove, placesBelow } from '../src/layer.ts'
import { filesOf, readFiles } from './capture.ts'

const devices = suite('devices')
const { layout: stack } = await readFiles(filesOf('fixtures/layout/stack'))
const MIB = 1 << 20

function device(text: string): number {
  return parseDevice(text) as number
}

/** `mountpoint@byte+bytes` of every piece; the device stands for a place without a file system. */
function places(layout: DiskLayout, on: string, byte: number, bytes: number): string[] {
  const found = layout.resolve(device(on), byte / 512, bytes)
  assert.is(
    found.reduce((sum, piece) => sum + piece.bytes, 0),
    bytes,
  )
  return found.map((piece) => `${piece.fs?.mountpoints[0] ?? layout.nameOf(piece.device)}@${piece.byte}+${piece.bytes}`)
}

devices('a volume on an array on a partition: each copy of the array leads to the same place', () => {
  // Partition 1 MiB, data of the array 1 or 2 MiB, volume 1 MiB.
  assert.equal(places(stack, '8:0', 3 * MIB + 4096, 8192), ['/srv/root@4096+8192'])
  assert.equal(places(stack, '8:16', 4 * MIB + 4096, 8192), ['/srv/root@4096+8192'])
  assert.equal(stack.resolve(device('8:0'), 6144, 4096)[0].layers, ['8:0', '8:1', '9:0', '253:0'].map(device))
})

devices('the place on the array that keeps copies of a range, from any member', () => {
  const array = { device: device('9:0'), sector: (2 * MIB) / 512 }
  assert.ok(stack.hasCopies)
  assert.equal(stack.arrayPlaceOf(device('8:0'), (4 * MIB) / 512, 4096), array)
  assert.equal(stack.arrayPlaceOf(device('8:16'), (5 * MIB) / 512, 4096), array)
  assert.is(stack.arrayPlaceOf(device('8:0'), 0, 4096), null)
  assert.is(stack.arrayPlaceOf(device('9:0'), 0, 4096), null)
  assert.is(stack.arrayPlaceOf(device('8:64'), MIB / 512, 4096), null)
})

devices('a volume of two pieces: the second one goes on where the first ended', () => {
  const second = 2 * MIB + 400_000 * 512
  assert.equal(places(stack, '8:0', second, 4096), ['/srv/root@67108864+4096'])
})

devices('a request over the end of a volume is split', () => {
  // 65 MiB of the array: end of the first piece of vg-root, begin of vg-secret, whose encrypted data begin 2 MiB later.
  assert.equal(places(stack, '9:0', 65 * MIB - 4096, 8192), ['/srv/root@67104768+4096', 'dm-1 (vg-secret)@0+4096'])
  assert.equal(places(stack, '9:0', 67 * MIB, 4096), ['/srv/secret@0+4096'])
})

devices('the head of a partition, where no data of the array lie', () => {
  assert.equal(places(stack, '8:0', MIB, 4096), ['sda1@0+4096'])
  assert.equal(places(stack, '8:0', 0, 4096), ['sda@0+4096'])
})

devices('stripes of a volume: pieces of 64 KiB from two disks in turn', () => {
  assert.equal(
    places(stack, '8:64', MIB + 65_536 - 4096, 8192),
    ['dm-4 (vg-striped)@61440+4096', 'dm-4 (vg-striped)@131072+4096'].map((text) =>
      text.replace('dm-4 (vg-striped)', 'vg-striped'),
    ),
  )
  assert.equal(places(stack, '8:80', MIB, 4096), ['vg-striped@65536+4096'])
})

devices('drbd byte for byte; a thin volume not at all', () => {
  assert.equal(places(stack, '8:32', 4096, 4096), ['/srv/replica@4096+4096'])
  assert.equal(places(stack, '8:48', 4096, 4096), ['sdd@4096+4096'])
})

devices('partition, loop device, names', () => {
  assert.equal(stack.partitionOf(device('8:1')), { disk: device('8:0'), startSector: 2048, sectors: 1_048_576 })
  assert.is(stack.partitionOf(device('8:0')), null)
  assert.equal(stack.backingOf(device('7:0')), { device: device('253:0'), path: '/srv/root/disk.img', offset: MIB })
  assert.is(stack.nameOf(device('253:0')), 'dm-0 (vg-root)')
  assert.is(stack.nameOf(device('1:2')), null)
})

devices('a ring in damaged tables ends', async () => {
  const { layout } = await readFiles({
    'ls.txt': 'a\t(253:0)\nb\t(253:1)\n',
    'table.txt': 'a: 0 4096 linear 253:1 0\nb: 0 4096 linear 253:0 0\n',
  })
  assert.is(layout.resolve(device('253:0'), 0, 4096).length, 1)
  assert.equal(stackOf(layout), [])
})

/** The kernel's way down: find_zone() and map_sector() of drivers/md/raid0.c, in chunks. */
function raid0Below(
  sizes: readonly number[],
  layout: 'original' | 'alternate',
  chunk: number,
): [disk: number, at: number] {
  let zoneStart = 0
  let deviceStart = 0
  for (;;) {
    const disks = sizes.flatMap((size, disk) => (size > deviceStart ? [disk] : []))
    const zoneEnd = zoneStart + (Math.min(...disks.map((disk) => sizes[disk])) - deviceStart) * disks.length
    if (chunk < zoneEnd) {
      const turn = layout === 'original' ? chunk : chunk - zoneStart
      return [disks[turn % disks.length], deviceStart + Math.floor((chunk - zoneStart) / disks.length)]
    }
    deviceStart += (zoneEnd - zoneStart) / disks.length
    zoneStart = zoneEnd
  }
}

/** An array of members of so many chunks of 64 KiB, and some bytes more; `layout` as mdadm prints it. */
async function raid0(sizes: readonly number[], layout: string | null, arrayChunks = sum(sizes)): Promise<DiskLayout> {
  const row = (name: string, number: string, size: number) => ({
    name,
    kname: name,
    'maj:min': number,
    type: 'disk',
    size,
    start: null,
    fstype: null,
    mountpoints: [],
  })
  const rows = sizes.map((size, k) => row(`sd${'abcd'[k]}`, `8:${16 * k}`, MIB + size * CHUNK + 9000))
  const members = sizes.map(
    (size, k) => `/dev/sd${'abcd'[k]}:
          Magic : a92b4efc
        Version : 1.2
     Raid Level : raid0
${layout === null ? '' : ` Avail Dev Size : ${(size * CHUNK) / 512 + 16} sectors (1.00 GiB 1.07 GB)\n`}    Data Offset : 2048 sectors
         Layout : ${layout ?? '-unknown-'}
`,
  )
  const { layout: read } = await readFiles({
    'lsblk.json': JSON.stringify({ blockdevices: [...rows, row('md0', '9:0', arrayChunks * CHUNK)] }),
    'mdstat.txt': `Personalities : [raid0]
md0 : active raid0 ${sizes.map((_, k) => `sd${'abcd'[k]}[${k}]`).join(' ')}
      ${(arrayChunks * CHUNK) / 1024} blocks super 1.2 64k chunks
`,
    'mdadm-E.txt': members.join(''),
  })
  return read
}

const CHUNK = 65_536
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

for (const layout of ['original', 'alternate'] as const) {
  for (const sizes of [
    [4, 4, 4],
    [10, 4, 7],
    [3, 9, 9],
    [8, 5, 5, 20],
  ]) {
    devices(`raid0 of ${sizes.join(', ')} chunks, ${layout}: every chunk as the kernel places it`, async () => {
      const array = await raid0(sizes, layout)
      for (let chunk = 0; chunk < sum(sizes); chunk++) {
        const [disk, at] = raid0Below(sizes, layout, chunk)
        const found = array.resolve(device(`8:${16 * disk}`), (MIB + at * CHUNK + 4096) / 512, 4096)
        assert.equal(
          found,
          [{ ...found[0], device: device('9:0'), byte: chunk * CHUNK + 4096, bytes: 4096 }],
          `chunk ${chunk}`,
        )
      }
    })
  }
}

devices('raid0 whose layout is not told: its first zone is followed, and the part of one member alone', async () => {
  const array = await raid0([4, 6, 9], 'dangerous')
  const at = (disk: number, chunk: number): string[] => places(array, `8:${16 * disk}`, MIB + chunk * CHUNK, 512)
  assert.equal(
    [at(1, 0), at(1, 5), at(2, 8)],
    [[`md0@${CHUNK}+512`], [`sdb@${MIB + 5 * CHUNK}+512`], [`md0@${18 * CHUNK}+512`]],
  )
})

devices('raid0 whose members’ sizes are not told: followed where they can be equal, else not at all', async () => {
  assert.equal(places(await raid0([4, 4], null), '8:16', MIB, 512), [`md0@${CHUNK}+512`])
  assert.equal(places(await raid0([4, 6], null), '8:16', MIB, 512), [`sdb@${MIB}+512`])
})

devices('raid0 of another size than its members are: a table is of another time, and it is not followed', async () => {
  assert.equal(places(await raid0([4, 6], 'alternate', 20), '8:16', MIB, 512), [`sdb@${MIB}+512`])
})

const { layout: striped } = await readFiles(filesOf('fixtures/layout/raid10-btrfs'))
const { layout: single } = await readFiles(filesOf('fixtures/layout/subvolumes-btrfs'))

for (const [name, fs] of [
  ['RAID10 and RAID1 on four devices', striped.fileSystems[0]],
  ['single and DUP on one', single.fileSystems.find(({ type }) => type === 'btrfs') as FileSystem],
] as const) {
  devices(`btrfs, ${name}: device → address → devices leads back`, () => {
    let pieces = 0
    for (const on of fs.devices) {
      for (let byte = 0; byte < 200 * MIB; byte += 977 * 4096) {
        const told = fs.addressesOf(on, byte, 300_000)
        assert.is(
          told.reduce((sum, { bytes }) => sum + bytes, 0),
          300_000,
        )
        for (const { at, bytes, address, mirror } of told) {
          if (address === null) continue
          pieces++
          const back = fs.placesOf(address, bytes)
          assert.ok(back.some((place) => place.device === on && place.byte === byte + at && place.mirror === mirror))
          assert.is(new Set(back.map((place) => place.mirror)).size, Math.max(...back.map((place) => place.mirror)) + 1)
        }
      }
    }
    assert.ok(pieces > 20)
  })
}

devices('btrfs: both copies of a tree block have its address', () => {
  // Leaf 30605312 lies in the DUP chunk at 30408704, stripes 38797312 and 92471296.
  const fs = single.fileSystems.find(({ type }) => type === 'btrfs') as FileSystem
  for (const [mirror, stripe] of [38797312, 92471296].entries()) {
    const told = fs.addressesOf(device('7:0'), stripe + 196608, 16384)
    assert.equal(told, [{ at: 0, bytes: 16384, address: 30605312, holds: 'metadata', mirror }])
  }
})

devices('one sector on every device of the stack, from the top and from the bottom', () => {
  const all = (on: string, sector: number): string[] =>
    stack
      .sameSector(device(on), sector, () => true)
      .map((place) => `${deviceText(place.device)}:${place.sector}`)
      .toSorted()
  // Partition 1 MiB, data of the array 1 or 2 MiB, volume 1 MiB.
  const onDisks = ['8:0:6152', '8:16:8200', '8:17:6152', '8:1:4104', '9:0:2056']
  assert.equal(all('253:0', 8), ['253:0:8', ...onDisks])
  assert.equal(all('8:17', 6152), ['253:0:8', '8:16:8200', '8:17:6152', '9:0:2056'])
  assert.equal(all('8:48', 8), ['8:48:8'], 'a thin volume lies where no table tells')
  // A layer that requests contradict leads nowhere.
  assert.equal(stack.sameSector(device('253:0'), 8, ({ what }) => what !== 'linear').length, 1)
})

devices('stripes and copies: below lies what leads up again', () => {
  const [upper, ...disks] = [device('9:0'), device('8:0'), device('8:16'), device('8:32')]
  const MEMBER_AT = 2 * MIB
  for (const copies of [1, 2]) {
    const lowers = disks.map((disk) => ({ device: disk, at: MEMBER_AT }))
    const layer = {
      kind: 'striped',
      what: 'raid10',
      upper,
      upperAt: 0,
      bytes: MIB,
      chunk: 65_536,
      lowers,
      copies,
    } as const
    for (let byte = 0; byte < MIB; byte += 4096) {
      const below = placesBelow(layer, byte)
      assert.is(new Set(below.map((place) => place.device)).size, copies)
      for (const place of below) {
        const [above] = piecesAbove(layer, place.device, place.byte, 512)
        assert.equal([above.device, above.byte], [upper, byte])
      }
    }
    assert.equal(placesBelow(layer, MIB), [])
  }
})

/** As mdadm 4.2 prints them, of 64 MiB each. */
const OWN = {
  '1.2': ` Avail Dev Size : 126976 sectors (62.00 MiB 65.01 MB)
    Data Offset : 4096 sectors
   Super Offset : 8 sectors
`,
  '1.0': ` Avail Dev Size : 130816 sectors (63.88 MiB 66.98 MB)
   Super Offset : 131056 sectors
`,
}

/** What an array of one partition keeps there for itself, by sector of the disk. */
async function ownOn(version: keyof typeof OWN): Promise<(sector: number, bytes?: number) => string | null> {
  const row = { 'maj:min': '8:0', name: 'sda', kname: 'sda', type: 'disk', size: 80 * MIB, start: null, pkname: null }
  const part = { ...row, 'maj:min': '8:1', name: 'sda1', kname: 'sda1', type: 'part', size: 64 * MIB, start: 2048 }
  const { layout } = await readFiles({
    'lsblk.json': JSON.stringify({ blockdevices: [row, { ...part, pkname: 'sda' }] }),
    'mdadm.txt': `/dev/sda1:\n          Magic : a92b4efc\n        Version : ${version}\n${OWN[version]}`,
  })
  return (sector, bytes = 4096) => {
    const [piece] = layout.resolve(device('8:0'), sector, bytes)
    assert.is(piece.fs, null)
    return piece.arrayOwn
  }
}

devices('what an array keeps for itself on a member lies before its data (1.2) or behind them (1.0)', async () => {
  const before = await ownOn('1.2')
  // A boot loader may lie before the superblock.
  assert.equal([before(2048), before(2056), before(2048 + 4088)], [null, 'mdadm.txt', 'mdadm.txt'])
  assert.equal([before(2048 + 4096), before(2048 + 4092)], [null, null])
  const behind = await ownOn('1.0')
  assert.equal([behind(2048), behind(2048 + 130_808)], [null, null])
  assert.equal(
    [behind(2048 + 130_816), behind(2048 + 131_056), behind(2048 + 131_064, 512)],
    ['mdadm.txt', 'mdadm.txt', null],
  )
})

devices('a file that is swapped to is swap, and no other file', async () => {
  const rows = (path: string, at: number): string =>
    `File size of ${path} is 8192 (2 blocks of 4096 bytes)\n ext:     logical_offset:        physical_offset: length:   expected: flags:\n   0:        0..       1:      ${at}..     ${at + 1}:      2:             last,eof\n${path}: 1 extent found\n`
  const { layout, diagnostics } = await readFiles({
    'swaps.txt': 'Filename\tType\tSize\tUsed\tPriority\n/swap\\040file                       file\t\t8\t0\t-2\n',
    'mountinfo.txt': '30 1 8:0 / / rw - f2fs /dev/sda rw\n',
    'filefrag.txt': `Filesystem type is: f2f52010\n${rows('/swap file', 10)}${rows('/swap', 20)}`,
  })
  assert.equal(diagnostics, [])
  const [{ areas, extents, files }] = layout.fileSystems[0].maps
  assert.equal([areas.start[0], areas.end[0], areas.labels], [40_960, 49_152, ['/swap file']])
  assert.equal(
    [...extents.file].map((file) => files[file].path),
    ['/swap'],
  )
})

devices('mirrors of LVM: byte for byte on each device', async () => {
  const table = [
    'vg-raid: 0 8192 raid raid1 3 0 region_size 4096 2 8:1 8:2 8:17 8:18',
    'vg-old: 0 8192 mirror disk 2 8:1 1024 2 8:3 0 8:19 2048 1 handle_errors',
    'vg-cut: 0 8192 raid raid1 3 0 region_size 4096 2 8:1 8:4 - -',
  ]
  const names = 'vg-raid (253:0)\nvg-old (253:1)\nvg-cut (253:2)\n'
  const { layout, diagnostics } = await readFiles({ 'table.txt': `${table.join('\n')}\n`, 'ls.txt': names })
  assert.equal(diagnostics, [])
  for (const member of ['8:2', '8:18']) assert.equal(places(layout, member, 8192, 4096), ['vg-raid@8192+4096'])
  assert.equal(places(layout, '8:3', 0, 4096), ['vg-old@0+4096'])
  assert.equal(layout.arrayPlaceOf(device('8:19'), 2050, 512), { device: device('253:1'), sector: 2 })
  assert.is(layout.layers.find(({ upper }) => upper === device('253:2'))?.kind, 'opaque')
})

const POOL = `vg-data: 0 1048576 linear 8:0 2048
vg-tpool: 0 1048576 thin-pool 253:8 253:0 128 0 0
vg-thin: 0 4096 thin 253:1 1
vg-snap: 0 4096 thin 253:1 2
`
const POOL_NAMES = 'vg-data (253:0)\nvg-tpool (253:1)\nvg-thin (253:2)\nvg-snap (253:3)\n'
/** As thin_dump 0.9.0 prints it. */
const THIN_DUMP = `<superblock uuid="" time="1" transaction="2" flags="0" version="1" data_block_size="128" nr_data_blocks="8192">
  <def name="1">
    <range_mapping origin_begin="0" data_begin="10" length="4" time="0"/>
  </def>
  <device dev_id="1" mapped_blocks="6" transaction="0" creation_time="0" snap_time="1">
    <ref name="1"/>
    <single_mapping origin_block="9" data_block="7" time="1"/>
  </device>
  <device dev_id="2" mapped_blocks="6" transaction="1" creation_time="1" snap_time="1">
    <ref name="1"/>
    <range_mapping origin_begin="20" data_begin="8" length="2" time="1"/>
  </device>
</superblock>
`
const BLOCK = 65_536

devices('a pool that tables from before and after tell of is one pool, and stands once in the figure', async () => {
  // As thin_dump -m prints it: a metadata snapshot does not have the size of the pool.
  const dump = THIN_DUMP.replace('nr_data_blocks="8192"', 'nr_data_blocks="0"')
  const deps = 'vg-tpool: 2 dependencies\t: (253, 0) (253, 8)\n'
  const files = {
    'before/table.txt': POOL,
    'after/table.txt': POOL,
    'deps.txt': deps,
    'ls.txt': POOL_NAMES,
    'thin.xml': dump,
  }
  const { layout, diagnostics } = await readFiles(files)
  assert.equal(diagnostics, [])
  assert.equal(places(layout, '253:0', 10 * BLOCK, BLOCK), ['vg-thin@0+65536'])
  const seen = [{ upper: device('253:1'), lower: device('253:0'), startBytes: 0, remaps: 3 }]
  const rows = stackOf(layout, seen).filter((row) => row.device === '253:1')
  assert.equal(
    rows.map(({ below, startBytes }) => [below, startBytes]),
    [
      ['253:0', 0],
      ['253:8', null],
    ],
  )
})

devices('what a pool keeps of its own is metadata', async () => {
  const { layout } = await readFiles({ 'table.txt': POOL, 'ls.txt': POOL_NAMES })
  assert.ok(layout.resolve(device('253:8'), 64, 4096)[0].arrayOwn?.endsWith('table.txt'))
  assert.is(layout.resolve(device('253:0'), 64, 4096)[0].arrayOwn, null)
})

devices(
  'thin volumes, by a dump of the metadata of their pool: blocks of before a snapshot are its origin’s',
  async () => {
    const { layout, diagnostics } = await readFiles({ 'table.txt': POOL, 'ls.txt': POOL_NAMES, 'thin.xml': THIN_DUMP })
    assert.equal(diagnostics, [])
    assert.equal(places(layout, '253:0', 10 * BLOCK, BLOCK), ['vg-thin@0+65536'])
    assert.equal(places(layout, '8:0', MIB + 6 * BLOCK, 5 * BLOCK), [
      `vg-data@${6 * BLOCK}+${BLOCK}`,
      `vg-thin@${9 * BLOCK}+${BLOCK}`,
      `vg-snap@${20 * BLOCK}+${2 * BLOCK}`,
      `vg-thin@0+${BLOCK}`,
    ])
    const same = layout
      .sameSector(device('253:3'), (20 * BLOCK) / 512, () => true)
      .map((at) => `${deviceText(at.device)}:${at.sector}`)
    assert.equal(same, ['253:3:2560', '253:0:1024', '8:0:3072'])
    assert.is(
      layout.reaches(device('253:2'), 0, 4096, device('8:0'), () => true),
      true,
    )
  },
)

devices('a dump of a pool that no table has is not used, and one that is cut says so', async () => {
  const of = async (files: Record<string, string>): Promise<string[]> =>
    (await readFiles(files)).diagnostics.map(({ code }) => code)
  assert.equal(await of({ 'thin.xml': THIN_DUMP }), ['layout/unknown-pool'])
  const other = THIN_DUMP.replace('8192', '8193')
  assert.equal(await of({ 'table.txt': POOL, 'ls.txt': POOL_NAMES, 'thin.xml': other }), ['layout/unknown-pool'])
  const cut = THIN_DUMP.slice(0, 500)
  assert.equal(await of({ 'table.txt': POOL, 'ls.txt': POOL_NAMES, 'thin.xml': cut }), [
    'layout/damaged-line',
    'layout/cut-map',
  ])
})

devices.run()
