/** Writes that leave nothing dirty: of two files, the kernel writes what the other one wrote. */
import type { FsType } from '@flushtrace/layout'
import { flags as F } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture } from './capture.ts'

const { O_RDWR, O_DIRECT, O_DSYNC } = F
const PAGE = 4096
const OTHER = '/mnt/b'
const EITHER = '/mnt/b|/mnt/a'

interface Way {
  readonly type?: FsType
  readonly flags: number
  readonly bytes?: number
  readonly offset?: number
  readonly tookNs?: number
  /** When the kernel writes. */
  readonly atNs?: number
  /** Between the open and the write. */
  readonly setFlags?: boolean
  readonly submitted?: boolean
}

/** `/mnt/a` is written one way, `/mnt/b` as usual: whose the kernel's own write may be. */
function whose({
  type = 'ext4',
  flags,
  bytes = PAGE,
  offset = 0,
  tookNs = 50,
  atNs = 300,
  setFlags,
  submitted,
}: Way): string {
  const c = new Capture({ type })
  c.calls.exec(10, '/bin/writer')
  c.calls.exec(20, '/bin/other')
  c.calls.open(10, '/mnt/a', O_RDWR | flags, 3, { atNs: 0 })
  c.calls.open(20, OTHER, O_RDWR, 3, { atNs: 0 })
  if (setFlags) c.calls.call(10, 'fcntl', { fd: 3, flags: F.F_SETFL, flags2: O_RDWR, atNs: 50, tookNs: 1 })
  c.calls.call(20, 'pwrite64', { fd: 3, size: PAGE, offset: 0, result: PAGE, atNs: 90, tookNs: 5 })
  if (submitted) {
    const iocb = { opcode: 'IOCB_CMD_PWRITE', fd: { fd: 3, name: null }, bytes, offset, flags: 0, data: '1' }
    c.calls.call(10, 'io_submit', { result: 1, extra: { kind: 'iocbs', iocbs: [iocb] }, atNs: 100, tookNs })
  } else c.calls.call(10, 'pwrite64', { fd: 3, size: bytes, offset, result: bytes, atNs: 100, tookNs })
  c.blocks.at('Q W 80+8', atNs, { tid: 30, comm: 'kworker/u8:1' })
  const [, name] = c.locate()[0].split(' ')
  return name
}

const passing = suite('writes that leave nothing dirty')

passing('a direct one, and a synchronous one, when they have returned', () => {
  assert.is(whose({ flags: 0 }), EITHER)
  assert.is(whose({ flags: O_DIRECT }), OTHER)
  assert.is(whose({ flags: O_DSYNC }), OTHER)
  assert.equal(
    [O_DIRECT, O_DSYNC].map((flags) => whose({ flags, atNs: 120 })),
    [EITHER, EITHER],
  )
})

passing('not one whose end is not told', () => {
  assert.equal(
    [O_DIRECT, O_DSYNC].map((flags) => whose({ flags, tookNs: NaN })),
    [EITHER, EITHER],
  )
})

passing('F_SETFL may have taken O_DIRECT away, and has where no whole sectors are written', () => {
  assert.is(whose({ flags: O_DIRECT, setFlags: true }), EITHER)
  assert.is(whose({ flags: O_DIRECT, bytes: 100 }), EITHER)
})

passing('xfs may write a part of a block through pages, zfs all of it, btrfs later what was submitted', () => {
  assert.equal(
    [
      whose({ type: 'xfs', flags: O_DIRECT }),
      whose({ type: 'xfs', flags: O_DIRECT, bytes: 512 }),
      whose({ type: 'xfs', flags: O_DIRECT, offset: 512 }),
      whose({ type: 'xfs', flags: O_DIRECT | O_DSYNC, offset: 512 }),
    ],
    [OTHER, EITHER, EITHER, OTHER],
  )
  assert.equal(
    [O_DIRECT, O_DSYNC].map((flags) => whose({ type: 'zfs', flags })),
    [EITHER, EITHER],
  )
  assert.is(whose({ type: 'btrfs', flags: O_DIRECT }), OTHER)
  assert.is(whose({ flags: O_DIRECT, submitted: true }), OTHER)
  assert.is(whose({ type: 'btrfs', flags: O_DIRECT, submitted: true }), EITHER)
  assert.is(whose({ flags: O_DIRECT | O_DSYNC, submitted: true }), EITHER)
})

passing('what another one wrote to the same file stays dirty', () => {
  const c = new Capture()
  c.calls.exec(10, '/bin/writer')
  c.calls.exec(20, '/bin/other')
  c.calls.open(10, '/mnt/a', O_RDWR | O_DSYNC, 3, { atNs: 0 })
  c.calls.open(20, '/mnt/a', O_RDWR, 3, { atNs: 0 })
  c.calls.call(20, 'pwrite64', { fd: 3, size: PAGE, offset: PAGE, result: PAGE, atNs: 90, tookNs: 5 })
  c.calls.call(10, 'pwrite64', { fd: 3, size: PAGE, offset: 0, result: PAGE, atNs: 100, tookNs: 50 })
  c.blocks.at('Q W 80+8', 300, { tid: 30, comm: 'kworker/u8:1' })
  assert.equal(c.locate(), ['0+4096 /mnt/a inferred only-dirty writeback 20'])
})

passing.run()
