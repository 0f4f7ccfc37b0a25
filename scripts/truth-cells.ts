/**
 * What is known of a recorded strace log, and what flushtrace finds in it, as cells that can be compared: one for each
 * process, file and call. Truth comes as `syscalls` (calls by process and file, from the log's own decorations) or as
 * `expected` (the flushes that the traced program says it made, in order).
 */
import { events, rank, type CallEvent } from '@flushtrace/answers'

export interface Truth {
  tgids?: Record<string, number>
  expected?: [pid: string, call: string, path: string][]
  syscalls?: {
    processes: Record<string, { tgid: string; files: Record<string, Record<string, [number, number, number]>> }>
  }
}

export interface Comparison {
  right: number
  total: number
  /** Reasons for differences that the truth's own notes name. */
  explained: Set<string>
  /** Differences without a reason, as lines of text. */
  wrong: string[]
}

interface Cell {
  count: number
  bytes: number
}
type Cells = Map<string, Cell>

interface Found {
  cells: Cells
  flushes: number
}

/** Differences that the truth's own notes name; never to be bent to. */
const KNOWN: readonly { when: (file: string, kind: string) => boolean; why: string }[] = [
  {
    when: (file) => /\/linked$|#\d+ \(deleted\)$/.test(file),
    why: 'an O_TMPFILE keeps its unnamed dentry in /proc after linkat (limit 6): strace prints #N, we name it by its link',
  },
]
/** What the traced program states differs in form, not in fact. */
const STATED: typeof KNOWN = [
  { when: (file) => file === '(no shared file mapping)', why: 'the program does not state msync of a private mapping' },
  {
    when: (_, kind) => kind === 'msync MS_ASYNC',
    why: 'the program states msync(MS_ASYNC) as msync: counted here as a hint',
  },
]

const SYNC_FLAGS = / \(some opens of it lack the flag\)$/

/** What is known of a capture beside what `rank` counts in it. */
export async function compareWithTruth(sources: string[], truth: Truth): Promise<Comparison> {
  const stated = !truth.syscalls
  const found = await cellsOf(sources, stated)
  const known = truth.syscalls ? syscallCells(truth.syscalls) : expectedCells(truth)
  const keys = new Set([...known.keys(), ...found.cells.keys()])
  const comparison: Comparison = { right: 0, total: keys.size, explained: new Set(), wrong: [] }
  for (const key of keys) {
    const a = known.get(key)
    const b = found.cells.get(key)
    const [pid, file, kind] = key.split('\0')
    // The program counts MS_ASYNC among its msync calls.
    const asynchronous =
      stated && kind === 'msync MS_SYNC' ? (found.cells.get(`${pid}\0${file}\0msync MS_ASYNC`)?.count ?? 0) : 0
    if (a && b && a.count === b.count + asynchronous && a.bytes === b.bytes) {
      comparison.right++
      continue
    }
    const reason = [...KNOWN, ...(stated ? STATED : [])].find(({ when }) => when(file, kind))
    if (reason) comparison.explained.add(reason.why)
    else comparison.wrong.push(`${key.replaceAll('\0', '  ')}: truth ${show(a)}, found ${show(b)}`)
  }
  comparison.wrong.push(...(await sumsThatDiffer(sources, found.flushes)))
  return comparison
}

/** The rank answers add up to what the events say, whichever way they are grouped. */
async function sumsThatDiffer(sources: string[], flushes: number): Promise<string[]> {
  const wrong: string[] = []
  for (const by of ['process', 'thread', 'call'] as const) {
    const { rows } = await rank(sources, { by, top: 0 })
    const total = rows.reduce((n, row) => n + row.flushes.total, 0)
    if (total !== flushes) wrong.push(`${flushes} flushes in the events, ${total} by ${by}`)
  }
  return wrong
}

function show(cell: Cell | undefined): string {
  return cell ? `${cell.count} calls ${cell.bytes} bytes` : 'nothing'
}

async function cellsOf(paths: string[], onlyFlushes: boolean): Promise<Found> {
  const cells: Cells = new Map()
  let flushes = 0
  await events(paths, {}, (event) => {
    if (event.type === 'flush') flushes++
    if (event.type === 'mapped' || event.type === 'block-write') return
    const kind = kindOf(event)
    if (onlyFlushes && (event.type === 'write' || event.type === 'failed')) return
    const files = event.path === null ? [scopeName(event)] : [nameOf(event), ...event.otherPaths]
    for (const file of files) {
      add(cells, [String(event.pid), file, kind].join('\0'), 1, event.type === 'write' ? event.bytes : 0)
    }
  })
  return { cells, flushes }
}

function nameOf(event: CallEvent): string {
  return `${event.path}${event.deleted ? ' (deleted)' : ''}`
}

function scopeName(event: CallEvent): string {
  return event.scope === 'system' ? '' : event.scope === 'memory' ? '(no shared file mapping)' : 'null'
}

function kindOf(event: CallEvent): string {
  if (event.type === 'failed') return `${event.call} failed`
  if (event.call === 'syncWrite') return 'sync-write'
  if (event.call === 'msync') return event.type === 'hint' ? 'msync MS_ASYNC' : 'msync MS_SYNC'
  return event.type === 'write' ? event.via : event.call
}

function syscallCells(syscalls: NonNullable<Truth['syscalls']>): Cells {
  const cells: Cells = new Map()
  for (const { tgid, files } of Object.values(syscalls.processes)) {
    for (const [file, calls] of Object.entries(files)) {
      for (const [call, [count, bytes]] of Object.entries(calls)) {
        const sync = call.startsWith('sync-write')
        const kind = sync ? 'sync-write' : call.replace(SYNC_FLAGS, '')
        // Bytes of a flush are the range asked for, of a sync-write they stand in its write as well.
        const written = /^(?:p?write|sendfile|copy_file|splice)/.test(kind) ? bytes : 0
        add(cells, [tgid, file, kind].join('\0'), count, written)
      }
    }
  }
  return cells
}

function expectedCells(truth: Truth): Cells {
  const cells: Cells = new Map()
  for (const [pid, call, path] of truth.expected ?? []) {
    if (call === 'fsync-EBADF') continue
    const kind = /-(?:O_D?SYNC|RWF_D?SYNC)$/.test(call) ? 'sync-write' : call === 'msync' ? 'msync MS_SYNC' : call
    add(cells, [String(truth.tgids?.[pid] ?? pid), kind === 'sync' ? '' : path, kind].join('\0'), 1, 0)
  }
  return cells
}

function add(cells: Cells, key: string, count: number, bytes: number): void {
  const cell = cells.get(key) ?? { count: 0, bytes: 0 }
  cells.set(key, { count: cell.count + count, bytes: cell.bytes + bytes })
}
