/** Pieces of block writes → rows of the answer: one for each file, and one for each thing that is none. */
import { DATALESS, KERNEL_THREAD, OP, deviceText } from '@flushtrace/trace'
import { kindOf, type AttributionRule, type LocatedFile, type Piece, type What } from '@flushtrace/correlate'
import type { Attributed } from './attribute.ts'
import type { LocateAnswer, LocateRow } from './locate-schema.ts'

/** A piece, and whether it is the first of its request: a request counts once, in the row where it begins. */
export interface PieceRow extends Piece {
  readonly request: number
  /** The file that holds the device on which this one lies (loop-devices.ts). */
  readonly image?: { readonly path: string; readonly fileOffset: number }
}

type Numbers = Pick<LocateRow, 'writes' | 'bytes' | 'discards' | 'discardBytes' | 'flushes' | 'fua'>

export function noNumbers(): Numbers {
  return { writes: 0, bytes: 0, discards: 0, discardBytes: 0, flushes: 0, fua: 0 }
}

/** Adds a piece; the request's flags count with its first piece. */
export function addTo(to: Numbers, { blocks }: Attributed, piece: PieceRow): void {
  const flags = blocks.flags.data[piece.request]
  const first = piece.at === 0
  if ((flags & DATALESS) !== 0) {
    to.discards += first ? 1 : 0
    to.discardBytes += piece.bytes
  } else if (piece.bytes > 0) {
    to.writes += first ? 1 : 0
    to.bytes += piece.bytes
  }
  if (first && (flags & OP.flush) !== 0) to.flushes++
  if (first && (flags & OP.fua) !== 0) to.fua++
}

/** Which kind of witness a rule listens to. */
export const WITNESS: Readonly<Record<AttributionRule, keyof LocateAnswer['located']['byWitness'] | null>> = {
  placed: 'events',
  announced: 'events',
  'sync-event': 'events',
  'own-call': 'calls',
  'kept-place': 'places',
  'map-after': 'maps',
  'map-both': 'maps',
  'same-request': 'maps',
  'only-dirty': 'dirty',
  'one-of': null,
  'maps-differ': null,
  area: null,
  place: null,
  submitter: null,
  'metadata-flag': null,
  dataless: null,
  none: null,
}

/** Every rule, in the order of the columns of a table. */
export const RULES = Object.keys(WITNESS)

/** Bytes by name. */
type Sums = Map<string, { bytes: number }>

function addBytes(to: Sums, name: string, bytes: number): void {
  const sum = to.get(name)
  if (sum) sum.bytes += bytes
  else to.set(name, { bytes })
}

function largestFirst(sums: Sums): [name: string, bytes: number][] {
  return [...sums].map(([name, { bytes }]): [string, number] => [name, bytes]).sort(([, a], [, b]) => b - a)
}

const NO_BYTES: LocateRow['confidence'] = { exact: 0, snapshot: 0, inferred: 0, ambiguous: 0, unknown: 0 }

interface Draft extends Numbers {
  readonly what: What
  readonly file: number
  readonly device: number
  readonly actors: Map<string, { actor: number; via: Piece['via']; bytes: number }>
  readonly confidence: Sums
  readonly rules: Sums
  readonly kernelThreads: Sums
  readonly candidates: Set<number>
  readonly image: string | null
}

export class LocateRows {
  readonly #drafts: Draft[] = []
  /** By device: by the number of the file, or by what is none. */
  readonly #found = new Map<number, Map<string | number, Draft>>()
  /** By name's number in the block log. */
  readonly #kernelThreads = new Map<number, string | null>()
  readonly #in: Attributed
  readonly #written: ReadonlyMap<number, number>

  constructor(attributed: Attributed, written: ReadonlyMap<number, number>) {
    this.#in = attributed
    this.#written = written
  }

  add(piece: PieceRow): void {
    const device = this.#in.blocks.device.data[piece.request]
    let found = this.#found.get(device)
    if (!found) this.#found.set(device, (found = new Map()))
    const key = keyOf(piece)
    let draft = found.get(key)
    if (!draft) {
      draft = {
        what: piece.what,
        file: piece.file,
        device,
        ...noNumbers(),
        actors: new Map(),
        confidence: new Map(),
        rules: new Map(),
        kernelThreads: new Map(),
        candidates: new Set(piece.candidates),
        image: piece.image?.path ?? null,
      }
      found.set(key, draft)
      this.#drafts.push(draft)
    }
    addTo(draft, this.#in, piece)
    const written = (this.#in.blocks.flags.data[piece.request] & DATALESS) === 0 ? piece.bytes : 0
    addBytes(draft.confidence, piece.confidence, written)
    addBytes(draft.rules, piece.rule, written)
    const thread = this.#kernelThreadOf(piece.request)
    if (thread !== null) addBytes(draft.kernelThreads, thread, piece.bytes)
    for (const actor of piece.actors) {
      const share = draft.actors.get(`${actor} ${piece.via}`)
      const bytes = piece.bytes / piece.actors.length
      if (share) share.bytes += bytes
      else draft.actors.set(`${actor} ${piece.via}`, { actor, via: piece.via, bytes })
    }
  }

  /** Workers are one: which of them it was is chance. */
  #kernelThreadOf(request: number): string | null {
    const { blocks } = this.#in
    const id = blocks.comm.data[request]
    let name = this.#kernelThreads.get(id)
    if (name === undefined) {
      const comm = blocks.names.textOrNull(id)
      name = comm !== null && KERNEL_THREAD.test(comm) ? comm.replace(/^kworker\/.*/, 'kworker/*') : null
      this.#kernelThreads.set(id, name)
    }
    return name
  }

  rows(): LocateRow[] {
    const rows = this.#drafts.map((draft) => this.#row(draft))
    return rows.sort((a, b) => b.bytes - a.bytes || b.writes - a.writes || b.discardBytes - a.discardBytes)
  }

  #row({
    what,
    file,
    device,
    actors,
    confidence,
    rules,
    kernelThreads,
    candidates,
    image,
    ...numbers
  }: Draft): LocateRow {
    const { book, calls } = this.#in
    const found = file >= 0 ? book.at(file) : null
    const row: LocateRow = {
      what,
      file: found && this.#fileOf(file, found),
      device: deviceText(device) ?? '?',
      ...numbers,
      confidence: { ...NO_BYTES, ...Object.fromEntries(largestFirst(confidence)) },
      writtenBytes: calls.length > 0 && found ? (this.#written.get(file) ?? 0) : null,
      processes: [...actors.values()].sort((a, b) => b.bytes - a.bytes).map((share) => this.#process(share)),
      kernelThreads: largestFirst(kernelThreads).map(([name, bytes]) => ({ name, bytes })),
      rules: Object.fromEntries(largestFirst(rules)),
    }
    if (image !== null) row.image = image
    if (candidates.size > 0) row.candidates = [...candidates].map((one) => book.at(one).path ?? '?')
    return row
  }

  #fileOf(file: number, { path, deleted, inode, root, traced }: LocatedFile): NonNullable<LocateRow['file']> {
    const { attribution, book } = this.#in
    const fs = attribution.views.all[book.viewOf(file)]?.fs // -1: no view is known
    return { path, deleted, inode, root, device: traced?.device ?? fs?.stDev ?? null, kind: traced && kindOf(traced) }
  }

  #process({ actor, via, bytes }: { actor: number; via: Piece['via']; bytes: number }): LocateRow['processes'][number] {
    const { pid, name } = this.#in.actors.at(actor)
    return { pid, name, bytes: Math.round(bytes), via }
  }
}

/** The row of its device that a piece belongs to. A list of candidates has one of its own: the bytes are none of theirs for certain. */
function keyOf({ what, file, candidates }: PieceRow): number | string {
  if (candidates.length > 0) return `${what} ${candidates.join(',')}`
  if (file >= 0 && what !== 'file') return `${what} ${file}`
  return file >= 0 ? file : what
}
