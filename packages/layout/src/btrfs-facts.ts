/**
 * The address space of a btrfs file system: chunks, each of which places a range of logical addresses on stripes of
 * devices. Rules: torvalds/linux fs/btrfs/volumes.c btrfs_map_block(), map_blocks_raid0(), map_blocks_raid56_*().
 */
import type { AddressPiece } from './disk-layout.ts'

/** Where every device holds a copy of the superblock: fs/btrfs/disk-io.h btrfs_sb_offset(). */
export const SUPERBLOCKS = [64 * 1024, 64 * 2 ** 20, 256 * 2 ** 30] as const
export const SUPERBLOCK_BYTES = 4096

/** Requests are far smaller; of one of 64 KiB stripes this many bytes are 65,536 pieces. */
const MAX_RANGE = 4_294_967_296

/** The tree that is there from mkfs on: a file system without subvolumes has all its files in it. */
export const FS_TREE = 5

export type Profile = 'copies' | 'raid0' | 'raid10' | 'raid5' | 'raid6'

export interface Chunk {
  readonly logical: number
  readonly bytes: number
  readonly holds: 'data' | 'metadata' | 'system' | 'mixed'
  /** `copies`: single, DUP and RAID1*: every stripe holds the whole chunk. */
  readonly profile: Profile
  readonly stripeBytes: number
  readonly subStripes: number
  readonly stripes: readonly { readonly devid: number; readonly offset: number }[]
}

/** What one dump or table tells of one file system. */
export interface BtrfsFacts {
  readonly source: string
  readonly uuid: string
  readonly chunks: Map<number, Chunk>
  /** By devid. `path` is told by `btrfs filesystem show`. */
  readonly devices: Map<number, { bytes: number; path: string | null }>
  readonly subvolumes: Map<number, { parent: number; name: string }>
}

/** A place on a device that a logical address has. */
export interface DevicePlace {
  readonly at: number
  readonly bytes: number
  readonly devid: number
  readonly byte: number
  readonly mirror: number
}

/** Whether the numbers of a chunk go together: what a damaged dump tells must not lead outside of it. */
export function isWhole({ bytes, profile, stripeBytes, subStripes, stripes }: Chunk): boolean {
  const least = { copies: 1, raid0: 1, raid10: 2, raid5: 2, raid6: 3 }[profile]
  const even = profile !== 'raid10' || (subStripes > 0 && stripes.length % subStripes === 0)
  return bytes > 0 && stripeBytes > 0 && stripes.length >= least && even
}

/** How many stripes of a row hold data that differs. */
function dataStripes({ profile, stripes, subStripes }: Chunk): number {
  switch (profile) {
    case 'copies':
      return 1
    case 'raid0':
      return stripes.length
    case 'raid10':
      return Math.max(1, Math.floor(stripes.length / Math.max(1, subStripes)))
    case 'raid5':
      return Math.max(1, stripes.length - 1)
    case 'raid6':
      return Math.max(1, stripes.length - 2)
  }
}

interface StripeOnDevice {
  readonly start: number
  readonly end: number
  readonly chunk: Chunk
  readonly index: number
}

export class ChunkMap {
  readonly #chunks: Chunk[]
  readonly #onDevice = new Map<number, StripeOnDevice[]>()

  constructor(chunks: readonly Chunk[]) {
    this.#chunks = [...chunks].sort((a, b) => a.logical - b.logical)
    for (const chunk of this.#chunks) {
      const bytes = chunk.bytes / dataStripes(chunk)
      for (const [index, { devid, offset }] of chunk.stripes.entries()) {
        let list = this.#onDevice.get(devid)
        if (!list) this.#onDevice.set(devid, (list = []))
        list.push({ start: offset, end: offset + bytes, chunk, index })
      }
    }
    for (const list of this.#onDevice.values()) list.sort((a, b) => a.start - b.start)
  }

  get size(): number {
    return this.#chunks.length
  }

  /** What a range of a device is called. Pieces add up to `bytes`. */
  addressesOf(devid: number, byte: number, bytes: number): AddressPiece[] {
    // A discard of a whole device has no use for its stripes.
    if (bytes > MAX_RANGE) return [{ at: 0, bytes, address: null, holds: null, mirror: 0 }]
    const pieces: AddressPiece[] = []
    const list = this.#onDevice.get(devid) ?? []
    const end = byte + bytes
    let k = lastAtOrBefore(list, byte, ({ start }) => start)
    for (let at = byte; at < end;) {
      const stripe = list[k]
      if (stripe && at >= stripe.start && at < stripe.end) {
        const piece = logicalOf(stripe, at, Math.min(end, stripe.end) - at)
        pieces.push({ at: at - byte, ...piece })
        at += piece.bytes
      } else {
        const next = list[k + 1]
        if (next && next.start <= at) {
          k++
          continue
        }
        const to = Math.min(end, next?.start ?? end)
        pieces.push({ at: at - byte, bytes: to - at, address: null, holds: null, mirror: 0 })
        at = to
      }
    }
    return pieces
  }

  /** Every place of a range of logical addresses; nothing for addresses in no chunk. Parity is not told. */
  placesOf(address: number, bytes: number): DevicePlace[] {
    const places: DevicePlace[] = []
    const end = address + bytes
    let k = Math.max(
      0,
      lastAtOrBefore(this.#chunks, address, ({ logical }) => logical),
    )
    for (let at = address; at < end && k < this.#chunks.length;) {
      const chunk = this.#chunks[k]
      const chunkEnd = chunk.logical + chunk.bytes
      if (at >= chunkEnd || at < chunk.logical) {
        if (at < chunk.logical) at = chunk.logical
        else k++
        continue
      }
      const step = stepWithin(chunk, at - chunk.logical, Math.min(end, chunkEnd) - at)
      for (const place of physicalOf(chunk, at - chunk.logical))
        places.push({ at: at - address, bytes: step, ...place })
      at += step
    }
    return places
  }
}

function stepWithin({ profile, stripeBytes }: Chunk, within: number, bytes: number): number {
  return profile === 'copies' ? bytes : Math.min(bytes, stripeBytes - (within % stripeBytes))
}

function logicalOf({ chunk, start, index }: StripeOnDevice, byte: number, bytes: number): Omit<AddressPiece, 'at'> {
  const { logical, profile, stripeBytes, holds } = chunk
  const within = byte - start
  if (profile === 'copies') return { bytes, address: logical + within, holds, mirror: index }
  const row = Math.floor(within / stripeBytes)
  const rest = within % stripeBytes
  const step = Math.min(bytes, stripeBytes - rest)
  const width = dataStripes(chunk)
  const { column, mirror } = columnOf(chunk, index, row)
  if (column >= width) return { bytes: step, address: null, holds, mirror: 0 } // parity
  return { bytes: step, address: logical + (row * width + column) * stripeBytes + rest, holds, mirror }
}

/** Which piece of a row a stripe holds. Parity of RAID5/6 stands behind the data and moves by one stripe a row. */
function columnOf({ profile, stripes, subStripes }: Chunk, index: number, row: number) {
  const count = stripes.length
  if (profile === 'raid10') return { column: Math.floor(index / subStripes), mirror: index % subStripes }
  if (profile === 'raid0') return { column: index, mirror: 0 }
  return { column: (((index - row) % count) + count) % count, mirror: 0 }
}

function physicalOf(chunk: Chunk, within: number): Omit<DevicePlace, 'at' | 'bytes'>[] {
  const { profile, stripeBytes, subStripes, stripes } = chunk
  const on = (index: number, byte: number, mirror: number) => ({
    devid: stripes[index].devid,
    byte: stripes[index].offset + byte,
    mirror,
  })
  if (profile === 'copies') return stripes.map((_, index) => on(index, within, index))
  const width = dataStripes(chunk)
  const stripe = Math.floor(within / stripeBytes)
  const row = Math.floor(stripe / width)
  const byte = row * stripeBytes + (within % stripeBytes)
  const column = stripe % width
  if (profile === 'raid10') {
    return Array.from({ length: subStripes }, (_, mirror) => on(column * subStripes + mirror, byte, mirror))
  }
  return [on(profile === 'raid0' ? column : (column + row) % stripes.length, byte, 0)]
}

function lastAtOrBefore<T>(list: readonly T[], at: number, startOf: (item: T) => number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (startOf(list[middle]) <= at) low = middle + 1
    else high = middle
  }
  return low - 1
}
