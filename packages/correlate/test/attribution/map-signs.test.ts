/** Maps of another file system, known by what the traced one does for itself. */
import { AREAS } from '@flushtrace/layout'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Capture, type FsStory } from './capture.ts'

const JBD2 = { tid: 40, comm: 'jbd2/loop0-8' }
const KWORKER = { tid: 30, comm: 'kworker/u8:1' }
const PAGE = 4096
/** Sectors 8000 to 8799. */
const JOURNAL = [AREAS.indexOf('journal'), 4_096_000, 4_505_600] as const

/** A file's block as a map from afterwards has it, and how often something else was written, in which way and where. */
function told(
  fs: FsStory,
  n: number,
  rwbs: string,
  sector: number,
  by = KWORKER,
): { named: boolean; against: unknown[] } {
  const c = new Capture({
    ...fs,
    maps: fs.maps ?? [{ when: 'after', extents: [['/mnt/a', 40_960, 45_056]], areas: [JOURNAL] }],
  })
  for (let k = 0; k < n; k++) c.blocks.at(`Q ${rwbs} ${sector + 8 * k}+8`, 100 + k, by)
  c.blocks.at('Q W 80+8', 900, KWORKER)
  const named = c.locate().at(-1)?.includes('/mnt/a') ?? false
  const against = c.attribution().contradictions.map(({ by: sign, against: votes, writes }) => [sign, votes, writes])
  return { named, against }
}

const signs = suite('signs of another file system')

signs('threads of another kind of file system', () => {
  assert.equal(told({ type: 'xfs' }, 3, 'WM', 8000, JBD2), { named: false, against: [['threads', 3, 3]] })
  assert.equal(told({ type: 'xfs' }, 2, 'WM', 8000, JBD2), { named: true, against: [] })
  assert.equal(told({ type: 'ext4' }, 3, 'WM', 8000, JBD2), { named: true, against: [] })
  assert.equal(
    told({ type: 'xfs' }, 3, 'W', 8000, JBD2),
    { named: true, against: [] },
    'unmarked, it is somebody’s data',
  )
})

signs('a journal that is written past the one of the map', () => {
  for (const type of ['ext4', 'xfs'] as const) {
    assert.equal(told({ type }, 3, 'FWFSM', 8000), { named: true, against: [] })
    assert.equal(told({ type }, 3, 'FWFSM', 16_000), { named: false, against: [['journal', 3, 3]] })
    assert.equal(told({ type }, 3, 'WSM', 16_000), { named: true, against: [] }, 'other metadata lie anywhere')
  }
  const maps: FsStory['maps'] = [{ when: 'after', extents: [['/mnt/a', 40_960, 45_056]] }]
  assert.equal(told({ maps }, 3, 'FWFSM', 16_000), { named: true, against: [] }, 'nothing tells where it lies')
})

signs('metadata in chunks for data', () => {
  assert.equal(told({ type: 'btrfs', holds: 'data' }, 3, 'WM', 16_000), { named: false, against: [['chunks', 3, 3]] })
  assert.equal(told({ type: 'btrfs' }, 3, 'WM', 16_000), { named: true, against: [] })
})

/** Blocks that events give to inode 12, and a map from afterwards to another inode. */
function given(inMap: number, lost = false): unknown[] {
  const c = new Capture({ maps: [{ when: 'after', extents: [[inMap, 0, 10 * PAGE]] }] })
  for (let k = 0; k < 4; k++) c.inode('placed', 12, { atNs: 100 + k, tid: 30, page: k, at: k })
  if (lost) c.inode('lost', 0, { atNs: 200, tid: 0 })
  c.blocks.at('Q W 800+8', 900, KWORKER)
  return c.attribution().contradictions.map(({ by, against, writes }) => [by, against, writes])
}

signs('blocks that events gave to other inodes', () => {
  assert.equal(given(13), [['inodes', 4, 4]])
  assert.equal(given(12), [])
  assert.equal(given(13, true), [], 'who got them last may be among the events that were lost')
})

signs.run()
