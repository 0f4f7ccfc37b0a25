/**
 * One event block → counts, and rows for the calls that matter. Nothing is made per event: numbers go from the block
 * into the task's array of slots.
 *
 *     block   8 u16 cpu | [EVF: u32 flags] | u64 ns since 1970 | u64 tid | u32 length | u16 id | [V2: u32 parameters]
 *             | u16 (large: u32) length of each parameter | parameters
 *     04020000 2c000000 0100 735f452131528e14 5916000000000000 1e000000 0000 0200 0200 4800 4a00 2c000000   > fsync, v1
 *     04020000 28000000 0100 a50d4a2131528e14 5916000000000000 1a000000 0100 0200 4800 28000000             < fsync
 *     16020000 30000000 0000 aef005a2df107617 f702000000000000 22000000 0000 02000000 0200 0200 d100 0e01 30000000   V2
 *
 * Format: falcosecurity/libs driver/ppm_events_public.h (struct ppm_evt_hdr), userspace/libscap/scap_savefile.c.
 * The event's own length counts, not the block's: editors append pcapng options behind it.
 */
import { ByTask, CALLS, type TaskList } from '@flushtrace/trace'
import { genericCall, genericKey, isUnnamed } from './call-keys.ts'
import * as C from './columns.ts'
import { inherit } from './containers.ts'
import { DetailedCalls } from './detailed-calls.ts'
import { EventClock } from './event-clock.ts'
import { EVENT_LAYOUTS, type EventLayout } from './event-layouts.ts'
import { EventParameters, slackOf } from './event-parameters.ts'
import { Lineage } from './lineage.ts'
import { PLANS, type Plan } from './plans.ts'
import { KEYS, type CallRows } from './rows.ts'
import { ALWAYS, BEGINS, WAYS, type Sieve } from './sieve.ts'
import type { TaskCall } from './task-calls.ts'

const STATE_ONLY = 1

export interface ScapEventsReport {
  damaged(offset: number, what: string): void
  unknown(offset: number, id: number): void
  sampled(ratio: number): void
  backwards(record: number): void
}

export class ScapEvents {
  readonly #rows: CallRows
  readonly #lineage: Lineage
  readonly #report: ScapEventsReport
  readonly #sieve: Sieve | null
  readonly containers: Map<number, string>

  events = 0
  /** Of these, the ones before the section at hand. */
  #eventsBefore = 0
  /** What was listed since the last event. */
  list: TaskList | null = null
  stateOnly = 0
  #used = 0
  /** Of `events`: read no further than the header, and of kinds newer than the table. They are in no other count. */
  unread = 0
  unknown = 0
  /** Enters and exits without a code of sysdig's that tell the kernel's number; of these, the ones that no table names. */
  readonly numbered = [0, 0]
  readonly numberedOnly = [0, 0]
  firstNumber = -1
  /** Not among `events`: not even the header fits its block. */
  headless = 0
  /** Events by key. */
  readonly counts: Float64Array
  readonly failures: Float64Array
  /** Exits of a fork in the child: events, but not calls. */
  readonly births = new Float64Array(KEYS)
  readonly clock = new EventClock()
  /** Of the event at hand. */
  readonly #parameters: EventParameters
  readonly #calls: DetailedCalls
  /** Of the last event: a capture has one or two kinds of them. */
  #layoutType = 0
  #layout!: EventLayout
  /** `sieve`: of `rows`, too; null: each event is looked at. */
  constructor(rows: CallRows, sieve: Sieve | null, containers: Map<number, string>, report: ScapEventsReport) {
    this.#rows = rows
    this.#sieve = sieve
    this.counts = sieve?.counts ?? new Float64Array(KEYS)
    this.failures = sieve?.failures ?? new Float64Array(KEYS)
    this.#lineage = new Lineage(rows)
    this.#parameters = new EventParameters(rows)
    this.containers = containers
    this.#calls = new DetailedCalls(rows, this.#parameters, this.clock, containers)
    this.#report = report
  }

  /** Events that became rows or parts of rows, or belong to a call that could have. */
  get used(): number {
    return this.#used + (this.#sieve?.used ?? 0)
  }

  get sectionEvents(): number {
    return this.events - this.#eventsBefore
  }

  newSection(): void {
    if (this.events > 0) this.clock.stamp()
    this.#forget()
    this.#parameters.newSection()
    this.#eventsBefore = this.events
    // One that lists nothing may be of another time, too.
    this.list = this.events > 0 ? { tasks: new Map(), whole: false, bootSeconds: null, sinceNs: NaN } : null
  }

  /** Nothing is known of any task. */
  #forget(): void {
    this.#adopt()
    this.#rows.newSection()
    this.#lineage.reset()
  }

  /** The event in a block. */
  onEvent(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void {
    if (type !== this.#layoutType) {
      this.#layoutType = type
      this.#layout = EVENT_LAYOUTS.get(type) as EventLayout
    }
    const { before, header } = this.#layout
    const start = at + before
    const end = at + length - 4
    if (start + header > end) {
      this.headless++
      this.#report.damaged(offset, `${length} bytes`)
      return
    }
    const size = view.getUint32(start + 16, true)
    const id = view.getUint16(start + 20, true)
    if (size < header || start + size > end + slackOf(id)) {
      this.headless++
      this.#report.damaged(offset, `event ${id} of ${size} bytes`)
      return
    }
    if (id < PLANS.length) {
      this.#whole(buf, view, start, size, id, offset)
      return
    }
    this.#arrived(view, start)
    this.unknown++
    this.#report.unknown(offset, id)
  }

  /**
   * The events of the blocks from `pos` on: of blocks of the kind that was last, which are whole and as they should be,
   * up to one that makes the rows full. Where it stopped; `base` + position is the place in the stream.
   */
  run(buf: Uint8Array, view: DataView, pos: number, end: number, base: number): number {
    const type = this.#layoutType
    if (type === 0 || this.list) return pos
    const { before, header } = this.#layout
    const sieve = this.#expecting()
    const least = before + header + 4
    for (;;) {
      if (sieve) pos = this.#sift(sieve, view, pos, end)
      if (end - pos < least || view.getUint32(pos, true) !== type) return pos
      const length = view.getUint32(pos + 4, true)
      if (length < least || length > end - pos || view.getUint32(pos + length - 4, true) !== length) return pos
      const start = pos + before
      const size = view.getUint32(start + 16, true)
      const id = view.getUint16(start + 20, true)
      if (size < header || before + size > length - 4 || id >= PLANS.length || this.#rows.crowded) return pos
      this.#whole(buf, view, start, size, id, base + pos)
      pos += length
    }
  }

  /** The sieve, where it knows events like the last one. */
  #expecting(): Sieve | null {
    const { flags, large } = this.#layout
    if (!this.#sieve || flags || large) return null
    return this.#sieve.expect(this.#layoutType, this.#layout, this.clock) ? this.#sieve : null
  }

  #sift(sieve: Sieve, view: DataView, pos: number, end: number): number {
    const stopped = sieve.pass(view, pos, end, this.clock, this.events, this.#rows.opens)
    this.events = sieve.events
    return stopped
  }

  /** Before rows can be told: the call that the sieve holds open. */
  #adopt(): void {
    const slot = this.#sieve?.takeOpen() ?? 0
    if (slot > 0) this.#rows.adopt(slot)
  }

  /** One more event, and its time. */
  #arrived(view: DataView, start: number): void {
    this.events++
    const inOrder = this.clock.arrive(view.getUint32(start, true), view.getUint32(start + 4, true))
    if (!inOrder) this.#report.backwards(this.events)
    // A note without a time may come before all others.
    if (this.list && this.clock.originHigh >= 0) this.#tellList(this.list)
  }

  #whole(buf: Uint8Array, view: DataView, start: number, size: number, id: number, offset: number): void {
    this.#arrived(view, start)
    const { flags, header, counted, large } = this.#layout
    const stateOnly = flags && (view.getUint32(start - 4, true) & STATE_ONLY) !== 0
    if (stateOnly) this.stateOnly++
    if (WAYS[id] === ALWAYS) {
      if (!stateOnly) this.counts[id]++
      return
    }
    this.clock.stamp()
    this.#adopt()
    const plan = PLANS[id]
    const tid = view.getUint32(start + 8, true)
    const parameters = this.#parameters
    parameters.lookAt(buf, view)
    const count = counted ? view.getUint32(start + 22, true) : parameters.countV1(plan, id, start, size)
    // Of the enter of a call that is only counted nobody looks at them.
    if (!parameters.place(start + header, count, large, start + size) && WAYS[id] !== BEGINS) {
      this.#unread(stateOnly)
      this.#report.damaged(offset, `event ${id} of ${size} bytes, ${count} parameters`)
      return
    }
    // Ids of tasks beyond what Linux gives are damage, or an event that belongs to none (-1).
    if (!ByTask.valid(tid) || view.getUint32(start + 12, true) !== 0) {
      if (plan.kind === 'generic') this.#unread(stateOnly)
      else if (!stateOnly) this.counts[id]++
      if (plan.kind !== 'sampling') this.#report.damaged(offset, `event ${id} of task ${tid}`)
      return
    }
    const ok = this.#dispatch(plan, id, tid, stateOnly)
    if (!ok) this.#report.damaged(offset, `event ${id}, ${count} parameters in ${size} bytes`)
  }

  #tellList(list: TaskList): void {
    this.list = null
    if (list.tasks.size === 0 && this.#eventsBefore === 0) return
    const before = this.clock.nowNs
    this.clock.stamp()
    list.sinceNs = this.clock.nowNs - before
    this.#adopt()
    this.#rows.addList(list, this.clock.nowNs, this.events)
  }

  /** One that was left out on purpose is in that count already. */
  #unread(stateOnly: boolean): void {
    if (!stateOnly) this.unread++
  }

  /** After the last event. `enterOnly`: the source shows no exits. */
  finish(enterOnly: boolean): void {
    if (this.events > 0) this.clock.stamp()
    this.#adopt()
    this.#rows.finish(enterOnly)
  }

  #dispatch(plan: Plan, id: number, tid: number, stateOnly: boolean): boolean {
    const exit = (id & 1) === 1
    const { kind, call } = plan
    if (kind === 'generic') return this.#generic(tid, exit, stateOnly)
    if (!stateOnly || kind === 'sampling') this.counts[id]++
    switch (kind) {
      case 'plain':
      case 'receive':
        if (!exit) this.#rows.beginPlain(this.#rows.tasks.find(tid))
        return !exit || kind === 'plain' || this.#received(plan, id, tid)
      case 'taskExit':
        this.#exited(tid)
        return true
      case 'sampling': {
        const { count, view, first } = this.#parameters
        this.#report.sampled(count > 0 ? view.getUint32(first, true) : 0)
        return true
      }
      default:
        break
    }
    // Task 0 is the idle loop: it calls nothing. Bytes of an event that the filter left out are not counted.
    if (tid === 0 || (stateOnly && CALLS[call].role === 'write')) return true
    this.#used++
    const task = this.#task(tid)
    if (!exit) {
      this.#rows.begin(task, id)
      const ok = this.#parameters.fill(plan, task, true)
      this.#rows.entered(task, call, this.clock.nowNs, this.events)
      if (kind === 'fork') this.#lineage.entered(task)
      return ok
    }
    this.#rows.end(task, id - 1)
    const ok = this.#parameters.fill(plan, task, false)
    if (task.values[C.RESULT] < 0 && !stateOnly) this.failures[id]++
    if (kind === 'fork') this.#forked(plan, id, task)
    else if (kind === 'exec') this.#calls.execed(plan, task, this.events)
    else this.#calls.ended(plan, task, this.events)
    return ok
  }

  #task(tid: number): TaskCall {
    const { tasks } = this.#rows
    if (tasks.full) this.#forget() // more than there can be
    return tasks.get(tid)
  }

  #exited(tid: number): void {
    this.#lineage.exited(tid)
    this.#rows.exited(tid, this.clock.nowNs, this.events)
  }

  // Generic calls: fsync and its kin -----------------------------------------------------------------------------------

  #generic(tid: number, exit: boolean, stateOnly: boolean): boolean {
    const parameters = this.#parameters
    const { view, first, end, count } = parameters
    if (count < 1 || first + 2 > end) {
      this.#unread(stateOnly)
      return false
    }
    const code = view.getUint16(first, true)
    const native = count > 1 && first + 4 <= end ? view.getUint16(first + 2, true) : -1
    // The exit of older versions has the code only: it belongs to the enter before it.
    const pending = exit && native < 0 ? (this.#rows.tasks.find(tid)?.key ?? -1) : -1
    const key = genericKey(code, native, pending)
    if (code === 0 && native >= 0 && !stateOnly) this.#numbered(native, key, exit)
    const call = genericCall(code, key)
    if (!stateOnly) this.counts[exit ? key + 1 : key]++
    if (call < 0 || tid === 0 || stateOnly) {
      if (!exit && code !== 0) this.#rows.beginPlain(this.#rows.tasks.find(tid))
      return true
    }
    this.#used++
    const task = this.#task(tid)
    if (exit) {
      this.#rows.end(task, key)
      this.#rows.ended(task, call, this.clock.nowNs, this.events)
    } else {
      this.#rows.begin(task, key)
      this.#rows.entered(task, call, this.clock.nowNs, this.events)
    }
    return true
  }

  #numbered(native: number, key: number, exit: boolean): void {
    this.numbered[Number(exit)]++
    if (isUnnamed(key)) this.numberedOnly[Number(exit)]++
    if (this.firstNumber < 0) this.firstNumber = native
  }

  #forked(plan: Plan, id: number, task: TaskCall): void {
    const { values, tid } = task
    const born = values[C.RESULT] === 0
    const [pid, parent] = [values[C.PID], values[C.PTID]]
    this.#lineage.ended(task, plan.call, this.clock.nowNs, this.events)
    if (!born) return
    this.births[id]++
    // Of a thread its process is the parent.
    inherit(this.containers, tid, pid > 0 && pid !== tid ? pid : parent)
    this.#calls.inContainer(task, this.events)
  }

  #received(plan: Plan, id: number, tid: number): boolean {
    if (tid === 0 || !this.#calls.mayBringFds(plan)) return true
    const task = this.#task(tid)
    this.#rows.end(task, id - 1)
    const brought = this.#calls.received(plan, task, this.events)
    if (brought) this.#used++
    return brought !== null
  }
}
