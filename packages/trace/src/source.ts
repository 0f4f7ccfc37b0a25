/**
 * Sources: what the user named, opened once. Magic bytes tell compression; a directory is walked in sorted order and
 * links are never followed (a saved /proc/PID/fd folder is made of links, so their targets are kept as text).
 */
import {
  createReadStream,
  fstatSync,
  lstatSync,
  readSync,
  readdirSync,
  readlinkSync,
  type Dirent,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { sniffCompression, type Compression } from './compression.ts'
import { Diagnostics, type DiagnosticKind } from './diagnostics.ts'
import { TraceError } from './errors.ts'
import { fileChunks, roomFor } from './file-chunks.ts'
import { closeFd, openFd, statsOf } from './files.ts'
import { MemoryWatch } from './memory.ts'
import { HEAD_BYTES, Progress, openStream, reason, type OnProgress, type Stream } from './stream.ts'

export interface Source {
  /** As the user named it, or joined below the directory that the user named. */
  readonly path: string
  /** Size on disk in bytes; null for a stream. */
  readonly bytes: number | null
  readonly compression: Compression | null
  /** The first bytes, decompressed (up to 64 KiB): what the readers sniff. */
  readonly head: Uint8Array
  /**
   * All bytes, decompressed, in large pieces; a piece is valid until the next one is asked for. Throws TraceError when
   * the source can't be read; a stream cut in the middle ends early and leaves a diagnostic. `room`: memory in which the
   * reader would like to have them, two buffers at least, used in turn (file-chunks.ts): in more than two a piece is valid for
   * longer. A source that isn't read from a plain file makes no use of it.
   */
  chunks(room?: readonly Buffer[]): AsyncIterable<Uint8Array>
}

/** A symbolic link met in a walk: data, never followed. */
export interface SavedLink {
  readonly path: string
  readonly target: string
}

export interface OpenedSources {
  readonly sources: Source[]
  readonly links: SavedLink[]
}

const UNREADABLE: DiagnosticKind = {
  code: 'source/unreadable',
  severity: 'loss',
  message: 'A source could not be read: {}.',
  fix: 'check its permissions, or leave it out',
}
const EMPTY: DiagnosticKind = {
  code: 'source/empty',
  severity: 'loss',
  message: 'A source is empty: {}.',
  fix: 'record again; was the tracer allowed to attach, and stopped with SIGINT rather than SIGKILL?',
}

const SHRUNK: DiagnosticKind = {
  code: 'source/shrunk',
  severity: 'loss',
  message: 'A source became shorter while it was read: {}.',
  fix: 'read a copy of it, or read again when nothing writes to it',
}
const GROWN: DiagnosticKind = {
  code: 'source/grown',
  severity: 'info',
  message: 'A source became longer while it was read: {}.',
  fix: 'read again when the recorder has stopped',
}

/** Waited for before each further piece: who can take no more holds the reading back. */
export type Pace = () => Promise<unknown> | undefined

/** Is told of a pipe that nobody has opened to write for a while: until then, opening it waits. */
export type OnWait = (path: string) => void
const WAIT_MS = 1000

interface Opened extends OpenedSources {
  readonly diagnostics: Diagnostics
  readonly progress: Progress
  readonly memory: MemoryWatch
  readonly pace: Pace
  readonly onWait: OnWait
}

export interface SourceOptions {
  readonly onProgress?: OnProgress
  /** Looked at after each piece. */
  readonly memory?: MemoryWatch
  readonly pace?: Pace
  readonly onWait?: OnWait
}

/** Opens files, directories and `-` (standard input). Throws TraceError when a named source is not there at all. */
export async function openSources(
  paths: readonly string[],
  diagnostics: Diagnostics,
  { onProgress = () => {}, memory = new MemoryWatch(), pace = () => undefined, onWait = () => {} }: SourceOptions = {},
): Promise<OpenedSources> {
  const progress = new Progress(onProgress)
  const opened: Opened = { sources: [], links: [], diagnostics, progress, memory, pace, onWait }
  for (const path of paths) {
    if (path === '-') {
      // Node takes a folder for an empty stream.
      if (fstatSync(0).isDirectory()) throw new TraceError('source/kind', '-: a folder; name it instead', { path })
      progress.expect(null)
      keep(opened, await openStream('-', process.stdin, null, progress, diagnostics), true)
      continue
    }
    // A link the user names on purpose is followed; one met in a walk is not.
    if (isFolder(path)) await walk(path, opened)
    else await openPath(path, opened, true)
  }
  return opened
}

/** Standard input or a pipe: who opens it again misses what was taken from it the first time. */
export function isReadOnce(path: string): boolean {
  return path === '-' || statsOf(path)?.isFIFO() === true
}

function isFolder(path: string): boolean {
  let stats: Stats
  try {
    stats = lstatSync(path)
  } catch (error) {
    const why = reason(error as NodeJS.ErrnoException)
    throw new TraceError('source/missing', `${path}: ${why}; name a file, a directory or -`, { path })
  }
  if (!stats.isSymbolicLink()) return stats.isDirectory()
  try {
    readdirSync(path)
    return true
  } catch {
    return false
  }
}

async function walk(directory: string, opened: Opened) {
  const { diagnostics } = opened
  let entries: Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    diagnostics.add(UNREADABLE, { source: directory }, `${directory}: ${reason(error as NodeJS.ErrnoException)}`)
    return
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await walk(path, opened)
    else if (entry.isSymbolicLink()) keepLink(path, opened)
    else if (entry.isFile()) await openPath(path, opened, false)
    // A pipe that nobody writes to would hold up all the others.
    else diagnostics.add(UNREADABLE, { source: path }, `${path}: in a folder only files are read, and this is none`)
  }
}

/** /proc/PID/cwd of another user's process may not be read, and a descriptor's link goes when it is closed. */
function keepLink(path: string, { links, diagnostics }: Opened) {
  try {
    links.push({ path, target: readlinkSync(path) })
  } catch (error) {
    diagnostics.add(UNREADABLE, { source: path }, `${path}: ${reason(error as NodeJS.ErrnoException)}`)
  }
}

async function openPath(path: string, opened: Opened, named: boolean) {
  try {
    keep(opened, await openFile(path, opened, named), named)
  } catch (error) {
    const why = error instanceof TraceError ? error.message : `${path}: ${reason(error as NodeJS.ErrnoException)}`
    opened.diagnostics.add(UNREADABLE, { source: path }, why)
  }
}

/** `named`: by the user. An empty file met in a walk is nothing to tell of: many side files are. */
function keep(opened: Opened, source: Source, named: boolean): void {
  if (named && source.head.length === 0) opened.diagnostics.add(EMPTY, { source: source.path }, source.path)
  opened.sources.push({ ...source, chunks: (room) => watched(source, opened, room) })
}

/** Looks at the memory after each piece: by then the one before it has been made into what is kept. */
async function* watched(
  source: Source,
  { memory, pace }: Opened,
  room: readonly Buffer[] | undefined,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of source.chunks(room)) {
    memory.look(source.path, bytes)
    bytes += piece.length
    const free = pace()
    if (free) await free
    yield piece
  }
}

async function openWaiting(path: string, onWait: OnWait): Promise<number> {
  const tell = (): void => {
    if (statsOf(path)?.isFIFO()) onWait(path)
  }
  const timer = setTimeout(tell, WAIT_MS)
  return openFd(path).finally(() => clearTimeout(timer))
}

async function openFile(path: string, { progress, diagnostics, onWait }: Opened, named: boolean): Promise<Source> {
  const file = await openWaiting(path, onWait)
  let isOurs = true
  try {
    const stats = fstatSync(file)
    // What the kernel makes up when it is read (/proc, the trace of tracefs) has no size. In a folder it may not be asked for: a
    // trace_pipe would hold up all the others.
    const isMadeUp = named && stats.isFile() && stats.size === 0
    if (!stats.isFile() && !stats.isFIFO()) {
      throw new TraceError('source/kind', `${path}: not a file, a directory or a pipe`, { path })
    }
    if (stats.isFIFO() || isMadeUp) {
      // Not opened a second time: closing a pipe's only reader kills the one who writes.
      isOurs = false
      progress.expect(null)
      const stream = await openStream(path, createReadStream(path, { fd: file }), null, progress, diagnostics)
      return isMadeUp && stream.head.length === 0 ? { ...stream, bytes: 0 } : stream
    }
    const { size } = stats
    const head = headOf(file, size)
    progress.expect(size)
    if (sniffCompression(head)) return await openCompressed(path, size, progress, diagnostics)
    // A source may be read several times, and is told of once.
    let told = false
    const onEnd = (end: number): void => {
      if (told || end === size) return
      told = true
      const detail = `${path}: ${end} bytes instead of ${size}`
      if (end < size) diagnostics.add(SHRUNK, { source: path, offset: end }, detail)
      // Files of /proc have no size.
      else if (size > 0) diagnostics.add(GROWN, { source: path, offset: size }, detail)
    }
    const chunks = (room?: readonly Buffer[]): AsyncGenerator<Uint8Array> =>
      fileChunks(path, size, progress, onEnd, room)
    return { path, bytes: size, compression: null, head, chunks }
  } finally {
    if (isOurs) await closeFd(file)
  }
}

function headOf(file: number, size: number): Buffer {
  const head = Buffer.allocUnsafe(Math.min(HEAD_BYTES, size))
  let filled = 0
  while (filled < head.length) {
    const bytesRead = readSync(file, head, filled, head.length - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return head.subarray(0, filled)
}

/** Closed again after its head is read: of a set of a thousand files, only the one being parsed is held open. */
async function openCompressed(
  path: string,
  bytes: number,
  progress: Progress,
  diagnostics: Diagnostics,
): Promise<Source> {
  const again = (): Readable => createReadStream(path, { highWaterMark: roomFor(bytes) })
  const start = (to: Progress, problems: Diagnostics): Promise<Stream> =>
    openStream(path, again(), bytes, to, problems, again)
  const problems = new Diagnostics()
  const first = await start(new Progress(() => {}), problems)
  await first.close()
  const { head, compression } = first
  // Where nothing could be decoded nobody will ask for the rest, which would tell the reason.
  if (head.length === 0) diagnostics.merge(problems.rows())
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const stream = await start(progress, diagnostics)
    yield* stream.chunks()
  }
  return { path, bytes, compression, head, chunks }
}
