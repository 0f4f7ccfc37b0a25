/**
 * What a write is that carries no file's data: by the map's areas, by where file systems keep things, by who queues it
 * and how it is marked.
 *
 * 1. File systems mark what they write for themselves as metadata (REQ_META): ext4 and btrfs their trees and tables,
 *    xfs its buffers and log, jbd2 its journal. File data never has the mark, whoever queues it: jbd2 writes a file's
 *    data, too, before the commit that needs it (data=ordered).
 * 2. ext4lazyinit writes zeroes over inode tables, without the mark.
 * 3. With data=journal, jbd2 writes data to its place as it does metadata, with the mark (newer kernels): only a map tells
 *    them apart.
 * 4. What an array of md keeps on its members for itself (superblock, bitmap) lies outside of what it hands on.
 * 5. Superblocks have their places: ext4 the first 4 KiB, xfs the first sector, btrfs 64 KiB, 64 MiB and 256 GiB.
 * Sources: torvalds/linux include/linux/jbd2.h JBD2_JOURNAL_REQ_FLAGS, fs/xfs/xfs_buf.c, fs/xfs/xfs_log.c,
 * fs/btrfs/disk-io.c write_dev_supers(), fs/jbd2/checkpoint.c __flush_batch(), fs/ext4/super.c ext4_run_li_request().
 */
import type { FsType } from '@flushtrace/layout'
import { OP, SECTOR_BYTES } from '@flushtrace/trace'
import type { BlockLog } from './block-log.ts'
import type { MapClaims } from './map-claims.ts'
import type { Piece, What } from './piece-log.ts'
import type { FsView, FsViews, ViewPiece } from './views.ts'

export type Nature = Pick<Piece, 'what' | 'confidence' | 'rule' | 'origin'>

const BTRFS_SUPERBLOCKS: readonly number[] = [1 << 16, 1 << 26, 2 ** 38]
const SUPERBLOCK_BYTES = 4096

/** Threads by which a file system gives itself away. */
const THREADS: readonly [RegExp, FsType][] = [
  [/^jbd2\/|^ext4/, 'ext4'],
  [/^xfsaild\/|^xfs/, 'xfs'],
  [/^btrfs-/, 'btrfs'],
  [/^f2fs_/, 'f2fs'],
]

/** The file system that a thread of the kernel works for; null: its name tells none. */
export function typeByThread(comm: string): FsType | null {
  return THREADS.find(([name]) => name.test(comm))?.[1] ?? null
}

/** Which file systems lie on the devices, as far as no map tells: by who writes metadata there, and where. */
export function learnTypes(blocks: BlockLog, views: FsViews): void {
  const asked = new Set<number>()
  for (let i = 0; i < blocks.length; i++) {
    if ((blocks.flags.data[i] & OP.meta) === 0) continue
    if (looksLikeBtrfs(blocks.flags.data[i], blocks.sector.data[i], blocks.bytes.data[i])) {
      views.ofDevice(blocks.device.data[i]).type ??= 'btrfs'
    }
    const comm = blocks.comm.data[i]
    if (comm < 0 || asked.has(comm)) continue
    asked.add(comm)
    const type = typeByThread(blocks.names.text(comm))
    if (type === null) continue
    const [piece] = views.pieces(blocks.device.data[i], Math.max(0, blocks.sector.data[i]), SECTOR_BYTES)
    piece.view.type ??= type
  }
}

/** Its first superblock: 4 KiB at 64 KiB, as metadata, past the cache. */
function looksLikeBtrfs(flags: number, sector: number, bytes: number): boolean {
  return (
    sector * SECTOR_BYTES === BTRFS_SUPERBLOCKS[0] &&
    bytes === SUPERBLOCK_BYTES &&
    (flags & OP.meta) !== 0 &&
    (flags & OP.fua) !== 0
  )
}

const METADATA: Nature = { what: 'metadata', confidence: 'inferred', rule: 'metadata-flag', origin: null }
/** Data or metadata of ext4 with data=journal. */
export const CHECKPOINT: Nature = { what: 'unknown', confidence: 'unknown', rule: 'none', origin: null }

export class Natures {
  readonly #claims: MapClaims
  /** Some row is marked as metadata: rows that are not carry data. */
  readonly #marks: boolean

  constructor(claims: MapClaims, marks: boolean) {
    this.#claims = claims
    this.#marks = marks
  }

  /** A map has no file's data there, although nothing marks the request as other than data. */
  isReserved(piece: ViewPiece): boolean {
    return (
      this.#marks && (inChunk(piece) || this.#claims.areaAt(piece.view, piece.address, piece.byte)?.area === 'journal')
    )
  }

  /** null: it carries a file's data. */
  of(piece: ViewPiece, flags: number, comm: string | null): Nature | null {
    if (piece.arrayOwn !== null)
      return { what: 'metadata', confidence: 'snapshot', rule: 'area', origin: piece.arrayOwn }
    const meta = (flags & OP.meta) !== 0
    const known = this.#claims.areaAt(piece.view, piece.address, piece.byte)
    if (meta || comm === 'ext4lazyinit') {
      if (known) return { what: known.area as What, confidence: 'snapshot', rule: 'area', origin: known.map.source }
      const placed = byPlace(piece, comm)
      if (placed) return placed
      if (!inChunk(piece)) return piece.view.fs?.journalsData ? CHECKPOINT : METADATA
    }
    if (inChunk(piece)) {
      return { what: 'metadata', confidence: 'snapshot', rule: 'area', origin: 'chunk map' }
    }
    // Blocks of the journal and of a swap area are never handed to a file; inode tables may look like it on xfs.
    if (known && (known.area === 'journal' || known.area === 'swap' || !this.#marks)) {
      return { what: known.area as What, confidence: 'snapshot', rule: 'area', origin: known.map.source }
    }
    return this.#marks ? null : byPlace(piece, comm)
  }
}

/** btrfs keeps its trees in chunks of their own. */
function inChunk({ holds }: ViewPiece): boolean {
  return holds === 'metadata' || holds === 'system'
}

function byPlace({ view, byte, bytes }: ViewPiece, comm: string | null): Nature | null {
  if (isSuperblock(view, byte, bytes))
    return { what: 'superblock', confidence: 'inferred', rule: 'place', origin: null }
  if (comm?.startsWith('jbd2/')) return { what: 'journal', confidence: 'inferred', rule: 'submitter', origin: null }
  return null
}

/** Whether a write of these bytes is one of a superblock, by where each file system keeps its own. */
export function isSuperblock({ type, blockBytes }: FsView, byte: number, bytes: number): boolean {
  switch (type) {
    case 'btrfs':
      return bytes <= SUPERBLOCK_BYTES && BTRFS_SUPERBLOCKS.includes(byte)
    case 'ext4':
      // Byte 1024, in the first block or, of 1 KiB blocks, in the second one.
      return byte <= 1024 && byte + bytes > 1024 && bytes <= Math.max(blockBytes, SUPERBLOCK_BYTES)
    case 'xfs':
      return byte === 0 && bytes <= SUPERBLOCK_BYTES
    default:
      return false
  }
}
