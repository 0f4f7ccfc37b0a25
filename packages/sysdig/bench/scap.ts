/**
 * How fast a capture is read, beside `sysdig -r FILE -c topscalls` where sysdig is installed.
 *
 *     npm run bench -- scap
 *     node --conditions=dev --import tsx packages/sysdig/bench/scap.ts FILE
 *
 * Without FILE a capture of 3 million events is made from the samples, in the mix of a busy file server: half of the
 * events are context switches, a fifth are record locks.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Diagnostics, openSources } from '@flushtrace/trace'
import { benchOptions, circumstances, comparison, flushtrace, version } from '../../../scripts/measure-command.ts'
import { readScap } from '../src/index.ts'
import { event, i64, u32 } from '../test/build.ts'

const { size, rounds, rest } = benchOptions()
const EVENTS = 3_000_000 * size
const EVENT_V2 = 0x216
const SWITCH = 152

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
try {
  const path = rest[0] ?? makeCapture(join(folder, 'bench.scap'))
  console.log(circumstances(rounds, version('sysdig')))
  console.log(`Reading alone: ${await readRate(path)} million events a second.\n`)
  const theirs = ['-r', path, '-c', 'topscalls']
  const contenders = [
    flushtrace(['rank', '--json', path], 'flushtrace rank --json'),
    { name: 'sysdig -c topscalls', program: 'sysdig', args: theirs, aim: 4 },
  ]
  console.log(comparison(contenders, rounds))
} finally {
  rmSync(folder, { recursive: true })
}

/** Events a second in millions, the best of the rounds. */
async function readRate(path: string): Promise<string> {
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const diagnostics = new Diagnostics()
    const { sources } = await openSources([path], diagnostics)
    const start = performance.now()
    const { batches, facts } = readScap(sources[0], diagnostics)
    for await (const batch of batches) void batch
    best = Math.max(best, facts.events / (performance.now() - start) / 1000)
  }
  return best.toFixed(1)
}

/** The events of a sample again and again, each followed by a context switch. */
function makeCapture(path: string): string {
  const sample = gunzipSync(
    readFileSync(fileURLToPath(new URL('../../../fixtures/sysdig/attach-samba.scap.gz', import.meta.url))),
  )
  const head: Uint8Array[] = []
  const body: Uint8Array[] = []
  let count = 0
  for (let at = 0; at < sample.length;) {
    const length = sample.readUInt32LE(at + 4)
    const block = sample.subarray(at, at + length)
    if (sample.readUInt32LE(at) === EVENT_V2) {
      const idle = event(SWITCH, [i64(0), i64(0), i64(1), u32(1), u32(1), u32(0)], { tid: block.readUInt32LE(18) })
      block.copy(idle, 10, 10, 18)
      body.push(block, idle)
      count += 2
    } else head.push(block)
    at += length
  }
  const once = Buffer.concat(body)
  writeFileSync(path, Buffer.concat([...head, ...Array.from({ length: Math.ceil(EVENTS / count) }, () => once)]))
  return path
}
