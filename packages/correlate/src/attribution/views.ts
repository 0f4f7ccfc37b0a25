/**
 * The file systems that requests go to, as the attribution sees them: those that the saved maps tell of, and, where
 * nothing tells, one for each device. What requests, inode events and calls say of a file system is joined here.
 */
import type { DiskLayout, FileSystem, FsType } from '@flushtrace/layout'
import { SECTOR_BYTES, deviceText, parseDevice } from '@flushtrace/trace'

export interface FsView {
  readonly index: number
  /** null: no map tells of it, or the calls contradict what they tell (map-trial.ts). */
  fs: FileSystem | null
  /** The devices it lies on; the first one names it. */
  readonly devices: readonly number[]
  /** What maps, events or the names of kernel threads tell; null: nothing yet. */
  type: FsType | null
  /** What the file system calls a block. */
  blockBytes: number
  /** What it gives to a file at once: several blocks with ext4's bigalloc. */
  clusterBytes: number
  /** false: the calls contradict where it is said to be mounted (map-trial.ts). */
  mountsHold: boolean
}

/** mkfs's own choice on all but the smallest disks. */
const USUAL_BLOCK_BYTES = 4096

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A piece of a request on one file system. */
export interface ViewPiece {
  /** Offset in the request. */
  readonly at: number
  readonly bytes: number
  readonly view: FsView
  /** Device of the file system, and byte from its start. */
  readonly device: number
  readonly byte: number
  /** In the space that the file system's own numbers count: logical on btrfs; null: no chunk map tells. */
  readonly address: number | null
  readonly holds: 'data' | 'metadata' | 'system' | 'mixed' | null
  /** An array keeps it for itself: the table that says so. */
  readonly arrayOwn: string | null
}

export class FsViews {
  readonly all: FsView[] = []
  readonly #layout: DiskLayout | null
  readonly #ofDevice = new Map<number, FsView>()
  readonly #ofName = new Map<string, FsView | null>()

  constructor(layout: DiskLayout | null) {
    this.#layout = layout
    for (const fs of layout?.fileSystems ?? []) {
      const view = this.#add(fs, fs.devices, fs.type)
      for (const device of fs.devices) this.#ofDevice.set(device, view)
    }
  }

  #add(fs: FileSystem | null, devices: readonly number[], type: FsType | null): FsView {
    const blockBytes = fs?.blockBytes ?? USUAL_BLOCK_BYTES
    const clusterBytes = fs?.clusterBytes ?? blockBytes
    const view: FsView = { index: this.all.length, fs, devices, type, blockBytes, clusterBytes, mountsHold: true }
    this.all.push(view)
    return view
  }

  /** Whether requests to the device are one piece each, at their own place: no layer, no chunks. */
  isPlain(device: number): boolean {
    return this.#isBottom(device) && this.ofDevice(device).type !== 'btrfs'
  }

  #isBottom(device: number): boolean {
    return this.#layout?.isPlain(device) ?? true
  }

  /** Where a request lies. Pieces add up to `bytes`. */
  pieces(device: number, sector: number, bytes: number): ViewPiece[] {
    if (this.#isBottom(device)) return this.#piecesOn(device, sector * SECTOR_BYTES, bytes, 0)
    const placements = this.#layout?.resolve(device, sector, bytes) ?? []
    // Nothing is known on any layer: then the device that was asked counts, as it is.
    if (placements.every(({ fs, arrayOwn }) => fs === null && arrayOwn === null))
      return this.#piecesOn(device, sector * SECTOR_BYTES, bytes, 0)
    return placements.flatMap((piece) => {
      return this.#piecesOn(piece.device, piece.byte, piece.bytes, piece.at, piece.arrayOwn)
    })
  }

  /** A range of the device that a file system lies on. */
  #piecesOn(device: number, byte: number, bytes: number, at: number, arrayOwn: string | null = null): ViewPiece[] {
    const view = this.ofDevice(device)
    const piece = { at, bytes, view, device, byte, address: byte, holds: null, arrayOwn }
    if (view.type !== 'btrfs') return [piece]
    if (!view.fs) return [{ ...piece, address: null }]
    return view.fs.addressesOf(device, byte, bytes).map((part) => {
      const { address, holds } = part
      return { ...piece, at: at + part.at, bytes: part.bytes, byte: byte + part.at, address, holds }
    })
  }

  /** The file system on a device; one is made up where nothing tells. */
  ofDevice(device: number): FsView {
    let view = this.#ofDevice.get(device)
    if (!view) this.#ofDevice.set(device, (view = this.#add(null, [device], null)))
    return view
  }

  /** What an inode event calls a file system: `7:0`, a btrfs UUID, `btrfs-43`. null: it could be several. */
  ofName(name: string, type: FsType | null): FsView | null {
    let view = this.#ofName.get(name)
    if (view === undefined) this.#ofName.set(name, (view = this.#find(name, type)))
    if (view && view.type === null) view.type = type
    return view
  }

  #find(name: string, type: FsType | null): FsView | null {
    const device = parseDevice(name)
    if (device !== null) {
      const known =
        this.#ofDevice.get(device) ??
        this.all.find(({ fs }) => fs?.stDev === deviceText(device)) ??
        this.#onlyPartOf(device)
      return known ?? this.ofDevice(device)
    }
    const byUuid = this.all.find(({ fs }) => fs?.uuid === name)
    if (byUuid) return byUuid
    const wanted = type ?? (name.startsWith('btrfs-') ? 'btrfs' : null)
    // One whose UUID is known is not another one's.
    const isOther = ({ fs }: FsView): boolean => UUID.test(name) && fs !== null && fs.uuid !== null
    const alike = this.all.filter((view) => view.type === wanted && !isOther(view))
    return alike.length === 1 ? alike[0] : null
  }

  /** Writeback names the disk of a partition: the one file system on its partitions. */
  #onlyPartOf(disk: number): FsView | undefined {
    const parts = this.all.filter(({ devices }) =>
      devices.some((device) => this.#layout?.partitionOf(device)?.disk === disk),
    )
    return parts.length === 1 ? parts[0] : undefined
  }

  /** The file system a path lies on: the longest mount point that begins it. null: no mount point tells. */
  ofPath(path: string): FsView | null {
    let best: FsView | null = null
    let length = -1
    for (const view of this.all) {
      for (const mountpoint of view.fs?.mountpoints ?? []) {
        const prefix = mountpoint.endsWith('/') ? mountpoint : `${mountpoint}/`
        if (mountpoint.length > length && (path.startsWith(prefix) || path === mountpoint)) {
          best = view
          length = mountpoint.length
        }
      }
    }
    return best
  }
}
