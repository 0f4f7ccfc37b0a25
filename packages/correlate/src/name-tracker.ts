/** Calls that change or tell names and directories → FileTree, Directories. The rules are at the top of files.ts. */
import { AT_FDCWD, CALLS, OK, flags as F } from '@flushtrace/trace'
import { describedBy } from './descriptor-tracker.ts'
import type { FileKind, NameNode } from './files.ts'
import { resolvePath, type Row, type Tracker, type World } from './world.ts'

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

  exit(row: Row): void {
    const { batch, i } = row
    if (batch.outcome[i] !== OK) return
    const { files } = this.#world
    switch (row.role) {
      case 'stat':
        this.#stat(row)
        break
      case 'cwd':
        this.#changeDirectory(row)
        break
      case 'getcwd': {
        const path = this.#text(row, batch.path[i])
        if (path?.startsWith('/')) row.task.directories.cwd = files.resolve(path, row.task.directories.root)
        break
      }
      case 'rename': {
        const from = this.#node(row, batch.path[i], batch.fd[i], batch.decoration[i])
        const to = this.#node(row, batch.path2[i], batch.fd2[i], batch.decoration2[i])
        if (!from || !to) break
        if ((batch.flags[i] & F.RENAME_EXCHANGE) !== 0) files.exchange(from, to)
        else files.rename(from, to)
        break
      }
      case 'link':
        this.#link(row)
        break
      case 'unlink': {
        const node = this.#node(row, batch.path[i], batch.fd[i], batch.decoration[i])
        if (node) files.unlink(node)
        break
      }
      default:
        break
    }
  }

  #stat(row: Row): void {
    const { batch, i } = row
    // newfstatat(3, "", …, AT_EMPTY_PATH) is fstat; with a path it tells of a file that may never be opened.
    const path = this.#text(row, batch.path[i])
    if (path !== null && path !== '') return
    const file = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])?.file
    if (!file) return
    const kind = CALLS[batch.call[i]].name.startsWith('getdents') ? 'directory' : KINDS[batch.flags2[i] & F.S_IFMT]
    if (kind && file.kind !== 'memory') file.kind = kind === 'regular' && file.kind ? file.kind : kind
    const extra = batch.extra[i]
    if (extra?.kind === 'stat') {
      file.inode = extra.inode
      if (file.kind !== 'block') file.device = extra.device
    }
  }

  #changeDirectory(row: Row): void {
    const { batch, i, task } = row
    const call = CALLS[batch.call[i]].name
    const description = call === 'fchdir' ? describedBy(this.#world, row, batch.fd[i], batch.decoration[i]) : null
    const node = description ? description.node : this.#node(row, batch.path[i], AT_FDCWD, -1)
    // A directory that is not known makes relative paths unknown, not wrong.
    const directory = node ?? this.#world.files.unknownDirectory()
    if (call === 'chroot') task.directories.root = directory
    else task.directories.cwd = directory
  }

  #link(row: Row): void {
    const { batch, i } = row
    const { files } = this.#world
    const path = this.#text(row, batch.path[i])
    const to = this.#node(row, batch.path2[i], batch.fd2[i], batch.decoration2[i])
    if (path === null || !to) return
    // linkat(fd, "", …, AT_EMPTY_PATH), or through /proc/self/fd: how an O_TMPFILE gets its name.
    const proc = /^\/proc\/(?:self|thread-self|\d+)\/fd\/(\d+)$/.exec(path)
    if (path === '' || proc) {
      const file = describedBy(this.#world, row, proc ? Number(proc[1]) : batch.fd[i], -1)?.file
      if (file) files.place(to, file)
      return
    }
    const from = this.#node(row, batch.path[i], batch.fd[i], batch.decoration[i])
    if (from) files.place(to, files.fileAt(from))
  }

  #text(row: Row, id: number): string | null {
    return row.batch.strings.textOrNull(id)
  }

  #node(row: Row, pathId: number, dirfd: number, decoration: number): NameNode | null {
    const path = this.#text(row, pathId)
    return path === null ? null : resolvePath(this.#world, row, path, dirfd, decoration)
  }
}
