/** Calls that make, copy, pass and close descriptors → FdTable. The rules are at the top of descriptors.ts. */
import { CALLS, INJECTED, OK, flags as F, type FdName, type FdRef } from '@flushtrace/trace'
import { describe, type Description, type Origin, type SentDescriptors, type SyncMode } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { TracedFile, type NameNode } from './files.ts'
import type { Task } from './processes.ts'
import { report, resolvePath, type Row, type Tracker, type World } from './world.ts'

/** Calls whose descriptor is none of a stored file → what it is called here. */
const LABELS: Readonly<Record<string, string>> = {
  socket: 'socket',
  accept: 'socket',
  accept4: 'socket',
  socketpair: 'socket',
  pipe: 'pipe',
  pipe2: 'pipe',
  io_uring_setup: 'io_uring',
}

export class DescriptorTracker implements Tracker {
  readonly roles = ['open', 'newFd', 'pair', 'close', 'closeRange', 'dup', 'fcntl', 'sendFds', 'receiveFds'] as const
  readonly #world: World
  /** Messages sent to a socket whose other end is not known, oldest first. */
  readonly #inTransit: Description[][] = []

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, task, inFlight } = row
    switch (row.role) {
      case 'close':
        inFlight.closed = task.fds.entry(batch.fd[i])
        task.fds.close(batch.fd[i])
        break
      case 'dup':
      case 'fcntl':
      case 'sendFds':
      case 'receiveFds':
        inFlight.description = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])
        // The message is there before sendmsg returns: its receiver may end first.
        if (row.role === 'sendFds') inFlight.sent = this.#send(row)
        break
      default:
        break
    }
  }

  exit(row: Row): void {
    const { batch, i, inFlight } = row
    const outcome = batch.outcome[i]
    if (row.role === 'close' && outcome === INJECTED && inFlight.closed) {
      this.#set(row, batch.fd[i], inFlight.closed.description, inFlight.closed.closeOnExec)
    }
    if (row.role === 'sendFds' && outcome !== OK && inFlight.sent) this.#takeBack(inFlight.sent)
    if (outcome !== OK) return
    switch (row.role) {
      case 'open':
        this.#open(row)
        break
      case 'newFd':
        this.#newFd(row)
        break
      case 'pair':
        this.#pair(row)
        break
      case 'closeRange':
        this.#closeRange(row)
        break
      case 'dup':
        if (CALLS[batch.call[i]].name === 'dup2' && batch.fd[i] === batch.fd2[i]) break
        this.#setOrForget(row, batch.result[i], inFlight.description, (batch.flags[i] & F.O_CLOEXEC) !== 0)
        break
      case 'fcntl':
        this.#fcntl(row)
        break
      case 'receiveFds':
        this.#receive(row)
        break
      default:
        break
    }
  }

  #open(row: Row): void {
    const { batch, i } = row
    const world = this.#world
    const fd = batch.result[i]
    const flags = CALLS[batch.call[i]].name === 'creat' ? F.O_CREAT | F.O_WRONLY | F.O_TRUNC : batch.flags[i]
    const path = batch.strings.textOrNull(batch.path[i])
    const said = nameAt(row, batch.decorationResult[i])
    const origin: Origin = { rule: 'open', source: row.source, record: batch.record[i] }
    const sync = syncMode(flags)
    const closeOnExec = (flags & F.O_CLOEXEC) !== 0
    if (said && said.kind !== 'path' && said.kind !== 'device') {
      this.#set(row, fd, saidDescription(world, said, sync, origin), closeOnExec)
      return
    }
    const byPath = path === null ? null : resolvePath(world, row, path, batch.fd[i], batch.decoration[i])
    // What the trace says is opened is the file behind symbolic links; the argument is only a way to it.
    const node = said && said.deleted !== true ? world.files.resolve(said.text, world.files.root) : byPath
    let file: TracedFile
    if ((flags & F.O_TMPFILE) === F.O_TMPFILE) {
      file = new TracedFile(said ? said.text : `${byPath ? world.files.fileAt(byPath).lastPath : '?'}/#unnamed`)
      file.unnamed = true
      file.deleted = true
      file.kind = 'regular'
    } else if (said?.deleted === true) {
      file = new TracedFile(said.text)
      file.deleted = true
    } else if (node) {
      file = world.files.fileAt(node)
    } else {
      file = new TracedFile(path ?? '?')
    }
    if (said) learnDevice(file, said)
    if ((flags & F.O_DIRECTORY) !== 0 && (flags & F.O_TMPFILE) !== F.O_TMPFILE) file.kind = 'directory'
    else if ((flags & (F.O_CREAT | F.O_WRONLY | F.O_RDWR)) !== 0 && file.kind === null) file.kind = guessKind(file)
    this.#set(row, fd, describe(file, '', sync, origin, node), closeOnExec)
  }

  #newFd(row: Row): void {
    const { batch, i, task } = row
    const world = this.#world
    const call = CALLS[batch.call[i]].name
    const fd = batch.result[i]
    const origin: Origin = { rule: 'made', source: row.source, record: batch.record[i] }
    const closeOnExec = (batch.flags[i] & F.O_CLOEXEC) !== 0 || call.startsWith('pidfd') || call === 'io_uring_setup'
    if (call === 'memfd_create') {
      const file = new TracedFile(`/memfd:${batch.strings.textOrNull(batch.path[i]) ?? ''}`)
      file.kind = 'memory'
      // It never had a name in any directory: the kernel calls it deleted.
      file.deleted = true
      this.#set(row, fd, describe(file, '', 'none', origin), closeOnExec)
      return
    }
    if (call === 'pidfd_getfd') {
      const pidfd = describedBy(world, row, batch.fd2[i], batch.decoration2[i])
      const other = pidfd && pidfd.pid > 0 ? world.tasks.get(pidfd.pid) : undefined
      this.#setOrForget(row, fd, other?.fds.get(batch.size[i]) ?? null, true)
      return
    }
    if (call === 'io_uring_setup') task.process.uring ??= { operations: 0, unknown: false }
    const description = describe(null, LABELS[call] ?? call.replace(/[0-9]|_create|_init|_open/g, ''), 'none', origin)
    if (call === 'pidfd_open') description.pid = batch.size[i]
    this.#set(row, fd, description, closeOnExec)
  }

  #pair(row: Row): void {
    const { batch, i } = row
    const extra = batch.extra[i]
    if (extra?.kind !== 'fds') return
    const call = CALLS[batch.call[i]].name
    const origin: Origin = { rule: 'made', source: row.source, record: batch.record[i] }
    const ends = extra.fds.map((ref) => {
      const description = describe(null, LABELS[call], 'none', origin)
      this.#set(row, ref.fd, description, (batch.flags[i] & F.O_CLOEXEC) !== 0)
      return description
    })
    if (call === 'socketpair' && ends.length === 2) {
      ends[0].peer = ends[1]
      ends[1].peer = ends[0]
    }
  }

  #closeRange(row: Row): void {
    const { batch, i, task } = row
    if ((batch.flags[i] & F.CLOSE_RANGE_UNSHARE) !== 0) task.fds = task.fds.copy()
    if ((batch.flags[i] & F.CLOSE_RANGE_CLOEXEC) !== 0) task.fds.markRange(batch.fd[i], batch.fd2[i])
    else task.fds.closeRange(batch.fd[i], batch.fd2[i])
  }

  #fcntl(row: Row): void {
    const { batch, i, task, inFlight } = row
    switch (batch.flags[i]) {
      case F.F_DUPFD:
      case F.F_DUPFD_CLOEXEC:
        this.#setOrForget(row, batch.result[i], inFlight.description, batch.flags[i] === F.F_DUPFD_CLOEXEC)
        break
      case F.F_SETFD:
        task.fds.setCloseOnExec(batch.fd[i], (batch.flags2[i] & F.FD_CLOEXEC) !== 0)
        break
      default:
        break
    }
  }

  #send(row: Row): SentDescriptors | null {
    const extra = row.batch.extra[row.i]
    if (extra?.kind !== 'fds') return null
    const sent: Description[] = []
    for (const ref of extra.fds) {
      const description = describedByRef(this.#world, row, ref)
      if (!description) return null
      sent.push(description)
    }
    const socket = row.inFlight.description
    const queue = socket?.peer ? (socket.peer.inbox ??= []) : this.#inTransit
    queue.push(sent)
    // A message that nobody in the trace receives must not stay for ever.
    if (queue.length > 1024) queue.shift()
    return { queue, sent }
  }

  #takeBack({ queue, sent }: SentDescriptors): void {
    const at = queue.indexOf(sent)
    if (at >= 0) queue.splice(at, 1)
  }

  #receive(row: Row): void {
    const { batch, i, inFlight } = row
    const extra = batch.extra[i]
    if (extra?.kind !== 'fds') return
    const closeOnExec = (batch.flags[i] & F.MSG_CMSG_CLOEXEC) !== 0
    const origin: Origin = { rule: 'passed', source: row.source, record: batch.record[i] }
    const own = inFlight.description?.inbox?.shift()
    let inferred: Description[] | undefined
    if (!own) {
      const fitting = this.#inTransit.filter((message) => message.length === extra.fds.length)
      if (fitting.length === 1) {
        inferred = fitting[0]
        this.#inTransit.splice(this.#inTransit.indexOf(inferred), 1)
      }
    }
    extra.fds.forEach((ref, k) => {
      if (own?.[k]) this.#set(row, ref.fd, own[k], closeOnExec)
      else if (inferred && !ref.name) {
        report(this.#world, CORRELATE.inferredPass, row, '')
        const guess = { ...inferred[k], origin: { ...origin, rule: 'passed-inferred' as const } }
        this.#set(row, ref.fd, guess, closeOnExec)
      } else if (ref.name) {
        this.#set(row, ref.fd, inferred?.[k] ?? saidDescription(this.#world, ref.name, 'unknown', origin), closeOnExec)
      } else row.task.fds.close(ref.fd)
    })
  }

  /** A copy of a descriptor that is not known is not known either; the number's old meaning is gone. */
  #setOrForget(row: Row, fd: number, description: Description | null, closeOnExec: boolean): void {
    const said = nameAt(row, row.batch.decorationResult[row.i])
    const origin: Origin = { rule: 'decoration', source: row.source, record: row.batch.record[row.i] }
    const made = description ?? (said ? saidDescription(this.#world, said, 'unknown', origin) : null)
    if (made) this.#set(row, fd, made, closeOnExec)
    else row.task.fds.close(fd)
  }

  #set(row: Row, fd: number, description: Description, closeOnExec: boolean): void {
    if (!(fd >= 0)) return
    if (!row.task.fds.set(fd, description, closeOnExec)) {
      report(this.#world, CORRELATE.tooManyDescriptors, row, taskLabel(row.task))
    }
  }
}

export function taskLabel(task: Task): string {
  const { pid, name } = task.process
  return `${name ?? 'process'} [${pid ?? '?'}]`
}

export function syncMode(flags: number): SyncMode {
  if ((flags & F.O_ACCMODE) === 0) return 'none'
  if ((flags & F.O_SYNC) === F.O_SYNC) return 'full'
  return (flags & F.O_DSYNC) !== 0 ? 'data' : 'none'
}

function nameAt(row: Row, index: number): FdName | null {
  return index >= 0 ? row.batch.names[index] : null
}

/**
 * The description behind descriptor `fd` at this moment. What the trace says (a decoration) is believed; where it
 * differs from what the calls before led to, that is reported and the state mended.
 */
export function describedBy(world: World, row: Row, fd: number, decoration: number): Description | null {
  const known = row.task.fds.get(fd)
  const said = nameAt(row, decoration)
  if (!said || fd < 0) return known
  return believe(world, row, fd, known, said)
}

export function describedByRef(world: World, row: Row, ref: FdRef): Description | null {
  const known = row.task.fds.get(ref.fd)
  return ref.name && ref.fd >= 0 ? believe(world, row, ref.fd, known, ref.name) : known
}

function believe(world: World, row: Row, fd: number, known: Description | null, said: FdName): Description {
  const file = known?.file
  const named = said.kind === 'path' || said.kind === 'device' || said.kind === 'memory'
  if (known && !named) {
    if (!file) return known
  } else if (known && file) {
    if (agrees(file, said)) {
      learnDevice(file, said)
      return known
    }
    if (said.kind !== 'memory') {
      const path = plainText(said, file)
      const deleted = path.deleted
      const node = deleted ? null : world.files.resolve(path.text, world.files.root)
      // The same path in another state, or a name nobody else has: renamed or deleted by somebody who is not traced.
      if (!node || !node.file || node.file === file || path.text === file.lastPath) {
        if (file.lastPath !== path.text || file.deleted !== deleted) {
          report(world, CORRELATE.disagreement, row, `${file.lastPath} is ${said.text}`)
        }
        rename(world, file, path.text, node)
        learnDevice(file, said)
        return known
      }
    }
    report(world, CORRELATE.disagreement, row, `descriptor ${fd} was ${file.lastPath} and is ${said.text}`)
  }
  const origin: Origin = { rule: 'decoration', source: row.source, record: row.batch.record[row.i] }
  const description = saidDescription(world, said, 'unknown', origin)
  row.task.fds.set(fd, description, false)
  return description
}

function agrees(file: TracedFile, said: FdName): boolean {
  if (file.unnamed) return true
  if (file.kind === 'memory') return said.kind === 'memory'
  if (file.lastPath === said.text) return said.deleted === 'maybe' ? !file.deleted : file.deleted === said.deleted
  return said.deleted === 'maybe' && file.deleted && `${file.lastPath} (deleted)` === said.text
}

/** Up to 5.18 ` (deleted)` inside is the tracer's mark, unless a live file of that very name is known. */
function plainText(said: FdName, file: TracedFile | null): { text: string; deleted: boolean } {
  if (said.deleted !== 'maybe') return { text: said.text, deleted: said.deleted }
  if (file && file.lastPath === said.text) return { text: said.text, deleted: false }
  return { text: said.text.slice(0, -' (deleted)'.length), deleted: true }
}

function rename(world: World, file: TracedFile, path: string, node: NameNode | null): void {
  if (node) {
    for (const old of file.nodes) if (old !== node) world.files.unlink(old)
    world.files.place(node, file)
    return
  }
  for (const old of file.nodes) world.files.unlink(old)
  file.lastPath = path
  file.deleted = true
  file.renamed()
}

/** A description made from what the trace says, for a descriptor that no call before led to. */
function saidDescription(world: World, said: FdName, sync: SyncMode, origin: Origin): Description {
  if (said.kind === 'socket' || said.kind === 'pipe' || said.kind === 'anon') {
    return describe(null, said.kind, 'none', origin)
  }
  const { text, deleted } = plainText(said, null)
  if (said.kind === 'memory') {
    const file = new TracedFile(text)
    file.kind = 'memory'
    file.deleted = true
    return describe(file, '', 'none', origin)
  }
  const node = deleted ? null : world.files.resolve(text, world.files.root)
  const file = node ? world.files.fileAt(node) : new TracedFile(text)
  if (deleted) file.deleted = true
  learnDevice(file, said)
  return describe(file, '', sync, origin, node)
}

function learnDevice(file: TracedFile, said: FdName): void {
  if (said.kind === 'device') {
    file.kind = said.block ? 'block' : 'other'
    file.device = said.device
  } else if (file.kind === null) file.kind = guessKind(file)
}

/** By where it stands: null where that tells nothing. */
function guessKind(file: TracedFile): TracedFile['kind'] {
  if (/^\/(?:proc|sys|dev)(?:\/|$)/.test(file.lastPath))
    return file.lastPath.startsWith('/dev/shm/') ? 'memory' : 'other'
  return null
}
