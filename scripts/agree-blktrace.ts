/**
 * Compares what flushtrace reads in block traces with what is known of them.
 *
 *     node --conditions=dev --import tsx scripts/agree-blktrace.ts FOLDER
 *
 * FOLDER holds one folder a recording: NAME.blktrace.CPU; where present blkparse's text of it (blkparse-*.txt, with its
 * totals in *-summary.txt), tracefs.txt (block_bio_queue of the same time), and truth.json with `block.writes`, every
 * queued write, discard and flush as a probe in the kernel saw it. Prints right / total for each comparison; exits 1 when
 * a difference has no explanation. A folder without recordings is no error.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readBlkparse, readBlktrace, readTracefs, sniffBlktrace, type SummaryTable } from '@flushtrace/blktrace'
import { RequestTracker, blockPart } from '@flushtrace/correlate'
import { ACTION, DATALESS, Diagnostics, OP, openSources, type BlockBatch, type Source } from '@flushtrace/trace'

interface Row {
  action: number
  flags: number
  device: number
  sector: number
  bytes: number
  tid: number
  comm: string | null
  /** Since boot where the source tells, else since its first event. */
  atNs: number
  cpu: number
  sequence: number
  error: number
  /** Remap, split, unplug. */
  more: string
}

type TruthWrite = [monoNs: number, sector: number, bytes: number, rwbs: string, pid: number, comm: string, kind: string]

interface Score {
  right: number
  total: number
  /** Why → how often. */
  known: Map<string, number>
  unknown: string[]
}

const SHOWN = 5
/** tracefs prints µs; its events are taken just before or after blktrace's. */
const TRACEFS_SLACK_NS = 1_000_000
/** Text does not tell bios from requests, nor write-zeroes from writes; version 1 of the binary records neither the latter. */
const COMPARED = ~(OP.request | OP.writeZeroes | OP.write)

function score(): Score {
  return { right: 0, total: 0, known: new Map(), unknown: [] }
}

function known(to: Score, why: string): void {
  to.known.set(why, (to.known.get(why) ?? 0) + 1)
}

async function rowsOf(batches: AsyncIterable<BlockBatch>, tracker: RequestTracker | null = null): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of batches) {
    tracker?.apply(batch)
    const base = batch.origin ? batch.origin.seconds * 1e9 + batch.origin.nanos : 0
    for (let i = 0; i < batch.length; i++) {
      const action = batch.action[i]
      rows.push({
        action,
        flags: batch.flags[i],
        device: batch.device[i],
        sector: batch.sector[i],
        bytes: batch.bytes[i],
        tid: batch.tid[i],
        comm: batch.strings.textOrNull(batch.comm[i]),
        atNs: batch.atNs[i] + base,
        cpu: batch.cpu[i],
        sequence: batch.sequence[i],
        error: batch.error[i],
        more: detail(batch, i, action),
      })
    }
  }
  return rows
}

function detail(batch: BlockBatch, i: number, action: number): string {
  if (action === ACTION.remap) return `${batch.fromDevice[i]} ${batch.fromSector[i]}`
  if (action === ACTION.split) return `${batch.splitSector[i]}`
  return action === ACTION.unplug || action === ACTION.unplugTimer ? `${batch.depth[i]}` : ''
}

function show(row: Row | undefined): string {
  return row ? JSON.stringify(Object.values(row)) : 'nothing'
}

/** Row by row: blkparse prints all it knows. */
function compareText(binary: readonly Row[], text: readonly Row[]): Score {
  const result = score()
  result.total = Math.max(binary.length, text.length)
  const zero = binary[0]?.atNs ?? 0
  for (let k = 0; k < result.total; k++) {
    const a = binary[k]
    const b = text[k]
    const same =
      a !== undefined &&
      b !== undefined &&
      a.action === b.action &&
      a.device === b.device &&
      a.bytes === b.bytes &&
      a.tid === b.tid &&
      a.cpu === b.cpu &&
      a.sequence === b.sequence &&
      a.error === b.error &&
      a.more === b.more &&
      a.atNs - zero === b.atNs &&
      (a.flags & ~OP.request) === b.flags &&
      // Not printed for requests of 0 bytes, and with completions and remaps no name.
      (b.sector < 0 || a.sector === b.sector) &&
      (b.comm === null || a.comm === b.comm)
    if (same) result.right++
    else result.unknown.push(`binary ${show(a)} text ${show(b)}`)
  }
  return result
}

const SIDES = ['reads', 'writes'] as const

/** The totals that blkparse prints by CPU, counted its way: by the lowest bit of the operation, flushes as reads. */
function compareTotals(binary: readonly Row[], tables: readonly SummaryTable[]): Score {
  const result = score()
  for (const table of tables) {
    if (table.kind === 'process') continue
    const rows = table.cpu === null ? binary : binary.filter(({ cpu }) => cpu === table.cpu)
    const check = (what: string, said: number | null, found: number): void => {
      if (said === null) return
      result.total++
      if (said === found) result.right++
      else result.unknown.push(`${table.kind} ${table.cpu ?? ''} ${what}: blkparse ${said}, here ${found}`)
    }
    for (const side of SIDES) {
      const own = rows.filter((row) => ((row.flags & (OP.write | DATALESS)) !== 0) === (side === 'writes'))
      const count = (...actions: number[]): Row[] => own.filter(({ action }) => actions.includes(action))
      const kib = (some: readonly Row[]): number =>
        Math.floor(some.reduce((sum, { bytes }) => sum + bytes, 0) / 1024) * 1024
      const steps: [string, SummaryTable['reads']['queued'], Row[]][] = [
        ['queued', table[side].queued, count(ACTION.queue)],
        ['dispatched', table[side].dispatched, count(ACTION.issue)],
        ['completed', table[side].completed, count(ACTION.complete)],
        ['merged', table[side].merged, count(ACTION.backMerge, ACTION.frontMerge)],
      ]
      for (const [name, said, some] of steps) {
        check(`${side} ${name}`, said.count, some.length)
        check(`${side} ${name} bytes`, said.bytes, kib(some))
      }
      check(`${side} requeued`, table[side].requeued, count(ACTION.requeue).length)
    }
    check('unplugs', table.unplugs, rows.filter(({ action }) => action === ACTION.unplug).length)
    check('timer unplugs', table.timerUnplugs, rows.filter(({ action }) => action === ACTION.unplugTimer).length)
  }
  return result
}

/** Queue events: the only block event that these recordings have in tracefs. */
function compareTracefs(binary: readonly Row[], tracefs: readonly Row[]): Score {
  const result = score()
  const waiting = new Map<string, Row[]>()
  const key = (row: Row): string => `${row.device} ${row.sector} ${row.bytes} ${row.tid}`
  for (const row of tracefs) {
    if (row.action !== ACTION.queue) continue
    const same = waiting.get(key(row))
    if (same) same.push(row)
    else waiting.set(key(row), [row])
  }
  for (const row of binary) {
    if (row.action !== ACTION.queue) continue
    result.total++
    const same = waiting.get(key(row))
    const at = nearest(same ?? [], row.atNs)
    const [other] = at < 0 || !same ? [] : same.splice(at, 1)
    if (!other) {
      result.unknown.push(`binary ${show(row)} tracefs nothing`)
      continue
    }
    if ((other.flags & COMPARED) === (row.flags & COMPARED) && other.comm === row.comm) {
      result.right++
      if (other.flags & OP.writeZeroes && row.flags & OP.write) {
        known(result, 'write-zeroes: a write in a version 1 record, N with a length in a tracepoint')
      }
    } else result.unknown.push(`binary ${show(row)} tracefs ${show(other)}`)
  }
  for (const left of waiting.values())
    for (const row of left) result.unknown.push(`binary nothing tracefs ${show(row)}`)
  return result
}

function nearest(rows: readonly Row[], atNs: number): number {
  let best = -1
  let distance = TRACEFS_SLACK_NS
  for (const [k, row] of rows.entries()) {
    if (Math.abs(row.atNs - atNs) >= distance) continue
    best = k
    distance = Math.abs(row.atNs - atNs)
  }
  return best
}

/** Each queued write, discard and flush of the probe: same instant, range, task. */
function compareTruth(binary: readonly Row[], writes: readonly TruthWrite[]): Score {
  const result = score()
  const found = new Map<string, number>()
  for (const row of binary) {
    if (row.action !== ACTION.queue || row.flags & OP.read) continue
    const sector = row.bytes === 0 && row.sector < 0 ? 0 : row.sector
    const key = `${row.atNs} ${sector} ${row.bytes} ${rwbs(row.flags)} ${row.tid} ${row.comm}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  for (const [at, sector, bytes, letters, pid, comm] of writes) {
    result.total++
    const key = `${at} ${sector} ${bytes} ${letters} ${pid} ${comm}`
    const count = found.get(key) ?? 0
    if (count > 0) {
      result.right++
      found.set(key, count - 1)
    } else result.unknown.push(`the probe alone: ${key}`)
  }
  for (const [key, count] of found) if (count > 0) result.unknown.push(`the trace alone: ${key}`)
  return result
}

/** Sums of the request tracker against sums over the probe's list: the device, and each task. */
function compareSums(tracker: RequestTracker, writes: readonly TruthWrite[]): Score {
  const result = score()
  const devices = tracker.summaries()
  const sums = (of: readonly TruthWrite[]): Record<string, number> => ({
    writes: of.filter(([, , bytes, letters]) => bytes > 0 && letters.includes('W')).length,
    bytes: of.filter(([, , , letters]) => letters.includes('W')).reduce((sum, write) => sum + write[2], 0),
    flushes: of.filter(([, , , letters]) => letters.startsWith('F')).length,
    fua: of.filter(([, , , letters]) => /WF/.test(letters)).length,
    discards: of.filter(([, , , letters]) => letters.startsWith('D')).length,
  })
  const check = (what: string, truth: Record<string, number>, mine: Record<string, number>): void => {
    for (const [name, value] of Object.entries(truth)) {
      result.total++
      if (mine[name] === value) result.right++
      else result.unknown.push(`${what} ${name}: probe ${value}, here ${mine[name]}`)
    }
  }
  const discards = devices.reduce((sum, device) => sum + device.discards, 0)
  check('device', sums(writes), { ...blockPart(devices), discards })
  const tasks = devices.flatMap((device) => device.tasks)
  for (const pid of new Set(writes.map((write) => write[4]))) {
    const own = tasks.filter(({ tid }) => tid === pid)
    const mine = { ...blockPart(own), discards: own.reduce((sum, task) => sum + task.discards, 0) }
    check(`task ${pid}`, sums(writes.filter((write) => write[4] === pid)), mine)
  }
  return result
}

/** The letters as blkparse prints them. */
function rwbs(flags: number): string {
  const operation = flags & OP.discard ? 'D' : flags & OP.write ? 'W' : flags & OP.read ? 'R' : 'N'
  return [
    flags & OP.flush ? 'F' : '',
    operation,
    flags & OP.fua ? 'F' : '',
    flags & OP.ahead ? 'A' : '',
    flags & OP.sync ? 'S' : '',
    flags & OP.meta ? 'M' : '',
  ].join('')
}

async function text(path: string): Promise<Source | null> {
  if (!existsSync(path)) return null
  return (await openSources([path], new Diagnostics())).sources[0] ?? null
}

async function compare(folder: string): Promise<Map<string, Score> | null> {
  const names = readdirSync(folder)
  const paths = names.filter((name) => /\.blktrace\.\d+$/.test(name)).map((name) => join(folder, name))
  const diagnostics = new Diagnostics()
  const { sources } = await openSources(paths, diagnostics)
  const traces = sources.filter(({ head }) => sniffBlktrace(head))
  if (traces.length === 0) return null
  const tracker = new RequestTracker(diagnostics)
  const reading = readBlktrace(traces, diagnostics)
  const binary = await rowsOf(reading.batches, tracker)
  const scores = new Map<string, Score>()
  const records = score()
  records.total = reading.facts.records
  records.right = records.total - reading.facts.damaged
  if (records.right < records.total) records.unknown.push(`${reading.facts.damaged} damaged records`)
  scores.set('records', records)
  for (const name of names.filter((file) => /^blkparse-.*\.txt$/.test(file))) {
    const source = await text(join(folder, name))
    if (!source) continue
    const parsed = readBlkparse(source, diagnostics)
    const rows = await rowsOf(parsed.batches)
    if (rows.length > 0) scores.set(`text ${name}`, compareText(binary, rows))
    if (parsed.facts.summary.length > 0) scores.set('totals', compareTotals(binary, parsed.facts.summary))
  }
  const tracefs = await text(join(folder, 'tracefs.txt'))
  if (tracefs) {
    const parsed = readTracefs(tracefs, diagnostics)
    const rows = await rowsOf(parsed.batches)
    if (rows.length > 0) scores.set('tracefs', compareTracefs(binary, rows))
    const lines = score()
    lines.total = parsed.facts.records
    lines.right = lines.total - parsed.facts.damaged - parsed.facts.foreign
    if (lines.right < lines.total) lines.unknown.push(JSON.stringify(diagnostics.rows()))
    scores.set('tracefs lines', lines)
  }
  const truth = join(folder, 'truth.json')
  if (existsSync(truth)) {
    const { block } = JSON.parse(readFileSync(truth, 'utf8')) as { block?: { writes: TruthWrite[] } }
    if (block) {
      scores.set('probe', compareTruth(binary, block.writes))
      scores.set('sums', compareSums(tracker, block.writes))
    }
  }
  for (const row of diagnostics.rows())
    if (row.severity !== 'info') console.log(`  ${row.code} ${row.count} ${row.message}`)
  return scores
}

/** The folders that hold a recording, to any depth. */
function* recordings(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  if (entries.some(({ name }) => /\.blktrace\.\d+$/.test(name))) yield folder
  for (const entry of entries) if (entry.isDirectory()) yield* recordings(join(folder, entry.name))
}

const folder = process.argv[2]
if (!folder || !existsSync(folder)) {
  console.error('usage: agree-blktrace.ts FOLDER')
  process.exit(2)
}
let unexplained = 0
const totals = new Map<string, [right: number, total: number]>()
const reasons = new Map<string, number>()
for (const path of recordings(folder)) {
  const scores = await compare(path)
  if (!scores) continue
  const cells = [...scores].map(([name, { right, total }]) => `${name} ${right}/${total}`)
  console.log(`${path.slice(folder.length).replace(/^\//, '') || '.'}: ${cells.join(' · ')}`)
  for (const [name, { right, total, known: why, unknown }] of scores) {
    const sum = totals.get(name) ?? [0, 0]
    totals.set(name, [sum[0] + right, sum[1] + total])
    for (const [reason, count] of why) reasons.set(reason, (reasons.get(reason) ?? 0) + count)
    unexplained += unknown.length
    for (const line of unknown.slice(0, SHOWN)) console.log(`  ${name}: ${line}`)
    if (unknown.length > SHOWN) console.log(`  ${name}: ${unknown.length - SHOWN} more`)
  }
}
console.log()
for (const [name, [right, total]] of totals) console.log(`${name}: ${right}/${total}`)
for (const [reason, count] of reasons) console.log(`explained: ${count} × ${reason}`)
console.log(`unexplained: ${unexplained}`)
process.exitCode = unexplained > 0 ? 1 : 0
