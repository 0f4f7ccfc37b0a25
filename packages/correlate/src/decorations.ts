/**
 * What the trace itself says behind a descriptor (strace -y, -yy), against what the calls before led to. The trace is
 * believed; a difference is reported, and the state mended in the way that can do least harm:
 *
 * 1. Same path, now deleted: the name was removed by somebody who is not traced.
 * 2. Same path, not deleted any more: the number leads to the file that has the name now.
 * 3. Another path that no other file is known by: the file was renamed by somebody who is not traced. Not where the
 *    open was never seen: such a trace hides closes as well, and the number may mean another file by now. Nor where
 *    saved /proc alone tells of it: until the tracer had attached, the task went on closing and opening.
 * 4. Anything else: the number was given to another file by calls that the trace does not show; whether writes through
 *    it are synchronous is unknown then.
 *
 * While a call that changes names is under way, lines of other tasks may tell of its effect already: no difference.
 */
import type { FdName, FdRef } from '@flushtrace/trace'
import { UNSHOWN, describe, hasNoFile, type Description, type Origin, type SyncMode } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { TracedFile, pathOf } from './files.ts'
import { report, type Row, type World } from './world.ts'

/** What the trace says there; `index` -1: nothing. */
export function nameAt(row: Row, index: number): FdName | null {
  return index >= 0 ? row.batch.names[index] : null
}

/** The description behind descriptor `fd` at this moment; what the trace says of it is believed. */
export function describedBy(world: World, row: Row, fd: number, decoration: number): Description | null {
  const known = knownAs(world, row, fd)
  const said = nameAt(row, decoration)
  return said && fd >= 0 ? believe(world, row, fd, known, said) : known
}

/** The same for a descriptor that stands in a list or a struct. */
export function describedByRef(world: World, row: Row, ref: FdRef): Description | null {
  const known = knownAs(world, row, ref.fd)
  return ref.name && ref.fd >= 0 ? believe(world, row, ref.fd, known, ref.name) : known
}

function knownAs(world: World, row: Row, fd: number): Description | null {
  const { fds } = row.task
  if (world.order === 'starts') fds.claim(fd, row.task)
  return fds.get(fd)
}

/** `known`: what descriptor `fd` is so far. */
function believe(world: World, row: Row, fd: number, known: Description | null, said: FdName): Description {
  if (known) {
    if (agrees(known, said)) {
      known.confirmed = true
      if (known.file) learnDevice(known.file, said)
      return known
    }
    if (known.file && mend(world, row, known, known.file, said)) return known
    if (known.label === UNSHOWN && named(world, known, said)) return known
    report(world, CORRELATE.disagreement, row, `descriptor ${fd} was ${nameOf(known)} and is ${said.text}`)
  }
  const origin: Origin = { rule: 'decoration', source: row.source, record: row.batch.record[row.i] }
  const description = saidDescription(world, said, 'unknown', origin)
  row.task.fds.set(fd, description, row.task.fds.entry(fd)?.closeOnExec ?? false)
  return description
}

function mend(world: World, row: Row, known: Description, file: TracedFile, said: FdName): boolean {
  if ((said.kind !== 'path' && said.kind !== 'device') || file.unnamed) return false
  const { files } = world
  const before = nameOf(known)
  const { text, deleted } = plainText(said, known)
  const { node } = known
  if (text === before) {
    if (!deleted) {
      known.node = files.resolve(text, files.root)
      known.file = files.fileAt(known.node)
    } else if (node) files.unlink(node)
    else file.called(text, true)
  } else {
    const { rule } = known.origin
    if (rule === 'decoration' || (rule === 'saved-proc' && !known.confirmed)) return false
    if (deleted) {
      if (node) files.unlink(node)
      known.node = null
      known.file = new TracedFile(text)
      known.file.kind = file.kind
      known.file.deleted = true
    } else {
      const to = files.resolve(text, files.root)
      if (to.file && to.file !== file && world.naming.size === 0) return false
      if (node && !node.removed && to.file !== file) {
        files.rename(node, to)
        known.node = node
      } else known.node = files.place(to, file)
    }
  }
  learnDevice(known.file ?? file, said)
  // The kernel forgets names of procfs while their files are open, and makes them anew (fs/proc/base.c).
  if (world.naming.size === 0 && !text.startsWith('/proc/')) {
    report(world, CORRELATE.disagreement, row, `${before} is ${text}${deleted ? ' (deleted)' : ''}`)
  }
  return true
}

/** Whether what the trace says of a descriptor is what calls led to. */
export function agrees(known: Description, said: FdName): boolean {
  const { file, node } = known
  if (!file) return hasNoFile(known) && said.kind !== 'path' && said.kind !== 'device' && said.kind !== 'memory'
  if (file.unnamed) return isUnnamed(said.text) || [said.text, `${said.text}/#unnamed`].includes(file.lastPath)
  if (said.kind !== 'path' && said.kind !== 'device') return file.kind === 'memory' && said.text === file.lastPath
  const path = node ? pathOf(node) : file.lastPath
  const deleted = node ? node.removed : file.deleted
  if (path === said.text) return said.deleted === 'maybe' ? !deleted : deleted === said.deleted
  return said.deleted === 'maybe' && deleted && `${path} (deleted)` === said.text
}

/** The file of a descriptor has a name at last. */
function named(world: World, known: Description, said: FdName): boolean {
  const { file, node } = saidDescription(world, said, known.sync, known.origin)
  known.file = file
  known.node = node
  return file !== null
}

/** `/d/#1234`, of a file made with O_TMPFILE. */
export function isUnnamed(text: string): boolean {
  return /#\d+(?: \(deleted\))?$/.test(text)
}

function nameOf({ file, node, label }: Description): string {
  return node ? pathOf(node) : (file?.lastPath ?? label)
}

/** Up to strace 5.18 ` (deleted)` inside is the tracer's mark, unless a live file of that very name is known. */
function plainText(said: FdName, known: Description | null): { text: string; deleted: boolean } {
  if (said.deleted !== 'maybe') return { text: said.text, deleted: said.deleted }
  if (known && nameOf(known) === said.text) return { text: said.text, deleted: false }
  return { text: said.text.slice(0, -' (deleted)'.length), deleted: true }
}

/** A description made from what the trace says, for a descriptor that no call before led to. */
export function saidDescription(world: World, said: FdName, sync: SyncMode, origin: Origin): Description {
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

/** The kind of a file, and of a device its number, as far as the trace says. */
export function learnDevice(file: TracedFile, said: FdName): void {
  if (said.kind === 'device') {
    file.kind = said.block ? 'block' : 'other'
    file.device = said.device
  } else if (file.kind === null) file.kind = guessKind(file)
}

const BLOCK =
  /^(?:sd[a-z]|hd[a-z]|vd[a-z]|xvd[a-z]|nvme\d+n|mmcblk\d|loop\d|md\d|dm-\d|nbd\d|rbd\d|drbd\d|zram\d|ram\d|sr\d|bcache\d|(?:block|disk|mapper|md|drbd)\/)/
const CHARACTER =
  /^(?:null|zero|full|u?random|tty|ptmx|pts\/|console|kmsg|fuse|net\/|input\/|snd\/|dri\/|std(?:in|out|err)$|fd\/)/

/** By where it stands; null where that tells nothing, as of /tmp and /run, which are in memory on some systems. */
export function guessKind(file: TracedFile): TracedFile['kind'] {
  const match = /^\/(proc|sys|dev)\/(.+)/.exec(file.lastPath)
  if (!match) return null
  if (match[1] !== 'dev') return 'other'
  if (match[2].startsWith('shm/')) return 'memory'
  return BLOCK.test(match[2]) ? 'block' : CHARACTER.test(match[2]) ? 'other' : null
}
