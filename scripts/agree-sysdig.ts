/**
 * Compares the flushes that flushtrace counts in sysdig captures with what is known of them.
 *
 *     node --conditions=dev --import tsx scripts/agree-sysdig.ts FOLDER
 *
 * FOLDER holds one folder a recording: capture.scap or capture.scap.gz, and truth.json with `syscalls` (calls by process
 * and file, from an strace log of the same run). Compared are counts by process and call: sysdig shows no files. Exits 1
 * when a difference has no explanation.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import { System, applyStreams } from '@flushtrace/correlate'
import { readScap } from '@flushtrace/sysdig'
import { Diagnostics, openSources } from '@flushtrace/trace'

interface Truth {
  syscalls?: {
    processes: Record<string, { tgid: string; files: Record<string, Record<string, [number, number, number]>> }>
  }
}

/** pid → call → how often. */
type Counts = Map<string, number>

/** Differences that lie in what sysdig records. */
const KNOWN: readonly { when: (call: string, known: number, found: number) => boolean; why: string }[] = [
  {
    when: (call, known, found) => call === 'syncWrite' && found < known,
    why: 'RWF_SYNC and RWF_DSYNC are flags of pwritev2, which sysdig records without parameters',
  },
]

let wrong = 0
const root = process.argv[2]
if (!root || !existsSync(root)) {
  console.error('agree-sysdig: name the folder that holds the recordings')
  process.exit(2)
}
for (const name of readdirSync(root).sort()) {
  const folder = join(root, name)
  const capture = [join(folder, 'capture.scap'), join(folder, 'capture.scap.gz')].find((path) => existsSync(path))
  const truth = capture === undefined ? null : readTruth(folder)
  if (capture !== undefined && truth?.syscalls) await compare(name, capture, truth.syscalls)
}
process.exit(wrong > 0 ? 1 : 0)

async function compare(name: string, capture: string, truth: NonNullable<Truth['syscalls']>): Promise<void> {
  const found = await countFlushes(capture)
  const known = knownFlushes(truth)
  const keys = [...new Set([...known.keys(), ...found.keys()])].sort()
  let right = 0
  let flushes = 0
  const lines: string[] = []
  for (const key of keys) {
    const a = known.get(key) ?? 0
    const b = found.get(key) ?? 0
    flushes += b
    if (a === b) {
      right++
      continue
    }
    const reason = KNOWN.find(({ when }) => when(key.split(' ')[1], a, b))
    lines.push(`    ${key}: strace ${a}, sysdig ${b}${reason ? `; ${reason.why}` : ''}`)
    if (!reason) wrong++
  }
  console.log(`${name.padEnd(24)} ${String(right).padStart(3)} / ${keys.length} counts, ${flushes} flushes`)
  for (const line of lines) console.log(line)
}

async function countFlushes(path: string): Promise<Counts> {
  const diagnostics = new Diagnostics()
  const counts: Counts = new Map()
  const { sources } = await openSources([path], diagnostics)
  const { batches, processes, start } = readScap(sources[0], diagnostics)
  await start()
  const system = new System({
    diagnostics,
    sourcePaths: [path],
    saved: processes,
    emit: ({ kind, call, task }) => {
      if (kind === 'flush' || kind === 'hint') add(counts, `${task.process.pid} ${call}`, 1)
    },
  })
  await applyStreams([{ source: 0, tid: 0, batches }], system, () => {})
  system.finish()
  const damage = diagnostics.rows().filter(({ severity }) => severity === 'error')
  for (const { message, count } of damage) console.log(`    ${message} (${count})`)
  wrong += damage.length
  return counts
}

/** sysdig shows no results and no flags: failed calls and MS_ASYNC are among its counts. */
function knownFlushes(truth: NonNullable<Truth['syscalls']>): Counts {
  const counts: Counts = new Map()
  for (const { tgid, files } of Object.values(truth.processes)) {
    for (const calls of Object.values(files)) {
      for (const [call, [count]] of Object.entries(calls)) {
        const name = nameOf(call)
        if (name === null) continue
        add(counts, `${tgid} ${name}`, count)
      }
    }
  }
  return counts
}

function nameOf(call: string): string | null {
  if (call.startsWith('sync-write')) return 'syncWrite'
  const match = /^(fsync|fdatasync|msync|sync|syncfs|sync_file_range)\b/.exec(call)
  return match && match[1]
}

function add(counts: Counts, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

function readTruth(folder: string): Truth | null {
  const plain = join(folder, 'truth.json')
  if (existsSync(plain)) return JSON.parse(readFileSync(plain, 'utf8')) as Truth
  if (existsSync(`${plain}.gz`)) return JSON.parse(gunzipSync(readFileSync(`${plain}.gz`)).toString()) as Truth
  return null
}
