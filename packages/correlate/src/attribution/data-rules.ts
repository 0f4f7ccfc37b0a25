/**
 * The rules by which a write of file data is given to its file, and to those who made it dirty: the witnesses in the
 * order in which they are believed. docs/decisions/0006-whose-block.md says why in that order.
 */
import { PAGE_BYTES } from '@flushtrace/trace'
import type { Actors } from './actors.ts'
import type { BlockLog } from './block-log.ts'
import { CALL, type CallLog } from './call-log.ts'
import type { Inside, Queued } from './call-windows.ts'
import { Completeness } from './completeness.ts'
import type { DirtyFiles } from './dirty-files.ts'
import type { DirtyPages } from './dirty-pages.ts'
import { filesCalled, hidesNodes, isOwnInode, ownBlock } from './f2fs-nodes.ts'
import type { FileBook, Known } from './file-book.ts'
import type { FileKinds } from './file-kinds.ts'
import type { InodeLog } from './inode-log.ts'
import { InodeNames } from './inode-names.ts'
import type { InodeReplay } from './inode-replay.ts'
import type { Claim } from './map-claims.ts'
import { MAX_DIRTY_FILES, offsetOf, onlyFileOf, writesInPlace, type Asked, type MapEvidence } from './map-evidence.ts'
import type { Natures } from './nature.ts'
import { NO_FACT, type Fact, type Piece, type PieceLog, type Verdict, type Via } from './piece-log.ts'
import { cutOf, offsetIn, startOf, type Place, type Places } from './places.ts'
import type { FsView, FsViews, ViewPiece } from './views.ts'

/** Files that a write may be of, told one by one. */
const MAX_NAMED = 8

const NONE: readonly number[] = []

/** How sure a place is that an event told, by how the file of its inode is known. */
const PLACED_AS: Readonly<Record<Known, Piece['confidence']>> = {
  called: 'exact',
  doubtful: 'inferred',
  listed: 'snapshot',
  unknown: 'snapshot',
}

/** What they name may be none. */
const BY_MAPS: ReadonlySet<Piece['rule']> = new Set(['kept-place', 'map-after', 'map-both', 'same-request'])

/** What the replay has come to when the request is queued. */
export interface DataState {
  readonly calls: CallLog
  readonly blocks: BlockLog
  readonly inodes: InodeLog
  readonly actors: Actors
  readonly book: FileBook
  readonly callsTimed: boolean
  readonly views: FsViews
  readonly pieces: PieceLog
  readonly dirty: DirtyFiles
  readonly pages: DirtyPages
  readonly places: Places
  readonly replay: InodeReplay
  readonly maps: MapEvidence
  readonly natures: Natures
  readonly kinds: FileKinds
  readonly mayLieOn: (file: number, view: FsView) => boolean
  /** The first call; Infinity without any. */
  readonly callsFromNs: number
  /** When an inode event was, on the answer's clock. */
  readonly eventNs: (row: number) => number
}

/** What a rule found of a piece. All of it is always told, in one order: a million are made, and objects that differ cost more. */
interface Found extends Pick<Piece, 'rule' | 'confidence' | 'file' | 'fileOffset'> {
  readonly fact: Fact
  /** FileBook's number of the inode that an event named; -1: none did. */
  readonly inode: number
}

function nothing(via: Via): Verdict {
  return { what: 'unknown', confidence: 'unknown', rule: 'none', via, actors: NONE, candidates: NONE }
}

function unproven(rule: 'same-request' | 'only-dirty', file: number): Found {
  return { rule, confidence: 'inferred', file, fileOffset: NaN, fact: NO_FACT, inode: -1 }
}

export class DataRules {
  /** Pieces given to another file than the one that had the block by an earlier witness: the later one was believed. */
  conflicts = 0
  readonly #in: DataState
  readonly #inodeNames: InodeNames
  readonly #completeness: Completeness
  /** The file that had the block of the piece in hand, by what is known from before; -1: none is known. */
  #earlier = -1
  /** Bytes of a call's range that were queued: the next request of it goes on there. */
  readonly #progress = new Map<number, number>()

  constructor(state: DataState) {
    this.#in = state
    this.#inodeNames = new InodeNames(state.book, state.views)
    this.#completeness = new Completeness(state)
  }

  data(queued: Queued, piece: ViewPiece): void {
    const { now } = queued
    const space = this.#in.places.spaceOf(piece.view, piece)
    const start = startOf(piece)
    if (space.isFree(start, start + piece.bytes)) return this.#unplaced(queued, piece, null)
    const known: { from: number; to: number; place: Place | null }[] = []
    this.#in.places.within(space, start, start + piece.bytes, now, piece.view.blockBytes, (from, to, place) =>
      known.push({ from, to, place }),
    )
    for (const { from, to, place } of known) {
      const part = cutOf(piece, from, to)
      if (place && this.#in.places.isSure(place)) this.#pushPlaced(queued, part, place)
      else this.#unplaced(queued, part, place && this.#keptOf(place, piece.view, now))
    }
  }

  /** A place that an event told, after which events were lost: like any other that was learned. */
  #keptOf(place: Place, view: FsView, now: number): Place | null {
    if (place.kind !== 'placed') return place
    const { file } = this.#inodeNames.fileOf(place.inode, now)
    const isKept = writesInPlace(view) && this.#in.book.freedFrom(file, place.atNs, now) === Infinity
    return isKept ? { ...place, kind: 'kept', file } : null
  }

  /** Data or metadata that a journal gave back: only a map from afterwards tells, which shows no file where metadata is. */
  checkpoint(queued: Queued, piece: ViewPiece): void {
    if (this.#in.maps.shownOf(this.#asked(queued, piece), piece) !== null) this.#byMaps(queued, piece, NONE)
    else this.#in.pieces.add(queued.request, piece, nothing(queued.inside.via))
  }

  #pushPlaced(queued: Queued, piece: ViewPiece, place: Place): void {
    const { book } = this.#in
    const { file, known } = this.#inodeNames.fileOf(place.inode, queued.now)
    const { inode, view } = book.inodeAt(place.inode)
    if (isOwnInode(piece.view, inode)) {
      return this.#in.pieces.add(queued.request, piece, ownBlock(queued.inside.via), -1, NaN, place)
    }
    const fileOffset = offsetIn(place, startOf(piece))
    const dirtied = this.#in.pages.written(view, inode, place.linear ? fileOffset : NaN, piece.bytes)
    const confidence = PLACED_AS[known]
    const found = { rule: 'placed', confidence, file, fileOffset, fact: place, inode: place.inode } as const
    this.#push(queued, piece, found, dirtied)
  }

  #unplaced(queued: Queued, piece: ViewPiece, place: Place | null): void {
    const { request, now, inside } = queued
    const { book, blocks } = this.#in
    this.#earlier = place?.file ?? -1
    const tid = blocks.tid.data[request]
    const announced = this.#in.replay.take(tid, piece.bytes)
    if (announced && announced.view === piece.view) {
      const { file, known } = this.#inodeNames.fileOf(announced.inode, now)
      this.#pushFile(queued, piece, {
        rule: 'announced',
        confidence: inside.files.includes(file) && known === 'called' ? 'exact' : 'inferred',
        file,
        fileOffset: announced.offset,
        fact: this.#eventFact(announced.row),
        inode: announced.inode,
      })
      return
    }
    const sync = this.#syncOf(tid, now, inside)
    if (sync >= 0) {
      const inode = this.#in.replay.inodeOf(sync)
      if (inode >= 0) {
        const { file } = this.#inodeNames.fileOf(inode, now)
        const kept = place?.file === file ? offsetIn(place, startOf(piece)) : NaN
        const run = this.#in.pages.runOf(piece.view.index, book.inodeAt(inode).inode, piece.bytes)
        this.#pushFile(queued, piece, {
          rule: 'sync-event',
          confidence: place?.file === file ? 'snapshot' : 'inferred',
          file,
          fileOffset: Number.isNaN(kept) ? run : kept,
          fact: this.#eventFact(sync),
          inode,
        })
        return
      }
    }
    const here = inside.files.length === 0 ? NONE : filesCalled(this.#in, piece, inside)
    if (here.length === 1) this.#pushCalled(queued, piece, place, here[0])
    else if (place && here.includes(place.file)) this.#pushKept(queued, piece, place)
    else if (place && here.length === 0) this.#byPlace(queued, piece, place)
    else this.#byMaps(queued, piece, here)
  }

  /**
   * The block was a file's. Where a map from afterwards shows it to be another's, or nobody's, it has changed hands, before
   * this write or after: calls show when, as far as they reach.
   */
  #byPlace(queued: Queued, piece: ViewPiece, place: Place): void {
    const { request, now } = queued
    const { maps, book } = this.#in
    const owner = maps.ownerAfter(piece)
    const agrees = (): boolean => owner === place.file || maps.nextAgrees(request, piece, place.file)
    if (!this.#isWatched(now) && maps.tellAfter(piece.view) && !(agrees() && maps.staysWith(place.file, piece))) {
      this.#byMaps(queued, piece, NONE)
      return
    }
    const lastOffset = offsetIn(place, startOf(piece)) + Math.max(0, piece.bytes - piece.view.blockBytes)
    const keeps = owner < 0 || owner === place.file || book.freedBetween(place.file, now, Infinity, lastOffset)
    if (keeps) this.#pushKept(queued, piece, place)
    else this.#pushOneOf(queued, piece, [place.file, owner])
  }

  /** Whether calls that take blocks away from files are told by then. */
  #isWatched(now: number): boolean {
    return now >= this.#in.callsFromNs
  }

  #asked({ request, now }: Queued, { view }: ViewPiece): Asked {
    if (!this.#isWatched(now)) return { request, now, seen: 'nothing' }
    return { request, now, seen: this.#completeness.isComplete(view) ? 'all' : 'some' }
  }

  /** The fsync event that the task is in; its end is the end of the call where no event tells of it. */
  #syncOf(tid: number, now: number, { rows }: Inside): number {
    const sync = this.#in.replay.syncOf(tid)
    if (sync < 0) return -1
    if (rows.length === 0) return this.#in.calls.length > 0 ? -1 : sync
    return this.#in.calls.startNs.data[rows[0]] <= this.#in.eventNs(sync) ? sync : -1
  }

  #pushCalled(queued: Queued, piece: ViewPiece, place: Place | null, file: number): void {
    const { request, inside } = queued
    const { calls } = this.#in
    const row = inside.rows.find((one) => calls.file.data[one] === file) as number
    const kept = place?.file === file ? offsetIn(place, startOf(piece)) : NaN
    const claim = Number.isNaN(kept) ? this.#in.maps.claimOn(request, piece, file) : null
    const offset = !Number.isNaN(kept) ? kept : claim ? offsetOf(claim, piece) : this.#nextOffset(row, piece.bytes)
    this.#pushFile(queued, piece, {
      rule: 'own-call',
      confidence: 'inferred',
      file,
      fileOffset: offset,
      fact: { source: calls.source.data[row], record: calls.record.data[row], origin: null },
      inode: -1,
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
    return (kind === CALL.syncWrite ? Math.floor(offset / PAGE_BYTES) * PAGE_BYTES : offset) + done
  }

  #pushKept(queued: Queued, piece: ViewPiece, place: Place): void {
    this.#pushFile(queued, piece, {
      rule: 'kept-place',
      confidence: place.kind === 'before' ? 'snapshot' : 'inferred',
      file: place.file,
      fileOffset: offsetIn(place, startOf(piece)),
      fact: place,
      inode: -1,
    })
  }

  #byMaps(queued: Queued, piece: ViewPiece, among: readonly number[]): void {
    const parts = this.#in.maps.partsOf(this.#asked(queued, piece), piece)
    const whole = parts.length > 1 && this.#in.blocks.step.data[queued.request] === 0 ? onlyFileOf(parts) : -1
    for (const { piece: part, believed, claims, last } of parts) {
      if (believed) {
        this.#pushFile(queued, part, {
          rule: last ? 'map-after' : 'map-both',
          confidence: 'snapshot',
          file: believed.file,
          fileOffset: offsetOf(believed, part),
          fact: { source: -1, record: -1, origin: believed.source },
          inode: -1,
        })
      } else if (whole >= 0) {
        this.#pushFile(queued, part, unproven('same-request', whole))
      } else this.#amongDirty(queued, part, among, claims, last)
    }
  }

  /** No witness of the block itself: whichever file was dirty. */
  #amongDirty(
    queued: Queued,
    piece: ViewPiece,
    among: readonly number[],
    claims: readonly Claim[],
    last: boolean,
  ): void {
    const candidates = among.length > 0 ? among : this.#candidates(queued, piece, claims)
    if (candidates.length === 1) {
      this.#pushFile(queued, piece, unproven('only-dirty', candidates[0]))
      return
    }
    if (candidates.length > 1 && candidates.length <= MAX_NAMED) {
      this.#pushOneOf(queued, piece, candidates)
      return
    }
    const claimed = last && claims.length > 1 ? [...new Set(claims.map(({ file }) => file))] : NONE
    if (claimed.length > 1 && claimed.length <= MAX_NAMED) {
      this.#pushOneOf(queued, piece, claimed, 'maps-differ')
    } else this.#in.pieces.add(queued.request, piece, nothing(queued.inside.via))
  }

  #pushOneOf(
    { request, inside: { via } }: Queued,
    piece: ViewPiece,
    candidates: readonly number[],
    rule: 'one-of' | 'maps-differ' = 'one-of',
  ): void {
    const verdict = { what: 'file', confidence: 'ambiguous', rule, via, actors: NONE, candidates } as const
    this.#in.pieces.add(request, piece, verdict)
  }

  #candidates({ request, now }: Queued, piece: ViewPiece, claims: readonly Claim[]): readonly number[] {
    const { book, actors, blocks } = this.#in
    if (this.#in.dirty.isEmpty || !this.#in.callsTimed || Number.isNaN(now) || hidesNodes(piece.view)) return NONE
    const submitter = actors.at(actors.ofRequest(blocks, request))
    // A program that is not traced queues its own data.
    if ((!submitter.kernel && !submitter.process) || !this.#completeness.isComplete(piece.view)) return []
    const inPlace = writesInPlace(piece.view)
    const candidates: number[] = []
    let n = 0
    for (const file of this.#in.dirty.all()) {
      if (++n > MAX_DIRTY_FILES) return []
      if (!this.#in.mayLieOn(file, piece.view)) continue
      // It has all its blocks still, and the map that tells of them says that this is none.
      const keeps =
        inPlace &&
        this.#in.maps.tellsOf(file, piece.view) &&
        !book.freedBetween(file, now, Infinity, Infinity) &&
        book.at(file).traced?.deleted !== true
      if (keeps && !claims.some((claim) => claim.file === file)) continue
      candidates.push(file)
    }
    return candidates
  }

  #pushFile(queued: Queued, piece: ViewPiece, found: Found): void {
    const { book, pages } = this.#in
    const { file, fileOffset, rule, fact } = found
    if (this.#earlier >= 0 && file !== this.#earlier) {
      this.conflicts++
      this.#earlier = -1
    }
    const inode = found.inode < 0 ? book.inodeOf(file) : book.inodeAt(found.inode).inode
    const dirtied = inode === null ? NONE : pages.written(piece.view.index, inode, fileOffset, piece.bytes)
    this.#push(queued, piece, found, dirtied)
    // After the last write to a block nothing asks for it any more.
    if (!writesInPlace(piece.view) || rule === 'map-after') return
    const start = startOf(piece)
    this.#in.places.set(this.#in.places.spaceOf(piece.view, piece), start, start + piece.bytes, {
      kind: 'kept',
      file,
      inode: -1,
      fileOffset,
      start,
      linear: true,
      atNs: queued.now,
      source: fact.source,
      record: fact.record,
      origin: fact.origin,
    })
  }

  /** `dirtied`: who made it dirty, by events. */
  #push(queued: Queued, piece: ViewPiece, found: Found, dirtied: readonly number[]): void {
    const { rule, confidence, file, fileOffset, fact } = found
    const { pieces, kinds } = this.#in
    const actors = this.#writersOf(queued, file, dirtied)
    const what = BY_MAPS.has(rule) ? kinds.whatOf(file, piece.view.type) : 'file'
    const verdict = { what, confidence, rule, via: queued.inside.via, actors, candidates: NONE }
    pieces.add(queued.request, piece, verdict, file, fileOffset, fact)
  }

  #eventFact(row: number): Fact {
    const { source, record } = this.#in.inodes
    return { source: source.data[row], record: record.data[row], origin: null }
  }

  /** By pages where events tell; else who wrote to the file since it was clean, else who has it mapped. */
  #writersOf({ request, inside }: Queued, file: number, dirtied: readonly number[]): readonly number[] {
    if (dirtied.length > 0) return dirtied
    const { blocks, actors, calls } = this.#in
    const submitter = actors.ofRequest(blocks, request)
    if (actors.at(submitter).lone) return NONE
    const { wrote, mapped } = this.#in.dirty.writersOf(file)
    const own = inside.rows.length > 0 ? calls.actor.data[inside.rows[0]] : -1
    // A task that flushes what it has mapped made it dirty more likely than all others that have it mapped.
    if (own >= 0 && mapped.includes(own)) return wrote.length > 0 ? [...wrote, own] : [own]
    if (wrote.length > 0) return wrote
    if (mapped.length > 0) return mapped
    if (own >= 0) return [own]
    return actors.at(submitter).kernel ? NONE : [submitter]
  }
}
