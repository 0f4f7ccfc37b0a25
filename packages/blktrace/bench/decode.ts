/**
 * Decode rate of binary traces: a fixture's files repeated until they hold at least RECORDS records (5 million), with
 * times and sequence numbers carried on, read from memory. Then whole commands against blkparse and btt on the same
 * bytes, where they are installed.
 *
 *   npm run bench -- blktrace
 *   node --conditions=dev --import tsx packages/blktrace/bench/decode.ts --write FOLDER [RECORDS] [FILE.blktrace.N ...]
 *
 * With --write the set is written to FOLDER instead, for measuring other tools on the same bytes.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Diagnostics, type Source } from '@flushtrace/trace'
import {
  benchOptions,
  circumstances,
  comparison,
  flushtrace,
  isInstalled,
  version,
  type Contender,
} from '../../../scripts/measure-command.ts'
import { readBlktrace } from '../src/index.ts'

const args = process.argv.slice(2)
const folder = args[0] === '--write' ? args.splice(0, 2)[1] : null
const { size, rounds, rest } = benchOptions(5, args)
const wanted = Number(rest[0] ?? 5_000_000 * size)
const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/blktrace/${name}`, import.meta.url))
const files = rest.length > 1 ? rest.slice(1) : [0, 1].map((cpu) => fixture(`partition/loop0.blktrace.${cpu}`))

/** Counts records, and the span of the times of events. */
function measure(bytes: Buffer): { records: number; first: bigint; last: bigint; sequence: number } {
  let records = 0
  let first = 0n
  let last = 0n
  let sequence = 0
  let firstSequence = 0
  for (let p = 0; p + 48 <= bytes.length; p += 48 + bytes.readUInt16LE(p + 46)) {
    records++
    const event = (bytes.readUInt32LE(p + 28) & 0x04000000) === 0
    if (!event) continue
    last = bytes.readBigUInt64LE(p + 8)
    if (first === 0n) first = last
    if (sequence === 0) firstSequence = bytes.readUInt32LE(p + 4)
    sequence = bytes.readUInt32LE(p + 4)
  }
  return { records, first, last, sequence: sequence - firstSequence + 1 }
}

/** The file once, then its events again and again, each time later and with higher numbers. */
function repeat(bytes: Buffer, times: number, stepNs: bigint, stepSequence: number): Buffer {
  const copies = [bytes]
  const events = withoutNotes(bytes)
  for (let turn = 1; turn < times; turn++) {
    const copy = Buffer.from(events)
    for (let p = 0; p + 48 <= copy.length; p += 48 + copy.readUInt16LE(p + 46)) {
      copy.writeBigUInt64LE(copy.readBigUInt64LE(p + 8) + stepNs * BigInt(turn), p + 8)
      copy.writeUInt32LE(copy.readUInt32LE(p + 4) + stepSequence * turn, p + 4)
    }
    copies.push(copy)
  }
  return Buffer.concat(copies)
}

function withoutNotes(bytes: Buffer): Buffer {
  const events: Buffer[] = []
  for (let p = 0, next = 0; p + 48 <= bytes.length; p = next) {
    next = p + 48 + bytes.readUInt16LE(p + 46)
    if ((bytes.readUInt32LE(p + 28) & 0x04000000) === 0) events.push(bytes.subarray(p, next))
  }
  return Buffer.concat(events)
}

function repeated(paths: readonly string[], records: number): { name: string; bytes: Buffer }[] {
  const inputs = paths.map((path) => ({ name: path, bytes: readFileSync(path) }))
  const spans = inputs.map(({ bytes }) => measure(bytes))
  const times = Math.ceil(records / spans.reduce((sum, span) => sum + span.records, 0))
  const first = spans.reduce((least, span) => (span.first < least ? span.first : least), spans[0].first)
  const last = spans.reduce((most, span) => (span.last > most ? span.last : most), 0n)
  return inputs.map(({ name, bytes }, k) => ({
    name,
    bytes: repeat(bytes, times, last - first + 1000n, spans[k].sequence),
  }))
}

/** A source in memory, in pieces as large as a file's. */
function memory(path: string, bytes: Buffer): Source {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += 1 << 20) yield bytes.subarray(start, start + (1 << 20))
  }
  return { path, bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
}

/** Records a second in millions, the best of the rounds. */
async function decodeRate(inputs: readonly { name: string; bytes: Buffer }[]): Promise<string> {
  let best = 0
  for (let turn = 0; turn < rounds; turn++) {
    const started = process.hrtime.bigint()
    const { batches, facts } = readBlktrace(
      inputs.map(({ name, bytes }) => memory(name, bytes)),
      new Diagnostics(),
    )
    for await (const batch of batches) void batch
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    best = Math.max(best, facts.records / seconds)
  }
  return (best / 1e6).toFixed(1)
}

function write(inputs: readonly { name: string; bytes: Buffer }[], to: string): string[] {
  return inputs.map(({ name, bytes }) => {
    const path = join(to, basename(name))
    writeFileSync(path, bytes)
    return path
  })
}

/** Whole commands on the same files: blkparse's statistics with and without its listing, and btt on a merged stream. */
function contenders(paths: readonly string[], set: string): Contender[] {
  const merged = join(set, 'merged')
  if (isInstalled('blkparse')) spawnSync('blkparse', ['-q', '-O', '-D', set, '-i', 'loop0', '-d', merged])
  const blkparse = (...options: string[]): string[] => ['-q', ...options, '-D', set, '-i', 'loop0']
  return [
    flushtrace(['rank', '--json', ...paths], 'flushtrace rank --json'),
    { name: 'blkparse -O -s', program: 'blkparse', args: blkparse('-O', '-s'), aim: 4 },
    { name: 'blkparse -s', program: 'blkparse', args: blkparse('-s') },
    // The merging that it needs first is not counted.
    { name: 'btt', program: 'btt', args: ['-i', merged], cwd: set, aim: 1 },
  ]
}

const inputs = repeated(files, wanted)
if (folder !== null) write(inputs, folder)
else {
  console.log(circumstances(rounds, [...version('blkparse', '-V'), ...version('btt', '-V')]))
  const one = repeated(files.slice(0, 1), wanted)
  console.log(
    `Decoding alone, from memory, in millions of records a second: ${await decodeRate(inputs)} from a file for each CPU, ${await decodeRate(one)} from one file.\n`,
  )
  const set = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
  try {
    console.log(`${(wanted / 1e6).toFixed(1)} million records:\n`)
    console.log(comparison(contenders(write(inputs, set), set), rounds))
  } finally {
    rmSync(set, { recursive: true })
  }
}
