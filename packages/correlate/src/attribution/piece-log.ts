/** What came out: for each request the pieces it consists of, one row each, in the order of the requests. */
import { Column, Names } from './column.ts'
import type { ViewPiece } from './views.ts'

/** What a block is. Names of the contract's `what`. */
export const WHATS = ['file', 'journal', 'metadata', 'superblock', 'free', 'swap', 'unknown'] as const
export type What = (typeof WHATS)[number]
export const CONFIDENCES = ['exact', 'snapshot', 'inferred', 'ambiguous', 'unknown'] as const

/** Which rule named a piece, in the order in which they are believed. */
export const RULES = [
  'placed', // an event placed the range of the file there
  'announced', // an event announced the range, and the same task queued as many bytes next
  'sync-event', // inside the file system's fsync of that inode, by the same task
  'own-call', // inside a call of the same task about that file
  'kept-place', // the block was the file's, and nothing took it away since
  'map-after', // nothing was written there between this and the map
  'map-both', // the maps from before and after agree
  'same-request', // a map names another part of the same request
  'only-dirty', // the only file of the file system that was dirty
  'one-of', // one of several dirty files
  'maps-differ', // maps name several files there
  'area', // a map says what the range is
  'place', // the file system keeps it at this place
  'submitter', // who queued it, and how
  'metadata-flag', // marked as metadata by the file system
  'dataless', // a discard or a bare flush
  'none',
] as const
export type AttributionRule = (typeof RULES)[number]

export const VIAS = ['direct', 'flush', 'writeback'] as const
export type Via = (typeof VIAS)[number]

export interface Piece {
  at: number
  bytes: number
  what: What
  view: number
  /** FileBook number; -1: none. */
  file: number
  /** NaN: not known. */
  fileOffset: number
  confidence: (typeof CONFIDENCES)[number]
  rule: AttributionRule
  /** Where the fact stands: number of a source and its record; -1: `origin` says it in words, or nothing does. */
  source: number
  record: number
  /** Path of the map, or a label of the area. */
  origin: string | null
  via: Via
  /** Numbers of Actors that made it dirty; empty: not known. */
  actors: readonly number[]
  /** one-of, maps-differ: the files it may be. */
  candidates: readonly number[]
}

const NOBODY: readonly number[] = []

export class PieceLog {
  /** Row of the BlockLog. */
  readonly request = new Column(Uint32Array)
  readonly at = new Column(Float64Array)
  readonly bytes = new Column(Float64Array)
  readonly what = new Column(Uint8Array)
  readonly view = new Column(Int32Array)
  readonly file = new Column(Int32Array)
  readonly fileOffset = new Column(Float64Array)
  readonly confidence = new Column(Uint8Array)
  readonly rule = new Column(Uint8Array)
  readonly source = new Column(Int32Array)
  readonly record = new Column(Float64Array)
  readonly origin = new Column(Int32Array)
  readonly via = new Column(Uint8Array)
  /** -1: none; below that: the only one, as -2 - number; else an id of `lists`. */
  readonly actors = new Column(Int32Array)
  readonly candidates = new Column(Int32Array)
  length = 0
  readonly #origins = new Names()
  readonly #lists = new Names()

  /** A piece of a request, of which nothing more is known than this. Returns its row. */
  add(
    request: number,
    { at, bytes, view }: Pick<ViewPiece, 'at' | 'bytes' | 'view'>,
    { what, rule, confidence }: Pick<Piece, 'what' | 'rule' | 'confidence'>,
    via: Via,
    actors: readonly number[] = NOBODY,
  ): number {
    if (this.length === this.request.data.length) this.#reserve(2 * this.length)
    const k = this.length++
    this.request.data[k] = request
    this.at.data[k] = at
    this.bytes.data[k] = bytes
    this.what.data[k] = WHATS.indexOf(what)
    this.view.data[k] = view.index
    this.file.data[k] = -1
    this.fileOffset.data[k] = NaN
    this.confidence.data[k] = CONFIDENCES.indexOf(confidence)
    this.rule.data[k] = RULES.indexOf(rule)
    this.source.data[k] = -1
    this.record.data[k] = -1
    this.origin.data[k] = -1
    this.via.data[k] = VIAS.indexOf(via)
    this.actors.data[k] = this.#idOf(actors)
    this.candidates.data[k] = -1
    return k
  }

  /** The file of a row; `fileOffset` NaN: not known. */
  setFile(k: number, file: number, fileOffset: number): void {
    this.file.data[k] = file
    this.fileOffset.data[k] = fileOffset
  }

  /** Where the fact of a row stands: see Piece. */
  setFact(k: number, source: number, record: number, origin: string | null): void {
    this.source.data[k] = source
    this.record.data[k] = record
    // What no saved map says has none: a map of the format's own rules is called ''.
    this.origin.data[k] = origin ? this.#origins.id(origin) : -1
  }

  setCandidates(k: number, candidates: readonly number[]): void {
    this.candidates.data[k] = this.#idOf(candidates)
  }

  #reserve(rows: number): void {
    const { request, at, bytes, what, view, file, fileOffset, confidence, rule, source, record, origin } = this
    const columns = [request, at, bytes, what, view, file, fileOffset, confidence, rule, source, record, origin]
    for (const column of [...columns, this.via, this.actors, this.candidates]) column.reserve(rows)
  }

  row(k: number): Piece & { request: number } {
    return {
      request: this.request.data[k],
      at: this.at.data[k],
      bytes: this.bytes.data[k],
      what: WHATS[this.what.data[k]],
      view: this.view.data[k],
      file: this.file.data[k],
      fileOffset: this.fileOffset.data[k],
      confidence: CONFIDENCES[this.confidence.data[k]],
      rule: RULES[this.rule.data[k]],
      source: this.source.data[k],
      record: this.record.data[k],
      origin: this.#origins.textOrNull(this.origin.data[k]),
      via: VIAS[this.via.data[k]],
      actors: this.#list(this.actors.data[k]),
      candidates: this.#list(this.candidates.data[k]),
    }
  }

  #idOf(list: readonly number[]): number {
    if (list.length === 0) return -1
    return list.length === 1 ? -2 - list[0] : this.#lists.id(list.join(' '))
  }

  #list(id: number): readonly number[] {
    if (id === -1) return NOBODY
    return id < 0 ? [-2 - id] : this.#lists.text(id).split(' ').map(Number)
  }
}
