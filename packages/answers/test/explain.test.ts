/** Parts add up on every flush of the captures; which requests count for a flush, from built events. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Actors,
  Attribution,
  BlockLog,
  CallLog,
  FileBook,
  InodeLog,
  RequestTimes,
  type Activity,
  type TracedFile,
} from '@flushtrace/correlate'
import { ACTION, BlockBatch, OP, StringTable, makeDevice } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Attributed } from '../src/attribute.ts'
import type { Analysis } from '../src/analysis.ts'
import { slackOf } from '../src/attribute.ts'
import { Explainer, type Explained } from '../src/explain-rows.ts'
import { ExplainSummary } from '../src/explain-summary.ts'
import { Waits } from '../src/explain-waits.ts'
import { explain, explainSchema, type ExplainOptions } from '../src/index.ts'
import { FlushList, MAX_FLUSHES } from '../src/flush-list.ts'

const explained = suite('explain')

const CAPTURES = [
  ['fixtures/strace/attach-samba', 'fixtures/locate/samba'],
  ['fixtures/strace/fd-ext4', 'fixtures/clocks'],
  ['fixtures/strace/fd-ext4'],
  ['fixtures/strace/fd-ext4-stderr-noy'],
  ['fixtures/strace/sqlite-ext4'],
  ['fixtures/sysdig/attach-samba.scap.gz'],
  ['fixtures/blktrace/partition'],
  ['fixtures/blktrace/discard/tracefs.txt'],
]

for (const paths of CAPTURES) {
  explained(`parts add up to the time of each flush: ${paths.join(' ')}`, async () => {
    const { rows, summary } = explainSchema.parse(await explain(paths, { process: '*', top: 0 }))
    assert.ok(rows.length > 0)
    assert.is(summary.flushes, rows.length)
    for (const { parts, tookNs } of rows) {
      assert.is(
        Object.values(parts).reduce((a, b) => a + b, 0),
        tookNs ?? 0,
      )
    }
  })
}

explained('data of others that a commit had to write first is theirs, and named', async () => {
  const { rows, summary } = await explain(['fixtures/entangled'], { file: 'ledger', top: 0 })
  assert.is(rows.length, 23)
  // What jbd2 queued without the mark of metadata: see the README of the fixture.
  assert.equal(summary.others, [
    {
      path: '/srv/lab/mnt-entangled/bulk',
      bytes: 2_539_520,
      flushes: 22,
      processes: [{ pid: 19_069, name: 'python3' }],
    },
  ])
  const foreign = rows.flatMap(({ blockWrites }) => blockWrites.filter(({ role }) => role === 'othersData'))
  assert.is(foreign.length, 24)
  assert.ok(foreign.every(({ comm, path }) => comm === 'jbd2/loop1-8' && path === '/srv/lab/mnt-entangled/bulk'))
  const own = rows.flatMap(({ blockWrites }) => blockWrites.filter(({ role }) => role === 'ownData'))
  assert.ok(own.length >= 23 && own.every(({ path }) => path === '/srv/lab/mnt-entangled/ledger'))
})

explained('of flushes outside the time of the block trace nothing is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-explain-'))
  for (const cpu of [0, 1]) {
    const bytes = readFileSync(`fixtures/clocks/loop0.blktrace.${cpu}`)
    writeFileSync(join(folder, `loop0.blktrace.${cpu}`), bytes.subarray(0, bytes.length / 2))
  }
  const { rows, summary } = await explain(['fixtures/strace/fd-ext4', folder], { process: '*', top: 0 })
  rmSync(folder, { recursive: true })
  const outside = rows.filter(({ evidence }) => evidence.some(({ rule }) => rule === 'outside-block-trace'))
  assert.ok(outside.length > 10 && outside.length < rows.length)
  assert.ok(outside.every(({ waitedFor, blockWrites }) => waitedFor === 'unknown' && blockWrites.length === 0))
  const last = Math.max(...rows.flatMap(({ blockWrites }) => blockWrites.map(({ atNs }) => atNs)))
  assert.ok(outside.every(({ atNs, tookNs }) => atNs! > last || atNs! + tookNs! < last))
  assert.is(summary.limits['outside-block-trace'], outside.length)
})

explained('flushes beyond the bound are counted, with their time', () => {
  const list = new FlushList()
  const task = { tid: 1, name: null, process: {} }
  const flush = { kind: 'flush', call: 'fsync', task, scope: 'file', targets: [], tookNs: 7, source: 0, record: 1 }
  for (let k = 0; k < MAX_FLUSHES + 3; k++) list.add(flush as unknown as Activity, k)
  assert.is(list.inOrder().length, MAX_FLUSHES)
  assert.equal(list.beyond, { flushes: 3, tookNs: 21 })
})

explained('a flush keeps its number under any filter', async () => {
  const [paths] = CAPTURES
  const all = await explain(paths, { process: '*', top: 0 })
  const some = await explain(paths, { file: 'metadata.tdb', top: 0 })
  assert.ok(some.rows.length > 0 && some.rows.length < all.rows.length)
  for (const row of some.rows)
    assert.equal(
      row,
      all.rows.find(({ flush }) => flush === row.flush),
    )
  const [first] = some.rows
  assert.equal((await explain(paths, { flush: first.flush })).rows, [first])
})

explained('without a process, a file or a number it is not told what to explain', async () => {
  const failure = (options: ExplainOptions): Promise<string> =>
    explain(CAPTURES[2], options).then(
      () => 'none',
      (error: Error) => error.message,
    )
  assert.match(await failure({}), '--process')
  assert.match(await failure({ flush: 1000 }), '64')
})

const DISK = makeDevice(7, 0)
const OTHER_DISK = makeDevice(8, 0)
const JOURNAL = OP.write | OP.sync | OP.meta

interface Request {
  comm: string
  tid: number
  flags?: number
  device?: number
  bytes?: number
  queuedNs: number
  doneNs: number
}

/** Calls of a task (tid = pid), and requests that go to the device at once. Everything is ns. */
class Situation {
  readonly calls: { kind: Activity['kind']; call?: string; tid: number; path: string; atNs: number; tookNs: number }[] =
    []
  readonly requests: Request[] = []
  readonly #files = new Map<string, TracedFile>()

  call(kind: Activity['kind'], tid: number, path: string, atNs: number, tookNs: number): this {
    this.calls.push({ kind, tid, path, atNs, tookNs })
    return this
  }

  request(comm: string, tid: number, queuedNs: number, doneNs: number, more: Partial<Request> = {}): this {
    this.requests.push({ comm, tid, queuedNs, doneNs, ...more })
    return this
  }

  /** Of the flush with this number: who queued what it waited for, and as what. */
  waits(number: number): string[] {
    return this.explained(number).row.blockWrites.map(({ role, comm }) => `${role} ${comm}`)
  }

  explained(number: number): Explained {
    const [actors, book, blocks, inodes] = [new Actors(), new FileBook(), new BlockLog(), new InodeLog()]
    const calls = new CallLog(book, actors)
    const list = new FlushList()
    const times = new RequestTimes()
    for (const [record, call] of this.calls.entries()) {
      const activity = this.#activity(call, record)
      calls.add(activity, call.atNs)
      list.add(activity, call.atNs)
    }
    const batch = this.#batch()
    blocks.add(batch, 0, [0])
    times.add(batch, 0, [0])
    const placed = [(ns: number): number => ns]
    const input = {
      calls,
      blocks,
      inodes,
      actors,
      book,
      layout: null,
      placed,
      callsTimed: true,
      slackNs: 0,
      doubtNs: 0,
      takenAt: () => null,
    }
    const attribution = new Attribution(input)
    attribution.run()
    const analysis = { capture: { sources: [{ source: { path: 'trace' } }] } }
    const attributed = { ...input, attribution, analysis } as unknown as Attributed
    const flushes = list.inOrder()
    return new Explainer(attributed, new Waits(attributed, times, flushes)).call(flushes[number - 1], number, true)
  }

  #activity(
    { kind, call = kind === 'flush' ? 'fsync' : 'write', tid, path, tookNs }: Situation['calls'][number],
    record: number,
  ): Activity {
    let file = this.#files.get(path)
    if (!file) {
      file = { lastPath: path, deleted: false, inode: null, device: null, nodes: new Set() } as unknown as TracedFile
      this.#files.set(path, file)
    }
    const process = { pid: tid, name: 'app', argv: null }
    const targets = [{ name: { file, path, deleted: false }, confidence: 'exact', rule: 'open', at: null }]
    const place = { bytes: 4096, offset: 0, through: 'cache', source: 0, record, mapped: null, errno: null, atNs: NaN }
    const task = { tid, name: 'app', process }
    return { kind, call, via: call, task, scope: 'file', targets, tookNs, ...place } as unknown as Activity
  }

  #batch(): BlockBatch {
    const batch = new BlockBatch(new StringTable())
    const steps = this.requests.flatMap((request, k) => [
      { atNs: request.queuedNs, action: ACTION.queue, request, sector: 8 * (k + 1) },
      { atNs: request.queuedNs, action: ACTION.issue, request, sector: 8 * (k + 1) },
      { atNs: request.doneNs, action: ACTION.complete, request, sector: 8 * (k + 1) },
    ])
    for (const { atNs, action, request, sector } of steps.sort((a, b) => a.atNs - b.atNs)) {
      const { tid, comm, flags = OP.write | OP.sync, device = DISK, bytes = 4096 } = request
      if (bytes === 0 && action === ACTION.issue) continue
      const i = batch.add(action, device, tid, atNs, batch.length + 1)
      batch.flags[i] = flags
      batch.sector[i] = sector
      batch.bytes[i] = bytes
      batch.comm[i] = batch.strings.add(comm)
    }
    return batch
  }
}

/** Task 10 writes and flushes /d/a from 1000 to 2000; its data goes to the disk. */
function flushOfA(): Situation {
  return new Situation()
    .call('write', 10, '/d/a', 0, 10)
    .call('flush', 10, '/d/a', 1000, 1000)
    .request('app', 10, 1100, 1200)
}

explained('own data, and the commit of the journal inside the call', () => {
  const s = flushOfA().request('jbd2/sda-8', 99, 1300, 1400, { flags: JOURNAL })
  assert.equal(s.waits(1), ['ownData app', 'journal jbd2/sda-8'])
})

explained('a commit before the call, after it, or on another disk does not count', () => {
  const s = flushOfA()
    .request('jbd2/sda-8', 99, 500, 900, { flags: JOURNAL })
    .request('jbd2/sda-8', 99, 2100, 2200, { flags: JOURNAL })
    .request('jbd2/sdb-8', 98, 1300, 1400, { flags: JOURNAL, device: OTHER_DISK })
  assert.equal(s.waits(1), ['ownData app'])
})

explained('a commit under way at the entry counts', () => {
  const s = flushOfA().request('jbd2/sda-8', 99, 900, 1300, { flags: JOURNAL })
  assert.equal(s.waits(1), ['journal jbd2/sda-8', 'ownData app'])
})

explained('data of another file counts where the commit writes it, not where writeback does', () => {
  const s = flushOfA()
    .call('write', 20, '/d/b', 1, 10)
    .request('jbd2/sda-8', 99, 1300, 1400)
    .request('kworker/u8:1', 30, 1300, 1400)
    .request('jbd2/sda-8', 99, 1500, 1600, { flags: JOURNAL })
  assert.equal(s.waits(1), ['ownData app', 'othersData jbd2/sda-8', 'journal jbd2/sda-8'])
})

explained('what another task flushes at the same time is its own', () => {
  const s = flushOfA()
    .call('write', 20, '/d/b', 1, 10)
    .call('flush', 20, '/d/b', 1050, 900)
    .request('app', 20, 1150, 1250)
    .request('app', 20, 1700, 1800, { flags: OP.write | OP.sync | OP.flush, bytes: 0 })
  assert.equal(s.waits(1), ['ownData app'])
  assert.equal(s.waits(2), ['ownData app', 'deviceFlush app'])
})

explained(
  'on ext4, metadata that a kworker writes back is in nobody’s flush; elsewhere the log may be written for others',
  () => {
    const ext4 = flushOfA()
      .request('jbd2/sda-8', 99, 1300, 1400, { flags: JOURNAL })
      .request('kworker/u8:1', 30, 1500, 1600, { flags: JOURNAL })
    assert.equal(ext4.waits(1), ['ownData app', 'journal jbd2/sda-8'])
    const btrfs = flushOfA()
      .request('btrfs-transacti', 99, 100, 200, { flags: JOURNAL })
      .request('app', 20, 1500, 1600, { flags: JOURNAL })
    assert.equal(btrfs.waits(1), ['ownData app', 'journal app'])
    const f2fs = flushOfA()
      .request('f2fs_ckpt-8:0', 99, 1300, 1400, { flags: JOURNAL })
      .request('app', 20, 1500, 1600, { flags: JOURNAL })
    assert.equal(f2fs.waits(1), ['ownData app', 'journal f2fs_ckpt-8:0'])
  },
)

explained(
  'without data of its own, on a commit that had begun: it rode on it, and waited for the data of others',
  () => {
    const s = flushOfA()
      .call('flush', 10, '/d/a', 3000, 1000)
      .call('write', 20, '/d/b', 2500, 10)
      .request('jbd2/sda-8', 99, 2900, 3200)
      .request('jbd2/sda-8', 99, 3300, 3400, { flags: JOURNAL })
    const { row, others } = s.explained(2)
    assert.is(row.waitedFor, 'others')
    assert.equal([row.parts.othersDataNs, row.parts.journalNs, row.parts.unseenNs, row.tookNs], [200, 100, 700, 1000])
    assert.equal(
      others.map(({ path, bytes, processes }) => [path, bytes, processes.map(({ pid }) => pid)]),
      [['/d/b', 4096, [20]]],
    )
    assert.is(s.explained(1).row.waitedFor, 'own')
  },
)

explained('a synchronous write waits for its own range: what another task writes to the file is left out', () => {
  const s = flushOfA().call('write', 20, '/d/a', 1050, 900).request('app', 20, 1300, 1400)
  assert.equal(s.waits(1), ['ownData app', 'ownData app'])
  s.calls[1] = { ...s.calls[1], call: 'syncWrite' }
  assert.equal(s.waits(1), ['ownData app'])
})

explained('a file whose device nothing shows: only what the call itself queued', () => {
  const s = new Situation()
    .call('flush', 10, '/d/a', 1000, 1000)
    .request('jbd2/sda-8', 99, 1300, 1400, { flags: JOURNAL })
  assert.equal(s.waits(1), [])
})

explained('of very many requests the first are listed, and the rest counted', () => {
  const s = flushOfA()
  for (let k = 0; k < 69; k++) s.request('app', 10, 1200 + k, 1900)
  const { row } = s.explained(1)
  assert.equal([row.blockWrites.length, row.moreBlockWrites, row.writes], [64, 6, 70])
})

explained('of very many files of others the largest twenty are listed', () => {
  const one = flushOfA().explained(1)
  const summary = new ExplainSummary()
  summary.add({
    ...one,
    others: Array.from({ length: 25 }, (_, k) => ({ request: k, path: `/d/${k}`, bytes: k + 1, processes: [] })),
  })
  const { others } = summary.summary()
  assert.equal([others.length, others[0].bytes, others[19].bytes], [20, 25, 6])
})

explained('what two flushes waited for is counted once', () => {
  const one = flushOfA().explained(1)
  const summary = new ExplainSummary()
  const data = { path: '/d/b', bytes: 4096, processes: [{ pid: 20, name: 'app' }] }
  summary.add({ ...one, others: [{ ...data, request: 7 }] })
  summary.add({ ...one, others: [7, 8].map((request) => ({ ...data, request })) })
  assert.equal(summary.summary().others, [{ ...data, bytes: 8192, flushes: 2 }])
})

explained('clocks that agree within a second leave a call no more than a millisecond of slack', () => {
  const slack = (residualNs: number): number => slackOf({ blocks: [{ clock: { residualNs } }] } as unknown as Analysis)
  assert.equal([slack(300_000), slack(5_000_000)], [300_000, 1_000_000])
})

explained.run()
