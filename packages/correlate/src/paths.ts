/**
 * Path arguments → names. Where a relative path starts (the current directory, or the directory descriptor of an *at
 * call) is fixed at the entry of the call; where the path leads from there is looked up when it has returned.
 */
import { AT_FDCWD, CALLS, flags as F } from '@flushtrace/trace'
import { describedBy } from './decorations.ts'
import type { NameNode } from './files.ts'
import type { CallInFlight } from './processes.ts'
import type { Row, World } from './world.ts'

/** Where a relative path starts. `AT_FDCWD</cwd>` teaches where the process stands. */
export function startOfPath(world: World, row: Row, dirfd: number, decoration: number): NameNode {
  const { directories, fds } = row.task
  if (dirfd === AT_FDCWD || dirfd < 0) {
    const said = decoration >= 0 ? row.batch.names[decoration] : null
    if (said?.kind === 'path' && said.deleted === false) {
      directories.cwd = world.files.resolve(said.text, world.files.root)
    }
    return directories.cwd
  }
  const node = describedBy(world, row, dirfd, decoration)?.node
  return node ?? fds.unknownDirectory(dirfd, () => world.files.unknownDirectory())
}

/** The node that text `pathId` leads to; null when the call has no such argument. */
export function nodeOfPath(world: World, row: Row, pathId: number, start: NameNode | null): NameNode | null {
  const path = row.batch.strings.textOrNull(pathId)
  if (path === null) return null
  const { cwd, root } = row.task.directories
  const from = start ?? cwd
  return world.files.resolve(path, from, staysInside(row) ? from : root)
}

/** openat2 takes the directory that the path starts from for the root as well. */
export function staysInside({ batch, i }: Row): boolean {
  return CALLS[batch.call[i]].name === 'openat2' && (batch.flags2[i] & F.RESOLVE_IN_ROOT) !== 0
}

/**
 * Whether a call by another task, under way together with this one, changes where its paths lead: the log's order of
 * the two need not be the kernel's. `now`: where the paths lead at the exit.
 */
export function isRaced(world: World, row: Row, now: readonly (NameNode | null)[]): boolean {
  const { node, node2 }: CallInFlight = row.inFlight
  if (now.some((at, k) => at !== [node, node2][k])) return true
  for (const { call } of world.naming) {
    if (!call || call === row.inFlight) continue
    if (now.some((at) => at && (at === call.node || at === call.node2))) return true
  }
  return false
}
