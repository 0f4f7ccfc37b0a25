/**
 * Calls of interest whose line shows at once that they change nothing: these are the bulk of many logs, and are only
 * counted by name. Told from the first bytes of the arguments, or from a failed call's tail; in doubt a line matters.
 *
 *     fcntl(5</srv/x.db>, F_SETLK, {l_type=F_RDLCK, …}) = 0           only F_DUPFD… and F_SETFD touch descriptors
 *     newfstatat(AT_FDCWD</srv>, "/etc/passwd", {…}, 0) = 0            tells nothing of a descriptor
 *     mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/x>, 0) = 0x7f…   private and where the kernel likes: no old map there
 *     ioctl(3</srv/x>, TCGETS, 0x7ffd97ed43c4) = -1 ENOTTY (…)         only BTRFS_…, FICLONE… and FIDEDUPERANGE change files, FIO(N)CLEX descriptors; BLK… and FITRIM give back
 *     mprotect(0x7f…, 16384, PROT_READ) = 0                            only PROT_WRITE makes a writer
 *     openat(AT_FDCWD, "/x", O_RDONLY) = -1 ENOENT (No such file or directory)
 */
import { CALLS, type CallRole } from '@flushtrace/trace'

const COMMA = 0x2c
const SPACE = 0x20
const LANGLE = 0x3c
const RANGLE = 0x3e

type Skip = (buf: Uint8Array, args: number, end: number) => boolean
export type SkipRule = 'path' | 'fcntl' | 'ioctl' | 'map' | 'protect'

/** Index = index in CALLS; null where every line matters. */
export const SKIP_RULES: readonly (SkipRule | null)[] = CALLS.map(({ name, role }) => {
  if (name === 'newfstatat' || name === 'fstatat64') return 'path'
  return role === 'fcntl' || role === 'ioctl' || role === 'map' || role === 'protect' ? role : null
})

const SKIP: Record<SkipRule, Skip> = {
  path: namesNoDescriptor,
  fcntl: isOtherFcntl,
  ioctl: isOtherIoctl,
  map: isPrivateAnywhere,
  protect: makesNothingWritable,
}

const SKIPS: readonly (Skip | null)[] = SKIP_RULES.map((rule) => rule && SKIP[rule])

/** Whether the arguments show that the call changes nothing; -1: one that is only counted. */
export function changesNothing(call: number, buf: Uint8Array, args: number, end: number): boolean {
  return call < 0 || (SKIPS[call]?.(buf, args, end) ?? false)
}

/** Calls that do nothing when they fail. close() closes even then; flushes are counted; munmap is undone. */
const HARMLESS: ReadonlySet<CallRole> = new Set<CallRole>([
  'open',
  'newFd',
  'pair',
  'dup',
  'fcntl',
  'stat',
  'cwd',
  'getcwd',
  'rename',
  'link',
  'unlink',
  'write',
  'map',
  'protect',
  'remap',
  'fork',
  'exec',
  'receiveFds',
])
export const HARMLESS_WHEN_FAILED: readonly boolean[] = CALLS.map(({ role }) => HARMLESS.has(role))

/** `AT_FDCWD` or `-100` first: a path is looked at, no open file. */
function namesNoDescriptor(buf: Uint8Array, args: number): boolean {
  return buf[args] === 0x41 || buf[args] === 0x2d
}

function isOtherFcntl(buf: Uint8Array, args: number, end: number): boolean {
  const p = fcntlCommand(buf, args, end)
  if (p < 0) return false
  // F_DUPFD, F_DUPFD_CLOEXEC; F_SETFD, but also F_SETFL, which is let through.
  const dup = buf[p + 2] === 0x44
  const set = buf[p + 2] === 0x53 && buf[p + 5] === 0x46
  return !dup && !set
}

/** Where `F_…` begins, -1 when it is not found as `3, F_` or `3</srv/x>, F_`. */
function fcntlCommand(buf: Uint8Array, args: number, end: number): number {
  let p = args
  while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) p++
  if (buf[p] === COMMA) return buf[p + 2] === 0x46 && buf[p + 3] === 0x5f ? p + 2 : -1
  if (buf[p] !== LANGLE) return -1
  // A decoration has no raw `>` in it, so `>, F_` stands once. Every fourth byte is looked at: one must be of these.
  for (p += 4; p < end; p += 4) {
    const c = buf[p]
    if (c !== RANGLE && c !== COMMA && c !== SPACE && c !== 0x46) continue
    const q = c === RANGLE ? p : c === COMMA ? p - 1 : c === SPACE ? p - 2 : p - 3
    if (buf[q] === RANGLE && buf[q + 1] === COMMA && buf[q + 2] === SPACE && buf[q + 3] === 0x46) return q + 3
  }
  return -1
}

/** Neither `B…`, `FIC…`, `FID…`, `FIT…`, `FIOC…`, `FIONC…` nor a number (-X raw) behind `3, ` or `3</srv/x>, `. */
function isOtherIoctl(buf: Uint8Array, args: number, end: number): boolean {
  let p = args
  while (p < end && buf[p] >= 0x30 && buf[p] <= 0x39) p++
  // A decoration has no raw `>, ` in it.
  if (buf[p] === LANGLE) while (p < end && !(buf[p] === COMMA && buf[p - 1] === RANGLE)) p++
  if (buf[p] !== COMMA || buf[p + 2] === 0x42 || buf[p + 2] === 0x30) return false
  if (buf[p + 2] !== 0x46 || buf[p + 3] !== 0x49) return true
  if (buf[p + 4] === 0x4f) p += buf[p + 5] === 0x4e ? 2 : 1
  return buf[p + 4] !== 0x43 && buf[p + 4] !== 0x44 && buf[p + 4] !== 0x54
}

function isPrivateAnywhere(buf: Uint8Array, args: number, end: number): boolean {
  const p = argumentAfter(buf, args, end, 3)
  // MAP_P(RIVATE), and no MAP_FIXED among the words up to the next comma.
  if (p < 0 || buf[p + 4] !== 0x50 || buf[p] !== 0x4d) return false
  for (let q = p; q < end && buf[q] !== COMMA; q++) {
    if (buf[q] === 0x46 && buf[q + 1] === 0x49 && buf[q + 2] === 0x58) return false
  }
  return true
}

function makesNothingWritable(buf: Uint8Array, args: number, end: number): boolean {
  const p = argumentAfter(buf, args, end, 2)
  if (p < 0 || buf[p] !== 0x50) return false
  for (let q = p; q < end && buf[q] !== 0x29 && buf[q] !== COMMA; q++) if (buf[q] === 0x57) return false
  return true
}

/** The start of the argument after `commas` commas; only for arguments without strings and brackets. */
function argumentAfter(buf: Uint8Array, args: number, end: number, commas: number): number {
  for (let p = args; p < end; p++) {
    if (buf[p] === COMMA && --commas === 0) return buf[p + 1] === SPACE ? p + 2 : -1
  }
  return -1
}

/**
 * Whether a whole line ends like a failed call: `) = -1 ENAME (text)`, then nothing or `<seconds>`. A descriptor's
 * decoration after the result can hold such text too, but always has a raw `>` in it, which the text of an error never
 * has.
 */
export function endsInFailure(buf: Uint8Array, args: number, end: number): boolean {
  let p = end - 1
  if (buf[p] === 0x3e) {
    p--
    while (p > args && ((buf[p] >= 0x30 && buf[p] <= 0x39) || buf[p] === 0x2e)) p--
    if (buf[p] !== LANGLE || buf[p - 1] !== SPACE) return false
    p -= 2
  }
  if (buf[p] !== 0x29) return false
  for (const stop = Math.max(args, p - 200); p > stop; p--) {
    const c = buf[p]
    if (c === 0x3e) return false
    if (c === 0x3d && buf[p + 1] === SPACE && buf[p - 1] === SPACE) {
      return buf[p + 2] === 0x2d && buf[p + 3] === 0x31 && buf[p + 4] === SPACE && buf[p + 5] === 0x45
    }
  }
  return false
}
