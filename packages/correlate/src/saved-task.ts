/** What was saved of /proc/PID → the state of a task that was there before the trace. */
import type { SavedFd, SavedProcess } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { guessKind } from './decorations.ts'
import { describe, syncMode, type Description, type FdTable, type Origin } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { TracedFile } from './files.ts'
import { taskLabel, type Task } from './processes.ts'
import type { World } from './world.ts'

/** Gives the first task of a process its name, directory, descriptors and mappings. `source`: the one that shows the task. */
export function fillSaved(world: World, task: Task, saved: SavedProcess, source: number): void {
  task.process.name = saved.comm
  task.process.argv = saved.cmdline
  if (saved.cwd !== null) task.directories.cwd = world.files.resolve(saved.cwd, world.files.root)
  for (const fd of saved.fds ?? []) setSavedFd(world, task.fds, fd, savedIn(source, saved.fdsIn))
  task.fds.complete = saved.fds !== null
  // It may have a kernel thread poll it (SQPOLL), or wait in io_uring_enter for as long as the trace lasts.
  if (saved.fds?.some(({ target }) => target === 'anon_inode:[io_uring]')) {
    task.process.uring ??= { operations: 0, unknown: true }
    world.diagnostics.add(CORRELATE.uring, { source: saved.fdsIn ?? world.sourcePaths[source] }, taskLabel(task))
  }
  const origin = savedIn(source, saved.regionsIn)
  for (const region of saved.regions ?? []) {
    const identity = `${region.device}:${region.inode}`
    const file = savedFile(world, region.path, region.deleted, identity)
    file.inode ??= region.inode
    file.device ??= region.device
    const node = region.deleted ? null : world.files.resolve(region.path, world.files.root)
    task.space.map({ ...region, file, node, origin })
  }
  task.space.complete = task.space.shows = saved.regions !== null
}

function savedIn(source: number, path?: string): Origin {
  return { rule: 'saved-proc', source, record: 0, path }
}

function setSavedFd(world: World, fds: FdTable, fd: SavedFd, origin: Origin): void {
  const sync = fd.flags === null ? 'unknown' : syncMode(fd.flags)
  const named = fd.target.startsWith('/')
  const node = named && !fd.deleted ? world.files.resolve(fd.target, world.files.root) : null
  const file = named ? savedFile(world, fd.target, fd.deleted, null) : null
  const closeOnExec = fd.flags !== null && (fd.flags & F.O_CLOEXEC) !== 0
  const description = describe(file, file ? '' : labelOf(fd), sync, origin, node)
  description.direct = ((fd.flags ?? 0) & F.O_DIRECT) !== 0
  fds.set(fd.fd, description, closeOnExec)
}

/** `socket` of `socket:[123]`. */
function labelOf({ target }: SavedFd): string {
  return target.replace(/:.*$/, '')
}

/**
 * The descriptors of a process that is known, as they are now. What is still the same keeps what is known of it; false:
 * something else was, so calls of it were not seen.
 */
export function relistFds(world: World, fds: FdTable, now: readonly SavedFd[], source: number, path: string): boolean {
  let same = true
  const listed = new Set(now.map(({ fd }) => fd))
  for (const fd of fds.numbers()) {
    if (listed.has(fd)) continue
    fds.forget(fd)
    same = false
  }
  for (const fd of now) {
    const known = fds.get(fd.fd)
    if (known && leadsTo(world, known, fd)) continue
    if (known || fds.complete) same = false
    setSavedFd(world, fds, fd, savedIn(source, path))
  }
  fds.complete = true
  return same
}

function leadsTo(world: World, { file, label, node }: Description, fd: SavedFd): boolean {
  if (!file) return label === labelOf(fd)
  const name = world.names.of(file, node)
  return name.path === fd.target && name.deleted === fd.deleted
}

/** `identity`: its device and inode, where they are saved. */
function savedFile(world: World, path: string, deleted: boolean, identity: string | null): TracedFile {
  if (!deleted) {
    const file = world.files.fileAt(world.files.resolve(path, world.files.root))
    file.kind ??= guessKind(file)
    if (path.startsWith('/memfd:')) file.kind = 'memory'
    return file
  }
  const known = world.deletedFiles
  const key = identity ?? path
  let file = known.get(key)
  if (!file) {
    file = new TracedFile(path)
    file.deleted = true
    if (path.startsWith('/memfd:') || path.startsWith('/dev/zero') || path.startsWith('/SYSV')) file.kind = 'memory'
    known.set(key, file)
  }
  return file
}
