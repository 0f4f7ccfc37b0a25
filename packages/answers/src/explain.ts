/** What did these flushes wait for? The calls, what the block layer did until they returned, and the time of each part. */
import { RequestTimes } from '@flushtrace/correlate'
import { OP, TraceError, deviceText, parseInstant } from '@flushtrace/trace'
import { rollup, sum } from 'd3-array'
import type { AnalyzeOptions } from './analyze.ts'
import { attribute, type Attributed } from './attribute.ts'
import { documentHead } from './document.ts'
import { Durations } from './durations.ts'
import { rwbsOf } from './events.ts'
import { flushesWithin, splitTime, type Part } from './explain-parts.ts'
import type { BlockWrite, ExplainAnswer, ExplainRow } from './explain-schema.ts'
import { Waits, type Waited } from './explain-waits.ts'
import { fileMatcher, processMatcher, timeFilter } from './filter.ts'
import { FlushList, type Flush } from './flush-list.ts'
import { processOf } from './rank-rows.ts'

export interface ExplainOptions extends AnalyzeOptions {
  /** Number of one flush: its place in the order of entry, from 1. */
  readonly flush?: number
  /** Rows; 0: all. */
  readonly top?: number
}

/** A document stays bounded: sync() may wait for any number of requests. */
const MAX_WRITES = 64
const MAX_OTHERS = 20

/** Rules of evidence that say what could not be known. */
const LIMITS: ReadonlySet<string> = new Set([
  'no-duration',
  'no-block-trace',
  'block-trace-not-aligned',
  'device-unknown',
  'every-device',
  'end-not-seen',
])

/** What explain knows of one flush before it is put into words. */
interface Found {
  readonly row: ExplainRow
  readonly waits: readonly Waited[]
}

export async function explain(paths: readonly string[], options: ExplainOptions): Promise<ExplainAnswer> {
  if (options.process === undefined && options.file === undefined && options.flush === undefined) {
    throw new TraceError('usage', 'explain what? give --process, --file or --flush N (rank shows who flushes)')
  }
  const list = new FlushList()
  const times = new RequestTimes()
  const attributed = await attribute(paths, options, {
    onActivity: (activity, atNs) => list.add(activity, atNs),
    onBlockBatch: (batch, trace, sources) => times.add(batch, trace, sources),
  })
  const flushes = list.inOrder()
  const waits = new Waits(attributed, times, flushes)
  const { analysis } = attributed
  const calls = flushes.length > 0 || analysis.straces.length + analysis.sysdigs.length > 0
  const explainer = new Explainer(attributed, waits)
  const found = calls
    ? ofCalls(flushes, options, analysis, explainer)
    : ofRequests(options, attributed, waits, explainer)
  if (options.flush !== undefined && found.length === 0) {
    const n = calls ? flushes.length : explainer.requests.length
    throw new TraceError('usage', `--flush ${options.flush}: there are ${n} flushes here, and the filters must fit`)
  }
  const rows = found.map(({ row }) => row).sort((a, b) => (b.tookNs ?? 0) - (a.tookNs ?? 0) || a.flush - b.flush)
  const top = options.top ? rows.slice(0, options.top) : rows
  return {
    schema: 'flushtrace/explain/1',
    ...documentHead(analysis),
    of: calls ? 'calls' : 'requests',
    summary: summaryOf(found, explainer),
    rows: top,
    rest: rows.length - top.length,
  }
}

function ofCalls(
  flushes: readonly Flush[],
  options: ExplainOptions,
  analysis: Attributed['analysis'],
  explainer: Explainer,
): Found[] {
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  const ofFile = options.file === undefined ? null : fileMatcher(options.file)
  const inTime = inTimeOf(options, analysis)
  return flushes.flatMap((flush, k) => {
    const { pid, name, argv } = flush.process
    if (options.flush !== undefined && options.flush !== k + 1) return []
    if (ofProcess && !ofProcess(pid, name, argv) && !ofProcess(flush.tid, null, null)) return []
    if (ofFile && !flush.files.some(({ path }) => ofFile(path))) return []
    return inTime && !inTime(flush.startNs) ? [] : [explainer.call(flush, k + 1)]
  })
}

function ofRequests(
  options: ExplainOptions,
  { analysis, blocks, book }: Attributed,
  waits: Waits,
  explainer: Explainer,
): Found[] {
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  const ofFile = options.file === undefined ? null : fileMatcher(options.file)
  const inTime = inTimeOf(options, analysis)
  return explainer.requests.flatMap((request, k) => {
    if (options.flush !== undefined && options.flush !== k + 1) return []
    if (ofProcess && !ofProcess(blocks.tid.data[request], blocks.names.textOrNull(blocks.comm.data[request]), null))
      return []
    if (ofFile && !waits.pieces(request).some(({ file }) => file >= 0 && ofFile(book.at(file).path ?? ''))) return []
    return inTime && !inTime(waits.queuedNs[request]) ? [] : [explainer.request(request, k + 1)]
  })
}

function inTimeOf(options: ExplainOptions, { startedAt }: Attributed['analysis']) {
  return timeFilter(options, () => (startedAt === null ? null : parseInstant(startedAt)))
}

class Explainer {
  /** Requests that carry a flush or FUA, in the order of time. */
  readonly requests: readonly number[]
  readonly #in: Attributed
  readonly #waits: Waits
  readonly #paths: readonly string[]

  constructor(attributed: Attributed, waits: Waits) {
    this.#in = attributed
    this.#waits = waits
    this.#paths = attributed.analysis.capture.sources.map(({ source }) => source.path)
    const { flags } = attributed.blocks
    this.requests = [...waits.requests].filter((request) => flags.data[request] & (OP.flush | OP.fua))
  }

  call(flush: Flush, number: number): Found {
    const timed = !Number.isNaN(flush.startNs) && !Number.isNaN(flush.tookNs)
    const { waits, rule } = timed && this.#waits.placed ? this.#waits.of(flush) : { waits: [], rule: null }
    const reasons: string[] = []
    if (!timed) reasons.push('no-duration')
    else if (this.#in.blocks.length === 0) reasons.push('no-block-trace')
    else if (!this.#waits.placed) reasons.push('block-trace-not-aligned')
    else if (rule) reasons.push(rule)
    const [first, ...others] = flush.files
    const row = this.#row(number, flush.startNs, flush.tookNs, waits, reasons)
    return {
      waits,
      row: {
        ...row,
        call: flush.call,
        process: { ...processOf(flush.process), name: flush.name ?? flush.process.name },
        thread: flush.tid > 0 ? flush.tid : null,
        path: first?.path ?? null,
        otherPaths: others.map(({ path }) => path),
        confidence: flush.confidence,
        evidence: [{ rule: 'call', source: this.#paths[flush.source], at: flush.record }, ...row.evidence],
      },
    }
  }

  request(request: number, number: number): Found {
    const wait = this.#waits.alone(request)
    const { blocks } = this.#in
    const row = this.#row(number, wait.queuedNs, wait.doneNs - wait.queuedNs, [wait], [])
    const write = this.#write(wait)
    const process = { pid: write.pid, name: write.comm, command: null, threads: 1, parent: null }
    const at = { source: this.#paths[blocks.source.data[request]], at: blocks.record.data[request] }
    return {
      waits: [wait],
      row: {
        ...row,
        call: write.rwbs,
        process,
        thread: write.pid,
        path: write.path,
        otherPaths: [],
        confidence: write.confidence,
        evidence: [{ rule: 'request', ...at }, ...row.evidence],
      },
    }
  }

  #row(flush: number, startNs: number, tookNs: number, waits: readonly Waited[], reasons: readonly string[]) {
    const timed = !Number.isNaN(startNs) && !Number.isNaN(tookNs)
    const start = Math.round(startNs)
    const took = Math.max(0, Math.round(tookNs))
    const parts = timed ? splitTime(start, start + took, waits) : splitTime(0, 0, [])
    const bytes = (role: Waited['role']): number =>
      sum(waits, (wait) => (wait.role === role ? this.#in.blocks.bytes.data[wait.request] : 0))
    const deviceFlushTimes = timed ? this.#flushTimes(waits, start, start + took) : []
    const unended = waits.some(({ ended }) => !ended) ? ['end-not-seen'] : []
    const evidence = [...reasons, ...unended].map((rule) => ({ rule, source: null, at: null }))
    return {
      flush,
      atNs: Number.isNaN(startNs) ? null : start,
      tookNs: timed ? took : null,
      parts: named(parts),
      blockWrites: waits.slice(0, MAX_WRITES).map((wait) => this.#write(wait)),
      moreBlockWrites: Math.max(0, waits.length - MAX_WRITES),
      dataBytes: bytes('ownData'),
      othersBytes: bytes('othersData'),
      journalBytes: bytes('journal'),
      writes: waits.filter(({ role }) => role !== 'deviceFlush').length,
      deviceFlushes: deviceFlushTimes.length,
      deviceFlushTimes: deviceFlushTimes.slice(0, MAX_WRITES),
      waitedFor: timed && this.#waits.placed ? waitedFor(waits, startNs) : ('unknown' as const),
      evidence,
    }
  }

  /** Flushes of the devices while a request that asks for one was not done. */
  #flushTimes(waits: readonly Waited[], start: number, end: number): ExplainRow['deviceFlushTimes'] {
    const found = new Map<string, ExplainRow['deviceFlushTimes'][number]>()
    for (const { flushes, queuedNs, doneNs, request } of waits) {
      if (!flushes) continue
      const device = deviceText(this.#in.blocks.rowDevice.data[request]) ?? ''
      for (const k of flushesWithin(flushes, Math.max(start, queuedNs), Math.min(end, doneNs))) {
        const atNs = Math.round(flushes.starts[k])
        found.set(`${device} ${k}`, { device, atNs, tookNs: Math.round(flushes.ends[k]) - atNs })
      }
    }
    return [...found.values()].sort((a, b) => a.atNs - b.atNs)
  }

  #write({ request, role, queuedNs, issuedNs, dataDoneNs, doneNs, ended }: Waited): BlockWrite {
    const { blocks, book, actors } = this.#in
    const pieces = this.#waits.pieces(request)
    const piece = pieces.reduce((most, one) => (one.bytes > most.bytes ? one : most), pieces[0])
    const since = (ns: number): number | null => (Number.isNaN(ns) ? null : Math.round(ns - queuedNs))
    return {
      atNs: Math.round(queuedNs),
      source: this.#paths[blocks.source.data[request]],
      at: blocks.record.data[request],
      device: deviceText(blocks.device.data[request]) ?? '',
      sector: blocks.sector.data[request] >= 0 ? blocks.sector.data[request] : null,
      bytes: blocks.bytes.data[request],
      rwbs: rwbsOf(blocks.flags.data[request], blocks.bytes.data[request]),
      pid: blocks.tid.data[request] > 0 ? blocks.tid.data[request] : null,
      comm: blocks.names.textOrNull(blocks.comm.data[request]),
      role,
      what: piece.what,
      path: piece.file >= 0 ? book.at(piece.file).path : null,
      processes: piece.actors.map((actor) => ({ pid: actors.at(actor).pid, name: actors.at(actor).name })),
      confidence: piece.confidence,
      rule: piece.rule,
      queuedNs: since(issuedNs),
      dataNs: since(dataDoneNs),
      tookNs: ended ? since(doneNs) : null,
    }
  }

  /** Files of the others' data, by path. */
  othersOf(waits: readonly Waited[]): Map<string | null, number> {
    const { book } = this.#in
    const pieces = waits.flatMap(({ role, request }) => (role === 'othersData' ? this.#waits.pieces(request) : []))
    return rollup(
      pieces,
      (group) => sum(group, ({ bytes }) => bytes),
      ({ file }) => (file >= 0 ? book.at(file).path : null),
    )
  }
}

function waitedFor(waits: readonly Waited[], startNs: number): ExplainRow['waitedFor'] {
  if (waits.length === 0) return 'nothing'
  const commit = waits.find(({ role }) => role === 'journal' || role === 'othersData')
  const none = waits.every(({ own, role }) => !own && role !== 'ownData')
  return none && commit && commit.queuedNs < startNs ? 'others' : 'own'
}

function named(parts: Record<Part, number>): ExplainRow['parts'] {
  return {
    ownDataNs: parts.ownData,
    othersDataNs: parts.othersData,
    journalNs: parts.journal,
    deviceFlushNs: parts.deviceFlush,
    queueNs: parts.queue,
    unseenNs: parts.unseen,
  }
}

function summaryOf(found: readonly Found[], explainer: Explainer): ExplainAnswer['summary'] {
  const timed = found.filter(({ row }) => row.tookNs !== null)
  const durations = new Durations()
  for (const { row } of timed) durations.add(row.tookNs ?? 0)
  const known = found.filter(({ row }) => row.waitedFor !== 'unknown')
  const mean = (of: (row: ExplainRow) => number): number | null =>
    known.length === 0 ? null : sum(known, ({ row }) => of(row)) / known.length
  const others = new Map<string | null, { bytes: number; flushes: number }>()
  for (const { waits } of found) {
    for (const [path, bytes] of explainer.othersOf(waits)) {
      const one = others.get(path) ?? { bytes: 0, flushes: 0 }
      others.set(path, { bytes: one.bytes + bytes, flushes: one.flushes + 1 })
    }
  }
  const limits = found.flatMap(({ row }) => row.evidence.map(({ rule }) => rule).filter((rule) => LIMITS.has(rule)))
  const total = (part: keyof ExplainRow['parts']): number => sum(timed, ({ row }) => row.parts[part])
  return {
    flushes: found.length,
    processes: new Set(found.map(({ row: { process } }) => `${process.pid} ${process.name}`)).size,
    timed: timed.length,
    tookNs: durations.summary(),
    parts: {
      ownDataNs: total('ownDataNs'),
      othersDataNs: total('othersDataNs'),
      journalNs: total('journalNs'),
      deviceFlushNs: total('deviceFlushNs'),
      queueNs: total('queueNs'),
      unseenNs: total('unseenNs'),
    },
    dataBytes: mean(({ dataBytes }) => dataBytes),
    writes: mean(({ writes }) => writes),
    deviceFlushes: mean(({ deviceFlushes }) => deviceFlushes),
    empty: found.filter(({ row }) => row.waitedFor === 'nothing').length,
    rode: found.filter(({ row }) => row.waitedFor === 'others').length,
    limits: Object.fromEntries(rollup(limits, ({ length }) => length, String)),
    others: [...others]
      .map(([path, one]) => ({ path, ...one }))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MAX_OTHERS),
  }
}
