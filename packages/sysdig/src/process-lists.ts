/**
 * The lists at the beginning of a capture: processes (PL), and the descriptors of one task each (FDL).
 *
 *     PL entry  [V9: u32 length, counting itself] i64 tid, pid, ptid, … str comm, str exe, … str args, str cwd, …
 *     FDL       i64 tid, then entries: [V2: u32 length, counting itself] i64 fd, u64 inode, u8 type, payload
 *
 * Format: falcosecurity/libs userspace/libscap/scap_savefile.c (scap_write_proclist_entry, scap_fd_write_to_disk).
 * Not used: environments (stepped over, never decoded), memory sizes, capabilities, users.
 */
import { decodeUtf8, flags as F, type ListedFd, type ListedTask } from '@flushtrace/trace'
import { containerOf } from './containers.ts'
import { openFlags } from './flag-bits.ts'

/** Bytes with a place to read from. Reading past `end` sets `ok` to false and gives 0. */
export class Cursor {
  readonly buf: Uint8Array
  readonly view: DataView
  at: number
  end: number
  ok = true

  constructor(buf: Uint8Array, view: DataView, at: number, end: number) {
    this.buf = buf
    this.view = view
    this.at = at
    this.end = end
  }

  /** Steps over `bytes`; where they begin, or -1. */
  skip(bytes: number): number {
    const at = this.at
    if (bytes > this.end - at) {
      this.ok = false
      this.at = this.end
      return -1
    }
    this.at = at + bytes
    return at
  }

  u8(): number {
    const at = this.skip(1)
    return at < 0 ? 0 : this.buf[at]
  }

  u32(): number {
    const at = this.skip(4)
    return at < 0 ? 0 : this.view.getUint32(at, true)
  }

  /** Exact up to 2^53, as all that is read with it (ids, descriptors, inodes) is in practice. */
  i64(): number {
    const at = this.skip(8)
    return at < 0 ? 0 : this.view.getInt32(at + 4, true) * 4294967296 + this.view.getUint32(at, true)
  }

  /** u16 length and bytes; an empty string for a missing one. */
  text(): string {
    const at = this.bytes()
    return at < 0 ? '' : decodeUtf8(this.buf, at, this.at)
  }

  /** Steps over u16 length and bytes; where they begin. */
  bytes(): number {
    const at = this.skip(2)
    return at < 0 ? -1 : this.skip(this.view.getUint16(at, true))
  }
}

/** By block type: the version of the list of processes. */
export const PROCESS_LIST_VERSION: ReadonlyMap<number, number> = new Map([
  [0x202, 1],
  [0x207, 2],
  [0x209, 3],
  [0x210, 4],
  [0x211, 5],
  [0x212, 6],
  [0x213, 7],
  [0x214, 8],
  [0x215, 9],
  [0x8000abcd, 1],
  [0x8013abcd, 2],
  [0x8014abcd, 3],
])

/** Reads entries until the padding; false when the list is damaged. */
export function readProcessList(cursor: Cursor, version: number, add: (process: ListedTask) => void): boolean {
  const listEnd = cursor.end
  while (listEnd - cursor.at >= 4) {
    const start = cursor.at
    if (version >= 9) {
      const length = cursor.u32()
      if (length < 4 || length > listEnd - start) return false
      cursor.end = start + length
    }
    const process = readProcess(cursor, version)
    if (!cursor.ok) return false
    add(process)
    // What newer versions append is in `length`, not in the version.
    if (version >= 9) cursor.at = cursor.end
    cursor.end = listEnd
  }
  return true
}

function readProcess(cursor: Cursor, version: number): ListedTask {
  const tid = cursor.i64()
  const pid = cursor.i64()
  cursor.skip(8) // ptid
  const sid = version >= 6 ? cursor.i64() : 0
  if (version >= 8) cursor.skip(8) // vpgid
  const comm = cursor.text()
  const exe = cursor.text()
  const exepath = version >= 7 ? cursor.text() : ''
  const args = cursor.text()
  const cwd = cursor.text()
  cursor.skip(8 + 4 + 4 + 4) // fdlimit, flags, uid, gid
  if (version >= 2) cursor.skip(4 + 4 + 4 + 8 + 8) // memory, page faults
  if (version >= 3) cursor.bytes() // environment: never looked at
  let cgroups = ''
  let vtid = 0
  if (version >= 4) {
    vtid = cursor.i64()
    cursor.skip(8) // vpid
    cgroups = cursor.text()
  }
  if (version >= 5) cursor.bytes() // root
  return {
    pid: tid,
    tgid: pid,
    comm: comm === '' ? null : comm,
    cmdline: exe === '' ? null : [exe, ...splitArguments(args)],
    exe: exepath === '' ? null : exepath,
    sid: sid > 0 ? sid : null,
    vtid: vtid > 0 ? vtid : null,
    // The list ends a directory with a slash.
    cwd: cwd.startsWith('/') ? cwd.replace(/(.)\/$/, '$1') : null,
    fds: null,
    regions: null,
    container: containerOf(cgroups),
  }
}

/** Each ends in NUL. */
export function splitArguments(text: string): string[] {
  const parts = text.split('\0')
  if (parts[parts.length - 1] === '') parts.pop()
  return parts
}

/** scap_fd_type, userspace/libscap/scap.h. */
const FD_FILE = 1
const FD_DIRECTORY = 2
const FD_UNIX = 8
const FD_UNSUPPORTED = 10
const FD_FILE_V2 = 16
const FD_MEMFD = 20
/** Types whose payload is one string → what /proc calls them. */
const NAMED: Readonly<Record<number, string>> = {
  [FD_DIRECTORY]: '',
  7: 'pipe:',
  9: 'anon_inode:[eventfd]',
  [FD_UNSUPPORTED]: '',
  11: 'anon_inode:[signalfd]',
  12: 'anon_inode:[eventpoll]',
  13: 'anon_inode:inotify',
  14: 'anon_inode:[timerfd]',
  15: 'socket:',
  17: 'anon_inode:bpf',
  18: 'anon_inode:[userfaultfd]',
  19: 'anon_inode:[io_uring]',
  [FD_MEMFD]: '/memfd:',
  21: 'anon_inode:[pidfd]',
}
/** Sockets: bytes of their payload. */
const SOCKETS: Readonly<Record<number, number>> = { 3: 13, 4: 37, 5: 7, 6: 19 }

/** The descriptors of one task; null when the list is damaged before the task's id. */
export function readFdList(cursor: Cursor, v2: boolean): { tid: number; fds: ListedFd[]; whole: boolean } | null {
  const listEnd = cursor.end
  const tid = cursor.i64()
  if (!cursor.ok) return null
  const fds: ListedFd[] = []
  while (listEnd - cursor.at >= (v2 ? 4 : 17)) {
    const start = cursor.at
    if (v2) {
      const length = cursor.u32()
      if (length < 4 || length > listEnd - start) return { tid, fds, whole: false }
      cursor.end = start + length
    }
    const fd = readFd(cursor, v2)
    if (fd) fds.push(fd)
    if (v2) {
      cursor.at = cursor.end
      cursor.end = listEnd
      cursor.ok = true
    } else if (!cursor.ok || !fd) {
      // Without its length a kind that is not known can't be stepped over.
      return { tid, fds, whole: false }
    }
  }
  return { tid, fds, whole: true }
}

function readFd(cursor: Cursor, v2: boolean): ListedFd | null {
  const fd = cursor.i64()
  const inode = cursor.i64()
  const type = cursor.u8()
  if (type === FD_FILE || type === FD_FILE_V2) {
    const bits = type === FD_FILE_V2 ? openFlags(cursor.u32()) : null
    const name = cursor.text()
    // Since 2020; told by the length of the entry alone.
    const device = v2 && type === FD_FILE_V2 && cursor.end - cursor.at >= 4 ? deviceName(cursor.u32()) : null
    return cursor.ok ? fileFd(fd, name, bits, inode, device) : null
  }
  if (type in SOCKETS) cursor.skip(SOCKETS[type])
  else if (type === FD_UNIX) {
    cursor.skip(16)
    cursor.bytes()
  } else if (type in NAMED) {
    const name = cursor.text()
    if (!cursor.ok) return null
    if (type === FD_DIRECTORY) return fileFd(fd, name, F.O_DIRECTORY, inode, null)
    if (type === FD_UNSUPPORTED) return fileFd(fd, name, null, inode, null)
    const label = NAMED[type]
    if (type === FD_MEMFD) return otherFd(fd, name.startsWith('/') ? name : label + name, true, inode)
    return otherFd(fd, label.endsWith(':') ? `${label}[${inode}]` : label, false, inode)
  } else return null
  return cursor.ok ? otherFd(fd, `socket:[${inode}]`, false, inode) : null
}

/** The name is what the link in /proc said: the kernel marks a deleted file. */
function fileFd(fd: number, name: string, flags: number | null, inode: number, device: string | null): ListedFd {
  const deleted = name.startsWith('/') && name.endsWith(' (deleted)')
  return { fd, target: deleted ? name.slice(0, -' (deleted)'.length) : name, deleted, flags, inode, device }
}

function otherFd(fd: number, target: string, deleted: boolean, inode: number): ListedFd {
  return { fd, target, deleted, flags: null, inode, device: null }
}

/** The kernel's new_encode_dev(): 12 bits of major, 20 of minor. */
export function deviceName(device: number): string {
  return `${(device >>> 8) & 0xfff}:${(device & 0xff) | ((device >>> 12) & 0xfff00)}`
}
