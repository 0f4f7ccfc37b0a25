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
  'given-back', // a discard of what was last known to be the file's
  'dataless', // a discard or a bare flush
  'none',
] as const
export type AttributionRule = (typeof RULES)[number]

export const VIAS = ['direct', 'flush', 'writeback'] as const
export type Via = (typeof VIAS)[number]

/** What is said of a piece, and of many others, too. */
export interface Verdict {
  readonly what: What
  readonly confidence: (typeof CONFIDENCES)[number]
  readonly rule: AttributionRule
  readonly via: Via
  /** Numbers of Actors that made it dirty; empty: not known. */
  readonly actors: readonly number[]
  /** one-of, maps-differ: the files it may be. */
  readonly candidates: readonly number[]
}

export interface Piece extends Verdict {
  at: number
  bytes: number
  view: number
  /** FileBook number; -1: none. */
  file: number
  /** NaN: not known. */
  fileOffset: number
  /** See PieceLog.numberOf. */
  verdict: number
  /** Where the fact stands: number of a source and its record; -1: `origin` says it in words, or nothing does. */
  source: number
  record: number
  /** Path of the map, or a label of the area. */
  origin: string | null
}

/** Where the reason stands. */
export type Fact = Pick<Piece, 'source' | 'record' | 'origin'>

export const NO_FACT: Fact = { source: -1, record: -1, origin: null }

export class PieceLog {
  /** Row of the BlockLog. */
  readonly request = new Column(Uint32Array)
  readonly at = new Column(Float64Array)
  readonly bytes = new Column(Float64Array)
  readonly view = new Column(Int32Array)
  readonly file = new Column(Int32Array)
  readonly fileOffset = new Column(Float64Array)
  readonly verdict = new Column(Uint32Array)
  readonly source = new Column(Int32Array)
  readonly record = new Column(Float64Array)
  readonly origin = new Column(Int32Array)
  length = 0
  readonly #origins = new Names()
  readonly #verdicts: Verdict[] = []
  readonly #ofKey = new Map<number, number>()
  /** By rule: the last verdict of it, which is nearly always the next one, too. */
  readonly #last = new Map<AttributionRule, number>()
  readonly #lists = new Names()

  /** A piece of a request. `file`, `fileOffset`, and where the reason stands: see Piece; left out where nothing tells. */
  add(
    request: number,
    { at, bytes, view }: Pick<ViewPiece, 'at' | 'bytes' | 'view'>,
    verdict: Verdict,
    file = -1,
    fileOffset = NaN,
    { source, record, origin }: Fact = NO_FACT,
  ): void {
    if (this.length === this.request.data.length) this.#reserve(2 * this.length)
    const k = this.length++
    this.request.data[k] = request
    this.at.data[k] = at
    this.bytes.data[k] = bytes
    this.view.data[k] = view.index
    this.file.data[k] = file
    this.fileOffset.data[k] = fileOffset
    this.verdict.data[k] = this.numberOf(verdict)
    this.source.data[k] = source
    this.record.data[k] = record
    // What no saved map says has none: a map of the format's own rules is called ''.
    this.origin.data[k] = origin ? this.#origins.id(origin) : -1
  }

  /** One number for all that say the same. */
  numberOf(verdict: Verdict): number {
    const last = this.#last.get(verdict.rule)
    if (last !== undefined && saysSame(this.#verdicts[last], verdict)) return last
    const { what, confidence, rule, via, actors, candidates } = verdict
    let key = this.#listsOf(actors, candidates) * VIAS.length + VIAS.indexOf(via)
    key = key * RULES.length + RULES.indexOf(rule)
    key = (key * CONFIDENCES.length + CONFIDENCES.indexOf(confidence)) * WHATS.length + WHATS.indexOf(what)
    let number = this.#ofKey.get(key)
    if (number === undefined) {
      number = this.#verdicts.push({ what, confidence, rule, via, actors, candidates }) - 1
      this.#ofKey.set(key, number)
    }
    this.#last.set(rule, number)
    return number
  }

  /** 0: both are empty; odd: one actor alone. */
  #listsOf(actors: readonly number[], candidates: readonly number[]): number {
    if (candidates.length === 0 && actors.length <= 1) return actors.length === 0 ? 0 : 2 * actors[0] + 1
    return 2 * this.#lists.id(`${actors.join(' ')}|${candidates.join(' ')}`) + 2
  }

  #reserve(rows: number): void {
    const { request, at, bytes, view, file, fileOffset, verdict, source, record, origin } = this
    for (const column of [request, at, bytes, view, file, fileOffset, verdict, source, record, origin]) {
      column.reserve(rows)
    }
  }

  row(k: number): Piece & { request: number } {
    const verdict = this.verdict.data[k]
    const { what, confidence, rule, via, actors, candidates } = this.#verdicts[verdict]
    return {
      request: this.request.data[k],
      at: this.at.data[k],
      bytes: this.bytes.data[k],
      what,
      view: this.view.data[k],
      file: this.file.data[k],
      fileOffset: this.fileOffset.data[k],
      confidence,
      rule,
      verdict,
      source: this.source.data[k],
      record: this.record.data[k],
      origin: this.#origins.textOrNull(this.origin.data[k]),
      via,
      actors,
      candidates,
    }
  }
}

/** Of the same rule; of lists, only short ones are looked into. */
function saysSame(a: Verdict, b: Verdict): boolean {
  if (a.what !== b.what || a.confidence !== b.confidence || a.via !== b.via) return false
  const { length } = a.actors
  if (length > 1 || length !== b.actors.length || a.candidates.length > 0 || b.candidates.length > 0) return false
  return length === 0 || a.actors[0] === b.actors[0]
}
