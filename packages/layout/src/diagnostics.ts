/** What can be wrong with, or missing from, saved maps and device tables. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const LAYOUT = {
  damagedLine: {
    code: 'layout/damaged-line',
    severity: 'error',
    message: 'Some lines of maps or device tables cannot be read (first: {}); they are skipped.',
    fix: 'save the output of the command as it is, without a pager or an editor',
  },
  cut: {
    code: 'layout/cut-map',
    severity: 'loss',
    message: 'A map ends in the middle: {}; blocks that it does not name may be any file’s.',
    fix: 'save it again, and let the command end',
  },
  notJson: {
    code: 'layout/damaged-json',
    severity: 'error',
    message: 'A table is not the JSON that its tool prints: {}; it is not used.',
    fix: 'save the output of lsblk -J, losetup --json or qemu-img map --output=json as it is',
  },
  foreign: {
    code: 'layout/foreign-map',
    severity: 'error',
    message: 'A map is of another file system than the one at its place: {}; no block is named by it.',
    fix: 'save maps and device tables on the machine, and at the time, of the trace',
  },
  beyond: {
    code: 'layout/beyond-device',
    severity: 'error',
    message: 'A map reaches beyond the end of its device: {}; it is not used.',
    fix: 'save maps and device tables on the same machine',
  },
  unplaced: {
    code: 'layout/unplaced-map',
    severity: 'loss',
    message: 'Nothing tells which device some maps are of (first: {}); no sector is named by them.',
    fix: 'save lsblk -J -b -o NAME,KNAME,MAJ:MIN,TYPE,SIZE,START,FSTYPE,UUID,MOUNTPOINTS,PKNAME,LOG-SEC and /proc/self/mountinfo beside them',
  },
  ambiguous: {
    code: 'layout/ambiguous-map',
    severity: 'loss',
    message: 'Some maps may be of several file systems (first: {}); no sector is named by them.',
    fix: 'save each into one folder with dumpe2fs, or with filefrag of files, of the same file system',
  },
  bestEffort: {
    code: 'layout/best-effort',
    severity: 'info',
    note: true,
    message: 'zdb prints for people, in a form that changes: {} is read by best effort.',
    fix: 'nothing: no other tool tells where files lie on zfs',
  },
  noUnit: {
    code: 'layout/unknown-block-size',
    severity: 'loss',
    message: 'A map counts blocks whose size nothing tells: {}; it is not used.',
    fix: 'save dumpe2fs beside debugfs',
  },
  extentsAlone: {
    code: 'layout/extents-alone',
    severity: 'loss',
    message: 'The extent tree of btrfs tells whose an extent is, not whether it was written: {} alone names no file.',
    fix: 'save dump-tree -t csum, or -t fs and the numbers of subvolumes, beside it',
  },
  noChunks: {
    code: 'layout/no-chunks',
    severity: 'loss',
    message: 'btrfs’s addresses are no places on a disk, and nothing tells where its chunks lie: {} names no sector.',
    fix: 'save btrfs inspect-internal dump-tree -t chunk DEV beside it',
  },
  notOnDisk: {
    code: 'layout/not-on-disk',
    severity: 'info',
    message: 'Some extents had no place on the disk when the map was taken (first: {}).',
    fix: 'run sync before filefrag',
  },
  overlap: {
    code: 'layout/overlap',
    severity: 'info',
    message: 'Some extents of a map lie on blocks of another file, which are not marked as shared (first: {}).',
    fix: 'take the map while nothing writes: files came and went meanwhile',
  },
  noDevice: {
    code: 'layout/unknown-device',
    severity: 'info',
    message: 'Device tables name devices whose numbers nothing tells (first: {}); these layers are not used.',
    fix: 'save lsblk -J -b -o NAME,KNAME,MAJ:MIN,TYPE,SIZE,START,PKNAME beside them',
  },
  noPool: {
    code: 'layout/unknown-pool',
    severity: 'loss',
    message: 'Nothing tells which pool of thin volumes a dump is of: {}; it is not used.',
    fix: 'save dmsetup table beside it',
  },
  vdev: {
    code: 'layout/unknown-vdev',
    severity: 'loss',
    message: 'Nothing tells which device the blocks of a zfs map are on: {}; it is not used.',
    fix: 'save lsblk -J -b beside it; only pools of one device can be followed',
  },
  unmapped: {
    code: 'layout/unmapped-image',
    severity: 'loss',
    message: 'The map of a disk image ends at clusters that are compressed, encrypted or in another file: {}.',
    fix: 'save qemu-img map --output=json IMAGE beside it',
  },
  unnamed: {
    code: 'layout/unnamed-image',
    severity: 'loss',
    message: 'The JSON map of a disk image names no file: {}; no write is led on to the guest’s disk by it.',
    fix: 'save the output of qemu-img map IMAGE, with the whole path of the image, beside it',
  },
  tooMany: {
    code: 'layout/too-many-extents',
    severity: 'loss',
    message:
      'A map has more extents than are kept (MAX_EXTENTS, 16,777,216; of an image MAX_PIECES, 1,048,576): {}; the rest is not used.',
    fix: 'map the files that matter; the limit is fixed',
  },
  tooManyRows: {
    code: 'layout/too-many-rows',
    severity: 'loss',
    message:
      'The figure of devices ends after 1,024 rows (MAX_ROWS); left out are some devices (first: {}), and what lies on them.',
    fix: 'look whether a table is damaged, or save only the tables of these disks; the limit is fixed',
  },
} as const satisfies Record<string, DiagnosticKind>
