/** `rank --fail-if`: what is measured of a recorded capture, the exit codes, and what is refused. */
import type { RankAnswer } from '@flushtrace/answers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flushtrace, type Printed } from './run.ts'

const conditions = suite('rank --fail-if')

const SAMBA = 'fixtures/strace/attach-samba'
/** 176 flushes, 88 each of fdatasync and msync, of two files by one process, in 11.4 s and 140 ms of waiting. */
const HOLD = [
  'flushes == 176',
  'flushes-per-second > 15.4',
  'flushes-per-second < 15.6',
  'failed-flushes == 0',
  'flush-seconds > 139ms',
  'flush-seconds < 0.141',
  'flush-share > 1%',
  'flush-share < 0.02',
  'flush-p50 <= 2ms',
  'flush-p99 >= 1 ms',
  'flush-max > 1000us',
  'flushing-processes == 1',
  'flushed-files == 2',
  'write-calls == 1',
  'written-bytes == 696',
  'written-bytes < 0.7kB',
  'mapped-files != 10',
]

const PARTITION = 'fixtures/blktrace/partition'
/** Requests that were queued in 2.1 s: the same figures as in docs/commands/rank.md. */
const HOLD_OF_BLOCKS = [
  'block-writes == 855',
  'block-writes-per-second > 413',
  'block-writes-per-second < 414',
  'block-bytes > 38.7MB',
  'block-bytes < 38.8 MB',
  'block-flushes == 123',
]

async function run(source: string, ...all: readonly string[]): Promise<Printed> {
  return flushtrace('rank', ...all.flatMap((condition) => ['--fail-if', condition]), source)
}

for (const [source, all, says] of [
  [SAMBA, HOLD, '176 flushes'],
  [PARTITION, HOLD_OF_BLOCKS, '855 block writes'],
] as const) {
  conditions(`${source}: all that hold fail, their opposites do not`, async () => {
    const { code, out, err } = await run(source, ...all)
    assert.is(code, 1)
    assert.match(out, says)
    const told = [...err.matchAll(/^flushtrace: failed for ([^\n]+): it is [^\n]+\n/gm)]
    assert.equal(
      told.map(([, condition]) => condition.replaceAll(' ', '')),
      all.map((condition) => condition.replaceAll(' ', '')),
    )
    assert.is(told.map(([line]) => line).join(''), err)
    const opposites = all.map((condition) => condition.replace(/[<>=!]+/, (operator) => OPPOSITE[operator]))
    assert.equal({ ...(await run(source, ...opposites)), out: '' }, { code: 0, out: '', err: '' })
  })

  conditions(`${source}: one that holds is enough`, async () => {
    assert.is((await run(source, all[0])).code, 1)
  })
}

conditions('are tested for each metric that there is', async () => {
  const { err } = await run(SAMBA, 'nothing > 1')
  const names = /there are (.*)$/m.exec(err)![1].split(', ')
  const tested = new Set([...HOLD, ...HOLD_OF_BLOCKS].map((condition) => condition.split(' ')[0]))
  assert.equal(names.toSorted(), [...tested].sort())
})

const OPPOSITE: Readonly<Record<string, string>> = {
  '>': '<=',
  '>=': '<',
  '<': '>=',
  '<=': '>',
  '==': '!=',
  '!=': '==',
}

conditions('say what was measured, and are in the JSON', async () => {
  const { code, out, err } = await flushtrace(
    'rank',
    SAMBA,
    '--json',
    '--fail-if',
    'flushes > 1',
    '--fail-if',
    'flushes > 999',
  )
  assert.is(code, 1)
  assert.is(err, 'flushtrace: failed for flushes > 1: it is 176\n')
  assert.equal((JSON.parse(out) as RankAnswer).conditions, [
    { condition: 'flushes > 1', measured: 176, unit: 'count', holds: true },
    { condition: 'flushes > 999', measured: 176, unit: 'count', holds: false },
  ])
})

conditions('are of what the filters leave', async () => {
  const { code } = await flushtrace('rank', SAMBA, '--file', 'metadata.tdb', '--fail-if', 'flushes == 88')
  assert.is(code, 1)
})

conditions('that cannot be made never pass', async () => {
  for (const [source, condition, says] of [
    [SAMBA, 'block-writes > 1', 'the sources do not show it'],
    ['fixtures/strace/fd-ext4-stderr-noy', 'flush-seconds > 1', 'the sources do not show it'],
    [SAMBA, 'flush > 1', 'no metric flush; there are flushes, flushes-per-second'],
    [SAMBA, 'constructor > 1', 'no metric constructor'],
    [SAMBA, 'flushes > 1ms', 'flushes is not measured in ms'],
    [SAMBA, 'flushes', 'give METRIC OP NUMBER'],
    [SAMBA, 'flushes > -1', 'give METRIC OP NUMBER'],
  ]) {
    const { code, out, err } = await run(source, condition)
    assert.is(code, 2, condition)
    assert.is(out, '')
    assert.match(err, says)
    assert.is(err.split('\n').length, 2)
  }
  const { code, err } = await flushtrace('rank', SAMBA, '--until', '5', '--fail-if', 'flushes-per-second > 1')
  assert.is(code, 2)
  assert.match(err, 'for the whole trace only')
})

conditions.run()
