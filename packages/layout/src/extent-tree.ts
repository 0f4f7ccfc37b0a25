/**
 * What btrfs's extent tree alone tells: whose an extent is. Not which of its blocks hold data: one that was preallocated
 * looks like one that was written, and where it lies on blocks of a file that was deleted, those still hold that file's.
 * So an extent names its one file where another tree of the same time shows that it was written:
 *
 * 1. the checksum tree, which has exactly the blocks that hold data (not of files without checksums);
 * 2. the tree of the file, or filefrag, which has a part of it as regular, and none as preallocated.
 *
 * It then also has blocks that were written again elsewhere since, and which no tree of files has any more (bookends).
 */
import { firstAbove } from '@flushtrace/trace'
import { ExtentBuilder } from './extent-builder.ts'
import { EXTENT, type ExtentColumns, type LayoutMap, type MappedFile } from './layout-map.ts'

export const EXTENT_TREE = 'dump-tree extent'
const OF_FILES: readonly string[] = ['dump-tree fs', 'filefrag']

/** A map of files, and how far its extents before each reach. */
interface FileMap {
  readonly map: LayoutMap
  readonly reach: Float64Array
}

/** Whose a file of a map is, where it tells itself, or lists of inodes do. */
export type OwnerOf = (file: MappedFile) => Pick<MappedFile, 'inode' | 'root'>

/** `checksums`: ranges that have some, of the same time; null: that tree was not dumped. */
export function writtenExtents(
  { extents, files }: Pick<LayoutMap, 'extents' | 'files'>,
  maps: readonly LayoutMap[],
  checksums: ExtentColumns | null,
  ownerOf: OwnerOf,
): ExtentColumns {
  const ofFiles = maps
    .filter(({ tool }) => OF_FILES.includes(tool))
    .map((map): FileMap => {
      let reach = 0
      return { map, reach: map.extents.end.map((end) => (reach = Math.max(reach, end))) }
    })
  const written = new ExtentBuilder()
  for (let k = 0; k < extents.length; k++) {
    if (extents.flags[k] & EXTENT.shared) continue
    const [start, end, at, file] = [extents.start[k], extents.end[k], extents.fileOffset[k], extents.file[k]]
    const uses = usesOf(ofFiles, files[file], start, end, ownerOf)
    // Compressed, as far as nothing tells: then places in it are none in the file.
    const encoded = uses === null || (uses & EXTENT.encoded) !== 0
    const add = (from: number, to: number): void =>
      written.add(from, to, encoded ? Number.NaN : at + from - start, file, encoded ? EXTENT.encoded : 0)
    const length = written.length
    if (checksums) eachIn(checksums, start, end, add)
    if (written.length === length && uses !== null && !(uses & EXTENT.unwritten)) add(start, end)
  }
  return written.finish(1)
}

/** EXTENT bits of all parts of an extent that maps of files give to its file; null: none. */
function usesOf(
  maps: readonly FileMap[],
  { inode, root }: MappedFile,
  start: number,
  end: number,
  ownerOf: OwnerOf,
): number | null {
  let uses: number | null = null
  for (const { map, reach } of maps) {
    const { extents, files } = map
    for (let k = firstAbove(extents.start, end - 1) - 1; k >= 0 && reach[k] > start; k--) {
      if (extents.end[k] <= start) continue
      const owner = ownerOf(files[extents.file[k]])
      if (owner.inode === inode && owner.root === root) uses = (uses ?? 0) | extents.flags[k]
    }
  }
  return uses
}

/** Parts of a range that some ranges, which do not overlap, have. */
function eachIn(ranges: ExtentColumns, start: number, end: number, found: (from: number, to: number) => void): void {
  for (let k = Math.max(0, firstAbove(ranges.start, start) - 1); k < ranges.length && ranges.start[k] < end; k++) {
    const from = Math.max(start, ranges.start[k])
    const to = Math.min(end, ranges.end[k])
    if (from < to) found(from, to)
  }
}
