/**
 * All saved maps and device tables of a capture as one answer: sector → device below or above → file system → what its
 * maps say is there.
 */
import type { Instant } from '@flushtrace/trace'
import type { Layer } from './layer.ts'
import type { FsType, LayoutMap, MapTime } from './layout-map.ts'

/** A range of a file system's device and what it is called in the file system's own space. Bytes, half-open. */
export interface AddressPiece {
  /** Offset of the piece in the range that was asked for. */
  readonly at: number
  readonly bytes: number
  /** btrfs: logical address; elsewhere the byte of the device. null: no chunk is known there. */
  readonly address: number | null
  /** btrfs: what the chunk holds; null elsewhere. */
  readonly holds: 'data' | 'metadata' | 'system' | 'mixed' | null
  /** btrfs: which copy (DUP, RAID1*), from 0. */
  readonly mirror: number
}

/** A name that a list of inodes gives, and when. */
export interface InodeName {
  readonly path: string
  readonly size: number | null
  readonly time: MapTime
  readonly source: string
}

/** Where a range of a file system's own space lies on its devices. */
export interface FsPlace {
  /** Offset in the range that was asked for. */
  readonly at: number
  readonly bytes: number
  readonly device: number
  readonly byte: number
  readonly mirror: number
}

export interface FileSystem {
  readonly type: FsType
  readonly uuid: string | null
  /** Device numbers (trace/device.ts); several on btrfs, empty when nothing told. */
  readonly devices: readonly number[]
  /** st_dev of its files, `7:0`, or `0:39` (btrfs); null when nothing told. */
  readonly stDev: string | null
  readonly mountpoints: readonly string[]
  /** Bytes; null when nothing told. */
  readonly blockBytes: number | null
  /** ext4 with bigalloc: bytes that a file gets at once; null elsewhere. */
  readonly clusterBytes: number | null
  /** ext4 mounted with `data=journal`. */
  readonly journalsData: boolean
  /** ext4 without delayed allocation: a block may be a file's long before it holds the file's data. */
  readonly allocatesEarly: boolean
  /** The device of its log, where that is another one (xfs). */
  readonly log: number | null
  /** In the order of time: before, during, after; unknown last. */
  readonly maps: readonly LayoutMap[]
  /** Pieces that add up to `bytes`. `byte` counts from the start of `device`. */
  addressesOf(device: number, byte: number, bytes: number): AddressPiece[]
  /** The reverse: every copy of a range; nothing for addresses that lie in no known chunk. */
  placesOf(address: number, bytes: number): FsPlace[]
  /** Every name that was listed for an inode, in the order of time; `root` null: the mounted one. */
  namesOf(inode: number, root: number | null): readonly InodeName[]
  /** Every inode that was listed under a path, in the order of time. */
  inodesOf(path: string): readonly { inode: number; root: number | null; time: MapTime }[]
}

/** A place on the device that a file system lies on. */
export interface Placement {
  readonly at: number
  readonly bytes: number
  /** null: no file system is known to lie there. */
  readonly fs: FileSystem | null
  /** An array keeps it for itself, and no file of any system can lie there: the table that says so; null: nothing does. */
  readonly arrayOwn: string | null
  readonly device: number
  /** Bytes from the start of `device`. */
  readonly byte: number
  /** Devices passed on the way up, the one that was asked for first. */
  readonly layers: readonly number[]
}

/** A side file, as it was read. */
export interface LayoutSource {
  readonly path: string
  /** What printed it. */
  readonly tool: string
  readonly when: MapTime['when']
  /** used + notes + damaged. */
  readonly lines: number
  /** Lines that told something. */
  readonly used: number
  readonly notes: number
  readonly damaged: number
}

/** A device that a table told of. */
export interface KnownDevice {
  readonly device: number
  readonly name: string | null
  /** lsblk's word: disk, part, loop, lvm, crypt, raid1, … */
  readonly kind: string | null
  readonly bytes: number | null
}

/** A range of a guest's disk, and where it lies in the image file. */
export interface ImagePiece {
  readonly guestByte: number
  readonly bytes: number
  readonly imageByte: number
}

/** A file that holds a guest's disk, or a part of it, as a map of the image told. */
export interface DiskImage {
  readonly source: string
  /** As it was named to the tool; null: the JSON form names none, nor does a plain one beside it. */
  readonly path: string | null
  /** How many images lie over it: 0 is the guest's own, others are its backing files. null: not told. */
  readonly depth: number | null
  /** The size of the guest's disk; null: not told. */
  readonly guestBytes: number | null
  /** The device of the file system that the file lies on; null: nothing tells. */
  readonly device: number | null
  readonly pieces: readonly ImagePiece[]
}

/** One moment on two clocks, as a clock note (map-time.ts) tells it. */
export interface ClockNote {
  /** The source it stands in. */
  readonly path: string
  readonly wall: Instant
  readonly monotonic: Instant
  /** How far `wall` may be from the moment of `monotonic`; null: not told. */
  readonly withinNs: number | null
}

export interface DiskLayout {
  readonly sources: readonly LayoutSource[]
  readonly devices: readonly KnownDevice[]
  readonly layers: readonly Layer[]
  readonly fileSystems: readonly FileSystem[]
  readonly images: readonly DiskImage[]
  /** By folder: the clock of what ftrace printed there (`mono`, `local`), as saved from trace_clock. */
  readonly traceClocks: ReadonlyMap<string, string>
  readonly clockNotes: readonly ClockNote[]
  /**
   * Where a range of a device lies on the file system above it, through partitions, dm, md. `sector` counts 512-byte
   * units from the start of `device`. Pieces add up to `bytes`.
   */
  resolve(device: number, sector: number, bytes: number): Placement[]
  /**
   * The same 512 bytes on every device above and below as far as tables tell, the one that was asked for among them.
   * `believed`: which layers to follow.
   */
  sameSector(device: number, sector: number, believed: (layer: Layer) => boolean): { device: number; sector: number }[]
  /**
   * Whether a part of a range lies on the device `below`, as far as tables tell; null: they do not. `carries`: it, and what
   * may lie on it.
   */
  reaches(
    device: number,
    sector: number,
    bytes: number,
    below: number,
    carries: (device: number) => boolean,
  ): boolean | null
  /** Whether an array that tables tell of keeps copies of its blocks. */
  readonly hasCopies: boolean
  /** The place of a range on the array above that keeps copies of all of it; null: there is none. Sectors. */
  arrayPlaceOf(device: number, sector: number, bytes: number): { device: number; sector: number } | null
  /** Whether `resolve` tells nothing else: a file system lies on the device itself, or nothing is known to. */
  isPlain(device: number): boolean
  /** `loop0`, `dm-3 (vg-lv)`; null for a device nothing told about. */
  nameOf(device: number): string | null
  /**
   * By number (`8:1`), or by any name or path that a table gives (`sda1`, `/dev/vg/lv`, `lv`, a label, a link); null:
   * nothing told, or of several.
   */
  deviceOf(name: string): number | null
  /** The file system that a path lies on, as far as saved mounts tell; a lone `/` may have others below. */
  fileSystemOf(path: string): FileSystem | null
  /** Start of a partition on its disk, in sectors, and the disk; null for what is none, or unknown. */
  partitionOf(device: number): { disk: number; startSector: number; sectors: number } | null
  /** Every loop device, and the file that holds its data. */
  readonly backings: readonly { readonly device: number; readonly path: string; readonly offset: number }[]
  /** The file, and the device it lies on, that holds this loop device's data; null for what is none, or unknown. */
  backingOf(device: number): { device: number | null; path: string; offset: number } | null
}
