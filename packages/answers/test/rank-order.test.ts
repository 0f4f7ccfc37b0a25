/** Rows of `rank`: their order, and that those shown and the rest are all of them. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rank } from '../src/index.ts'

const FD_EXT4 = [
  'fixtures/strace/fd-ext4/strace.txt',
  'fixtures/clocks/loop0.blktrace.0',
  'fixtures/clocks/loop0.blktrace.1',
]

const test = suite('rows of rank')

test('the top rows and the rest are all of them', async () => {
  const { rows, rest, total } = await rank(FD_EXT4, { top: 3 })
  assert.is(rows.length, 3)
  assert.ok(rest && rest.rows > 3)
  for (const number of ['writes', 'bytes', 'flushes', 'fua'] as const) {
    const shown = rows.reduce((sum, { block }) => sum + (block?.[number] ?? 0), 0)
    assert.is(shown + (rest.block?.[number] ?? 0), total.block?.[number], number)
  }
  const all = [...rows, rest]
  const sumOf = (of: (row: (typeof all)[number]) => number): number => all.reduce((sum, row) => sum + of(row), 0)
  assert.is(
    sumOf(({ flushes }) => flushes.total),
    total.flushes.total,
  )
  assert.is(
    sumOf(({ hints }) => hints.syncFileRange + hints.msyncAsync),
    2,
  )
  assert.is(
    sumOf(({ failed }) => failed.byErrno.EBADF ?? 0),
    1,
  )
  assert.is(
    sumOf(({ written }) => written.bytes ?? 0),
    total.written.bytes,
  )
})

test('of processes with as many flushes, the one that waited longer comes first', async () => {
  const { rows } = await rank(FD_EXT4, { top: 0 })
  const ones = rows.filter(({ flushes }) => flushes.total === 1).map(({ flushNs }) => flushNs?.total ?? 0)
  assert.ok(ones.length > 2)
  assert.equal(
    ones,
    [...ones].sort((a, b) => b - a),
  )
})

test.run()
