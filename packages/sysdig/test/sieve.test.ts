/**
 * The sieve against the plain road: the same facts and diagnostics, and the same rows but for those that others overtook.
 * That these say nothing else is for scripts/overtaken.test.ts.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readScap } from '../src/index.ts'
import { event, eventId, generic, i64, machine, section, u32, type Param } from './build.ts'
import { collect, fixture, FIXTURES } from './collect.ts'

const sieve = suite('the sieve')

sieve('its code was made from its source', () => {
  const source = readFileSync(new URL('../sieve/sieve.ts', import.meta.url))
  const code = readFileSync(new URL('../src/sieve-code.ts', import.meta.url), 'utf8')
  assert.ok(code.includes(createHash('sha256').update(source).digest('hex')), 'npm run wasm')
})

/** What a row that may wait is about; null: it is another. */
function aboutOf(row: string): { tid: string; kind: 'locked' | 'made' | 'closed'; fd: string } | null {
  const [, tid, call, , fd, flags, result] =
    /^(\d+) (\w+)( fd=(\d+))?(?: flags=(\d+))?.* = (\d+) at=/.exec(row.includes('it ') ? '' : row) ?? []
  if (call === 'fcntl' && ['5', '6', '7'].includes(flags)) return { tid, kind: 'locked', fd }
  if (call === 'close') return { tid, kind: 'closed', fd }
  return /^(?:epoll_create1?|accept4?|eventfd2?|socket|timerfd_create)$/.test(call)
    ? { tid, kind: 'made', fd: result }
    : null
}

/** Those of `plain` that are not in `short`, which has no others and the same order. */
function leftOut(plain: readonly string[], short: readonly string[]): number[] {
  const missing: number[] = []
  let at = 0
  for (const [k, row] of plain.entries()) {
    if (row === short[at]) at++
    else missing.push(k)
  }
  assert.is(at, short.length, `${short[at]} is not where it was`)
  return missing
}

/** The next row about the same descriptor as row `k`, with `step` -1 the last; null where others come first. */
function nextTo(rows: readonly string[], k: number, step: 1 | -1): ReturnType<typeof aboutOf> {
  const from = aboutOf(rows[k])
  for (let at = k + step; at >= 0 && at < rows.length; at += step) {
    const about = aboutOf(rows[at])
    if (!from || !about) return null
    const both = about.kind === 'locked' && from.kind === 'locked'
    if (about.fd === from.fd && (about.tid === from.tid || !both)) return about.tid === from.tid ? about : null
  }
  return null
}

function assertOvertaken(plain: readonly string[], k: number): void {
  const about = aboutOf(plain[k])
  const before = nextTo(plain, k, -1)
  const after = nextTo(plain, k, 1)
  const overtaken =
    about?.kind === 'locked'
      ? after?.kind === 'locked'
      : about?.kind === 'made'
        ? before?.kind === 'closed' && after?.kind === 'closed'
        : about?.kind === 'closed' && before?.kind === 'made'
  assert.ok(overtaken, `${plain[k]} was left out`)
}

async function same(bytes: Uint8Array, what: string, pieces?: number): Promise<number> {
  const plain = await collect(bytes, (source, diagnostics) => readScap(source, diagnostics, { plain: true }))
  const inPlace = await collect(bytes, readScap, pieces)
  const copied = await collect(
    bytes,
    (source, diagnostics) => readScap({ ...source, chunks: () => source.chunks() }, diagnostics),
    pieces,
  )
  for (const short of [inPlace, copied]) {
    assert.equal(short.facts, plain.facts, what)
    assert.equal(short.diagnostics, plain.diagnostics, what)
  }
  assert.equal(copied.rows, inPlace.rows, what)
  const missing = leftOut(plain.rows, inPlace.rows)
  for (const k of missing) assertOvertaken(plain.rows, k)
  return missing.length
}

for (const name of readdirSync(FIXTURES).sort()) {
  if (!/\.scap(?:\.gz)?$/.test(name)) continue
  sieve(name, async () => {
    const bytes = fixture(name)
    // Twice: the second time goes back to the beginning.
    const left = await same(Buffer.concat([bytes, bytes]), name)
    assert.ok(left > 0, 'some rows were left out')
    await same(bytes, name, 4099)
  })
}

const command = (value: number): Param => ({ bytes: 1, value })
const FCNTL = eventId('fcntl', false)
const CLOSE = eventId('close', false)
const EPOLL = eventId('epoll_create', false)
const F_GETFD = 2
const F_SETFD = 3
const F_SETLKW = 9
const F_DUPFD_CLOEXEC = 26

type Made = (tid: number, atNs: bigint, type: number, fd: number) => Buffer

/** Enter and exit of calls whose rows may wait, and of one whose row does not. */
const WHOLE_CALLS: readonly Made[] = [
  ...[F_SETLKW, F_SETLKW, 8].map((cmd): Made => (tid, atNs, type, fd) => {
    const options = { tid, atNs, type }
    return Buffer.concat([event(FCNTL, [i64(fd), command(cmd)], options), event(FCNTL + 1, [i64(0)], options)])
  }),
  ...[0, 0, -9].map((result): Made => (tid, atNs, type, fd) => {
    const options = { tid, atNs, type }
    return Buffer.concat([event(CLOSE, [i64(fd)], options), event(CLOSE + 1, [i64(result)], options)])
  }),
  (tid, atNs, type, fd) => {
    const options = { tid, atNs, type }
    return Buffer.concat([event(CLOSE, [i64(fd)], options), event(CLOSE + 1, [i64(0), i64(fd)], options)])
  },
  ...[true, true, false].map((got): Made => (tid, atNs, type, fd) => {
    const options = { tid, atNs, type }
    const enter = event(EPOLL, [u32(1)], options)
    return Buffer.concat([enter, event(EPOLL + 1, [i64(got ? fd : -24), u32(1)], options)])
  }),
  (tid, atNs, type) => Buffer.concat([false, true].map((exit) => generic(72, 74, exit, { tid, atNs, type }))),
]

/** Events of a few tasks as several versions write them, whole and damaged. */
const EVENTS: readonly Made[] = [
  ...WHOLE_CALLS,
  ...[F_GETFD, F_SETFD, F_SETLKW, F_DUPFD_CLOEXEC].flatMap((cmd) => [
    (tid: number, atNs: bigint, type: number, fd: number) => event(FCNTL, [i64(fd), command(cmd)], { tid, atNs, type }),
    (tid: number, atNs: bigint, type: number, fd: number) =>
      event(FCNTL + 1, [i64(0), i64(fd), command(cmd)], { tid, atNs, type }),
    (tid: number, atNs: bigint, type: number, fd: number) =>
      event(FCNTL + 1, [i64(fd), i64(fd), command(cmd), i64(1)], { tid, atNs, type }),
  ]),
  (tid, atNs, type) => event(FCNTL + 1, [i64(0)], { tid, atNs, type }),
  (tid, atNs, type) => event(FCNTL + 1, [i64(-9)], { tid, atNs, type }),
  (tid, atNs, type, fd) => event(FCNTL, [i64(fd)], { tid, atNs, type }),
  (tid, atNs, type, fd) => event(FCNTL, [i64(fd), u32(F_SETLKW)], { tid, atNs, type }),
  (tid, atNs, type) => event(FCNTL, [i64(2 ** 32 - 1), command(F_SETLKW)], { tid, atNs, type }),
  (tid, atNs, type) => event(eventId('poll', false), [], { tid, atNs, type }),
  (tid, atNs, type) => event(eventId('recvmsg', false), [i64(3)], { tid, atNs, type }),
  (tid, atNs, type, fd) => event(eventId('close', false), [i64(fd)], { tid, atNs, type }),
  (tid, atNs, type, fd) => event(eventId('close', true), [i64(0), i64(fd)], { tid, atNs, type }),
  (tid, atNs, type) => event(eventId('procexit', false), [i64(0)], { tid, atNs, type }),
  ...[0, 72, 39, 2000].flatMap((code) =>
    [true, false].flatMap((exit) => [
      (tid: number, atNs: bigint, type: number) => generic(code, 74, exit, { tid, atNs, type }),
      (tid: number, atNs: bigint, type: number) => generic(code, null, exit, { tid, atNs, type }),
    ]),
  ),
]

sieve('any events, in any order and of any version, damaged and out of time', async () => {
  const one = fc.record({
    kind: fc.nat(EVENTS.length - 1),
    tid: fc.constantFrom(7, 7, 7, 8, 0, 2 ** 22, 2 ** 32 + 7),
    fd: fc.constantFrom(3, 4),
    type: fc.constantFrom(0x216, 0x216, 0x216, 0x204, 0x217, 0x221),
    atNs: fc.oneof(fc.nat(1000), fc.constant(3_000_000_000)),
    damaged: fc.option(fc.tuple(fc.integer({ min: 26, max: 45 }), fc.nat(255)), { freq: 12 }),
  })
  const property = fc.asyncProperty(fc.array(one, { maxLength: 40 }), async (events) => {
    const blocks = events.map(({ kind, tid, fd, type, atNs, damaged }) => {
      const made = EVENTS[kind](tid, BigInt(atNs), type, fd)
      if (damaged && damaged[0] < made.length - 4) made[damaged[0]] = damaged[1]
      return made
    })
    await same(Buffer.concat([section(), machine(), ...blocks]), 'events')
  })
  await fc.assert(property, { numRuns: 150 })
})

sieve.run()
