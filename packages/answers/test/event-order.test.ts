/** One order of events: what is held, what comes too late, and how sources take turns. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DisorderMeter, EventOrder, MAX_HELD } from '../src/event-order.ts'
import { events, inspect } from '../src/index.ts'
import { Turns } from '../src/turns.ts'

const test = suite('order of events')

interface Told {
  atNs: number
  lateNs?: number
}

function ordered(times: readonly number[]): { told: Told[]; order: EventOrder<Told> } {
  const told: Told[] = []
  const order = new EventOrder<Told>((event) => told.push(event))
  for (const atNs of times) order.add({ atNs }, atNs)
  order.end()
  return { told, order }
}

test('an event that comes after MAX_HELD later ones is placed', () => {
  const many = Array.from({ length: 3 * MAX_HELD }, (_, k) => k)
  const { told, order } = ordered([...many.slice(0, MAX_HELD), 0.5, ...many.slice(MAX_HELD)])
  assert.equal(told.slice(0, 3), [{ atNs: 0 }, { atNs: 0.5 }, { atNs: 1 }])
  assert.is(told.length, 3 * MAX_HELD + 1)
  assert.is(order.late, 0)
})

test('what is measured is what an order takes', () => {
  const meter = new DisorderMeter()
  const many = Array.from({ length: MAX_HELD }, (_, k) => k)
  for (const at of [...many, 0.5]) meter.add(at)
  assert.equal([meter.events, meter.behindNs, meter.late], [MAX_HELD - 1, MAX_HELD - 1.5, 0])
  meter.add(0.5)
  assert.equal([meter.events, meter.late], [MAX_HELD, 1])
})

test('events of several traces that each come in one batch are held for as long as there is room', () => {
  const many = Array.from({ length: MAX_HELD + 100 }, (_, k) => k)
  const { told, order } = ordered([...many, ...many])
  assert.equal([told.length, told.filter(({ lateNs }) => lateNs !== undefined).length], [2 * many.length, order.late])
  const few = ordered([...many, ...many.slice(0, 1000)])
  assert.is(few.order.late, 0)
})

test('one that comes later is told when it comes, by how much, and counted: none is lost', () => {
  const many = Array.from({ length: 3 * MAX_HELD }, (_, k) => k)
  const { told, order } = ordered([...many, 0.5])
  const late = told.filter(({ lateNs }) => lateNs !== undefined)
  assert.equal([told.length, late.length, order.late], [3 * MAX_HELD + 1, 1, 1])
  assert.is(late[0].lateNs, Math.round(told[told.indexOf(late[0]) - 1].atNs - 0.5))
})

test('events of one time, and events without a time, stay as they came', () => {
  const { told } = ordered([3, 3, NaN, 3, 1])
  assert.equal(
    told.map(({ atNs }) => atNs),
    [1, 3, 3, NaN, 3],
  )
})

test('what is in order needs nothing held', () => {
  const meter = new DisorderMeter()
  for (const at of [1, 2, 2, NaN, 3]) meter.add(at)
  assert.equal([meter.events, meter.behindNs, meter.late], [0, 0, 0])
  for (const at of [10, 11, 12, 10.5]) meter.add(at)
  assert.equal([meter.events, meter.behindNs], [2, 1.5])
})

test('whoever is behind goes on', async () => {
  const turns = new Turns()
  const read: number[] = []
  const reading = async (times: readonly number[], turn = turns.take()): Promise<void> => {
    async function* batches() {
      for (const at of times) yield await Promise.resolve(at)
    }
    for await (const at of turn.of(batches())) {
      read.push(at)
      turn.reached(at)
    }
    turn.end()
  }
  await Promise.all([reading([0, 1, 2, 50, 51]), reading([10, 20, 30]), reading([3, 4, 60]), reading([])])
  assert.equal(read, [0, 10, 3, 1, 2, 50, 4, 60, 20, 30, 51])
  read.length = 0
  await Promise.all([reading([1, NaN, 5, NaN]), reading([2, 3])])
  assert.equal(read, [1, 2, NaN, 5, 3, NaN], 'a row without a time stops nobody')
})

test('calls and requests of one recording are one order, and all of them are told', async () => {
  const sources = ['fixtures/strace/fd-ext4/strace.txt', 'fixtures/clocks']
  const apart: string[] = []
  for (const source of sources) {
    await events([source], {}, ({ source: path, at, type }) => apart.push(`${path} ${at} ${type}`))
  }
  const together: string[] = []
  const times: number[] = []
  await events(sources, {}, ({ source, at, type, atNs }) => {
    together.push(`${source} ${at} ${type}`)
    times.push(atNs!)
  })
  assert.equal(together.toSorted(), apart.toSorted())
  assert.equal(
    times,
    times.toSorted((a, b) => a - b),
  )
  const kinds = together.map((one) => one.endsWith('block-write'))
  assert.ok(kinds.indexOf(true) < kinds.lastIndexOf(false) && kinds.indexOf(false) < kinds.lastIndexOf(true))
})

test('sysdig beside strace: each call once, also side by side', async () => {
  const counts = new Map<string, number>()
  await events(['fixtures/strace/fd-ext4/strace.txt', 'fixtures/sysdig/fd-ext4.scap'], {}, ({ source }) => {
    counts.set(source, (counts.get(source) ?? 0) + 1)
  })
  let alone = 0
  await events(['fixtures/strace/fd-ext4/strace.txt'], {}, () => alone++)
  assert.is(counts.get('fixtures/strace/fd-ext4/strace.txt'), alone)
  assert.not(counts.has('fixtures/sysdig/fd-ext4.scap'))
})

test('inspect tells what an order takes', async () => {
  const { order } = await inspect(['fixtures/strace/sqlite-ext4/strace.txt.gz'])
  assert.is(order.held, MAX_HELD)
  assert.ok(order.events > 0 && order.behindNs > 0)
  assert.is(order.late, 0)
})

test.run()
