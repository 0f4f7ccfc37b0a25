/** Beyond each bound of these readers: docs/limits.md. */
import { Diagnostics } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readScap, readSysdigText } from '../src/index.ts'
import { emptyEvent } from '../src/printed-event.ts'
import { PrintedRows } from '../src/printed-rows.ts'
import {
  block,
  event,
  eventId,
  fdList,
  generic,
  i64,
  machine,
  processList,
  section,
  str,
  type ListEntry,
} from './build.ts'
import { collect, type Collected } from './collect.ts'

const limits = suite('limits of sysdig')
const FSYNC = 72
const BEGIN = [section(), machine()]

const scap = (...blocks: Buffer[]): Promise<Collected> => collect(Buffer.concat([...BEGIN, ...blocks]), readScap)
const text = (lines: readonly string[]): Promise<Collected> =>
  collect(Buffer.from(`${lines.join('\n')}\n`), readSysdigText)
const countOf = ({ diagnostics }: Collected, code: string): number =>
  diagnostics.find((row) => row.code === code)?.count ?? 0
const line = (k: number, tid: number | string, rest: string, comm = 'c'): string =>
  `${k + 1} 10:00:00.${String(k).padStart(9, '0')} 0 ${comm} (${tid}) ${rest}`

limits('after damage, a block of more than 1 MiB is not taken for one', async () => {
  const large = (bytes: number): Buffer => {
    const whole = block(0x216, Buffer.alloc(bytes))
    generic(FSYNC, null, true).copy(whole, 8, 8, 36)
    whole.writeUInt32LE(28, 8 + 2 + 16)
    return whole
  }
  const found = async (bytes: number): Promise<number> => {
    const { facts } = await scap(Buffer.alloc(40, 0xff), large(bytes), generic(FSYNC, null, true))
    return facts.events + facts.damaged
  }
  assert.ok((await found(1 << 19)) > (await found(1 << 21)))
})

limits('blocks longer than sysdig writes are damage: of an event, of a list', async () => {
  const sized = (type: number, bytes: number): Buffer => block(type, Buffer.alloc(bytes - 12))
  const damaged = async (large: Buffer): Promise<number> =>
    countOf(await scap(large, generic(FSYNC, null, true)), 'sysdig/damaged-block')
  const unknownKind = 0x8010abcd
  assert.equal([await damaged(sized(unknownKind, 1 << 24)), await damaged(sized(unknownKind, (1 << 24) + 4))], [0, 1])
  const list = 0x220
  assert.equal([await damaged(sized(list, 1 << 26)), await damaged(sized(list, (1 << 26) + 4))], [0, 1])
})

limits('a task id that no kernel gives is damage', async () => {
  const { facts } = await text([4_194_303, 4_194_304].map((tid, k) => line(k, tid, '< close res=0')))
  assert.equal([facts.used, facts.damaged], [1, 1])
})

/** Many entries of one list: those of a short one, with other task ids. */
function tasks(first: number, count: number): Buffer {
  const entry = (tid: number): ListEntry => ({ tid, pid: tid, comm: 'c' })
  return processList(
    9,
    Array.from({ length: count }, (_, k) => entry(first + k)),
  )
}

limits('more listed processes than are kept', async () => {
  const most = 1 << 18
  const whole = await scap(tasks(1, most / 2), tasks(1 + most / 2, most / 2), tasks(most + 1, 3))
  assert.is(whole.reading.processes.size, most)
  assert.is(countOf(whole, 'sysdig/too-many-processes'), 3)
})

limits('more listed descriptors than are kept', async () => {
  const most = 1 << 20
  const descriptor = { fd: 1, type: 1, payload: str('/x') }
  const list = (tid: number, count: number): Buffer => {
    const one = fdList(tid, [descriptor])
    const entry = one.subarray(16, 16 + one.readUInt32LE(16))
    return block(
      one.readUInt32LE(0),
      Buffer.concat([one.subarray(8, 16), ...Array.from({ length: count }, () => entry)]),
    )
  }
  const whole = await scap(tasks(1, 3), list(1, most / 2), list(2, most / 2), list(3, 1))
  assert.is(whole.facts.listed.descriptors, most)
  assert.is(whole.reading.processes.get(3)?.fds, null)
  assert.is(countOf(whole, 'sysdig/too-many-processes'), 1)
})

limits('more tasks at once than are followed', async () => {
  const most = 1 << 17
  const lines = Array.from({ length: most + 1 }, (_, k) => line(k, k + 1, '> fsync fd=3(<f>/x)'))
  assert.is(countOf(await text(lines), 'sysdig/too-many-tasks'), 1)
  assert.is(countOf(await text(lines.slice(0, most)), 'sysdig/too-many-tasks'), 0)
})

limits('more calls under way than are held back are told as enter and exit; none is lost', async () => {
  const rowsOf = async (
    calls: number,
    ending: readonly number[],
    of = (tid: number) => `${tid}`,
  ): Promise<string[]> => {
    const enters = Array.from({ length: calls }, (_, k) => line(k, of(k + 1), '> fsync fd=3(<f>/x)'))
    const exits = ending.map((tid, k) => line(calls + k, of(tid), '< fsync res=0'))
    return (await text([...enters, ...exits])).rows
  }
  const most = 256
  const calls = (rows: readonly string[]): number => rows.filter((row) => / fsync/.test(row)).length
  // The rows of the others are there before the last call begins: nothing comes between its enter and its exit.
  assert.is(calls(await rowsOf(most + 1, [most + 1])), most + 1)
  assert.is(calls(await rowsOf(most, [most])), most + 1)
  for (const count of [most, 700, 1024, 1500]) {
    const all = Array.from({ length: count }, (_, k) => k + 1)
    assert.is(calls(await rowsOf(count, all)), 2 * count)
    const threads = await rowsOf(count, all, (tid) => `2.${tid + 9}`)
    assert.is(calls(threads), 2 * count)
  }
})

limits('more rows that wait than are kept are told; none is lost', async () => {
  const [fcntl, close] = ['fcntl', 'close'].map((name) => eventId(name, false))
  const lock = (fd: number): Buffer[] => [event(fcntl, [i64(fd), { bytes: 1, value: 9 }]), event(fcntl + 1, [i64(0)])]
  // The first row of a task does not wait.
  const first = [event(close, [i64(3)]), event(close + 1, [i64(0)])]
  const locked = async (files: number): Promise<number> => {
    const once = Array.from({ length: files }, (_, k) => lock(10 + k)).flat()
    const { rows } = await scap(...first, ...once, ...once)
    assert.is(new Set(rows.map((row) => / fcntl fd=(\d+)/.exec(row)?.[1])).size, files + 1)
    return rows.length - 1
  }
  const most = 32
  assert.is(await locked(most), most)
  assert.ok((await locked(most + 1)) > most + 1)
})

limits('a descriptor that no kernel gives is none', async () => {
  const closes = [2_147_483_647, 2_147_483_648].flatMap((fd, k) => [
    line(2 * k, 7, `> close fd=${fd}(<f>/x)`),
    line(2 * k + 1, 7, '< close res=0'),
  ])
  const rows = (await text(closes)).rows.filter((row) => / close/.test(row))
  assert.match(rows[0], /fd=2147483647</)
  assert.match(rows[1], /fd=-1</)
})

limits('parents of more children than are kept: the fork of one is told again', async () => {
  const forks = async (children: number): Promise<number> => {
    const parent = Array.from({ length: children }, (_, k) =>
      line(k, 7, `< clone res=${1000 + k} exe=sh tid=7(sh) pid=7(sh) ptid=1(init) flags=0 vtid=7 vpid=7`),
    )
    const child = line(
      children,
      1000,
      '< clone res=0 exe=sh tid=1000(sh) pid=1000(sh) ptid=7(sh) flags=0 vtid=1000 vpid=1000',
    )
    const { rows } = await text([...parent, child])
    return rows.filter((row) => /clone.* = 1000\b/.test(row)).length
  }
  assert.equal([await forks(1 << 16), await forks((1 << 16) + 1)], [1, 2])
})

limits('more renames than are kept: a later one does not outdate a printed name', async () => {
  const named = async (renames: number): Promise<string> => {
    const moves = Array.from({ length: renames }, (_, k) => [
      line(2 * k, 7, '> rename'),
      line(2 * k + 1, 7, `< rename res=0 oldpath=/a${k} newpath=/b${k}`),
    ]).flat()
    const close = [line(2 * renames, 7, `> close fd=3(<f>/a${renames - 1})`), line(2 * renames + 1, 7, '< close res=0')]
    return (await text([...moves, ...close])).rows.at(-1) ?? ''
  }
  assert.not.match(await named(1 << 14), /fd=3</)
  assert.match(await named((1 << 15) + 2), /fd=3<\/a\d+>/)
})

limits('threads of more processes than are kept count as processes', () => {
  const printed = new PrintedRows('x', new Diagnostics(), 'none')
  const thread = (tid: number): void =>
    printed.onEvent({ ...emptyEvent(), type: 'close', direction: '>', tid, pid: 7 }, 1)
  thread(8)
  for (let tid = 100; printed.rows.leaders.size < 1 << 18; tid++) printed.rows.leaders.set(tid, 1)
  thread(9)
  assert.equal(
    [8, 9].map((tid) => printed.rows.leaders.get(tid)),
    [7, undefined],
  )
})

limits.run()
