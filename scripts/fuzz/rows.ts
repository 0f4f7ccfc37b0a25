/** What a reader makes of bytes, whichever reader takes them: rows as text, and its counts. */
import {
  readBlkparse,
  readBlktrace,
  readTracefs,
  sniffBlkparse,
  sniffBlktrace,
  sniffTracefs,
} from '@flushtrace/blktrace'
import { readLayout, sniffLayout } from '@flushtrace/layout'
import { readStrace, sniffStrace } from '@flushtrace/strace'
import {
  readScap,
  readSysdigJson,
  readSysdigText,
  sniffScap,
  sniffSysdigJson,
  sniffSysdigText,
} from '@flushtrace/sysdig'
import { ACTION, Diagnostics, type BlockBatch, type CallBatch, type InodeBatch, type Source } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { notOvertaken, rowOf, type Row } from '../../packages/strace/test/source.ts'

type Batch = CallBatch | BlockBatch | InodeBatch
interface Reading {
  readonly batches: AsyncIterable<Batch>
  readonly facts: object
}
interface Formats {
  readonly blkparse: string | null
  readonly sysdig?: string
}
type Read = (source: Source, diagnostics: Diagnostics, formats: Formats) => Reading

const strace: Read = (source, diagnostics) => readStrace(source, diagnostics)

const READERS: readonly [sniff: (head: Uint8Array, formats: Formats) => string | null, read: Read][] = [
  [(head) => sniffScap(head), (source, diagnostics) => readScap(source, diagnostics)],
  [(head) => sniffBlktrace(head), (source, diagnostics) => readBlktrace([source], diagnostics)],
  [(head) => (sniffStrace(head) === 'strace' ? 'strace' : null), strace],
  [(head) => sniffSysdigJson(head), readSysdigJson],
  [
    (head, { blkparse }) => sniffBlkparse(head, blkparse),
    (source, diagnostics, { blkparse }) => readBlkparse(source, diagnostics, { format: blkparse }),
  ],
  [(head) => sniffTracefs(head), readTracefs],
  [
    (head, { sysdig }) => (sysdig === undefined ? sniffSysdigText(head) : 'sysdig-text'),
    (source, diagnostics, { sysdig }) => readSysdigText(source, diagnostics, { format: sysdig }),
  ],
]

export interface Rows {
  readonly rows: string[]
  readonly facts: object
  readonly diagnostics: object
}

/** Null where no reader takes these bytes. `flags`: what the commands are given for it. */
export async function rowsOf(
  bytes: Uint8Array,
  piece = Math.max(1, bytes.length),
  flags: readonly string[] = [],
): Promise<Rows | null> {
  const formats = { blkparse: valueOf(flags, '--blkparse-format') ?? null, sysdig: valueOf(flags, '--sysdig-format') }
  const source = memorySource(bytes, 'memory', piece)
  const reader = source.head.length > 0 && READERS.find(([sniff]) => sniff(source.head, formats) !== null)
  if (!reader) return null
  const diagnostics = new Diagnostics()
  const { batches, facts } = reader[1](source, diagnostics, formats)
  const rows: string[] = []
  const calls: Row[] = []
  for await (const batch of batches) {
    addRows(batch, rows)
    if ('inodes' in batch && batch.inodes) addRows(batch.inodes, rows)
    if (reader[1] === strace) for (let i = 0; i < batch.length; i++) calls.push(rowOf(batch as CallBatch, i))
  }
  const told = new Set(notOvertaken(calls))
  return {
    rows: reader[1] === strace ? rows.filter((_, k) => told.has(calls[k])) : rows,
    facts,
    diagnostics: diagnostics.rows(),
  }
}

function valueOf(flags: readonly string[], name: string): string | undefined {
  const at = flags.indexOf(name)
  return at < 0 ? undefined : flags[at + 1]
}

/** What maps and device tables tell together; null where none of the files is one. */
export async function mapsOf(files: Readonly<Record<string, Buffer>>, piece: number): Promise<Rows | null> {
  const sources = Object.entries(files).flatMap(([path, bytes]) => {
    const source = memorySource(bytes, path, piece)
    const kind = sniffLayout(source.head)
    return kind ? [{ source, kind }] : []
  })
  if (sources.length === 0) return null
  const diagnostics = new Diagnostics()
  const { sources: facts, ...layout } = await readLayout(sources, [], diagnostics)
  return { rows: [JSON.stringify(layout)], facts, diagnostics: diagnostics.rows() }
}

/** Columns that hold ids of the batch's strings, and indexes of its names. */
const STRINGS = new Set(['errno', 'path', 'path2', 'comm', 'event', 'where'])
const NAMES = new Set(['decoration', 'decoration2', 'decorationResult'])

function addRows(batch: Batch, rows: string[]): void {
  const columns = Object.entries(batch).filter(([, column]) => ArrayBuffer.isView(column) || Array.isArray(column))
  for (let i = 0; i < batch.length; i++) {
    const cells: unknown[] = []
    for (const [name, column] of columns as [string, readonly unknown[]][]) {
      if (name === 'names' || isStale(batch, name, i)) continue
      const value = column[i] as number
      if (STRINGS.has(name)) cells.push(batch.strings.textOrNull(value))
      else if (NAMES.has(name)) cells.push(value < 0 ? null : (batch as CallBatch).names[value])
      else cells.push(Number.isNaN(value) ? 'NaN' : value)
    }
    rows.push(JSON.stringify(cells))
  }
}

/** Columns of few actions are not cleared for the others. */
function isStale(batch: Batch, column: string, i: number): boolean {
  if (!('action' in batch)) return false
  const action = batch.action[i]
  if (column === 'fromDevice' || column === 'fromSector') return action !== ACTION.remap
  if (column === 'splitSector') return action !== ACTION.split
  return column === 'depth' && action !== ACTION.unplug && action !== ACTION.unplugTimer
}
