/** A log is read alike by the thread that keeps the state and by another one, whatever pieces it comes in. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Diagnostics, Threads, TraceError, type Source } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readStrace, tidOfName } from '../src/index.ts'
import { anyBytes } from './any-bytes.ts'
import { everything, read, rowOf, type Row, notOvertaken } from './source.ts'

const ROOT = fileURLToPath(new URL('../../../fixtures/strace/', import.meta.url))
const LOGS = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.txt(\.gz)?$|strace\.\d+$/.test(name))
  .sort()

const threads = suite('threads')
let before: string | undefined

threads.before(() => {
  before = process.env.FLUSHTRACE_THREADS
  process.env.FLUSHTRACE_THREADS = '2'
})
threads.after(() => {
  if (before === undefined) delete process.env.FLUSHTRACE_THREADS
  else process.env.FLUSHTRACE_THREADS = before
})

for (const name of LOGS) {
  threads(name, async () => {
    const raw = readFileSync(join(ROOT, name))
    const bytes = name.endsWith('.gz') ? gunzipSync(raw) : raw
    const tid = name.includes('-ff') ? tidOfName(name) : 0
    const { batch: _, ...one } = await read(bytes, undefined, tid, new Threads(1))
    for (const chunk of [1, 7, 65536]) {
      if (bytes.length / chunk > 20_000) continue
      const { batch: __, ...other } = await read(bytes, chunk, tid, new Threads(2))
      assert.equal({ ...other, rows: [] }, { ...one, rows: [] }, `pieces of ${chunk} bytes`)
      const [rows, others] = [notOvertaken(one.rows), notOvertaken(other.rows)]
      assert.is(others.length, rows.length)
      const differs = rows.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(others[i]))
      if (differs >= 0) assert.equal(others[differs], rows[differs], `pieces of ${chunk} bytes, row ${differs}`)
    }
  })
}

threads('more names than one table holds', async () => {
  const lines = Array.from({ length: 40_000 }, (_, k) => `42 unlink("/srv/some/folder/with/names/${k}") = 0\n`)
  const { rows } = await read(lines.join(''), 65_536, 0, new Threads(2))
  assert.is(rows.length, lines.length)
  assert.ok(rows.every(({ path }, k) => path === `/srv/some/folder/with/names/${k}`))
})

threads('any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.integer({ min: 1, max: 40 }), async (bytes, piece) => {
      const [one, two] = [await read(bytes, piece, 0, new Threads(1)), await read(bytes, piece, 0, new Threads(2))]
      assert.is(everything(two), everything(one))
    }),
    { numRuns: 500 },
  )
})

const LINE = Buffer.from('100 1700000000.000001 fsync(3</srv/x>) = 0 <0.000010>\n')

/** More lines than the batches under way hold, and their reader. */
function endless(chunk: () => Uint8Array): { source: Source; closed: () => boolean } {
  let closed = false
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield chunk()
    } finally {
      closed = true
    }
  }
  return { source: { path: 'x', bytes: 1, compression: null, head: LINE, chunks }, closed: () => closed }
}

const MANY = Buffer.concat(Array.from({ length: 40_000 }, () => LINE))

threads('who stops early stops the other thread and the source, and the thread may be taken again', async () => {
  const { source, closed } = endless(() => MANY)
  const two = new Threads(2)
  for (let round = 0; round < 2; round++) {
    let rows = 0
    for await (const batch of readStrace(source, new Diagnostics(), 0, two).batches) {
      rows += batch.length
      if (rows > 100_000) break
    }
    assert.ok(rows > 100_000)
    for (let turns = 0; turns < 1000 && !closed(); turns++) await new Promise(setImmediate)
    assert.ok(closed())
  }
})

threads('a source that fails is told by its own error', async () => {
  let pieces = 0
  const { source } = endless(() => {
    if (pieces++ === 3) throw new TraceError('source/unreadable', 'gone')
    return MANY
  })
  const { batches } = readStrace(source, new Diagnostics(), 0, new Threads(2))
  await rejects(async () => {
    for await (const batch of batches) assert.ok(batch.length > 0)
  }, 'source/unreadable')
})

/** Reads logs side by side, the next batch each time of the one that `turns` say, then one after the other. */
async function sideBySide(logs: readonly Uint8Array[], piece: number, turns: readonly number[], threads: Threads) {
  const readings = logs.map((bytes) => {
    const diagnostics = new Diagnostics()
    const { batches, facts } = readStrace(memorySource(bytes, 'memory', piece), diagnostics, 0, threads)
    return { diagnostics, facts, rows: [] as Row[], batches: batches[Symbol.asyncIterator]() }
  })
  const next = async ({ rows, batches }: (typeof readings)[number]): Promise<boolean> => {
    const { done, value } = await batches.next()
    if (done) return false
    for (let i = 0; i < value.length; i++) rows.push(rowOf(value, i))
    return true
  }
  for (const turn of turns) await next(readings[turn % readings.length])
  for (const reading of readings) while (await next(reading));
  return readings.map(({ rows, facts, diagnostics }) =>
    everything({ rows, facts, diagnostics: diagnostics.rows(), batch: null }),
  )
}

threads('any logs side by side, by fewer threads than logs', async () => {
  const logs = fc.array(anyBytes, { minLength: 2, maxLength: 5 })
  const turns = fc.array(fc.nat(4), { maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(logs, fc.integer({ min: 1, max: 40 }), turns, async (some, piece, order) => {
      const alone = await Promise.all(some.map((bytes) => read(bytes, piece, 0, new Threads(1))))
      for (const count of [2, 3]) {
        assert.equal(await sideBySide(some, piece, order, new Threads(count)), alone.map(everything))
      }
    }),
    { numRuns: 200 },
  )
})

threads('logs of one thread do not wait for each other', async () => {
  const text = (tid: number) =>
    Array.from({ length: 20_000 }, (_, k) => `${tid} 1700000000.000001 unlink("/srv/${tid}/${k}") = 0 <0.000010>\n`)
  const logs = [1, 2, 3].map((tid) => Buffer.from(text(tid).join('')))
  const alone = await Promise.all(logs.map((bytes) => read(bytes, undefined, 0, new Threads(1))))
  // The first is left with all its batches full until the others are read.
  const turns = [0, ...Array<number>(30).fill(2), ...Array<number>(9).fill(1)]
  for (const piece of [1000, 65_536]) {
    const together = await sideBySide(logs, piece, turns, new Threads(2))
    for (const [k, one] of alone.entries()) assert.ok(together[k] === everything(one), `log ${k}, pieces of ${piece}`)
  }
})

async function rejects(run: () => Promise<void>, code: string): Promise<void> {
  try {
    await run()
  } catch (error) {
    assert.instance(error, TraceError)
    assert.is((error as TraceError).code, code)
    return
  }
  assert.unreachable('nothing was thrown')
}

threads.run()
