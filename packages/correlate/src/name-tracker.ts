/** Calls that change or tell names and directories → FileTree, Directories. The rules are at the top of files.ts. */
import { AT_FDCWD, CALLS, OK, flags as F } from '@flushtrace/trace'
import { describedBy } from './decorations.ts'
import type { FileKind, NameNode } from './files.ts'
import { isRaced, nodeOfPath, startOfPath } from './paths.ts'
import type { Row, Tracker, World } from './world.ts'

const KINDS: Readonly<Record<number, FileKind>> = {
  [F.S_IFREG]: 'regular',
  [F.S_IFDIR]: 'directory',
  [F.S_IFBLK]: 'block',
  [F.S_IFCHR]: 'other',
}

export class NameTracker implements Tracker {
  readonly roles = ['stat', 'cwd', 'getcwd', 'rename', 'link', 'unlink', 'truncate'] as const
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, inFlight } = row
    const world = this.#world
    const call = CALLS[batch.call[i]].name
    switch (row.role) {
      case 'stat':
        // newfstatat(3, "", …, AT_EMPTY_PATH) is fstat; with a path it tells of a file that may never be opened.
        if (!this.#text(row, batch.path[i])) {
          inFlight.description = describedBy(world, row, batch.fd[i], batch.decoration[i])
        }
        break
      case 'cwd':
        if (call === 'fchdir') inFlight.start = startOfPath(world, row, batch.fd[i], batch.decoration[i])
        else inFlight.start = startOfPath(world, row, AT_FDCWD, -1)
        break
      case 'link': {
        const fd = fdOfLink(this.#text(row, batch.path[i]), batch.fd[i])
        if (fd === null) inFlight.start = startOfPath(world, row, batch.fd[i], batch.decoration[i])
        else inFlight.description = describedBy(world, row, fd, fd === batch.fd[i] ? batch.decoration[i] : -1)
        if (fd === null) inFlight.node = nodeOfPath(world, row, batch.path[i], inFlight.start)
        inFlight.start2 = startOfPath(world, row, batch.fd2[i], batch.decoration2[i])
        inFlight.node2 = nodeOfPath(world, row, batch.path2[i], inFlight.start2)
        world.naming.add(row.task)
        break
      }
      case 'rename':
        inFlight.start2 = startOfPath(world, row, batch.fd2[i], batch.decoration2[i])
        inFlight.start = startOfPath(world, row, batch.fd[i], batch.decoration[i])
        inFlight.node = nodeOfPath(world, row, batch.path[i], inFlight.start)
        inFlight.node2 = nodeOfPath(world, row, batch.path2[i], inFlight.start2)
        world.naming.add(row.task)
        break
      case 'unlink':
        inFlight.start = startOfPath(world, row, batch.fd[i], batch.decoration[i])
        inFlight.node = nodeOfPath(world, row, batch.path[i], inFlight.start)
        world.naming.add(row.task)
        break
      default:
        break
    }
  }

  exit(row: Row): void {
    const { batch, i, inFlight, task } = row
    const world = this.#world
    world.naming.delete(task)
    if (batch.outcome[i] !== OK) return
    const { files } = world
    switch (row.role) {
      case 'stat':
        this.#stat(row)
        break
      case 'cwd': {
        const call = CALLS[batch.call[i]].name
        const node = call === 'fchdir' ? inFlight.start : nodeOfPath(world, row, batch.path[i], inFlight.start)
        // A directory that is not known makes relative paths unknown, not wrong.
        const directory = node ?? files.unknownDirectory()
        if (call === 'chroot') task.directories.root = directory
        else task.directories.cwd = directory
        break
      }
      case 'getcwd': {
        const path = this.#text(row, batch.path[i])
        const { root } = task.directories
        if (path?.startsWith('/')) task.directories.cwd = files.resolve(path, root, root)
        break
      }
      case 'rename':
        this.#rename(row)
        break
      case 'link':
        this.#link(row)
        break
      case 'unlink': {
        const node = nodeOfPath(world, row, batch.path[i], inFlight.start)
        markRaced(world, row, [node])
        // Another line said already that it is gone; what has the name now is the next file.
        if (inFlight.node?.removed) break
        const directory = CALLS[batch.call[i]].name === 'rmdir' || (batch.flags[i] & F.AT_REMOVEDIR) !== 0
        if (node && directory) files.removeDirectory(node)
        else if (node) files.unlink(node)
        break
      }
      default:
        break
    }
  }

  #stat(row: Row): void {
    const { batch, i } = row
    const file = row.inFlight.description?.file
    if (!file) return
    const kind = CALLS[batch.call[i]].name.startsWith('getdents') ? 'directory' : KINDS[batch.flags2[i] & F.S_IFMT]
    // A regular file may be known to live in memory, which its mode does not tell.
    if (kind && file.kind !== 'memory') file.kind = kind === 'regular' && file.kind ? file.kind : kind
    const extra = batch.extra[i]
    if (extra?.kind === 'stat') {
      file.inode = extra.inode
      if (file.kind !== 'block') file.device = extra.device
    }
  }

  #rename(row: Row): void {
    const { batch, i, inFlight } = row
    const { files } = this.#world
    const to = nodeOfPath(this.#world, row, batch.path2[i], inFlight.start2)
    // Another line said already that it has the new name.
    if (!to || inFlight.node === to) return
    const from = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
    if (!from) return
    markRaced(this.#world, row, [from, to])
    if ((batch.flags[i] & F.RENAME_EXCHANGE) !== 0) files.exchange(from, to)
    else files.rename(from, to)
  }

  #link(row: Row): void {
    const { batch, i, inFlight } = row
    const { files } = this.#world
    const to = nodeOfPath(this.#world, row, batch.path2[i], inFlight.start2)
    if (!to) return
    if (fdOfLink(this.#text(row, batch.path[i]), batch.fd[i]) !== null) {
      if (inFlight.description?.file) files.place(to, inFlight.description.file)
      return
    }
    const from: NameNode | null = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
    if (from) files.place(to, files.fileAt(from))
  }

  #text(row: Row, id: number): string | null {
    return row.batch.strings.textOrNull(id)
  }
}

function markRaced(world: World, row: Row, now: readonly (NameNode | null)[]): void {
  if (!isRaced(world, row, now)) return
  for (const node of [...now, row.inFlight.node, row.inFlight.node2]) if (node?.file) node.file.raced = true
}

/** linkat(fd, "", …, AT_EMPTY_PATH), or through /proc/self/fd: how an O_TMPFILE gets its name. */
function fdOfLink(path: string | null, fd: number): number | null {
  if (path === '') return fd
  const proc = /^\/proc\/(?:self|thread-self|\d+)\/fd\/(\d+)$/.exec(path ?? '')
  return proc ? Number(proc[1]) : null
}
