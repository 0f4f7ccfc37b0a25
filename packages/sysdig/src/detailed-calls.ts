/** Rows of captures that need more than columns: device and inode of an open, a program and its words, descriptors. */
import { TASK_CONTAINER, TASK_NAME, callIndex, latin1 } from '@flushtrace/trace'
import { CallExtras, fdRef } from './call-extras.ts'
import * as C from './columns.ts'
import { containerOf, setContainer } from './containers.ts'
import type { EventClock } from './event-clock.ts'
import type { EventParameters } from './event-parameters.ts'
import type { Plan } from './plans.ts'
import { splitArguments } from './process-lists.ts'
import type { CallRows } from './rows.ts'
import type { TaskCall } from './task-calls.ts'

const GETCWD = callIndex('getcwd')
/** More than this is not what the driver keeps of a command line: it was cut. */
const CUT_ARGUMENTS = 4095
/** A control message with one descriptor. */
const LEAST_CONTROL = 20

export class DetailedCalls {
  readonly #rows: CallRows
  readonly #parameters: EventParameters
  readonly #clock: EventClock
  readonly #containers: Map<number, string>
  readonly #extras = new CallExtras()

  constructor(rows: CallRows, parameters: EventParameters, clock: EventClock, containers: Map<number, string>) {
    this.#rows = rows
    this.#parameters = parameters
    this.#clock = clock
    this.#containers = containers
  }

  /** A call of no special kind; its values are filled. */
  ended(plan: Plan, task: TaskCall, record: number): void {
    const { values } = task
    const i = this.#rows.ended(task, plan.call, this.#clock.nowNs, record)
    if (i < 0 || !(values[C.RESULT] >= 0)) return
    this.#rows.batch.extra[i] = this.#extras.of(values)
  }

  execed(plan: Plan, task: TaskCall, record: number): void {
    const rows = this.#rows
    const done = task.values[C.RESULT] === 0
    const i = rows.ended(task, plan.call, this.#clock.nowNs, record)
    if (!done || i < 0) return
    const parameters = this.#parameters
    const exe = parameters.text(C.EXE)
    const args = parameters.text(C.ARGS) ?? ''
    if (exe !== null) {
      const cut = args !== '' && (parameters.bytes(C.ARGS)?.length ?? 0) >= CUT_ARGUMENTS
      rows.batch.extra[i] = { kind: 'argv', argv: [exe, ...(args === '' ? [] : splitArguments(`${args}\0`))], cut }
      if (rows.batch.path[i] < 0) rows.batch.path[i] = rows.strings.add(exe)
    }
    // Behind the row of the call: it is what the new program starts with.
    const cwd = parameters.text(C.CWD)
    if (cwd?.startsWith('/')) rows.addNote(GETCWD, task, rows.strings.add(cwd), this.#clock.nowNs, record)
    const comm = parameters.text(C.COMM)
    if (comm) rows.addNote(TASK_NAME, task, rows.strings.add(comm), this.#clock.nowNs, record)
    this.inContainer(task, record)
  }

  /** The event tells where the task is; a row where that is elsewhere than before. */
  inContainer(task: TaskCall, record: number): void {
    const { tid } = task
    const cgroups = this.#parameters.bytes(C.CGROUPS)
    if (!cgroups) return
    const container = containerOf(latin1(cgroups, 0, cgroups.length))
    if (container === (this.#containers.get(tid) ?? null)) return
    setContainer(this.#containers, tid, container)
    const rows = this.#rows
    const id = container === null ? -1 : rows.strings.add(container)
    rows.addNote(TASK_CONTAINER, task, id, this.#clock.nowNs, record)
  }

  /** Whether this message may have brought descriptors. Its msgcontrol is there since 2023. */
  mayBringFds({ slots }: Plan): boolean {
    const control = slots.indexOf(C.TEXT + C.CONTROL)
    return control >= 0 && control < this.#parameters.count && this.#parameters.lengthOf(control) >= LEAST_CONTROL
  }

  /**
   * The numbers of descriptors that it brought mean something new; what, sysdig does not show. False: there are none; null:
   * its parameters do not fit.
   */
  received(plan: Plan, task: TaskCall, record: number): boolean | null {
    const parameters = this.#parameters
    if (!parameters.fill(plan, task, false)) return null
    const fds = parameters.receivedFds()
    if (fds.length === 0) return false
    const i = this.#rows.ended(task, plan.call, this.#clock.nowNs, record)
    this.#rows.batch.extra[i] = { kind: 'fds', fds: fds.map(fdRef) }
    return true
  }
}
