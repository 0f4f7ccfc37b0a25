/**
 * What is a flush, a hint, a write: the rules of the contract, applied to calls.
 *
 * 1. fsync, fdatasync, msync(MS_SYNC), sync and syncfs that returned success are flushes.
 * 2. A write-family call that moved bytes to a description opened with O_SYNC or O_DSYNC, or with RWF_SYNC or
 *    RWF_DSYNC, is a flush of its own (`syncWrite`), and a write.
 * 3. IOCB_CMD_FSYNC and IOCB_CMD_FDSYNC that io_submit took are flushes whose result is not in that call.
 * 4. sync_file_range and msync(MS_ASYNC) promise nothing: hints.
 * 5. A flush that returned an error is counted apart. One that was interrupted and restarted, injected, or never
 *    returned, is none.
 * 6. Written bytes are what a call returned, never what it was asked for; sockets and pipes are no storage.
 * Source: man pages fsync(2), msync(2), sync(2), open(2), pwritev2(2), sync_file_range(2), io_submit(2);
 * torvalds/linux mm/msync.c, fs/sync.c, fs/aio.c, include/linux/fs.h generic_write_sync().
 */
import { CALLS, FAILED, OK, SECTOR_BYTES, flags as F, type Iocb } from '@flushtrace/trace'
import { emitAt, isStored, targetOf, type Activity, type ActivityKind, type Scope, type Target } from './activity.ts'
import { describedBy, describedByRef } from './decorations.ts'
import { hasNoFile, type Description } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import type { FlushInference } from './inference.ts'
import { kindOf, type FileName } from './files.ts'
import { pageEnd } from './mappings.ts'
import { taskLabel } from './processes.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

const NONE: readonly Target[] = []
/** Asynchronous writes under way, per process: the kernel's limit fs.aio-max-nr is 65,536 by default. */
const MAX_AIO = 1 << 17

/** Which files a call is about. */
interface About {
  readonly scope: Scope
  readonly targets: readonly Target[]
}

export class FlushTracker implements Tracker {
  readonly roles = ['write', 'flush', 'msync', 'syncRange', 'aioSubmit', 'aioEvents', 'uringEnter'] as const
  readonly #world: World
  /** For sources that show a flush without its descriptor or address; null: every call shows it. */
  readonly #inference: FlushInference | null
  /** `aio_data` → writes submitted with it and not yet seen to end. */
  readonly #aio = new Map<string, About[]>()
  #aioCount = 0

  constructor(world: World, inference: FlushInference | null) {
    this.#world = world
    this.#inference = inference
  }

  enter(row: Row): void {
    const { batch, i, task, inFlight } = row
    switch (row.role) {
      case 'write':
      case 'flush':
      case 'syncRange':
        inFlight.description = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])
        break
      case 'msync':
        inFlight.regions = task.space.overlapping(batch.addr[i], pageEnd(batch.addr[i], batch.size[i]))
        break
      default:
        break
    }
  }

  exit(row: Row): void {
    const { batch, i } = row
    const outcome = batch.outcome[i]
    if (outcome !== OK && outcome !== FAILED) return
    switch (row.role) {
      case 'flush':
        this.#flush(row)
        break
      case 'msync':
        this.#msync(row)
        break
      case 'syncRange':
        if (outcome === OK) this.#about(row, 'hint', CALLS[batch.call[i]].name, row.inFlight.description)
        break
      case 'write':
        if (outcome === OK) this.#write(row)
        break
      case 'aioSubmit':
        if (outcome === OK) this.#submit(row)
        break
      case 'aioEvents':
        if (outcome === OK) this.#events(row)
        break
      case 'uringEnter':
        this.#uring(row)
        break
      default:
        break
    }
  }

  /** At the end of the trace. */
  finish(): void {
    if (this.#aioCount > 0)
      this.#world.diagnostics.add(CORRELATE.aioUnreaped, null, `${this.#aioCount} in all`, this.#aioCount)
  }

  #flush(row: Row): void {
    const { batch, i } = row
    const call = CALLS[batch.call[i]].name
    const kind = batch.outcome[i] === FAILED ? 'failed' : 'flush'
    if (call === 'sync') this.#emit(row, kind, call, { scope: 'system', targets: NONE })
    else this.#about(row, kind, call, row.inFlight.description)
  }

  /** A call about one descriptor. */
  #about(row: Row, kind: ActivityKind, call: string, description: Description | null): void {
    const { batch, i } = row
    const hidden = this.#inference && batch.fd[i] < 0 && batch.decoration[i] < 0 && batch.outcome[i] === OK
    const targets = hidden && this.#inference ? this.#inference.flushed(row.task) : this.#targets(description, row)
    const errno = batch.errno[i] >= 0 ? batch.strings.text(batch.errno[i]) : null
    // EBADF: the number means nothing, whatever it meant before.
    const scope: Scope = call === 'syncfs' ? 'filesystem' : targets.length > 0 || errno === 'EBADF' ? 'file' : 'unknown'
    if (scope === 'unknown' && !hidden) this.#unknownFile(row, description)
    this.#emit(row, kind, call, { scope, targets })
  }

  #msync(row: Row): void {
    const { batch, i, task } = row
    const sync = (batch.flags[i] & F.MS_SYNC) !== 0
    if (!sync && (batch.flags[i] & F.MS_ASYNC) === 0) return
    const kind = batch.outcome[i] === FAILED ? 'failed' : sync ? 'flush' : 'hint'
    if (kind === 'failed' && !sync) return
    const regions = row.inFlight.regions ?? []
    const names = new Set<FileName>()
    const hidden = this.#inference !== null && Number.isNaN(batch.addr[i])
    const targets: Target[] = hidden && this.#inference ? [...this.#inference.synced(task)] : []
    for (const region of regions) {
      const target = targetOf(this.#world, task, region)
      if (names.has(target.name)) continue
      names.add(target.name)
      targets.push(target)
    }
    const known = task.space.complete && task.space.shows && !Number.isNaN(batch.addr[i])
    const scope: Scope = targets.length > 0 ? 'file' : known ? 'memory' : 'unknown'
    if (scope === 'unknown' && !hidden) report(this.#world, CORRELATE.unknownMapping, row, taskLabel(task))
    this.#emit(row, kind, 'msync', { scope, targets })
  }

  #write(row: Row): void {
    const { batch, i } = row
    const call = CALLS[batch.call[i]].name
    const { description } = row.inFlight
    if (description && hasNoFile(description)) return
    const about = this.#file(description, row)
    const bytes = batch.result[i]
    // A flag of the call itself needs no descriptor.
    const mayBeSync = bytes > 0 && (description !== null || (batch.flags[i] & (F.RWF_DSYNC | F.RWF_SYNC)) !== 0)
    const sync = mayBeSync && this.#isSync(description, batch.flags[i], row)
    this.#world.activity.through = throughOf(description, bytes, sync)
    this.#emit(row, 'write', call, about, bytes)
    this.#unknownFile(row, description)
    if (sync) this.#emit(row, 'flush', 'syncWrite', about)
  }

  #isSync(description: Description | null, rwf: number, row: Row): boolean {
    if (description?.file && !isStored(kindOf(description.file))) return false
    if ((rwf & (F.RWF_DSYNC | F.RWF_SYNC)) !== 0) return true
    if (description?.sync === 'unknown')
      report(this.#world, CORRELATE.unknownFlags, row, description.file?.lastPath ?? '')
    return description?.sync === 'data' || description?.sync === 'full'
  }

  #submit(row: Row): void {
    const { batch, i } = row
    const extra = batch.extra[i]
    // The result is how many the kernel took, from the front.
    const taken = batch.result[i]
    const shown = extra?.kind === 'iocbs' ? extra.iocbs.slice(0, taken).filter(({ opcode }) => opcode !== '') : []
    for (const iocb of shown) this.#iocb(row, iocb)
    if (shown.length < taken) report(this.#world, CORRELATE.aioHidden, row, taskLabel(row.task), taken - shown.length)
  }

  #iocb(row: Row, iocb: Iocb): void {
    const opcode = iocb.opcode.replace(/^IOCB_CMD_/, '')
    if (!/^(?:PWRITEV?|FSYNC|FDSYNC)$/.test(opcode)) return
    const description = describedByRef(this.#world, row, iocb.fd)
    const about = this.#file(description, row)
    this.#unknownFile(row, description)
    if (opcode === 'FSYNC' || opcode === 'FDSYNC') {
      const call = opcode === 'FSYNC' ? 'aioFsync' : 'aioFdsync'
      this.#emitAio(row, 'flush', call, about)
      return
    }
    if (description && hasNoFile(description)) return
    const sync = this.#isSync(description, iocb.flags, row)
    if (sync) this.#emitAio(row, 'flush', 'syncWrite', about)
    if (this.#world.detail) {
      this.#world.activity.through = throughOf(description, iocb.bytes, sync)
      this.#fill(row, 'submitted', 'io_submit', about, iocb.bytes)
      emitAt(this.#world, row, row.batch.tookNs[row.i], iocb.offset)
    }
    if (this.#aioCount >= MAX_AIO) {
      report(this.#world, CORRELATE.tooManyAio, row, taskLabel(row.task))
      return
    }
    this.#aioCount++
    const key = `${row.task.process.pid}/${iocb.data}`
    const waiting = this.#aio.get(key)
    if (waiting) waiting.push(about)
    else this.#aio.set(key, [about])
  }

  #events(row: Row): void {
    const extra = row.batch.extra[row.i]
    if (extra?.kind !== 'events') return
    for (const event of extra.events) {
      const key = `${row.task.process.pid}/${event.data}`
      const waiting = this.#aio.get(key)
      const write = waiting?.shift()
      if (!waiting || !write) continue
      if (waiting.length === 0) this.#aio.delete(key)
      this.#aioCount--
      if (event.result > 0) this.#emitAio(row, 'write', 'io_submit', write, event.result)
    }
  }

  #uring(row: Row): void {
    const { batch, i, task } = row
    const uring = (task.process.uring ??= { operations: 0, unknown: false })
    report(this.#world, CORRELATE.uring, row, taskLabel(task))
    if (batch.outcome[i] === OK && batch.result[i] > 0) uring.operations += batch.result[i]
    // A ring that a kernel thread polls (SQPOLL) is never asked to submit: what it did is unknown, not nothing.
    if (batch.size[i] === 0) uring.unknown = true
  }

  #targets(description: Description | null, row: Row): readonly Target[] {
    if (!description?.file) return NONE
    const { file, node, origin } = description
    const decorated = row.batch.decoration[row.i] >= 0
    const target: Target = decorated
      ? // The call's own line names it: no older fact is needed.
        { name: this.#world.names.of(file, node), confidence: 'exact', rule: 'decoration', at: null }
      : targetOf(this.#world, row.task, { file, node, origin })
    if (!target.name.path.startsWith('/')) report(this.#world, CORRELATE.unknownDirectory, row, target.name.path)
    return [target]
  }

  #unknownFile(row: Row, description: Description | null): void {
    if (description && (description.file || hasNoFile(description))) return
    const kind = description ? CORRELATE.unnamedFile : CORRELATE.unknownDescriptor
    report(this.#world, kind, row, `descriptor ${row.batch.fd[row.i]} of ${taskLabel(row.task)}`)
  }

  /** The file of a descriptor, if it is known. */
  #file(description: Description | null, row: Row): About {
    const targets = this.#targets(description, row)
    return { scope: targets.length > 0 ? 'file' : 'unknown', targets }
  }

  #emit(row: Row, kind: ActivityKind, call: string, about: About, bytes = 0): void {
    const { batch, i } = row
    this.#fill(row, kind, call, about, bytes)
    this.#world.activity.via = CALLS[batch.call[i]].name
    emitAt(this.#world, row, batch.tookNs[i], batch.offset[i])
  }

  /** An operation that io_submit took: how long it lasts, the call does not tell. */
  #emitAio(row: Row, kind: ActivityKind, call: string, about: About, bytes = 0): void {
    this.#fill(row, kind, call, about, bytes)
    emitAt(this.#world, row, NaN)
  }

  #fill({ batch, i, task }: Row, kind: ActivityKind, call: string, { scope, targets }: About, bytes: number): void {
    const { activity } = this.#world
    activity.kind = kind
    activity.call = call
    activity.via = 'io_submit' // `#emit` says what else
    activity.task = task
    activity.scope = scope
    activity.targets = targets
    activity.bytes = bytes
    activity.mapped = null
    activity.errno = batch.errno[i] >= 0 ? batch.strings.text(batch.errno[i]) : null
  }
}

/** O_DIRECT refuses what is no whole sectors: it was taken off by then, by a call that is not seen. */
function throughOf(description: Description | null, bytes: number, sync: boolean): Activity['through'] {
  if (sync) return 'sync'
  return description?.direct && bytes % SECTOR_BYTES === 0 ? 'direct' : 'cache'
}
