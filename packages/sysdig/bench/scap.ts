/**
 * How fast is a capture read, beside `sysdig -r FILE -c topscalls` where sysdig is installed?
 *
 *     node --conditions=dev --import tsx packages/sysdig/bench/scap.ts [FILE]
 *
 * Without FILE a capture of 3 million events is made from the samples, in the mix of a busy file server: half of the
 * events are context switches, a fifth are record locks.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Diagnostics, openSources } from '@flushtrace/trace'
import { buildCli, comparison } from '../../../scripts/measure-command.ts'
import { readScap } from '../src/index.ts'
import { event, i64, u32 } from '../test/build.ts'

const EVENTS = 3_000_000
const EVENT_V2 = 0x216
const SWITCH = 152

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
try {
  const path = process.argv[2] ?? makeCapture(join(folder, 'bench.scap'))
  for (let run = 0; run < 5; run++) await measure(path)
  if (spawnSync('sysdig', ['--version']).error) console.log('sysdig is not installed: no comparison')
  else {
    buildCli()
    console.log(comparison(['rank', '--json', path], 'sysdig', ['-r', path, '-c', 'topscalls'], 'sysdig -c topscalls'))
  }
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(path: string): Promise<void> {
  const diagnostics = new Diagnostics()
  const { sources } = await openSources([path], diagnostics)
  const start = performance.now()
  const { batches, facts } = readScap(sources[0], diagnostics)
  let rows = 0
  for await (const batch of batches) rows += batch.length
  const ms = performance.now() - start
  const rate = facts.events / ms / 1000
  const memory = process.memoryUsage().rss >> 20
  console.log(
    `${facts.events} events, ${rows} rows in ${Math.round(ms)} ms: ${rate.toFixed(1)} million/s, ${memory} MiB`,
  )
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
