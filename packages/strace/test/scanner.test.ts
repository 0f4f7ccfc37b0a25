import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Scanner, endOfDecoration, endOfString, opensDecoration, type Ending } from '../src/scanner.ts'

const scanning = suite('scanner')

/** The arguments and the result of `text`, which begins after the `(`. */
function scan(text: string): { ending: Ending; args: string[]; result: string | null; kept: string } {
  const scanner = new Scanner()
  // What stands behind the text must not be looked at.
  const buf = Buffer.from(`${text}\n" > ) = 0`, 'latin1')
  const end = Buffer.byteLength(text, 'latin1')
  const ending = scanner.scan(buf, 0, end)
  const args = Array.from({ length: scanner.argCount }, (_, k) =>
    buf.toString('latin1', scanner.argStart[k], scanner.argEnd[k]),
  )
  const result = ending === 'complete' ? buf.toString('latin1', scanner.resultStart, end) : null
  return { ending, args, result, kept: buf.toString('latin1', 0, scanner.argsEnd) }
}

function complete(text: string, args: string[], result: string): void {
  const got = scan(text)
  assert.equal([got.ending, got.args, got.result], ['complete', args, result], text)
}

scanning('arguments and result', () => {
  complete(') = 0', [], '0')
  complete('3) = 0', ['3'], '0')
  complete('3, "abc", 4096)          = 3 <0.000004>', ['3', '"abc"', '4096'], '3 <0.000004>')
  complete('NULL, 16384, PROT_READ) = 0x7f', ['NULL', '16384', 'PROT_READ'], '0x7f')
})

scanning('strings hide everything', () => {
  complete(String.raw`3, ") = 42 <unfinished ...>", 94) = 94`, ['3', String.raw`") = 42 <unfinished ...>"`, '94'], '94')
  complete(String.raw`3, "a\"b, c\\", 94) = 94`, ['3', String.raw`"a\"b, c\\"`, '94'], '94')
  complete(`3, "a"..., 94) = 94`, ['3', '"a"...', '94'], '94')
  complete('3, "/* [{(", 94) = 94', ['3', '"/* [{("', '94'], '94')
})

scanning('decorations hide everything', () => {
  complete('3</srv/y) = 5>) = 0', ['3</srv/y) = 5>'], '0')
  complete(String.raw`3</srv/\"q, \74x\76>, 4) = 0`, [String.raw`3</srv/\"q, \74x\76>`, '4'], '0')
  complete('3</dev/pts/0<char 136:0>>) = 0', ['3</dev/pts/0<char 136:0>>'], '0')
  complete('3<TCP:[a:1->b:2]>, 4) = 0', ['3<TCP:[a:1->b:2]>', '4'], '0')
  complete('3<UNIX-STREAM:[1->2,"/a>b)"]>, 4) = 0', ['3<UNIX-STREAM:[1->2,"/a>b)"]>', '4'], '0')
  complete('AT_FDCWD</srv/a, b>, "x") = 0', ['AT_FDCWD</srv/a, b>', '"x"'], '0')
  complete('-100 /* AT_FDCWD */</srv/a)>, "x") = 0', ['-100 /* AT_FDCWD */</srv/a)>', '"x"'], '0')
  complete('3</srv/x>(deleted), 4) = 0', ['3</srv/x>(deleted)', '4'], '0')
  complete('27577<a b>, SIGKILL) = 0', ['27577<a b>', 'SIGKILL'], '0')
})

scanning('a shift is no decoration', () => {
  complete('{effective=1<<CAP_CHOWN|1<<CAP_KILL, b=0}) = 0', ['{effective=1<<CAP_CHOWN|1<<CAP_KILL, b=0}'], '0')
})

scanning('brackets nest', () => {
  complete(
    '-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 15324',
    ['-1', '[{WIFEXITED(s) && WEXITSTATUS(s) == 1}]', '0', 'NULL'],
    '15324',
  )
  complete('{a=makedev(0x1, 0x3), b=[1, 2]}, 5) = 0', ['{a=makedev(0x1, 0x3), b=[1, 2]}', '5'], '0')
  complete('SIG_BLOCK, ~[RTMIN RT_1], [], 8) = 0', ['SIG_BLOCK', '~[RTMIN RT_1]', '[]', '8'], '0')
  complete('{a=1} => {b=2}, 88) = 5', ['{a=1} => {b=2}', '88'], '5')
})

scanning('comments hide brackets', () => {
  complete('"/bin/x", 0x7ffd /* 35 vars) */, 3) = 0', ['"/bin/x"', '0x7ffd /* 35 vars) */', '3'], '0')
})

scanning('more arguments than are kept', () => {
  const many = Array.from({ length: 40 }, (_, k) => String(k))
  const got = scan(`${many.join(', ')}) = 7`)
  assert.equal([got.ending, got.args, got.result], ['complete', many.slice(0, 16), '7'])
})

scanning('unfinished, with what there is so far', () => {
  assert.equal(scan('3, "ab" <unfinished ...>'), {
    ending: 'unfinished',
    args: ['3', '"ab"'],
    result: null,
    kept: '3, "ab"',
  })
  assert.equal(scan('3,  <unfinished ...>'), { ending: 'unfinished', args: ['3', ''], result: null, kept: '3, ' })
  assert.is(scan('{a="lo" <unfinished ...>').kept, '{a="lo"')
  assert.is(scan(' <unfinished ...>').ending, 'unfinished')
  assert.is(scan('3 <unfinished #12 ...>').ending, 'unfinished')
  assert.is(scan('{1, 0}^C <unfinished ...>').ending, 'unfinished')
})

scanning('the other marks', () => {
  assert.is(scan('{tv_sec=123} <unfinished ...>) = ?').ending, 'ended')
  assert.is(scan('{tv_sec=123} <unfinished ...>) = 0').ending, 'open')
  assert.is(scan('"x", NULL <detached ...>').ending, 'detached')
  assert.is(scan('3 <unfinished ... exit status 0>').ending, 'detached')
  assert.is(scan('"x", 0x7f /* 3 vars */ <pid changed to 12345 ...>').ending, 'pidChanged')
  assert.is(scan('<... resuming interrupted futex ...> <unfinished ...>').ending, 'unfinished')
})

scanning('what ends too early', () => {
  for (const text of [
    '',
    '3',
    '3, "abc',
    '3</srv/x',
    '3)',
    '3) ',
    '3) =',
    '3) = ',
    '3)= 0',
    '{a=1) = 0',
    '3 /* x',
    '3, "x\\',
  ]) {
    assert.is(scan(text).ending, 'open', text)
  }
})

scanning('the tail of a call whose start is lost', () => {
  const scanner = new Scanner()
  const tail = (text: string): string => {
    const buf = Buffer.from(text)
    const ending = scanner.scanTail(buf, 0, buf.length)
    return ending === 'complete' ? `= ${buf.toString('utf8', scanner.resultStart)}` : ending
  }
  assert.is(tail(') = 0 <0.000004>'), '= 0 <0.000004>')
  assert.is(tail(', ifr_ifindex=1}) = 0'), '= 0')
  assert.is(tail('[{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 15324'), '= 15324')
  assert.is(tail('") = 5 <unfinished ...>", 94) = 94'), '= 94')
  assert.is(tail(' {}, 64, 100 <unfinished ...>'), 'unfinished')
  assert.is(tail(' )             = ? <unavailable>'), '= ? <unavailable>')
  assert.is(tail('"abc'), 'open')
})

scanning('a call of one descriptor is read as the long way reads it', () => {
  const texts = [
    '3) = 0',
    '3)                                = 0',
    '3</srv/x>) = 0 <0.000021>',
    '3</srv/x>(deleted)) = 0',
    String.raw`3</srv/a\76b (deleted), \"q\">) = 0`,
    '3</dev/sda<block 8:0>>) = -1 EBADF (Bad file descriptor)',
    '3<UNIX-STREAM:[1->2,"/a>b)"]>) = 0',
    '-1) = -1 EBADF (Bad file descriptor)',
    '3</srv/x> [system_u:object_r:tmp_t:s0]) = 0',
    '3 <unfinished ...>',
    '3</srv/x> <unfinished ...>',
    'fd=3) = 0',
    '3',
    '3</srv/x',
    '',
  ]
  for (const text of texts) {
    const buf = Buffer.from(text)
    const quick = new Scanner()
    const ending = quick.scanDescriptor(buf, 0, buf.length)
    if (ending === 'open') continue // the long way decides
    const long = new Scanner()
    assert.is(ending, long.scan(buf, 0, buf.length), text)
    const shape = ({ argCount, argStart, argEnd, argsEnd, resultStart }: Scanner): unknown => [
      [argCount, argStart[0], argEnd[0], argsEnd],
      ending === 'complete' ? resultStart : null,
    ]
    assert.equal(shape(quick), shape(long), text)
  }
})

scanning('small parts', () => {
  const at = (text: string, f: (buf: Uint8Array, p: number, end: number) => number): number =>
    f(Buffer.from(text), 0, Buffer.byteLength(text))
  assert.is(at(String.raw`"a\"b" c`, endOfString), 6)
  assert.is(at(String.raw`"a\\" c`, endOfString), 5)
  assert.is(at('"abc', endOfString), 4)
  assert.is(at('</a<char 1:3>> c', endOfDecoration), 14)
  assert.is(at('<pipe:[1]>', endOfDecoration), 10)
  assert.is(at('</a', endOfDecoration), 3)
  const opens = (text: string): boolean => {
    const p = text.indexOf('<')
    return opensDecoration(Buffer.from(text), p, text.charCodeAt(p - 1))
  }
  assert.ok(opens('3</x>'))
  assert.ok(opens('AT_FDCWD</x>'))
  assert.ok(opens('-100 /* AT_FDCWD */</x>'))
  assert.not(opens('1<<CAP_CHOWN'))
  assert.not(opens('a <b>'))
})

scanning.run()
