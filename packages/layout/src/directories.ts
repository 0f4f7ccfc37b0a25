/**
 * fsmap does not tell a directory from a file: both are an inode with data. Lists of names do, where a name lies below
 * another. What is in the blocks of a directory is metadata.
 */
import type { Findings, MapFinding } from './findings.ts'

export function setDirectoriesApart(
  { files, extents, areas }: MapFinding,
  { listings }: Findings,
  isHere: (path: string) => boolean,
): void {
  const names = listings.flatMap(({ inodes }) => inodes.filter(({ inner }) => !inner))
  const parents = new Set(names.map(({ path }) => path.slice(0, path.lastIndexOf('/')) || '/'))
  const directories = new Set<number | null>()
  const others = new Set<number | null>()
  for (const { inode, path } of names) if (isHere(path)) (parents.has(path) ? directories : others).add(inode)
  // A number that was both has been given away again.
  const moved = new Set(files.flatMap(({ inode }, k) => (directories.has(inode) && !others.has(inode) ? [k] : [])))
  if (moved.size === 0) return
  for (const { start, end, file } of extents.take(moved)) {
    areas.add(start, end, 'metadata', `directory, inode ${files[file].inode}`)
  }
}
