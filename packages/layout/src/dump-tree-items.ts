/**
 * Items of a btrfs dump that are told in several lines: chunks and extents of files. Old btrfs-progs print one fact a line
 * where new ones print several. Source: kdave/btrfs-progs kernel-shared/print-tree.c print_chunk_item(),
 * print_file_extent_item().
 *
 *     \t\tlength 33554432 owner 2 stripe_len 65536 type METADATA|DUP
 *     \t\t\tstripe 0 devid 1 offset 38797312
 *     \t\textent data disk byte 1103101952 nr 4096
 *     \t\textent data offset 0 nr 4096 ram 4096
 *     \t\textent compression 0 (none)
 */
import type { Chunk, Profile } from './btrfs-facts.ts'
import type { ExtentBuilder } from './extent-builder.ts'
import type { LineUse } from './side-file.ts'

const CHUNK = /^\t\t(?:chunk )?length (\d+) owner \d+ stripe_len (\d+)(?: type (\S+))?/
const CHUNK_TYPE = /^\t\ttype (\S+) num_stripes (\d+)/
const SUB_STRIPES = /^\t\tnum_stripes \d+ sub_stripes (\d+)/
const STRIPE = /^\t\t\tstripe \d+ devid (\d+) offset (\d+)/
const EXTENT_TYPE = /^\t\t(?:generation \d+ )?type (\d) \(?(\w+)/
const OLD_INLINE = /^\t\t(?:inline extent data|prealloc data)/
const DISK = /^\t\t(extent|prealloc) data disk byte (\d+) nr (\d+)/
const RANGE = /^\t\t(?:extent|prealloc) data offset (\d+) nr (\d+)/
const COMPRESSION = /^\t\textent compression (\d)/

/** What the lines below an item's key are about, filled as they come. */
export type Item =
  | {
      readonly kind: 'chunk'
      readonly chunk: { -readonly [K in keyof Chunk]: Chunk[K] }
      readonly stripes: { devid: number; offset: number }[]
    }
  | { readonly kind: 'device' }
  | {
      readonly kind: 'extent'
      readonly start: number
      readonly bytes: number
      data: boolean
      /** References of all kinds. */
      refs: number
      /** Files that its own references name. `at`: where the extent begins in the file. */
      readonly owners: { readonly file: number; readonly at: number; readonly refs: number }[]
    }
  | {
      readonly kind: 'file-extent'
      readonly inode: number
      readonly at: number
      type: number
      disk: number
      diskBytes: number
      offset: number
      bytes: number
      encoded: boolean
    }
  | { readonly kind: 'inode'; readonly inode: number }
  | { readonly kind: 'name'; readonly inode: number; readonly parent: number }
  | { readonly kind: 'subvolume'; readonly id: number; readonly parent: number }
  | { readonly kind: 'checksums'; readonly ranges: ExtentBuilder }
  | { readonly kind: 'none' }

/** `logical`: the key's offset. */
export function emptyChunk(logical: number): { -readonly [K in keyof Chunk]: Chunk[K] } {
  return { logical, bytes: 0, holds: 'data', profile: 'copies', stripeBytes: 65536, subStripes: 1, stripes: [] }
}

/** A line of a CHUNK_ITEM. */
export function chunkDetail({ chunk, stripes }: Extract<Item, { kind: 'chunk' }>, line: string): LineUse {
  const stripe = STRIPE.exec(line)
  if (stripe) {
    stripes.push({ devid: Number(stripe[1]), offset: Number(stripe[2]) })
    return 'used'
  }
  const length = CHUNK.exec(line)
  if (length) {
    chunk.bytes = Number(length[1])
    chunk.stripeBytes = Number(length[2])
  }
  const type = length?.[3] ?? CHUNK_TYPE.exec(line)?.[1]
  if (type !== undefined) {
    const words = type.split('|')
    const data = words.includes('DATA')
    chunk.holds =
      data && words.includes('METADATA') ? 'mixed' : data ? 'data' : words.includes('SYSTEM') ? 'system' : 'metadata'
    chunk.profile =
      (['raid0', 'raid10', 'raid5', 'raid6'] satisfies Profile[]).find((name) => words.includes(name.toUpperCase())) ??
      'copies'
  }
  const sub = SUB_STRIPES.exec(line)
  if (sub) chunk.subStripes = Number(sub[1])
  return length || type !== undefined || sub ? 'used' : 'note'
}

/** A line of an EXTENT_DATA item. */
export function fileExtentDetail(item: Extract<Item, { kind: 'file-extent' }>, line: string): LineUse {
  const type = EXTENT_TYPE.exec(line)
  if (type) item.type = Number(type[1])
  else if (OLD_INLINE.test(line) && item.type < 0) item.type = 0
  const disk = DISK.exec(line)
  if (disk) {
    item.disk = Number(disk[2])
    item.diskBytes = Number(disk[3])
    if (disk[1] === 'prealloc') item.type = 2
  }
  const range = RANGE.exec(line)
  if (range) {
    item.offset = Number(range[1])
    item.bytes = Number(range[2])
  }
  const compression = COMPRESSION.exec(line)
  if (compression) item.encoded = compression[1] !== '0'
  return type || disk || range || compression ? 'used' : 'note'
}
