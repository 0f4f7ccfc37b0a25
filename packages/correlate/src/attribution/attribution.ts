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
import { CallWindows } from './call-windows.ts'
import { DirtyFiles } from './dirty-files.ts'
import { DirtyPages } from './dirty-pages.ts'
import type { FileBook } from './file-book.ts'
import type { InodeLog } from './inode-log.ts'
import { joinInodes } from './inode-joins.ts'
import { InodeReplay } from './inode-replay.ts'
import { MapClaims, type Claim } from './map-claims.ts'
import { MAX_DIRTY_FILES, MapEvidence, cutOf, offsetOf, writesInPlace } from './map-evidence.ts'
import { Natures, typeByThread } from './nature.ts'
import { PieceLog, type Piece, type Via } from './piece-log.ts'
import { Places, offsetIn, startOf, type Place } from './places.ts'
import { FsViews, type FsView, type ViewPiece } from './views.ts'
import { orderOf } from './column.ts'

export interface AttributionInput {
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly actors: Actors
  readonly book: FileBook
  readonly layout: DiskLayout | null
  /** By block trace: its times in ns → ns since the start of the answer; null: it cannot be placed beside the calls. */
  readonly placed: readonly (((atNs: number) => number) | null)[]
  /** How far the clocks of calls and requests may be apart. */
  readonly slackNs: number
  /** The clocks were joined by notes, not by data. */
  readonly closeClocks: boolean
}

/** Files that a write may be of, told one by one. */
const MAX_NAMED = 8
/** Text of tracepoints has microseconds: an event may stand up to that much after a request that followed it. */
const EVENT_ROUNDING_NS = 1000

/** Which call of the task was under way, and what it says. */
interface Inside {
  /** Rows of the CallLog. */
  readonly rows: readonly number[]
  readonly files: readonly number[]
  readonly via: Via
}

const OUTSIDE: Inside = { rows: [], files: [], via: 'writeback' }

export class Attribution {
  readonly pieces = new PieceLog()
  readonly views: FsViews
  /** Requests whose call and whose block were told to be of different files: the call, being later, was believed. */
  conflicts = 0
  readonly #in: AttributionInput
  readonly #windows: CallWindows
  readonly #dirty: DirtyFiles
  readonly #pages = new DirtyPages()
  readonly #places: Places
  readonly #replay: InodeReplay
  readonly #claims: MapClaims
  readonly #natures: Natures
  readonly #maps: MapEvidence
  readonly #blockNs: Float64Array
  readonly #inodeNs: Float64Array
  readonly #callOrder: Uint32Array
  /** Bytes of a call's range that were queued: the next request of it goes on there. */
  readonly #progress = new Map<number, number>()
  /** Calls under way that flush: actor → how many. */
  readonly #flushing = new Map<number, number>()

  constructor(input: AttributionInput) {
    this.#in = input
    const { calls, book, layout, blocks, inodes, actors } = input
    this.views = new FsViews(layout)
    this.#callOrder = calls.inOrder()
    this.#windows = new CallWindows(calls, this.#callOrder, input.slackNs)
    this.#dirty = new DirtyFiles(book)
    this.#places = new Places(book)
    const state = { views: this.views, book, actors, places: this.#places, pages: this.#pages }
    this.#replay = new InodeReplay(inodes, state)
    this.#blockNs = this.#times(blocks.atNs.values, blocks.trace.values, 0)
    this.#inodeNs = this.#times(inodes.atNs.values, inodes.trace.values, -EVENT_ROUNDING_NS)
    this.#noteFreed()
    this.#learnTypes()
    joinInodes({
      inodes,
      calls,
      book,
      windows: this.#windows,
      viewOf: (row) => this.#replay.viewOf(row),
      atNs: (row) => (input.placed[inodes.trace.data[row]] ? this.#inodeNs[row] + EVENT_ROUNDING_NS : NaN),
      closeClocks: input.closeClocks,
    })
    this.#claims = new MapClaims(book, this.views.all)
    this.#maps = new MapEvidence(this.#claims, this.#places, book, this.#dirty)
    this.#natures = new Natures(
      this.#claims,
      blocks.flags.values.some((flags) => (flags & OP.meta) !== 0),
    )
  }

  run(): void {
    const { blocks, calls } = this.#in
    const requests = blocks.inOrder(this.#blockNs)
    this.#maps.noteWrites(blocks, requests, (request) => this.#piecesOf(request))
    this.#learnMapsBefore()
    const entries = this.#callOrder
    const ends = orderOf(calls.endNs.values)
    const events = orderOf(this.#inodeNs)
    let [entry, end, event] = [0, 0, 0]
    for (const request of requests) {
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
      this.#request(request, now)
    }
  }

  /** Rows of a log on the answer's clock; their own where the trace cannot be placed: then nothing joins them with calls. */
  #times(atNs: Float64Array, trace: Uint8Array, add: number): Float64Array {
    return atNs.map((ns, i) => (this.#in.placed[trace[i]]?.(ns) ?? ns) + add)
  }

  /** All of them at first: whether a block was freed later is asked of every write. */
  #noteFreed(): void {
    const { calls, book } = this.#in
    for (const row of this.#callOrder) {
      if (calls.kind.data[row] !== CALL.freed) continue
      book.free(calls.file.data[row], calls.startNs.data[row], calls.offset.data[row])
    }
  }

  #learnTypes(): void {
    const { blocks } = this.#in
    const comms = new Map<string, FsView>()
    for (let i = 0; i < blocks.length; i++) {
      const comm = blocks.names.textOrNull(blocks.comm.data[i])
      if (looksLikeBtrfs(blocks.flags.data[i], blocks.sector.data[i], blocks.bytes.data[i])) {
        this.views.ofDevice(blocks.device.data[i]).type ??= 'btrfs'
      }
      if (comm === null || comms.has(comm) || !typeByThread(comm) || (blocks.flags.data[i] & OP.meta) === 0) continue
      const [piece] = this.views.pieces(blocks.device.data[i], Math.max(0, blocks.sector.data[i]), 512)
      piece.view.type ??= typeByThread(comm)
      comms.set(comm, piece.view)
    }
  }

  /** On a file system that writes in place, a block is still the file's that had it before the trace. */
  #learnMapsBefore(): void {
    for (const view of this.views.all) {
      if (!writesInPlace(view)) continue
      this.#claims.all(view, 'before', (claim) => {
        if (claim.encoded) return
        const space = this.#places.spaceOf(view, { address: claim.start, device: view.devices[0] ?? -1 })
        this.#places.set(space, claim.start, claim.end, placeOf(claim, 'before', -Infinity))
      })
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
        if (file >= 0) this.#dirty.write(file, actor, atNs, calls.bytes.data[row])
        break
      case CALL.mapped:
        if (file >= 0) this.#dirty.map(file, actor)
        break
      case CALL.flush:
      case CALL.flushAll:
      case CALL.syncWrite:
        if (!Number.isNaN(calls.endNs.data[row])) this.#flushing.set(actor, (this.#flushing.get(actor) ?? 0) + 1)
        break
      default:
    }
  }

  #return(row: number): void {
    const { calls } = this.#in
    const file = calls.file.data[row]
    const kind = calls.kind.data[row]
    if (kind !== CALL.flush && kind !== CALL.flushAll && kind !== CALL.syncWrite) return
    if (Number.isNaN(calls.endNs.data[row])) return
    const actor = calls.actor.data[row]
    const flushing = (this.#flushing.get(actor) ?? 1) - 1
    if (flushing > 0) this.#flushing.set(actor, flushing)
    else this.#flushing.delete(actor)
    if (kind === CALL.flushAll) this.#dirty.flushedAll(calls.startNs.data[row])
    else if (file >= 0) this.#dirty.flushed(file, calls.startNs.data[row])
  }

  #piecesOf(request: number): ViewPiece[] {
    const { blocks } = this.#in
    return this.views.pieces(blocks.device.data[request], blocks.sector.data[request], blocks.bytes.data[request])
  }

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
    for (const piece of this.#piecesOf(request)) {
      if ((flags & DATALESS) !== 0) {
        this.#push(request, piece, { what: 'free', rule: 'dataless', confidence: 'inferred', via: inside.via })
        continue
      }
      const nature = this.#natures.of(piece, flags, comm)
      if (nature) this.#push(request, piece, { ...nature, via: inside.via, actors: this.#flushers(inside) })
      else this.#data(request, piece, now, inside)
    }
  }

  /** Asks the device to empty its cache: the flush call that it serves says for which file. */
  #pushBare(request: number, inside: Inside): void {
    const { blocks } = this.#in
    const view = this.views.ofDevice(blocks.device.data[request])
    const piece = { at: 0, bytes: 0, view, device: blocks.device.data[request], byte: NaN, address: null, holds: null }
    const file = inside.files.length === 1 ? inside.files[0] : -1
    this.#push(request, piece, {
      what: file >= 0 ? 'file' : 'unknown',
      file,
      rule: 'dataless',
      confidence: file >= 0 ? 'inferred' : 'unknown',
      via: inside.via,
      actors: this.#flushers(inside),
    })
  }

  #insideOf(request: number, now: number): Inside {
    const { blocks, calls } = this.#in
    if (!this.#in.placed[blocks.trace.data[request]]) return OUTSIDE
    const rows = this.#windows.at(blocks.tid.data[request], now)
    if (rows.length === 0) return OUTSIDE
    const kind = calls.kind.data[rows[0]]
    const direct = kind === CALL.write || kind === CALL.syncWrite || kind === CALL.submitted
    const files = rows.map((row) => calls.file.data[row]).filter((file) => file >= 0)
    return { rows, files, via: direct ? 'direct' : 'flush' }
  }

  /** For whom metadata is written: the task's own process, else the only one that is in a flush. */
  #flushers({ rows }: Inside): readonly number[] {
    if (rows.length > 0) return [this.#in.calls.actor.data[rows[0]]]
    return this.#flushing.size === 1 ? [...this.#flushing.keys()] : []
  }

  #data(request: number, piece: ViewPiece, now: number, inside: Inside): void {
    const space = this.#places.spaceOf(piece.view, piece)
    const start = startOf(piece)
    const known: { from: number; to: number; place: Place | null }[] = []
    this.#places.within(space, start, start + piece.bytes, now, piece.view.blockBytes, (from, to, place) =>
      known.push({ from, to, place }),
    )
    for (const { from, to, place } of known) {
      const part = cutOf(piece, from, to)
      if (place?.kind === 'placed') this.#pushPlaced(request, part, place, now, inside)
      else this.#unplaced(request, part, place, now, inside)
    }
  }

  #pushPlaced(request: number, piece: ViewPiece, place: Place, now: number, inside: Inside): void {
    const { book } = this.#in
    const file = this.#fileOf(place.inode, now)
    const { inode, view } = book.inodeAt(place.inode)
    const fileOffset = offsetIn(place, startOf(piece))
    const dirtied = this.#pages.written(view, inode, place.linear ? fileOffset : NaN, piece.bytes)
    this.#push(request, piece, {
      what: 'file',
      file,
      fileOffset,
      rule: 'placed',
      confidence: book.isCalled(place.inode, now) ? 'exact' : 'snapshot',
      source: place.source,
      record: place.record,
      via: inside.via,
      actors: this.#writersOf(request, file, dirtied, inside),
    })
  }

  /** The file that an inode is at a moment, with the name that the lists give where calls give none. */
  #fileOf(inode: number, now: number): number {
    const { book } = this.#in
    const file = book.fileOf(inode, now)
    const { path, traced } = book.at(file)
    if (path !== null || traced) return file
    const { view, root, inode: number } = book.inodeAt(inode)
    const names = this.views.all[view].fs?.namesOf(number, root) ?? []
    const last = names.at(-1)
    if (!last) return file
    const named = book.mapped(view, last.path, number, root, last.time.when === 'before')
    return named
  }

  #unplaced(request: number, piece: ViewPiece, place: Place | null, now: number, inside: Inside): void {
    const { book, blocks } = this.#in
    const tid = blocks.tid.data[request]
    const announced = this.#replay.take(tid, piece.bytes)
    if (announced && announced.view === piece.view) {
      const file = this.#fileOf(announced.inode, now)
      this.#pushFile(request, piece, now, inside, {
        file,
        fileOffset: announced.offset,
        rule: 'announced',
        confidence: inside.files.includes(file) && book.isCalled(announced.inode, now) ? 'exact' : 'inferred',
        row: announced.row,
        inode: announced.inode,
      })
      return
    }
    const sync = this.#syncOf(tid, now, inside)
    if (sync >= 0) {
      const inode = this.#replay.inodeOf(sync)
      if (inode >= 0) {
        const file = this.#fileOf(inode, now)
        const kept = place?.file === file ? offsetIn(place, startOf(piece)) : NaN
        const run = this.#pages.runOf(piece.view.index, book.inodeAt(inode).inode, piece.bytes)
        this.#pushFile(request, piece, now, inside, {
          file,
          fileOffset: Number.isNaN(kept) ? run : kept,
          rule: 'sync-event',
          confidence: place?.file === file ? 'snapshot' : 'inferred',
          row: sync,
          inode,
        })
        return
      }
    }
    const here = inside.files.filter((file) => this.#mayLieOn(file, piece.view))
    if (here.length === 1) this.#pushCalled(request, piece, place, now, inside, here[0])
    else if (place && (here.length === 0 || here.includes(place.file)))
      this.#pushKept(request, piece, place, now, inside)
    else this.#byMaps(request, piece, now, inside, here)
  }

  /** The fsync event that the task is in; its end is the end of the call where no event tells of it. */
  #syncOf(tid: number, now: number, { rows }: Inside): number {
    const sync = this.#replay.syncOf(tid)
    if (sync < 0) return -1
    if (rows.length === 0) return this.#in.calls.length > 0 ? -1 : sync
    return this.#in.calls.startNs.data[rows[0]] <= this.#inodeNs[sync] + EVENT_ROUNDING_NS ? sync : -1
  }

  #pushCalled(request: number, piece: ViewPiece, place: Place | null, now: number, inside: Inside, file: number): void {
    const { calls } = this.#in
    const row = inside.rows.find((one) => calls.file.data[one] === file) as number
    if (place && place.file >= 0 && place.file !== file) this.conflicts++
    const kept = place?.file === file ? offsetIn(place, startOf(piece)) : NaN
    const claim = Number.isNaN(kept) ? this.#maps.claimOn(request, piece, file) : null
    const offset = !Number.isNaN(kept) ? kept : claim ? offsetOf(claim, piece) : this.#nextOffset(row, piece.bytes)
    this.#pushFile(request, piece, now, inside, {
      file,
      fileOffset: offset,
      rule: 'own-call',
      confidence: 'inferred',
      source: calls.source.data[row],
      record: calls.record.data[row],
    })
  }

  /** A write at a known offset queues its range from the front, in whole pages. */
  #nextOffset(row: number, bytes: number): number {
    const { calls } = this.#in
    const kind = calls.kind.data[row]
    if (kind !== CALL.write && kind !== CALL.syncWrite && kind !== CALL.submitted) return NaN
    const done = this.#progress.get(row) ?? 0
    this.#progress.set(row, done + bytes)
    const offset = calls.offset.data[row]
    return (kind === CALL.syncWrite ? Math.floor(offset / 4096) * 4096 : offset) + done
  }

  #pushKept(request: number, piece: ViewPiece, place: Place, now: number, inside: Inside): void {
    this.#pushFile(request, piece, now, inside, {
      file: place.file,
      fileOffset: offsetIn(place, startOf(piece)),
      rule: 'kept-place',
      confidence: place.kind === 'before' ? 'snapshot' : 'inferred',
      source: place.source,
      record: place.record,
      origin: place.origin,
    })
  }

  #byMaps(request: number, piece: ViewPiece, now: number, inside: Inside, among: readonly number[]): void {
    const mayLieOn = (file: number, view: FsView): boolean => this.#mayLieOn(file, view)
    const parts = this.#maps.partsOf(request, piece, now, this.#in.calls.length > 0, mayLieOn)
    const named = new Set(parts.flatMap(({ believed }) => (believed ? [believed.file] : [])))
    const whole = named.size === 1 && this.#in.blocks.step.data[request] === 0
    for (const { piece: part, believed, claims, last } of parts) {
      if (believed) {
        this.#pushFile(request, part, now, inside, {
          file: believed.file,
          fileOffset: offsetOf(believed, part),
          rule: last ? 'map-after' : 'map-both',
          confidence: 'snapshot',
          origin: believed.source,
        })
      } else if (whole) {
        const [file] = named
        this.#pushFile(request, part, now, inside, {
          file,
          fileOffset: NaN,
          rule: 'same-request',
          confidence: 'inferred',
        })
      } else this.#amongDirty(request, part, now, inside, among, claims)
    }
  }

  /** No witness of the block itself: whichever file was dirty. */
  #amongDirty(
    request: number,
    piece: ViewPiece,
    now: number,
    inside: Inside,
    among: readonly number[],
    claims: readonly Claim[],
  ): void {
    const candidates = among.length > 0 ? [...among] : this.#candidates(piece, now, claims)
    if (candidates.length === 1) {
      this.#pushFile(request, piece, now, inside, {
        file: candidates[0],
        fileOffset: NaN,
        rule: 'only-dirty',
        confidence: 'inferred',
      })
      return
    }
    if (candidates.length > 1 && candidates.length <= MAX_NAMED) {
      this.#push(request, piece, { what: 'file', rule: 'one-of', confidence: 'ambiguous', via: inside.via, candidates })
      return
    }
    this.#push(request, piece, { what: 'unknown', rule: 'none', confidence: 'unknown', via: inside.via })
  }

  #candidates(piece: ViewPiece, now: number, claims: readonly Claim[]): number[] {
    const { book } = this.#in
    if (!this.#in.placed.some((placed) => placed)) return []
    const complete = writesInPlace(piece.view) && this.#claims.has(piece.view, 'after')
    const candidates: number[] = []
    let n = 0
    for (const { file } of this.#dirty.all()) {
      if (++n > MAX_DIRTY_FILES) return []
      if (!this.#mayLieOn(file, piece.view)) continue
      // It has all its blocks still, and the map says that this is none of them.
      const keeps =
        complete && !book.freedBetween(file, now, Infinity, Infinity) && book.at(file).traced?.deleted !== true
      if (keeps && !claims.some((claim) => claim.file === file)) continue
      candidates.push(file)
    }
    return candidates
  }

  #mayLieOn(file: number, view: FsView): boolean {
    const { book } = this.#in
    let on = book.viewOf(file)
    if (on < 0) {
      const path = book.at(file).path
      on = (path === null ? null : this.views.ofPath(path))?.index ?? -1
      if (on >= 0) book.setView(file, on)
    }
    // A path below no known mount point lies elsewhere where this file system's own mount point is known.
    return on < 0 ? !view.fs || view.fs.mountpoints.length === 0 : on === view.index
  }

  #pushFile(
    request: number,
    piece: ViewPiece,
    now: number,
    inside: Inside,
    found: Pick<Piece, 'file' | 'fileOffset' | 'rule' | 'confidence'> &
      Partial<Pick<Piece, 'source' | 'record' | 'origin'>> & { row?: number; inode?: number },
  ): void {
    const { inodes, book } = this.#in
    const { file, fileOffset, row = -1 } = found
    const inode = found.inode === undefined || found.inode < 0 ? book.at(file).inode : book.inodeAt(found.inode).inode
    const dirtied = inode === null ? [] : this.#pages.written(piece.view.index, inode, fileOffset, piece.bytes)
    this.#push(request, piece, {
      what: 'file',
      file,
      fileOffset,
      rule: found.rule,
      confidence: found.confidence,
      source: found.source ?? (row >= 0 ? inodes.source.data[row] : -1),
      record: found.record ?? (row >= 0 ? inodes.record.data[row] : -1),
      origin: found.origin ?? null,
      via: inside.via,
      actors: this.#writersOf(request, file, dirtied, inside),
    })
    // After the last write to a block nothing asks for it any more.
    if (!writesInPlace(piece.view) || found.rule === 'map-after') return
    const start = startOf(piece)
    this.#places.set(this.#places.spaceOf(piece.view, piece), start, start + piece.bytes, {
      kind: 'kept',
      file,
      inode: -1,
      fileOffset,
      start,
      linear: true,
      atNs: now,
      source: found.source ?? -1,
      record: found.record ?? -1,
      origin: found.origin ?? null,
    })
  }

  /** By pages where events tell; else who wrote to the file since it was clean, else who has it mapped. */
  #writersOf(request: number, file: number, dirtied: readonly number[], inside: Inside): readonly number[] {
    if (dirtied.length > 0) return dirtied
    const { blocks, actors, calls } = this.#in
    const { wrote, mapped } = this.#dirty.writersOf(file)
    const own = inside.rows.length > 0 ? calls.actor.data[inside.rows[0]] : -1
    // A task that flushes what it has mapped made it dirty more likely than all others that have it mapped.
    if (own >= 0 && mapped.includes(own)) return wrote.length > 0 ? [...wrote, own] : [own]
    if (wrote.length > 0) return wrote
    if (mapped.length > 0) return mapped
    if (own >= 0) return [own]
    const submitter = actors.ofTid(blocks.tid.data[request], blocks.names.textOrNull(blocks.comm.data[request]))
    return actors.at(submitter).kernel ? [] : [submitter]
  }

  #push(
    request: number,
    piece: ViewPiece,
    found: Partial<Piece> & Pick<Piece, 'what' | 'rule' | 'confidence' | 'via'>,
  ): void {
    this.pieces.push(request, {
      file: -1,
      fileOffset: NaN,
      source: -1,
      record: -1,
      origin: null,
      actors: [],
      candidates: [],
      ...found,
      at: piece.at,
      bytes: piece.bytes,
      view: piece.view.index,
    })
  }
}

/** Its first superblock: 4 KiB at 64 KiB, as metadata, past the cache. */
function looksLikeBtrfs(flags: number, sector: number, bytes: number): boolean {
  return sector === 128 && bytes === 4096 && (flags & OP.meta) !== 0 && (flags & OP.fua) !== 0
}

function placeOf(claim: Claim, kind: Place['kind'], atNs: number): Place {
  const { file, fileOffset, start, source } = claim
  return { kind, file, inode: -1, fileOffset, start, linear: true, atNs, source: -1, record: -1, origin: source }
}
