/** Runs of events in WebAssembly against the plain road: the same rows, facts and diagnostics. */
import { memorySource } from '@flushtrace/trace/memory-source'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BlktraceOptions } from '../src/index.ts'
import { act, be, fixture, named, readAll, record } from './source.ts'

const runs = suite('runs of events')

runs('their code was made from its source', () => {
  const source = readFileSync(new URL('../runs/runs.ts', import.meta.url))
  const code = readFileSync(new URL('../src/runs-code.ts', import.meta.url), 'utf8')
  assert.ok(code.includes(createHash('sha256').update(source).digest('hex')), 'npm run wasm')
})

async function everything(files: readonly Uint8Array[], options: BlktraceOptions, chunk: number): Promise<string[]> {
  const sources = files.map((bytes, k) => memorySource(bytes, `t.blktrace.${k}`, chunk))
  const { rows, facts, diagnostics } = await readAll(sources, options)
  return [...rows, facts, ...diagnostics.rows()].map((one) => JSON.stringify(one))
}

async function same(files: readonly Uint8Array[], what: string, chunk = 1 << 20): Promise<void> {
  for (const actions of [null, [1, 7, 8, 15]]) {
    const short = await everything(files, { actions }, chunk)
    const plain = await everything(files, { actions, plain: true }, chunk)
    const at = short.findIndex((line, k) => line !== plain[k])
    assert.is(at, -1, `${what}: ${short[at]} instead of ${plain[at]}`)
    assert.is(short.length, plain.length, what)
  }
}

runs('a recorded trace', async () => {
  const [first, second] = [0, 1].map((cpu) => fixture(`partition/loop0.blktrace.${cpu}`))
  for (const chunk of [1000, 1 << 20]) await same([first, second], 'partition', chunk)
  await same([first, second, second], 'one CPU twice')
  await same([first.subarray(0, first.length >> 1), second], 'of different lengths')
})

const REMAPPED = be([32, 0x700001], [32, 0x800000], [64, 2048])
const USUAL = {
  ns: 100,
  kind: 1,
  numbers: 1,
  categories: ['write', 'queue', 'sync'] as Parameters<typeof act>[1][],
  sector: 8n,
  bytes: 4096,
  payload: Buffer.alloc(0),
  name: '',
  junk: 0,
  layout: {},
}
type Step = typeof USUAL & Partial<{ device: number; cpu: number; error: number }>

/** What is not as in the most usual event; many of these are usual, too. */
const ODDITIES: readonly Partial<Step>[] = [
  { ns: 0 },
  { ns: 0 },
  { ns: 1 },
  { ns: -50 },
  { ns: 400 * 86_400e9 },
  ...[0, 2, 7, 8, 10, 11, 13, 15, 16, 19, 20, 0x101, 0x20a].map((kind) => ({ kind })),
  ...[13, 15, 0x10d, 0x10f, 10, 11, 0x10a, 1, 0x101].flatMap((kind) => [
    { kind, payload: REMAPPED },
    { kind, payload: be([32, 0x700001], [32, 0], [64, 2 ** 54]) },
    { kind, payload: be([64, 7], [32, 0x700001], [32, 0x800000], [64, 2 ** 53]) },
    { kind, payload: be([64, 2 ** 53]) },
    { kind, payload: be([64, 5], [64, 2 ** 40 + 3]) },
    { kind, payload: be([32, 9]) },
    { kind, payload: Buffer.alloc(6) },
  ]),
  { categories: ['discard', 'write', 'queue'] },
  { categories: ['flush', 'write', 'fua', 'meta', 'ahead', 'pc', 'fs'] },
  { categories: ['read'], bytes: 0 },
  { categories: ['write'], bytes: 0 },
  { numbers: 2 },
  { numbers: 0 },
  { numbers: -3 },
  { device: 0x800010 },
  { cpu: 1 },
  { cpu: 9000 },
  { sector: 2n ** 53n - 1n },
  { sector: 2n ** 53n },
  { sector: 2n ** 64n - 1n },
  { bytes: 0xffff_fe00 },
  { error: -5 },
  { name: 'a' },
  { name: 'b' },
  { layout: { big: true } },
  { layout: { version: 2 } },
  { junk: 5 },
]
const steps = fc.array(fc.tuple(fc.nat(12), fc.constantFrom(...ODDITIES)), { maxLength: 12 })

/** Each oddity comes behind some usual events. */
function fileOf(parts: readonly (readonly [usual: number, oddity: Partial<Step>])[], file: number): Buffer {
  const all = parts.flatMap(([usual, oddity]) => [
    ...Array.from({ length: usual }, () => USUAL),
    { ...USUAL, ...oddity },
  ])
  let time = 1_000_000_000_000
  let sequence = 0
  return Buffer.concat(
    all.flatMap(({ ns, kind, categories, numbers, name, junk, layout, ...fields }: Step, k) => {
      time += ns
      sequence += numbers
      const pid = 40 + (k % 5)
      const action = act(kind, ...categories)
      const event = record({ cpu: file, ...fields, time, action, pid, sequence: Math.max(0, sequence) }, layout)
      return [...(name ? [named(time, pid, name)] : []), event, Buffer.alloc(junk, 7)]
    }),
  )
}

runs('any files', async () => {
  const sets = fc.array(steps, { minLength: 2, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(sets, (files) =>
      same(
        files.map((parts, k) => fileOf(parts, k)),
        'these',
      ),
    ),
    { numRuns: 200 },
  )
})

runs('behind an action that is none, the next event waits for its turn', async () => {
  const at = (cpu: number, ns: number, kind: number, sequence: number): Buffer =>
    record({ time: 1e12 + ns, action: act(kind, 'write', 'queue'), sequence, cpu, bytes: 512 })
  const first = Buffer.concat([at(0, 0, 1, 1), at(0, 300, 1, 2)])
  const second = Buffer.concat([at(1, 100, 0, 1), at(1, 400, 1, 2)])
  const { rows } = await readAll([first, second].map((bytes, k) => memorySource(bytes, `t.blktrace.${k}`)))
  assert.equal(
    rows.map((row) => row.at),
    [0, 300, 400],
  )
  await same([first, second], 'unknown action')
})

runs('numbers that begin anew, and times that stand still', async () => {
  const events = (cpu: number, from: number, stepNs: number): Buffer =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, k) =>
        record({ time: 1e12 + k * stepNs, action: act(1, 'write', 'queue'), sequence: from + k, cpu, bytes: 512 }),
      ),
    )
  await same([events(0, 1, 10), events(1, 2 ** 32 - 50, 10), events(0, 5, 9)], 'numbers')
  await same([events(0, 1, 0), events(1, 1, 0)], 'times')
})

runs.run()
