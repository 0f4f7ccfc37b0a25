/** The one list of side files: what each looks like, what printed it, and who reads it. */
import { latin1 } from '@flushtrace/trace'
import { textOf } from './byte-order-mark.ts'
import { readBtrfsShow, readSubvolumes, sniffBtrfsShow, sniffSubvolumes } from './btrfs-lists.ts'
import { readDebugfs, sniffDebugfs } from './debugfs.ts'
import * as lists from './device-lists.ts'
import { readDmsetup, sniffDmsetup } from './dmsetup.ts'
import { readDumpTree, sniffDumpTree } from './dump-tree.ts'
import { readDumpe2fs, sniffDumpe2fs } from './dumpe2fs.ts'
import { readFilefrag, sniffFilefrag } from './filefrag.ts'
import type { Findings } from './findings.ts'
import { readFsmap, sniffFsmap } from './fsmap.ts'
import { readInodes, readLs, sniffInodes, sniffLs } from './inode-list.ts'
import { readLsblk, sniffLsblk } from './lsblk.ts'
import { readClockLines, sniffClockNote } from './map-time.ts'
import { readMdadm, readMdstat, sniffMdadm, sniffMdstat } from './mdraid.ts'
import { parseMountinfoLine, readMountinfo } from './mounts.ts'
import { readQemuMap, sniffQemuMap } from './qemu-img.ts'
import { TERMINAL_HEAD, type SideFile } from './side-file.ts'
import { readThinDump, sniffThinDump } from './thin.ts'
import { readTraceClock, sniffTraceClock } from './trace-clock.ts'
import { readXfsBmap, sniffXfsBmap } from './xfs-bmap.ts'
import { readXfsInfo, sniffXfsInfo } from './xfs-info.ts'
import { readXfsSuperblock, sniffXfsSuperblock } from './xfs-superblock.ts'
import { readZdb, sniffZdb } from './zdb.ts'

interface Kind {
  readonly tool: string
  readonly sniff: (text: string) => boolean
  readonly read: (file: SideFile, findings: Findings) => Promise<void>
}

/** In the order of reading: devices and mounts first, which tell where maps belong. */
export const KINDS = {
  clock: { tool: 'clock note', sniff: sniffClockNote, read: readClockLines },
  'trace-clock': { tool: 'trace_clock', sniff: sniffTraceClock, read: readTraceClock },
  lsblk: { tool: 'lsblk', sniff: sniffLsblk, read: readLsblk },
  partitions: { tool: '/proc/partitions', sniff: lists.sniffPartitions, read: lists.readPartitions },
  links: { tool: 'ls -l', sniff: lists.sniffLinks, read: lists.readLinks },
  losetup: { tool: 'losetup', sniff: lists.sniffLosetup, read: lists.readLosetup },
  dmsetup: { tool: 'dmsetup', sniff: sniffDmsetup, read: readDmsetup },
  'thin-dump': { tool: 'thin_dump', sniff: sniffThinDump, read: readThinDump },
  mdadm: { tool: 'mdadm -E', sniff: sniffMdadm, read: readMdadm },
  mdstat: { tool: '/proc/mdstat', sniff: sniffMdstat, read: readMdstat },
  swaps: { tool: '/proc/swaps', sniff: lists.sniffSwaps, read: lists.readSwaps },
  mountinfo: { tool: 'mountinfo', sniff: sniffMountinfo, read: readMountinfo },
  'btrfs-show': { tool: 'btrfs filesystem show', sniff: sniffBtrfsShow, read: readBtrfsShow },
  subvolumes: { tool: 'btrfs subvolume list', sniff: sniffSubvolumes, read: readSubvolumes },
  dumpe2fs: { tool: 'dumpe2fs', sniff: sniffDumpe2fs, read: readDumpe2fs },
  debugfs: { tool: 'debugfs', sniff: sniffDebugfs, read: readDebugfs },
  'xfs-superblock': { tool: 'xfs_db', sniff: sniffXfsSuperblock, read: readXfsSuperblock },
  'xfs-info': { tool: 'xfs_info', sniff: sniffXfsInfo, read: readXfsInfo },
  fsmap: { tool: 'fsmap', sniff: sniffFsmap, read: readFsmap },
  'xfs-bmap': { tool: 'xfs_bmap', sniff: sniffXfsBmap, read: readXfsBmap },
  'dump-tree': { tool: 'dump-tree', sniff: sniffDumpTree, read: readDumpTree },
  filefrag: { tool: 'filefrag', sniff: sniffFilefrag, read: readFilefrag },
  zdb: { tool: 'zdb (best effort)', sniff: sniffZdb, read: readZdb },
  'qemu-img': { tool: 'qemu-img map', sniff: sniffQemuMap, read: readQemuMap },
  ls: { tool: 'ls -liR', sniff: sniffLs, read: readLs },
  inodes: { tool: 'find -printf', sniff: sniffInodes, read: readInodes },
} as const satisfies Record<string, Kind>

export type LayoutKind = keyof typeof KINDS

const ORDER = Object.keys(KINDS) as LayoutKind[]
const HEAD_BYTES = 1 << 16

/** Told by the bytes alone; null for text that no listed tool prints. */
export function sniffLayout(head: Uint8Array): LayoutKind | null {
  const bytes = textOf(head)
  const text = latin1(bytes, 0, Math.min(bytes.length, HEAD_BYTES)).replaceAll('\r\n', '\n')
  return kindOf(text) ?? (TERMINAL_HEAD.test(text) ? kindOf(text.replace(TERMINAL_HEAD, '')) : null)
}

function kindOf(text: string): LayoutKind | null {
  return ORDER.find((kind) => KINDS[kind].sniff(text)) ?? null
}

/** The order of reading. */
export function byKind(a: { readonly kind: LayoutKind }, b: { readonly kind: LayoutKind }): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)
}

function sniffMountinfo(text: string): boolean {
  const lines = text.split('\n', 3).filter((line) => line !== '')
  return lines.length > 0 && parseMountinfoLine(lines[0]) !== null
}
