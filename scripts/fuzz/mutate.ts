/** Damage and malice: bytes changed, cut, moved, repeated, and words that mean something to a reader put in odd places. */
import type { Random } from './random.ts'

const NEWLINE = 0x0a

/** What readers look for, and what breaks programs. */
const WORDS = [
  ' <unfinished ...>\n',
  '<... fsync resumed>) = 0\n',
  ') = 0',
  ') = -1 EIO (Input/output error)',
  ') = ? ERESTARTSYS (To be restarted)',
  '7813 1795173137.5 fsync(3</a>) = 0 <0.1>\n',
  '7813 clone(child_stack=NULL, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 7814\n',
  '7813 execve("/bin/x", ["x"], 0x7f /* 3 vars */) = 0\n',
  'mmap(NULL, 18446744073709551615, PROT_WRITE, MAP_SHARED, 3</a>, 0) = 0x7f0000000000\n',
  'munmap(0, 18446744073709551615) = 0\n',
  '+++ exited with 0 +++\n',
  '--- SIGCHLD {si_signo=SIGCHLD} ---\n',
  '"',
  '\\',
  '<',
  '>',
  '{',
  '[',
  '(',
  ')',
  '/*',
  '\0',
  '\r',
  '\n',
  '\u001b[2J\u001b]0;x\u0007',
  '\u202e',
  '\u2028',
  '__proto__',
  'constructor',
  '=HYPERLINK("http://x")',
  '-1',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '1e309',
  'NaN',
  '99999999999999999999999999999999',
  '7,0',
  ' Q WS 18446744073709551615 + 4294967295 [x]\n',
  '[{"a":'.repeat(200),
  '/..'.repeat(300),
  '\xff\xfe\xc0\x80',
].map((word) => Buffer.from(word, 'latin1'))

/** 32-bit values that lengths and counts are set to. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
/** Beyond this a mutation only changes, never adds. */
const MOST_BYTES = 1 << 18

/** One to eight changes, each of a random kind. `other` is a second input to take pieces from. */
export function mutate(random: Random, bytes: Buffer, other: Buffer): Buffer {
  let changed: Buffer = Buffer.from(bytes)
  for (let k = 1 + random.below(random.pick([1, 2, 8])); k > 0; k--) changed = change(random, changed, other)
  return changed
}

function change(random: Random, bytes: Buffer, other: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from(random.pick(WORDS))
  const at = random.below(bytes.length)
  const length = 1 + random.below(random.pick([2, 16, 256, 4096]))
  const adds = bytes.length < MOST_BYTES
  switch (random.below(11)) {
    case 0:
      bytes[at] ^= 1 << random.below(8)
      return bytes
    case 1:
      for (let k = at; k < Math.min(bytes.length, at + length); k++) bytes[k] = random.below(256)
      return bytes
    case 2:
      return cut(bytes, at, length)
    case 3:
      return bytes.subarray(0, at)
    case 4:
      return bytes.subarray(at)
    case 5:
      return adds ? insert(bytes, at, random.pick(WORDS)) : bytes
    case 6: {
      const from = random.below(Math.max(1, other.length))
      return adds ? insert(bytes, at, other.subarray(from, from + length)) : bytes
    }
    case 7: {
      const piece = bytes.subarray(at, at + length)
      const times = 1 + random.below(random.pick([2, 50]))
      return adds ? insert(bytes, at, Buffer.concat(Array.from({ length: times }, () => piece))) : bytes
    }
    case 8:
      if (at + 4 <= bytes.length) bytes.writeUInt32LE(random.pick(NUMBERS), at)
      return bytes
    case 9:
      return swapLines(random, bytes, at)
    default:
      return changeNumber(random, bytes, at)
  }
}

function insert(bytes: Buffer, at: number, piece: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
}

function cut(bytes: Buffer, at: number, length: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
}

/** The line at `at` trades places with another. */
function swapLines(random: Random, bytes: Buffer, at: number): Buffer {
  const start = bytes.lastIndexOf(NEWLINE, at - 1) + 1
  const end = bytes.indexOf(NEWLINE, at) + 1
  if (end === 0) return bytes
  const line = Buffer.from(bytes.subarray(start, end))
  const rest = cut(bytes, start, end - start)
  const to = rest.lastIndexOf(NEWLINE, random.below(rest.length + 1)) + 1
  return insert(rest, to, line)
}

/** The next decimal number becomes another one. */
function changeNumber(random: Random, bytes: Buffer, at: number): Buffer {
  const digit = (k: number): boolean => bytes[k] >= 0x30 && bytes[k] <= 0x39
  let start = at
  while (start < bytes.length && !digit(start)) start++
  let end = start
  while (end < bytes.length && digit(end)) end++
  const value = random.pick(['0', '1', '-1', '2147483648', '4294967295', '18446744073709551615', '1'.repeat(40)])
  return insert(cut(bytes, start, end - start), start, Buffer.from(value))
}
