/** A copy of a capture's text with other names, to be shown to others: the same answers, new names. */
import { lstat, mkdir, mkdtemp, open, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { anonymizeBlkparse, anonymizeTracefs } from '@flushtrace/blktrace'
import { anonymizeProc, layoutAnonymizer, procFileOf, renameTarget, sniffLayout, withoutMark } from '@flushtrace/layout'
import { StraceAnonymizer } from '@flushtrace/strace'
import { anonymizeSysdigJson, anonymizeSysdigText } from '@flushtrace/sysdig'
import { Diagnostics, Renamer, TraceError, type Source } from '@flushtrace/trace'
import { openCapture, type Capture, type ClassifiedSource, type FormatOptions } from './sources.ts'

export interface AnonymizeOptions extends FormatOptions {
  readonly onProgress?: (done: number, total: number | null) => void
  /** Ends the work; nothing is left of it. */
  readonly signal?: AbortSignal
  /** 32 bytes: the same key gives the same new names. Default: one that nobody knows. */
  readonly key?: Uint8Array
}

export interface AnonymizeAnswer {
  schema: 'flushtrace/anonymize/1'
  folder: string
  /** Each copied source, and what it is called below `folder`. */
  files: { source: string; copy: string }[]
  /** What was not copied, and why. */
  left: { source: string; why: string }[]
}

/** No call, no map has a longer line. */
const MAX_LINE = 1 << 24
const LF = 0x0a

type Rewrite = (line: string) => string

/**
 * Writes the copy into the new folder `out`: beside it first, and renamed when all is there, so that no part of it can
 * be taken for the whole. Throws TraceError where `out` exists.
 */
export async function anonymize(
  paths: readonly string[],
  out: string,
  options: AnonymizeOptions = {},
): Promise<AnonymizeAnswer> {
  if (await lstat(out).catch(() => null)) {
    throw new TraceError('usage', `--anonymize ${out}: exists already; name a new folder`)
  }
  const capture = await openCapture(paths, new Diagnostics(), options, options.onProgress)
  const renamer = new Renamer(options.key)
  const answer: AnonymizeAnswer = { schema: 'flushtrace/anonymize/1', folder: out, files: [], left: [] }
  const unfinished = await mkdtemp(`${out}.unfinished-`).catch((error: NodeJS.ErrnoException) => {
    throw new TraceError('usage', `--anonymize ${out}: ${error.message}`)
  })
  try {
    for (const one of capture.sources) {
      const rewrite = rewriterOf(one, renamer, options)
      const source = one.source.path
      if (typeof rewrite === 'string') answer.left.push({ source, why: rewrite })
      else {
        const copy = placeOf(source, paths)
        if (answer.files.some((other) => other.copy === copy)) {
          throw new TraceError('usage', `--anonymize: two sources would be ${copy}; name the folder that holds them`)
        }
        await rewriteFile(withoutMark(one.source), join(unfinished, copy), rewrite, options.signal)
        answer.files.push({ source, copy })
      }
    }
    await copyLinks(capture, paths, unfinished, renamer)
    await rename(unfinished, out)
  } catch (error) {
    // A full disk, a limit: sources that cannot be read are TraceErrors.
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new TraceError('anonymize/unwritable', `--anonymize ${out}: cannot write the copy: ${error.message}`)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return answer
}

/** What becomes of each line of the source; or why it is not copied. */
function rewriterOf(
  { source, kind, skipped = '' }: ClassifiedSource,
  renamer: Renamer,
  formats: FormatOptions,
): Rewrite | string {
  switch (kind) {
    case 'strace':
    case 'strace-summary': {
      const strace = new StraceAnonymizer(renamer)
      return (line) => strace.line(line)
    }
    case 'blkparse':
    case 'btrace-summary':
      if (formats.blkparseFormat !== undefined) return 'a format of its own: names may stand anywhere'
      return (line) => anonymizeBlkparse(line, renamer)
    case 'tracefs':
      return (line) => anonymizeTracefs(line, renamer)
    case 'sysdig-text':
      if (formats.sysdigFormat !== undefined) return 'a format of its own: names may stand anywhere'
      return (line) => anonymizeSysdigText(line, renamer)
    case 'sysdig-json':
      return (line) => anonymizeSysdigJson(line, renamer)
    case 'proc':
      return (line) => anonymizeProc(source.path, line, renamer)
    case 'layout': {
      const { head } = withoutMark(source)
      const layout = sniffLayout(head)
      const rewrite = layout && layoutAnonymizer(layout, Buffer.from(head).toString('latin1'))
      return rewrite ? (line) => rewrite(line, renamer) : 'names may stand anywhere in it'
    }
    case 'blktrace':
    case 'scap':
      return 'binary: save it as text (blkparse, sysdig -r)'
    case 'unknown':
      return skipped
  }
}

/** Below the new folder: as below the folder that the user named, uncompressed. */
function placeOf(path: string, named: readonly string[]): string {
  const plain = path === '-' ? 'stdin' : path.replace(/\.(?:gz|zst)$/, '')
  const folder = named.find((one) => path !== one && !relative(one, path).startsWith('..'))
  if (folder === undefined) return basename(plain)
  const below = relative(folder, plain)
  return named.length === 1 ? below : join(basename(folder), below)
}

async function rewriteFile(source: Source, to: string, rewrite: Rewrite, signal?: AbortSignal): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const file = await open(to, 'wx')
  const renamed = (bytes: Buffer): Buffer => {
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length
    return Buffer.from(rewrite(bytes.toString('latin1', 0, end)) + bytes.toString('latin1', end), 'latin1')
  }
  try {
    let rest = Buffer.alloc(0)
    for await (const chunk of source.chunks()) {
      signal?.throwIfAborted()
      const bytes = Buffer.concat([rest, chunk])
      const lines: Buffer[] = []
      let from = 0
      for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, from)) {
        lines.push(renamed(bytes.subarray(from, at)), Buffer.of(LF))
        from = at + 1
      }
      rest = bytes.subarray(from)
      if (rest.length > MAX_LINE) {
        throw new TraceError(
          'anonymize/long-line',
          `${source.path}: a line of more than 16 MiB (MAX_LINE, which is fixed); leave this source out`,
        )
      }
      await file.writeFile(Buffer.concat(lines))
    }
    await file.writeFile(renamed(rest))
  } finally {
    await file.close()
  }
}

/** Saved descriptors lead to files by links; folders of /dev name devices. They are never followed. */
async function copyLinks({ links }: Capture, named: readonly string[], to: string, renamer: Renamer): Promise<void> {
  for (const { path, target } of links) {
    const place = placeOf(path, named)
    const isProc = procFileOf(path) !== null
    const copy = join(to, isProc ? place : join(dirname(place), renamer.text(basename(place))))
    await mkdir(dirname(copy), { recursive: true })
    await symlink(isProc ? renameTarget(target, renamer) : renamer.text(target), copy)
  }
}
