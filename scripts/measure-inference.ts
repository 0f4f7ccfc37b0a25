/**
 * How good is the guess at the file behind a flush where a source shows the call alone, as sysdig does
 * (packages/correlate/src/inference.ts)?
 *
 *     node --conditions=dev --import tsx scripts/measure-inference.ts FOLDER
 *
 * FOLDER holds one folder a recording, with truth.json, whose `syscalls.flush_order` has every flush of the run with its
 * file. Where there is a capture.scap it is measured on that: the n-th fsync of a task is its n-th fsync in the truth.
 * Else on strace.txt with descriptor, address and result of every flush hidden. SHOW=1 prints the guesses that are wrong.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { join } from 'node:path'
import { System, applyStreams } from '@flushtrace/correlate'
import { readStrace } from '@flushtrace/strace'
import { readScap, type SysdigReading } from '@flushtrace/sysdig'
import { CALLS as KINDS, Diagnostics, OK, openSources, type CallBatch, type Source } from '@flushtrace/trace'

type Flush = [pid: string, time: number, call: string, path: string | string[] | null, ok: boolean]

interface Truth {
  syscalls?: { flush_order: Flush[] }
}

class Score {
  flushes = 0
  guessed = 0
  right = 0
  listed = 0
}

const CALLS: ReadonlySet<string> = new Set(['fsync', 'fdatasync', 'msync', 'syncfs'])
const byRule = new Map<string, Score>()
const root = process.argv[2]
if (!root || !existsSync(root)) {
  console.error('measure-inference: name the folder that holds the recordings')
  process.exit(2)
}
console.log(`| ${'recording'.padEnd(34)} | flushes | guessed | right | of guessed | listed |`)
console.log(`|${'-'.repeat(36)}|--------:|--------:|------:|-----------:|-------:|`)
const all = new Score()
for (const name of readdirSync(root).sort()) {
  const folder = join(root, name)
  const files = ['capture.scap', 'capture.scap.gz', 'strace.txt', 'strace.txt.gz'].map((file) => join(folder, file))
  const capture = files.find((path) => existsSync(path))
  const truth = capture === undefined ? null : readTruth(folder)
  if (capture === undefined || !truth?.syscalls) continue
  for (const [calls, score] of await measure(capture, truth))
    if (score.flushes > 0) print(`${name} ${capture.includes('.scap') ? 'sysdig' : 'strace'} ${calls}`, score)
}
print('all', all)
console.log()
for (const [rule, score] of [...byRule].sort(([a], [b]) => (a < b ? -1 : 1))) print(rule, score)

async function measure(path: string, truth: Truth): Promise<[string, Score][]> {
  const known = new Map<string, { path: Flush[3]; ok: boolean }[]>()
  for (const [tid, , call, file, ok] of truth.syscalls?.flush_order ?? []) {
    const name = call.split(' ')[0]
    const key = `${tid} ${name}`
    if (CALLS.has(name)) known.set(key, [...(known.get(key) ?? []), { path: file, ok }])
  }
  const scores: [string, Score][] = [
    ['f(data)sync', new Score()],
    ['msync', new Score()],
  ]
  const diagnostics = new Diagnostics()
  const { sources } = await openSources([path], diagnostics)
  const { batches, processes } = await readingOf(sources[0], diagnostics)
  const system = new System({
    diagnostics,
    sourcePaths: [path],
    saved: processes,
    infer: true,
    emit: ({ kind, call, task, targets }) => {
      if (kind !== 'flush' || !CALLS.has(call)) return
      const next = known.get(`${task.tid} ${call}`)?.shift()
      // A flush that strace saw fail, or has no file for, can't be guessed right.
      if (!next || !next.ok || next.path === null) return
      const paths = Array.isArray(next.path) ? next.path : [next.path]
      const rule = targets[0]
        ? `${call === 'msync' ? 'msync' : 'fsync'}: ${targets[0].rule}, ${targets[0].confidence}`
        : `${call}: none`
      let ofRule = byRule.get(rule)
      if (!ofRule) byRule.set(rule, (ofRule = new Score()))
      for (const score of [all, ofRule, scores[call === 'msync' ? 1 : 0][1]]) {
        score.flushes++
        if (targets.length === 0) continue
        score.guessed++
        if (paths.some((file) => same(targets[0].name.path, file))) score.right++
        if (targets.some(({ name }) => paths.some((file) => same(name.path, file)))) score.listed++
        else if (process.env.SHOW && score === all)
          console.log(
            rule,
            paths,
            targets.map(({ name }) => name.path),
          )
      }
    },
  })
  await applyStreams([{ source: 0, tid: 0, batches }], system, () => {})
  system.finish()
  return scores
}

/** A program that ran before the recording has an unknown working directory: its relative names begin there. */
function same(path: string, known: string): boolean {
  const plain = known.replace(/ \(deleted\)$/, '')
  return path === known || path === plain || (!path.startsWith('/') && known.endsWith(`/${path}`))
}

async function readingOf(
  source: Source,
  diagnostics: Diagnostics,
): Promise<Pick<SysdigReading, 'batches' | 'processes'>> {
  if (!source.path.includes('.scap')) {
    return { batches: hidden(readStrace(source, diagnostics).batches), processes: new Map() }
  }
  const reading = readScap(source, diagnostics)
  await reading.start()
  return reading
}

/** What sysdig would not show of a flush is taken away. */
async function* hidden(batches: AsyncIterable<CallBatch>): AsyncGenerator<CallBatch> {
  for await (const batch of batches) {
    for (let i = 0; i < batch.length; i++) {
      const { role } = KINDS[batch.call[i]]
      if (role !== 'flush' && role !== 'msync') continue
      batch.fd[i] = batch.decoration[i] = batch.errno[i] = -1
      batch.addr[i] = batch.size[i] = batch.result[i] = NaN
      batch.outcome[i] = OK
    }
    yield batch
  }
}

function print(name: string, { flushes, guessed, right, listed }: Score): void {
  const percent = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '-')
  const cells = [flushes, guessed, right].map((count) => String(count).padStart(7))
  console.log(
    `| ${name.padEnd(34)} | ${cells.join(' | ')} | ${percent(right, guessed)} | ${percent(listed, flushes)} |`,
  )
}

function readTruth(folder: string): Truth | null {
  const plain = join(folder, 'truth.json')
  if (existsSync(plain)) return JSON.parse(readFileSync(plain, 'utf8')) as Truth
  if (existsSync(`${plain}.gz`)) return JSON.parse(gunzipSync(readFileSync(`${plain}.gz`)).toString()) as Truth
  return null
}
