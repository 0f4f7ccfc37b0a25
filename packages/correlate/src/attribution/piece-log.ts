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
  /** one-of: the files it may be. */
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
  readonly #origins = new Names()
  readonly #lists = new Names()

  get length(): number {
    return this.request.length
  }

  /** A piece of a request, and what was found of it; what is left out is not known. */
  add(
    request: number,
    { at, bytes, view }: Pick<ViewPiece, 'at' | 'bytes' | 'view'>,
    found: Partial<Piece> & Pick<Piece, 'what' | 'rule' | 'confidence' | 'via'>,
  ): void {
    this.request.push(request)
    this.at.push(at)
    this.bytes.push(bytes)
    this.what.push(WHATS.indexOf(found.what))
    this.view.push(view.index)
    this.file.push(found.file ?? -1)
    this.fileOffset.push(found.fileOffset ?? NaN)
    this.confidence.push(CONFIDENCES.indexOf(found.confidence))
    this.rule.push(RULES.indexOf(found.rule))
    this.source.push(found.source ?? -1)
    this.record.push(found.record ?? -1)
    this.origin.push(found.origin ? this.#origins.id(found.origin) : -1)
    this.via.push(VIAS.indexOf(found.via))
    this.actors.push(this.#idOf(found.actors ?? NOBODY))
    this.candidates.push(this.#idOf(found.candidates ?? NOBODY))
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
