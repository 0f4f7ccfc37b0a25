/** What discards give back: whose data lay there last, and who took it away. */
import { OP, flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture } from './capture.ts'

const PAGE = 4096
const KWORKER = { tid: 30, comm: 'kworker/u8:1' }
const { O_RDWR } = F

/** Process 10 wrote two pages of /mnt/a, which went to sectors 80 to 96. */
function written(fs: ConstructorParameters<typeof Capture>[0] = {}): Capture {
  const c = new Capture(fs)
  c.calls.exec(10, '/bin/writer')
  c.calls.exec(20, '/bin/rm')
  c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(10, 'pwrite64', { fd: 3, size: 2 * PAGE, offset: 0, result: 2 * PAGE, atNs: 10, tookNs: 5 })
  c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
  c.blocks.at('Q WS 80+16', 120, { tid: 10 })
  return c
}

/** Without the write itself. */
function discards(c: Capture): string[] {
  return c.locate().slice(1)
}

const discard = suite('discards')

discard('of what was a file’s, by a kernel thread, are for who took it away', () => {
  const c = written()
  c.calls.call(20, 'unlink', { path: '/mnt/a', atNs: 200, tookNs: 5 })
  c.blocks.at('Q D 64+64', 300, KWORKER)
  assert.equal(discards(c), [
    '0+8192 free inferred dataless writeback -',
    '8192+8192 /mnt/a inferred given-back writeback 20',
    '16384+16384 free inferred dataless writeback -',
  ])
})

discard('by a program are its own (fstrim); of what no call freed they are of the file still', () => {
  const c = written()
  c.blocks.at('Q D 80+8', 300, { tid: 20 }).at('Q D 88+8', 400, KWORKER)
  assert.equal(discards(c), [
    '0+4096 /mnt/a inferred given-back direct 20',
    '0+4096 /mnt/a inferred given-back writeback -',
  ])
})

discard('what was discarded since it was written is nobody’s, until it is written again', () => {
  const c = written()
  c.blocks.at('Q D 88+8', 300, KWORKER).at('Q D 80+16', 400, KWORKER)
  c.calls.call(10, 'fsync', { fd: 3, atNs: 500, tookNs: 50 })
  c.blocks.at('Q WS 88+8', 520, { tid: 10 }).at('Q D 80+16', 600, KWORKER)
  assert.equal(discards(c), [
    '0+4096 /mnt/a inferred given-back writeback -',
    '0+4096 /mnt/a inferred given-back writeback -',
    '4096+4096 free inferred dataless writeback -',
    '0+4096 /mnt/a inferred own-call flush 10',
    '0+4096 free inferred dataless writeback -',
    '4096+4096 /mnt/a inferred given-back writeback -',
  ])
})

discard('write-zeroes give nothing back', () => {
  const c = written()
  c.blocks.at('Q Z 80+16', 300, KWORKER)
  assert.is(c.blocks.batch.flags[1] & OP.writeZeroes, OP.writeZeroes)
  assert.equal(discards(c), ['0+8192 free inferred dataless writeback -'])
})

discard.run()
