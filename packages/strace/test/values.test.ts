import { FLAG_WORDS } from '@flushtrace/trace'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  FlagParser,
  forEachElement,
  forEachField,
  parseFdName,
  parseFlags,
  parseNumber,
  stringEnd,
  unescape,
} from '../src/values.ts'

const values = suite('values')

/** Runs `f` on bytes that stand between others, which would change the answer if they were looked at. */
function within<T>(text: string | Uint8Array, f: (buf: Uint8Array, start: number, end: number) => T): T {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const buf = Buffer.concat([Buffer.from('\\1'), bytes, Buffer.from('x7|O_SYNC"')])
  return f(buf, 2, 2 + bytes.length)
}

values('escapes', () => {
  assert.is(within('plain', unescape), 'plain')
  assert.is(within(String.raw`\"\\\n\t\v\f\r`, unescape), '"\\\n\t\v\f\r')
  assert.is(within(String.raw`\1\0020\58\377`, unescape), '\x01\x020\x058\udcff')
  assert.is(within(String.raw`\x2f\x41\xff`, unescape), '/A\udcff')
  assert.is(within(String.raw`\303\266`, unescape), 'ö')
  assert.is(within(String.raw`\74\76`, unescape), '<>')
  // Four digits are three and a character.
  assert.is(within(String.raw`\1234`, unescape), 'S4')
  // Nothing to escape with: as it stands.
  assert.is(within('a\\', unescape), 'a\\')
  assert.is(within(String.raw`\x4`, unescape), 'x4')
  assert.is(within(String.raw`\q`, unescape), 'q')
})

/** As strace prints a string (print_quoted_string_ex): the shortest octal that the next character leaves unambiguous. */
function quote(bytes: Uint8Array, hex: boolean): string {
  const simple: Record<number, string> = { 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' }
  return Array.from(bytes, (c, k) => {
    if (hex) return `\\x${c.toString(16).padStart(2, '0')}`
    if (simple[c]) return simple[c]
    if (c >= 32 && c < 127) return String.fromCharCode(c)
    const next = bytes[k + 1]
    return `\\${c.toString(8).padStart(next >= 48 && next <= 55 ? 3 : 1, '0')}`
  }).join('')
}

values('what strace escapes comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, hex) => {
      const plain = unescape(bytes, 0, 0) + within(quote(bytes, hex), unescape)
      // Bytes without a backslash are what decoding them gives.
      const masked = Uint8Array.from(bytes, (c) => (c === 92 ? 47 : c))
      assert.is(plain.replaceAll('\\', '/'), within(masked, unescape))
    }),
    { numRuns: 2000 },
  )
})

values('numbers', () => {
  const number = (text: string): number => within(text, parseNumber)
  assert.is(number('0'), 0)
  assert.is(number('4096'), 4096)
  assert.is(number('-1'), -1)
  assert.is(number('-100 /* AT_FDCWD */'), -100)
  assert.is(number('0x7f9ee4c42000'), 0x7f9ee4c42000)
  assert.is(number('0X10'), 0) // strace prints no such thing
  assert.is(number('0644'), 0o644)
  assert.is(number('NULL'), 0)
  assert.is(number('3</srv/x>'), 3)
  assert.is(number('18446744073709551615'), 2 ** 64)
  for (const text of ['', '-', '0x', 'x', '"1"', '[1]', '...']) assert.ok(Number.isNaN(number(text)), text)
})

values('flags in words, raw, and both', () => {
  const open = (text: string): number => within(text, (buf, start, end) => parseFlags(buf, start, end, FLAG_WORDS.open))
  assert.is(open('O_RDWR|O_CREAT|O_CLOEXEC'), 0o2000102)
  assert.is(open('0x81242'), 0x81242)
  assert.is(open('0x101001 /* O_WRONLY|O_SYNC */'), 0x101001)
  assert.is(open('O_RDONLY'), 0)
  assert.is(open('O_WRONLY|O_DSYNC|0x80000000'), 0x80001001)
  assert.is(open('O_WRONLY|O_NOFOLLOW|O_SYNC'), 0x101001)
  assert.is(open('O_WRONLY}'), 1)
  assert.is(open(''), 0)
  const msync = (text: string): number =>
    within(text, (buf, start, end) => parseFlags(buf, start, end, FLAG_WORDS.msync))
  assert.is(msync('0x4 /* MS_SYNC */'), 4)
  assert.is(msync('MS_ASYNC|MS_INVALIDATE'), 3)
  const clone = (text: string): number =>
    within(text, (buf, start, end) => parseFlags(buf, start, end, FLAG_WORDS.clone))
  assert.is(clone('CLONE_VM|CLONE_FS|SIGCHLD'), 0x300)
  // CLONE_CLEAR_SIGHAND is the 33rd bit.
  assert.is(clone('CLONE_VM|0x100000000|CLONE_FILES'), 0x100000500)
})

values('remembered flags are read as others', () => {
  const parser = new FlagParser(FLAG_WORDS.open)
  const texts = [
    'O_RDONLY',
    'O_WRONLY|O_SYNC',
    'O_RDONLY',
    'O_WRONLY',
    'O_WRONLY|O_SYNC',
    '0x1001',
    'O_RDWR',
    'O_WRONLY',
  ]
  for (let round = 0; round < 3; round++) {
    for (const text of texts) {
      const plain = within(text, (buf, start, end) => parseFlags(buf, start, end, FLAG_WORDS.open))
      assert.is(
        within(text, (buf, start, end) => parser.parse(buf, start, end)),
        plain,
        text,
      )
    }
  }
})

values('names behind descriptors', () => {
  const name = (text: string, deleted = false): unknown => {
    const {
      kind,
      text: path,
      deleted: state,
      device,
      block,
    } = within(text, (buf, start, end) => parseFdName(buf, start, end, deleted))
    return [kind, path, state, ...(device ? [device, block] : [])]
  }
  assert.equal(name('/srv/x'), ['path', '/srv/x', false])
  assert.equal(name('/srv/x', true), ['path', '/srv/x', true])
  assert.equal(name('/srv/x (deleted)'), ['path', '/srv/x (deleted)', 'maybe'])
  assert.equal(name('/srv/x (deleted)', true), ['path', '/srv/x (deleted)', true])
  assert.equal(name('/dev/sda<block 8:0>'), ['device', '/dev/sda', false, '8:0', true])
  assert.equal(name('/dev/pts/0<char 136:0>'), ['device', '/dev/pts/0', false, '136:0', false])
  assert.equal(name('/dev/tty<char 5:2 @/dev/pts/0>'), ['device', '/dev/tty', false, '5:2', false])
  assert.equal(name('/memfd:x (deleted)'), ['memory', '/memfd:x', false])
  assert.equal(name('/memfd:x', true), ['memory', '/memfd:x', false])
  assert.equal(name('pipe:[123]'), ['pipe', 'pipe:[123]', false])
  assert.equal(name('socket:[123]'), ['socket', 'socket:[123]', false])
  assert.equal(name('TCPv6:[[::1]:1->[::1]:2]'), ['socket', 'TCPv6:[[::1]:1->[::1]:2]', false])
  assert.equal(name('UNIX-STREAM:[1->2,"/srv/s"]'), ['socket', 'UNIX-STREAM:[1->2,"/srv/s"]', false])
  assert.equal(name('anon_inode:[eventpoll]'), ['anon', 'anon_inode:[eventpoll]', false])
  assert.equal(name('{eventfd-count=0, eventfd-id=1}'), ['anon', '{eventfd-count=0, eventfd-id=1}', false])
  assert.equal(name('pid:123'), ['anon', 'pid:123', false])
  assert.equal(name(String.raw`\x2f\x73`), ['path', '/s', false])
})

values('fields and elements', () => {
  const fields = (text: string): string[] =>
    within(text, (buf, start, end) => {
      const out: string[] = []
      forEachField(buf, start, end, (key, from, to) =>
        out.push(`${key}:${Buffer.from(buf).toString('utf8', from, to)}`),
      )
      return out
    })
  assert.equal(fields('{a=1, b="x, y", c={d=2}, ...}'), ['a:1', 'b:"x, y"', 'c:{d=2}', ':...'])
  assert.equal(fields('{}'), [])
  assert.equal(fields('NULL'), [])
  const elements = (text: string): string[] =>
    within(text, (buf, start, end) => {
      const out: string[] = []
      forEachElement(buf, start, end, (from, to) => out.push(Buffer.from(buf).toString('utf8', from, to)))
      return out
    })
  assert.equal(elements('["a, b", "c]", ...]'), ['"a, b"', '"c]"', '...'])
  assert.equal(elements('[3</srv/a>, 4]'), ['3</srv/a>', '4'])
  assert.equal(elements('[3</srv/a, b], c>, 4]'), ['3</srv/a, b], c>', '4'])
  assert.equal(elements('[{a=f(1, 2)}, NULL]'), ['{a=f(1, 2)}', 'NULL'])
  assert.equal(elements('[]'), [])
})

values('where a string ends', () => {
  assert.is(within('"abc"', stringEnd), 6)
  assert.is(within(String.raw`"a\"b"...`, stringEnd), 7)
  assert.is(within('""', stringEnd), 3)
  for (const text of ['"abc', '"', 'abc', '0x7f', '', String.raw`"abc\"`]) assert.is(within(text, stringEnd), -1, text)
})

values.run()
