/** What to do with each event of the table, worked out once: which call it is, and where its parameters go. */
import { columnsOf, EXECS, FORKS, PATH, PATH2, rowCall, TEXT, type Convert } from './columns.ts'
import { EVENTS, NOT_CALLS, type EventKind } from './event-table.ts'

export type PlanKind =
  | 'note' // no system call: only counted
  | 'plain' // a call that is only counted
  | 'generic' // its first parameter says which call
  | 'call'
  | 'fork'
  | 'exec'
  | 'receive' // becomes a row only where it carries descriptors
  | 'taskExit'
  | 'sampling'

export interface Plan {
  readonly kind: PlanKind
  readonly name: string
  /** Index in CALLS, -1 for what becomes no row. */
  readonly call: number
  /** By parameter: its slot, -1 for one that is not looked at. */
  readonly slots: Int8Array
  readonly converts: readonly (Convert | null)[]
  /** Behind the last parameter that is looked at. */
  readonly used: number
  /** Parameters in the newest version. */
  readonly params: number
}

/** Index = event id. */
export const PLANS: readonly Plan[] = EVENTS.map(planOf)

function planOf({ name, parameters }: EventKind, id: number): Plan {
  const columns = columnsOf(name)
  const exit = id % 2 === 0 ? EVENTS[id + 1] : null
  const slots = new Int8Array(parameters.length).fill(-1)
  const converts: (Convert | null)[] = parameters.map(() => null)
  let used = 0
  for (const [i, parameter] of parameters.entries()) {
    const column = columns?.get(parameter)
    if (!column) continue
    const isPath = column.slot === PATH || column.slot === PATH2
    // What the exit repeats is taken there; bytes of an enter would have to be copied.
    if (exit && (column.slot >= TEXT || (isPath && exit.parameters.includes(parameter)))) continue
    slots[i] = column.slot
    converts[i] = column.convert
    used = i + 1
  }
  return { kind: kindOf(name), name, call: rowCall(name), slots, converts, used, params: parameters.length }
}

function kindOf(name: string): PlanKind {
  if (name === 'syscall') return 'generic'
  if (name === 'procexit') return 'taskExit'
  if (name === 'drop') return 'sampling'
  if (NOT_CALLS.has(name)) return 'note'
  if (FORKS.has(name)) return 'fork'
  if (EXECS.has(name)) return 'exec'
  // Of recvmmsg there is an exit for each message.
  if (name === 'recvmsg' || name === 'recvmmsg') return 'receive'
  return rowCall(name) >= 0 ? 'call' : 'plain'
}
