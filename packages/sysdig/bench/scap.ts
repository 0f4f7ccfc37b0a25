/**
 * How fast a capture is read, beside `sysdig -r FILE -c topscalls` where sysdig is installed.
 *
 *     npm run bench -- scap
 *     node --conditions=dev --import tsx packages/sysdig/bench/scap.ts FILE
 *
 * Without FILE captures of 1, 3 and 12 million events are made from the samples, in the mix of a busy file server: half of
 * the events are context switches, a fifth are record locks. What starting costs is a different share of each.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Diagnostics, openSources } from '@flushtrace/trace'
import { benchOptions, circumstances, comparison, flushtrace, size, version } from '../../../scripts/measure-command.ts'
import { readScap } from '../src/index.ts'
import { event, i64, u32 } from '../test/build.ts'

const { size: share, rounds, rest } = benchOptions()
const EVENTS = [1_000_000, 3_000_000, 12_000_000].map((events) => events * share)
const EVENT_V2 = 0x216
const SWITCH = 152

console.log(circumstances(rounds, version('sysdig')))
if (rest.length > 0) await compare(rest[0])
else {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
  try {
    for (const events of EVENTS) await compare(makeCapture(join(folder, 'bench.scap'), events))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function compare(path: string): Promise<void> {
  const { events, perSecond } = await readAlone(path)
  const inMillions = (number: number): string => (number / 1e6).toFixed(1)
  console.log(
    `${inMillions(events)} million events, ${size(statSync(path).size)}; reading alone: ${inMillions(perSecond)} million a second.\n`,
  )
  const theirs = ['-r', path, '-c', 'topscalls']
  const contenders = [
    flushtrace(['rank', '--json', path], 'flushtrace rank --json'),
    { name: 'sysdig -c topscalls', program: 'sysdig', args: theirs, aim: 4 },
  ]
  console.log(`${comparison(contenders, rounds)}\n`)
}

/** How many events, and how many a second in the best of the rounds. */
async function readAlone(path: string): Promise<{ events: number; perSecond: number }> {
  let best = { events: 0, perSecond: 0 }
  for (let round = 0; round < rounds; round++) {
    const diagnostics = new Diagnostics()
    const { sources } = await openSources([path], diagnostics)
    const start = performance.now()
    const { batches, facts } = readScap(sources[0], diagnostics)
    for await (const batch of batches) void batch
    const { events } = facts
    const perSecond = (events / (performance.now() - start)) * 1000
    if (perSecond > best.perSecond) best = { events, perSecond }
  }
  return best
}

/** The events of a sample again and again, each followed by a context switch. */
function makeCapture(path: string, events: number): string {
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
  const file = openSync(path, 'w')
  writeSync(file, Buffer.concat(head))
  for (let written = 0; written < events; written += count) writeSync(file, once)
  closeSync(file)
  return path
}
