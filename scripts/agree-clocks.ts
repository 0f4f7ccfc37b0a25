/**
 * Compares clocks found from the data with the true ones.
 *
 *     node --conditions=dev --import tsx scripts/agree-clocks.ts FOLDER [--stretch]
 *
 * FOLDER holds one folder a recording: strace logs, NAME.blktrace.CPU, blkparse's text, tracefs.txt, a sysdig capture,
 * and capture.json, which names one instant on CLOCK_MONOTONIC and on the wall clock. Of each pair of sources one is
 * taken for the timeline and the other for a source without a wall clock; both have true places of their own. Prints
 * the error, what was matched and how sure it is; exits 1 when an offset that is believed is off by more than 200 µs.
 *
 * `--stretch`: the second clock runs faster by 0, 50, 200 and -200 ppm. The error is the largest from the first to the last
 * flush that both show, and, after it, that over the whole of the second source; exits 1 when the former is more than
 * 200 µs and more than the residual.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bisectLeft, extent } from 'd3-array'
import { readBlkparse, readBlktrace, readTracefs } from '@flushtrace/blktrace'
import {
  BlockAnchors,
  CallAnchors,
  confidenceOf,
  isSure,
  offsetBeside,
  steadied,
  type PlacedSource,
} from '@flushtrace/correlate'
import { readStrace, tidOfName } from '@flushtrace/strace'
import { readScap } from '@flushtrace/sysdig'
import { Diagnostics, nsBetween, openSources, type CallBatch, type Instant, type Source } from '@flushtrace/trace'

interface Clocked {
  name: string
  anchors: CallAnchors | BlockAnchors
  /** Its last time. */
  endNs: number
  /** True place of its time 0 in ns since the recording's instant; null: nothing tells. */
  trueNs: number | null
}

interface Recording {
  mono: Instant
  real: Instant
}

const LIMIT_NS = 200_000

function recordingOf(folder: string): Recording {
  const text = readFileSync(join(folder, 'capture.json'), 'utf8')
  // As text: ns since 1970 do not fit a double.
  const instant = (key: string): Instant => {
    const digits = new RegExp(`"${key}": *(\\d+)`).exec(text)?.[1].padStart(10, '0') ?? ''
    return { seconds: Number(digits.slice(0, -9)), nanos: Number(digits.slice(-9)) }
  }
  return { mono: instant('start_mono_ns'), real: instant('start_real_ns') }
}

/** Times of day are local: recorded in UTC here. */
function trueNsOf({ clock, origin }: CallBatch, { real }: Recording): number | null {
  if (!origin || clock === 'relative' || clock === 'none') return null
  const day = clock === 'timeOfDay' ? Math.floor(real.seconds / 86_400) * 86_400 : 0
  return nsBetween(real, { seconds: origin.seconds + day, nanos: origin.nanos })
}

async function straceOf(sources: readonly Source[], recording: Recording): Promise<Clocked[]> {
  const all: Clocked[] = []
  for (const source of sources) {
    const tid = tidOfName(source.path)
    all.push(await callsOf('strace', readStrace(source, new Diagnostics(), tid).batches, recording, 0, tid))
  }
  return all
}

async function callsOf(
  name: string,
  batches: AsyncIterable<CallBatch>,
  recording: Recording,
  ppm: number,
  tid = 0,
): Promise<Clocked> {
  const anchors = new CallAnchors()
  let trueNs: number | null = null
  let endNs = 0
  for await (const batch of batches) {
    trueNs ??= trueNsOf(batch, recording)
    endNs = Math.max(endNs, stretch(batch.atNs, batch.length, ppm))
    anchors.add(batch, tid)
  }
  return { name, anchors, trueNs, endNs }
}

/** Returns the last time. */
function stretch(times: Float64Array, length: number, ppm: number): number {
  for (let i = 0; i < length; i++) times[i] = steadied(times[i], ppm)
  return times[length - 1] ?? 0
}

async function othersOf(files: readonly Source[], recording: Recording, ppm = 0): Promise<Clocked[]> {
  const all: Clocked[] = []
  const named = (pattern: RegExp): Source[] => files.filter(({ path }) => pattern.test(basename(path)))
  const diagnostics = new Diagnostics()
  for (const source of named(/\.scap/)) {
    all.push(await callsOf('scap', readScap(source, diagnostics).batches, recording, ppm))
  }
  const binary = named(/\.blktrace\.\d+/)
  const readings = [
    ...(binary.length > 0 ? [{ name: 'blktrace', reading: readBlktrace(binary, diagnostics) }] : []),
    ...named(/^blkparse-(?!.*-summary).*\.txt/).map((source) => {
      return { name: 'blkparse', reading: readBlkparse(source, diagnostics, {}) }
    }),
    ...named(/^tracefs\.txt/).map((source) => ({ name: 'tracefs', reading: readTracefs(source, diagnostics) })),
  ]
  for (const { name, reading } of readings) {
    const anchors = new BlockAnchors()
    let origin: Instant | null = null
    let endNs = 0
    for await (const batch of reading.batches) {
      origin ??= batch.origin
      endNs = Math.max(endNs, stretch(batch.atNs, batch.length, ppm))
      if (batch.inodes) stretch(batch.inodes.atNs, batch.inodes.length, ppm)
      anchors.add(batch)
    }
    // blkparse's time 0 is the first event of the trace it printed.
    const first = origin
      ? nsBetween(recording.mono, origin)
      : (all.find((one) => one.name === 'blktrace')?.trueNs ?? null)
    all.push({ name, anchors, trueNs: first, endNs })
  }
  return all
}

const µs = (ns: number): string => (ns / 1e3).toFixed(1)

async function sourcesOf(folder: string) {
  const recording = recordingOf(folder)
  const files = readdirSync(folder).filter((name) => !/^(?:capture\.json|truth\.json|maps|proc)$/.test(name))
  const { sources } = await openSources(
    files.map((name) => join(folder, name)),
    new Diagnostics(),
  )
  const straces = await straceOf(
    sources.filter(({ path }) => basename(path).startsWith('strace')),
    recording,
  )
  return { straces, othersAt: (ppm: number) => othersOf(sources, recording, ppm) }
}

/** Each source beside those before it. */
function* pairs(straces: Clocked[], bases: Clocked[], others: Clocked[]): Generator<[base: Clocked[], other: Clocked]> {
  for (const [k, other] of others.entries()) {
    if (straces.length > 0) yield [straces, other]
    for (const base of bases.slice(0, k)) yield [[base], other]
  }
}

const placedOf = (base: readonly Clocked[]): PlacedSource[] =>
  base.map(({ anchors, trueNs }) => ({ anchors, offsetNs: trueNs ?? 0, residualNs: 0 }))

async function compare(folder: string): Promise<number> {
  const { straces, othersAt } = await sourcesOf(folder)
  const others = await othersAt(0)
  let wrong = 0
  for (const [base, other] of pairs(straces, others, others)) {
    const placed = placedOf(base)
    const startedAt = performance.now()
    const found = offsetBeside(placed, other.anchors)
    const ms = performance.now() - startedAt
    const pair = `${basename(folder).padEnd(20)} ${base[0].name.padEnd(8)} ${other.name.padEnd(8)}`
    if (!found) {
      console.log(`${pair} nothing in common`)
      continue
    }
    const sure = isSure(found)
    const known = other.trueNs !== null && base.every(({ trueNs }) => trueNs !== null)
    const errorNs = known ? found.offsetNs - other.trueNs! : NaN
    if (sure && Math.abs(errorNs) > LIMIT_NS) wrong++
    console.log(
      `${pair} ${sure ? 'aligned    ' : 'not aligned'} true ${known ? µs(other.trueNs!) : '?'} found ${µs(found.offsetNs)}` +
        ` error ${known ? µs(errorNs) : '?'} µs residual ${µs(found.residualNs)} µs` +
        ` matched ${found.matched} confidence ${confidenceOf(found).toFixed(2)} in ${ms.toFixed(0)} ms`,
    )
  }
  return wrong
}

/** When, on the second source's clock before it was stretched, what both show happened. */
function sharedTimes(base: readonly Clocked[], { anchors, trueNs }: Clocked, ppm: number): number[] {
  return base.flatMap((one) => {
    const shift = one.trueNs! - trueNs!
    const original = (ns: number): number => ns / (1 + ppm / 1e6)
    if (one.anchors.kind === 'block') {
      const { requests } = one.anchors
      return anchors.kind === 'block'
        ? [...anchors.requests].flatMap(([key, [at]]) => (requests.has(key) ? [original(at)] : []))
        : []
    }
    const points = anchors.points()
    return [...one.anchors.windows].flatMap(([tid, { startNs, endNs }]) => {
      const at = points.get(tid)?.map(original) ?? []
      return startNs.flatMap((start, i) => {
        const first = at[bisectLeft(at, start + shift - SLACK_NS)]
        return first <= endNs[i] + shift + SLACK_NS ? [first] : []
      })
    })
  })
}
const SLACK_NS = 50_000
/** The pairs that are promised to be close share so much. */
const SHARED = 20

/** Of a second clock that runs faster by so much. */
async function compareStretched(folder: string): Promise<number> {
  const { straces, othersAt } = await sourcesOf(folder)
  const bases = await othersAt(0)
  let wrong = 0
  for (const ppm of [0, 50, 200, -200]) {
    for (const [base, other] of pairs(straces, bases, await othersAt(ppm))) {
      if (other.trueNs === null || base.some(({ trueNs }) => trueNs === null)) continue
      const shared = sharedTimes(base, other, ppm)
      if (shared.length < SHARED) continue
      const pair = `${basename(folder).padEnd(20)} ${base[0].name.padEnd(8)} ${other.name.padEnd(8)} ${String(ppm).padStart(4)} ppm`
      const [from = 0, to = 0] = extent(shared)
      const spans = `${shared.length} shared in ${seconds(to - from)} of ${seconds(other.endNs)}`
      const found = offsetBeside(placedOf(base), other.anchors)
      if (!found || !isSure(found)) {
        console.log(`${pair} not aligned, ${spans}`)
        continue
      }
      const { offsetNs, driftPpm = 0, residualNs } = found
      const errorAt = (ns: number): number => offsetNs + steadied(steadied(ns, ppm), driftPpm) - (other.trueNs! + ns)
      const largest = (...at: number[]): number => Math.max(...at.map((ns) => Math.abs(errorAt(ns))))
      const error = largest(from, to)
      const verdict = error <= LIMIT_NS ? 'close' : error <= residualNs ? 'covered' : 'WRONG'
      if (verdict === 'WRONG') wrong++
      console.log(
        `${pair} ${verdict.padEnd(7)} told ${(-driftPpm).toFixed(1)} ppm, error ${µs(error)} (${µs(largest(0, other.endNs))})` +
          ` residual ${µs(residualNs)} µs, ${spans}`,
      )
    }
  }
  return wrong
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(2)} s`

const [root, mode] = process.argv.slice(2)
const measure = mode === '--stretch' ? compareStretched : compare
let wrong = 0
for (const name of root && existsSync(root) ? readdirSync(root).sort() : []) {
  const folder = join(root, name)
  if (existsSync(join(folder, 'capture.json'))) wrong += await measure(folder)
}
console.log(`${wrong} believed offsets are off by more than ${µs(LIMIT_NS)} µs`)
if (wrong > 0) process.exitCode = 1
