/**
 * Block writes → files and the processes that made them dirty.
 *
 * Requests, calls and inode events are replayed in the order of time, so that every rule sees what was true when the
 * request was queued. The witnesses, strongest first: events that name inodes (inode-replay.ts), the calls of the task
 * that queued it (call-windows.ts), what stays true of a block on a file system that writes in place (places.ts), and
 * maps by their time (map-claims.ts). Who made it dirty: dirty-pages.ts by events, dirty-files.ts by calls.
 *
 * Invariants
 * 1. Pieces of a request add up to its bytes; what no rule names is `unknown`.
 * 2. `exact` needs an event that names the inode, and a name for the inode that held at that moment.
 * 3. A map alone names only the last write to a block before it was taken, or what nothing can have taken away.
 * 4. On a copy-on-write file system a block does not keep its file: there, only what is announced, called or mapped
 *    afterwards counts.
 */
import type { DiskLayout } from '@flushtrace/layout'
import { DATALESS, OP } from '@flushtrace/trace'
import type { Actors } from './actors.ts'
import type { BlockLog } from './block-log.ts'
import { CALL, type CallLog } from './call-log.ts'
import { CallWindows, OUTSIDE, type Inside, type Queued } from './call-windows.ts'
import { DataRules } from './data-rules.ts'
import { DirtyFiles } from './dirty-files.ts'
import { DirtyPages } from './dirty-pages.ts'
import type { FileBook } from './file-book.ts'
import { GivenBack } from './given-back.ts'
import type { InodeLog } from './inode-log.ts'
import { FileKinds } from './file-kinds.ts'
import { Homes } from './homes.ts'
import { joinInodes, noteRenewals } from './inode-joins.ts'
import { InodeNames } from './inode-names.ts'
import { InodeReplay } from './inode-replay.ts'
import { MapClaims, type TakenAt } from './map-claims.ts'
import { MapEvidence, type Asked } from './map-evidence.ts'
import { learnMaps } from './map-places.ts'
import { signsOf } from './map-signs.ts'
import { leaveOutCopies } from './mirror-copies.ts'
import { tryMaps, type Contradiction, type OwnWrite } from './map-trial.ts'
import { CHECKPOINT, Natures, learnTypes } from './nature.ts'
import { moveLate } from './late-calls.ts'
import { noteLosses } from './losses.ts'
import { PassingWrites } from './passing-writes.ts'
import { NO_FACT, PieceLog, type Verdict } from './piece-log.ts'
import { Places } from './places.ts'
import { FsViews, type FsView, type ViewPiece } from './views.ts'
import { orderOf } from './column.ts'

export interface AttributionInput {
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly actors: Actors
  readonly book: FileBook
  readonly layout: DiskLayout | null
  /** By block trace: its times in ns → ns on the clock that all with a place share; null: it has none on it. */
  readonly placed: readonly (((atNs: number) => number) | null)[]
  /** Whether the times of calls are on that clock, too: where they are not, a call may have been at any time. */
  readonly callsTimed: boolean
  /** How far the clocks of calls and requests may be apart. */
  readonly slackNs: number
  /** How far they are known to be: what an alignment by data leaves open; 0 where notes joined them. */
  readonly doubtNs: number
  /** When a saved map was taken, on the same clock as requests. */
  readonly takenAt: TakenAt
  /** Called now and then: throws where memory does not suffice to go on. */
  readonly look?: () => void
}

/** Requests from one look to the next: a few MB of pieces. */
const LOOK_EVERY = 1 << 14

/** Text of tracepoints has microseconds: an event may stand up to that much after a request that followed it. */
const EVENT_ROUNDING_NS = 1000

/** What a short write takes: clocks that are closer tell it from the next one. */
const SHORT_CALL_NS = 20_000

const NONE: readonly number[] = []

const NO_TIMES = new Float64Array()

export class Attribution {
  /** Maps and mounts that the calls show to be of another machine or time. */
  contradictions: readonly Contradiction[] = []
  readonly pieces = new PieceLog()
  readonly views: FsViews
  readonly #in: AttributionInput
  readonly #windows: CallWindows
  readonly #dirty: DirtyFiles
  readonly #pages = new DirtyPages()
  readonly #places: Places
  readonly #replay: InodeReplay
  /** Calls that began later than their line says, by `lateKey`, and by how many ns. */
  readonly late: ReadonlyMap<string, number>
  /** What saved maps say. */
  readonly claims: MapClaims
  readonly #natures: Natures
  readonly #maps: MapEvidence
  readonly #rules: DataRules
  readonly #passing: PassingWrites
  readonly #mayLieOn: Homes['mayLieOn']
  /** Traces that tell of a request. */
  readonly #requestTraces: readonly number[]
  readonly #blockNs: Float64Array
  /** The same; NaN: nothing puts the trace on the clock that all share. Empty where no map was taken meanwhile. */
  readonly #onClock: Float64Array
  readonly #inodeNs: Float64Array
  readonly #callOrder: Uint32Array
  /** Rows of calls under way that flush. */
  readonly #flushing = new Set<number>()
  readonly #givenBack: GivenBack

  constructor(input: AttributionInput) {
    this.#in = input
    const { calls, book, layout, blocks, inodes, actors } = input
    this.views = new FsViews(layout)
    const { startNs } = calls
    this.#dirty = new DirtyFiles(book)
    this.#places = new Places(book)
    const inodeNames = new InodeNames(book, this.views)
    this.#givenBack = new GivenBack({ pieces: this.pieces, places: this.#places, inodeNames })
    const state = { views: this.views, book, actors, places: this.#places, pages: this.#pages }
    this.#replay = new InodeReplay(inodes, state)
    this.#requestTraces = [...new Set(blocks.trace.values)]
    this.#blockNs = this.#times(blocks.atNs.values, blocks.trace.values, 0)
    const inodeNs = this.#times(inodes.atNs.values, inodes.trace.values, -EVENT_ROUNDING_NS)
    this.#inodeNs = inodeNs.map((ns, row) => (this.#isBesideRequests(inodes.trace.data[row]) ? ns : NaN))
    learnTypes(blocks, this.views)
    const viewOf = (row: number): FsView | null => this.#replay.viewOf(row)
    this.#mayLieOn = new Homes(book, this.views).mayLieOn
    const eventNs = this.#inodeNs.map((ns, row) =>
      input.callsTimed && input.placed[inodes.trace.data[row]] ? ns + EVENT_ROUNDING_NS : NaN,
    )
    this.late = moveLate({ calls, inodes, eventNs, viewOf, mayLieOn: this.#mayLieOn, slackNs: input.slackNs })
    // What was mapped before the trace was so at any time of it.
    this.#callOrder = calls.inOrder().filter((row) => input.callsTimed || startNs.data[row] === -Infinity)
    this.#windows = new CallWindows(calls, this.#callOrder, input.slackNs, input.doubtNs)
    noteLosses(calls, this.#callOrder, input.callsTimed, book)
    noteRenewals(
      { inodes, book, viewOf },
      (row) => this.#replay.inodeOf(row),
      (row) => this.#inodeNs[row] + EVENT_ROUNDING_NS,
    )
    joinInodes({
      inodes,
      calls,
      book,
      windows: this.#windows,
      viewOf,
      atNs: (row) => eventNs[row],
      closeClocks: input.doubtNs < SHORT_CALL_NS,
    })
    // What saved /proc tells was so before.
    if (input.callsTimed) {
      book.callsFromNs = startNs.values.reduce((first, ns) => (ns > -Infinity && ns < first ? ns : first), Infinity)
    }
    this.claims = new MapClaims(book, this.views.all, input.takenAt)
    this.#onClock =
      this.claims.moments.length > 0
        ? this.#blockNs.map((ns, row) => (input.placed[blocks.trace.data[row]] ? ns : NaN))
        : NO_TIMES
    this.#maps = new MapEvidence({
      claims: this.claims,
      blocks,
      atNs: this.#onClock,
      book,
      dirty: this.#dirty,
      mayLieOn: this.#mayLieOn,
    })
    const marks = blocks.flags.values.some((flags) => (flags & OP.meta) !== 0)
    this.#natures = new Natures(this.claims, marks)
    this.#rules = new DataRules({
      ...input,
      mayLieOn: this.#mayLieOn,
      views: this.views,
      pieces: this.pieces,
      dirty: this.#dirty,
      pages: this.#pages,
      places: this.#places,
      replay: this.#replay,
      maps: this.#maps,
      natures: this.#natures,
      kinds: new FileKinds(book, this.views, marks),
      callsFromNs: book.callsFromNs,
      eventNs: (row) => this.#inodeNs[row] + EVENT_ROUNDING_NS,
    })
    this.#passing = new PassingWrites(calls, this.views, this.#mayLieOn)
  }

  /** How often a block was given to another file than an earlier witness told: the later one was believed. */
  get conflicts(): number {
    return this.#rules.conflicts
  }

  /** File systems whose maps from afterwards would have named more, and are not believed: files were written in between. */
  get lateMaps(): ReadonlySet<FsView> {
    return this.#maps.refused
  }

  /** Whether some event that names an inode has its place beside the requests. */
  get eventsPlaced(): boolean {
    return this.#inodeNs.some((ns) => !Number.isNaN(ns))
  }

  run(): void {
    const { blocks, calls, book, placed, callsTimed } = this.#in
    leaveOutCopies(blocks, this.#in.layout, this.#blockNs)
    const requests = blocks.inOrder(this.#blockNs)
    this.#maps.noteWrites(requests, this.views)
    const events = orderOf(this.#inodeNs)
    const { views } = this
    const signed = { ...this.#in, views, claims: this.claims, replay: this.#replay }
    const signs = signsOf(signed, requests, events)
    this.contradictions = tryMaps(this.#ownWrites(requests), signs, book, this.#mayLieOn)
    // Pieces are cut by chunks, which are not believed any more.
    if (this.contradictions.some(({ of }) => of === 'maps')) this.#maps.noteWrites(requests, this.views)
    const mapped = { views, claims: this.claims, places: this.#places, book }
    learnMaps('before', mapped)
    let moment = 0
    const entries = this.#callOrder
    const ends = callsTimed ? orderOf(calls.endNs.values) : new Uint32Array()
    let [entry, end, event] = [0, 0, 0]
    for (let k = 0; k < requests.length; k++) {
      if (k % LOOK_EVERY === 0) this.#in.look?.()
      const request = requests[k]
      const now = this.#blockNs[request]
      for (;;) {
        const entryNs = entry < entries.length ? calls.startNs.data[entries[entry]] : Infinity
        const endNs = end < ends.length ? calls.endNs.data[ends[end]] : Infinity
        const eventNs = event < events.length ? this.#inodeNs[events[event]] : Infinity
        const first = Math.min(endNs, entryNs, eventNs)
        if (first > now || first === Infinity) break
        if (endNs === first) this.#return(ends[end++])
        else if (entryNs === first) this.#enter(entries[entry++])
        else this.#replay.apply(events[event++], eventNs)
      }
      while (this.claims.moments[moment]?.untilNs < this.#onClock[request]) learnMaps(moment++, mapped)
      this.#request(request, callsTimed && !placed[blocks.trace.data[request]] ? NaN : now)
    }
  }

  /** Rows of a log on the answer's clock; their own where the trace cannot be placed: then nothing joins them with calls. */
  #times(atNs: Float64Array, trace: Uint8Array, add: number): Float64Array {
    return atNs.map((ns, i) => (this.#in.placed[trace[i]]?.(ns) ?? ns) + add)
  }

  /** Whether a trace and all that tell of requests have one clock: they have their place beside the calls, or are the same. */
  #isBesideRequests(trace: number): boolean {
    const { placed } = this.#in
    return placed[trace]
      ? this.#requestTraces.every((other) => placed[other])
      : this.#requestTraces.every((other) => other === trace)
  }

  /** Data that tasks queued inside a flush or synchronous write of one file. */
  *#ownWrites(requests: Uint32Array): Generator<OwnWrite> {
    const { blocks, calls } = this.#in
    if (this.#windows.isEmpty) return
    for (const request of requests) {
      const flags = blocks.flags.data[request]
      if ((flags & (OP.meta | DATALESS)) !== 0 || blocks.bytes.data[request] === 0) continue
      const { files, rows } = this.#insideOf(request, this.#blockNs[request])
      if (files.length !== 1 || calls.kind.data[rows[0]] > CALL.syncWrite) continue
      const asked: Asked = { request, now: this.#blockNs[request], seen: 'all' }
      for (const piece of this.#piecesOf(request)) {
        const reserved = this.#natures.isReserved(piece)
        yield { file: files[0], piece, mapped: this.#maps.shownOf(asked, piece), reserved }
      }
    }
  }

  #enter(row: number): void {
    const { calls } = this.#in
    const file = calls.file.data[row]
    const actor = calls.actor.data[row]
    const kind = calls.kind.data[row]
    const atNs = calls.startNs.data[row]
    switch (kind) {
      case CALL.write:
      case CALL.submitted:
      case CALL.dirtied:
        if (file >= 0 && this.#passing.has(row)) this.#dirty.pass(file, actor)
        else if (file >= 0) this.#dirty.write(file, actor, atNs, calls.bytes.data[row])
        break
      case CALL.mapped:
        if (file >= 0) this.#dirty.map(file, actor)
        break
      case CALL.freed:
        this.#givenBack.freed(file, actor)
        break
      case CALL.flush:
      case CALL.flushAll:
      case CALL.syncWrite:
        if (!Number.isNaN(calls.endNs.data[row])) this.#flushing.add(row)
        break
      default:
    }
  }

  #return(row: number): void {
    const { calls } = this.#in
    const file = calls.file.data[row]
    const kind = calls.kind.data[row]
    if (Number.isNaN(calls.endNs.data[row])) return
    if (file >= 0 && this.#passing.has(row)) this.#dirty.passed(file, calls.actor.data[row])
    if (kind !== CALL.flush && kind !== CALL.flushAll && kind !== CALL.syncWrite) return
    this.#flushing.delete(row)
    if (kind === CALL.syncWrite) return
    if (kind === CALL.flushAll) this.#dirty.flushedAll(calls.startNs.data[row])
    else if (file >= 0) this.#dirty.flushed(file, calls.startNs.data[row])
  }

  #piecesOf(request: number): ViewPiece[] {
    const { blocks } = this.#in
    return this.views.pieces(blocks.device.data[request], blocks.sector.data[request], blocks.bytes.data[request])
  }

  /** `now` NaN: at any time of the calls. */
  #request(request: number, now: number): void {
    const { blocks } = this.#in
    const flags = blocks.flags.data[request]
    const bytes = blocks.bytes.data[request]
    const inside = this.#insideOf(request, now)
    if (bytes === 0 || blocks.sector.data[request] < 0) {
      this.#pushBare(request, inside)
      return
    }
    const comm = blocks.names.textOrNull(blocks.comm.data[request])
    const dataless = (flags & DATALESS) !== 0
    const actors = dataless ? this.#discarders(request, inside) : []
    const queued: Queued = { request, now, inside }
    for (const piece of this.#piecesOf(request)) {
      if (dataless) {
        const via = actors.length > 0 ? 'direct' : inside.via
        this.#givenBack.add(request, piece, now, { actors, via, flags })
        continue
      }
      const nature = this.#natures.of(piece, flags, comm)
      if (nature === CHECKPOINT) this.#rules.checkpoint(queued, piece)
      else if (nature) {
        const { what, confidence, rule, origin } = nature
        const actors = this.#flushers(request, inside, piece.view)
        const verdict = { what, confidence, rule, via: inside.via, actors, candidates: NONE }
        this.pieces.add(request, piece, verdict, -1, NaN, { ...NO_FACT, origin })
      } else this.#rules.data(queued, piece)
    }
  }

  /** A program that queues it itself (fstrim). In a flush, and by kernel threads, it is for what was deleted before. */
  #discarders(request: number, { rows }: Inside): readonly number[] {
    const { blocks, actors } = this.#in
    const queued = actors.ofRequest(blocks, request)
    return rows.length > 0 || actors.at(queued).kernel ? [] : [queued]
  }

  /** Asks the device to empty its cache: the flush call that it serves says for which file. */
  #pushBare(request: number, inside: Inside): void {
    const { blocks } = this.#in
    const view = this.views.ofDevice(blocks.device.data[request])
    const file = inside.files.length === 1 ? inside.files[0] : -1
    const verdict: Verdict = {
      what: file >= 0 ? 'file' : 'unknown',
      confidence: file >= 0 ? 'inferred' : 'unknown',
      rule: 'dataless',
      via: inside.via,
      actors: this.#flushers(request, inside, view),
      candidates: NONE,
    }
    this.pieces.add(request, { at: 0, bytes: 0, view }, verdict, file)
  }

  #insideOf(request: number, now: number): Inside {
    const { blocks, calls } = this.#in
    if (this.#windows.isEmpty || !this.#in.placed[blocks.trace.data[request]]) return OUTSIDE
    const rows = this.#windows.at(blocks.tid.data[request], now)
    if (rows.length === 0) return OUTSIDE
    const kind = calls.kind.data[rows[0]]
    const direct = kind === CALL.write || kind === CALL.syncWrite || kind === CALL.submitted
    // sync and syncfs are about every file, whatever descriptor syncfs was given.
    const all = rows.some((row) => calls.kind.data[row] === CALL.flushAll)
    const files = new Set(all ? [] : rows.map((row) => calls.file.data[row]).filter((file) => file >= 0))
    return { rows, files: [...files], via: direct ? 'direct' : 'flush' }
  }

  /** For whom metadata is written: the task's own process, else the only one that is in a flush of this file system. */
  #flushers(request: number, { rows }: Inside, view: FsView): readonly number[] {
    const { blocks, actors, calls } = this.#in
    const submitter = actors.ofRequest(blocks, request)
    if (actors.at(submitter).lone) return []
    if (rows.length > 0) return [calls.actor.data[rows[0]]]
    const flushing = new Set<number>()
    for (const row of this.#flushing) {
      const file = calls.file.data[row]
      if (file < 0 || this.#mayLieOn(file, view)) flushing.add(calls.actor.data[row])
      if (flushing.size > 1) return []
    }
    return [...flushing]
  }
}
