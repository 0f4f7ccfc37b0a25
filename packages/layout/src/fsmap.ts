/**
 * `xfs_io -r -c 'fsmap -v' MNT`, with -v, -m or neither: the owners of all blocks (xfs; ext4 without -v).
 *
 *     -v   ` EXT: DEV BLOCK-RANGE       OWNER              FILE-OFFSET        AG AG-OFFSET         TOTAL FLAGS`
 *          `   0: 7:1 [0..7]:           static fs metadata                    0  (0..7)                8`
 *          `  11: 7:1 [200..207]:       131                extent map         0  (200..207)            8`
 *          `  13: 7:1 [216..223]:       133                0..7               0  (216..223)            8 1000000`
 *     -m   `EXT,MAJOR,MINOR,PSTART,PEND,OWNER,OSTART,OEND,LENGTH`
 *          `11,7,1,200,207,inode_131_data_bmbt,,,8`
 *          `13,7,1,216,223,inode_133_attr,0,7,8`
 *          `\t13: 7:1 [216..223]: inode 133 attr 0..7 8`
 *
 * 512-byte sectors, ends inclusive. FLAGS, octal, with -v only: 1000000 attributes, 0100000 shared, 0010000 unwritten.
 * A directory's blocks are those of an inode, as a file's are: directories.ts. Without the reverse map of xfs all used
 * space is `unknown`. Source: xfsprogs io/fsmap.c dump_map(), dump_map_machine(), dump_map_verbose(); owner codes
 * fs/xfs/libxfs/xfs_fs.h, fs/ext4/fsmap.h.
 */
import { SECTOR_BYTES, makeDevice } from '@flushtrace/trace'
import { AreaBuilder } from './area-builder.ts'
import { ExtentBuilder } from './extent-builder.ts'
import { NO_HINT, mapFinding, type Findings } from './findings.ts'
import { EXTENT, type Area, type MappedFile } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const MACHINE_HEAD = 'EXT,MAJOR,MINOR,PSTART,PEND,OWNER,OSTART,OEND,LENGTH'
const MACHINE = /^\d+,(\d+),(\d+),(\d+),(\d+),([^,]*),(\d*),(\d*),\d+/
const OTHERS = /^ *\d+: +(\d+):(\d+) +\[(\d+)\.\.(\d+)\]: +(.*)$/
/** Without -v: inode, fork, its extent map, where in the file. */
const INODE = /^inode[ _](\d+)[ _](data|attr)([ _]bmbt| extent map)?(?: (\d+)\.\.\d+)?/
/** With -v: inode, where in the file, group and total, flags. */
const NUMBERED = /^(\d+) +(?:(\d+)\.\.\d+|extent map) +(?:\d+ +\(\d+\.\.\d+\) +)?\d+(?: +([0-7]{7}))? *$/
const FLAG = { attributes: 0o1000000, shared: 0o100000, unwritten: 0o10000 }
/** The end of -v, if there are flags. */
const LEGEND = /^ FLAG Values:|^ +[01]{8} [A-Z]/

const NAMED: readonly [RegExp, Area, string][] = [
  [/^free(?: space)?\b/, 'free', 'free'],
  [/^journalling log/, 'journal', 'journal'],
  [/^per-AG metadata/, 'metadata', 'per-AG metadata'],
  [/^inode btree/, 'metadata', 'inode btree'],
  [/^inodes/, 'metadata', 'inodes'],
  [/^refcount btree/, 'metadata', 'refcount btree'],
  [/^cow reservation/, 'metadata', 'copy-on-write staging'],
  [/^unknown/, 'used', 'unknown owner'],
  [/^special[ _]0:1\b/, 'free', 'free'],
  [/^special[ _]0:2\b/, 'used', 'unknown owner'],
  // 'X': xfs; 'f' (102): ext4; 88:… are common to both.
  [/^special[ _]88:2\b/, 'journal', 'journal'],
  [/^special[ _]88:3\b/, 'metadata', 'per-AG metadata'],
  [/^special[ _]88:4\b/, 'metadata', 'inode btree'],
  [/^special[ _]88:5\b/, 'metadata', 'inodes'],
  [/^special[ _]88:6\b/, 'metadata', 'refcount btree'],
  [/^special[ _]88:7\b/, 'metadata', 'copy-on-write staging'],
  [/^special[ _]102:1\b/, 'metadata', 'group descriptors'],
  [/^special[ _]102:2\b/, 'metadata', 'reserved group descriptors'],
  [/^special[ _]102:3\b/, 'metadata', 'block bitmap'],
  [/^special[ _]102:4\b/, 'metadata', 'inode bitmap'],
  [/^special[ _]\d+:\d+/, 'metadata', 'special owner'],
]

/** ext4: a superblock; xfs: a superblock and the heads of its group. */
const STATIC = /^(?:static fs metadata|special[ _]88:1\b)/
const OF_EXT4 = /^special[ _]102:/

/** Whether it is what `fsmap` of xfs_io prints, with any of its options. */
export function sniffFsmap(text: string): boolean {
  const [first] = text.split('\n', 1)
  return (
    first === MACHINE_HEAD ||
    /^ +EXT: DEV +BLOCK-RANGE +OWNER/.test(first) ||
    /^\t\d+: \d+:\d+ \[\d+\.\.\d+\]: /.test(first)
  )
}

/** What lies on one device: the log or the realtime part may lie on another. */
class DeviceMap {
  readonly files: MappedFile[] = []
  readonly extents = new ExtentBuilder()
  readonly areas = new AreaBuilder()
  fs: 'xfs' | 'ext4' = 'xfs'
  readonly #indexes = new Map<number, number>()
  readonly #statics: { start: number; end: number }[] = []

  /** `offset`: where in the file, if a column of its own tells. */
  add(start: number, end: number, owner: string, offset: string): LineUse {
    if (!(end > start)) return 'damaged'
    const owned = parseInode(owner, offset)
    if (owned) return this.#addOwned(start, end, owned)
    if (STATIC.test(owner)) {
      this.#statics.push({ start, end })
      return 'used'
    }
    if (OF_EXT4.test(owner)) this.fs = 'ext4'
    const named = NAMED.find(([shape]) => shape.test(owner))
    if (!named) return 'damaged'
    this.areas.add(start, end, named[1], named[2])
    return 'used'
  }

  #addOwned(start: number, end: number, { inode, part, from, flags }: Owned): LineUse {
    if (part !== 'data') {
      this.areas.add(start, end, 'metadata', `${part}, inode ${inode}`)
      return 'used'
    }
    let index = this.#indexes.get(inode)
    if (index === undefined) {
      this.#indexes.set(inode, (index = this.files.length))
      this.files.push({ path: null, inode, root: null, size: null })
    }
    this.extents.add(start, end, from, index, flags)
    return 'used'
  }

  /** Only all rows tell which file system this is. */
  finish(): void {
    for (const { start, end } of this.#statics) {
      // Four sectors of the disk, up to the end of a block: of 4096 bytes, all but always.
      const superblock = this.fs === 'ext4' ? end : start + (end - start > 8 ? (end - start) / 4 : 1)
      this.areas.add(start, superblock, 'superblock', 'superblock')
      this.areas.add(superblock, end, 'metadata', 'heads of the allocation group')
    }
  }
}

interface Owned {
  readonly inode: number
  readonly part: 'data' | 'attributes' | 'extent map'
  /** 512-byte units of the file; NaN for its extent map. */
  readonly from: number
  /** EXTENT bits. */
  readonly flags: number
}

function parseInode(owner: string, offset: string): Owned | null {
  const plain = INODE.exec(owner)
  if (plain) {
    const [, inode, fork, map, from] = plain
    const part = map !== undefined ? 'extent map' : fork === 'attr' ? 'attributes' : 'data'
    return { inode: Number(inode), part, from: Number.parseInt(from ?? offset), flags: 0 }
  }
  const numbered = NUMBERED.exec(owner)
  if (!numbered) return null
  const [, inode, from, octal] = numbered
  const bits = Number.parseInt(octal ?? '0', 8)
  return {
    inode: Number(inode),
    part: from === undefined ? 'extent map' : bits & FLAG.attributes ? 'attributes' : 'data',
    from: Number.parseInt(from),
    flags: (bits & FLAG.shared ? EXTENT.shared : 0) | (bits & FLAG.unwritten ? EXTENT.unwritten : 0),
  }
}

/** Owners of blocks: extents by inode, and areas; a map for each device. */
export async function readFsmap(file: SideFile, findings: Findings): Promise<void> {
  const maps = new Map<number, DeviceMap>()
  await file.eachLine((line): LineUse => {
    const row = MACHINE.exec(line) ?? OTHERS.exec(line.trimStart())
    if (!row)
      return line === '' || line === MACHINE_HEAD || /^ +EXT: DEV/.test(line) || LEGEND.test(line) ? 'note' : 'damaged'
    const [, major, minor, start, end, owner, offset = ''] = row
    const device = makeDevice(Number(major), Number(minor))
    let map = maps.get(device)
    if (!map) maps.set(device, (map = new DeviceMap()))
    return map.add(Number(start), Number(end) + 1, owner, offset)
  })
  for (const [device, map] of maps) {
    map.finish()
    const { fs, files, extents, areas } = map
    findings.maps.push(
      mapFinding(file, {
        tool: 'fsmap',
        fs,
        hint: { ...NO_HINT, device },
        files,
        extents,
        areas,
        unitBytes: SECTOR_BYTES,
      }),
    )
  }
}
