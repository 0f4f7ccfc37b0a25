/**
 * Where the parameters of an event go, by name: one table for the binary file of every version, its text and its JSON,
 * because sysdig has kept the names while it appended parameters and moved them from the enter to the exit.
 */
import { callIndex } from '@flushtrace/trace'
import * as bits from './flag-bits.ts'

/** Numeric slots of a call under way, see task-calls.ts. */
export const RESULT = 0
export const FD = 1
export const FD2 = 2
export const PATH = 3
export const PATH2 = 4
export const ADDR = 5
export const SIZE = 6
export const OFFSET = 7
export const FLAGS = 8
export const FLAGS2 = 9
export const DEV = 10
export const INO = 11
export const FIRST = 12
export const SECOND = 13
export const TID = 14
export const PID = 15
export const PTID = 16
export const VTID = 17
export const SLOTS = 18
/** Slots of bytes, used at once and not kept: TEXT + 0 … */
export const TEXT = 18
export const EXE = 0
export const ARGS = 1
export const CWD = 2
export const COMM = 3
export const CGROUPS = 4
export const CONTROL = 5
export const TEXTS = 6

const SLOT: Readonly<Record<string, number>> = {
  result: RESULT,
  fd: FD,
  fd2: FD2,
  path: PATH,
  path2: PATH2,
  addr: ADDR,
  size: SIZE,
  offset: OFFSET,
  flags: FLAGS,
  flags2: FLAGS2,
  dev: DEV,
  ino: INO,
  first: FIRST,
  second: SECOND,
  tid: TID,
  pid: PID,
  ptid: PTID,
  vtid: VTID,
  exe: TEXT + EXE,
  args: TEXT + ARGS,
  cwd: TEXT + CWD,
  comm: TEXT + COMM,
  cgroups: TEXT + CGROUPS,
  control: TEXT + CONTROL,
}

export type Convert = (value: number) => number

const CONVERT: Readonly<Record<string, Convert>> = {
  open: bits.openFlags,
  resolve: bits.resolveFlags,
  map: bits.mapFlags,
  clone: bits.cloneFlags,
  memfd: bits.memfdFlags,
  fcntl: bits.fcntlCommand,
  ioctl: bits.ioctlRequest,
  pages: (value) => value * 4096, // mmap2 counts its offset in pages of 4 KiB
}

export interface Column {
  readonly slot: number
  readonly convert: Convert | null
}

/** `parameter=slot:conversion`; a parameter of the slot's own name is written once. */
const ROWS: readonly [calls: string, columns: string][] = [
  ['open creat', 'fd=result name=path flags=flags:open dev ino'],
  ['openat', 'fd=result dirfd=fd name=path flags=flags:open dev ino'],
  ['openat2', 'fd=result dirfd=fd name=path flags=flags:open resolve=flags2:resolve dev ino'],
  ['open_by_handle_at', 'fd=result flags=flags:open path dev ino'],
  ['memfd_create', 'fd=result name=path flags=flags:memfd'],
  ['socket accept accept4', 'fd=result'],
  ['eventfd epoll_create epoll_create1 timerfd_create inotify_init userfaultfd io_uring_setup', 'res=result'],
  ['eventfd2 inotify_init1', 'res=result flags=flags:open'],
  ['signalfd', 'res=result fd=fd2'],
  ['signalfd4', 'res=result fd=fd2 flags=flags:open'],
  ['pidfd_open', 'fd=result pid=size'],
  ['pidfd_getfd', 'fd=result pid_fd=fd2 target_fd=size'],
  ['socketpair pipe', 'res=result fd1=first fd2=second'],
  ['pipe2', 'res=result fd1=first fd2=second flags=flags:open'],
  ['close', 'res=result fd'],
  ['close_range', 'res=result first=fd last=fd2 flags'],
  ['dup', 'res=result fd oldfd=fd'],
  ['dup2 dup3', 'res=result fd oldfd=fd newfd=fd2 flags=flags:open'],
  ['fcntl', 'res=result fd cmd=flags:fcntl arg=flags2'],
  ['ioctl', 'res=result fd request=flags:ioctl argument=fd2'],
  ['recvmsg recvmmsg', 'res=result fd msgcontrol=control'],
  ['getdents getdents64', 'res=result fd'],
  ['chdir chroot', 'res=result path'],
  ['getcwd', 'res=result path'],
  ['fchdir', 'res=result fd'],
  ['rename', 'res=result oldpath=path newpath=path2'],
  ['renameat renameat2', 'res=result olddirfd=fd oldpath=path newdirfd=fd2 newpath=path2 flags'],
  ['link', 'res=result oldpath=path newpath=path2'],
  ['linkat', 'res=result olddir=fd oldpath=path newdir=fd2 newpath=path2 flags'],
  ['unlink rmdir', 'res=result path'],
  ['unlinkat', 'res=result dirfd=fd name=path flags'],
  ['write', 'res=result fd size'],
  ['writev', 'res=result fd'],
  ['pwrite pwritev', 'res=result fd size pos=offset'],
  ['sendfile', 'res=result out_fd=fd in_fd=fd2 size'],
  ['splice', 'res=result fd_out=fd fd_in=fd2 size'],
  ['copy_file_range', 'res=result fdout=fd fdin=fd2 len=size'],
  ['mmap', 'res=result addr length=size prot=flags2 flags=flags:map fd offset'],
  ['mmap2', 'res=result addr length=size prot=flags2 flags=flags:map fd pgoffset=offset:pages'],
  ['munmap', 'res=result addr length=size'],
  ['mprotect', 'res=result addr length=size prot=flags2'],
  ['clone fork vfork clone3', 'res=result exe args tid pid ptid cwd comm cgroups flags=flags:clone vtid'],
  ['execve', 'res=result exe args pid cwd comm cgroups filename=path trusted_exepath=path'],
  ['execveat', 'res=result exe args pid cwd comm cgroups pathname=path trusted_exepath=path'],
  ['unshare', 'res=result flags=flags:clone'],
  ['prctl', 'res=result option=flags arg2_str=path'],
  ['io_uring_enter', 'res=result fd to_submit=size'],
]

const TABLE = new Map<string, ReadonlyMap<string, Column>>(
  ROWS.flatMap(([calls, columns]) => {
    const map = new Map(columns.split(' ').map(parseColumn))
    return calls.split(' ').map((call): [string, ReadonlyMap<string, Column>] => [call, map])
  }),
)

function parseColumn(text: string): [string, Column] {
  const [name, target = name] = text.split('=')
  const [slot, convert] = target.split(':')
  return [name, { slot: SLOT[slot], convert: convert === undefined ? null : CONVERT[convert] }]
}

/** Generic events show the call alone: no descriptor, address, size or result. These change state, or are a flush. */
const BARE: ReadonlySet<string> = new Set(
  'fsync fdatasync msync sync syncfs sync_file_range sync_file_range2 arm_sync_file_range'.split(' '),
)
/** Calls that make a task, and return in it, too. */
export const FORKS: ReadonlySet<string> = new Set(['clone', 'fork', 'vfork', 'clone3'])
/** Calls after which the task is another program. */
export const EXECS: ReadonlySet<string> = new Set(['execve', 'execveat'])
/** Their effect on stored bytes is not shown. */
export const UNSEEN_WRITES: ReadonlySet<string> = new Set(
  'pwritev2 vmsplice io_submit truncate truncate64 ftruncate ftruncate64 fallocate'.split(' '),
)
export const UNSEEN_MAPPINGS: ReadonlySet<string> = new Set(['mremap', 'remap_file_pages', 'shmat'])

/** A call without parameters in its events, that counts all the same. */
export function isBare(name: string): boolean {
  return BARE.has(name)
}

/** Columns of a call's parameters; null: the call is only counted. */
export function columnsOf(name: string): ReadonlyMap<string, Column> | null {
  return TABLE.get(name) ?? null
}

/** Index in CALLS of a call that becomes rows; -1: only counted. */
export function rowCall(name: string): number {
  return TABLE.has(name) || BARE.has(name) ? callIndex(name) : -1
}
