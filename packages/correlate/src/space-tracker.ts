/**
 * When blocks may change hands, and which calls besides flushes send a file's data to the device: needed to say whose
 * block a write is, not to count anything.
 *
 * 1. unlink of a last name, rename over one, O_TRUNC, ftruncate and punched holes free blocks: from then on another
 *    file may get them (at the earliest; a file that is still open keeps them).
 * 2. ext4 writes a file's delayed data in the rename that puts it over another name, and in the close after it was
 *    truncated (mount option auto_da_alloc; torvalds/linux fs/ext4/namei.c ext4_rename(), fs/ext4/file.c
 *    ext4_release_file()).
 * 3. Defragmenting a file on btrfs makes its pages dirty; the kernel writes them later (fs/btrfs/defrag.c).
 */
import { CALLS, OK, flags as F } from '@flushtrace/trace'
import { emitAt, targetOf, type DetailKind } from './activity.ts'
import { describedBy } from './decorations.ts'
import type { Description, Origin } from './descriptors.ts'
import type { NameNode, TracedFile } from './files.ts'
import { nodeOfPath } from './paths.ts'
import type { Row, Tracker, World } from './world.ts'

/** fallocate modes that take blocks away: punch hole, collapse range, insert range (moves them). */
const TAKES_AWAY = F.FALLOC_FL_PUNCH_HOLE | F.FALLOC_FL_COLLAPSE_RANGE | F.FALLOC_FL_INSERT_RANGE

const DEFRAGMENTS: readonly number[] = [F.BTRFS_IOC_DEFRAG, F.BTRFS_IOC_DEFRAG_RANGE]

/** Stands after NameTracker: names have moved already when it looks. */
export class SpaceTracker implements Tracker {
  readonly roles = ['open', 'close', 'rename', 'unlink', 'truncate', 'ioctl'] as const
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, inFlight } = row
    if (row.role === 'ioctl' || (row.role === 'truncate' && batch.path[i] < 0)) {
      inFlight.description = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])
    }
  }

  exit(row: Row): void {
    const { batch, i, inFlight, task } = row
    if (batch.outcome[i] !== OK) return
    switch (row.role) {
      case 'open':
        if ((batch.flags[i] & F.O_TRUNC) !== 0) this.#about(row, 'freed', task.fds.get(batch.result[i]), 0)
        break
      case 'close':
        for (const [, { description }] of inFlight.closed ?? []) this.#about(row, 'closed', description, NaN)
        break
      case 'unlink':
        this.#replaced(row, inFlight.node)
        break
      case 'rename':
        this.#replaced(row, inFlight.node2)
        if (inFlight.node?.file) this.#emit(row, 'renamed', inFlight.node.file, inFlight.node, NaN)
        break
      case 'truncate':
        this.#truncated(row)
        break
      case 'ioctl':
        if (DEFRAGMENTS.includes(batch.flags[i])) this.#about(row, 'dirtied', inFlight.description, NaN)
        break
      default:
    }
  }

  #truncated(row: Row): void {
    const { batch, i, inFlight } = row
    const call = CALLS[batch.call[i]].name
    if (call === 'fallocate') {
      if (inFlight.description?.file) inFlight.description.file.changes++
      if ((batch.flags[i] & TAKES_AWAY) !== 0) this.#about(row, 'freed', inFlight.description, batch.offset[i])
    } else if (batch.path[i] < 0) this.#about(row, 'freed', inFlight.description, batch.size[i])
    else {
      const node = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
      if (node?.file) this.#emit(row, 'freed', node.file, node, batch.size[i])
    }
  }

  /** What a name led to before this call took it away. */
  #replaced(row: Row, node: NameNode | null): void {
    if (node?.removed && node.file && node.file.nodes.size === 0) this.#emit(row, 'freed', node.file, node, 0)
  }

  #about(row: Row, kind: DetailKind, description: Description | null, offset: number): void {
    if (description?.file) this.#emit(row, kind, description.file, description.node, offset, description.origin)
  }

  #emit(row: Row, kind: DetailKind, file: TracedFile, node: NameNode | null, offset: number, origin?: Origin): void {
    const { batch, i, task } = row
    const { activity } = this.#world
    activity.kind = kind
    activity.call = activity.via = CALLS[batch.call[i]].name
    activity.task = task
    activity.scope = 'file'
    const here: Origin = { rule: 'open', source: row.source, record: batch.record[i] }
    activity.targets = [targetOf(this.#world, task, { file, node, origin: origin ?? here })]
    activity.bytes = 0
    activity.mapped = null
    activity.errno = null
    emitAt(this.#world, row, batch.tookNs[i], offset)
  }
}
