/** What the side files told, source by source, before it is joined: readers add to it, join.ts makes one answer of it. */
import { AreaBuilder } from './area-builder.ts'
import type { BtrfsFacts } from './btrfs-facts.ts'
import { DeviceTable } from './device-table.ts'
import type { ClockNote, ImagePiece } from './disk-layout.ts'
import { ExtentBuilder } from './extent-builder.ts'
import type { FsType, MapTime, MappedFile } from './layout-map.ts'
import { Mounts } from './mounts.ts'
import type { SideFile } from './side-file.ts'
import type { ThinDump } from './thin.ts'

/** What a map itself tells of the file system that it is of; null: nothing. */
export interface FsHint {
  readonly uuid: string | null
  /** Of a file on it. */
  readonly path: string | null
  /** Where it was mounted last, which may be long ago. */
  readonly mountpoint: string | null
  readonly device: number | null
  /** The least that its device must hold. */
  readonly bytes: number | null
}

export const NO_HINT: FsHint = { uuid: null, path: null, mountpoint: null, device: null, bytes: null }

export interface MapFinding {
  readonly source: string
  readonly tool: string
  readonly time: MapTime
  readonly fs: FsType
  readonly space: 'device' | 'logical'
  readonly hint: FsHint
  readonly files: MappedFile[]
  readonly extents: ExtentBuilder
  readonly areas: AreaBuilder
  readonly complete: boolean
  /** What its places count; null: blocks of the file system, whose size something else must tell. */
  readonly unitBytes: number | null
  /** What it tells of the file system's block size. */
  readonly blockBytes: number | null
  /** ext4 with bigalloc: what it gives to a file at once. */
  readonly clusterBytes: number | null
}

/** A map that `file` tells of, and what the reader of its tool knows by now. */
export function mapFinding(
  { path: source, time }: SideFile,
  told: Pick<MapFinding, 'tool' | 'fs' | 'unitBytes'> & Partial<MapFinding>,
): MapFinding {
  return {
    source,
    time,
    space: 'device',
    hint: NO_HINT,
    files: [],
    extents: new ExtentBuilder(),
    areas: new AreaBuilder(),
    complete: false,
    blockBytes: null,
    clusterBytes: null,
    ...told,
  }
}

export interface ListedInode {
  readonly path: string
  readonly inode: number
  readonly size: number | null
  /** Of btrfs trees; undefined where the path must tell. */
  readonly root?: number
  /** Path from the root of the file system, not of the machine. */
  readonly inner: boolean
}

export interface InodeListing {
  readonly source: string
  readonly time: MapTime
  readonly hint: FsHint
  readonly fs: FsType | null
  readonly inodes: ListedInode[]
}

export interface SubvolumeRow {
  readonly id: number
  readonly parent: number
  readonly path: string
}

/** What a map of a disk image tells of one of its files. */
export interface ImageFinding {
  readonly source: string
  readonly path: string | null
  readonly depth: number | null
  guestBytes: number | null
  readonly pieces: ImagePiece[]
}

export class Findings {
  readonly devices = new DeviceTable()
  readonly mounts = new Mounts()
  readonly maps: MapFinding[] = []
  readonly listings: InodeListing[] = []
  readonly images: ImageFinding[] = []
  /** Sources of plain maps that end at a cluster which is not in the file as it is. */
  readonly cutImages = new Set<string>()
  /** By folder. */
  readonly traceClocks = new Map<string, string>()
  readonly clockNotes: ClockNote[] = []
  readonly btrfs: BtrfsFacts[] = []
  /** Of btrfs: ranges of logical addresses that have checksums. */
  readonly checksums: { time: MapTime; uuid: string; ranges: ExtentBuilder }[] = []
  readonly thinDumps: ThinDump[] = []
  readonly subvolumes: { source: string; rows: SubvolumeRow[] }[] = []
}
