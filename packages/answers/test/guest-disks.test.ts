import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GuestDisks } from '../src/guest-disks.ts'
import { locateEvents, type LocatedWrite } from '../src/index.ts'

const guests = suite('guest disks')

const IMAGE = { source: 'map.txt', path: '/vm/disk.qcow2', depth: null, guestBytes: null, device: null }

guests('a range of the file may be several of the guest, and its own tables are none', () => {
  const disks = new GuestDisks([
    {
      ...IMAGE,
      pieces: [
        { guestByte: 0, bytes: 65_536, imageByte: 393_216 },
        { guestByte: 1_048_576, bytes: 65_536, imageByte: 327_680 },
      ],
    },
  ])
  assert.equal(disks.rangesOf('/vm/disk.qcow2', 385_024, 16_384), [
    { offset: 1_105_920, bytes: 8192 },
    { offset: 0, bytes: 8192 },
  ])
  assert.equal(disks.rangesOf('/vm/disk.qcow2', 65_536, 4096), [])
  assert.equal(disks.rangesOf('/vm/disk.qcow2', 458_752, 4096), [])
  assert.is(disks.rangesOf('/vm/other.qcow2', 327_680, 4096), null)
})

guests('a host’s write to an image names the bytes of the guest’s disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-guest-'))
  try {
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
    write('map.txt', 'Offset          Length          Mapped to       File\n0x100000 0x10000 0x50000 /vm/disk.qcow2\n')
    const disk = { name: 'sdb', kname: 'sdb', 'maj:min': '8:16', type: 'disk', size: 2 ** 30, start: null }
    write('lsblk.json', JSON.stringify({ blockdevices: [{ ...disk, fstype: 'ext4', mountpoints: ['/vm'] }] }, null, 3))
    write(
      'filefrag-after.txt',
      `Filesystem type is: ef53
File size of /vm/disk.qcow2 is 393216 (96 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..      95:       1000..      1095:     96:             last,eof
/vm/disk.qcow2: 1 extent found
`,
    )
    write('blkparse.txt', '  8,16   0        1     0.000000000   700  Q   W 8648 + 8 [kworker/u8:1]\n')
    const writes: LocatedWrite[] = []
    await locateEvents([folder], {}, (one) => writes.push(one))
    assert.equal(
      writes.map(({ path, fileOffset, guest }) => [path, fileOffset, guest]),
      [['/vm/disk.qcow2', 331_776, [{ offset: 1_052_672, bytes: 4096 }]]],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

guests.run()
