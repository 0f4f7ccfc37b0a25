import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Leader } from '../src/leader.ts'

const leaders = suite('leader')
const BODY = 'fsync(3) = 0'

interface Parsed {
  body: string
  tid: number
  comm: string | null
  clock: string
  /** Seconds and nanoseconds, where there is a time. */
  at: string | null
  relativeNs: number | null
  has: string[]
}

/** The line stands inside a larger buffer whose neighbours would change the answer if they were looked at. */
function parse(line: string): Parsed {
  const buf = Buffer.from(`9 ${line}\n[pid 7] 12:00:00 x`)
  const end = 2 + Buffer.byteLength(line)
  const leader = new Leader()
  const p = leader.parse(buf, 2, end)
  const timed = leader.clock === 'wall' || leader.clock === 'timeOfDay'
  return {
    body: buf.toString('latin1', p, end),
    tid: leader.tid,
    comm: leader.commStart < 0 ? null : buf.toString('latin1', leader.commStart, leader.commEnd),
    clock: leader.clock,
    at: timed ? `${leader.seconds}.${String(leader.nanos).padStart(9, '0')}` : null,
    relativeNs: Number.isNaN(leader.relativeNs) ? null : Math.round(leader.relativeNs),
    has: (['hasNumber', 'hasPointer', 'hasContext', 'hasBrackets'] as const).filter((flag) => leader[flag]),
  }
}

const NOTHING: Parsed = { body: BODY, tid: 0, comm: null, clock: 'none', at: null, relativeNs: null, has: [] }

/** Each form by itself, and what it adds to NOTHING. */
const FORMS: Record<string, [text: string, parsed: Partial<Parsed>][]> = {
  pid: [
    ['', {}],
    ['42    ', { tid: 42 }],
    ['15314 ', { tid: 15314 }],
    ['4194304 ', { tid: 4194304 }],
    ['[pid    42] ', { tid: 42, has: ['hasBrackets'] }],
    ['[pid 26917] ', { tid: 26917, has: ['hasBrackets'] }],
    ['16509<python3> ', { tid: 16509, comm: 'python3' }],
    ['42<a b> ', { tid: 42, comm: 'a b' }],
    [String.raw`27576<a\76 b]\74\"\\x c> `, { tid: 27576, comm: String.raw`a\76 b]\74\"\\x c` }],
    ['42<kworker/u8:1-ev> ', { tid: 42, comm: 'kworker/u8:1-ev' }],
    ['[pid   111<rpc(0)>] ', { tid: 111, comm: 'rpc(0)', has: ['hasBrackets'] }],
    [
      String.raw`[pid 27584<a\76 b]\74\"\\x c>] `,
      { tid: 27584, comm: String.raw`a\76 b]\74\"\\x c`, has: ['hasBrackets'] },
    ],
  ],
  context: [
    ['', {}],
    ['[unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023] ', { has: ['hasContext'] }],
    ['[system_u:object_r:tmp_t:s0!!system_u:object_r:user_tmp_t:s0] ', { has: ['hasContext'] }],
  ],
  time: [
    ['', {}],
    ['01:58:22 ', { clock: 'timeOfDay', at: '7102.000000000' }],
    ['01:58:22.788 ', { clock: 'timeOfDay', at: '7102.788000000' }],
    ['01:58:22.788361 ', { clock: 'timeOfDay', at: '7102.788361000' }],
    ['23:59:60.788361005 ', { clock: 'timeOfDay', at: '86400.788361005' }],
    ['1795173614 ', { clock: 'wall', at: '1795173614.000000000' }],
    ['1795173614.790 ', { clock: 'wall', at: '1795173614.790000000' }],
    ['1795173614.790194 ', { clock: 'wall', at: '1795173614.790194000' }],
    ['1795173614.790194250 ', { clock: 'wall', at: '1795173614.790194250' }],
  ],
  besides: [
    ['', {}],
    ['(+     0.000411) ', { relativeNs: 411_000 }],
    ['(+     0) ', { relativeNs: 0 }],
    ['(+    12.5) ', { relativeNs: 12_500_000_000 }],
    ['(+100000.000000001) ', { relativeNs: 100_000_000_000_001 }],
  ],
  alone: [
    ['     0 ', { clock: 'relative', relativeNs: 0 }],
    ['     1.005 ', { clock: 'relative', relativeNs: 1_005_000_000 }],
    ['     0.000299 ', { clock: 'relative', relativeNs: 299_000 }],
    ['100000.000000001 ', { clock: 'relative', relativeNs: 100_000_000_000_001 }],
  ],
  number: [
    ['', {}],
    ['[  74] ', { has: ['hasNumber'] }],
    ['[1073742344] ', { has: ['hasNumber'] }],
  ],
  pointer: [
    ['', {}],
    ['[00007f92f34f8c20] ', { has: ['hasPointer'] }],
    ['[08048123] ', { has: ['hasPointer'] }],
    ['[f7fd8430] ', { has: ['hasPointer'] }],
    ['[????????????????] ', { has: ['hasPointer'] }],
    ['[????????] ', { has: ['hasPointer'] }],
  ],
}

function together(parts: [string, Partial<Parsed>][], body: string): void {
  const expected = { ...NOTHING, body }
  for (const [, { has, ...rest }] of parts) {
    Object.assign(expected, rest)
    expected.has = [...expected.has, ...(has ?? [])]
  }
  const order = ['hasNumber', 'hasPointer', 'hasContext', 'hasBrackets']
  expected.has.sort((a, b) => order.indexOf(a) - order.indexOf(b))
  const line = parts.map(([text]) => text).join('') + body
  assert.equal(parse(line), expected, line)
}

leaders('every form of every part, in every combination', () => {
  let tried = 0
  for (const pid of FORMS.pid) {
    for (const context of FORMS.context) {
      for (const time of [...FORMS.time, ...FORMS.alone]) {
        // -r stands in brackets beside a time, alone without.
        const deltas = time[1].clock === 'timeOfDay' || time[1].clock === 'wall' ? FORMS.besides : [FORMS.besides[0]]
        for (const delta of deltas) {
          for (const number of FORMS.number) {
            for (const pointer of FORMS.pointer) {
              together([pid, context, time, delta, number, pointer], BODY)
              tried++
            }
          }
        }
      }
    }
  }
  assert.ok(tried > 20_000, String(tried))
})

leaders('before what is no call', () => {
  for (const body of [
    '<... fsync resumed>) = 0',
    '+++ exited with 0 +++',
    '--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---',
    '???( <unfinished ...>',
    '[ Process PID=21324 runs in 32 bit mode. ]',
  ]) {
    for (const pid of FORMS.pid) for (const time of FORMS.time) together([pid, time], body)
  }
})

leaders('forgets the line before', () => {
  const leader = new Leader()
  const first = Buffer.from('[pid 7<x>] 12:00:00 (+ 0.5) fsync(3) = 0')
  const second = Buffer.from('fsync(3) = 0')
  leader.parse(first, 0, first.length)
  assert.is(leader.parse(second, 0, second.length), 0)
  assert.equal([leader.tid, leader.commStart, leader.clock, leader.relativeNs], [0, -1, 'none', NaN])
})

leaders('what only looks like one', () => {
  for (const line of [
    '[ Process PID=21324 runs in 32 bit mode. ]',
    '[pid] fsync(3) = 0',
    '[pid x] fsync(3) = 0',
    '[pid 12345678] fsync(3) = 0',
    '[pid 5<unclosed fsync(3) = 0',
    '[pid 5]',
    '[1/2] building',
    '[abc] def',
    '[ab:cd',
    '3</srv/x>, 5) = 0',
    '0x7f2b, 5) = 0',
    '12:61:00 x',
    '1:00:00 x',
    '179517354400.668163 x',
    '12:00 x',
    '-1, 5) = 0',
    '(+ x) y',
    '',
  ]) {
    const { body, tid, clock } = parse(line)
    assert.equal([body, tid, clock], [line, 0, 'none'], line)
  }
})

leaders('the usual layout is read as the long way reads it', () => {
  const lines = [
    '6920  1795175435.438954 getpid() = 6920',
    '4194304 1795175435.000001 getpid() = 6920',
    '1 1795175435.438954 getpid() = 6920',
    '6920  1795175435.438954 <... fsync resumed>) = 0',
    '6920  1795175435.438954000 getpid() = 6920',
    '6920  11:22:33.438954 getpid() = 6920',
    '6920 getpid() = 6920',
    '12345678 1795175435.438954 getpid() = 6920',
    '[pid 6920] 1795175435.438954 getpid() = 6920',
    '6920',
    '',
  ]
  for (const line of lines) {
    const buf = Buffer.from(`${line}\n6920  1795175435.438954 x`)
    const end = Buffer.byteLength(line)
    const quick = new Leader()
    const long = new Leader()
    const p = quick.parseUsual(buf, 0, true)
    const q = long.parse(buf, 0, end)
    if (p < 0 || p >= end || !quick.readUsualTime(buf)) continue
    assert.is(p, q, line)
    assert.equal([quick.tid, quick.seconds, quick.nanos, quick.clock], [long.tid, long.seconds, long.nanos, long.clock])
  }
  const usual = Buffer.from(lines[0])
  assert.is(new Leader().parseUsual(usual, 0, true), 24)
})

leaders.run()
