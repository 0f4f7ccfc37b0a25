/** Calls that make, copy, pass and close descriptors → FdTable. The rules are at the top of descriptors.ts. */
import { CALLS, INJECTED, OK, UNKNOWN, flags as F, type FdName, type FdRef } from '@flushtrace/trace'
import {
  describedBy,
  describedByRef,
  guessKind,
  isUnnamed,
  learnDevice,
  nameAt,
  saidDescription,
} from './decorations.ts'
import { UNSHOWN, describe, syncMode, type Description, type Origin, type SentDescriptors } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { TracedFile, pathOf, type NameNode } from './files.ts'
import { isRaced, nodeOfPath, startOfPath, staysInside } from './paths.ts'
import { taskLabel } from './processes.ts'
import { Transit, messagesOf, takeBack, takeMessage } from './transit.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

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

/** Together, they say that the open made the file. */
const MAKES = F.O_CREAT | F.O_EXCL

/** By index in CALLS: what a descriptor that the call makes is called. */
const MADE = CALLS.map(({ name }) => LABELS[name] ?? name.replace(/[0-9]|_create|_init|_open/g, ''))

/** /proc/self/fd/N, /proc/PID/fd/N, /dev/fd/N, /dev/stdin … */
const FD_PATH = /^(?:\/(?:proc\/(?:self|thread-self|(?<pid>\d+))|dev)\/fd\/(?<fd>\d+)|\/dev\/std(?<name>in|out|err))$/
const STANDARD = ['in', 'out', 'err']

/** `raced`: another task changed the name while the call was under way: it may be another file. */
interface FileOpened {
  readonly file: TracedFile
  readonly node: NameNode | null
  readonly raced: boolean
}

export class DescriptorTracker implements Tracker {
  readonly roles = [
    'open',
    'newFd',
    'pair',
    'close',
    'closeRange',
    'dup',
    'fcntl',
    'ioctl',
    'sendFds',
    'receiveFds',
  ] as const
  readonly #world: World
  readonly #transit = new Transit()

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, task, inFlight } = row
    switch (row.role) {
      case 'open':
        inFlight.start = startOfPath(this.#world, row, batch.fd[i], batch.decoration[i])
        inFlight.node = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
        break
      case 'close': {
        if (this.#world.order === 'starts') task.fds.claim(batch.fd[i], task)
        const entry = task.fds.entry(batch.fd[i])
        if (entry) inFlight.closed = [[batch.fd[i], entry]]
        task.fds.close(batch.fd[i])
        break
      }
      case 'closeRange':
        if ((batch.flags[i] & F.CLOSE_RANGE_CLOEXEC) !== 0) break
        if ((batch.flags[i] & F.CLOSE_RANGE_UNSHARE) !== 0) task.fds = task.fds.copy()
        inFlight.closed = task.fds.closeRange(batch.fd[i], batch.fd2[i])
        break
      case 'dup':
      case 'fcntl':
      case 'ioctl':
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
    const { batch, i, task, inFlight } = row
    const outcome = batch.outcome[i]
    // close() frees the number even when it returns an error; close_range() that fails has done nothing.
    const undone = outcome === INJECTED || (row.role === 'closeRange' && outcome !== OK && outcome !== UNKNOWN)
    if (undone) {
      for (const [fd, { description, closeOnExec }] of inFlight.closed ?? []) {
        this.#set(row, fd, description, closeOnExec)
      }
    }
    if (row.role === 'sendFds') this.#takeBackUnsent(row)
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
        this.#markRange(row)
        break
      case 'dup':
        if (CALLS[batch.call[i]].name === 'dup2' && batch.fd[i] === batch.fd2[i]) break
        this.#setOrForget(
          row,
          batch.result[i],
          inFlight.description,
          (batch.flags[i] & F.O_CLOEXEC) !== 0,
          CALLS[batch.call[i]].name !== 'dup',
        )
        break
      case 'fcntl':
        this.#fcntl(row)
        break
      case 'ioctl':
        // Whatever the descriptor is of (torvalds/linux fs/ioctl.c do_vfs_ioctl()).
        if (batch.flags[i] === F.FIOCLEX) task.fds.setCloseOnExec(batch.fd[i], true)
        else if (batch.flags[i] === F.FIONCLEX) task.fds.setCloseOnExec(batch.fd[i], false)
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
    const call = CALLS[batch.call[i]].name
    const path = batch.strings.textOrNull(batch.path[i])
    // The start of the call is not in the trace, or its struct is an address: neither are its flags.
    const shown = call === 'creat' || (!Number.isNaN(batch.flags[i]) && (path !== null || batch.flags[i] > 0))
    const flags = call === 'creat' ? F.O_CREAT | F.O_WRONLY | F.O_TRUNC : batch.flags[i]
    const said = nameAt(row, batch.decorationResult[i])
    const origin: Origin = { rule: shown ? 'open' : 'decoration', source: row.source, record: batch.record[i] }
    const sync = shown ? syncMode(flags) : 'unknown'
    const closeOnExec = (flags & F.O_CLOEXEC) !== 0
    if (said && said.kind !== 'path' && said.kind !== 'device') {
      this.#give(row, fd, saidDescription(world, said, sync, origin), closeOnExec)
      return
    }
    if (path === null) {
      if (said) this.#give(row, fd, saidDescription(world, said, sync, origin), closeOnExec)
      else if (shown) this.#give(row, fd, describe(null, UNSHOWN, sync, origin), closeOnExec)
      else row.task.fds.forget(fd)
      return
    }
    const again = said || staysInside(row) ? null : FD_PATH.exec(path)?.groups
    if (again) {
      // Opening /dev/fd/5 opens the file anew that descriptor 5 leads to.
      const task = again.pid ? world.tasks.get(Number(again.pid)) : row.task
      const other = task?.fds.get(Number(again.fd ?? STANDARD.indexOf(again.name)))
      const { file, label, node } = other ?? { file: null, label: UNSHOWN, node: null }
      this.#give(row, fd, describe(file, label, sync, origin, node), closeOnExec)
      return
    }
    const { file, node, raced } = this.#fileOpened(row, path, said, flags)
    const unnamed = isTemporary(flags)
    if ((flags & F.O_DIRECTORY) !== 0 && !unnamed) file.kind = 'directory'
    else if ((flags & (F.O_CREAT | F.O_WRONLY | F.O_RDWR)) !== 0 && file.kind === null) file.kind = guessKind(file)
    if (unnamed || (flags & F.O_TRUNC) !== 0 || (flags & MAKES) === MAKES) file.begun = true
    const description = describe(file, '', sync, raced ? { ...origin, rule: 'raced' } : origin, node)
    description.direct = (flags & F.O_DIRECT) !== 0
    this.#give(row, fd, description, closeOnExec)
  }

  /** `said`: the name that the trace has for the descriptor; it is believed. `node` null: the file has no name, or lost it. */
  #fileOpened(row: Row, path: string, said: FdName | null, flags: number): FileOpened {
    const { files } = this.#world
    const byPath = this.#nodeOpened(row, flags)
    if (isTemporary(flags)) {
      // sysdig says the directory it is in.
      const told = said && isUnnamed(said.text)
      const directory = byPath ? pathOf(byPath) : '?'
      const file = new TracedFile(told ? said.text.replace(/ \(deleted\)$/, '') : `${directory}/#unnamed`)
      file.unnamed = true
      file.deleted = true
      file.kind = 'regular'
      return { file, node: null, raced: false }
    }
    if (!said) {
      const node = byPath as NameNode
      return { file: files.fileAt(node), node, raced: isRaced(this.#world, row, [node]) }
    }
    let node: NameNode | null = null
    let file: TracedFile
    // The name of a live file may end in ` (deleted)`: then the path that was opened ends so, too.
    const live = said.deleted === false || (said.deleted === 'maybe' && path.endsWith(' (deleted)'))
    if (live) {
      node = files.resolve(said.text, files.root)
      if (node !== byPath) node = this.#fresh(node, flags)
      file = files.fileAt(node)
    } else if (byPath?.removed && byPath.file) {
      node = byPath
      file = byPath.file
    } else {
      file = new TracedFile(said.deleted === 'maybe' ? said.text.slice(0, -' (deleted)'.length) : said.text)
      file.deleted = true
    }
    learnDevice(file, said)
    return { file, node, raced: false }
  }

  /** The node at the path that was opened: other tasks may have renamed or removed it between entry and exit. */
  #nodeOpened(row: Row, flags: number): NameNode | null {
    const { batch, i, inFlight } = row
    const { node } = inFlight
    const now = nodeOfPath(this.#world, row, batch.path[i], inFlight.start)
    // Nothing new is there, and the call makes nothing: it came before the change.
    if (node?.file && now && node !== now && !now.file && (flags & F.O_CREAT) === 0) return node
    return now && this.#fresh(now, flags)
  }

  /** O_EXCL made a new file: what was known of the name is gone, by a call that the trace does not show. */
  #fresh(node: NameNode, flags: number): NameNode {
    if ((flags & F.O_EXCL) === 0 || (flags & F.O_CREAT) === 0 || !node.file) return node
    return this.#world.files.place(node, new TracedFile(pathOf(node)))
  }

  #newFd(row: Row): void {
    const { batch, i, task } = row
    const world = this.#world
    const call = CALLS[batch.call[i]].name
    const fd = batch.result[i]
    const origin: Origin = { rule: 'made', source: row.source, record: batch.record[i] }
    const closeOnExec = (batch.flags[i] & F.O_CLOEXEC) !== 0 || call.startsWith('pidfd') || call === 'io_uring_setup'
    if (call === 'memfd_create') {
      const said = nameAt(row, batch.decorationResult[i])?.text
      const file = new TracedFile(said ?? `/memfd:${batch.strings.textOrNull(batch.path[i]) ?? ''}`)
      file.kind = 'memory'
      // It never had a name in any directory: the kernel calls it deleted.
      file.deleted = true
      this.#give(row, fd, describe(file, '', 'none', origin), closeOnExec)
      return
    }
    if (call === 'pidfd_getfd') {
      const pidfd = describedBy(world, row, batch.fd2[i], batch.decoration2[i])
      const other = pidfd && pidfd.pid > 0 ? world.tasks.get(pidfd.pid) : undefined
      this.#setOrForget(row, fd, other?.fds.get(batch.size[i]) ?? null, true)
      return
    }
    if (call === 'io_uring_setup') task.process.uring ??= { operations: 0, unknown: false }
    const description = describe(null, MADE[batch.call[i]], 'none', origin)
    if (call === 'pidfd_open') description.pid = batch.size[i]
    this.#give(row, fd, description, closeOnExec)
  }

  #pair(row: Row): void {
    const { batch, i } = row
    const extra = batch.extra[i]
    if (extra?.kind !== 'fds') return
    const call = CALLS[batch.call[i]].name
    const origin: Origin = { rule: 'made', source: row.source, record: batch.record[i] }
    const ends = extra.fds.map((ref) => {
      const description = describe(null, LABELS[call], 'none', origin)
      this.#give(row, ref.fd, description, (batch.flags[i] & F.O_CLOEXEC) !== 0)
      return description
    })
    if (call === 'socketpair' && ends.length === 2) {
      ends[0].peer = ends[1]
      ends[1].peer = ends[0]
    }
  }

  #markRange(row: Row): void {
    const { batch, i, task } = row
    if ((batch.flags[i] & F.CLOSE_RANGE_CLOEXEC) === 0) return
    if ((batch.flags[i] & F.CLOSE_RANGE_UNSHARE) !== 0) task.fds = task.fds.copy()
    task.fds.markRange(batch.fd[i], batch.fd2[i])
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
      case F.F_SETFL:
        if (inFlight.description) inFlight.description.direct = false
        break
      default:
        break
    }
  }

  /** null: nothing is shown. Of sendmmsg each message with descriptors, null for one without. */
  #send(row: Row): (SentDescriptors | null)[] | null {
    const extra = row.batch.extra[row.i]
    if (extra?.kind !== 'fds') return null
    return messagesOf(extra).map((refs) => {
      const sent = refs.map((ref) => describedByRef(this.#world, row, ref))
      return sent.length > 0 ? this.#transit.send(row.inFlight.description, sent) : null
    })
  }

  /** Messages that were not sent come to nobody: of a sendmmsg the last ones. */
  #takeBackUnsent({ batch, i, inFlight: { sent } }: Row): void {
    if (!sent) return
    const done = batch.outcome[i] !== OK ? 0 : sent.length > 1 ? batch.result[i] : 1
    for (const message of sent.slice(done)) if (message) takeBack(message)
  }

  #receive(row: Row): void {
    const extra = row.batch.extra[row.i]
    if (extra?.kind !== 'fds') return
    for (const refs of messagesOf(extra)) if (refs.length > 0) this.#receiveMessage(row, refs)
  }

  #receiveMessage(row: Row, refs: readonly FdRef[]): void {
    const { batch, i, inFlight } = row
    const closeOnExec = (batch.flags[i] & F.MSG_CMSG_CLOEXEC) !== 0
    const origin: Origin = { rule: 'passed', source: row.source, record: batch.record[i] }
    // A message that was only looked at comes again; its descriptors came already.
    const stays = (batch.flags[i] & F.MSG_PEEK) !== 0
    const own = takeMessage(inFlight.description?.inbox ?? [], refs.length, stays)
    const inferred = own ? null : this.#transit.find(refs, stays)
    refs.forEach((ref, k) => {
      const sent = (own ?? inferred)?.[k] ?? null
      if (own && sent) this.#give(row, ref.fd, sent, closeOnExec)
      else if (sent) {
        if (!ref.name) report(this.#world, CORRELATE.inferredPass, row, '')
        // The same description: what the trace says elsewhere of one number of it is true of all.
        const guess = ref.name ? sent : { ...sent, origin: { ...origin, rule: 'passed-inferred' as const } }
        this.#give(row, ref.fd, guess, closeOnExec)
      } else if (ref.name) {
        this.#give(row, ref.fd, saidDescription(this.#world, ref.name, 'unknown', origin), closeOnExec)
      } else row.task.fds.forget(ref.fd)
      if (ref.name) describedByRef(this.#world, row, ref)
    })
  }

  /** A copy of a descriptor that is not known is not known either; the number's old meaning is gone. */
  #setOrForget(
    row: Row,
    fd: number,
    description: Description | null,
    closeOnExec: boolean,
    chosen = false, // dup2 names the number, and closes what it was
  ): void {
    const said = nameAt(row, row.batch.decorationResult[row.i])
    const origin: Origin = { rule: 'decoration', source: row.source, record: row.batch.record[row.i] }
    const made = description ?? (said ? saidDescription(this.#world, said, 'unknown', origin) : null)
    if (!made) row.task.fds.duplicate(row.batch.fd[row.i], fd, closeOnExec)
    else if (chosen) this.#set(row, fd, made, closeOnExec)
    else this.#give(row, fd, made, closeOnExec)
  }

  /** A number that the kernel chose. */
  #give(row: Row, fd: number, description: Description, closeOnExec: boolean): void {
    const { fds } = row.task
    // Without durations the call came back later than it is applied here (descriptors.ts, invariant 5).
    if (this.#world.order === 'starts' && fds.shared && fds.get(fd)) fds.setNext(fd, description, closeOnExec, row.task)
    else this.#set(row, fd, description, closeOnExec)
  }

  #set(row: Row, fd: number, description: Description, closeOnExec: boolean): void {
    if (!(fd >= 0)) return
    if (!row.task.fds.set(fd, description, closeOnExec)) {
      report(this.#world, CORRELATE.tooManyDescriptors, row, taskLabel(row.task))
    }
  }
}

/** O_TMPFILE, which has the bit of O_DIRECTORY: a new file without a name. */
function isTemporary(flags: number): boolean {
  return (flags & F.O_TMPFILE) === F.O_TMPFILE
}
