/** Strace text in memory as a Source, and its reading as plain rows: what the tests of this package share. */
import {
  CALLS,
  Diagnostics,
  OUTCOMES,
  Threads,
  type CallBatch,
  type Diagnostic,
  type FdName,
  type Outcome,
} from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readStrace, type StraceFacts } from '../src/index.ts'

const PHASES = ['whole', 'enter', 'exit'] as const
const NUMBERS = ['addr', 'addr2', 'size', 'size2', 'offset'] as const

/** A row of a batch without its empty columns. */
export interface Row {
  call: string
  phase: (typeof PHASES)[number]
  tid: number
  line: number
  atNs?: number
  tookNs?: number
  /** Missing in an enter row. */
  outcome?: Outcome
  errno?: string
  result?: number
  fd?: number
  fd2?: number
  name?: FdName
  name2?: FdName
  nameResult?: FdName
  path?: string
  path2?: string
  addr?: number
  addr2?: number
  size?: number
  size2?: number
  offset?: number
  flags?: number
  flags2?: number
  extra?: unknown
}

export interface Read {
  rows: Row[]
  facts: StraceFacts
  diagnostics: Diagnostic[]
  batch: CallBatch | null
}

export async function read(text: string | Uint8Array, chunk?: number, tid = 0, threads = new Threads()): Promise<Read> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const diagnostics = new Diagnostics()
  const { batches, facts } = readStrace(memorySource(bytes, 'memory', chunk), diagnostics, tid, threads)
  const rows: Row[] = []
  let last: CallBatch | null = null
  for await (const batch of batches) {
    for (let i = 0; i < batch.length; i++) rows.push(rowOf(batch, i))
    last = batch
  }
  return { rows, facts, diagnostics: diagnostics.rows(), batch: last }
}

/** Everything that a reading gives, as one text: cheap to compare, and no difference of a million lines to print. */
export function everything({ rows, facts, diagnostics }: Read): string {
  return JSON.stringify([notOvertaken(rows), facts, diagnostics])
}

const MADE = /^(?:socket|accept4?|eventfd2?|epoll_create1?|timerfd_create|inotify_init1?|userfaultfd)$/

/**
 * Without the rows of src/overtaken.ts. How many of them a reading leaves out depends on how many lines it has at hand;
 * that they say nothing is for scripts/overtaken.test.ts.
 */
export function notOvertaken(rows: readonly Row[]): Row[] {
  const out = new Set<Row>()
  let about = new Map<number | undefined, { tid: number; free: boolean; made: Row[] }>()
  for (const row of rows) {
    const { call, phase, outcome, tid, fd, result, flags } = row
    const made = MADE.test(call)
    const marked = call === 'fcntl' && (flags === 2 || flags === 4)
    if (phase !== 'whole' || outcome !== 'ok' || !(made || marked || call === 'close')) {
      about = new Map()
      continue
    }
    const number = made ? result : fd
    const before = about.get(number)
    const now = before?.tid === tid ? before : { tid, free: false, made: [] }
    about.set(number, now)
    if (call === 'close') {
      if (now.made.length > 0) for (const one of [...now.made, row]) out.add(one)
      about.set(number, { tid, free: true, made: [] })
    } else if (marked && now.made.length > 0) now.made.push(row)
    else about.set(number, { tid, free: false, made: made && now.free ? [row] : [] })
  }
  return rows.filter((row) => !out.has(row))
}

export function rowOf(batch: CallBatch, i: number): Row {
  const row: Row = {
    call: CALLS[batch.call[i]].name,
    phase: PHASES[batch.phase[i]],
    tid: batch.tid[i],
    line: batch.record[i],
  }
  if (!Number.isNaN(batch.atNs[i])) row.atNs = batch.atNs[i]
  if (!Number.isNaN(batch.tookNs[i])) row.tookNs = Math.round(batch.tookNs[i])
  if (row.phase !== 'enter' && !row.call.startsWith('+')) row.outcome = OUTCOMES[batch.outcome[i]]
  if (batch.errno[i] >= 0) row.errno = batch.strings.text(batch.errno[i])
  if (!Number.isNaN(batch.result[i])) row.result = batch.result[i]
  // -1 is both "not there" and a descriptor that calls are really made with; only a slot of the call can mean the latter.
  if (batch.fd[i] !== -1) row.fd = batch.fd[i]
  if (batch.fd2[i] !== -1) row.fd2 = batch.fd2[i]
  if (batch.decoration[i] >= 0) row.name = batch.names[batch.decoration[i]]
  if (batch.decoration2[i] >= 0) row.name2 = batch.names[batch.decoration2[i]]
  if (batch.decorationResult[i] >= 0) row.nameResult = batch.names[batch.decorationResult[i]]
  if (batch.path[i] >= 0) row.path = batch.strings.text(batch.path[i])
  if (batch.path2[i] >= 0) row.path2 = batch.strings.text(batch.path2[i])
  for (const column of NUMBERS) if (!Number.isNaN(batch[column][i])) row[column] = batch[column][i]
  if (batch.flags[i] !== 0) row.flags = batch.flags[i]
  if (batch.flags2[i] !== 0) row.flags2 = batch.flags2[i]
  if (batch.extra[i] !== null) row.extra = batch.extra[i]
  return row
}

/** Every line is one of these, once. */
export function linesAccounted(facts: StraceFacts): number {
  const { used, counted, signals, exits, notes, foreign, damaged } = facts
  return used + counted + signals + exits + notes + foreign + damaged
}

/** A row in one line of text, for expectations that a person can read; line and time are left out. */
export function show(row: Row): string {
  const words: string[] = []
  if (row.phase !== 'whole') words.push(row.phase)
  if (row.tid !== 0) words.push(String(row.tid))
  words.push(row.call)
  if (row.fd !== undefined || row.name) words.push(`fd=${row.fd ?? -1}${showName(row.name)}`)
  if (row.fd2 !== undefined || row.name2) words.push(`fd2=${row.fd2 ?? -1}${showName(row.name2)}`)
  if (row.path !== undefined) words.push(`path=${JSON.stringify(row.path)}`)
  if (row.path2 !== undefined) words.push(`path2=${JSON.stringify(row.path2)}`)
  for (const column of ['addr', 'addr2'] as const) {
    const value = row[column]
    if (value !== undefined) words.push(`${column}=0x${value.toString(16)}`)
  }
  for (const column of ['size', 'size2', 'offset'] as const) {
    if (row[column] !== undefined) words.push(`${column}=${row[column]}`)
  }
  if (row.flags !== undefined) words.push(`flags=0x${row.flags.toString(16)}`)
  if (row.flags2 !== undefined) words.push(`flags2=0x${row.flags2.toString(16)}`)
  if (row.extra !== undefined) words.push(JSON.stringify(row.extra))
  if (row.result !== undefined) words.push(`= ${row.result}${showName(row.nameResult)}`)
  if (row.outcome !== undefined && row.outcome !== 'ok') words.push(row.outcome)
  if (row.errno !== undefined) words.push(row.errno)
  if (row.tookNs !== undefined) words.push(`${row.tookNs}ns`)
  return words.join(' ')
}

function showName(name: FdName | undefined): string {
  if (!name) return ''
  const deleted = name.deleted === 'maybe' ? ' deleted?' : name.deleted ? ' deleted' : ''
  const device = name.device ? ` ${name.block ? 'block' : 'char'} ${name.device}` : ''
  return `<${name.kind}:${JSON.stringify(name.text)}${device}${deleted}>`
}

/** The counts of `facts` that are not 0; `calls` only where they end. */
export function counts(facts: StraceFacts): Record<string, number> {
  const { used, counted, signals, exits, notes, foreign, damaged } = facts
  const all = { used, counted, signals, exits, notes, foreign, damaged }
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0))
}
