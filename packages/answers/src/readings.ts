/**
 * Who reads each kind of source. A reader is loaded when the first source asks for it: of a short answer half the time is
 * loading code.
 */
import { dirname } from 'node:path'
import type { BlockReading } from '@flushtrace/blktrace'
import { readLayout, readSavedProcesses, type DiskLayout, type LayoutKind, type SavedProcess } from '@flushtrace/layout'
import { tidOfName, type StraceReading } from '@flushtrace/strace'
import type { SysdigReading } from '@flushtrace/sysdig'
import type { Diagnostics, Source } from '@flushtrace/trace'
import type { Capture, FormatOptions, SourceKind } from './sources.ts'

function has(capture: Capture, kinds: readonly SourceKind[]): boolean {
  return capture.sources.some(({ kind }) => kinds.includes(kind))
}

export interface StraceSource {
  readonly source: Source
  /** Index among all sources. */
  readonly index: number
  /** The task of a -ff file; 0 for a log of several. */
  readonly tid: number
  readonly reading: StraceReading
}

/** A file of a -ff set is one whose name ends in .PID beside others of the same stem, or that has no pid column. */
export async function straceReadings(capture: Capture, diagnostics: Diagnostics): Promise<StraceSource[]> {
  if (!has(capture, ['strace'])) return []
  const { readStrace } = await import('@flushtrace/strace')
  const stems = new Map<string, number>()
  for (const { source, kind } of capture.sources) {
    if (kind === 'strace' && tidOfName(source.path) > 0) {
      const stem = stemOf(source.path)
      stems.set(stem, (stems.get(stem) ?? 0) + 1)
    }
  }
  return capture.sources.flatMap(({ source, kind }, index) => {
    if (kind !== 'strace') return []
    const suffix = tidOfName(source.path)
    const alone = stems.get(stemOf(source.path)) === 1
    const tid = suffix > 0 && !(alone && hasPids(source.head)) ? suffix : 0
    return [{ source, index, tid, reading: readStrace(source, diagnostics, tid, capture.threads) }]
  })
}

/** `trace` of trace.4711 and trace.4711.gz. */
function stemOf(path: string): string {
  return path.replace(/\.\d+(\.\w+)?$/, '')
}

/** Whether most lines begin with a pid: then the suffix of the name is chance (a rotated log). */
function hasPids(head: Uint8Array): boolean {
  const lines = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 4096)).toString('latin1').split('\n')
  return lines.filter((line) => /^(?:\[pid +\d+\] |\d{1,7}(?:<.*?>)? +(?!\d\d:))/.test(line)).length > lines.length / 2
}

/** Processes as saved beside the traces, by pid. */
export async function savedProcesses(capture: Capture, diagnostics: Diagnostics): Promise<Map<number, SavedProcess>> {
  const sources = capture.sources.filter(({ kind }) => kind === 'proc').map(({ source }) => source)
  return readSavedProcesses(sources, capture.links, diagnostics)
}

/** Devices, file systems and their maps, as saved beside the traces. */
export async function savedLayout(capture: Capture, diagnostics: Diagnostics): Promise<DiskLayout> {
  const sources: { source: Source; kind: LayoutKind }[] = []
  if (has(capture, ['layout'])) {
    const { sniffLayout } = await import('@flushtrace/layout')
    for (const { source, kind } of capture.sources) {
      const layout = kind === 'layout' ? sniffLayout(source.head) : null
      if (layout) sources.push({ source, kind: layout })
    }
  }
  return readLayout(sources, capture.links, diagnostics)
}

export interface SysdigSource {
  readonly source: Source
  readonly kind: 'scap' | 'sysdig-json' | 'sysdig-text'
  readonly index: number
  readonly reading: SysdigReading
}

/** In the order of the sources. */
export async function sysdigReadings(
  capture: Capture,
  diagnostics: Diagnostics,
  formats: FormatOptions,
): Promise<SysdigSource[]> {
  if (!has(capture, ['scap', 'sysdig-json', 'sysdig-text'])) return []
  const { readScap, readSysdigJson, readSysdigText } = await import('@flushtrace/sysdig')
  return capture.sources.flatMap<SysdigSource>(({ source, kind }, index) => {
    if (kind === 'scap') return [{ source, kind, index, reading: readScap(source, diagnostics) }]
    if (kind === 'sysdig-json') return [{ source, kind, index, reading: readSysdigJson(source, diagnostics) }]
    if (kind !== 'sysdig-text') return []
    return [{ source, kind, index, reading: readSysdigText(source, diagnostics, { format: formats.sysdigFormat }) }]
  })
}

export interface BlockSource {
  /** One for text, the files of all CPUs and devices for a binary trace. */
  readonly sources: readonly Source[]
  /** Their index among all sources. */
  readonly indexes: readonly number[]
  readonly kind: 'blktrace' | 'blkparse' | 'tracefs'
  readonly reading: BlockReading
}

/**
 * The richest first. Binary files of one folder are one trace: they share a clock and the names of tasks. `actions`: the
 * only ones that are needed as rows; null: all.
 */
export async function blockReadings(
  capture: Capture,
  diagnostics: Diagnostics,
  formats: FormatOptions,
  actions: readonly number[] | null,
): Promise<BlockSource[]> {
  if (!has(capture, ['blktrace', 'blkparse', 'tracefs'])) return []
  const { readBlkparse, readBlktrace, readTracefs } = await import('@flushtrace/blktrace')
  const found = capture.sources.map(({ source, kind }, index) => ({ source, kind, index }))
  const folders = new Map<string, typeof found>()
  for (const one of found) {
    if (one.kind !== 'blktrace') continue
    const folder = dirname(one.source.path)
    folders.set(folder, [...(folders.get(folder) ?? []), one])
  }
  const binary = [...folders.values()].map((files) => {
    const sources = files.map(({ source }) => source)
    const indexes = files.map(({ index }) => index)
    return { sources, indexes, kind: 'blktrace' as const, reading: readBlktrace(sources, diagnostics, { actions }) }
  })
  const text = found.flatMap(({ source, kind, index }) => {
    if (kind !== 'blkparse') return []
    const reading = readBlkparse(source, diagnostics, { format: formats.blkparseFormat })
    return [{ sources: [source], indexes: [index], kind, reading }]
  })
  const tracefs = found.flatMap(({ source, kind, index }) => {
    if (kind !== 'tracefs') return []
    return [{ sources: [source], indexes: [index], kind, reading: readTracefs(source, diagnostics) }]
  })
  return [...binary, ...text, ...tracefs]
}
