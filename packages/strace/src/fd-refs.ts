/** Descriptors among arguments: one, a list, those that a message carries. */
import { AT_FDCWD, latin1, type Extra, type FdRef } from '@flushtrace/trace'
import { endOfDecoration, endOfString, opensDecoration, startsWith } from './scanner.ts'
import { forEachElement, parseFdName, parseNumber } from './values.ts'

/** SCM_MAX_FD is 253; the kernel takes no more control blocks at once than aio-max-nr, which is 65536 unless raised. */
export const MAX_LIST = 65536

/** A number, or AT_FDCWD. */
export function parseFd(buf: Uint8Array, start: number, end: number): number {
  if (buf[start] === 0x41 || startsWith(buf, start, end, RAW_CWD) || startsWith(buf, start, end, LONG_RAW_CWD))
    return AT_FDCWD
  const fd = parseNumber(buf, start, end)
  // A descriptor is an int; close_range's last may be ~0U.
  return Number.isNaN(fd) ? -1 : fd > 0x7fffffff ? 0x7fffffff : fd
}

/** -100, as strace -e raw= prints it. */
const RAW_CWD = Buffer.from('0xffffff9c')
const LONG_RAW_CWD = Buffer.from('0xffffffffffffff9c')

/** `5</x>`. */
export function parseFdRef(buf: Uint8Array, start: number, end: number): FdRef {
  let p = start
  while (p < end && buf[p] !== 0x3c) p++
  if (p >= end || !opensDecoration(buf, p, buf[p - 1])) return { fd: parseFd(buf, start, end), name: null }
  const close = endOfDecoration(buf, p, end)
  return { fd: parseFd(buf, start, end), name: parseFdName(buf, p + 1, close - 1, buf[close] === 0x28) }
}

/** `[5</x>, 6]` */
export function parseFdList(buf: Uint8Array, start: number, end: number): FdRef[] {
  const fds: FdRef[] = []
  forEachElement(buf, start, end, (from, to) => {
    const ref = parseFdRef(buf, from, to)
    if (ref.fd >= 0 && fds.length < MAX_LIST) fds.push(ref)
  })
  return fds
}

/**
 * `{…, msg_control=[{…, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[5</x>]}], …}`: what travels; of sendmmsg
 * and recvmmsg in `[{msg_hdr={…}, msg_len=2}, …]`.
 */
export function parseRights(buf: Uint8Array, start: number, end: number): Extra | null {
  const fds: FdRef[] = []
  const messages: number[] = []
  for (let p = start; p < end; p++) {
    if (buf[p] === 0x22) p = endOfString(buf, p, end) - 1
    else if (buf[p] === 0x63 && startsWith(buf, p, end, CMSG_LEVEL)) {
      const match = RIGHTS.exec(latin1(buf, p, Math.min(end, p + 120)))
      if (match) fds.push(...parseFdList(buf, p + match[0].length - 1, end))
    } else if (buf[p] === 0x6d && startsWith(buf, p, end, MSG_HDR)) messages.push(fds.length)
  }
  if (fds.length === 0) return null
  return messages.length > 1 ? { kind: 'fds', fds, messages } : { kind: 'fds', fds }
}
const MSG_HDR = Buffer.from('msg_hdr={')
const CMSG_LEVEL = Buffer.from('cmsg_level=')
/** With -X raw and -X verbose the words are numbers, or numbers with the words in a comment. */
const RIGHTS = /^cmsg_level=(?:0x)?(?:SOL_SOCKET|1)\b[^,]*, cmsg_type=(?:0x)?(?:SCM_RIGHTS|1)\b[^,]*, cmsg_data=\[/
