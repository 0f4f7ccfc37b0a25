/**
 * sysdig's own numbers for flags and commands → the kernel's (asm-generic), which the rest of flushtrace uses.
 * Facts from falcosecurity/libs @ 48dfd53, driver/ppm_flag_helpers.h and driver/ppm_events_public.h.
 */
import { flags as F } from '@flushtrace/trace'

/** [sysdig's bit, the kernel's]; bits that no rule asks for are left out. */
type Bits = readonly (readonly [number, number])[]

const OPEN: Bits = [
  [4, F.O_CREAT],
  [8, F.O_APPEND],
  [16, F.O_DSYNC],
  [32, F.O_EXCL],
  [64, 0o4000], // O_NONBLOCK
  [128, F.O_SYNC],
  [256, F.O_TRUNC],
  [512, F.O_DIRECT],
  [1024, F.O_DIRECTORY],
  [4096, F.O_CLOEXEC],
  [8192, F.O_TMPFILE],
  [16384, F.O_CREAT | F.O_EXCL], // the driver saw that the call made the file
]
const MAP: Bits = [
  [1, F.MAP_SHARED],
  [2, F.MAP_PRIVATE],
  [4, F.MAP_FIXED],
  [8, F.MAP_ANONYMOUS],
]
const CLONE: Bits = [
  [1, F.CLONE_FILES],
  [2, F.CLONE_FS],
  [256, F.CLONE_PARENT],
  [8192, F.CLONE_THREAD],
  [32768, F.CLONE_VM],
  [134217728, F.CLONE_VFORK],
]

/**
 * fcntl commands: index = sysdig's number; -1: none that a rule asks for. Record locks say which file is at work; those of
 * 32-bit programs (F_GETLK64 …) do the same.
 */
const FCNTL: readonly number[] = [
  -1, // unknown
  F.F_DUPFD,
  F.F_GETFD,
  F.F_SETFD,
  F.F_GETFL,
  F.F_SETFL,
  F.F_GETLK,
  -1,
  F.F_SETLK,
  F.F_SETLKW,
  ...Array<number>(7).fill(-1),
  F.F_GETLK, // F_GETLK64
  F.F_SETLK, // F_SETLK64
  F.F_SETLKW, // F_SETLKW64
]
const F_DUPFD_CLOEXEC = 26
const F_OFD_GETLK = 30
const F_OFD_SETLKW = 32

function translate(bits: Bits, value: number): number {
  let out = 0
  // Ten times for each open: before V8 optimizes it, iterators take most of a call's time.
  for (let k = 0; k < bits.length; k++) if ((value & bits[k][0]) !== 0) out |= bits[k][1]
  return out
}

/** O_… of open, openat, creat. */
export function openFlags(value: number): number {
  // O_RDONLY is a bit of its own here: 1 read, 2 write, 3 both.
  const access = (value & 3) === 3 ? F.O_RDWR : (value & 2) !== 0 ? F.O_WRONLY : 0
  const flags = access | translate(OPEN, value)
  // The driver sees O_TMPFILE in each O_DIRECTORY, which is a part of it; a real one must be open for writing (open(2)).
  return access === 0 ? flags & ~(F.O_TMPFILE & ~F.O_DIRECTORY) : flags
}

/** RESOLVE_… of openat2. */
export function resolveFlags(value: number): number {
  return (value & 2) !== 0 ? F.RESOLVE_IN_ROOT : 0
}

/** MAP_… of mmap. */
export function mapFlags(value: number): number {
  return translate(MAP, value)
}

/** CLONE_… of clone and clone3. */
export function cloneFlags(value: number): number {
  return translate(CLONE, value)
}

/** memfd_create's MFD_CLOEXEC, as the O_CLOEXEC that it sets. */
export function memfdFlags(value: number): number {
  return (value & 1) !== 0 ? F.O_CLOEXEC : 0
}

/** F_… of fcntl; -1: none that a rule asks for. */
export function fcntlCommand(value: number): number {
  if (value === F_DUPFD_CLOEXEC) return F.F_DUPFD_CLOEXEC
  if (value >= F_OFD_GETLK && value <= F_OFD_SETLKW) return value - F_OFD_GETLK + F.F_OFD_GETLK
  return FCNTL[value] ?? -1
}

const IOCTLS: ReadonlySet<number> = new Set([
  F.FIOCLEX,
  F.FIONCLEX,
  F.FICLONE,
  F.FICLONERANGE,
  F.FIDEDUPERANGE,
  F.BTRFS_IOC_DEFRAG,
  F.BTRFS_IOC_DEFRAG_RANGE,
  F.FITRIM,
  F.BLKDISCARD,
  F.BLKSECDISCARD,
  F.BLKZEROOUT,
])

/** The kernel takes 32 bits of it (fs/ioctl.c); -1: none that a rule asks for. */
export function ioctlRequest(value: number): number {
  const request = value >>> 0
  return IOCTLS.has(request) ? request : -1
}
