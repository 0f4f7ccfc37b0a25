/** One flush put into words: its time by parts, the requests it waited for, and how that is known. */
import { OP, deviceText } from '@flushtrace/trace'
import type { Piece } from '@flushtrace/correlate'
import { sum } from 'd3-array'
import type { Attributed } from './attribute.ts'
import { rwbsOf } from './events.ts'
import { flushesWithin, splitTime, type Part } from './explain-parts.ts'
import type { BlockWrite, ExplainRow } from './explain-schema.ts'
import type { Waited, Waits } from './explain-waits.ts'
import type { Flush } from './flush-list.ts'
import { processOf } from './rank-rows.ts'

/** A document stays bounded: sync() may wait for any number of requests. */
const MAX_WRITES = 64

/** Data of another file that a flush waited for. */
export interface OthersData {
  /** The request that carried it: several flushes may have waited for one. */
  readonly request: number
  /** null: not known whose. */
  readonly path: string | null
  readonly bytes: number
  readonly processes: BlockWrite['processes']
}

/** A row, and what the summary takes of it besides. */
export interface Explained {
  readonly row: ExplainRow
  readonly others: readonly OthersData[]
}

/** What a row is made of: of whom it is, where that stands, and what was waited for. Times NaN: not told. */
type Subject = Pick<ExplainRow, 'call' | 'process' | 'thread' | 'path' | 'otherPaths' | 'confidence'> & {
  readonly at: ExplainRow['evidence'][number]
  readonly startNs: number
  readonly tookNs: number
  readonly waits: readonly Waited[]
  /** How the waits are known, or why they are not. */
  readonly reasons: readonly string[]
  /** The block trace was running. */
  readonly covered: boolean
}

export class Explainer {
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

  /** `full`: with the requests one by one. */
  call(flush: Flush, number: number, full: boolean): Explained {
    const timed = !Number.isNaN(flush.startNs) && !Number.isNaN(flush.tookNs)
    const covered = timed && this.#waits.placed && this.#waits.covers(flush)
    const { waits, rule } = covered ? this.#waits.of(flush) : { waits: [], rule: null }
    const reasons: string[] = []
    if (!timed) reasons.push('no-duration')
    else if (this.#in.blocks.length === 0) reasons.push('no-block-trace')
    else if (!this.#waits.placed) reasons.push('block-trace-not-aligned')
    else if (!covered) reasons.push('outside-block-trace')
    else if (rule) reasons.push(rule)
    if (flush.moved) reasons.push('began-later')
    const [first, ...others] = flush.files
    const process = processOf(flush.process)
    process.name = flush.name ?? process.name
    const row = this.#row(number, full, {
      call: flush.call,
      process,
      thread: flush.tid > 0 ? flush.tid : null,
      path: first?.path ?? null,
      otherPaths: others.map(({ path }) => path),
      confidence: flush.confidence,
      at: { rule: 'call', source: this.#paths[flush.source], at: flush.record },
      startNs: flush.startNs,
      tookNs: flush.tookNs,
      waits,
      reasons,
      covered,
    })
    return { others: this.#othersOf(waits), row }
  }

  request(request: number, number: number, full: boolean): Explained {
    const wait = this.#waits.alone(request)
    const { blocks } = this.#in
    const { pid, comm, path, rwbs, confidence } = this.#write(wait)
    const row = this.#row(number, full, {
      call: rwbs,
      process: { pid, name: comm, command: null, threads: 1, parent: null },
      thread: pid,
      path,
      otherPaths: [],
      confidence,
      at: { rule: 'request', source: this.#paths[blocks.source.data[request]], at: blocks.record.data[request] },
      startNs: wait.queuedNs,
      tookNs: wait.doneNs - wait.queuedNs,
      waits: [wait],
      reasons: [],
      covered: this.#waits.placed,
    })
    return { others: [], row }
  }

  #row(flush: number, full: boolean, subject: Subject): ExplainRow {
    const { startNs, tookNs, waits, reasons, covered } = subject
    const timed = !Number.isNaN(startNs) && !Number.isNaN(tookNs)
    const start = Math.round(startNs)
    const took = Math.max(0, Math.round(tookNs))
    const parts = timed ? splitTime(start, start + took, waits) : splitTime(0, 0, [])
    const bytes = (role: Waited['role']): number =>
      sum(waits, (wait) => (wait.role === role ? this.#in.blocks.bytes.data[wait.request] : 0))
    const deviceFlushTimes = timed ? this.#flushTimes(waits, start, start + took) : []
    const unended = waits.some(({ ended }) => !ended) ? ['end-not-seen'] : []
    const { call, process, thread, path, otherPaths, confidence, at } = subject
    // One literal: objects of so many keys that are put together by spreading cost ten times the memory.
    return {
      flush,
      atNs: Number.isNaN(startNs) ? null : start,
      tookNs: timed ? took : null,
      parts: named(parts),
      blockWrites: waits.slice(0, full ? MAX_WRITES : 0).map((wait) => this.#write(wait)),
      moreBlockWrites: Math.max(0, waits.length - MAX_WRITES),
      dataBytes: bytes('ownData'),
      othersBytes: bytes('othersData'),
      journalBytes: bytes('journal'),
      writes: waits.filter(({ role }) => role !== 'deviceFlush').length,
      deviceFlushes: deviceFlushTimes.length,
      deviceFlushTimes: deviceFlushTimes.slice(0, MAX_WRITES),
      waitedFor: timed && covered ? waitedFor(waits, startNs) : 'unknown',
      evidence: [at, ...[...reasons, ...unended].map((rule) => ({ rule, source: null, at: null }))],
      call,
      process,
      thread,
      path,
      otherPaths,
      confidence,
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
    const { blocks, book } = this.#in
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
      processes: this.#processesOf(piece),
      confidence: piece.confidence,
      rule: piece.rule,
      queuedNs: since(issuedNs),
      dataNs: since(dataDoneNs),
      tookNs: ended ? since(doneNs) : null,
    }
  }

  #othersOf(waits: readonly Waited[]): OthersData[] {
    const { book } = this.#in
    return waits.flatMap(({ role, request }) => {
      if (role !== 'othersData') return []
      return this.#waits.pieces(request).map((piece) => ({
        request,
        path: piece.file >= 0 ? book.at(piece.file).path : null,
        bytes: piece.bytes,
        processes: this.#processesOf(piece),
      }))
    })
  }

  #processesOf({ actors }: Piece): BlockWrite['processes'] {
    return actors.map((actor) => {
      const { pid, name } = this.#in.actors.at(actor)
      return { pid, name }
    })
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
