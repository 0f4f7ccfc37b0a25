/** Our counts against those of blkparse and btt, where they are installed (Debian: blktrace). */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readBlkparse, readBlktrace, type SummaryTable } from '../src/index.ts'
import { act, be, collect, fixture, named, record, type Read, type Row } from './source.ts'

const tool = suite('blkparse itself')
const found = spawnSync('blkparse', ['-V']).status === 0
if (!found) process.stdout.write('  skipped: blkparse is not installed (apt-get install blktrace)\n')

const SETS = ['partition', 'discard'] as const

/** The folder's per-CPU files, copied where blkparse may write. */
function copied(
  name: string,
  files: Record<string, Uint8Array>,
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `flushtrace-${name}-`))
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes)
  return run(folder).finally(() => rmSync(folder, { recursive: true }))
}

function filesOf(set: string): Record<string, Uint8Array> {
  return Object.fromEntries(['loop0.blktrace.0', 'loop0.blktrace.1'].map((file) => [file, fixture(`${set}/${file}`)]))
}

async function binary(files: Record<string, Uint8Array>): Promise<Read> {
  const diagnostics = new Diagnostics()
  const sources = Object.entries(files).map(([file, bytes]) => memorySource(bytes, file))
  return collect(readBlktrace(sources, diagnostics), diagnostics)
}

async function text(folder: string, args: string[]): Promise<Read> {
  const run = spawnSync('blkparse', ['-i', 'loop0', ...args], {
    cwd: folder,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C' },
  })
  const diagnostics = new Diagnostics()
  return collect(readBlkparse(memorySource(run.stdout), diagnostics), diagnostics)
}

/** What text can tell of a row. */
function printed(row: Row): Row {
  const empty = row.bytes === 0 && row.action !== 'C'
  return {
    ...row,
    record: 0,
    comm: row.action === 'C' || row.action === 'A' ? null : row.comm,
    sector: empty ? -1 : row.sector,
  }
}

/** blkparse's own count of a step: reads and writes by the lowest bit of the operation. */
function counted(
  rows: readonly Row[],
  side: 'reads' | 'writes',
  ...actions: string[]
): { count: number; bytes: number } {
  const own = rows.filter(({ action, rwbs }) => actions.includes(action) && /[WDZE]/.test(rwbs) === (side === 'writes'))
  return { count: own.length, bytes: Math.floor(own.reduce((sum, { bytes }) => sum + bytes, 0) / 1024) * 1024 }
}

function totals(rows: readonly Row[], table: SummaryTable): void {
  const own = table.cpu === null ? rows : rows.filter(({ cpu }) => cpu === table.cpu)
  for (const side of ['reads', 'writes'] as const) {
    assert.equal(counted(own, side, 'Q'), table[side].queued)
    assert.equal(counted(own, side, 'D'), table[side].dispatched)
    assert.equal(counted(own, side, 'C'), table[side].completed)
    assert.equal(counted(own, side, 'M', 'F'), table[side].merged)
    assert.is(counted(own, side, 'R').count, table[side].requeued)
  }
  assert.is(own.filter(({ action }) => action === 'U').length, table.unplugs)
  assert.is(own.filter(({ action }) => action === 'UT').length, table.timerUnplugs)
}

for (const set of found ? SETS : []) {
  tool(`${set}: every line, every total`, () =>
    copied(set, filesOf(set), async (folder) => {
      const ours = await binary(filesOf(set))
      const theirs = await text(folder, [])
      assert.equal(theirs.rows.map(printed), ours.rows.map(printed))
      assert.equal(
        theirs.facts.summary.map(({ kind }) => kind),
        ['cpu', 'cpu', 'total'],
      )
      for (const table of theirs.facts.summary) totals(ours.rows, table)
      assert.equal(theirs.codes, {})
    }),
  )

  tool(`${set}: a dump of it (-d) gives the same events`, () =>
    copied(set, filesOf(set), async (folder) => {
      spawnSync('blkparse', ['-q', '-O', '-i', 'loop0', '-d', 'dump'], { cwd: folder })
      const ours = await binary(filesOf(set))
      const dump = await binary({ dump: readFileSync(join(folder, 'dump')) })
      const plain = (row: Row): Row => ({ ...row, record: 0 })
      assert.equal(dump.rows.map(plain), ours.rows.map(plain))
      assert.equal(dump.codes, { 'blktrace/rebased-times': 1 })
      assert.is(dump.clock, 'monotonic')
    }),
  )

  tool(`${set}: a flush of the device is a read to blkparse, none here`, () =>
    copied(set, filesOf(set), async (folder) => {
      const ours = await binary(filesOf(set))
      const flushes = ours.rows.filter(({ action, rwbs }) => action === 'D' && rwbs === 'FN').length
      const { facts } = await text(folder, [])
      assert.is(
        facts.summary.at(-1)?.reads.dispatched.count,
        flushes + ours.rows.filter((row) => row.action === 'D' && /R/.test(row.rwbs)).length,
      )
      assert.ok(flushes > 0)
    }),
  )
}

if (found) {
  tool('events with a cgroup id are lost in blkparse’s text, not here', () => {
    const q = (cgroup: number): number => act(cgroup + 1, 'write', 'queue')
    const files = {
      'loop0.blktrace.0': Buffer.concat([
        named(900, 7, 'dd'),
        record({ time: 1000, action: q(0), pid: 7, sequence: 1, sector: 8, bytes: 4096 }),
        record({ time: 1001, action: q(0x100), pid: 7, sequence: 2, sector: 16, bytes: 4096, payload: be([64, 5]) }),
        record({ time: 1002, action: q(0), pid: 7, sequence: 3, sector: 24, bytes: 4096 }),
      ]),
    }
    return copied('cgroup', files, async (folder) => {
      assert.equal(
        (await binary(files)).rows.map(({ sector }) => sector),
        [8, 16, 24],
      )
      const { rows, facts } = await text(folder, [])
      assert.equal(
        rows.map(({ sector }) => sector),
        [8, 24],
      )
      assert.is(facts.lost, 1)
    })
  })
} else tool.skip('blkparse is not installed', () => {})

tool.run()
