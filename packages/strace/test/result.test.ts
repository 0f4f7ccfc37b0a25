import { OUTCOMES } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ResultPart } from '../src/result.ts'

const results = suite('result')

/** Looked at beyond its end, `0` would become `0x5`. */
function parse(text: string, beyond = 'x5 <9.000000>'): Record<string, unknown> {
  const buf = Buffer.from(`) = ${text}${beyond}`)
  const end = 4 + Buffer.byteLength(text)
  const part = new ResultPart()
  part.parse(buf, 4, end)
  if (!part.valid) return { valid: false }
  const out: Record<string, unknown> = { outcome: OUTCOMES[part.outcome] }
  if (!Number.isNaN(part.value)) out.value = part.value
  if (part.errnoStart >= 0) out.errno = buf.toString('latin1', part.errnoStart, part.errnoEnd)
  if (part.decorationStart >= 0) out.decoration = buf.toString('latin1', part.decorationStart, part.decorationEnd)
  if (!Number.isNaN(part.tookNs)) out.tookNs = Math.round(part.tookNs)
  return out
}

results('values', () => {
  assert.equal(parse('0'), { outcome: 'ok', value: 0 })
  assert.equal(parse('15324 <0.004106>'), { outcome: 'ok', value: 15324, tookNs: 4_106_000 })
  assert.equal(parse('0x7fa7da3ba000'), { outcome: 'ok', value: 0x7fa7da3ba000 })
  assert.equal(parse('0x8002 (flags O_RDWR|O_LARGEFILE)'), { outcome: 'ok', value: 0x8002 })
  assert.equal(parse('0 (Timeout) <0.000001>'), { outcome: 'ok', value: 0, tookNs: 1000 })
  assert.equal(parse('1 ([{fd=3, revents=POLLIN}])'), { outcome: 'ok', value: 1 })
  assert.equal(parse('1 (in [3], left {tv_sec=0, tv_usec=5}) <0.000001>'), { outcome: 'ok', value: 1, tookNs: 1000 })
})

results('a line that is cut before the name of the error names none, whatever the next one begins with', () => {
  for (const beyond of ['\nE', ' EIO', '<a>']) assert.equal(parse('-1', beyond), { outcome: 'failed', value: -1 })
  assert.equal(parse('', '?'), { valid: false })
})

results('a name that is cut is none', () => {
  for (const cut of ['5</tmp/a', '5</tmp/a (del', '5<TCP:[1', '-1</'])
    assert.equal(parse(cut, '\n'), { valid: false }, cut)
})

results('errors', () => {
  assert.equal(parse('-1 ENOENT (No such file or directory) <0.000024>'), {
    outcome: 'failed',
    value: -1,
    errno: 'ENOENT',
    tookNs: 24_000,
  })
  assert.equal(parse('-1 EIO (Input/output error)'), { outcome: 'failed', value: -1, errno: 'EIO' })
  assert.equal(parse('-1 (errno 524)'), { outcome: 'failed', value: -1 })
})

results('what follows is no part of a result: two lines became one, or bytes were lost', () => {
  for (const text of [
    '0 <0.1>5 1.6 fsync(3) = 0 <0.1>',
    '0 garbage <0.000953>',
    '0 <0.1>trailing',
    '3</x>5 1.0 read(4',
  ]) {
    assert.equal(parse(text), { valid: false }, text)
  }
  assert.is(parse('-1 EIO (Input/output error)5 1.6 close(3) = 0').valid, false)
})

results('no result', () => {
  assert.equal(parse('?'), { outcome: 'unknown' })
  assert.equal(parse('? <unavailable>'), { outcome: 'unknown' })
  assert.equal(parse('? <0.000005>'), { outcome: 'unknown', tookNs: 5000 })
})

results('interrupted, to be issued again', () => {
  for (const name of ['ERESTARTSYS', 'ERESTARTNOINTR', 'ERESTARTNOHAND', 'ERESTART_RESTARTBLOCK']) {
    assert.is(parse(`? ${name} (To be restarted)`).outcome, 'restarted', name)
    assert.equal(parse(`? ${name} (To be restarted) <0.002479>`), { outcome: 'restarted', tookNs: 2_479_000 })
  }
})

results('made up by the tracer, or only delayed', () => {
  assert.is(parse('-1 EIO (Input/output error) (INJECTED) <0.000002>').outcome, 'injected')
  assert.is(parse('0 (INJECTED)').outcome, 'injected')
  assert.is(parse('0 (INJECTED: args, retval)').outcome, 'injected')
  assert.is(parse('0 (INJECTED: args)').outcome, 'ok')
  assert.is(parse('0 (DELAYED) <0.000010>').outcome, 'ok')
  assert.is(parse('-1 EIO (Input/output error) (DELAYED)').outcome, 'failed')
})

results('descriptors', () => {
  assert.equal(parse('3</srv/x> <0.000206>'), { outcome: 'ok', value: 3, decoration: '</srv/x>', tookNs: 206_000 })
  assert.equal(parse('3</srv/x>(deleted)'), { outcome: 'ok', value: 3, decoration: '</srv/x>' })
  assert.is(parse('3</srv/a b> <0.000206>').decoration, '</srv/a b>')
  assert.is(parse('3</dev/tty<char 5:2 @/dev/pts/0>>').decoration, '</dev/tty<char 5:2 @/dev/pts/0>>')
  assert.is(parse('3<TCP:[a:1->b:2]>').decoration, '<TCP:[a:1->b:2]>')
  // A name that looks like a duration.
  const odd = String.raw`</srv/ \740.1\76>`
  assert.equal(parse(`3${odd}`), { outcome: 'ok', value: 3, decoration: odd })
})

results('the pid that the lines of a child begin with', () => {
  assert.equal(parse("5 /* 12345 in strace's PID NS */"), { outcome: 'ok', value: 12345 })
  assert.equal(parse("5 /* 12345 in strace's PID NS */ <0.000100>"), { outcome: 'ok', value: 12345, tookNs: 100_000 })
})

results('durations of every precision', () => {
  assert.is(parse('0 <3>').tookNs, 3e9)
  assert.is(parse('0 <0.005>').tookNs, 5e6)
  assert.is(parse('0 <0.005569>').tookNs, 5_569_000)
  assert.is(parse('0 <0.000146760>').tookNs, 146_760)
  assert.is(parse('0 <12345.000000>').tookNs, 12_345e9)
  // More ns than a number holds.
  assert.is(parse('0 <99999999999999999999.000500>').tookNs, undefined)
  assert.is(parse('0 <>').tookNs, undefined)
  assert.is(parse('0 <x.5>').tookNs, undefined)
})

results('none', () => {
  for (const text of ['', 'x', '<0.000005>', ' 0', '-', 'EIO']) assert.equal(parse(text), { valid: false }, text)
})

results.run()
