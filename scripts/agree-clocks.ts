/**
 * Compares clocks found from the data with the true ones.
 *
 *     node --conditions=dev --import tsx scripts/agree-clocks.ts FOLDER
 *
 * FOLDER holds one folder a recording: strace logs, NAME.blktrace.CPU, blkparse's text, tracefs.txt, a sysdig capture,
 * and capture.json, which names one instant on CLOCK_MONOTONIC and on the wall clock. Of each pair of sources one is
 * taken for the timeline and the other for a source without a wall clock; both have true places of their own. Prints
 * the error, what was matched and how sure it is; exits 1 when an offset that is believed is off by more than 200 µs.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readBlkparse, readBlktrace, readTracefs } from '@flushtrace/blktrace'
import { BlockAnchors, CallAnchors, confidenceOf, isSure, offsetBeside } from '@flushtrace/correlate'
import { readStrace, tidOfName } from '@flushtrace/strace'
import { readScap } from '@flushtrace/sysdig'
import { Diagnostics, nsBetween, openSources, type CallBatch, type Instant, type Source } from '@flushtrace/trace'

interface Clocked {
  name: string
  anchors: CallAnchors | BlockAnchors
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
    const anchors = new CallAnchors()
    let trueNs: number | null = null
    for await (const batch of readStrace(source, new Diagnostics(), tid).batches) {
      trueNs ??= trueNsOf(batch, recording)
      anchors.add(batch, tid)
    }
    all.push({ name: 'strace', anchors, trueNs })
  }
  return all
}

async function othersOf(files: readonly Source[], recording: Recording): Promise<Clocked[]> {
  const all: Clocked[] = []
  const named = (pattern: RegExp): Source[] => files.filter(({ path }) => pattern.test(basename(path)))
  const diagnostics = new Diagnostics()
  for (const source of named(/\.scap/)) {
    const anchors = new CallAnchors()
    let trueNs: number | null = null
    for await (const batch of readScap(source, diagnostics).batches) {
      trueNs ??= trueNsOf(batch, recording)
      anchors.add(batch)
    }
    all.push({ name: 'scap', anchors, trueNs })
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
    for await (const batch of reading.batches) {
      origin ??= batch.origin
      anchors.add(batch)
    }
    // blkparse's time 0 is the first event of the trace it printed.
    const first = origin
      ? nsBetween(recording.mono, origin)
      : (all.find((one) => one.name === 'blktrace')?.trueNs ?? null)
    all.push({ name, anchors, trueNs: first })
  }
  return all
}

const µs = (ns: number): string => (ns / 1e3).toFixed(1)

async function compare(folder: string): Promise<number> {
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
  const others = await othersOf(sources, recording)
  let wrong = 0
  for (const [k, other] of others.entries()) {
    for (const base of [straces, ...others.slice(0, k).map((one) => [one])]) {
      if (base.length === 0) continue
      const placed = base.map((one) => ({ anchors: one.anchors, offsetNs: one.trueNs ?? 0, residualNs: 0 }))
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
  }
  return wrong
}

const [root] = process.argv.slice(2)
let wrong = 0
for (const name of root && existsSync(root) ? readdirSync(root).sort() : []) {
  const folder = join(root, name)
  if (existsSync(join(folder, 'capture.json'))) wrong += await compare(folder)
}
console.log(`${wrong} believed offsets are off by more than ${µs(LIMIT_NS)} µs`)
if (wrong > 0) process.exitCode = 1
