/** The pattern of flushes after few writes, from activities: which flushes belong to it, and what is said of the others. */
import type { Activity, FileName, Task } from '@flushtrace/correlate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlushPerWrite } from '../src/flush-per-write.ts'

const pattern = suite('flush per write')

function fileName(path: string): FileName {
  return { path, file: {} } as unknown as FileName
}

const task = { process: { pid: 1 } } as Task

/** `w` a write of 10 bytes, `f` an fdatasync of 5 ns, `s` a synchronous write, `m` an msync, `?` a flush of an unsure file. */
function told(steps: string, name = fileName('/a'), into = new FlushPerWrite(), by = task): FlushPerWrite {
  const activity = (kind: Activity['kind'], call: string, sure = true): void => {
    const confidence = sure ? 'exact' : 'ambiguous'
    const targets = [{ name, confidence, rule: 'test', at: null }]
    into.add({ kind, call, targets, bytes: kind === 'write' ? 10 : 0, tookNs: 5, task: by } as unknown as Activity)
  }
  for (const step of steps) {
    if (step === 'w' || step === 's') activity('write', 'pwrite64')
    if (step === 's') activity('flush', 'syncWrite')
    if (step === 'f' || step === '?') activity('flush', 'fdatasync', step === 'f')
    if (step === 'm') activity('flush', 'msync')
  }
  return into
}

pattern('begins with the third flush in a row, and then has the two before it', () => {
  assert.is(told('wfwf').count, 0)
  const { count, writes, bytes, tookNs, byCall, processes } = told('wfwwfwf')
  assert.equal([count, writes, bytes, tookNs, processes], [3, 4, 40, 15, 1])
  assert.equal([...byCall], [['fdatasync', 3]])
  assert.is(told('wf'.repeat(23)).count, 23)
})

pattern('has synchronous writes, each a flush of its own', () => {
  const { count, writes, byCall } = told('s'.repeat(23))
  assert.equal([count, writes, byCall.get('syncWrite')], [23, 23, 23])
})

pattern('ends with a flush after many writes, whose time is what one flush costs', () => {
  const { count, batchNs } = told(`wfwf${'w'.repeat(5)}fwfwf`)
  assert.equal([count, batchNs], [0, 5])
  assert.is(told('wfwfwf').batchNs, null)
  assert.is(told(`wfwfwf${'w'.repeat(99)}f`).count, 3)
})

pattern('is of one file: what happens to others changes nothing', () => {
  const both = new FlushPerWrite()
  const [a, b] = [fileName('/a'), fileName('/b')]
  const other = { process: { pid: 2 } } as Task
  for (let k = 0; k < 3; k++) {
    told('w', a, both)
    told('wwwwww', b, both)
    told('f', a, both, other)
  }
  assert.equal([both.count, both.processes, both.files.get(a), both.files.has(b)], [3, 1, 3, false])
})

pattern('leaves out msync, flushes of nothing that was seen, and files that are not sure', () => {
  assert.is(told('wmwmwm').count, 0)
  assert.is(told('fffff').count, 0)
  assert.is(told('w?w?w?').count, 0)
  assert.is(told('wffwfwf').count, 3)
})

pattern.run()
