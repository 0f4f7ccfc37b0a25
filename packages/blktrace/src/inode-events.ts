/**
 * Tracepoints that name inodes: who made a page dirty, where a range of a file was put, which flush reached the file
 * system.
 *
 *     writeback_dirty_folio       bdi 7:0: ino=12 index=0                                  bdi btrfs-43 on btrfs
 *     ext4_da_write_pages_extent  dev 7,0 ino 12 lblk 0 len 48 flags 0x100
 *     ext4_allocate_blocks        dev 7,0 ino 12 flags HINT_DATA|… len 48 block 32960 lblk 0 goal 32768 …
 *     ext4_sync_file_enter        dev 7,0 ino 12 parent 2 datasync 1
 *     btrfs_ordered_extent_add    13e0cbf2-…: root=5(FS_TREE) ino=274 file_offset=8192 start=13672448 len=12288 …
 *     xfs_map_blocks_found        dev 7:0 ino 0x83 disize 0x1000 pos 0x0 bytecount 0x1000 fork data startoff 0x0 startblock 0x20 fsbcount 0x1
 *     iomap_writepage_map         dev 7:0 ino 0x83 bdev 7:0 addr 0x20000 offset 0x0 length 0x1000 type MAPPED flags DIRTY
 *     f2fs_submit_page_write      dev = (7,0), ino = 4, page_index = 0x1, oldaddr = 0xffffffff, newaddr = 0x1402, rw = WRITE(S), type = WARM_DATA
 *
 * All are words with values, separated by a blank or `=`, so one reader takes them all; which words it needs stands in
 * the table. ext4 and xfs count file-system blocks whose size no event tells; xfs's block number holds its group. The
 * length in ext4_allocate_blocks counts clusters (bigalloc), which are blocks elsewhere (fs/ext4/mballoc.c ext4_mb_new_blocks()).
 * f2fs has one event for each block that it hands on, those of its own inodes 1 (nodes) and 2 (checkpoints) among them;
 * ..._bio is of writes in place, and of reads, which are left out.
 * Printed by torvalds/linux include/trace/events/{writeback,ext4,btrfs,f2fs}.h, fs/xfs/xfs_trace.h, fs/iomap/trace.h.
 */
import { INODE_EVENT, INODE_UNIT, parseDevice, type InodeBatch } from '@flushtrace/trace'

interface EventKind {
  readonly kind: number
  readonly unit: number
  /** Words that hold the range and the place, the first one found. */
  readonly position?: readonly string[]
  readonly span?: readonly string[]
  readonly physical?: string
  /** A block, without a word that counts. */
  readonly single?: boolean
}

const SYNC_ENTER: EventKind = { kind: INODE_EVENT.syncEnter, unit: INODE_UNIT.bytes }
const SYNC_EXIT: EventKind = { kind: INODE_EVENT.syncExit, unit: INODE_UNIT.bytes }
const DIRTY: EventKind = { kind: INODE_EVENT.dirty, unit: INODE_UNIT.pages, position: ['index'] }
const XFS_PLACED: EventKind = {
  kind: INODE_EVENT.placed,
  unit: INODE_UNIT.blocks,
  position: ['startoff'],
  span: ['fsbcount', 'blockcount'],
  physical: 'startblock',
}
const IOMAP_PLACED: EventKind = {
  kind: INODE_EVENT.placed,
  unit: INODE_UNIT.bytes,
  position: ['offset', 'pos'],
  span: ['length'],
  physical: 'addr',
}
const IOMAP_WRITE: EventKind = {
  kind: INODE_EVENT.writePages,
  unit: INODE_UNIT.bytes,
  position: ['offset', 'pos'],
  span: ['length'],
}
const F2FS_PLACED: EventKind = {
  kind: INODE_EVENT.placed,
  unit: INODE_UNIT.blocks,
  position: ['page_index'],
  physical: 'newaddr',
  single: true,
}

const KINDS: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  ['writeback_dirty_folio', DIRTY],
  ['writeback_dirty_page', DIRTY],
  [
    'ext4_da_write_pages_extent',
    { kind: INODE_EVENT.writePages, unit: INODE_UNIT.blocks, position: ['lblk'], span: ['len'] },
  ],
  [
    'ext4_allocate_blocks',
    { kind: INODE_EVENT.placed, unit: INODE_UNIT.clusters, position: ['lblk'], span: ['len'], physical: 'block' },
  ],
  ['ext4_sync_file_enter', SYNC_ENTER],
  ['ext4_sync_file_exit', SYNC_EXIT],
  [
    'btrfs_ordered_extent_add',
    { kind: INODE_EVENT.placed, unit: INODE_UNIT.bytes, position: ['file_offset'], span: ['len'], physical: 'start' },
  ],
  ['btrfs_sync_file', SYNC_ENTER],
  ['xfs_map_blocks_found', XFS_PLACED],
  ['xfs_map_blocks_alloc', XFS_PLACED],
  ['xfs_file_fsync', SYNC_ENTER],
  ['iomap_writepage_map', IOMAP_PLACED],
  ['iomap_add_to_ioend', IOMAP_PLACED],
  ['iomap_iter_dstmap', IOMAP_PLACED],
  ['iomap_writepage', IOMAP_WRITE],
  ['iomap_writeback_folio', IOMAP_WRITE],
  // Folios since 6.16.
  ['f2fs_submit_page_write', F2FS_PLACED],
  ['f2fs_submit_page_bio', F2FS_PLACED],
  ['f2fs_submit_folio_write', F2FS_PLACED],
  ['f2fs_submit_folio_bio', F2FS_PLACED],
])

/** From its first letter on: a long word without a value would be tried from each. */
const WORDS = /(?<![A-Za-z_])([A-Za-z_]+)[ =](\S+)/g
/** `13e0cbf2-90ac-4562-b651-cf9f9bdf9525: root=…`. */
const FSID = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}): /

/** `dev = (7,0), ino = 4,`: what stands between words and values as in other events. */
const SENTENCE = / (=) \(?|\)?,(?= )/g

/** Whether an event of this name tells about inodes. */
export function isInodeEvent(event: string): boolean {
  return KINDS.has(event)
}

/** Adds a row to `batch`; false when the body names no inode. */
export function addInodeEvent(
  event: string,
  body: string,
  batch: InodeBatch,
  tid: number,
  comm: number,
  atNs: number,
  record: number,
): boolean {
  const kind = KINDS.get(event)
  if (!kind) return false
  const words = new Map<string, string>()
  const fsid = FSID.exec(body)
  const text = kind === F2FS_PLACED ? body.replaceAll(SENTENCE, '$1') : body.slice(fsid ? fsid[0].length : 0)
  for (const [, key, value] of text.matchAll(WORDS)) {
    if (!words.has(key)) words.set(key, value)
  }
  const inode = numberOf(words.get('ino'))
  if (Number.isNaN(inode) || words.get('rw')?.startsWith('READ')) return false
  const { strings } = batch
  const i = batch.add(kind.kind, strings.add(event), tid, comm, atNs, record)
  const name = words.get('dev') ?? words.get('bdi')?.replace(/:$/, '')
  const device = name === undefined ? null : parseDevice(name)
  if (device !== null) batch.device[i] = device
  else if (fsid) batch.where[i] = strings.add(fsid[1])
  else if (name !== undefined) batch.where[i] = strings.add(name)
  batch.inode[i] = inode
  batch.root[i] = numberOf(words.get('root'))
  batch.unit[i] = kind.unit
  batch.position[i] = firstOf(words, kind.position)
  batch.span[i] = kind.single ? 1 : firstOf(words, kind.span)
  batch.physicalUnit[i] = kind.unit
  const physical = kind.physical === undefined ? NaN : numberOf(words.get(kind.physical))
  // Holes, delayed and inline extents have a number out of this world.
  batch.physical[i] = physical >= 0 && physical < Number.MAX_SAFE_INTEGER ? physical : NaN
  batch.physicalBytes[i] = numberOf(words.get('disk_len'))
  return true
}

function firstOf(words: ReadonlyMap<string, string>, keys: readonly string[] | undefined): number {
  for (const key of keys ?? []) {
    const value = words.get(key)
    if (value !== undefined) return numberOf(value)
  }
  return NaN
}

/** `0x83`, `12`, `5(FS_TREE)`, `-1`. */
function numberOf(text: string | undefined): number {
  if (text === undefined) return NaN
  return text.startsWith('0x') ? Number.parseInt(text.slice(2), 16) : Number.parseInt(text, 10)
}
