/**
 * Descriptors: number → open file description → file.
 *
 * Invariants
 * 1. A table maps a number to one description; dup, fork and SCM_RIGHTS make more numbers for one description.
 * 2. O_SYNC and O_DSYNC belong to the description: set when it is opened, shared by all its numbers, not changed by
 *    fcntl(F_SETFL). Close-on-exec belongs to the number.
 * 3. fork copies the table, CLONE_FILES shares it; exec unshares it and closes what is marked close-on-exec.
 * 4. close() and close_range() take numbers away at once, at the entry of the call: another task may get one before
 *    the call returns.
 * 5. The kernel never hands out a number that is in use. In a log that does not tell when calls returned, such a number
 *    means that its close, by another task, is still to come: until then the number means the old one (`setNext`).
 * 6. A description keeps the name it was opened by (`node`), as /proc/PID/fd shows it: renamed with it, deleted with
 *    it, whatever other names the file has.
 * Source of the rules: man pages open(2), dup(2), clone(2), execve(2), close(2), fcntl(2); torvalds/linux fs/file.c.
 */
import { flags as F } from '@flushtrace/trace'
import type { NameNode, TracedFile } from './files.ts'

/** What a description is known to do on write(): `unknown` when it was opened before the trace. */
export type SyncMode = 'none' | 'data' | 'full' | 'unknown'

/** What O_ flags of an open make of a write; a descriptor for reading alone makes none. */
export function syncMode(flags: number): SyncMode {
  if ((flags & F.O_ACCMODE) === 0) return 'none'
  if ((flags & F.O_SYNC) === F.O_SYNC) return 'full'
  return (flags & F.O_DSYNC) !== 0 ? 'data' : 'none'
}

/** `raced`: opened while another task changed the name; `passed-inferred`: received, matched by order. */
export type Rule = 'open' | 'raced' | 'decoration' | 'saved-proc' | 'passed' | 'passed-inferred' | 'made'

/** How a fact came to be known: named in evidence. */
export interface Origin {
  readonly rule: Rule
  readonly source: number
  readonly record: number
  /** `saved-proc`: where that stands; it is no record of the source. */
  readonly path?: string
}

/** Label of a file that the call which opened it does not name: by a handle, or by a path that strace -e raw= hides. */
export const UNSHOWN = '?'

export interface Description {
  /** null: not a file with a name (socket, pipe, epoll …). Changed only where the trace itself says otherwise. */
  file: TracedFile | null
  /** What stands in for a name when there is no file: `socket`, `pipe`, `epoll`; UNSHOWN: there is one, without a name. */
  readonly label: string
  readonly sync: SyncMode
  /** Opened with O_DIRECT, which F_SETFL may have changed since: then nothing is said of it. */
  direct: boolean
  readonly origin: Origin
  /** The name it was opened by; relative paths from a directory start there. */
  node: NameNode | null
  /** The other end of a socketpair: descriptors sent here arrive there. */
  peer: Description | null
  /** Descriptors sent with SCM_RIGHTS to this end and not yet received. */
  inbox: SentDescriptors[] | null
  /** pidfd: whose. */
  pid: number
  /** The trace itself called it so, too. */
  confirmed: boolean
}

/** A message with SCM_RIGHTS. */
export interface SentDescriptors {
  /** Where it waits to be received. */
  readonly queue: SentDescriptors[]
  /** null: one that is not known; the message has its place in the order all the same. */
  readonly sent: readonly (Description | null)[]
  /** What it was sent through; null where that is not known. */
  readonly socket: Description | null
}

/** What one number of a table means. */
export interface FdEntry {
  description: Description
  closeOnExec: boolean
}

/** RLIMIT_NOFILE rarely reaches 2^20; a log that opens more without closing is damaged or hostile. */
const MAX_DESCRIPTORS = 1 << 20
const MAX_UNKNOWN = 1024

export class FdTable {
  readonly #entries = new Map<number, FdEntry>()
  /** Numbers given out while in use → what they mean after the next close, and who got them. null: never any. */
  #next: Map<number, { entry: FdEntry; owner: unknown }[]> | null = null
  /** Where relative paths start from a descriptor that is not known. null: never any. */
  #unknown: Map<number, NameNode> | null = null
  /** Whether all descriptors are known: false when the task lived before the trace and nothing was saved of it. */
  complete: boolean
  /** CLONE_FILES made it the table of several tasks. */
  shared = false

  constructor(complete: boolean) {
    this.complete = complete
  }

  get(fd: number): Description | null {
    return this.#entries.get(fd)?.description ?? null
  }

  entry(fd: number): FdEntry | null {
    return this.#entries.get(fd) ?? null
  }

  /** False when the table is full. */
  set(fd: number, description: Description, closeOnExec: boolean): boolean {
    if (this.#entries.size >= MAX_DESCRIPTORS && !this.#entries.has(fd)) return false
    this.#entries.set(fd, { description, closeOnExec })
    this.#unknown?.delete(fd)
    return true
  }

  /** What `fd` means for `owner` now, and for all after the close that is still to come (invariant 5). */
  setNext(fd: number, description: Description, closeOnExec: boolean, owner: unknown): void {
    const waiting = this.#next?.get(fd)
    const next = { entry: { description, closeOnExec }, owner }
    if (waiting) waiting.push(next)
    else (this.#next ??= new Map()).set(fd, [next])
  }

  /** Who got a number uses it: the close that was to come is not in the trace. */
  claim(fd: number, owner: unknown): void {
    while (this.#next?.get(fd)?.some((next) => next.owner === owner)) this.close(fd)
  }

  close(fd: number): void {
    const waiting = this.#next?.get(fd)
    const next = waiting?.shift()
    if (!waiting || !next) {
      this.forget(fd)
      return
    }
    this.#entries.set(fd, next.entry)
    if (waiting.length === 0) this.#next?.delete(fd)
  }

  /** dup, of a number that is not known where it is made: so neither is the copy. */
  duplicate(from: number, to: number, closeOnExec: boolean): void {
    const entry = this.#entries.get(from)
    if (entry) this.set(to, entry.description, closeOnExec)
    else this.forget(to)
  }

  /** What the number means is not known any more. */
  forget(fd: number): void {
    this.#entries.delete(fd)
    this.#unknown?.delete(fd)
  }

  /** Returns what was there, for an undo. */
  closeRange(first: number, last: number): [fd: number, entry: FdEntry][] {
    const closed = [...this.#entries].filter(([fd]) => fd >= first && fd <= last)
    for (const [fd] of closed) this.forget(fd)
    return closed
  }

  /** The same directory for the same number, as long as it is not closed. */
  unknownDirectory(fd: number, make: () => NameNode): NameNode {
    const known = (this.#unknown ??= new Map())
    let node = known.get(fd)
    if (!node) {
      // A number nobody opened: as many of them as a log cares to invent.
      if (known.size >= MAX_UNKNOWN) known.clear()
      known.set(fd, (node = make()))
    }
    return node
  }

  markRange(first: number, last: number): void {
    for (const [fd, entry] of this.#entries) {
      if (fd >= first && fd <= last) this.#entries.set(fd, { ...entry, closeOnExec: true })
    }
  }

  setCloseOnExec(fd: number, closeOnExec: boolean): void {
    const entry = this.#entries.get(fd)
    if (entry) this.#entries.set(fd, { ...entry, closeOnExec })
  }

  copy(): FdTable {
    const table = new FdTable(this.complete)
    for (const [fd, entry] of this.#entries) table.#entries.set(fd, entry)
    if (this.#unknown) table.#unknown = new Map(this.#unknown)
    return table
  }

  exec(table = new FdTable(this.complete)): FdTable {
    for (const [fd, entry] of this.#entries) if (!entry.closeOnExec) table.#entries.set(fd, entry)
    if (this.#unknown) table.#unknown = new Map(this.#unknown)
    return table
  }

  /** Those whose meaning is known. */
  numbers(): number[] {
    return [...this.#entries.keys()]
  }

  *descriptions(): Generator<Description> {
    for (const entry of this.#entries.values()) yield entry.description
  }
}

/** Whether it is known to lead to no file. */
export function hasNoFile({ file, label }: Description): boolean {
  return file === null && label !== UNSHOWN
}

/** A new description; `file` null: `label` stands for it. */
export function describe(
  file: TracedFile | null,
  label: string,
  sync: SyncMode,
  origin: Origin,
  node: NameNode | null = null,
): Description {
  return { file, label, sync, direct: false, origin, node, peer: null, inbox: null, pid: 0, confirmed: false }
}
