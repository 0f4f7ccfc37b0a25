/**
 * Flag words → bits, as x86-64 and arm64 number them (asm-generic). Traces name flags in words; raw numbers
 * (strace -X raw) of architectures with other values (mips, alpha, sparc, parisc) are not translated.
 * Source: torvalds/linux include/uapi/{asm-generic,linux}/*.h.
 */
export const O_WRONLY = 0o1
export const O_RDWR = 0o2
export const O_ACCMODE = 0o3
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_TRUNC = 0o1000
export const O_APPEND = 0o2000
export const O_DSYNC = 0o10000
export const O_DIRECT = 0o40000
export const O_DIRECTORY = 0o200000
export const O_CLOEXEC = 0o2000000
/** Contains O_DSYNC: test both bits for SYNC. */
export const O_SYNC = 0o4010000
export const O_PATH = 0o10000000
/** Contains O_DIRECTORY. */
export const O_TMPFILE = 0o20200000

export const AT_FDCWD = -100
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_EMPTY_PATH = 0x1000

export const MAP_SHARED = 1
export const MAP_PRIVATE = 2
export const MAP_SHARED_VALIDATE = 3
export const MAP_TYPE = 0xf
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const PROT_WRITE = 2
export const MREMAP_MAYMOVE = 1
export const MREMAP_DONTUNMAP = 4

export const MS_ASYNC = 1
export const MS_SYNC = 4

export const RWF_DSYNC = 2
export const RWF_SYNC = 4

export const RENAME_EXCHANGE = 2
export const RESOLVE_IN_ROOT = 0x10

export const CLONE_VM = 0x100
export const CLONE_FS = 0x200
export const CLONE_FILES = 0x400
export const CLONE_PIDFD = 0x1000
export const CLONE_VFORK = 0x4000
export const CLONE_PARENT = 0x8000
export const CLONE_THREAD = 0x10000

export const CLOSE_RANGE_UNSHARE = 2
export const CLOSE_RANGE_CLOEXEC = 4

export const F_DUPFD = 0
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const F_GETLK = 5
export const F_SETLK = 6
export const F_SETLKW = 7
export const F_OFD_GETLK = 36
export const F_OFD_SETLKW = 38
export const F_DUPFD_CLOEXEC = 1030
export const FD_CLOEXEC = 1
export const PR_SET_NAME = 15
export const MSG_PEEK = 2
export const MSG_CMSG_CLOEXEC = 0x40000000

export const S_IFMT = 0o170000
export const S_IFREG = 0o100000
export const S_IFDIR = 0o040000
export const S_IFBLK = 0o060000
export const S_IFCHR = 0o020000

/** include/uapi/linux/falloc.h. */
export const FALLOC_FL_PUNCH_HOLE = 0x02
export const FALLOC_FL_COLLAPSE_RANGE = 0x08
export const FALLOC_FL_ZERO_RANGE = 0x10
export const FALLOC_FL_INSERT_RANGE = 0x20

/** include/uapi/linux/btrfs.h: reads what is scattered and makes it dirty, so that it is written again in one place. */
export const BTRFS_IOC_DEFRAG = 0x50009402
export const BTRFS_IOC_DEFRAG_RANGE = 0x40309410
/** include/uapi/linux/fs.h: blocks of one file become another one's, too. btrfs had them first, and strace names both. */
export const FICLONE = 0x40049409
export const FICLONERANGE = 0x4020940d
export const FIDEDUPERANGE = 0xc0189436
/** include/uapi/linux/fs.h: what asks a file system, and a disk, to give back what is free; BLKZEROOUT may do it on the way. */
export const FITRIM = 0xc0185879
export const BLKDISCARD = 0x1277
export const BLKSECDISCARD = 0x127d
export const BLKZEROOUT = 0x127f
/** include/uapi/asm-generic/ioctls.h: close-on-exec is set, and cleared. */
export const FIOCLEX = 0x5451
export const FIONCLEX = 0x5450

/** In each table: word → bits. Words that no rule asks for are left out and read as 0. */
export const FLAG_WORDS: Readonly<Record<string, ReadonlyMap<string, number>>> = {
  open: words({
    O_RDONLY: 0,
    O_WRONLY,
    O_RDWR,
    O_CREAT,
    O_EXCL,
    O_TRUNC,
    O_APPEND,
    O_DSYNC,
    O_DIRECT,
    O_DIRECTORY,
    O_CLOEXEC,
    O_SYNC,
    O_RSYNC: O_SYNC,
    O_PATH,
    O_TMPFILE,
    __O_TMPFILE: 0o20000000,
  }),
  memfd: words({ MFD_CLOEXEC: O_CLOEXEC }),
  socket: words({ SOCK_CLOEXEC: O_CLOEXEC }),
  epoll: words({ EPOLL_CLOEXEC: O_CLOEXEC }),
  eventfd: words({ EFD_CLOEXEC: O_CLOEXEC }),
  timerfd: words({ TFD_CLOEXEC: O_CLOEXEC }),
  signalfd: words({ SFD_CLOEXEC: O_CLOEXEC }),
  inotify: words({ IN_CLOEXEC: O_CLOEXEC }),
  fanotify: words({ FAN_CLOEXEC: O_CLOEXEC }),
  perf: words({ PERF_FLAG_FD_CLOEXEC: O_CLOEXEC }),
  closeRange: words({ CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC }),
  fcntl: words({ F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC }),
  fcntlArg: words({ FD_CLOEXEC }),
  msg: words({ MSG_PEEK, MSG_CMSG_CLOEXEC }),
  rename: words({ RENAME_NOREPLACE: 1, RENAME_EXCHANGE, RENAME_WHITEOUT: 4 }),
  at: words({ AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_REMOVEDIR }),
  resolve: words({ RESOLVE_IN_ROOT }),
  rwf: words({ RWF_HIPRI: 1, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT: 8, RWF_APPEND: 16 }),
  fallocate: words({
    FALLOC_FL_KEEP_SIZE: 1,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_ZERO_RANGE,
    FALLOC_FL_INSERT_RANGE,
  }),
  ioctl: words({
    BTRFS_IOC_DEFRAG,
    BTRFS_IOC_DEFRAG_RANGE,
    FICLONE,
    BTRFS_IOC_CLONE: FICLONE,
    FICLONERANGE,
    BTRFS_IOC_CLONE_RANGE: FICLONERANGE,
    FIDEDUPERANGE,
    BTRFS_IOC_FILE_EXTENT_SAME: FIDEDUPERANGE,
    FITRIM,
    BLKDISCARD,
    BLKSECDISCARD,
    BLKZEROOUT,
    FIOCLEX,
    FIONCLEX,
  }),
  msync: words({ MS_ASYNC, MS_INVALIDATE: 2, MS_SYNC }),
  syncRange: words({ SYNC_FILE_RANGE_WAIT_BEFORE: 1, SYNC_FILE_RANGE_WRITE: 2, SYNC_FILE_RANGE_WAIT_AFTER: 4 }),
  prot: words({ PROT_NONE: 0, PROT_READ: 1, PROT_WRITE, PROT_EXEC: 4 }),
  map: words({ MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_FIXED, MAP_ANONYMOUS }),
  mremap: words({ MREMAP_MAYMOVE, MREMAP_FIXED: 2, MREMAP_DONTUNMAP }),
  clone: words({
    CLONE_VM,
    CLONE_FS,
    CLONE_FILES,
    CLONE_PIDFD,
    CLONE_VFORK,
    CLONE_PARENT,
    CLONE_THREAD,
  }),
  prctl: words({ PR_SET_NAME }),
  mode: words({ S_IFREG, S_IFDIR, S_IFBLK, S_IFCHR, S_IFIFO: 0o010000, S_IFSOCK: 0o140000, S_IFLNK: 0o120000 }),
}

/** Whether a command of fcntl asks for a record lock: F_GETLK … F_SETLKW, F_OFD_GETLK … F_OFD_SETLKW. */
export function isRecordLock(command: number): boolean {
  return (command >= F_GETLK && command <= F_SETLKW) || (command >= F_OFD_GETLK && command <= F_OFD_SETLKW)
}

function words(table: Record<string, number>): ReadonlyMap<string, number> {
  return new Map(Object.entries(table))
}
