/** The short ways of reading a line against the plain one: the same rows, but for those overtaken, facts and diagnostics. */
import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { StraceParser } from '../src/parser.ts'
import { Scanner, endOfString } from '../src/scanner.ts'
import { notOvertaken, rowOf, type Row } from './source.ts'

const shortcuts = suite('short ways')

function everything(bytes: Uint8Array, plain: boolean, tid = 0): { told: string[]; rows: number } {
  const diagnostics = new Diagnostics()
  const parser = new StraceParser('memory', diagnostics, { tid, plain })
  const rows: Row[] = []
  const take = (): void => {
    for (let i = 0; i < parser.batch.length; i++) rows.push(rowOf(parser.batch, i))
    parser.recycle()
  }
  for (let pos = 0; pos < bytes.length; take()) pos = parser.consume(bytes, pos)
  parser.end()
  take()
  const told = [...notOvertaken(rows), parser.facts, ...diagnostics.rows()].map((one) => JSON.stringify(one))
  return { told, rows: rows.length }
}

/** How many rows were left out. */
function same(bytes: Uint8Array, what: string, tid = 0): number {
  const short = everything(bytes, false, tid)
  const plain = everything(bytes, true, tid)
  const at = short.told.findIndex((line, k) => line !== plain.told[k])
  assert.is(at, -1, `${what}: ${short.told[at]} instead of ${plain.told[at]}`)
  assert.is(short.told.length, plain.told.length, what)
  return plain.rows - short.rows
}

/** Of a large capture, the first part is enough. */
const PART = 300_000

const FOLDER = new URL('../../../fixtures/strace/', import.meta.url)

for (const name of readdirSync(FOLDER, { recursive: true }).map(String).sort()) {
  if (!/\.txt(?:\.gz)?$/.test(name)) continue
  shortcuts(name, () => {
    const raw = readFileSync(new URL(name, FOLDER))
    const bytes = (name.endsWith('.gz') ? gunzipSync(raw) : raw).subarray(0, PART)
    // Twice: what was kept of the first time is met in the second.
    same(Buffer.concat([bytes, bytes]), name)
  })
}

/** Beginnings, rests and whole calls of a few tasks, in any order, cut anywhere. */
const CALLS = [
  'fsync(3</srv/x>) = 0',
  'fsync(3</srv/x>(deleted)) = 0',
  'fsync(3</srv/xy>) = -1 EIO (Input/output error)',
  'close(3</srv/x> <unfinished ...>',
  'newfstatat(3</srv/x>, "", {st_mode=S_IFREG|0644, st_size=1, ...}, AT_EMPTY_PATH) = 0',
  'newfstatat(3</srv/x>, "",  <unfinished ...>',
  'newfstatat(3</srv/x>, "", <unfinished ...>',
  '<... newfstatat resumed>{st_mode=S_IFDIR|0755, st_size=1, ...}, AT_EMPTY_PATH) = 0',
  '<... newfstatat resumed> {st_mode=S_IFREG|0644, st_size=1, ...}, AT_EMPTY_PATH) = 0',
  '<... newfstatat resumed>, {st_mode=S_IFREG|0644, st_size=1, ...}, 0) = ?',
  'openat(AT_FDCWD</srv>, "a", O_RDWR|O_CREAT, 0644) = 3</srv/x>',
  'openat(AT_FDCWD</srv>, "a) = 3", O_RDWR|O_CREAT <unfinished ...>',
  '<... openat resumed>, 0644) = 4</srv/a=b> ',
  '<... openat resumed>) = 4</srv/a = b>',
  'msync(0x7f0000000000, 4096, MS_SYNC <unfinished ...>',
  'msync(0x7f0000000000, 4096,  <unfinished ...>',
  '<... msync resumed>) = 0',
  '<... msync resumed>MS_SYNC) = 0',
  '<... msync resumed>MS_SYNC <unfinished ...>',
  '<... close resumed>) = 0',
  '<... fsync resumed>) = ?',
  'clone3({flags=CLONE_VM <unfinished ...>',
  '<... clone3 resumed>|CLONE_FILES, exit_signal=0}, 88) = 43',
  'execve("/bin/a", ["a", "b\\"c"], 0x7fff /* 1 var */ <unfinished ...>',
  '<... execve resumed>) = 0',
  'pwrite64(3</srv/x>, "\\1\\2\\"\\\\", 4, 0) = 4',
  'pwrite64(3</srv/x>, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\\\\""..., 4096, 8) = 4096',
  'pwrite64(3</srv/x>, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",  <unfinished ...>',
  '<... pwrite64 resumed>4096, 8) = 4096',
  'write(3</srv/x>, "a", 1) = 1',
  'write(3</srv/x", 5) = 5',
  'getpid() = 42',
  'getpid( <unfinished ...>',
  'getpid() <detached ...>',
  '<... getpid resumed>) = 42',
  'pause() = ? ERESTARTNOHAND (To be restarted if no handler)',
  'pause( <unfinished ...>) = ?',
  'fcntl(3</srv/x>, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=4, l_len=1}) = 0',
  'fcntl(3</srv/a, F_x>, F_SETFD, FD_CLOEXEC) = 0',
  'fcntl(3, F_DUPFD_CLOEXEC, 0) = 4',
  'fcntl(3, F_GETFL) = -1 EBADF (Bad file descriptor)',
  'fcntl(3</srv/x>, 0x400, 0) = 0',
  'newfstatat(AT_FDCWD</srv>, "a) = 3", {st_mode=S_IFREG|0644, st_size=1, ...}, 0) = 0',
  'newfstatat(AT_FDCWD, "a", 0x7ffd97ed43c4, 0) = -1 ENOENT (No such file or directory)',
  'mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/x>, 0) = 0x7f0000000000',
  'mmap(0x7f0000000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, 3</lib/x>, 0) = 0x7f0000000000',
  'mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</srv/x>, 0) = 0x7f0000001000',
  'mprotect(0x7f0000000000, 4096, PROT_READ) = 0',
  'mprotect(0x7f0000000000, 4096, PROT_READ|PROT_WRITE) = 0',
  'ioctl(3</srv/x>, TCGETS, 0x7ffd97ed43c4) = -1 ENOTTY (Inappropriate ioctl for device)',
  'ioctl(3</srv/x>, FICLONE, 4</srv/y>) = 0',
  'ioctl(3</srv/x>, FIOCLEX) = 0',
  'ioctl(3, FIONCLEX) = 0',
  'ioctl(3, FIONBIO, [1]) = 0',
  'ioctl(3</srv/x>, FIOASYNC, [1]) = 0',
  'fcntl(3</srv/x>, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=4, l_len=1} <unfinished ...>',
  '<... fcntl resumed>) = 0',
  '<... fcntl resumed>) = -1 EAGAIN (Resource temporarily unavailable)',
  '<... fcntl resumed>, 0) = ? ERESTARTSYS (To be restarted)',
  '<... fcntl resumed> <unfinished ...>',
  '--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=43} ---',
  '+++ exited with 0 +++',
  '+++ superseded by execve in pid 42 +++',
]
/** Lines without a beginning: the rest of a call, a notice, a program's words. */
const BARE = [')                      = 0', 'strace: Process 43 attached', 'a program', '']
const lines = fc.array(
  fc.record({
    // The sieve has one place for 42 and 1066.
    tid: fc.constantFrom('42    ', '43    ', '1066  ', '4194304 '),
    bare: fc.oneof({ weight: 60, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(...BARE) }),
    call: fc.constantFrom(...CALLS),
    took: fc.constantFrom('', ' <0.000021>', ' <0.000021>', ' <21>', ' <0.000021>\r'),
    cut: fc.oneof(
      { weight: 30, arbitrary: fc.constant(200) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 99 }) },
    ),
  }),
  { maxLength: 150 },
)

shortcuts('a duration on a line that is only counted', () => {
  const line = (k: number, took: string): string => `42    1795175435.00000${k} getpid() = 42${took}\n`
  for (const text of [
    line(0, '') + line(1, ' <0.000021>'),
    line(0, ' <0.000021>') + line(1, ' <0.000021>') + line(2, ''),
  ])
    same(Buffer.from(text), text)
})

shortcuts('a decoration that was cut is the beginning of another', () => {
  const at = (k: number): string => `42    1795175435.00000${k} `
  const names = ['</srv/a>', '</dev/null<char 1:3>>']
  for (const name of names)
    for (let cut = 1; cut < name.length; cut++) {
      const text = [name.slice(0, cut), ...names].map((end, k) => `${at(k)}openat(AT_FDCWD, "a", O_RDWR) = 4${end}\n`)
      same(Buffer.from(text.join('')), name.slice(0, cut))
    }
})

shortcuts('calls in any order', () => {
  fc.assert(
    fc.property(lines, fc.constantFrom(1, 4), (parts, times) => {
      // What was read once, or twice, is recognised then.
      const repeated = Array.from({ length: times }, () => parts).flat()
      const text = repeated.map(({ tid, bare, call, took, cut }, k) => {
        if (bare !== null) return bare
        const whole = call.endsWith('>') || call.endsWith('+') ? call : call + took
        // Times never step back: among lines that are only counted the short way does not see it (LineClock.glimpse).
        return `${tid}${1795175435 + (k >> 4)}.${String(k).padStart(6, '0')} ${whole}`.slice(0, cut)
      })
      same(Buffer.from(`${text.join('\n')}\n`, 'latin1'), text.join('\n'))
    }),
    { numRuns: 300 },
  )
})

shortcuts('interrupted calls that are only counted, with a clock that steps back', () => {
  const calls = CALLS.filter((call) =>
    /<unfinished \.\.\.>$|^<\.\.\. (?:fcntl|getpid|close|msync) resumed|^fsync/.test(call),
  )
  const some = fc.record({ tid: fc.integer({ min: 42, max: 44 }), call: fc.constantFrom(...calls), step: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(some, { maxLength: 150 }), (parts) => {
      const repeated = [...parts, ...parts, ...parts]
      const text = repeated.map(
        ({ tid, call, step }, k) => `${tid} 1795175435.${100_000 + k * 4 - step * step} ${call}\n`,
      )
      same(Buffer.from(text.join('')), text.join(''))
    }),
    { numRuns: 300 },
  )
})

shortcuts('interrupted calls that were read before, in order', () => {
  const pairs = [
    ['close(3</srv/x>', ') = 0'],
    ['close(3</srv/y>', ') = -1 EIO (Input/output error)'],
    ['openat(AT_FDCWD</srv>, "a", O_RDWR|O_CREAT, 0644', ') = 3</srv/a>'],
    ['openat(AT_FDCWD</srv>, "a", O_RDWR|O_CREAT', ', 0644) = 3</srv/a>(deleted)'],
    ['newfstatat(3</srv/x>, "", ', '{st_mode=S_IFREG|0644, st_size=1, ...}, AT_EMPTY_PATH) = 0'],
    ['newfstatat(3</srv/x>, "", ', '0x7ffd97ed43c4, AT_EMPTY_PATH) = ? ERESTARTSYS (To be restarted)'],
    ['msync(0x7f0000000000, 4096, ', 'MS_SYNC) = 0'],
    ['close(3', ') = 0'],
    ['fcntl(3</srv/x>, F_SETFD, FD_CLOEXEC', ') = 0'],
    ['fcntl(3</srv/x>, F_GETFL', ') = 0x8002 (flags O_RDWR|O_LARGEFILE)'],
  ] as const
  const one = fc.record({
    tid: fc.integer({ min: 42, max: 44 }),
    pair: fc.constantFrom(...pairs),
    whole: fc.boolean(),
    took: fc.constantFrom('', ' <0.000021>', ' <1.000021>', ' <12.000021>'),
    between: fc.constantFrom('', '', '--- SIGCHLD {} ---', '+++ superseded by execve in pid 43 +++', 'unknown(1) = 0'),
  })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), (calls) => {
      const under = new Map<number, string>()
      const text = [...calls, ...calls, ...calls, ...calls].flatMap(({ tid, pair, whole, took, between }) => {
        const rest = under.get(tid)
        under.delete(tid)
        if (rest !== undefined) return [`${tid} # <... ${rest}${took}`]
        const name = pair[0].slice(0, pair[0].indexOf('('))
        if (whole) return [`${tid} # ${pair[0]}${pair[1]}${took}`]
        under.set(tid, `${name} resumed>${pair[1]}`)
        return [`${tid} # ${pair[0]} <unfinished ...>`, ...(between === '' ? [] : [`${tid} # ${between}`])]
      })
      const timed = text.map((each, k) => `${each.replace('#', `1795175435.${100_000 + k}`)}\n`).join('')
      same(Buffer.from(timed), timed)
    }),
    { numRuns: 300 },
  )
})

shortcuts('descriptors that are no files come and go', () => {
  const name = fc.constantFrom('3', '4<anon_inode:[eventpoll]>')
  const some = (call: string): fc.Arbitrary<string[]> => name.map((fd) => [call.replace('#', fd)])
  const round = fc
    .tuple(name, fc.constantFrom('F_SETFD, FD_CLOEXEC', 'F_SETFL, O_RDONLY|O_NONBLOCK', ''))
    .map(([fd, mark]) => [
      `epoll_create(64) = ${fd}`,
      ...(mark ? [`fcntl(${fd}, ${mark}) = 0`] : []),
      `close(${fd}) = 0`,
    ])
  const others = [
    'close(#) = 0',
    'close(#) = -1 EBADF (Bad file descriptor)',
    'close(# <unfinished ...>',
    'epoll_create(64) = #',
    'fcntl(#, F_SETFD, FD_CLOEXEC) = 0',
    'fcntl(#, F_DUPFD_CLOEXEC, 4) = 4',
    'fsync(#) = 0',
    'getpid() = 42',
  ].map(some)
  const one = fc.record({
    tid: fc.constantFrom(42, 42, 42, 43),
    calls: fc.oneof({ weight: 9, arbitrary: round }, ...others),
  })
  let left = 0
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), (parts) => {
      const calls = [...parts, ...parts, ...parts].flatMap(({ tid, calls }) =>
        calls.map((call) => `${tid} # ${call}\n`),
      )
      const text = calls.map((call, k) => call.replace('#', `1795175435.${100_000 + k}`))
      left += same(Buffer.from(text.join('')), text.join(''))
    }),
    { numRuns: 300 },
  )
  assert.ok(left > 300, `${left} rows were left out`)
  // A round of sixteen sockets: more than are followed.
  const sockets = Array.from({ length: 16 }, (_, k) => [
    `socket(AF_UNIX, SOCK_STREAM, 0) = ${k}`,
    `close(${k}) = 0`,
  ]).flat()
  const rounds = Array.from({ length: 9 }, () => sockets).flat()
  same(Buffer.from(rounds.map((call, k) => `42 1795175435.${100_000 + k} ${call}\n`).join('')), 'many numbers')
})

shortcuts('writes to the same files', () => {
  const one = fc.record({
    call: fc.constantFrom('write', 'pwrite64'),
    file: fc.constantFrom('3', '3</srv/x>', '3</srv/a"b>', '3</srv/a", 5) = 5>', '3</srv/x>(deleted)', '4<pipe:[7]>'),
    data: fc.array(
      fc.constantFrom('a', '\\"', '\\\\', '", 4) = 4', '"', '...', ' <unfinished ...>', 'bbbbbbbbbbbbbbb'),
      {
        maxLength: 5,
      },
    ),
    end: fc.constantFrom('"', '"...', '"..', '/* 4 */'),
    numbers: fc.constantFrom(
      ', 4',
      ', 4, 8192',
      ', 4096, 0',
      ', 010, 8',
      ', 0x10, 8',
      ', 9999999999999999, 1',
      ', 4, 8, 1',
      '',
    ),
    result: fc.constantFrom(
      ') = 4',
      ')      = 4',
      ') = -1 EIO (Input/output error)',
      ') = ?',
      ' <unfinished ...>',
      '= 4',
    ),
  })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 40 }), (calls) => {
      const text = [...calls, ...calls, ...calls].map(({ call, file, data, end, numbers, result }, k) => {
        return `42 1795175435.${100_000 + k} ${call}(${file}, "${data.join('')}${end}${numbers}${result}\n`
      })
      same(Buffer.from(text.join('')), text.join(''))
    }),
    { numRuns: 300 },
  )
})

shortcuts('texts that were forgotten while calls were under way', () => {
  const begun = '42 1795175435.000000 newfstatat(3</srv/x>, "",  <unfinished ...>\n'
  const rest = '42 1795175435.000000 <... newfstatat resumed>{st_mode=S_IFDIR|0755, ...}, AT_EMPTY_PATH) = 0\n'
  const others = Array.from({ length: 33_000 }, (_, k) => `43 1795175435.000000 unlink("/srv/${k}") = 0\n`).join('')
  same(Buffer.from(begun + others + rest + begun + rest), 'a table is full')
})

shortcuts('the end of a string', () => {
  const simple = (buf: Uint8Array, start: number, end: number): number => {
    for (let p = start + 1; p < end; p++) {
      if (buf[p] === 0x5c) p++
      else if (buf[p] === 0x22) return p + 1
    }
    return end
  }
  const text = fc.array(fc.constantFrom('a', '"', '\\', 'bbbbbbb'), { maxLength: 40 })
  fc.assert(
    fc.property(text, fc.nat(50), (parts, cut) => {
      const buf = Buffer.from(`"${parts.join('')}""`)
      const end = Math.max(1, buf.length - cut)
      assert.is(endOfString(buf, 0, end), simple(buf, 0, end), buf.toString())
    }),
  )
})

shortcuts('where the rest of an interrupted call goes on', () => {
  const at = (text: string): [number, boolean] => {
    const scanner = new Scanner()
    const buf = Buffer.from(`${text} <unfinished ...>`)
    assert.is(scanner.scan(buf, 0, buf.length), 'unfinished', text)
    return [scanner.next, scanner.between]
  }
  assert.equal(at('3</srv/x>, "", '), [2, true])
  assert.equal(at('3</srv/x>, ""'), [2, false])
  assert.equal(at('3</srv/x>, "",')[1], false)
  assert.equal(at(''), [0, true])
  assert.is(at('{a=1')[0], -1)
})

shortcuts.run()
