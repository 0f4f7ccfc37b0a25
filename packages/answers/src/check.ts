/**
 * Counts flushes a second time, by plain code that shares nothing with the readers (recount/), and says where the two
 * differ: for bug reports. Filters do not apply, each source stands for itself.
 */
import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Diagnostics, TraceError, type Source } from '@flushtrace/trace'
import { analyze } from './analyze.ts'
import type { CheckAnswer } from './check-schema.ts'
import { recountBlktrace } from './recount/blktrace.ts'
import { recountBlockText } from './recount/block-text.ts'
import { cellOf, type Cells } from './recount/cells.ts'
import { recountScap } from './recount/scap.ts'
import { recountStrace } from './recount/strace.ts'
import { recountSysdigText } from './recount/sysdig-text.ts'
import { openCapture, type FormatOptions, type SourceKind } from './sources.ts'

/** Throws TraceError for a pipe, and where no source is usable. */
export async function check(paths: readonly string[], formats: FormatOptions = {}): Promise<CheckAnswer> {
  for (const path of paths) {
    const stats = path === '-' ? null : await lstat(path).catch(() => null)
    if (path === '-' || stats?.isFIFO())
      throw new TraceError('usage', `--check reads ${path} twice, which a pipe does not allow: save it to a file first`)
  }
  const { sources } = await openCapture(paths, new Diagnostics(), formats)
  const of = (wanted: SourceKind): Source[] => sources.filter(({ kind }) => kind === wanted).map(({ source }) => source)
  const answer: CheckAnswer = { cells: 0, differences: [], left: [] }
  const straces = of('strace')
  if (straces.length > 0) {
    const { cells, numbered } = await recountStrace(straces)
    // Of several logs none tells alone what a descriptor is.
    const counts = straces.length === 1 ? WITH_SYNC_WRITES : PLAIN
    for (const [key, { what }] of cells) if (!counts.has(what.replace(' failed', ''))) cells.delete(key)
    compare(
      answer,
      straces,
      byTask(await countCalls(answer, straces, formats, counts), numbered),
      byTask(cells, numbered),
    )
  }
  for (const source of of('scap')) {
    const { cells, whole } = await recountScap(source)
    if (whole) compare(answer, [source], await countCalls(answer, [source], formats), cells)
    else answer.left.push({ source: source.path, why: 'damaged' })
  }
  for (const group of byFolder(of('blktrace'))) {
    const { cells, whole } = await recountBlktrace(group)
    if (whole) compare(answer, group, await countRequests(group, formats), cells)
    else answer.left.push({ source: group[0].path, why: 'damaged, or version 2' })
  }
  for (const kind of ['blkparse', 'tracefs'] as const) {
    if (kind === 'blkparse' && formats.blkparseFormat !== undefined) continue
    for (const source of of(kind)) {
      compare(answer, [source], await countRequests([source], formats), await recountBlockText(source, kind))
    }
  }
  if (formats.sysdigFormat === undefined) {
    for (const source of [...of('sysdig-text'), ...of('sysdig-json')]) {
      const { cells, directed } = await recountSysdigText(source)
      if (directed) compare(answer, [source], await countCalls(answer, [source], formats), cells)
      else answer.left.push({ source: source.path, why: 'enters and exits are not told apart (evt.dir)' })
    }
  }
  for (const { source, kind } of sources) {
    const shaped =
      kind === 'blkparse' ? formats.blkparseFormat : kind === 'sysdig-text' ? formats.sysdigFormat : undefined
    if (shaped !== undefined) answer.left.push({ source: source.path, why: 'a format of its own' })
    if (!RECOUNTED.has(kind)) answer.left.push({ source: source.path, why: `no second count of ${kind}` })
  }
  return answer
}

/** Those, and what holds no calls or requests to count. */
const RECOUNTED: ReadonlySet<SourceKind> = new Set<SourceKind>([
  'strace',
  'scap',
  'blktrace',
  'blkparse',
  'tracefs',
  'sysdig-text',
  'sysdig-json',
  'proc',
  'layout',
  'unknown',
])
const PLAIN: ReadonlySet<string> = new Set(['fsync', 'fdatasync', 'msync', 'sync', 'syncfs', 'aioFsync', 'aioFdsync'])
const WITH_SYNC_WRITES: ReadonlySet<string> = new Set([...PLAIN, 'syncWrite'])

/** What is counted and left out of the second count is said in `answer`. */
async function countCalls(
  answer: CheckAnswer,
  sources: readonly Source[],
  formats: FormatOptions,
  counts = PLAIN,
): Promise<Cells> {
  const cells: Cells = new Map()
  const paths = sources.map(({ path }) => path)
  let syncWrites = 0
  await analyze(paths, formats, ({ kind, call, task }) => {
    if (kind !== 'flush' && kind !== 'failed') return
    if (counts.has(call)) cellOf(cells, String(task.tid), kind === 'flush' ? call : `${call} failed`).least++
    else syncWrites++
  })
  if (syncWrites > 0) answer.left.push({ source: paths[0], why: `synchronous writes: ${syncWrites}` })
  return cells
}

async function countRequests(sources: readonly Source[], formats: FormatOptions): Promise<Cells> {
  const cells: Cells = new Map()
  const { devices } = await analyze(
    sources.map(({ path }) => path),
    formats,
    () => {},
  )
  for (const { device, basis, writes, bytes, flushes } of devices) {
    if (basis !== 'queue') continue
    cellOf(cells, device, 'writes').least = writes
    cellOf(cells, device, 'bytes written').least = bytes
    cellOf(cells, device, 'flush requests').least = flushes
  }
  return cells
}

/** Where some lines do not tell their task, only the sums can be compared. */
function byTask(cells: Cells, numbered: boolean): Cells {
  if (numbered) return cells
  const sums: Cells = new Map()
  for (const { what, least, most } of cells.values()) {
    const sum = cellOf(sums, 'all', what)
    sum.least += least
    sum.most += most
  }
  return sums
}

function compare(answer: CheckAnswer, sources: readonly Source[], counted: Cells, recounted: Cells): void {
  for (const key of new Set([...counted.keys(), ...recounted.keys()])) {
    const one = counted.get(key)
    const other = recounted.get(key)
    const n = one?.least ?? 0
    const { least, most } = other ?? { least: 0, most: 0 }
    if (n === 0 && least === 0) continue
    answer.cells++
    if (n >= least && n <= most) continue
    const { task, what } = (one ?? other) as NonNullable<typeof one>
    answer.differences.push({
      source: sources[0].path,
      of: task,
      what,
      counted: n,
      recounted: n < least ? least : most,
    })
  }
}

/** Binary files of one folder are one trace. */
function byFolder(sources: readonly Source[]): Source[][] {
  const folders = new Map<string, Source[]>()
  for (const source of sources) {
    const folder = dirname(source.path)
    folders.set(folder, [...(folders.get(folder) ?? []), source])
  }
  return [...folders.values()]
}
