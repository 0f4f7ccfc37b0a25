/** Tracepoints that name inodes as rows of columns: which part of which file, and where it lies. */
import { NO_DEVICE } from './device.ts'
import type { StringTable } from './strings.ts'

/** What a tracepoint that names an inode says happened to it. */
export const INODE_EVENT = {
  /** A page of the file (or of the file system's metadata) became dirty. */
  dirty: 0,
  /** Dirty pages are about to be written: a range of the file, not yet a place. */
  writePages: 1,
  /** A range of the file got, or has, its place on the device. */
  placed: 2,
  /** A flush call reached the file system. */
  syncEnter: 3,
  syncExit: 4,
  /** Between this one and the next of its kind, or before, events were lost: of any file, on any device. */
  lost: 5,
} as const

/**
 * What `position`, `span` and `physical` count: trace text does not tell a file system's block size. clusters: blocks, of
 * which `span` counts as many at once as the file system gives to a file.
 */
export const INODE_UNIT = { bytes: 0, blocks: 1, pages: 2, sectors: 3, clusters: 4 } as const

/**
 * Rows of events that name inodes (writeback, ext4, btrfs, xfs, iomap tracepoints), the witnesses that join a file
 * range with a place on a device. Same rules as BlockBatch; NaN and -1 mean "not there".
 */
export class InodeBatch {
  readonly capacity: number
  length = 0
  strings: StringTable

  /** INODE_EVENT. */
  readonly kind: Uint8Array
  /** String id of the tracepoint's name. */
  readonly event: Int32Array
  readonly atNs: Float64Array
  readonly tid: Int32Array
  readonly comm: Int32Array
  /** The file system's device; NO_DEVICE where the event names it otherwise. */
  readonly device: Uint32Array
  /** String id of what names the file system then: btrfs's fsid or bdi name (`btrfs-43`); else -1. */
  readonly where: Int32Array
  /** btrfs: id of the subvolume tree (5 is the top one); else NaN. */
  readonly root: Float64Array
  readonly inode: Float64Array
  /** Range in the file, and where it is placed on the device (btrfs: in the logical address space). INODE_UNIT. */
  readonly unit: Uint8Array
  readonly position: Float64Array
  readonly span: Float64Array
  readonly physicalUnit: Uint8Array
  readonly physical: Float64Array
  /** Bytes there, where they are not as many as `span` (btrfs compression); else NaN. */
  readonly physicalBytes: Float64Array
  readonly record: Float64Array

  constructor(strings: StringTable, capacity = 4096) {
    this.strings = strings
    this.capacity = capacity
    this.kind = new Uint8Array(capacity)
    this.event = new Int32Array(capacity)
    this.atNs = new Float64Array(capacity)
    this.tid = new Int32Array(capacity)
    this.comm = new Int32Array(capacity)
    this.device = new Uint32Array(capacity)
    this.where = new Int32Array(capacity)
    this.root = new Float64Array(capacity)
    this.inode = new Float64Array(capacity)
    this.unit = new Uint8Array(capacity)
    this.position = new Float64Array(capacity)
    this.span = new Float64Array(capacity)
    this.physicalUnit = new Uint8Array(capacity)
    this.physical = new Float64Array(capacity)
    this.physicalBytes = new Float64Array(capacity)
    this.record = new Float64Array(capacity)
  }

  get full(): boolean {
    return this.length === this.capacity
  }

  /** A cleared row; the caller fills what it knows. */
  add(kind: number, event: number, tid: number, comm: number, atNs: number, record: number): number {
    const i = this.length++
    this.kind[i] = kind
    this.event[i] = event
    this.atNs[i] = atNs
    this.tid[i] = tid
    this.comm[i] = comm
    this.device[i] = NO_DEVICE
    this.where[i] = -1
    this.root[i] = NaN
    this.inode[i] = NaN
    this.unit[i] = INODE_UNIT.bytes
    this.position[i] = NaN
    this.span[i] = NaN
    this.physicalUnit[i] = INODE_UNIT.bytes
    this.physical[i] = NaN
    this.physicalBytes[i] = NaN
    this.record[i] = record
    return i
  }
}
