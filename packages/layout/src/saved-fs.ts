/** A file system with its saved maps, and the lookups between device, address space and names. */
import { ChunkMap } from './btrfs-facts.ts'
import type { AddressPiece, FileSystem, FsPlace, InodeName } from './disk-layout.ts'
import { ExtentBuilder } from './extent-builder.ts'
import type { AreaColumns, FsType, LayoutMap } from './layout-map.ts'

/** A file system while it is put together. */
export interface FsDraft {
  type: FsType
  uuid: string | null
  readonly devices: Set<number>
  stDev: string | null
  readonly mountpoints: Set<string>
  blockBytes: number | null
  clusterBytes: number | null
  /** btrfs: the tree that is mounted. */
  mountedRoot: number | null
  journalsData: boolean
  allocatesEarly: boolean
  log: number | null
  readonly maps: LayoutMap[]
  chunks: ChunkMap
  /** btrfs: device by devid. */
  readonly members: Map<number, number>
  readonly names: Map<string, InodeName[]>
  readonly inodes: Map<string, { inode: number; root: number | null; time: InodeName['time'] }[]>
}

/** A file system of which nothing is known but its type. */
export function emptyFs(type: FsType): FsDraft {
  return {
    type,
    uuid: null,
    devices: new Set(),
    stDev: null,
    mountpoints: new Set(),
    blockBytes: null,
    clusterBytes: null,
    mountedRoot: null,
    journalsData: false,
    allocatesEarly: false,
    log: null,
    maps: [],
    chunks: new ChunkMap([]),
    members: new Map(),
    names: new Map(),
    inodes: new Map(),
  }
}

/** `root`: the subvolume tree that the inode is of (btrfs); null elsewhere. */
export function addName(fs: FsDraft, inode: number, root: number | null, name: InodeName): void {
  push(fs.names, `${root} ${inode}`, name)
  push(fs.inodes, name.path, { inode, root, time: name.time })
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key)
  if (list) list.push(item)
  else map.set(key, [item])
}

/** What can be asked of it, once all maps have found their place. */
export function finishFs(draft: FsDraft): FileSystem {
  const {
    type,
    uuid,
    stDev,
    blockBytes,
    clusterBytes,
    mountedRoot,
    journalsData,
    allocatesEarly,
    log,
    maps,
    chunks,
    members,
    names,
    inodes,
  } = draft
  const devidOf = new Map([...members].map(([devid, device]) => [device, devid]))
  return {
    type,
    uuid,
    devices: [...draft.devices],
    stDev,
    mountpoints: [...draft.mountpoints],
    blockBytes,
    clusterBytes,
    journalsData,
    allocatesEarly,
    log,
    maps,
    addressesOf(device: number, byte: number, bytes: number): AddressPiece[] {
      if (type !== 'btrfs') return [{ at: 0, bytes, address: byte, holds: null, mirror: 0 }]
      const devid = devidOf.get(device)
      if (devid === undefined) return [{ at: 0, bytes, address: null, holds: null, mirror: 0 }]
      return chunks.addressesOf(devid, byte, bytes)
    },
    placesOf(address: number, bytes: number): FsPlace[] {
      if (type !== 'btrfs') {
        return [...draft.devices].map((device) => ({ at: 0, bytes, device, byte: address, mirror: 0 }))
      }
      return chunks.placesOf(address, bytes).flatMap(({ devid, ...place }) => {
        const device = members.get(devid)
        return device === undefined ? [] : [{ ...place, device }]
      })
    },
    namesOf(inode: number, root: number | null): readonly InodeName[] {
      const mounted = root === null ? mountedRoot : root
      const found = names.get(`${mounted} ${inode}`) ?? []
      return root === null && mounted !== null ? [...found, ...(names.get(`null ${inode}`) ?? [])] : found
    },
    inodesOf: (path: string) => inodes.get(path) ?? [],
  }
}

/** A map that no tool printed: what is where by the rules of the format. */
export function formatMap(type: FsType, areas: AreaColumns): LayoutMap {
  return {
    source: '',
    tool: 'format',
    time: { when: 'unknown', wall: null, monotonic: null, until: null },
    fs: type,
    space: 'device',
    files: [],
    extents: new ExtentBuilder().finish(1),
    areas,
    complete: false,
  }
}
