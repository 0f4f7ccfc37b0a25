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
 * 4. A clone (FICLONE, FICLONERANGE: cp --reflink) gives a file other blocks, which it shares with their owner until one
 *    of them is written: from then on neither's old blocks say whose they are. What does not fill a block is copied
 *    through pages (fs/remap_range.c, ioctl_ficlone(2)). FIDEDUPERANGE does the same to files that only its struct names.
 * 5. A file cut or zeroed within a page: the rest of that page is written as zeroes (mm/truncate.c).
 */
import { CALLS, FAILED, OK, PAGE_BYTES, flags as F } from '@flushtrace/trace'
import { emitAt, targetOf, type DetailKind } from './activity.ts'
import { describedBy } from './decorations.ts'
import { CORRELATE } from './diagnostics.ts'
import type { Description, Origin } from './descriptors.ts'
import type { NameNode, TracedFile } from './files.ts'
import { nodeOfPath } from './paths.ts'
import { taskLabel } from './processes.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

/** Requests to give back what is free of a file system, and ranges of a disk. */
const DISCARDS: ReadonlyMap<number, string> = new Map([
  [F.FITRIM, 'FITRIM'],
  [F.BLKDISCARD, 'BLKDISCARD'],
  [F.BLKSECDISCARD, 'BLKSECDISCARD'],
  [F.BLKZEROOUT, 'BLKZEROOUT'],
])
/** fallocate modes that take blocks away: punch hole, collapse range, insert range (moves them). */
const TAKES_AWAY = F.FALLOC_FL_PUNCH_HOLE | F.FALLOC_FL_COLLAPSE_RANGE | F.FALLOC_FL_INSERT_RANGE

const DEFRAGMENTS: readonly number[] = [F.BTRFS_IOC_DEFRAG, F.BTRFS_IOC_DEFRAG_RANGE]
const CLONES: readonly number[] = [F.FICLONE, F.FICLONERANGE]
/** fallocate modes that leave zeroes where data was. */
const ZEROES = F.FALLOC_FL_PUNCH_HOLE | F.FALLOC_FL_ZERO_RANGE
interface About {
  readonly file: TracedFile
  readonly node: NameNode | null
  readonly origin?: Origin
}

const NO_FILE = { file: null, node: null }

/** Stands after NameTracker: names have moved already when it looks. */
export class SpaceTracker implements Tracker {
  readonly roles = ['open', 'close', 'rename', 'unlink', 'truncate', 'ioctl'] as const
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, inFlight } = row
    if (row.role === 'truncate' && batch.path[i] < 0) {
      inFlight.description = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])
    }
  }

  exit(row: Row): void {
    const { batch, i, inFlight, task } = row
    if (batch.outcome[i] !== OK) {
      if (batch.outcome[i] === FAILED) this.#failed(row)
      return
    }
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
        if (inFlight.node?.file) this.#emit(row, 'renamed', { file: inFlight.node.file, node: inFlight.node }, NaN)
        break
      case 'truncate':
        this.#truncated(row)
        break
      case 'ioctl':
        this.#ioctl(row)
        break
      default:
    }
  }

  /** Each layer may refuse to take space back (EOPNOTSUPP, ENODATA of a network file system). */
  #failed(row: Row): void {
    const { batch, i, inFlight, task } = row
    const asked = whatGivesBack(CALLS[batch.call[i]].name, batch.flags[i])
    if (asked === null) return
    const { file, node } = inFlight.description ?? NO_FILE
    const path = file && this.#world.names.of(file, node).path
    const errno = batch.errno[i] >= 0 ? batch.strings.text(batch.errno[i]) : 'an error'
    const what = `${asked}: ${errno} of ${path ?? 'an unknown file'}, by ${taskLabel(task)}`
    report(this.#world, CORRELATE.notGivenBack, row, what)
  }

  #ioctl(row: Row): void {
    const { batch, i, inFlight, task } = row
    const request = batch.flags[i]
    const clones = CLONES.includes(request)
    if (clones || DEFRAGMENTS.includes(request)) this.#about(row, 'dirtied', inFlight.description, NaN)
    if (clones) this.#about(row, 'freed', inFlight.description, 0)
    // FICLONERANGE's is in a struct.
    if (request === F.FICLONE) this.#about(row, 'freed', task.fds.get(batch.fd2[i]), 0)
    if (request === F.FIDEDUPERANGE) this.#emit(row, 'dirtied', null, NaN)
  }

  #truncated(row: Row): void {
    const { batch, i, inFlight } = row
    const { file, node } = this.#truncatedFile(row)
    if (!file) return
    const about = { file, node, origin: inFlight.description?.origin }
    const [offset, size] = [batch.offset[i], batch.size[i]]
    const modes = CALLS[batch.call[i]].name === 'fallocate' ? batch.flags[i] : null
    if (modes !== null) file.changes++
    if (modes === null) this.#emit(row, 'freed', about, size)
    else if ((modes & TAKES_AWAY) !== 0) this.#emit(row, 'freed', about, offset)
    const edges = modes === null ? [size] : (modes & ZEROES) !== 0 ? [offset, offset + size] : []
    if (edges.some((at) => at % PAGE_BYTES !== 0)) this.#emit(row, 'dirtied', about, NaN)
  }

  #truncatedFile(row: Row): { file: TracedFile | null; node: NameNode | null } {
    const { batch, i, inFlight } = row
    if (batch.path[i] < 0) return inFlight.description ?? NO_FILE
    const node = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
    return { file: node?.file ?? null, node }
  }

  /** What a name led to before this call took it away. */
  #replaced(row: Row, node: NameNode | null): void {
    const file = node?.removed ? node.file : null
    if (file?.nodes.size === 0) this.#emit(row, 'freed', { file, node }, 0)
  }

  #about(row: Row, kind: DetailKind, description: Description | null, offset: number): void {
    const { file = null, node = null, origin } = description ?? {}
    if (file) this.#emit(row, kind, { file, node, origin }, offset)
  }

  /** `about`: null where the trace does not show which file. */
  #emit(row: Row, kind: DetailKind, about: About | null, offset: number): void {
    const { batch, i, task } = row
    const { activity } = this.#world
    activity.kind = kind
    activity.call = activity.via = CALLS[batch.call[i]].name
    activity.task = task
    activity.scope = about ? 'file' : 'unknown'
    const here: Origin = { rule: 'open', source: row.source, record: batch.record[i] }
    activity.targets = about ? [targetOf(this.#world, task, { ...about, origin: about.origin ?? here })] : []
    activity.bytes = 0
    activity.mapped = null
    activity.errno = null
    emitAt(this.#world, row, batch.tookNs[i], offset)
  }
}

/** The call, or the request of an ioctl, by which a program asks for space to be given back; null: by none. */
function whatGivesBack(call: string, flags: number): string | null {
  if (call === 'fallocate') return (flags & (TAKES_AWAY | ZEROES)) !== 0 ? call : null
  return call === 'ioctl' ? (DISCARDS.get(flags) ?? null) : null
}
