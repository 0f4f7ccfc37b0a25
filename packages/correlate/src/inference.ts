/**
 * Which file was flushed, where the source shows the call alone (sysdig has no descriptor, address or result of fsync,
 * fdatasync, syncfs and msync). A guess by the habits of programs; never `exact`.
 *
 * What it goes by, all of it told by calls that do name a descriptor:
 * - a task's trail: what it opened, wrote, locked and (as far as was found out) flushed last;
 * - what was written through a descriptor table and not flushed since (`dirty`);
 * - the writable shared mappings of an address space.
 *
 * Rules, the first that fits is taken. `inferred`: one file. `ambiguous`: the best guess, and behind it what else it may
 * have been. How often each is right: docs/decisions/.
 *
 * fsync, fdatasync, syncfs
 * 1. just-opened   the task's last step was to open a file that is still open: directories, and files opened to be flushed
 * 2. just-written  the task's last step was to write a file
 * 3. only-written  one file of the table has been written and not flushed since; ambiguous when the task was at others, too
 * 4. last-written  of several such files the latest: ambiguous
 * 5. last-locked   nothing was written (stores into a mapping are invisible): the file this task locked last
 * 6. flushed-again the file this task flushed last; this and 5 are ambiguous when the task was at others, too
 *
 * msync
 * 1. only-mapped   one file is mapped shared and writable
 * 2. flushed-with  the task's last step was to flush a file that is mapped: databases sync descriptor and mapping in turn
 * 3. last-locked   as above, of the mapped files
 * 4. last-mapped   the newest mapping; 2 to 4 are ambiguous
 */
import { OK, flags as F } from '@flushtrace/trace'
import { isStored, targetOf, type Confidence, type Target } from './activity.ts'
import type { Description, FdTable } from './descriptors.ts'
import { kindOf, type TracedFile } from './files.ts'
import type { Region } from './mappings.ts'
import type { Task } from './processes.ts'
import type { Row, Tracker, World } from './world.ts'

export type InferenceRule =
  | 'just-opened'
  | 'just-written'
  | 'only-written'
  | 'last-written'
  | 'last-locked'
  | 'flushed-again'
  | 'only-mapped'
  | 'flushed-with'
  | 'last-mapped'

/** A descriptor as it was when a call named it: the number may have another meaning since. */
interface Held {
  readonly fd: number
  readonly description: Description
}

interface Choice {
  readonly rule: InferenceRule
  readonly held: Held
  readonly others: readonly Held[]
}

/** What one task did last. */
interface Trail {
  step: 'open' | 'write' | 'lock' | 'flush' | null
  /** The files it was at, latest last. */
  recent: Held[]
  locked: Held | null
  flushed: Held | null
}

/** Files that are kept in mind of a task, and candidates that are listed. */
const MAX_RECENT = 8
/**
 * Standard output and error: a log that a program writes before every step and never flushes. It is a candidate only
 * where nothing else was written (dd writes its copy there).
 */
const LAST_STANDARD = 2

export class FlushInference implements Tracker {
  readonly roles = ['open', 'fcntl', 'write', 'flush'] as const
  readonly #world: World
  /** Gone with their tasks and tables. */
  readonly #trails = new WeakMap<Task, Trail>()
  readonly #dirty = new WeakMap<FdTable, Map<Description, number>>()

  constructor(world: World) {
    this.#world = world
  }

  exit(row: Row): void {
    const { batch, i, task } = row
    if (batch.outcome[i] !== OK) return
    switch (row.role) {
      case 'open':
        this.#stepAt(task, 'open', batch.result[i])
        break
      case 'fcntl':
        if (F.isRecordLock(batch.flags[i])) this.#stepAt(task, 'lock', batch.fd[i])
        break
      case 'write':
        if (batch.result[i] > 0) this.#wrote(task, batch.fd[i], row.inFlight.description)
        break
      case 'flush':
        // The source names the file: nothing to infer, but what it says counts for later ones.
        if (batch.fd[i] >= 0) this.#stepAt(task, 'flush', batch.fd[i])
        break
      default:
        break
    }
  }

  /** The files that an fsync, fdatasync or syncfs of `task` may have meant, best first; empty when nothing tells. */
  flushed(task: Task): readonly Target[] {
    const trail = this.#trail(task)
    const choice = this.#choose(task, trail)
    if (!choice) return []
    const { rule, held, others } = choice
    const confidence: Confidence = others.length === 0 ? 'inferred' : 'ambiguous'
    this.#step(task, 'flush', held)
    return [held, ...others.slice(0, MAX_RECENT - 1)].map(({ description }) =>
      this.#target(task, description, rule, confidence),
    )
  }

  /** The files that an msync of `task` may have meant. */
  synced(task: Task): readonly Target[] {
    const regions = new Map<TracedFile, Region>()
    for (const region of task.space.regions) {
      const known = regions.get(region.file)
      if (region.writable && (!known || known.origin.record < region.origin.record)) regions.set(region.file, region)
    }
    if (regions.size === 0) return []
    const [rule, first] = chooseRegion(this.#trail(task), regions)
    const confidence: Confidence = regions.size === 1 ? 'inferred' : 'ambiguous'
    const others = [...regions.values()].filter((region) => region !== first)
    return [first, ...others].slice(0, MAX_RECENT).map((region) => this.#target(task, region, rule, confidence))
  }

  #choose(task: Task, trail: Trail): Choice | null {
    const recent = trail.recent.filter((held) => isOpen(task, held)).reverse()
    const [last] = recent
    if (trail.step === 'open' && last && last === trail.recent.at(-1))
      return { rule: 'just-opened', held: last, others: [] }
    if (trail.step === 'write' && last && last === trail.recent.at(-1))
      return { rule: 'just-written', held: last, others: [] }
    const written = this.#openDirty(task)
    const beside = written.filter(({ fd }) => fd > LAST_STANDARD)
    const dirty = beside.length > 0 ? beside : written
    if (dirty.length > 1) return { rule: 'last-written', held: dirty[0], others: otherFiles(dirty[0], dirty) }
    if (dirty.length === 1) return { rule: 'only-written', held: dirty[0], others: otherFiles(dirty[0], recent) }
    const { locked, flushed } = trail
    if (isOpen(task, locked)) return { rule: 'last-locked', held: locked, others: otherFiles(locked, recent) }
    if (isOpen(task, flushed)) return { rule: 'flushed-again', held: flushed, others: otherFiles(flushed, recent) }
    return null
  }

  #wrote(task: Task, fd: number, description: Description | null): void {
    if (!isFile(description)) return
    if (fd > LAST_STANDARD) this.#step(task, 'write', { fd, description })
    let dirty = this.#dirty.get(task.fds)
    if (!dirty) this.#dirty.set(task.fds, (dirty = new Map()))
    // The latest last.
    dirty.delete(description)
    dirty.set(description, fd)
  }

  #stepAt(task: Task, step: 'open' | 'lock' | 'flush', fd: number): void {
    const description = task.fds.get(fd)
    if (description) this.#step(task, step, { fd, description })
  }

  #step(task: Task, step: 'open' | 'write' | 'lock' | 'flush', held: Held): void {
    if (!isFile(held.description)) return
    const trail = this.#trail(task)
    trail.step = step
    if (step === 'lock') trail.locked = held
    if (step === 'flush') {
      trail.flushed = held
      this.#clean(task, held.description.file)
    }
    let at = trail.recent.length - 1
    while (at >= 0 && trail.recent[at].description !== held.description) at--
    if (at >= 0) trail.recent.splice(at, 1)
    else if (trail.recent.length >= MAX_RECENT) trail.recent.shift()
    trail.recent.push(held)
  }

  #clean(task: Task, file: TracedFile | null): void {
    const dirty = this.#dirty.get(task.fds)
    if (!dirty) return
    for (const description of dirty.keys()) if (description.file === file) dirty.delete(description)
  }

  /** Latest first. What was closed is forgotten: it can't be flushed by its number any more. */
  #openDirty(task: Task): Held[] {
    const dirty = this.#dirty.get(task.fds)
    if (!dirty) return []
    const held: Held[] = []
    for (const [description, fd] of dirty) {
      if (task.fds.get(fd) === description) held.push({ fd, description })
      else dirty.delete(description)
    }
    return held.reverse()
  }

  #trail(task: Task): Trail {
    let trail = this.#trails.get(task)
    if (!trail) {
      trail = { step: null, recent: [], locked: null, flushed: null }
      this.#trails.set(task, trail)
    }
    return trail
  }

  #target(task: Task, from: Description | Region, rule: InferenceRule, confidence: Confidence): Target {
    const file = from.file as TracedFile
    const { name, at } = targetOf(this.#world, task, { file, node: from.node, origin: from.origin })
    return { name, confidence, rule, at }
  }
}

function chooseRegion(trail: Trail, regions: ReadonlyMap<TracedFile, Region>): [InferenceRule, Region] {
  const [first] = regions.values()
  if (regions.size === 1) return ['only-mapped', first]
  const flushed = trail.flushed?.description.file
  const with_ = trail.step === 'flush' && flushed ? regions.get(flushed) : undefined
  if (with_) return ['flushed-with', with_]
  const file = trail.locked?.description.file
  const locked = file ? regions.get(file) : undefined
  if (locked) return ['last-locked', locked]
  let newest = first
  for (const region of regions.values()) if (region.origin.record > newest.origin.record) newest = region
  return ['last-mapped', newest]
}

/** Files on storage; not pipes, sockets, devices. */
function isFile(description: Description | null): description is Description {
  if (!description?.file) return false
  return isStored(kindOf(description.file)) && !description.file.lastPath.startsWith('/dev/')
}

function isOpen(task: Task, held: Held | null): held is Held {
  return held !== null && task.fds.get(held.fd) === held.description
}

function otherFiles(chosen: Held, among: readonly Held[]): Held[] {
  const files = new Set([chosen.description.file])
  return among.filter(({ description }) => !files.has(description.file) && files.add(description.file))
}
