import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CallWindows } from '../../src/attribution/call-windows.ts'
import { CALL } from '../../src/attribution/call-log.ts'
import { Capture } from './capture.ts'

const { O_RDWR, O_SYNC } = F

/** `call file` of each row of the call that the task was in. */
function windowsOf(c: Capture, slackNs = 0, doubtNs = 0): (tid: number, atNs: number) => string[] {
  const log = c.callLog
  const windows = new CallWindows(log, log.inOrder(), slackNs, doubtNs)
  return (tid, atNs) =>
    windows.at(tid, atNs).map((row) => {
      const file = log.file.data[row]
      return `${log.names.text(log.call.data[row])} ${file >= 0 ? c.book.at(file).path : '-'}`
    })
}

function begun(): Capture {
  const c = new Capture()
  c.calls.exec(10, '/bin/prog')
  c.calls.open(10, '/a', O_RDWR, 3, { atNs: 0 })
  c.calls.open(10, '/b', O_RDWR | O_SYNC, 4, { atNs: 0 })
  return c
}

const windows = suite('call windows')

windows('from the entry to the return of a call, of that task', () => {
  const c = begun()
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  const at = windowsOf(c)
  assert.equal([at(10, 99), at(10, 100), at(10, 150), at(10, 151)], [[], ['fsync /a'], ['fsync /a'], []])
  assert.equal(at(11, 120), [])
})

windows('without durations: until the next call that is known', () => {
  const c = begun()
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100 })
  c.calls.call(10, 'write', { fd: 3, size: 1, result: 1, atNs: 200 })
  const at = windowsOf(c)
  assert.equal([at(10, 199), at(10, 200), at(10, 1e9)], [['fsync /a'], ['write /a'], ['write /a']])
})

windows('within the slack of two clocks the nearest one counts', () => {
  const c = begun()
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  c.calls.call(10, 'fdatasync', { fd: 3, atNs: 200, tookNs: 50 })
  const at = windowsOf(c, 30)
  assert.equal(
    [69, 70, 160, 190, 280, 281].map((ns) => at(10, ns).join()),
    ['', 'fsync /a', 'fsync /a', 'fdatasync /a', 'fdatasync /a', ''],
  )
})

windows('within the doubt of clocks that were joined by data, either of two calls may be the one', () => {
  const c = begun()
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  c.calls.call(10, 'write', { fd: 4, size: 1, result: 1, atNs: 170, tookNs: 50 })
  c.calls.call(10, 'write', { fd: 3, size: 100, result: 100, atNs: 240, tookNs: 20 })
  const at = windowsOf(c, 30, 30)
  assert.equal(at(10, 120), ['fsync /a'])
  assert.equal(at(10, 145), ['fsync /a', 'syncWrite /b'])
  assert.equal(at(10, 175), ['syncWrite /b', 'fsync /a'])
  // A write of 100 bytes went through the cache.
  assert.equal(at(10, 218), ['syncWrite /b'])
})

windows('an msync over two files is one call of both', () => {
  const c = begun()
  c.calls.open(10, '/c', O_RDWR, 5, { atNs: 0 })
  c.calls.map(10, 3, 0x100000, 1, { atNs: 10 })
  c.calls.map(10, 5, 0x101000, 1, { atNs: 20 })
  c.calls.msync(10, 0x100000, 2, { atNs: 100, tookNs: 50 })
  assert.equal(windowsOf(c)(10, 120), ['msync /a', 'msync /c'])
})

windows('a write that is also a flush tells of itself once, as a flush', () => {
  const c = begun()
  c.calls.call(10, 'write', { fd: 4, size: 1, result: 1, atNs: 100, tookNs: 50 })
  assert.equal(
    [...c.callLog.kind.values].toSorted((a, b) => a - b),
    [CALL.syncWrite, CALL.write],
  )
  assert.equal(windowsOf(c)(10, 120), ['syncWrite /b'])
})

windows('calls that queue nothing are no windows', () => {
  const c = begun()
  c.calls.call(10, 'unlink', { path: '/a', atNs: 100, tookNs: 50 })
  c.calls.map(10, 3, 0x100000, 1, { atNs: 200, tookNs: 50 })
  const at = windowsOf(c)
  assert.equal([at(10, 120), at(10, 220)], [[], []])
})

windows('sync is of everything, without a file', () => {
  const c = begun()
  c.calls.call(10, 'sync', { atNs: 100, tookNs: 50 })
  assert.equal(windowsOf(c)(10, 120), ['sync -'])
})

windows.run()
