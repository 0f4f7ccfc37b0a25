/**
 * Synchronous writes of an strace log, counted a second time: which numbers were opened with O_SYNC or O_DSYNC, by the
 * words of the log alone. No code of the reader. What was opened before the log began, or came by a message, may be so.
 *
 *     7 openat(AT_FDCWD, "/srv/x", O_WRONLY|O_DSYNC) = 3
 *     7 write(3</srv/x>, "…"..., 4096) = 4096
 */

type Sure = boolean | null
/** null: it may be. */
interface Opened {
  readonly sync: Sure
  readonly endsWithExec: boolean
}
type Table = Map<string, Opened>

const OPENS = 'open|openat|openat2|creat'
const FORKS = 'fork|vfork|clone|clone3'
const WRITES = 'write|pwrite|pwrite64|writev|pwritev|pwritev2|sendfile|copy_file_range|splice'
/** The calls that `ended` wants to be told of, as alternatives of a regular expression. */
export const DESCRIPTOR_CALLS = `${OPENS}|close|close_range|dup|dup2|dup3|fcntl|ioctl|${FORKS}|execve|unshare|${WRITES}`
const OF = {
  open: new RegExp(`^(?:${OPENS})$`),
  fork: new RegExp(`^(?:${FORKS})$`),
  write: new RegExp(`^(?:${WRITES})$`),
}

/** Which argument is written to, where it is not the first. */
const WRITES_TO: Readonly<Record<string, number>> = { copy_file_range: 2, splice: 2 }
const FLAGS_OF: Readonly<Record<string, number>> = { open: 1, openat: 2 }
const O_DSYNC = 0x1000
const O_CLOEXEC = 0x80000
const CLONE_FILES = 0x400
const RWF_SYNC_OR_DSYNC = 6
const F_DUPFD = 0
const F_SETFD = 2
const F_DUPFD_CLOEXEC = 1030
const FIOCLEX = 0x5451
const FIONCLEX = 0x5450

export class SyncWrites {
  /** By task; threads have one together. */
  readonly #tables = new Map<string, Table>()

  /** A call that did what it was asked for; `text` are its arguments. Whether it was a synchronous write. */
  ended(pid: string, call: string, text: string, result: number): Sure {
    const args = plain(text)
    const words = args.split(', ')
    const fd = numberOf(words[0])
    const table = this.#of(pid)
    if (OF.write.test(call))
      return (
        result > 0 && this.isSync(pid, numberOf(words[WRITES_TO[call] ?? 0]), call === 'pwritev2' ? words.at(-1) : '')
      )
    if (OF.open.test(call)) table.set(String(result), opened(call, args, text))
    else if (call === 'clone3' && !args.startsWith('{')) {
      // It may have made a thread: what either has from here on is not known.
      this.#tables.set(String(result), new Map()).set(pid, new Map())
    } else if (OF.fork.test(call)) {
      const flags = /flags=([^,}]*)/.exec(args)?.[1] ?? words[0]
      this.#tables.set(String(result), has(flags, 'CLONE_FILES', CLONE_FILES) ? table : new Map(table))
    } else if (call === 'unshare') {
      if (has(args, 'CLONE_FILES', CLONE_FILES)) this.#tables.set(pid, new Map(table))
    } else if (call === 'execve') {
      this.#tables.set(pid, new Map([...table].filter(([, { endsWithExec }]) => !endsWithExec)))
    } else if (call === 'close') table.delete(fd)
    else if (call === 'close_range') {
      for (const one of table.keys()) if (+one >= +fd && +one <= Number.parseInt(words[1])) table.delete(one)
    } else if (call === 'ioctl') {
      if (asks(words[1], 'FIOCLEX', FIOCLEX)) mark(table, fd, true)
      else if (asks(words[1], 'FIONCLEX', FIONCLEX)) mark(table, fd, false)
    } else if (call !== 'fcntl') copy(table, fd, String(result), has(words[2], 'CLOEXEC', O_CLOEXEC))
    else if (asks(words[1], 'F_DUPFD', F_DUPFD)) copy(table, fd, String(result), false)
    else if (asks(words[1], 'F_DUPFD_CLOEXEC', F_DUPFD_CLOEXEC)) copy(table, fd, String(result), true)
    else if (asks(words[1], 'F_SETFD', F_SETFD)) mark(table, fd, has(words[2], 'FD_CLOEXEC', 1))
    return false
  }

  /** A write to this number. `flags`: the words of its own RWF_…. */
  isSync(pid: string, fd: string, flags = ''): Sure {
    const known = this.#of(pid).get(fd)
    if (/RWF_D?SYNC/.test(flags) || (bitsOf(flags) & RWF_SYNC_OR_DSYNC) !== 0) return known ? true : null
    return known ? known.sync : null
  }

  #of(pid: string): Table {
    let table = this.#tables.get(pid)
    if (!table) this.#tables.set(pid, (table = new Map()))
    return table
  }
}

/** Without the texts, and without what -y says behind a number. */
function plain(text: string): string {
  return text
    .replace(/"(?:[^"\\]|\\.)*"(?:\.\.\.)?/g, '""')
    .replace(/(?<=\d|AT_FDCWD)<(?:[^<>]|<[^<>]*>)*>(?:\(deleted\))?/g, '')
}

function numberOf(word: string | undefined): string {
  const number = bitsOf(word)
  return Number.isNaN(number) ? '' : String(number)
}

/** A number, as -X raw and -e raw= print flags; NaN: words. */
function bitsOf(word: string | undefined): number {
  return Number(/^(?:[a-z_]+=)?(-?\d+|0x[\da-f]+)(?![\da-fx])/.exec(word ?? '')?.[1] ?? NaN)
}

function asks(word: string | undefined, name: string, number: number): boolean {
  return word?.replace(/^cmd=/, '') === name || bitsOf(word) === number
}

function has(word: string | undefined, name: string, bit: number): boolean {
  return word?.includes(name) || (bitsOf(word) & bit) !== 0
}

/** Flags by name or by number. What stands below /dev, or at an address (-e raw=), may be no storage. */
function opened(call: string, args: string, text: string): Opened {
  const flags = call === 'openat2' ? /flags=([^,}]*)/.exec(args)?.[1] : args.split(', ')[FLAGS_OF[call] ?? NaN]
  if (call === 'openat2' && flags === undefined) return { sync: null, endsWithExec: false }
  const sync = /\bO_D?SYNC\b/.test(flags ?? '') || (bitsOf(flags) & O_DSYNC) !== 0
  return {
    sync: sync && !/^[^"]*"(?!\/dev\/)/.test(text) ? null : sync,
    endsWithExec: has(flags, 'O_CLOEXEC', O_CLOEXEC),
  }
}

function mark(table: Table, fd: string, endsWithExec: boolean): void {
  const known = table.get(fd)
  if (known) table.set(fd, { ...known, endsWithExec })
}

function copy(table: Table, from: string, to: string, endsWithExec: boolean): void {
  const known = table.get(from)
  if (known) table.set(to, { ...known, endsWithExec })
  else table.delete(to)
}
