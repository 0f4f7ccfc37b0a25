/**
 * What one saved map says: which ranges of a file system's space belong to which file, which are its journal, its
 * metadata, its superblocks or free. A map is a witness with a time, not the truth: what it says of a block held when
 * it was taken.
 */
import type { Instant } from '@flushtrace/trace'

export type FsType = 'ext4' | 'xfs' | 'btrfs' | 'zfs' | 'f2fs' | 'log' | 'swap' | 'other'

/**
 * When a map was taken. `when` is told by a clock note beside it (`clock.txt` of `flushtrace recipe`), else by a folder
 * or file name that says `before`, `during` or `after` the trace. The clocks tell when it was begun.
 */
export interface MapTime {
  readonly when: 'before' | 'during' | 'after' | 'unknown'
  readonly wall: Instant | null
  /** CLOCK_MONOTONIC, the clock of block traces; null when no note tells. */
  readonly monotonic: Instant | null
  /** Wall-clock time at which it was complete: it was read piece by piece; null when no note tells. */
  readonly until: Instant | null
}

/** A file as a map names it. Unknown is null: a list of inodes has no place, filefrag has no inode. */
export interface MappedFile {
  readonly path: string | null
  readonly inode: number | null
  /** btrfs: id of the subvolume tree (5 is the top one); null elsewhere. */
  readonly root: number | null
  /** Bytes; null when not told. */
  readonly size: number | null
}

/** What a range without a file is. */
export const AREAS = ['superblock', 'journal', 'metadata', 'free', 'swap', 'used'] as const
export type Area = (typeof AREAS)[number]

/** Bits of an extent's `flags`. */
export const EXTENT = {
  /** Preallocated, holds no data yet. */
  unwritten: 1,
  /** Reflink or snapshot: another file has these blocks, too. */
  shared: 2,
  /** Compressed or encrypted: as long as it is on the disk, not in the file, and no place inside has an offset. */
  encoded: 4,
} as const

/** One map of one file system, or of one file on it. */
export interface LayoutMap {
  /** The source it stands in. */
  readonly source: string
  /** What printed it: `filefrag`, `dump-tree extent`, `dumpe2fs`, … */
  readonly tool: string
  readonly time: MapTime
  readonly fs: FsType
  /** `device`: bytes from the start of the file system's device. `logical`: btrfs's address space. */
  readonly space: 'device' | 'logical'
  readonly files: readonly MappedFile[]
  /** Of btrfs's extent tree: those of one file that are known to be written (extent-tree.ts). */
  readonly extents: ExtentColumns
  readonly areas: AreaColumns
  /**
   * Whether it tells of every block of the file system, so that a block it does not name is no file's. false for
   * filefrag of some files.
   */
  readonly complete: boolean
}

/** Extents as columns, sorted by `start`; they may overlap (shared blocks). Half-open, bytes. */
export interface ExtentColumns {
  readonly length: number
  readonly start: Float64Array
  /** In the space of the map: as far as the blocks reach on the disk. */
  readonly end: Float64Array
  readonly fileOffset: Float64Array
  /** Index in `files`. */
  readonly file: Int32Array
  /** EXTENT bits. */
  readonly flags: Uint8Array
}

/** Areas as columns, sorted by `start`, never overlapping. Half-open, bytes. */
export interface AreaColumns {
  readonly length: number
  readonly start: Float64Array
  readonly end: Float64Array
  /** Index in AREAS. */
  readonly area: Uint8Array
  /** Index in `labels`: `group 0 inode table`. */
  readonly label: Int32Array
  readonly labels: readonly string[]
}
