import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EVENTS } from '../src/event-table.ts'
import { readScap } from '../src/index.ts'
import { event, eventId, generic, i64, machine, section, u32, type Param } from './build.ts'
import { collect, withoutTimes } from './collect.ts'

const lineage = suite('forks')

const THREAD = 8192
const ENTER = eventId('clone', false)
const EXIT = eventId('clone', true)

interface Fork {
  tid: number
  result: number
  pid?: number
  ptid?: number
  flags?: number
  vtid?: number
  atNs?: bigint
}

function exit({ tid, result, pid = tid, ptid = 1, flags = 0, vtid = tid, atNs = 0n }: Fork): Buffer {
  const values: Record<string, Param> = {
    res: i64(result),
    exe: 'sh',
    tid: i64(tid),
    pid: i64(pid),
    ptid: i64(ptid),
    flags: u32(flags),
    vtid: i64(vtid),
  }
  return event(
    EXIT,
    EVENTS[EXIT].parameters.map((name) => values[name] ?? null),
    { tid, atNs },
  )
}

function enter(tid: number): Buffer {
  return event(ENTER, [], { tid })
}

async function rows(...events: Uint8Array[]): Promise<string[]> {
  const result = await collect(Buffer.concat([section(), machine(), ...events]), readScap)
  assert.equal(result.facts.damaged, 0)
  return withoutTimes(result.rows)
}

const parent = { tid: 100, result: 200 }
const child = { tid: 200, result: 0, ptid: 100 }

lineage('the parent’s exit first: the child’s own event adds nothing', async () => {
  assert.equal(await rows(enter(100), exit(parent), exit(child), generic(72, 74, true, { tid: 200 })), [
    '100 clone = 200',
    '200 fsync',
  ])
})

lineage('the child first, as always with vfork: the fork is a row before the child’s own', async () => {
  assert.equal(
    await rows(enter(100), exit(child), generic(72, 74, true, { tid: 200 }), exit(parent), generic(72, 74, true)),
    ['100 clone = 200', '200 fsync', '100 fsync'],
  )
})

lineage('exits only, the child first', async () => {
  assert.equal(await rows(exit(child), generic(72, 74, true, { tid: 200 }), exit(parent)), [
    '100 clone = 200',
    '200 fsync',
  ])
})

lineage('in a container the parent’s result is another number: the child’s event counts', async () => {
  const inside = { tid: 100, vtid: 7, result: 8 }
  assert.equal(await rows(enter(100), exit(inside), exit(child)), ['100 clone = 200'])
  assert.equal(await rows(exit(inside), exit(child)), ['100 clone = 200'])
  assert.equal(await rows(enter(100), exit(child), exit(inside)), ['100 clone = 200'])
})

lineage('a thread is found among the tasks of its process', async () => {
  const made = { tid: 102, result: 0, pid: 100, ptid: 1, flags: THREAD }
  assert.equal(await rows(enter(100), exit({ tid: 100, result: 101, flags: THREAD }), enter(101), exit(made)), [
    '100 clone flags=65536 = 101',
    '101 clone flags=65536 = 102',
  ])
})

lineage('two forks under way in one process: each child stands for itself', async () => {
  const one = { tid: 102, result: 0, pid: 100, flags: THREAD }
  const two = { tid: 103, result: 0, pid: 100, flags: THREAD }
  const result = await rows(
    exit({ tid: 100, result: 101, flags: THREAD }),
    enter(100),
    enter(101),
    exit(one),
    exit(two),
    exit({ tid: 101, result: 102, flags: THREAD }),
    exit({ tid: 100, result: 103, flags: THREAD }),
  )
  const ended = result.filter((row) => row.includes('= '))
  assert.equal(
    ended.map((row) => row.replace(/.*= /, '')),
    ['101', '102', '103'],
  )
})

lineage('a fork that failed', async () => {
  assert.equal(await rows(enter(100), exit({ tid: 100, result: -11 })), ['100 clone failed EAGAIN = -11'])
})

lineage('a call in the child counts once, in the parent', async () => {
  const bytes = Buffer.concat([section(), machine(), enter(100), exit(parent), exit(child)])
  const { facts } = await collect(bytes, readScap)
  assert.equal(facts.calls, { clone: 1 })
  assert.equal(facts.types, { clone: { enter: 1, exit: 2 } })
})

lineage.run()
