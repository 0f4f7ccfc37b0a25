/** Beyond each bound of these readers: docs/limits.md. */
import { Diagnostics, ACTION, makeDevice } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Tally, emptyFacts } from '../src/facts.ts'
import { TaskNames } from '../src/names.ts'
import { Sequences } from '../src/sequences.ts'
import { readBlktrace } from '../src/index.ts'
import { act, collect, named, read, record } from './source.ts'

const limits = suite('limits of block traces')

limits('a task id that no kernel gives has no name', () => {
  const names = new TaskNames()
  const id = names.intern(Buffer.from('dd\0'), 0, 3)
  for (const tid of [(1 << 22) - 1, 1 << 22, -1]) names.set(tid, id)
  assert.equal(
    [(1 << 22) - 1, 1 << 22, -1].map((tid) => names.get(tid)),
    [id, -1, -1],
  )
})

limits('more names of tasks than are kept', async () => {
  const most = 1 << 17
  const notes = Array.from({ length: most + 1 }, (_, k) => named(k, k + 1, `n${k}`))
  const diagnostics = new Diagnostics()
  const { facts, codes } = await collect(readBlktrace([memorySource(Buffer.concat(notes))], diagnostics), diagnostics)
  assert.is(facts.notes, most + 1)
  assert.is(codes['blktrace/too-many-names'], 1)
})

limits('losses are looked for on so many CPUs and devices', () => {
  const sequences = new Sequences()
  const lost = (device: number, cpu: number): number => {
    sequences.missing(device, cpu, 1)
    return sequences.missing(device, cpu, 5)
  }
  assert.equal([lost(0, 8191), lost(0, 8192)], [3, 0])
  for (let device = 1; device < 1024; device++) sequences.missing(device, 0, 1)
  assert.equal([lost(1023, 1), lost(1024, 1)], [3, 0])
})

limits('after damage, a record with more than 4 KiB behind it is not taken for one', async () => {
  const note = (payloadBytes: number): Buffer =>
    Buffer.concat([record({ time: 5, action: act(2, 'notify'), payloadBytes }), Buffer.alloc(payloadBytes, 'x')])
  const event = record({ time: 9, action: act(1, 'write', 'queue'), sector: 8, bytes: 4096 })
  const facts = async (payloadBytes: number) => {
    const { rows, facts } = await read(Buffer.concat([event, Buffer.alloc(60, 0xff), note(payloadBytes), event]))
    return [rows.length, facts.notes, facts.damaged]
  }
  assert.equal(await facts(4096), [2, 1, 1])
  assert.equal(await facts(4104), [2, 0, 1])
})

limits('devices and CPUs beyond 4,096 are not listed', () => {
  const tally = new Tally()
  for (let k = 0; k < 5000; k++) tally.row(ACTION.queue, makeDevice(8, k), k, k)
  const facts = emptyFacts()
  tally.into(facts)
  assert.equal([facts.devices.length, facts.cpus, facts.actions.Q], [4096, 4096, 5000])
})

limits.run()
