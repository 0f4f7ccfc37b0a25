/**
 * The system calls that matter to I/O, memory maps, processes and descriptors, as data: what each does (`role`) and
 * where its arguments go (the columns of a CallBatch). All other calls are only counted by name.
 *
 * Sources: the man pages (section 2) and strace's src/linux/*\/syscallent.h for the names on other architectures.
 */

/** What a call does to the state that flushtrace follows. */
export type CallRole =
  | 'open' // path → descriptor
  | 'newFd' // nothing on disk → descriptor (socket, epoll, memfd …)
  | 'pair' // two descriptors at once: pipe, socketpair
  | 'close'
  | 'closeRange'
  | 'dup'
  | 'fcntl'
  | 'sendFds' // sendmsg: may carry SCM_RIGHTS
  | 'receiveFds'
  | 'stat' // teaches what kind of file it is
  | 'cwd' // chdir, fchdir
  | 'getcwd'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'write' // to `fd`; also sendfile, copy_file_range, splice
  | 'truncate' // ftruncate, truncate, fallocate: changes what is stored without write()
  | 'ioctl' // only those that change what is stored (btrfs's defragmenting, reflinks), or mark a descriptor: FIOCLEX
  | 'flush' // fsync, fdatasync, sync, syncfs
  | 'msync'
  | 'syncRange'
  | 'aioSubmit'
  | 'aioEvents'
  | 'uringEnter'
  | 'map'
  | 'unmap'
  | 'protect'
  | 'remap'
  | 'fork' // clone, clone3, fork, vfork
  | 'exec'
  | 'unshare'
  | 'name' // prctl(PR_SET_NAME)
  // Not calls, but lines or events of the same stream:
  | 'taskExit'
  | 'taskName' // the trace says what the task is called now (strace -Y)
  | 'takeOver' // a thread's execve: it goes on under the pid of its process
  | 'taskId' // the task says its own id; '+alias': the trace does
  | 'container' // the trace says which container the task is in
  | 'tasks' // the trace lists the tasks that are there now

/**
 * Where an argument goes. `fd`, `fd2`: descriptor and its decoration. `path`, `path2`: string. The others are numbers,
 * flag words are turned into bits by the named table of flags.ts. `-`: not looked at.
 */
export type ArgumentSlot =
  | '-'
  | 'fd'
  | 'fd2'
  | 'path'
  | 'path2'
  | 'addr'
  | 'addr2'
  | 'size'
  | 'size2'
  | 'offset'
  | `flags:${string}`
  | `flags2:${string}`
  | 'extra:fds' // [3, 4] written by the kernel
  | 'extra:message' // struct msghdr with SCM_RIGHTS
  | 'extra:argv'
  | 'extra:iocbs'
  | 'extra:events'
  | 'extra:stat'
  | 'extra:clone' // clone3's struct clone_args
  | 'extra:cloneFlags' // clone's, whichever of the two has them
  | 'extra:rwf' // pwritev2's, where they are the sixth
  | 'extra:how' // openat2's struct open_how

export interface CallKind {
  readonly name: string
  readonly role: CallRole
  readonly slots: readonly ArgumentSlot[]
  /** The result is a descriptor. */
  readonly givesFd: boolean
}

type Row = [names: string, role: CallRole, slots?: string]

const ROWS: Row[] = [
  ['open', 'open', 'path flags:open'],
  ['openat', 'open', 'fd path flags:open'],
  ['openat2', 'open', 'fd path extra:how'],
  ['creat', 'open', 'path'],
  ['open_by_handle_at', 'open', '- - flags:open'],

  ['memfd_create', 'newFd', 'path flags:memfd'],
  ['socket', 'newFd', '- flags:socket'],
  ['accept', 'newFd', 'fd2'],
  ['accept4', 'newFd', 'fd2 - - flags:socket'],
  ['epoll_create eventfd', 'newFd'],
  ['epoll_create1', 'newFd', 'flags:epoll'],
  ['eventfd2', 'newFd', '- flags:eventfd'],
  ['timerfd_create', 'newFd', '- flags:timerfd'],
  ['signalfd', 'newFd', 'fd2'],
  ['signalfd4', 'newFd', 'fd2 - - flags:signalfd'],
  ['inotify_init', 'newFd'],
  ['inotify_init1', 'newFd', 'flags:inotify'],
  ['fanotify_init', 'newFd', 'flags:fanotify'],
  ['perf_event_open', 'newFd', '- - - - flags:perf'],
  ['userfaultfd', 'newFd', 'flags:open'],
  ['io_uring_setup', 'newFd'],
  ['pidfd_open', 'newFd', 'size'],
  ['pidfd_getfd', 'newFd', 'fd2 size'],
  ['fsopen fspick fsmount open_tree memfd_secret', 'newFd'],
  ['landlock_create_ruleset', 'newFd'],
  ['mq_open', 'newFd', '- flags:open'],

  ['pipe', 'pair', 'extra:fds'],
  ['pipe2', 'pair', 'extra:fds flags:open'],
  ['socketpair', 'pair', '- flags:socket - extra:fds'],
  ['close', 'close', 'fd'],
  ['close_range', 'closeRange', 'fd fd2 flags:closeRange'],
  ['dup', 'dup', 'fd'],
  ['dup2', 'dup', 'fd fd2'],
  ['dup3', 'dup', 'fd fd2 flags:open'],
  ['fcntl fcntl64', 'fcntl', 'fd flags:fcntl flags2:fcntlArg'],
  ['sendmsg', 'sendFds', 'fd extra:message'],
  ['sendmmsg', 'sendFds', 'fd extra:message'],
  ['recvmsg', 'receiveFds', 'fd extra:message flags:msg'],
  ['recvmmsg recvmmsg_time64', 'receiveFds', 'fd extra:message - flags:msg'],

  ['fstat fstat64', 'stat', 'fd extra:stat'],
  ['newfstatat fstatat64', 'stat', 'fd path extra:stat'],
  ['getdents getdents64', 'stat', 'fd'],
  ['chdir chroot', 'cwd', 'path'],
  ['fchdir', 'cwd', 'fd'],
  ['getcwd', 'getcwd', 'path'],
  ['rename', 'rename', 'path path2'],
  ['renameat', 'rename', 'fd path fd2 path2'],
  ['renameat2', 'rename', 'fd path fd2 path2 flags:rename'],
  ['link', 'link', 'path path2'],
  ['linkat', 'link', 'fd path fd2 path2 flags:at'],
  ['unlink rmdir', 'unlink', 'path'],
  ['unlinkat', 'unlink', 'fd path flags:at'],

  ['write', 'write', 'fd - size'],
  ['pwrite64 pwrite', 'write', 'fd - size offset'],
  ['writev', 'write', 'fd'],
  ['pwritev', 'write', 'fd - - offset'],
  // The sixth is there in strace -e raw=pwritev2: the system call takes the offset in two halves.
  ['pwritev2', 'write', 'fd - - offset flags:rwf extra:rwf'],
  ['sendfile sendfile64', 'write', 'fd fd2 - size'],
  ['copy_file_range', 'write', 'fd2 - fd - size'],
  ['splice', 'write', 'fd2 - fd - size'],
  ['tee', 'write', 'fd2 fd size'],
  ['vmsplice', 'write', 'fd'],
  ['ftruncate ftruncate64', 'truncate', 'fd size'],
  ['truncate truncate64', 'truncate', 'path size'],
  ['fallocate', 'truncate', 'fd flags:fallocate offset size'],
  ['ioctl', 'ioctl', 'fd flags:ioctl fd2'],

  ['fsync fdatasync syncfs', 'flush', 'fd'],
  ['sync', 'flush'],
  ['msync', 'msync', 'addr size flags:msync'],
  ['sync_file_range', 'syncRange', 'fd offset size flags:syncRange'],
  ['sync_file_range2 arm_sync_file_range', 'syncRange', 'fd flags:syncRange offset size'],
  ['io_submit', 'aioSubmit', '- - extra:iocbs'],
  ['io_getevents io_pgetevents', 'aioEvents', '- - - extra:events'],
  ['io_uring_enter', 'uringEnter', 'fd size'],

  ['mmap mmap2 old_mmap', 'map', 'addr size flags2:prot flags:map fd offset'],
  ['munmap', 'unmap', 'addr size'],
  ['mprotect pkey_mprotect', 'protect', 'addr size flags2:prot'],
  ['mremap', 'remap', 'addr size size2 flags:mremap addr2'],

  ['fork vfork', 'fork'],
  // clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD, …): the raw call's own order is another on each architecture.
  // Only strace -e raw=clone prints it so: then the flags come first, but on s390 and cris.
  ['clone', 'fork', 'extra:cloneFlags extra:cloneFlags'],
  ['clone2', 'fork', '- - flags:clone'],
  ['clone3', 'fork', 'extra:clone'],
  ['execve', 'exec', 'path extra:argv'],
  ['execveat', 'exec', 'fd path extra:argv'],
  ['unshare', 'unshare', 'flags:clone'],
  ['prctl', 'name', 'flags:prctl path'],

  ['set_tid_address gettid', 'taskId'],
  ['+alias', 'taskId'],

  ['+exit', 'taskExit'],
  ['+name', 'taskName'],
  ['+takeover', 'takeOver'],
  ['+container', 'container'],
  ['+tasks', 'tasks'],
]

const FD_ROLES: ReadonlySet<CallRole> = new Set<CallRole>(['open', 'newFd', 'dup', 'fcntl'])

/** Index = `batch.call`. */
export const CALLS: readonly CallKind[] = ROWS.flatMap(([names, role, slots]) =>
  names.split(' ').map((name) => ({
    name,
    role,
    slots: (slots ? slots.split(' ') : []) as ArgumentSlot[],
    givesFd: FD_ROLES.has(role),
  })),
)

const INDEX = new Map(CALLS.map((call, index) => [call.name, index]))

/** Index in CALLS, or -1 for a call that is only counted. */
export function callIndex(name: string): number {
  return INDEX.get(name) ?? -1
}

/** `+alias`: the task that had id `result` is now known to be `tid`. */
export const TASK_ALIAS = callIndex('+alias')
export const TASK_EXIT = callIndex('+exit')
export const TASK_NAME = callIndex('+name')
export const TAKE_OVER = callIndex('+takeover')
/** `path`: the id of the container; without one it is in none. */
export const TASK_CONTAINER = callIndex('+container')
/** Of no task; `extra` has the list. */
export const TASKS = callIndex('+tasks')

/** Calls that make a descriptor which is no file, and tell nothing else. */
export const MAKES_NO_FILE: ReadonlySet<number> = new Set(
  'socket accept accept4 eventfd eventfd2 epoll_create epoll_create1 timerfd_create inotify_init inotify_init1 userfaultfd'
    .split(' ')
    .map(callIndex),
)
