/** The sieve alone; that it gives what the plain road gives is for shortcuts.test.ts. */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CallCounts } from '../src/call-counts.ts'
import { Sieve, type SieveRule } from '../src/sieve.ts'

const sieve = suite('the sieve')

const line = (call: string): string => `42    1795175435.000007 ${call}\n`
const PASSED = line('fcntl(3</srv/x>, F_SETLK, {l_type=F_RDLCK}) = 0 <0.000021>')

/** A sieve that knows these calls by the ids that `counts` gives them. */
function knowing(rules: Record<string, SieveRule>): { one: Sieve; counts: CallCounts } {
  const one = new Sieve()
  const counts = new CallCounts()
  one.take(counts)
  for (const [name, rule] of Object.entries(rules)) one.learn(idOf(counts, name), Buffer.from(`${name}(`), rule)
  return { one, counts }
}

function idOf(counts: CallCounts, name: string): number {
  return counts.idOf(Buffer.from(name), 0, name.length)
}

sieve('its code was made from its source', () => {
  const sources = new URL('../sieve/', import.meta.url)
  const hash = createHash('sha256')
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(new URL(name, sources)))
  const code = readFileSync(new URL('../src/sieve-code.ts', import.meta.url), 'utf8')
  assert.ok(code.includes(hash.digest('hex')), 'npm run wasm')
})

sieve('passes over what is only counted, and counts it', () => {
  const { one, counts } = knowing({ fcntl: 'fcntl', getpid: 'any', fsync: 'row' })
  const failed = line('getpid() = -1 ENOSYS (Function not implemented)')
  const text = Buffer.from(`${PASSED}${failed}${PASSED}${line('fsync(3</srv/x>) = 0 <0.000150>')}${PASSED}`)
  const at = text.indexOf('42    1795175435.000007 fsync')
  assert.is(one.next(text, 0, 'pid', 0, 0), at)
  assert.equal([one.passed, one.lastAt, one.lineEnd], [3, at - PASSED.length, text.indexOf('\n', at)])
  assert.is(one.drain(counts), true, 'one had a duration')
  assert.equal([counts.ended(), counts.errors()], [{ fcntl: 2, getpid: 1 }, { getpid: 1 }])
  assert.is(one.next(text, one.lineEnd + 1, 'pid', 0, 0), text.length)
  assert.equal([one.passed, one.lineEnd], [1, -1])
})

sieve('wherever in memory the text lies', () => {
  const { one } = knowing({ fcntl: 'fcntl' })
  const text = Buffer.from(`${PASSED.repeat(5000)}${'x'.repeat(200_000)}\n`)
  const at = PASSED.length * 5000
  for (let offset = 0; offset < 9; offset++) {
    const chunk = new Uint8Array(new SharedArrayBuffer(offset + text.length), offset)
    chunk.set(text)
    one.renew()
    assert.equal([one.next(chunk, 0, 'pid', 0, 0), one.passed, one.lineEnd], [at, 5000, -1])
  }
})

sieve('tells what stands on the line it stops at', () => {
  const { one, counts } = knowing({ fsync: 'row', fcntl: 'fcntl' })
  const told = (call: string): unknown[] => {
    const text = Buffer.from(`${PASSED}${line(call)}`)
    one.renew()
    const at = one.next(text, 0, 'pid', 0, 0)
    assert.is(at, PASSED.length, call)
    const { tid, seconds, micros, body, name, args, skips, tail } = one
    assert.equal([tid, seconds, micros, body], [42, 1795175435, 7, at + 24])
    const { unfinished, result, value, tookNs } = tail
    return name < 0
      ? [name]
      : [name, args - body, skips, unfinished, result < 0 ? result : result - body, value, tookNs]
  }
  const fsync = idOf(counts, 'fsync')
  assert.equal(told('fsync(3) = 0 <0.000150>'), [fsync, 6, false, false, 11, 0, 150_000])
  assert.equal(told('fsync(3) = 17'), [fsync, 6, false, false, 11, 17, NaN])
  assert.equal(told('fsync(3) = -1 EIO (Input/output error)').slice(4, 6), [11, NaN])
  assert.equal(told('fsync(3 <unfinished ...>').slice(3, 5), [true, -1])
  assert.equal(told('<... fsync resumed>) = 0 <1.000000>'), [fsync, 19, false, false, 23, 0, 1e9])
  assert.equal(told('fcntl(3, F_SETLK,  <unfinished ...>').slice(2, 4), [true, true])
  assert.equal(told('<... fdatasync resumed>) = 0'), [-1])
  assert.equal(told('fdatasync(3) = 0'), [-1])
})

sieve('passes over both lines of an interrupted call, and tells what a task is in when it matters', () => {
  const { one, counts } = knowing({ fcntl: 'fcntl', fsync: 'row' })
  const fcntl = idOf(counts, 'fcntl')
  const begun = line('fcntl(3, F_SETLK, {l_type=F_RDLCK} <unfinished ...>')
  const other = begun.replace('42  ', '1066')
  const rest = line('<... fcntl resumed>) = 0 <0.000021>')
  const text = Buffer.from(begun + other + rest + begun + line('fsync(3</srv/x>) = 0'))
  const next = (from: number): number => one.next(text, from, 'tids', 100, 1)
  const told: number[][] = []
  const follower = {
    plainCall: (...call: number[]): number => told.push(call),
    keptCall: (...call: number[]): number => told.push(call),
  }
  assert.is(next(0), begun.length, 'two tasks in one place')
  assert.equal([one.passed, one.lastAt, one.stampedAt, one.now], [1, -1, 0, 1795175435e6 + 7])
  one.settle(follower)
  assert.equal(told, [], 'nobody asked for it')
  const afterOther = begun.length + other.length
  assert.is(next(afterOther), afterOther + rest.length + begun.length)
  assert.is(one.passed, 2)
  one.settle(follower)
  one.settle(follower)
  one.tasks.settleAll(follower)
  assert.equal(told, [[42, fcntl, 102]], 'once')
  one.drain(counts)
  assert.equal(counts.ended(), { fcntl: 1 })
  one.renew()
  assert.is(one.next(text, 0, 'pid', 100, 1), 0, 'whose line it is may be told by others')
  assert.is(one.next(text, 0, 'tids', 100, 1795175435e6 + 8), 0, 'a step back is to be counted')
})

sieve('texts longer than its window, and lines longer than that', () => {
  const { one, counts } = knowing({ fcntl: 'fcntl' })
  const times = 5000
  const long = line(`write(3, "${'x'.repeat(200_000)}", 200000) = 200000`)
  const text = Buffer.from(PASSED.repeat(times) + long + PASSED)
  assert.is(one.next(text, 0, 'pid', 0, 0), PASSED.length * times)
  assert.equal([one.passed, one.lineEnd], [times, -1])
  assert.is(one.next(text, PASSED.length * times + long.length, 'pid', 0, 0), text.length)
  one.drain(counts)
  assert.equal(counts.ended(), { fcntl: times + 1 })
})

sieve('is empty for the next log', () => {
  const { one, counts } = knowing({ fcntl: 'fcntl' })
  const text = Buffer.from(PASSED)
  assert.is(one.next(text, 0, 'pid', 0, 0), text.length)
  one.take(text)
  assert.is(one.next(text, 0, 'pid', 0, 0), 0)
  one.drain(counts)
  assert.equal(counts.ended(), {}, 'what was not drained belongs to nobody')
})

sieve.run()
