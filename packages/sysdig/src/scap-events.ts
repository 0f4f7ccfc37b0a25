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
import { CALLS, callIndex, decodeUtf8, latin1, TASK_NAME, type Extra, type FdRef } from '@flushtrace/trace'
import { CALL_CODES, NATIVE_X86_64 } from './call-codes.ts'
import * as C from './columns.ts'
import { containerOf } from './containers.ts'
import { Lineage } from './lineage.ts'
import { PLANS, type Plan } from './plans.ts'
import { deviceName, splitArguments } from './process-lists.ts'
import { KEYS, type CallRows } from './rows.ts'
import { TaskTable, type TaskCall } from './task-calls.ts'

interface Layout {
  readonly flags: boolean
  /** v2: the number of parameters is in the event. */
  readonly counted: boolean
  readonly large: boolean
}

const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [0x204, { flags: false, counted: false, large: false }],
  [0x8010abcd, { flags: false, counted: false, large: false }],
  [0x208, { flags: true, counted: false, large: false }],
  [0x216, { flags: false, counted: true, large: false }],
  [0x217, { flags: true, counted: true, large: false }],
  [0x221, { flags: false, counted: true, large: true }],
  [0x222, { flags: true, counted: true, large: true }],
])

const STATE_ONLY = 1
/** Of the event header: time, tid, length, id; and of v2 the number of parameters. */
const HEADER_V1 = 22
const HEADER_V2 = 26
/** `notification` and `infra` of v1 say three bytes too many. */
const NOTIFICATION = 280
const INFRASTRUCTURE = 286

/** Keys of generic calls: 1024 + 2 × code, of those without a code 3072 + 2 × the kernel's number; exits one more. */
const GENERIC = 1024
const NATIVE = 3072
const MAX_CODE = (NATIVE - GENERIC) / 2
const MAX_NATIVE = (KEYS - NATIVE) / 2

const GETCWD = callIndex('getcwd')
/** More than this is not what the driver keeps of a command line: it was cut. */
const CUT_ARGUMENTS = 4095
/** Events of several processors stand a little out of order. */
const REORDER_NS = 1e9
const TWO_32 = 4294967296
const NO_TIME = 0xffffffff
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/** By event id: 1 for what changes no state, whatever it holds. */
const COUNT_ONLY: Uint8Array = Uint8Array.from(PLANS, ({ kind }, id) =>
  kind === 'note' || (kind === 'plain' && id % 2 === 1) ? 1 : 0,
)

const CODE_CALLS: Int16Array = Int16Array.from(CALL_CODES, (name) => callOfName(name))
const NATIVE_CALLS: Int16Array = new Int16Array(MAX_NATIVE).fill(-1)
for (const [number, name] of NATIVE_X86_64) NATIVE_CALLS[number] = callOfName(name)

function callOfName(name: string): number {
  return C.isBare(name) ? C.rowCall(name) : -1
}

/** The name behind a key of `counts`; exits have odd keys. */
export function keyName(key: number): string {
  if (key < GENERIC) return PLANS[key]?.name ?? ''
  if (key >= NATIVE) return NATIVE_X86_64.get((key - NATIVE) >> 1) ?? ''
  const code = (key - GENERIC) >> 1
  return code === 0 ? '<unknown>' : (CALL_CODES[code] ?? `<call ${code}>`)
}

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
  readonly containers = new Map<number, string>()

  events = 0
  stateOnly = 0
  used = 0
  /** Of `events`: read no further than the header, and of kinds newer than the table. They are in no other count. */
  unread = 0
  unknown = 0
  /** Not among `events`: not even the header fits its block. */
  headless = 0
  /** Events by key. */
  readonly counts = new Float64Array(KEYS)
  readonly failures = new Float64Array(KEYS)
  /** Exits of a fork in the child: events, but not calls. */
  readonly births = new Float64Array(KEYS)
  #originLow = 0
  #originHigh = -1
  nowNs = NaN
  lastNs = NaN
  /** Number of parameters that an event of v1 had the last time: a capture comes from one driver. */
  readonly #paramsOfV1 = new Int16Array(PLANS.length).fill(-1)
  /** Where the text parameters of the event at hand are. */
  readonly #textStart = new Int32Array(C.TEXTS)
  readonly #textEnd = new Int32Array(C.TEXTS)
  readonly #devices = new Map<number, string>()
  /** Of the last event: a capture has one or two kinds of them. */
  #layoutType = 0
  #layout!: Layout
  /** Time of the last event as it stands in the file. */
  #low = 0
  #high = 0

  constructor(rows: CallRows, report: ScapEventsReport) {
    this.#rows = rows
    this.#lineage = new Lineage(rows)
    this.#report = report
  }

  /** Time of the first event, ns since 1970; null before it. */
  get origin(): bigint | null {
    return this.#originHigh < 0 ? null : (BigInt(this.#originHigh) << 32n) | BigInt(this.#originLow)
  }

  newSection(): void {
    this.#rows.reset()
    this.#lineage.reset()
    this.#paramsOfV1.fill(-1)
  }

  onEvent(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void {
    if (type !== this.#layoutType) {
      this.#layoutType = type
      this.#layout = LAYOUTS.get(type) as Layout
    }
    const layout = this.#layout
    const start = layout.flags ? at + 14 : at + 10
    const end = at + length - 4
    const header = layout.counted ? HEADER_V2 : HEADER_V1
    if (start + header > end) {
      this.headless++
      this.#report.damaged(offset, `${length} bytes`)
      return
    }
    const size = view.getUint32(start + 16, true)
    const id = view.getUint16(start + 20, true)
    if (size < header || start + size > end + (isSloppy(id) ? 3 : 0)) {
      this.headless++
      this.#report.damaged(offset, `event ${id} of ${size} bytes`)
      return
    }
    this.events++
    this.#low = view.getUint32(start, true)
    this.#high = view.getUint32(start + 4, true)
    if (this.#originHigh < 0) this.stamp()
    if (id >= PLANS.length) {
      this.unknown++
      this.#report.unknown(offset, id)
      return
    }
    const stateOnly = layout.flags && (view.getUint32(at + 10, true) & STATE_ONLY) !== 0
    if (stateOnly) this.stateOnly++
    // Most events of a capture: context switches, and exits of calls that are only counted.
    if (COUNT_ONLY[id] === 1) {
      if (!stateOnly) this.counts[id]++
      return
    }
    this.stamp()
    const plan = PLANS[id]
    const tid = view.getUint32(start + 8, true)
    const params = layout.counted ? view.getUint32(start + 22, true) : this.#countV1(view, id, plan, start, size)
    const wide = layout.large ? 4 : 2
    const first = start + header + params * wide
    if (params < 0 || first > start + size) {
      this.#unread(stateOnly)
      this.#report.damaged(offset, `event ${id} of ${size} bytes, ${params} parameters`)
      return
    }
    // Ids of tasks beyond what Linux gives are damage, or an event that belongs to none (-1).
    if (!TaskTable.valid(tid) || view.getUint32(start + 12, true) !== 0) {
      if (plan.kind === 'generic') this.#unread(stateOnly)
      else if (!stateOnly) this.counts[id]++
      if (plan.kind !== 'sampling') this.#report.damaged(offset, `event ${id} of task ${tid}`)
      return
    }
    const ok = this.#dispatch(plan, id, tid, buf, view, start + header, first, start + size, params, wide, stateOnly)
    if (!ok) this.#report.damaged(offset, `event ${id}, ${params} parameters in ${size} bytes`)
  }

  /** One that was left out on purpose is in that count already. */
  #unread(stateOnly: boolean): void {
    if (!stateOnly) this.unread++
  }

  /** Takes the time of the last event. */
  stamp(): void {
    const low = this.#low
    const high = this.#high
    // Notes that sysdig makes itself (containers) have no time: 0 or -1.
    if (high === 0 || high === NO_TIME) return
    if (this.#originHigh < 0) {
      this.#originLow = low
      this.#originHigh = high
    }
    const now = (high - this.#originHigh) * TWO_32 + (low - this.#originLow)
    if (now < this.nowNs - REORDER_NS) this.#report.backwards(this.events)
    if (!(now <= this.lastNs)) this.lastNs = now
    this.nowNs = now
  }

  /** v1 does not tell how many parameters there are: the number whose lengths add up to the event's. */
  #countV1(view: DataView, id: number, plan: Plan, start: number, size: number): number {
    const slack = isSloppy(id) ? 3 : 0
    const known = this.#paramsOfV1[id]
    if (known >= 0 && fits(view, start, size - slack, known)) return known
    for (let params = plan.params; params >= 0; params--) {
      if (!fits(view, start, size - slack, params)) continue
      this.#paramsOfV1[id] = params
      return params
    }
    return -1
  }

  #dispatch(
    plan: Plan,
    id: number,
    tid: number,
    buf: Uint8Array,
    view: DataView,
    lengths: number,
    first: number,
    end: number,
    params: number,
    wide: number,
    stateOnly: boolean,
  ): boolean {
    const exit = (id & 1) === 1
    switch (plan.kind) {
      case 'generic':
        return this.#generic(tid, exit, view, lengths, first, end, params, wide, stateOnly)
      case 'plain':
      case 'receive':
        if (!stateOnly) this.counts[id]++
        if (!exit) this.#begunPlain(tid)
        else if (plan.kind === 'receive')
          return this.#received(plan, id, tid, buf, view, lengths, first, end, params, wide)
        return true
      case 'taskExit':
        if (!stateOnly) this.counts[id]++
        this.#exited(tid)
        return true
      case 'sampling':
        this.counts[id]++
        this.#report.sampled(params > 0 ? view.getUint32(first, true) : 0)
        return true
      default:
        break
    }
    if (!stateOnly) this.counts[id]++
    // Task 0 is the idle loop: it calls nothing. Bytes of an event that the filter left out are not counted.
    if (tid === 0 || (stateOnly && CALLS[plan.call].role === 'write')) return true
    this.used++
    const task = this.#task(tid)
    if (!exit) {
      this.#rows.begin(task, id)
      const ok = this.#fill(plan, task, true, buf, view, lengths, first, end, params, wide)
      this.#rows.entered(task, plan.call, this.nowNs, this.events)
      if (plan.kind === 'fork') this.#lineage.entered(task)
      return ok
    }
    this.#rows.end(task, id - 1)
    const ok = this.#fill(plan, task, false, buf, view, lengths, first, end, params, wide)
    if (task.values[C.RESULT] < 0 && !stateOnly) this.failures[id]++
    if (plan.kind === 'fork') this.#forked(plan, id, task, buf)
    else if (plan.kind === 'exec') this.#execed(plan, task, buf)
    else this.#ended(plan, task)
    return ok
  }

  #task(tid: number): TaskCall {
    const { tasks } = this.#rows
    if (tasks.full) this.newSection()
    return tasks.get(tid)
  }

  #begunPlain(tid: number): void {
    if (this.#rows.tasks.has(tid)) this.#rows.beginPlain(this.#rows.tasks.get(tid))
  }

  #exited(tid: number): void {
    this.#lineage.exited(tid)
    if (this.#rows.tasks.has(tid)) this.#rows.exited(this.#rows.tasks.get(tid), this.nowNs, this.events)
    else this.#rows.leaders.delete(tid)
  }

  // Generic calls: fsync and its kin -----------------------------------------------------------------------------------

  #generic(
    tid: number,
    exit: boolean,
    view: DataView,
    lengths: number,
    first: number,
    end: number,
    params: number,
    wide: number,
    stateOnly: boolean,
  ): boolean {
    if (params < 1 || first + 2 > end) {
      this.#unread(stateOnly)
      return false
    }
    const code = view.getUint16(first, true)
    let call = -1
    let key = GENERIC + 2 * Math.min(code, MAX_CODE - 1)
    if (code !== 0) call = code < CODE_CALLS.length ? CODE_CALLS[code] : -1
    else {
      // The exit of older versions has the code only: it belongs to the enter before it.
      const native =
        params > 1 && first + 4 <= end && lengths + 2 * wide <= first ? view.getUint16(first + 2, true) : -1
      const pending = exit && native < 0 && this.#rows.tasks.has(tid) ? this.#rows.tasks.get(tid).key : -1
      if (NATIVE_X86_64.has(native)) key = NATIVE + 2 * native
      else if (pending >= NATIVE) key = pending
      call = key >= NATIVE ? NATIVE_CALLS[(key - NATIVE) >> 1] : -1
    }
    if (!stateOnly) this.counts[exit ? key + 1 : key]++
    if (call < 0 || tid === 0 || stateOnly) {
      if (!exit && code !== 0) this.#begunPlain(tid)
      return true
    }
    this.used++
    const task = this.#task(tid)
    if (exit) {
      this.#rows.end(task, key)
      this.#rows.ended(task, call, this.nowNs, this.events)
    } else {
      this.#rows.begin(task, key)
      this.#rows.entered(task, call, this.nowNs, this.events)
    }
    return true
  }

  // Parameters ---------------------------------------------------------------------------------------------------------

  /** False when they reach beyond the event. */
  #fill(
    plan: Plan,
    task: TaskCall,
    enter: boolean,
    buf: Uint8Array,
    view: DataView,
    lengths: number,
    first: number,
    end: number,
    params: number,
    wide: number,
  ): boolean {
    const { slots, converts } = plan
    const { values } = task
    const count = params < plan.used ? params : plan.used
    this.#textStart.fill(-1)
    let at = first
    for (let k = 0; k < count; k++) {
      const length = wide === 2 ? view.getUint16(lengths + 2 * k, true) : view.getUint32(lengths + 4 * k, true)
      const next = at + length
      if (next > end) return false
      const slot = slots[k]
      // No length: not available.
      if (slot >= 0 && length > 0) {
        if (slot >= C.TEXT) {
          this.#textStart[slot - C.TEXT] = at
          this.#textEnd[slot - C.TEXT] = next
        } else if (slot === C.PATH || slot === C.PATH2) {
          this.#path(task, slot, enter, buf, at, next)
        } else {
          const convert = converts[k]
          const value = integer(view, at, length)
          values[slot] = convert ? convert(value) : value
        }
      }
      at = next
    }
    return true
  }

  #path(task: TaskCall, slot: number, enter: boolean, buf: Uint8Array, at: number, next: number): void {
    const end = buf[next - 1] === 0 ? next - 1 : next
    // `<NA>`: the driver could not read it.
    if (end - at === 4 && buf[at] === 0x3c && buf[at + 1] === 0x4e && buf[at + 2] === 0x41 && buf[at + 3] === 0x3e)
      return
    if (enter) {
      if (slot === C.PATH) task.path = decodeUtf8(buf, at, end)
      else task.path2 = decodeUtf8(buf, at, end)
    } else if (Number.isNaN(task.values[slot])) {
      // The first of two wins: execve's resolved path stands before the one it was given.
      task.values[slot] = this.#rows.strings.intern(buf, at, end, decodeUtf8)
    }
  }

  /** A text parameter of the event at hand, without its last NUL; null when there is none. */
  #text(which: number, buf: Uint8Array): string | null {
    const start = this.#textStart[which]
    if (start < 0) return null
    const end = this.#textEnd[which]
    return decodeUtf8(buf, start, buf[end - 1] === 0 ? end - 1 : end)
  }

  // Calls that need more than columns ----------------------------------------------------------------------------------

  #ended(plan: Plan, task: TaskCall): void {
    const { values } = task
    const i = this.#rows.ended(task, plan.call, this.nowNs, this.events)
    if (i < 0 || !(values[C.RESULT] >= 0)) return
    const { extra } = this.#rows.batch
    if (values[C.DEV] > 0 || values[C.INO] > 0) extra[i] = this.#identity(values[C.INO], values[C.DEV])
    else if (values[C.FIRST] >= 0) extra[i] = { kind: 'fds', fds: [fdRef(values[C.FIRST]), fdRef(values[C.SECOND])] }
  }

  #identity(inode: number, device: number): Extra {
    let name: string | null = null
    if (device > 0) {
      name = this.#devices.get(device) ?? null
      if (name === null) {
        if (this.#devices.size > 4096) this.#devices.clear()
        this.#devices.set(device, (name = deviceName(device)))
      }
    }
    return { kind: 'stat', inode: inode > 0 ? inode : null, device: name }
  }

  #forked(plan: Plan, id: number, task: TaskCall, buf: Uint8Array): void {
    const { values, tid } = task
    if (values[C.RESULT] === 0) {
      this.births[id]++
      this.#learnContainer(tid, buf)
    }
    this.#lineage.ended(task, plan.call, this.nowNs, this.events)
  }

  #execed(plan: Plan, task: TaskCall, buf: Uint8Array): void {
    const rows = this.#rows
    const done = task.values[C.RESULT] === 0
    const i = rows.ended(task, plan.call, this.nowNs, this.events)
    if (!done || i < 0) return
    const exe = this.#text(C.EXE, buf)
    const args = this.#text(C.ARGS, buf) ?? ''
    if (exe !== null) {
      const cut = args !== '' && this.#textEnd[C.ARGS] - this.#textStart[C.ARGS] >= CUT_ARGUMENTS
      rows.batch.extra[i] = { kind: 'argv', argv: [exe, ...(args === '' ? [] : splitArguments(`${args}\0`))], cut }
      if (rows.batch.path[i] < 0) rows.batch.path[i] = rows.strings.add(exe)
    }
    // Behind the row of the call: it is what the new program starts with.
    const cwd = this.#text(C.CWD, buf)
    if (cwd?.startsWith('/')) rows.addNote(GETCWD, task, rows.strings.add(cwd), this.nowNs, this.events)
    const comm = this.#text(C.COMM, buf)
    if (comm) rows.addNote(TASK_NAME, task, rows.strings.add(comm), this.nowNs, this.events)
    this.#learnContainer(task.tid, buf)
  }

  #learnContainer(tid: number, buf: Uint8Array): void {
    const start = this.#textStart[C.CGROUPS]
    if (start < 0) return
    const container = containerOf(latin1(buf, start, this.#textEnd[C.CGROUPS]))
    if (container === null) this.containers.delete(tid)
    else this.containers.set(tid, container)
  }

  /** recvmsg that brought descriptors: their numbers mean something new. What they are, sysdig does not show. */
  #received(
    plan: Plan,
    id: number,
    tid: number,
    buf: Uint8Array,
    view: DataView,
    lengths: number,
    first: number,
    end: number,
    params: number,
    wide: number,
  ): boolean {
    const last = plan.used <= params ? 4 : params - 1 // msgcontrol is the fifth parameter, since 2023
    if (last < 4) return true
    const length = wide === 2 ? view.getUint16(lengths + 2 * last, true) : view.getUint32(lengths + 4 * last, true)
    if (length < 20 || tid === 0) return true
    const task = this.#task(tid)
    this.#rows.end(task, id - 1)
    if (!this.#fill(plan, task, false, buf, view, lengths, first, end, params, wide)) return false
    const fds = receivedFds(view, this.#textStart[C.CONTROL], this.#textEnd[C.CONTROL])
    if (fds.length === 0) return true
    this.used++
    const i = this.#rows.ended(task, plan.call, this.nowNs, this.events)
    this.#rows.batch.extra[i] = { kind: 'fds', fds: fds.map(fdRef) }
    return true
  }
}

function isSloppy(id: number): boolean {
  return id === NOTIFICATION || id === INFRASTRUCTURE
}

/** Whether `params` lengths add up to an event of `size` bytes. */
function fits(view: DataView, start: number, size: number, params: number): boolean {
  const lengths = start + HEADER_V1
  if (HEADER_V1 + 2 * params > size) return false
  let total = HEADER_V1 + 2 * params
  for (let k = 0; k < params; k++) total += view.getUint16(lengths + 2 * k, true)
  return total === size
}

/** 64-bit parameters are signed (results, descriptors, offsets), shorter ones are not. */
function integer(view: DataView, at: number, length: number): number {
  switch (length) {
    case 8:
      return view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true)
    case 4:
      return view.getUint32(at, true)
    case 2:
      return view.getUint16(at, true)
    case 1:
      return view.getUint8(at)
    default:
      return NaN
  }
}

function fdRef(fd: number): FdRef {
  return { fd, name: null }
}

/** struct cmsghdr: u64 length with these 16 bytes, i32 level, i32 type; then i32 descriptors. */
function receivedFds(view: DataView, start: number, end: number): number[] {
  const fds: number[] = []
  let at = start
  while (start >= 0 && end - at >= 16) {
    const length = view.getUint32(at, true)
    if (length < 16 || length > end - at) break
    if (view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let k = at + 16; k + 4 <= at + length; k += 4) fds.push(view.getInt32(k, true))
    }
    at += Math.ceil(length / 8) * 8
  }
  return fds
}
