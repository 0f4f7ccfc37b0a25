/** Flushes whose line was printed long before the kernel saw them. */
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lateKey } from '../../src/attribution/late-calls.ts'
import { Capture } from './capture.ts'

const late = suite('late calls')

/** fsync at 100 to 150 by its line, and a write that the same task queues at 270. */
function begun(): Capture {
  const c = new Capture()
  c.calls.exec(10, '/bin/writer')
  c.calls.open(10, '/mnt/a', F.O_RDWR, 3, { atNs: 0 })
  c.calls.open(10, '/elsewhere/b', F.O_RDWR, 4, { atNs: 0 })
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  c.blocks.at('Q WS 80+8', 270, { tid: 10 })
  return c
}

/** By how much calls were moved, and whose the write is. */
function found(c: Capture): [number[], string] {
  const { late: moved } = c.attribution()
  return [[...moved.values()], c.locate()[0].split(' ').slice(1, 4).join(' ')]
}

late('a flush is moved to the file system’s event where that is past its end', () => {
  const c = begun()
  c.inode('sync', 5, { atNs: 260, tid: 10 })
  assert.equal(found(c), [[160], '/mnt/a inferred sync-event'])
  const { source, record, startNs, endNs, length } = c.callLog
  const row = length - 1
  assert.equal([startNs.data[row], endNs.data[row]], [260, 310])
  assert.ok(c.attribution().late.has(lateKey(source.data[row], record.data[row])))
})

late('not where an event of the task came first, nor to one of another task, nor past its next call', () => {
  for (const [tid, atNs] of [
    [10, 140],
    [11, 260],
    [10, 320],
  ] as const) {
    const c = begun()
    c.inode('sync', 5, { atNs, tid })
    if (atNs === 140) c.inode('sync', 6, { atNs: 260, tid })
    c.calls.call(10, 'fsync', { fd: 4, atNs: 300, tookNs: 50 })
    assert.equal(c.attribution().late.size, 0, `${tid} at ${atNs}`)
  }
})

late('not to an event of a file system that the file does not lie on', () => {
  const c = begun()
  c.calls.call(10, 'fsync', { fd: 4, atNs: 200, tookNs: 20 })
  c.inode('sync', 5, { atNs: 260, tid: 10 })
  assert.equal(c.attribution().late.size, 0)
})

late.run()
