/** One recording given twice is counted once. */
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { events, inspect, rank } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const copies = suite('copies')
copies.after(() => rmSync(folder, { recursive: true }))

const LOG = 'fixtures/strace/libaio.txt'

/** Flushes, and how many sources were told to be copies. */
async function counted(...paths: string[]): Promise<[flushes: number, copies: number]> {
  const { total, diagnostics } = await rank(paths)
  return [total.flushes.total, diagnostics.find(({ code }) => code === 'source/copy')?.count ?? 0]
}

function inFolder(name: string): string {
  mkdirSync(join(folder, name))
  return join(folder, name)
}

copies('a path named twice, a hard link, a compressed copy', async () => {
  const [alone] = await counted(LOG)
  assert.ok(alone > 0)
  const place = inFolder('same')
  const path = join(place, 'a.txt')
  copyFileSync(LOG, path)
  linkSync(path, join(place, 'b.txt'))
  writeFileSync(join(place, 'a.txt.gz'), gzipSync(readFileSync(path)))
  assert.equal(await counted(path, path), [alone, 1])
  assert.equal(await counted(place), [alone, 2])
  writeFileSync(join(place, 'c.json'), '{"x":1}')
  writeFileSync(join(place, 'd.gz'), Buffer.of(0x1f, 0x8b, 8, 0, 1, 2, 3))
  const { rows } = await inspect([place])
  assert.equal(
    rows.map(({ skipped }) => skipped),
    [
      undefined,
      `a copy of ${path}`,
      `a copy of ${path}`,
      'JSON of no known kind',
      'nothing could be decoded of its gzip data',
    ],
  )
})

copies('files of a -ff set that hold the same lines are of different tasks', async () => {
  const place = inFolder('set')
  for (const pid of [41, 42]) writeFileSync(join(place, `s.${pid}`), 'fsync(3) = 0\n+++ exited with 0 +++\n')
  assert.equal(await counted(place), [2, 0])
})

copies('logs that begin alike and go on differently', async () => {
  const place = inFolder('alike')
  const start = '12 getpid() = 12\n'.repeat(8000)
  writeFileSync(join(place, 'a.txt'), `${start}12 fsync(3) = 0\n`)
  writeFileSync(join(place, 'b.txt'), `${start}12 fsync(3) = 0\n12 fsync(3) = 0\n`)
  assert.equal(await counted(place), [3, 0])
})

copies('a recording as binary, as blkparse text and as tracefs text: each request is one event', async () => {
  const requests = async (...paths: string[]): Promise<number> => {
    let count = 0
    await events(paths, {}, ({ type }) => (count += type === 'block-write' ? 1 : 0))
    return count
  }
  // In `partition` the text is that of the first requests only.
  for (const folder of ['fixtures/blktrace/discard', 'fixtures/blktrace/partition']) {
    const alone = await requests(`${folder}/loop0.blktrace.0`, `${folder}/loop0.blktrace.1`)
    assert.ok(alone > 0)
    assert.is(await requests(folder), alone, folder)
  }
})

copies('what was printed from a sysdig capture, beside it', async () => {
  const of = (...ends: string[]): string[] => ends.map((end) => `fixtures/sysdig/attach-samba${end}`)
  const flushes = async (paths: string[]): Promise<[rank: number, events: number]> => {
    let told = 0
    await events(paths, {}, (event) => {
      if (event.type === 'flush') told++
    })
    return [(await rank(paths)).total.flushes.total, told]
  }
  const [whole, part] = [await flushes(of('.scap.gz')), await flushes(of('.json'))]
  assert.equal(
    [whole, part],
    [
      [176, 176],
      [16, 16],
    ],
  )
  for (const end of ['.json', '.txt', '-epoch.txt']) assert.equal(await flushes(of('.scap.gz', end)), whole, end)
  assert.equal(await flushes(of('.txt', '.json')), part)
  // The same tasks at another time: both count.
  const later = join(inFolder('later'), 'later.txt')
  const text = readFileSync(of('-epoch.txt')[0], 'latin1')
  writeFileSync(later, text.replace(/^(\d+ 17951)7/gm, '$18'))
  assert.equal(await flushes([...of('.scap.gz'), later]), [192, 192])
})

copies.run()
