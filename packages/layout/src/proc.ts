/**
 * Saved /proc/PID: a folder per pid with the files `maps`, `fd`, `fdinfo`, `comm`, `cmdline`, `cwd`, `status`, `task`.
 *
 *     maps     7f5c6a200000-7f5c6a210000 rw-s 00000000 00:27 279     /srv/private/sam.ldb
 *     fd       lrwx------ 1 root root 64 Nov 20 11:51 10 -> /srv/private/sam.ldb        (`ls -l /proc/PID/fd`)
 *     fdinfo   10:flags:	02100002                     (`grep flags /proc/PID/fdinfo/*`, with or without the path)
 *     cmdline  samba: root process\0
 *     task     7814                                 (`ls /proc/PID/task`: its threads)
 *
 * `fd` may also be a folder of links and `fdinfo` a folder of files, as cp -a makes them.
 * Format: man page proc(5); torvalds/linux fs/proc/task_mmu.c show_map_vma(), fs/proc/fd.c seq_show().
 */
import { dirname } from 'node:path'
import { decodeUtf8, latin1, readLines, type Diagnostics, type SavedLink, type Source } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import type { SavedFd, SavedProcess, SavedRegion } from './saved-process.ts'

/** Of a line that is none of maps. */
const SHOWN = 60
const FILES = ['maps', 'fd', 'fdinfo', 'comm', 'cmdline', 'cwd', 'status', 'task'] as const
type ProcFile = (typeof FILES)[number]

interface ProcPath {
  readonly pid: number
  /** Of a task's folder (`42/task/43/`): the process that it is in. */
  readonly tgid: number
  readonly file: ProcFile
  /** The descriptor, in a folder of descriptors. */
  readonly entry: number | null
}

/** Which process and which of its files a saved path is; null when it is none. */
export function procFileOf(path: string): ProcPath | null {
  const match = /(?:^|\/)(\d{1,7})\/(?:task\/(\d{1,7})\/)?([a-z]+)(?:\.txt)?(?:\/(\d+))?(?:\.gz|\.zst)?$/.exec(path)
  if (!match || !FILES.includes(match[3] as ProcFile)) return null
  return {
    pid: Number(match[2] ?? match[1]),
    tgid: Number(match[1]),
    file: match[3] as ProcFile,
    entry: match[4] === undefined ? null : Number(match[4]),
  }
}

export const MAPS_LINE =
  /^([0-9a-f]+)-([0-9a-f]+) ([r-])([w-])([x-])([ps]) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+)(?: +(.*))?$/s
/** The first ` N -> ` is the link's: its target may hold another. */
export const FD_LINE = /^l[-rwxst]{9}[.+@]? .*? (\d+) -> (.*)$/s

/** maps and fd lists tell by their bytes what they are; the others only beside them. */
export function sniffProc(head: Uint8Array): boolean {
  const text = latin1(head, 0, Math.min(head.length, 4096))
  const lines = text.split('\n', 4).filter((line) => line !== '' && !/^total \d/.test(line))
  if (lines.length === 0) return false
  // A file of fdinfo has `pos:` first.
  return MAPS_LINE.test(lines[0]) || FD_LINE.test(lines[0]) || lines.some((line) => FDINFO_LINE.test(line))
}

/**
 * The processes saved in these sources. A source that is no file of a saved /proc folder is not looked at; which are,
 * the caller tells with `procFileOf`.
 */
export async function readSavedProcesses(
  sources: readonly Source[],
  links: readonly SavedLink[],
  diagnostics: Diagnostics,
): Promise<Map<number, SavedProcess>> {
  const drafts = new Map<number, Draft>()
  const draftOf = ({ pid, tgid }: ProcPath): Draft => {
    let draft = drafts.get(pid)
    if (!draft) drafts.set(pid, (draft = emptyDraft(pid)))
    if (tgid !== pid) draft.tgid = tgid
    return draft
  }
  for (const source of sources) {
    const what = procFileOf(source.path)
    if (what?.file === 'task') {
      for await (const line of readLines(source, diagnostics)) {
        if (/^\d{1,7}$/.test(line)) draftOf({ ...what, pid: Number(line) })
      }
    } else if (what) await readFile(draftOf(what), what.file, what.entry, source, diagnostics)
  }
  for (const link of links) {
    const what = procFileOf(link.path)
    if (what?.file === 'fd' && what.entry !== null) addFd(draftOf(what), what.entry, link.target, dirname(link.path))
    else if (what?.file === 'cwd') draftOf(what).cwd = link.target
  }
  return new Map([...drafts].map(([pid, draft]) => [pid, finish(draft)]))
}

interface Draft {
  pid: number
  tgid: number
  comm: string | null
  cmdline: string[] | null
  cwd: string | null
  fds: Map<number, { target: string; deleted: boolean }> | null
  flags: Map<number, number>
  regions: SavedRegion[] | null
  fdsIn?: string
  regionsIn?: string
}

function emptyDraft(pid: number): Draft {
  return { pid, tgid: pid, comm: null, cmdline: null, cwd: null, fds: null, flags: new Map(), regions: null }
}

function finish(draft: Draft): SavedProcess {
  const { flags, fds, ...rest } = draft
  const list: SavedFd[] | null = fds && [...fds].map(([fd, at]) => ({ fd, ...at, flags: flags.get(fd) ?? null }))
  return { ...rest, fds: list }
}

async function readFile(
  draft: Draft,
  file: Exclude<ProcFile, 'task'>,
  entry: number | null,
  source: Source,
  diagnostics: Diagnostics,
): Promise<void> {
  switch (file) {
    case 'maps':
      draft.regions ??= []
      draft.regionsIn = source.path
      for await (const line of readLines(source, diagnostics)) {
        const region = parseMapsLine(line)
        if (region) draft.regions.push(region)
        else if (line !== '' && !MAPS_LINE.test(line)) {
          diagnostics.add(LAYOUT.damagedLine, { source: source.path }, line.slice(0, SHOWN))
        }
      }
      return
    case 'fd':
      for await (const line of readLines(source, diagnostics)) {
        const match = FD_LINE.exec(line)
        if (match) addFd(draft, Number(match[1]), match[2], source.path)
        else draft.fds ??= new Map()
      }
      return
    case 'fdinfo':
      for await (const line of readLines(source, diagnostics)) {
        const match = FDINFO_LINE.exec(line)
        const fd = match?.[1] !== undefined ? Number(match[1]) : entry
        if (match && fd !== null) draft.flags.set(fd, Number.parseInt(match[2], 8))
      }
      return
    case 'comm':
    case 'cwd':
      for await (const line of readLines(source, diagnostics)) {
        if (file === 'comm') draft.comm = line
        // `readlink` prints the path alone, `ls -l` the arrow before it.
        else draft.cwd = line.replace(/^.* -> /s, '')
        return
      }
      return
    case 'cmdline':
      draft.cmdline = await readCommandLine(source)
      return
    case 'status':
      for await (const line of readLines(source, diagnostics)) {
        const match = /^Tgid:\s+(\d+)$/.exec(line)
        if (match) draft.tgid = Number(match[1])
      }
  }
}

/** `10:flags:\t0100002`, `/proc/42/fdinfo/10:flags: 0100002`, or in a file of its own `flags:\t0100002`. */
const FDINFO_LINE = /^(?:(?:.*\/)?(\d+):)?flags:\s*(0[0-7]*)$/

/** A shared mapping of a file, null for every other line. */
export function parseMapsLine(line: string): SavedRegion | null {
  const match = MAPS_LINE.exec(line)
  if (!match || match[6] !== 's' || !match[11]?.startsWith('/')) return null
  const deleted = match[11].endsWith(' (deleted)')
  return {
    start: Number.parseInt(match[1], 16),
    end: Number.parseInt(match[2], 16),
    writable: match[4] === 'w',
    fileOffset: Number.parseInt(match[7], 16),
    device: `${Number.parseInt(match[8], 16)}:${Number.parseInt(match[9], 16)}`,
    inode: Number(match[10]),
    // The kernel writes a newline in a name as \012.
    path: (deleted ? match[11].slice(0, -' (deleted)'.length) : match[11]).replace(/\\012/g, '\n'),
    deleted,
  }
}

function addFd(draft: Draft, fd: number, target: string, from: string): void {
  const deleted = target.startsWith('/') && target.endsWith(' (deleted)')
  draft.fdsIn = from
  draft.fds ??= new Map()
  draft.fds.set(fd, { target: deleted ? target.slice(0, -' (deleted)'.length) : target, deleted })
}

/** Enough to tell two processes apart; the kernel allows 2 MiB. */
const MAX_COMMAND_LINE = 1 << 16

/** Arguments end in NUL each; a program that writes its title there (`samba: root process`) pads with blanks or NUL. */
async function readCommandLine(source: Source): Promise<string[] | null> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const chunk of source.chunks()) {
    pieces.push(Buffer.from(chunk))
    length += chunk.length
    if (length > MAX_COMMAND_LINE) break
  }
  const text = decodeUtf8(Buffer.concat(pieces).subarray(0, MAX_COMMAND_LINE)).replace(/[\0\s]+$/, '')
  // A kernel thread has none.
  return text === '' ? null : text.split('\0').map((part) => part.replace(/\n/g, ' '))
}
