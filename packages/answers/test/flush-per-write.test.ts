/** Writethrough and writeback, from activities: which flushes belong to them, and what is said of the others. */
import type { Activity, FileName, Task } from '@flushtrace/correlate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlushAtEnd } from '../src/flush-at-end.ts'
import { FlushCost } from '../src/flush-cost.ts'
import { FlushGroups } from '../src/flush-groups.ts'
import { FlushPerWrite } from '../src/flush-per-write.ts'

const pattern = suite('writethrough and writeback')

function fileName(path: string): FileName {
  return { path, file: {} } as unknown as FileName
}

const task = { process: { pid: 1 } } as Task

class Told {
  readonly groups = new FlushGroups()
  readonly perWrite = new FlushPerWrite()
  readonly atEnd = new FlushAtEnd()

  /**
   * `w` a write of 10 bytes, `f` an fdatasync of 5 ns, `s` a synchronous write, `a` one of io_submit, `m` an msync, `?` a
   * flush of a file that is not sure.
   */
  add(steps: string, name: FileName, by = task): this {
    const activity = (kind: Activity['kind'], call: string, via = call, sure = true): void => {
      const confidence = sure ? 'exact' : 'ambiguous'
      const targets = [{ name, confidence, rule: 'test', at: null }]
      const bytes = kind === 'write' ? 10 : 0
      const group = this.groups.add({ kind, call, via, targets, bytes, tookNs: 5, task: by } as unknown as Activity)
      if (!group) return
      this.perWrite.add(group)
      this.atEnd.add(group)
    }
    for (const step of steps) {
      if ('wsa'.includes(step)) activity('write', 'pwrite64')
      if (step === 's') activity('flush', 'syncWrite', 'pwrite64')
      if (step === 'a') activity('flush', 'syncWrite', 'io_submit')
      if (step === 'f' || step === '?') activity('flush', 'fdatasync', 'fdatasync', step === 'f')
      if (step === 'm') activity('flush', 'msync')
    }
    return this
  }
}

const told = (steps: string, name = fileName('/a')): Told => new Told().add(steps, name)
const through = (steps: string): number => told(steps).perWrite.seen.count
const back = (steps: string): number => {
  const { atEnd, groups } = told(steps)
  return atEnd.found(groups).seen.count
}

pattern('begins with the tenth flush in a row, and then has the nine before it', () => {
  assert.is(through('wf'.repeat(9)), 0)
  const { perWrite } = told(`${'wf'.repeat(9)}wwf`)
  const { seen, writes, bytes, byCall, rows } = perWrite
  assert.equal([seen.count, seen.tookNs, seen.processes, writes, bytes, rows], [10, 50, 1, 11, 110, 1])
  assert.equal([...byCall], [['fdatasync', 10]])
  assert.is(through('wf'.repeat(23)), 23)
})

pattern('has synchronous writes, each a flush of its own, but not those under way at once', () => {
  const { perWrite } = told('s'.repeat(23))
  assert.equal([perWrite.seen.count, perWrite.writes, perWrite.byCall.get('syncWrite')], [23, 23, 23])
  assert.is(through('a'.repeat(23)), 0)
})

pattern('goes on while most writes of the row waited', () => {
  assert.is(through('wwfwwfwwwf'.repeat(10)), 20)
  assert.is(through('wwfwwwf'.repeat(30)), 0)
  assert.is(through('wwwf'.repeat(30)), 0)
  assert.is(through('wfwfwwwwwwwf'.repeat(30)), 0)
})

pattern('is seen after a file was filled, and not in a file that is made in a few small steps', () => {
  assert.is(through(`${'w'.repeat(500)}f${'wf'.repeat(23)}`), 23)
  const made = `${'wf'.repeat(7)}${'w'.repeat(101)}fwf`
  assert.equal([through(made), back(made)], [0, 1])
})

pattern('of two rows in one file is told twice', () => {
  const row = 'wf'.repeat(10)
  const { perWrite } = told(`${row}${'w'.repeat(20)}f${row}`)
  assert.equal([perWrite.seen.count, perWrite.rows, perWrite.largeNs], [20, 2, 5])
})

pattern('is of one file: what happens to others changes nothing', () => {
  const both = new Told()
  const [a, b] = [fileName('/a'), fileName('/b')]
  const other = { process: { pid: 2 } } as Task
  for (let k = 0; k < 10; k++) both.add('w', a).add('wwwwww', b).add('f', a, other)
  const { seen } = both.perWrite
  assert.equal([seen.count, seen.processes, seen.files.get(a), seen.files.has(b)], [10, 1, 10, false])
})

pattern('leaves out msync, flushes of nothing that was seen, and files that are not sure', () => {
  assert.is(through('wm'.repeat(20)), 0)
  assert.is(through('f'.repeat(20)), 0)
  assert.is(through('w?'.repeat(20)), 0)
  assert.is(through('wff'.repeat(10)), 10)
})

pattern('writeback is one flush after most of the writes to a file', () => {
  assert.equal([back(`${'w'.repeat(10)}f`), back(`${'w'.repeat(9)}f`)], [1, 0])
  assert.is(back(`${'w'.repeat(10)}f`.repeat(2)), 0)
  assert.is(back(`${'w'.repeat(10)}f${'w'.repeat(9)}`), 1)
  assert.is(back(`${'w'.repeat(10)}f${'w'.repeat(10)}`), 0)
  const { atEnd, groups } = told(`wf${'w'.repeat(30)}f`)
  const { writes, bytes, seen } = atEnd.found(groups)
  assert.equal([writes, bytes, seen.tookNs, atEnd.stepNs], [30, 300, 5, 5])
})

pattern('the cost of one flush is told by sizes where they explain the times', () => {
  const cost = new FlushCost()
  for (let k = 1; k <= 9; k++) cost.add(k * 1000, 500 + k * 20)
  assert.is(cost.of(1, 1000), null)
  cost.add(10_000, 700)
  assert.is(Math.round(cost.of(1, 55_000)!), 500 + 55 * 20)
  assert.is(Math.round(cost.of(3, 55_000)!), 1500 + 55 * 20)
  const noise = new FlushCost()
  for (let k = 1; k <= 20; k++) noise.add((k % 4) * 1000, 500 + (k % 5) * 100)
  assert.is(noise.of(1, 1000), null)
  const same = new FlushCost()
  for (let k = 1; k <= 20; k++) same.add(4096, 500 + k)
  assert.is(same.of(1, 80_000), null)
  const untimed = new FlushCost()
  for (let k = 1; k <= 20; k++) untimed.add(k, NaN)
  assert.is(untimed.of(1, 100), null)
})

pattern.run()
