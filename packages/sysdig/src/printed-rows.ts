/** Printed events, of text or JSON → counts and rows; what scap-events.ts is for captures. */
import {
  ByTask,
  callIndex,
  flags as F,
  TASK_CONTAINER,
  TASK_NAME,
  type CallBatch,
  addOwn,
  setOwn,
  type DiagnosticKind,
  type ListedTask,
  type Diagnostics,
} from '@flushtrace/trace'
import { CallExtras } from './call-extras.ts'
import * as C from './columns.ts'
import { SYSDIG } from './diagnostics.ts'
import { NOT_CALLS } from './event-table.ts'
import { emptyFacts, shownBy } from './facts.ts'
import { Lineage } from './lineage.ts'
import { fillFromText, isJoined, splitInfo } from './parameters.ts'
import { PrintedClock, type TimeMode } from './printed-time.ts'
import type { PrintedEvent } from './printed-event.ts'
import { CallRows, KEYS } from './rows.ts'
import { reportUnshown } from './scap-summary.ts'
import type { TaskCall } from './task-calls.ts'

/** Rows that a name goes away with: sysdig goes on printing the name that a file had when it was opened. */
const RENAMES: ReadonlySet<number> = new Set(
  ['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat'].map((name) => callIndex(name)),
)
const OPENS: ReadonlySet<number> = new Set(['open', 'openat', 'openat2', 'creat'].map((name) => callIndex(name)))
const MAPS: ReadonlySet<string> = new Set(['mmap', 'mmap2'])
const FCNTL = callIndex('fcntl')
const MAX_OUTDATED = 1 << 16
const MAX_THREADS = 1 << 18
const NO_COLUMNS: ReadonlyMap<string, C.Column> = new Map()
/** In place of a container's id: in none. */
const HOST = 'host'
/** Of a damaged event so much is shown. */
const SHOWN = 80

/** By the names of parameters. */
type Values = ReadonlyMap<string, string>
const NONE = new Map<string, string>()

interface TypeInfo {
  readonly name: string
  readonly key: number
  readonly call: number
  readonly columns: ReadonlyMap<string, C.Column>
  enter: number
  exit: number
  /** Exits of a fork in the child. */
  births: number
  errors: number
}

export class PrintedRows {
  readonly facts = emptyFacts()
  /** Text lists no processes. */
  readonly processes: ReadonlyMap<number, ListedTask> = new Map()
  readonly containers = new Map<number, string>()
  readonly rows = new CallRows(null, true)
  readonly #lineage = new Lineage(this.rows)
  readonly #extras = new CallExtras()
  readonly #clock: PrintedClock
  readonly #path: string
  readonly #diagnostics: Diagnostics
  readonly #types = new Map<string, TypeInfo>()
  /** Paths that no longer lead to what had them when sysdig first printed them. */
  readonly #outdated = new Set<string>()
  #line = 0

  constructor(path: string, diagnostics: Diagnostics, mode: TimeMode) {
    this.#path = path
    this.#diagnostics = diagnostics
    this.#clock = new PrintedClock(mode)
  }

  get batch(): CallBatch {
    return this.rows.batch
  }

  onEvent(event: PrintedEvent, line: number): void {
    const { facts } = this
    this.#line = line
    facts.events++
    this.#clock.stamp(event)
    const now = this.#clock.nowNs
    if (!Number.isNaN(now)) {
      facts.firstNs ??= now
      facts.lastNs = Math.max(facts.lastNs ?? now, now)
    }
    if (event.tid < 0) {
      this.#add(SYSDIG.noTask)
      event.tid = 0
    } else if (event.tid === 0) {
      // The idle loop: it calls nothing.
      this.#count(this.#typeOf(event.type), event.direction !== '<')
      facts.counted++
      return
    }
    if (!ByTask.valid(event.tid)) {
      this.#damaged(`line ${line}, task ${event.tid}`)
      return
    }
    this.#learn(event)
    this.#apply(event)
  }

  #learn({ tid, pid, container }: PrintedEvent): void {
    if (container === HOST) this.containers.delete(tid)
    else if (container !== null) this.containers.set(tid, container)
    if (pid !== 0 && pid !== tid && this.rows.leaders.size < MAX_THREADS) this.rows.leaders.set(tid, pid)
  }

  #apply(event: PrintedEvent): void {
    const { rows, facts } = this
    if (rows.tasks.full) this.#reset()
    const type = this.#typeOf(event.type)
    const task = rows.tasks.get(event.tid)
    // Without a direction the second of two equal events is the exit of the first.
    const exit = event.direction === '<' || (event.direction === '' && task.key === type.key)
    const values = type.call < 0 ? NONE : splitInfo(type.name, exit, event.info, type.columns)
    if (values === null || isJoined(type.name, exit, event.info)) {
      this.#damaged(`line ${this.#line}, ${JSON.stringify(event.info.slice(0, SHOWN))}`)
      return
    }
    this.#count(type, !exit)
    if (type.name === 'procexit') {
      this.#lineage.exited(event.tid)
      rows.exited(event.tid, this.#clock.nowNs, this.#line)
      facts.used++
      return
    }
    if (type.call < 0) {
      facts.counted++
      if (!exit && !NOT_CALLS.has(type.name)) rows.beginPlain(task)
      return
    }
    facts.used++
    // Where execve returns the name is the new one already.
    task.lineName = C.EXECS.has(type.name) ? null : event.comm
    this.#place(task, event)
    for (const [name, text] of event.parameters) if (!values.has(name)) values.set(name, text)
    if (exit) this.#exit(type, task, values)
    else this.#enter(type, task, values)
    this.#name(task, event)
  }

  /** Where the task is, when that is elsewhere than before; in front of the call's own row. */
  #place(task: TaskCall, { container }: PrintedEvent): void {
    if (container === null || container === task.container) return
    task.container = container
    const { rows } = this
    const id = container === HOST ? -1 : rows.strings.add(container)
    rows.addNote(TASK_CONTAINER, task, id, this.#clock.nowNs, this.#line)
  }

  #reset(): void {
    this.#add(SYSDIG.tooManyTasks)
    this.rows.newSection()
    this.#lineage.reset()
  }

  #enter(type: TypeInfo, task: TaskCall, values: Values): void {
    this.rows.begin(task, type.key)
    fillFromText(task, type.columns, values, this.#outdated, MAPS.has(type.name))
    this.rows.entered(task, type.call, this.#clock.nowNs, this.#line)
    if (C.FORKS.has(type.name)) this.#lineage.entered(task)
  }

  #exit(type: TypeInfo, task: TaskCall, texts: Values): void {
    const { rows } = this
    const { nowNs, tookNs } = this.#clock
    rows.end(task, type.key)
    fillFromText(task, type.columns, texts, this.#outdated, MAPS.has(type.name))
    const { values } = task
    if (values[C.RESULT] < 0) type.errors++
    if (C.FORKS.has(type.name)) {
      if (values[C.RESULT] === 0) type.births++
      this.#lineage.ended(task, type.call, nowNs, this.#line)
      return
    }
    // sysdig prints every result of fcntl as if it were a descriptor: 0(<f>/dev/null).
    if (type.call === FCNTL && values[C.FLAGS] !== F.F_DUPFD && values[C.FLAGS] !== F.F_DUPFD_CLOEXEC) {
      task.nameOfResult = null
    }
    const i = rows.ended(task, type.call, nowNs, this.#line)
    if (i < 0) return
    const { batch } = rows
    if (!Number.isNaN(tookNs)) batch.tookNs[i] = tookNs
    if (!(values[C.RESULT] >= 0)) return
    if (C.EXECS.has(type.name)) this.#execed(i, texts)
    else batch.extra[i] = this.#extras.of(values)
    this.#names(type.call, task)
  }

  /** Which names of files are no longer what they were. */
  #names(call: number, task: TaskCall): void {
    if (task.path === null) return
    if (RENAMES.has(call)) {
      if (this.#outdated.size < MAX_OUTDATED) {
        this.#outdated.add(task.path)
        // What it took the place of is printed under this name, too, where it is still open.
        if (task.path2 !== null) this.#outdated.add(task.path2)
      }
    } else if (OPENS.has(call)) this.#outdated.delete(task.path)
  }

  #execed(i: number, texts: Values): void {
    const { batch, strings } = this.rows
    const exe = texts.get('exe')
    const args = texts.get('args') ?? ''
    if (exe === undefined) return
    // Arguments are printed with a dot for the NUL between them: they can't be told apart again.
    batch.extra[i] = { kind: 'argv', argv: args === '' ? [exe] : [exe, args.replace(/\.$/, '')], cut: args !== '' }
    if (batch.path[i] < 0) batch.path[i] = strings.add(exe)
  }

  /** The name on the line, when it is another than the last; behind the call's own row. */
  #name(task: TaskCall, { comm, type, direction }: PrintedEvent): void {
    // On its enter execve still has the old one.
    if (comm === null || !task.placed || (direction === '>' && C.EXECS.has(type))) return
    const id = this.rows.strings.add(comm)
    if (task.comm === id) return
    task.comm = id
    this.rows.addNote(TASK_NAME, task, id, this.#clock.nowNs, this.#line)
  }

  #typeOf(name: string): TypeInfo {
    let type = this.#types.get(name)
    if (!type) {
      // More than any sysdig knows: the file is something else.
      if (this.#types.size >= KEYS / 2 - 1 && name !== '…') return this.#typeOf('…')
      // What these brought is not printed.
      const call = name === 'recvmsg' || name === 'recvmmsg' ? -1 : C.rowCall(name)
      const key = 2 * this.#types.size
      type = { name, key, call, columns: C.columnsOf(name) ?? NO_COLUMNS, enter: 0, exit: 0, births: 0, errors: 0 }
      this.#types.set(name, type)
    }
    return type
  }

  /** Whether events of this type were printed at their enter, too. */
  showsEnters(type: string): boolean {
    return (this.#types.get(type)?.enter ?? 0) > 0
  }

  #count(type: TypeInfo, enter: boolean): void {
    if (enter) type.enter++
    else type.exit++
  }

  stampBatch(): void {
    const { clock, origin } = this.#clock
    this.batch.clock = this.facts.clock = clock
    this.batch.origin = origin
  }

  /** After the last line. `directed`: enters and exits were told apart by the source itself. */
  end(directed: boolean): void {
    const { facts, rows } = this
    let enters = 0
    let exits = 0
    for (const type of this.#types.values()) {
      if (NOT_CALLS.has(type.name)) continue
      enters += type.enter
      exits += type.exit
    }
    facts.shows = shownBy(enters, exits)
    rows.finish(facts.shows === 'enter')
    for (const type of this.#types.values()) {
      setOwn(facts.types, type.name, { enter: type.enter, exit: type.exit })
      if (NOT_CALLS.has(type.name)) continue
      facts.lostExits += rows.lost[type.key]
      facts.inFlight += rows.unfinished[type.key]
      const followed = type.exit - type.births + rows.lost[type.key]
      // Calls that are only counted come twice where no direction tells which is which.
      const plain = directed ? (type.exit > 0 ? type.exit : type.enter) : Math.ceil(type.enter / 2)
      const ended = type.call >= 0 ? followed : plain
      if (ended > 0) setOwn(facts.calls, type.name, ended)
      if (type.errors > 0) setOwn(facts.errors, type.name, type.errors)
    }
    for (const id of this.containers.values()) addOwn(facts.containers, id)
    if (facts.events === 0) this.#add(SYSDIG.noEvents)
    else if (this.#clock.clock === 'none') this.#add(SYSDIG.noTimes)
    reportUnshown(facts, this.#diagnostics, this.#path)
    const unknown = facts.calls['<unknown>'] ?? 0
    if (unknown > 0) {
      this.#diagnostics.add(SYSDIG.unknownCall, { source: this.#path }, `${unknown} in all`, unknown)
    }
  }

  #damaged(detail: string): void {
    this.facts.damaged++
    this.#add(SYSDIG.damagedLine, detail)
  }

  #add(kind: DiagnosticKind, detail = ''): void {
    this.#diagnostics.add(kind, { source: this.#path, record: this.#line }, detail)
  }
}
