/** The table of a rank answer: numbers first, then what the row is about, with its largest parts below. */
import { lastPart, titleOf, type RankAnswer, type RankRow } from '@flushtrace/answers'
import { fixedWidth, table, type Column, type TableRow } from './table.ts'
import { note } from './notes.ts'
import { bytes, count, duration, listed, plural, rate, safe, widthOf } from './text.ts'

/** More kinds of flush than this are added up in one column. */
const MOST_CALLS = 4
/** What the last column needs to be read; numbers that can be spared give way first. */
const LEAST_SUBJECT = 26
const LEAST_PATH = 40
/** Tasks listed below a device. */
const SUBMITTERS = 5

/** What a row and the rest below it have in common. */
interface Counted extends Pick<RankRow, 'flushes' | 'failed' | 'hints' | 'block'> {
  readonly written: { readonly calls: number; readonly bytes: number | null }
  readonly flushNs: { readonly total: number } | null
  readonly mapped?: RankRow['mapped']
}

interface NumberColumn {
  readonly head: string
  readonly of: (row: Counted) => string
}

/** Lines of the table, with as many columns of numbers as leave room for what a row is about. */
export function rankTable(answer: RankAnswer, width: number): string[] {
  const least = answer.by === 'file' ? LEAST_PATH : LEAST_SUBJECT
  const { rest } = answer
  // Where not all fits, processes that only have files mapped are among the rest.
  const shown =
    rest && answer.sort !== 'mapped' ? answer.rows.filter((row) => !row.process || !isSilent(row)) : answer.rows
  const more = (rest?.rows ?? 0) + answer.rows.length - shown.length
  const subjects = [...shown.map(subject), ...(rest ? [`${count(more)} more (--top 0 shows all)`] : [])]
  const steps = plans(answer)
  for (const [step, plan] of steps.entries()) {
    const columns: Column[] = [
      ...plan.map(({ head }) => ({ head, align: 'right' as const })),
      { head: answer.by, align: 'left', flexible: true },
    ]
    const rows: TableRow[] = [...shown, ...(rest ? [rest] : [])].map((row, k) => ({
      cells: [...plan.map(({ of }) => of(row)), subjects[k]],
      below: k < shown.length ? below(shown[k]) : [],
    }))
    const last = step === steps.length - 1 || fixedWidth(columns, rows) + least <= width
    if (last) return table(columns, rows, width)
  }
  return []
}

/** The time that rates are of: the trace, or its part between --since and --until; 0 where these are times of day. */
export function spanOf({ spanNs, filter: { since, until } }: RankAnswer): number {
  const windowNs = Math.min(spanNs, nsOf(until) ?? spanNs) - (nsOf(since) ?? 0)
  return windowNs > 0 ? windowNs : 0
}

/** NaN where it is no number of seconds. */
function nsOf(text: string | null): number | null {
  return text === null ? null : Number(text) * 1e9
}

/** The numbers to show, from all that say something to those that must be there. */
function plans(answer: RankAnswer): NumberColumn[][] {
  const { total, by, sort } = answer
  const spanNs = spanOf(answer)
  const kinds = Object.entries(total.flushes.byCall).sort((a, b) => b[1] - a[1])
  // One kind only: the headline says which. By call: the row does.
  const most = by === 'call' || kinds.length <= 1 ? 0 : Math.min(kinds.length, MOST_CALLS)
  const blocks = total.block !== null && (by === 'process' || by === 'thread')
  const build = (shown: number, withRate: boolean): NumberColumn[] => {
    const calls = kinds.slice(0, shown).map(([call]) => call)
    const others = shown > 0 && shown < kinds.length
    return [
      { head: 'flushes', of: ({ flushes }) => blankZero(flushes.total) },
      ...when(withRate && spanNs > 0 && total.flushes.total > 0, '/s', ({ flushes }) =>
        flushes.total > 0 ? rate(flushes.total, spanNs) : '',
      ),
      ...calls.map((call) => ({ head: call, of: ({ flushes }: Counted) => blankZero(flushes.byCall[call] ?? 0) })),
      ...when(others, 'other', ({ flushes }) => blankZero(flushes.total - sumOf(calls, flushes.byCall))),
      ...when(total.failed.total > 0, 'failed', ({ failed }) => blankZero(failed.total)),
      ...when(hintsOf(total) > 0, 'hints', (row) => blankZero(hintsOf(row))),
      ...when(total.flushNs !== null, 'waited', ({ flushNs }) => (flushNs ? duration(flushNs.total) : '')),
      ...when(sort === 'writes', 'write calls', ({ written }) => blankZero(written.calls)),
      { head: 'written', of: ({ written }) => (written.bytes ? bytes(written.bytes) : '') },
      ...when(sort === 'mapped', 'mapped', ({ mapped }) => (mapped?.files ? `≤ ${bytes(mapped.bytesUpperBound)}` : '')),
      ...when(blocks, 'to disk', (row) => (row.block?.bytes ? bytes(row.block.bytes) : '')),
      ...when(blocks, 'in writes', (row) => blankZero(row.block?.writes ?? 0)),
      ...when(blocks && withRate, 'disk flushes', (row) => blankZero(row.block?.flushes ?? 0)),
    ]
  }
  const steps: NumberColumn[][] = [build(most, true)]
  for (let shown = most; shown >= 0; shown--) if (shown !== 1 || kinds.length > 1) steps.push(build(shown, false))
  for (const spared of blocks ? [...SPARED_NUMBERS, 'written', 'waited'] : [...SPARED_NUMBERS, 'waited']) {
    if (spared !== SORTED_BY[sort]) steps.push(steps[steps.length - 1].filter(({ head }) => head !== spared))
  }
  return steps
}

/** What gives way after the calls one by one, the first one first; the headline tells failures, too. */
const SPARED_NUMBERS = ['in writes', 'hints', 'failed']

const SORTED_BY: Partial<Record<RankAnswer['sort'], string>> = {
  'flush-time': 'waited',
  bytes: 'written',
  writes: 'in writes',
  failed: 'failed',
}

function when(wanted: boolean, head: string, of: NumberColumn['of']): NumberColumn[] {
  return wanted ? [{ head, of }] : []
}

function sumOf(calls: readonly string[], byCall: Readonly<Record<string, number>>): number {
  return calls.reduce((sum, call) => sum + (byCall[call] ?? 0), 0)
}

function hintsOf({ hints }: Pick<RankRow, 'hints'>): number {
  return hints.syncFileRange + hints.msyncAsync
}

type DeviceColumn = readonly [head: string, of: (row: RankRow) => string]

const DEVICE_COLUMNS: readonly DeviceColumn[] = [
  ['writes', ({ block }) => count(block?.writes ?? 0)],
  ['/s', ({ io }) => (io?.writesPerSecond ? rate(io.writesPerSecond, 1e9) : '')],
  ['to disk', ({ block }) => bytes(block?.bytes ?? 0)],
  ['mean', ({ io }) => (io?.meanWriteBytes ? bytes(io.meanWriteBytes) : '')],
  ['flushes', ({ block }) => blankZero(block?.flushes ?? 0)],
  ['FUA', ({ block }) => blankZero(block?.fua ?? 0)],
  ['d2c p50', ({ io }) => (io?.d2c ? duration(io.d2c.p50) : '')],
  ['p99', ({ io }) => (io?.d2c ? duration(io.d2c.p99) : '')],
  ['seq', ({ io }) => (typeof io?.sequentialShare === 'number' ? `${Math.round(io.sequentialShare * 100)} %` : '')],
]
/** What gives way where not all fits, the first one first. */
const SPARED = ['mean', 'seq', '/s', 'FUA', 'p99']

/** The table by device: what iostat gives as averages, from every request. Below it, who asked each of them. */
export function deviceTable({ rows }: RankAnswer, width: number): string[] {
  const details = rows.flatMap(({ device, io }) => (io ? note(safe(device ?? '?'), deviceDetails(io), width) : []))
  for (let spared = 0; ; spared++) {
    const shown = DEVICE_COLUMNS.filter(([head]) => !SPARED.slice(0, spared).includes(head))
    const columns = [
      { head: 'device', align: 'left' } as const,
      ...shown.map(([head]) => ({ head, align: 'right' }) as const),
    ]
    const body = rows.map((row): TableRow => ({ cells: [safe(row.device ?? '?'), ...shown.map(([, of]) => of(row))] }))
    const lines = table(columns, body, width)
    if (spared === SPARED.length || lines.every((line) => widthOf(line) <= width)) return [...lines, '', ...details]
  }
}

function deviceDetails(io: NonNullable<RankRow['io']>): string[] {
  const parts = io.tasks
    .filter(({ bytes: sent, flushes }) => sent + (flushes ?? 0) > 0)
    .slice(0, SUBMITTERS)
    .map(({ comm, tid, bytes: sent, flushes }) => {
      const asked = flushes ? `, ${plural(flushes, 'flush', 'flushes')}` : ''
      return `${safe(comm ?? 'unnamed task')} [${tid ?? '?'}] ${bytes(sent)}${asked}`
    })
  const left = io.tasks.length - parts.length
  if (left > 0) parts.push(`and ${plural(left, 'other task')}`)
  if (io.reads > 0) parts.push(`${count(io.reads)} reads ${bytes(io.readBytes)}`)
  if (io.discards > 0) parts.push(`${count(io.discards)} discards ${bytes(io.discardBytes)}`)
  if (io.deviceFlushes > 0) parts.push(`${count(io.deviceFlushes)} cache flushes of the device`)
  if (io.basis !== 'queue') parts.push(`counted at ${io.basis}: who asked is not in this trace`)
  if (io.above.length > 0) parts.push(`below ${listed(io.above.map(safe))}`)
  return parts
}

function blankZero(n: number): string {
  return n === 0 ? '' : count(n)
}

function subject(row: RankRow): string {
  if (row.call !== undefined) return row.call
  if (row.container !== undefined) return row.container ? safe(row.container) : 'no container'
  if (row.file) {
    if (row.file.path === null) return SCOPES[row.scope ?? 'unknown']
    return `${safe(row.file.path)}${row.file.deleted ? ' (deleted)' : ''}`
  }
  if (!row.process) return ''
  const title = safe(titleOf(row.process))
  const pid = row.process.pid ?? '?'
  return row.tid !== undefined && row.tid !== row.process.pid
    ? `${safe(row.process.name ?? title)} [${pid}/${row.tid ?? '?'}]`
    : `${title} [${pid}]`
}

const SCOPES = {
  file: 'a descriptor that was not open',
  system: 'everything: sync()',
  filesystem: 'a file system',
  memory: 'no file: msync of private or anonymous memory',
  unknown: 'unknown: opened before the trace',
} as const

/** Where the flushes went, or who made them; and who may store into the file. */
function below(row: RankRow): string[] {
  const mapped = mappersOf(row)
  if (row.flushes.total === 0) {
    if (row.process && row.mapped.files > 0 && isSilent(row))
      return [`${plural(row.mapped.files, 'file')} mapped writable`]
    const { calls } = row.written.unknown
    if (row.process && calls > 0 && row.written.calls === 0 && !row.block?.writes && !row.block?.flushes)
      return [`${plural(calls, 'write')} to unnamed descriptors`]
    return row.block?.flushes ? [plural(row.block.flushes, 'flush request')] : mapped
  }
  const shares = row.topFiles
    ? row.topFiles.map(({ path, flushes }) => ({ what: safe(lastPart(path)), flushes }))
    : (row.processes ?? []).map((process) => ({ what: nameOf(process), flushes: process.flushes }))
  const most = shares.filter(({ flushes }) => flushes > 0).slice(0, 3)
  const all = row.topFiles ? (row.files ?? 0) : shares.filter(({ flushes }) => flushes > 0).length
  const parts = most.map(({ what, flushes }) => `${what} ${count(flushes)}`)
  if (row.laterPath) parts.unshift(`later ${safe(lastPart(row.laterPath))}`)
  if (row.scope === 'filesystem') parts.unshift('its whole file system')
  if (all > most.length) parts.push(`${count(all - most.length)} more`)
  return [...parts, ...mapped]
}

/** Who has the file mapped writable and did not flush it. */
function mappersOf({ processes }: RankRow): string[] {
  const [first, ...others] = (processes ?? []).filter((process) => process.mapped && process.flushes === 0)
  if (!first) return []
  const more = others.length > 0 ? ` and ${count(others.length)} more` : ''
  return [`mapped by ${nameOf(first)}${more}`]
}

function nameOf({ name, pid }: { name: string | null; pid: number | null }): string {
  return `${safe(name ?? '?')} [${pid ?? '?'}]`
}

/** A process that has no figure to show: nothing but files mapped writable. */
function isSilent({ flushes, failed, hints, written, block }: RankRow): boolean {
  const calls = flushes.total + failed.total + hintsOf({ hints }) + written.calls + written.unknown.calls
  return calls + (block ? block.writes + (block.flushes ?? 0) : 0) === 0
}
