/** What was saved of /proc/PID → the state of a task that was there before the trace. */
import type { SavedProcess } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { guessKind } from './decorations.ts'
import { describe, syncMode, type Origin } from './descriptors.ts'
import { TracedFile } from './files.ts'
import type { Task } from './processes.ts'
import type { World } from './world.ts'

/** Gives the first task of a process its name, directory, descriptors and mappings. `source`: the one that shows the task. */
export function fillSaved(world: World, task: Task, saved: SavedProcess, source: number): void {
  const savedIn = (path?: string): Origin => ({ rule: 'saved-proc', source, record: 0, path })
  task.process.name = saved.comm
  task.process.argv = saved.cmdline
  if (saved.cwd !== null) task.directories.cwd = world.files.resolve(saved.cwd, world.files.root)
  const fdOrigin = savedIn(saved.fdsIn)
  for (const fd of saved.fds ?? []) {
    const sync = fd.flags === null ? 'unknown' : syncMode(fd.flags)
    const named = fd.target.startsWith('/')
    const node = named && !fd.deleted ? world.files.resolve(fd.target, world.files.root) : null
    const file = named ? savedFile(world, fd.target, fd.deleted, null) : null
    const closeOnExec = fd.flags !== null && (fd.flags & F.O_CLOEXEC) !== 0
    const label = fd.target.replace(/:.*$/, '')
    const description = describe(file, file ? '' : label, sync, fdOrigin, node)
    description.direct = ((fd.flags ?? 0) & F.O_DIRECT) !== 0
    task.fds.set(fd.fd, description, closeOnExec)
  }
  task.fds.complete = saved.fds !== null
  const origin = savedIn(saved.regionsIn)
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
