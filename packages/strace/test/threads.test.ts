/** A log is read alike by the thread that keeps the state and by another one, whatever pieces it comes in. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Diagnostics, Threads, TraceError, type Source } from '@flushtrace/trace'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readStrace, tidOfName } from '../src/index.ts'
import { anyBytes } from './any-bytes.ts'
import { everything, read } from './source.ts'

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
      assert.is(other.rows.length, one.rows.length)
      const differs = one.rows.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(other.rows[i]))
      if (differs >= 0) assert.equal(other.rows[differs], one.rows[differs], `pieces of ${chunk} bytes, row ${differs}`)
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

threads('one thread keeps the state; who has least to read gets the next log', () => {
  const file = (bytes: number): Source => ({ ...endless(() => MANY).source, bytes })
  assert.is(new Threads(1).take(file(1 << 30)), -1)
  const three = new Threads(3)
  assert.equal(
    [40, 10, 20, 20].map((bytes) => three.take(file(bytes))),
    [0, 1, 1, 1],
  )
  three.giveBack(0, file(40))
  assert.is(three.take(file(1)), 0)
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
