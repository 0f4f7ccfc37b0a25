/**
 * `xfs_io -r -c 'fsmap -v' MNT`, with -v, -m or neither: the owners of all blocks (xfs, ext4).
 *
 *     -v   ` EXT: DEV BLOCK-RANGE        OWNER            FILE-OFFSET      AG AG-OFFSET         TOTAL`
 *          `   0: 7:0 [0..7]:            static fs metadata                0  (0..7)                8`
 *     -m   `EXT,MAJOR,MINOR,PSTART,PEND,OWNER,OSTART,OEND,LENGTH`
 *          `3,7,0,104,127,inode_131_data,0,23,24`
 *          `\t3: 7:0 [104..127]: inode 131 data 0..23 24 blocks`
 *
 * 512-byte sectors, ends inclusive. Without the reverse map of xfs all used space is `unknown`. Source: xfsprogs io/fsmap.c
 * dump_map(), dump_map_machine(), dump_map_verbose(); owner codes fs/xfs/libxfs/xfs_fs.h, fs/ext4/fsmap.h.
 */
import { makeDevice } from '@flushtrace/trace'
import { NO_HINT, mapFinding, type Findings, type MapFinding } from './findings.ts'
import { EXTENT, type Area } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const SECTOR = 512
const MACHINE_HEAD = 'EXT,MAJOR,MINOR,PSTART,PEND,OWNER,OSTART,OEND,LENGTH'
const MACHINE = /^\d+,(\d+),(\d+),(\d+),(\d+),([^,]*),(-?\d*),(-?\d*),\d+/
const VERBOSE = /^ *\d+: +(\d+):(\d+) +\[(\d+)\.\.(\d+)\]: +(.*)$/
/** Owner, offsets in the file, and what follows: AG columns, a total, flags. */
const INODE =
  /^inode[ _](\d+)[ _](data|attr|data extent map|attr extent map|bmbt|data_bmbt|attr_bmbt)(?:[ ,:]+\[?(-?\d+)\.\.(-?\d+)\]?)?/

const NAMED: readonly [RegExp, Area, string][] = [
  [/^free(?: space)?\b/, 'free', 'free'],
  [/^journalling log/, 'journal', 'journal'],
  [/^static fs metadata/, 'superblock', 'static metadata'],
  [/^per-AG metadata/, 'metadata', 'per-AG metadata'],
  [/^inode btree/, 'metadata', 'inode btree'],
  [/^inodes/, 'metadata', 'inodes'],
  [/^refcount btree/, 'metadata', 'refcount btree'],
  [/^cow reservation/, 'metadata', 'copy-on-write staging'],
  [/^unknown/, 'used', 'unknown owner'],
  [/^special[ _]0:1\b/, 'free', 'free'],
  [/^special[ _]0:2\b/, 'used', 'unknown owner'],
  // 'X': xfs; 'f' (102): ext4; 88:… are common to both.
  [/^special[ _]88:1\b/, 'superblock', 'static metadata'],
  [/^special[ _]88:2\b/, 'journal', 'journal'],
  [/^special[ _]88:3\b/, 'metadata', 'per-AG metadata'],
  [/^special[ _]88:4\b/, 'metadata', 'inode btree'],
  [/^special[ _]88:5\b/, 'metadata', 'inodes'],
  [/^special[ _]88:6\b/, 'metadata', 'refcount btree'],
  [/^special[ _]88:7\b/, 'metadata', 'copy-on-write staging'],
  [/^special[ _]102:1\b/, 'superblock', 'superblock'],
  [/^special[ _]102:2\b/, 'metadata', 'group descriptors'],
  [/^special[ _]102:3\b/, 'metadata', 'block bitmap'],
  [/^special[ _]102:4\b/, 'metadata', 'inode bitmap'],
  [/^special[ _]\d+:\d+/, 'metadata', 'special owner'],
]

export function sniffFsmap(text: string): boolean {
  const [first] = text.split('\n', 1)
  return (
    first === MACHINE_HEAD ||
    /^ EXT: DEV +BLOCK-RANGE +OWNER/.test(first) ||
    /^\t\d+: \d+:\d+ \[\d+\.\.\d+\]: /.test(first)
  )
}

export async function readFsmap(file: SideFile, findings: Findings): Promise<void> {
  /** A row names its device: the log or the realtime part may lie on another. */
  const maps = new Map<number, MapFinding>()
  const files = new Map<number, number>()

  const add = (device: number, start: number, end: number, owner: string, offset: number | null): LineUse => {
    if (!(end > start)) return 'damaged'
    let map = maps.get(device)
    if (!map) {
      map = mapFinding(file, {
        tool: 'fsmap',
        fs: 'xfs',
        hint: { ...NO_HINT, device },
        unitBytes: SECTOR,
      })
      maps.set(device, map)
      findings.maps.push(map)
    }
    const inode = INODE.exec(owner)
    if (inode?.[2] === 'data') {
      const number = Number(inode[1])
      let index = files.get(number)
      if (index === undefined) {
        files.set(number, (index = map.files.length))
        map.files.push({ path: null, inode: number, root: null, size: null })
      }
      const from = offset ?? (inode[3] === undefined ? Number.NaN : Number(inode[3]))
      map.extents.add(start, end, from, index, /pre|unwritten/.test(owner) ? EXTENT.unwritten : 0)
      return 'used'
    }
    if (inode) {
      map.areas.add(start, end, 'metadata', `${inode[2].replace('_', ' ')}, inode ${inode[1]}`)
      return 'used'
    }
    const named = NAMED.find(([shape]) => shape.test(owner))
    if (!named) return 'damaged'
    map.areas.add(start, end, named[1], named[2])
    return 'used'
  }

  await file.eachLine((line): LineUse => {
    const machine = MACHINE.exec(line)
    if (machine) {
      const [, major, minor, start, end, owner, offset] = machine
      return add(
        makeDevice(Number(major), Number(minor)),
        Number(start),
        Number(end) + 1,
        owner,
        offset === '' ? null : Number(offset),
      )
    }
    const verbose = VERBOSE.exec(line.trimStart())
    if (verbose) {
      const [, major, minor, start, end, owner] = verbose
      return add(makeDevice(Number(major), Number(minor)), Number(start), Number(end) + 1, owner, null)
    }
    return line === '' || line === MACHINE_HEAD || /^ EXT: DEV|^[ \t]*FLAG|^\/.*:$/.test(line) ? 'note' : 'damaged'
  })
}
