/** What did these flushes wait for? The calls, what the block layer did until they returned, and the time of each part. */
import { RequestTimes, lateKey } from '@flushtrace/correlate'
import { TraceError, parseInstant, type DiagnosticKind } from '@flushtrace/trace'
import type { AnalyzeOptions } from './analysis.ts'
import { attribute, type Attributed } from './attribute.ts'
import { UNTOLD_FLUSHES, isCallOn, type WantedDevice } from './device-filter.ts'
import { documentHead } from './document.ts'
import { Explainer, type Explained } from './explain-rows.ts'
import type { ExplainAnswer } from './explain-schema.ts'
import { ExplainSummary } from './explain-summary.ts'
import { Waits } from './explain-waits.ts'
import { fileMatcher, filterOf, processMatcher, timeFilter } from './filter.ts'
import { FlushList, MAX_FLUSHES, type Flush } from './flush-list.ts'
import { isPieceOn, wantedDevice } from './locate.ts'

export interface ExplainOptions extends AnalyzeOptions {
  /** Number of one flush: its place in the order of entry, from 1. */
  readonly flush?: number
  /** Rows; 0: all. */
  readonly top?: number
}

const TOO_MANY: DiagnosticKind = {
  code: 'explain/too-many-flushes',
  severity: 'loss',
  // Not by toLocaleString: every command would load the tables of languages with this line.
  message: `A flush beyond the first ${MAX_FLUSHES} (MAX_FLUSHES) is counted only (together these took {}).`,
  fix: 'give a shorter recording, or a part of it (--since, --until), to have them explained; the limit is fixed',
}

/** What has a number: flushes of calls, or, where no source has calls, requests that carry a flush or FUA. */
interface Subjects {
  readonly of: ExplainAnswer['of']
  readonly count: number
  /** Whether the filters want number k + 1. */
  readonly wanted: (k: number) => boolean
  readonly explain: (k: number, full: boolean) => Explained
}

/** Throws TraceError where nothing says which flushes, or --flush names none. */
export async function explain(paths: readonly string[], options: ExplainOptions): Promise<ExplainAnswer> {
  if ([options.process, options.file, options.device, options.flush].every((one) => one === undefined)) {
    throw new TraceError(
      'usage',
      'explain what? give --process, --file, --device or --flush N (rank shows who flushes)',
    )
  }
  const list = new FlushList()
  const times = new RequestTimes()
  const attributed = await attribute(paths, options, {
    onActivity: (activity, atNs) => list.add(activity, atNs),
    onBlockBatch: (batch, trace, sources) => times.add(batch, trace, sources),
  })
  const { analysis } = attributed
  const flushes = list.inOrder().map((flush) => moved(flush, attributed.attribution.late))
  const { beyond } = list
  if (beyond.flushes > 0) {
    const took = Number.isNaN(beyond.tookNs) ? 'an unknown time' : `${(beyond.tookNs / 1e9).toFixed(3)} s`
    analysis.diagnostics.add(TOO_MANY, null, took, beyond.flushes)
  }
  const waits = new Waits(attributed, times, flushes)
  const explainer = new Explainer(attributed, waits)
  const calls = analysis.straces.length + analysis.sysdigs.length > 0
  const subjects = calls
    ? ofCalls(flushes, options, attributed, explainer)
    : ofRequests(options, attributed, waits, explainer)

  const summary = new ExplainSummary()
  const found: { k: number; tookNs: number }[] = []
  for (let k = 0; k < subjects.count; k++) {
    if ((options.flush !== undefined && options.flush !== k + 1) || !subjects.wanted(k)) continue
    const explained = subjects.explain(k, false)
    summary.add(explained)
    found.push({ k, tookNs: explained.row.tookNs ?? 0 })
  }
  if (options.flush !== undefined && found.length === 0) {
    throw new TraceError(
      'usage',
      `--flush ${options.flush}: there are ${subjects.count} here, and the filters must fit`,
    )
  }
  found.sort((a, b) => b.tookNs - a.tookNs || a.k - b.k)
  const shown = options.top ? found.slice(0, options.top) : found
  return {
    schema: 'flushtrace/explain/1',
    ...documentHead(analysis),
    filter: filterOf(options),
    of: subjects.of,
    summary: summary.summary(),
    beyond: { flushes: beyond.flushes, tookNs: Number.isNaN(beyond.tookNs) ? null : Math.round(beyond.tookNs) },
    rows: shown.map(({ k }) => subjects.explain(k, true).row),
    rest: found.length - shown.length,
  }
}

/** One that began later than its line says is where the file system saw it. */
function moved(flush: Flush, late: ReadonlyMap<string, number>): Flush {
  const lateNs = late.get(lateKey(flush.source, flush.record))
  return lateNs === undefined ? flush : { ...flush, startNs: flush.startNs + lateNs, moved: true }
}

function ofCalls(
  flushes: readonly Flush[],
  options: ExplainOptions,
  attributed: Attributed,
  explainer: Explainer,
): Subjects {
  const { ofProcess, ofFile, inTime, device } = matchersOf(options, attributed.analysis)
  const isOn = device && flushesOn(device, attributed)
  return {
    of: 'calls',
    count: flushes.length,
    wanted: (k) => {
      const { process, tid, files, startNs } = flushes[k]
      if (ofProcess && !ofProcess(process.pid, process.name, process.argv) && !ofProcess(tid, null, null)) return false
      if (ofFile && !files.some(({ path }) => ofFile(path))) return false
      if (inTime && !inTime(startNs)) return false
      return !isOn || isOn(flushes[k])
    },
    explain: (k, full) => explainer.call(flushes[k], k + 1, full),
  }
}

function ofRequests(options: ExplainOptions, attributed: Attributed, waits: Waits, explainer: Explainer): Subjects {
  const { analysis, blocks, book } = attributed
  const { ofProcess, ofFile, inTime, device } = matchersOf(options, analysis)
  const { requests } = explainer
  return {
    of: 'requests',
    count: requests.length,
    wanted: (k) => {
      const request = requests[k]
      const name = blocks.names.textOrNull(blocks.comm.data[request])
      if (ofProcess && !ofProcess(blocks.tid.data[request], name, null)) return false
      if (ofFile && !waits.pieces(request).some(({ file }) => file >= 0 && ofFile(book.at(file).path ?? '')))
        return false
      const whole = { request, at: 0, bytes: blocks.bytes.data[request] }
      if (device && !isPieceOn(device, attributed, whole)) return false
      return !inTime || inTime(waits.queuedNs[request])
    },
    explain: (k, full) => explainer.request(requests[k], k + 1, full),
  }
}

/** By its files and their mounts, else by the requests that were found to be theirs. */
function flushesOn(device: WantedDevice, attributed: Attributed): (flush: Flush) => boolean {
  const { book, analysis } = attributed
  const written = devicesOfFiles(attributed)
  return ({ scope, files, guessed }) => {
    const each = files.map(({ file, path }) => {
      const devices = written.get(book.traced(file, path))
      return device.holds(file, path) ?? (devices ? device.holdsFs({ devices: [...devices] }) : null)
    })
    const on = isCallOn(scope, each, guessed)
    if (on === null) analysis.diagnostics.add(UNTOLD_FLUSHES)
    return on === true
  }
}

/** Where data of each file went, as far as one file is named for it. */
function devicesOfFiles({ attribution: { pieces }, blocks }: Attributed): Map<number, Set<number>> {
  const devices = new Map<number, Set<number>>()
  for (let k = 0; k < pieces.length; k++) {
    const { file, confidence, request } = pieces.row(k)
    if (file < 0 || confidence === 'ambiguous') continue
    const known = devices.get(file) ?? new Set()
    devices.set(file, known.add(blocks.device.data[request]).add(blocks.rowDevice.data[request]))
  }
  return devices
}

function matchersOf(options: ExplainOptions, analysis: Attributed['analysis']) {
  const { startedAt } = analysis
  return {
    ofProcess: options.process === undefined ? null : processMatcher(options.process),
    ofFile: options.file === undefined ? null : fileMatcher(options.file),
    inTime: timeFilter(options, () => (startedAt === null ? null : parseInstant(startedAt))),
    device: options.device === undefined ? null : wantedDevice(options.device, analysis),
  }
}
