/** Events told from a few of their bytes against the plain road: the same rows, facts and diagnostics. */
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readScap } from '../src/index.ts'
import { event, eventId, generic, i64, machine, section, u32, type Param } from './build.ts'
import { collect, fixture, FIXTURES } from './collect.ts'

const counted = suite('counted events')

async function everything(bytes: Uint8Array, plain: boolean, pieces?: number): Promise<string[]> {
  const read = await collect(bytes, (source, diagnostics) => readScap(source, diagnostics, { plain }), pieces)
  return [...read.rows, JSON.stringify(read.facts), ...read.diagnostics.map((row) => JSON.stringify(row))]
}

async function same(bytes: Uint8Array, what: string, pieces?: number): Promise<void> {
  const short = await everything(bytes, false, pieces)
  const plain = await everything(bytes, true)
  const at = short.findIndex((line, k) => line !== plain[k])
  assert.is(at, -1, `${what}: ${short[at]} instead of ${plain[at]}`)
  assert.is(short.length, plain.length, what)
}

for (const name of readdirSync(FIXTURES).sort()) {
  if (!/\.scap(?:\.gz)?$/.test(name)) continue
  counted(name, async () => {
    const bytes = fixture(name)
    // Twice: the second time goes back to the beginning.
    await same(Buffer.concat([bytes, bytes]), name)
    await same(bytes, name, 4099)
  })
}

const command = (value: number): Param => ({ bytes: 1, value })
const FCNTL = eventId('fcntl', false)
const F_GETFD = 2
const F_SETFD = 3
const F_SETLKW = 9
const F_DUPFD_CLOEXEC = 26

/** Events of a few tasks as several versions write them, whole and damaged. */
const EVENTS: readonly ((tid: number, atNs: bigint, type: number, fd: number) => Buffer)[] = [
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

counted('any events, in any order and of any version, damaged and out of time', async () => {
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

counted.run()
