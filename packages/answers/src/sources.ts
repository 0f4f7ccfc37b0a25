/** What each source is, told by its bytes: the one list of kinds. readings.ts has who reads each. */
import { basename, dirname } from 'node:path'
import { sniffBlktrace } from '@flushtrace/blktrace'
import { procFileOf, sniffProc } from '@flushtrace/layout'
import { sniffStrace } from '@flushtrace/strace'
import { sniffScap } from '@flushtrace/sysdig'
import {
  MemoryWatch,
  Threads,
  TraceError,
  openSources,
  statsOf,
  type DiagnosticKind,
  type Diagnostics,
  type OnWait,
  type Pace,
  type SavedLink,
  type Source,
  type Stages,
} from '@flushtrace/trace'
import { copiesAmong } from './copies.ts'
import { foreignKind, foreignOf, guess } from './foreign.ts'
import { timedSource } from './timed.ts'

export const SOURCE_KINDS = [
  'strace',
  'strace-summary',
  'blktrace',
  'blkparse',
  'btrace-summary',
  'tracefs',
  'scap',
  'sysdig-text',
  'sysdig-json',
  'proc',
  'layout',
  'unknown',
] as const
export type SourceKind = (typeof SOURCE_KINDS)[number]

/** What the user must tell to read the sources: the shape of text that was chosen when it was made, and a limit. */
export interface FormatOptions {
  /** blkparse -f */
  readonly blkparseFormat?: string
  /** sysdig -p */
  readonly sysdigFormat?: string
  /** Reading is refused beyond it; default: a share of the machine's. */
  readonly maxMemoryBytes?: number
  /** That read, the one that keeps the state among them; default: as many as there are processors. */
  readonly threads?: number
  /** Maps and device tables without a trace are enough. */
  readonly mapsAlone?: boolean
  /** Is told what is being done. */
  readonly stages?: Stages
  /** Is told of a pipe that nobody writes to. */
  readonly onWait?: OnWait
}

export interface ClassifiedSource {
  readonly source: Source
  readonly kind: SourceKind
  /** Of unknown kind: what it is instead. */
  readonly skipped?: string
}

export interface Capture {
  /** To be looked at also by what works on after the sources have been read. */
  readonly memory: MemoryWatch
  readonly threads: Threads
  readonly sources: readonly ClassifiedSource[]
  readonly links: readonly SavedLink[]
}

const UNKNOWN: DiagnosticKind = {
  code: 'source/unknown',
  severity: 'info',
  message: 'Some sources are none that flushtrace reads (first: {}); they are skipped.',
  fix: 'name only traces; `flushtrace inspect` shows what each one is taken for',
}

const LINK: DiagnosticKind = {
  code: 'source/link',
  severity: 'info',
  message: 'A link in a folder was passed over: {}.',
  fix: 'name what it leads to: links in folders are not followed',
}

/** What tells of a trace, and is none. */
const NO_TRACE: ReadonlySet<SourceKind> = new Set(['unknown', 'proc', 'layout'])

/** Opens and classifies. Throws TraceError when nothing usable is left, in one line that names what is there. */
export async function openCapture(
  paths: readonly string[],
  diagnostics: Diagnostics,
  formats: FormatOptions = {},
  onProgress?: (done: number, total: number | null) => void,
  pace?: Pace,
): Promise<Capture> {
  const memory = new MemoryWatch(formats.maxMemoryBytes)
  const { sources, links } = await openSources(paths, diagnostics, { onProgress, memory, pace, onWait: formats.onWait })
  const saved = savedFolders(sources)
  for (const link of links) {
    if (mayBeSource(link, saved)) diagnostics.add(LINK, { source: link.path }, `${link.path} leads to ${link.target}`)
  }
  const { stages } = formats
  const timed = stages ? sources.map((source) => timedSource(source, stages)) : sources
  const classified: ClassifiedSource[] = []
  const sniffText = textSniffer(formats)
  for (const source of timed) {
    classified.push({ source, kind: await classify(source, saved, sniffText, formats, diagnostics) })
  }
  const isUsable = (kind: SourceKind): boolean =>
    !NO_TRACE.has(kind) || (formats.mapsAlone === true && kind === 'layout')
  if (!classified.some(({ kind }) => isUsable(kind))) {
    throw new TraceError('source/nothing-usable', nothingUsable(paths, classified, diagnostics))
  }
  const traces = classified.filter(({ kind }) => !NO_TRACE.has(kind))
  const copies = copiesAmong(traces, diagnostics)
  const logs = traces.filter(({ source, kind }) => kind === 'strace' && !copies.has(source))
  return {
    memory,
    threads: new Threads(
      formats.threads,
      logs.map(({ source }) => source),
    ),
    sources: classified.map(({ source, kind }) => {
      const original = copies.get(source)
      if (original) return { source, kind: 'unknown', skipped: `a copy of ${original.path}` }
      return kind === 'unknown' ? { source, kind, skipped: whatElse(source) } : { source, kind }
    }),
    links,
  }
}

/** What a source is that is none to be read. */
function whatElse({ head, compression }: Source): string {
  if (head.length > 0) return foreignOf(head)?.name ?? guess(head)
  return compression ? `nothing could be decoded of its ${compression} data` : 'empty'
}

async function classify(
  source: Source,
  saved: ReadonlySet<string>,
  sniffText: TextSniffer,
  formats: FormatOptions,
  diagnostics: Diagnostics,
): Promise<SourceKind> {
  const { head, path } = source
  if (head.length === 0) return 'unknown'
  if (procFileOf(path) && saved.has(folderOf(source))) return 'proc'
  // Magic numbers first; then text, the strictest shape first.
  const kind = sniffScap(head) ?? sniffBlktrace(head) ?? sniffStrace(head) ?? (await sniffText(head))
  if (kind) return kind
  if (formats.sysdigFormat !== undefined && !head.includes(0)) return 'sysdig-text'
  const foreign = foreignOf(head)
  if (foreign) diagnostics.add(foreignKind(foreign), { source: path }, `${path} is ${foreign.name}`)
  else diagnostics.add(UNKNOWN, { source: path }, `${path}, ${guess(head)}`)
  return 'unknown'
}

type TextSniffer = (head: Uint8Array) => Promise<SourceKind | null>

/** Loads what it tries once, with the first source that asks for it. */
function textSniffer({ blkparseFormat }: FormatOptions): TextSniffer {
  const load = async (): Promise<(head: Uint8Array) => SourceKind | null> => {
    const { sniffSysdigJson, sniffSysdigText } = await import('@flushtrace/sysdig')
    const { sniffBlkparse, sniffTracefs } = await import('@flushtrace/blktrace')
    const { sniffLayout } = await import('@flushtrace/layout')
    return (head) =>
      sniffSysdigJson(head) ??
      sniffBlkparse(head, blkparseFormat ?? null) ??
      sniffTracefs(head) ??
      sniffSysdigText(head) ??
      (sniffLayout(head) ? 'layout' : null)
  }
  let loaded: ReturnType<typeof load> | null = null
  return async (head) => (await (loaded ??= load()))(head)
}

/** Folders that hold what only /proc/PID holds: their other files (comm, cmdline) tell nothing by their bytes. */
function savedFolders(sources: readonly Source[]): Set<string> {
  const folders = new Set<string>()
  for (const source of sources) {
    if (procFileOf(source.path) && sniffProc(source.head)) folders.add(folderOf(source))
  }
  return folders
}

/** …/proc/42 of …/proc/42/maps and …/proc/42/fdinfo/7. */
function folderOf(source: Source): string {
  const folder = dirname(source.path)
  return basename(folder) === 'fdinfo' || basename(folder) === 'fd' ? dirname(folder) : folder
}

/** Other links are data: descriptors of a saved process lead to the files it had open, folders of /dev to devices. */
function mayBeSource({ path }: SavedLink, saved: ReadonlySet<string>): boolean {
  if (procFileOf(path)) return false
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (saved.has(folder)) return false
  }
  const target = statsOf(path)
  return target !== null && (target.isFile() || target.isDirectory())
}

function nothingUsable(
  paths: readonly string[],
  classified: readonly ClassifiedSource[],
  diagnostics: Diagnostics,
): string {
  const named = paths.join(', ')
  if (classified.some(({ kind }) => kind === 'proc')) {
    return `${named}: only saved /proc state, no trace; add the trace that it belongs to`
  }
  if (classified.some(({ kind }) => kind === 'layout')) {
    return `${named}: only maps and device tables, no trace; add the trace that they belong to`
  }
  for (const { source } of classified) {
    const foreign = foreignOf(source.head)
    if (foreign) return `${source.path} is ${foreign.name}, which is not read; ${foreign.fix}`
  }
  const [first, ...rest] = classified
  if (first) {
    const what = whatElse(first.source)
    const more = rest.length > 0 ? `, and ${rest.length} more like it` : ''
    return `${first.source.path}: ${what}${more}; none is a trace: name a saved strace, blktrace or sysdig recording (flushtrace recipe makes one)`
  }
  const unreadable = diagnostics.rows().find(({ code }) => code.startsWith('source/'))
  if (unreadable) return `${unreadable.message.replace(/^.*?: /, '').replace(/\.$/, '')}; ${unreadable.fix}`
  return `${named}: holds no file; name a saved trace (flushtrace recipe makes one)`
}
