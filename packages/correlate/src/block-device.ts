/** One block device: its requests under way, and what was counted on it. The rules: requests.ts. */
import { DATALESS, OP, deviceText, type BlockBatch, type Diagnostics } from '@flushtrace/trace'
import { REQUESTS } from './block-diagnostics.ts'
import { count, noCounts, sumOf, type Basis, type BlockCounts, type DeviceSummary } from './block-summary.ts'
import { FlushWaits } from './flush-waits.ts'
import { Latencies } from './latencies.ts'
import { QueueDepth } from './queue-depth.ts'
import { RequestFlow } from './request-flow.ts'
import { RequestTable } from './request-table.ts'

/** Tasks on one device that are told apart; the rest is charged to nobody. */
const MAX_TASKS = 1 << 16
/** Of one device that are told apart: Linux has no more (MAX_ERRNO of include/linux/err.h). */
const MAX_ERRORS = 4095

interface TaskRow {
  /** null: tasks beyond those that are told apart. */
  readonly tid: number | null
  comm: string | null
  /** Of `comm`, in the string table it was last seen in. */
  id: number
  strings: BlockBatch['strings'] | null
  readonly counts: BlockCounts
  /** Another task with this thread id, or the same one under another name. */
  next: TaskRow | null
}

export class BlockDevice {
  readonly number: number
  merges = 0
  queues = 0
  readonly #diagnostics: Diagnostics | null
  readonly #table = new RequestTable()

  /** The first step that there is; requests at later ones are the same again. */
  #basis: Basis | null = null
  #flow = new RequestFlow()
  /** Of that step; of what was queued the tasks have it. */
  #counts = noCounts()
  readonly #passedOn = noCounts()
  readonly #above = new Set<number>()
  #lastAbove = -1
  #completes = 0

  readonly #byTid = new Map<number, TaskRow>()
  readonly #tasks: TaskRow[] = []
  #others: TaskRow | null = null
  #lastTask: TaskRow | null = null

  #splits = 0
  #requeues = 0
  #deviceFlushes = 0
  readonly #errors = new Map<number, number>()
  readonly #flushes = new FlushWaits()
  readonly #q2c = new Latencies()
  readonly #q2d = new Latencies()
  readonly #readD2c = new Latencies()
  readonly #writeD2c = new Latencies()
  readonly #discardD2c = new Latencies()
  readonly #otherD2c = new Latencies()
  readonly #depth = new QueueDepth()

  constructor(number: number, diagnostics: Diagnostics | null) {
    this.number = number
    this.#diagnostics = diagnostics
  }

  get seen(): boolean {
    return this.#basis !== null
  }

  /** Requests of device `above` go on to this one. */
  isBelow(above: number): void {
    if (above === this.#lastAbove) return
    this.#lastAbove = above
    this.#above.add(above)
  }

  /** Row `i` was queued; `passedOn`: by another device, which has counted it too. */
  queue(batch: BlockBatch, i: number, passedOn: boolean): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    this.queues++
    if (this.#basis !== 'queue') this.#begin('queue')
    this.#flow.add(batch, i)
    let task = this.#lastTask
    if (!task || task.tid !== batch.tid[i] || task.id !== batch.comm[i] || task.strings !== batch.strings) {
      task = this.#task(batch, i)
    }
    count(task.counts, flags, bytes)
    if (passedOn) count(this.#passedOn, flags, bytes)
    if (flags & (OP.flush | OP.fua)) this.#flushes.queued(batch, i)
    if (bytes === 0 || batch.sector[i] < 0 || flags & OP.passthrough) return
    if (this.#table.full) this.#forget()
    this.#table.queue(batch, i, -1)
  }

  issue(batch: BlockBatch, i: number): void {
    const flags = batch.flags[i]
    const bytes = batch.bytes[i]
    if (bytes > 0 && batch.sector[i] >= 0 && (flags & OP.passthrough) === 0) {
      if (this.#table.full) this.#forget()
      // Where completions are not traced at all, the next write of a block looks as if it were sent again.
      if (this.#table.send(batch, i, this.#completes > 0) < 0) {
        this.#requeues++
        return
      }
      this.#depth.step(1, batch.atNs, i)
      if (this.#table.sentAgain) return
    } else if (bytes === 0 && flags & OP.flush) {
      this.#deviceFlushes++
      this.#flushes.sent(batch, i)
      this.#depth.step(1, batch.atNs, i)
    }
    if (this.#basis !== 'queue') this.#count('issue', batch, i)
  }

  complete(batch: BlockBatch, i: number): void {
    const flags = batch.flags[i]
    const error = batch.error[i]
    this.#completes++
    if (error !== 0) this.#fail(error)
    if (batch.bytes[i] === 0) {
      if (this.#basis === null) this.#begin('complete')
      if (this.#flushes.ended(batch, i)) this.#depth.step(-1, batch.atNs, i)
      return
    }
    if (this.#basis !== 'queue') this.#count('complete', batch, i)
    if (batch.sector[i] < 0 || flags & OP.passthrough) return
    const table = this.#table
    const sent = table.complete(batch, i)
    if (sent < 0) return
    this.#depth.step(-1, batch.atNs, i)
    this.#d2cOf(flags).addSpan(table.numbers, table.sentNs(sent), batch.atNs, i)
  }

  /** After each batch: how long what is done took. */
  settle(): void {
    const { done } = this.#table
    this.#q2c.addSpans(done.queuedNs, done.atNs, done.count)
    this.#q2d.addSpans(done.queuedNs, done.sentNs, done.count)
    done.count = 0
  }

  #forget(): void {
    const forgotten = this.#table.forget()
    this.#depth.forget()
    this.#diagnostics?.add(REQUESTS.tooManyOpen, null, deviceText(this.number) ?? '', forgotten)
  }

  requeue(batch: BlockBatch, i: number): void {
    this.#requeues++
    if (this.#table.requeue(batch, i)) this.#depth.step(-1, batch.atNs, i)
  }

  split(batch: BlockBatch, i: number): void {
    this.#splits++
    this.#table.splitQueued(batch, i)
  }

  #fail(error: number): void {
    const times = this.#errors.get(error)
    if (times !== undefined || this.#errors.size < MAX_ERRORS) this.#errors.set(error, (times ?? 0) + 1)
    else this.#diagnostics?.add(REQUESTS.tooManyErrors, null, deviceText(this.number) ?? '')
  }

  #begin(basis: Basis): void {
    this.#basis = basis
    this.#flow = new RequestFlow()
    this.#counts = noCounts()
  }

  /** Counts a request where no earlier step of it is in the trace. */
  #count(step: Basis, batch: BlockBatch, i: number): void {
    if (this.#basis === null || (this.#basis === 'complete' && step === 'issue')) this.#begin(step)
    if (step !== this.#basis) return
    this.#flow.add(batch, i)
    count(this.#counts, batch.flags[i], batch.bytes[i])
  }

  #d2cOf(flags: number): Latencies {
    if (flags & OP.write) return this.#writeD2c
    if (flags & OP.read) return this.#readD2c
    return flags & DATALESS ? this.#discardD2c : this.#otherD2c
  }

  #task(batch: BlockBatch, i: number): TaskRow {
    const tid = batch.tid[i]
    const id = batch.comm[i]
    const { strings } = batch
    let row = this.#byTid.get(tid) ?? null
    if (row && row.id === id && row.strings === strings) return (this.#lastTask = row)
    const comm = id < 0 ? null : strings.text(id)
    while (row && !(comm === null || row.comm === null || row.comm === comm)) row = row.next
    if (!row) {
      if (this.#tasks.length >= MAX_TASKS) {
        this.#diagnostics?.add(REQUESTS.tooManySubmitters, null, deviceText(this.number) ?? '')
        if (!this.#others) {
          this.#others = { tid: null, comm: null, id: -1, strings: null, counts: noCounts(), next: null }
          this.#tasks.push(this.#others)
        }
        return this.#others
      }
      row = { tid, comm, id, strings, counts: noCounts(), next: this.#byTid.get(tid) ?? null }
      this.#tasks.push(row)
      this.#byTid.set(tid, row)
    }
    // A name that comes late names what the task did before.
    if (row.comm === null) row.comm = comm
    row.id = id
    row.strings = strings
    this.#lastTask = row
    return row
  }

  summary(): DeviceSummary {
    const { firstNs, lastNs, sequentialShare } = this.#flow
    return {
      device: deviceText(this.number) ?? 'none',
      basis: this.#basis ?? 'complete',
      ...(this.#basis === 'queue' ? sumOf(this.#tasks.map(({ counts }) => counts)) : this.#counts),
      sequentialShare,
      firstNs: Number.isNaN(firstNs) ? null : firstNs,
      lastNs: Number.isNaN(lastNs) ? null : lastNs,
      q2c: this.#q2c.spread(),
      q2d: this.#q2d.spread(),
      d2c: Latencies.together([this.#readD2c, this.#writeD2c, this.#discardD2c, this.#otherD2c]).spread(),
      deviceFlushes: this.#deviceFlushes,
      deviceFlushD2c: this.#flushes.d2c.spread(),
      flushQ2c: this.#flushes.q2c.spread(),
      readD2c: this.#readD2c.spread(),
      writeD2c: this.#writeD2c.spread(),
      discardD2c: this.#discardD2c.spread(),
      merges: this.merges,
      splits: this.#splits,
      requeues: this.#requeues,
      errors: Object.fromEntries([...this.#errors].map(([error, times]) => [String(error), times])),
      depth: this.#depth.summary(),
      busyNs: this.#depth.busyNs,
      passedOn: { ...this.#passedOn },
      above: [...this.#above].map(deviceText).filter((text) => text !== null),
      unfinished: this.#table.open + this.#table.forgotten,
      tasks: this.#tasks
        .map(({ tid, comm, counts }) => ({ tid, comm, ...counts }))
        .sort((a, b) => b.bytes - a.bytes || b.flushes - a.flushes || (a.tid ?? 0) - (b.tid ?? 0)),
    }
  }
}
