/**
 * The rows that are left out of captures (sysdig/src/waiting-rows.ts) and of strace logs (strace/src/overtaken.ts) say nothing
 * that is not told without them.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { System, applyStreams, type Activity } from '@flushtrace/correlate'
import { readScap, type SysdigReading } from '@flushtrace/sysdig'
import { Diagnostics, type CallBatch } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { StraceParser } from '../packages/strace/src/parser.ts'
import { event, eventId, generic, i64, machine, processList, section, u32 } from '../packages/sysdig/test/build.ts'

const overtaken = suite('rows that others overtake')

const FIXTURES = fileURLToPath(new URL('../fixtures/sysdig/', import.meta.url))

function textOf({ kind, call, task, scope, targets, bytes, atNs, tookNs, offset, errno, record }: Activity): string {
  const files = targets.map(({ name, confidence, rule, at }) => [name.path, confidence, rule, at])
  return JSON.stringify([
    kind,
    call,
    task.tid,
    task.process.pid,
    scope,
    bytes,
    atNs,
    tookNs,
    offset,
    errno,
    record,
    files,
  ])
}

async function told(bytes: Uint8Array, plain: boolean): Promise<string[]> {
  const diagnostics = new Diagnostics()
  const reading = readScap(memorySource(bytes), diagnostics, { plain })
  await reading.start()
  return toldOf(reading.batches, diagnostics, reading.processes)
}

async function toldOfLog(text: string, plain: boolean): Promise<string[]> {
  const diagnostics = new Diagnostics()
  const parser = new StraceParser('test', diagnostics, { plain })
  const bytes = Buffer.from(text)
  async function* batches(): AsyncGenerator<CallBatch> {
    for (let pos = 0; pos < bytes.length; parser.recycle()) {
      pos = parser.consume(bytes, pos)
      yield parser.batch
    }
    parser.end()
    yield parser.batch
  }
  return toldOf(batches(), diagnostics)
}

async function toldOf(
  batches: AsyncIterable<CallBatch>,
  diagnostics: Diagnostics,
  saved?: SysdigReading['processes'],
): Promise<string[]> {
  const activities: string[] = []
  const system = new System({
    diagnostics,
    emit: (activity) => activities.push(textOf(activity)),
    sourcePaths: ['test'],
    saved,
    infer: saved !== undefined,
    detail: true,
  })
  await applyStreams([{ source: 0, batches, tid: 0 }], system, () => {})
  system.finish(true)
  return [...activities, JSON.stringify(system.seen), ...diagnostics.rows().map((row) => JSON.stringify(row))]
}

async function assertSame(bytes: Uint8Array, what: string): Promise<number> {
  const plain = await told(bytes, true)
  assert.equal(await told(bytes, false), plain, what)
  return plain.length
}

for (const name of readdirSync(FIXTURES).filter((one) => /\.scap(?:\.gz)?$/.test(one))) {
  overtaken(name, async () => {
    const bytes = readFileSync(FIXTURES + name)
    const once = name.endsWith('.gz') ? gunzipSync(bytes) : bytes
    assert.ok((await assertSame(Buffer.concat([once, once]), name)) > 100)
  })
}

interface Call {
  readonly tid: number
  readonly fd: number
  readonly atNs: bigint
}

function both(enter: Buffer, exit: Buffer): Buffer {
  return Buffer.concat([enter, exit])
}

const OPENAT = eventId('openat', true, 'fd dirfd')
const FSYNC = 72
const MSYNC = 86
const SETLKW = { bytes: 1, value: 9 } as const
const [FCNTL, CLOSE, EPOLL, PWRITE] = ['fcntl', 'close', 'epoll_create', 'pwrite'].map((name) => eventId(name, false))

/** Whole calls of one task: files and what is no file come and go under the same few numbers. */
const CALLS: readonly ((call: Call) => Buffer)[] = [
  ...[0, 0, -11].map(
    (result) =>
      ({ fd, ...options }: Call) =>
        both(event(FCNTL, [i64(fd), SETLKW], options), event(FCNTL + 1, [i64(result)], options)),
  ),
  ({ fd, ...options }) => event(FCNTL + 1, [i64(0), i64(fd), SETLKW], options),
  ...[0, 0, -9].map(
    (result) =>
      ({ fd, ...options }: Call) =>
        both(event(CLOSE, [i64(fd)], options), event(CLOSE + 1, [i64(result)], options)),
  ),
  ...[1, 2].map(
    (size) =>
      ({ fd, ...options }: Call) =>
        both(event(EPOLL, [u32(size)], options), event(EPOLL + 1, [i64(fd), u32(size)], options)),
  ),
  ...['/a', '/b', '/c'].map(
    (path) =>
      ({ fd, ...options }: Call) =>
        event(OPENAT, [i64(fd), i64(-100), path, u32(3), u32(0)], options),
  ),
  ({ fd, ...options }) =>
    both(event(PWRITE, [i64(fd), u32(9), i64(0)], options), event(PWRITE + 1, [i64(9), 'x'], options)),
  ...[FSYNC, FSYNC, MSYNC].map(
    (code) =>
      ({ fd: _, ...options }: Call) =>
        both(generic(code, 74, false, options), generic(code, 74, true, options)),
  ),
]

overtaken('any calls of two threads and another process', async () => {
  const lists = processList(
    9,
    [7, 8, 9].map((tid) => ({ tid, pid: tid === 8 ? 7 : tid, comm: 'c' })),
  )
  const one = fc.record({
    kind: fc.nat(CALLS.length - 1),
    tid: fc.constantFrom(7, 7, 8, 9),
    fd: fc.constantFrom(3, 4, 5),
  })
  const property = fc.asyncProperty(fc.array(one, { maxLength: 60 }), async (calls) => {
    const blocks = calls.map(({ kind, tid, fd }, k) => CALLS[kind]({ tid, fd, atNs: BigInt(k) * 1000n }))
    await assertSame(Buffer.concat([section(), machine(), lists, ...blocks]), 'calls')
  })
  await fc.assert(property, { numRuns: 200 })
})

/** Whole calls, of which the same come again and again: only such are recognised by their text. */
const LINES = [
  ...['3', '4<anon_inode:[eventpoll]>'].flatMap((fd) => [
    `close(${fd}) = 0`,
    `epoll_create(64) = ${fd}`,
    `fcntl(${fd}, F_SETFD, FD_CLOEXEC) = 0`,
  ]),
  'close(3) = -1 EBADF (Bad file descriptor)',
  'openat(AT_FDCWD, "/srv/x", O_RDWR|O_SYNC) = 3',
  'openat(AT_FDCWD, "/srv/y", O_RDWR|O_CLOEXEC) = 4</srv/y>',
  'dup2(3, 4) = 4',
  'pwrite64(3, "x", 1, 0) = 1',
  'fsync(3) = 0',
  'fsync(4</srv/y>) = 0',
  'execve("/bin/x", ["x"], 0x7ffe /* 1 var */) = 0',
]
const MADE_AND_CLOSED = [3, 3, 4].map((fd) => [
  `epoll_create(64) = ${fd}`,
  `fcntl(${fd}, F_SETFD, FD_CLOEXEC) = 0`,
  `close(${fd}) = 0`,
])

overtaken('any lines of two threads and another process', async () => {
  const one = fc.record({
    tid: fc.constantFrom(7, 7, 8, 9),
    calls: fc.oneof(
      fc.constantFrom(...LINES).map((line) => [line]),
      fc.constantFrom(...MADE_AND_CLOSED),
    ),
  })
  const thread =
    '7 1.000000 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 8'
  const property = fc.asyncProperty(fc.array(one, { maxLength: 30 }), async (parts) => {
    const calls = [...parts, ...parts, ...parts].flatMap(({ tid, calls }) => calls.map((call) => ({ tid, call })))
    const text = calls.map(({ tid, call }, k) => `${tid} 1.${100_000 + k} ${call}\n`)
    const all = `${thread}\n${text.join('')}`
    assert.equal(await toldOfLog(all, false), await toldOfLog(all, true), all)
  })
  await fc.assert(property, { numRuns: 500 })
})

overtaken('a server that makes and closes', async () => {
  const round = [...MADE_AND_CLOSED.flat(), 'openat(AT_FDCWD, "/srv/x", O_RDWR) = 3', 'fsync(3) = 0', 'close(3) = 0']
  const calls = Array.from({ length: 100 }, () => round).flat()
  const text = calls.map((call, k) => `7 1.${100_000 + k} ${call}\n`).join('')
  const all = await toldOfLog(text, true)
  assert.is(all.filter((line) => line.includes('"fsync"')).length, 100)
  assert.equal(await toldOfLog(text, false), all)
})

overtaken.run()
