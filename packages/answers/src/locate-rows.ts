/** Pieces of block writes → rows of the answer: one for each file, and one for each thing that is none. */
import { DATALESS, DISCARDS, KERNEL_THREAD, OP, deviceText } from '@flushtrace/trace'
import {
  kindOf,
  type AttributionRule,
  type LocatedFile,
  type Piece,
  type Verdict,
  type What,
} from '@flushtrace/correlate'
import type { Attributed } from './attribute.ts'
import type { LocateAnswer, LocateRow } from './locate-schema.ts'

/** A piece, and whether it is the first of its request: a request counts once, in the row where it begins. */
export interface PieceRow extends Piece {
  readonly request: number
  /** The file that holds the device on which this one lies (loop-devices.ts). */
  readonly image?: { readonly path: string; readonly fileOffset: number }
}

const NUMBERS = ['writes', 'bytes', 'discards', 'discardBytes', 'zeroes', 'zeroedBytes', 'flushes', 'fua'] as const

type Numbers = Pick<LocateRow, (typeof NUMBERS)[number]>

function noNumbers(): Numbers {
  return { writes: 0, bytes: 0, discards: 0, discardBytes: 0, zeroes: 0, zeroedBytes: 0, flushes: 0, fua: 0 }
}

/** Which kind of witness a rule listens to. */
const WITNESS: Readonly<Record<AttributionRule, keyof LocateAnswer['located']['byWitness'] | null>> = {
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
  'given-back': null,
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

/** Pieces of a row of which the same is said. `written`: without those that carry no data. */
interface Share {
  readonly verdict: Verdict
  bytes: number
  written: number
}

interface Draft extends Numbers {
  readonly what: What
  readonly file: number
  readonly device: number
  /** By number of the verdict. */
  readonly shares: Map<number, Share>
  readonly kernelThreads: Sums
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

  /** The request's flags count with its first piece. */
  add(piece: PieceRow): void {
    const { flags, device } = this.#in.blocks
    const { request, bytes } = piece
    const bits = flags.data[request]
    const zeroes = (bits & OP.writeZeroes) !== 0
    const draft = this.#draftOf(piece, device.data[request], zeroes ? 'zeroed' : keyOf(piece))
    const carries = (bits & DATALESS) === 0
    const gives = (bits & DISCARDS) !== 0
    if (carries) draft.bytes += bytes
    else if (gives) draft.discardBytes += bytes
    else if (zeroes) draft.zeroedBytes += bytes
    if (piece.at === 0) {
      if (gives) draft.discards++
      else if (zeroes) draft.zeroes++
      else if (carries && bytes > 0) draft.writes++
      if ((bits & OP.flush) !== 0) draft.flushes++
      if ((bits & OP.fua) !== 0) draft.fua++
    }
    const share = shareOf(draft, piece)
    share.bytes += bytes
    if (carries) share.written += bytes
    const thread = this.#kernelThreadOf(request)
    if (thread !== null) addBytes(draft.kernelThreads, thread, bytes)
  }

  #draftOf(piece: PieceRow, device: number, key: string | number): Draft {
    let found = this.#found.get(device)
    if (!found) this.#found.set(device, (found = new Map()))
    let draft = found.get(key)
    if (!draft) {
      const { what, file, image } = piece
      const sums = { ...noNumbers(), shares: new Map(), kernelThreads: new Map() }
      draft = { what, file, device, ...sums, image: image?.path ?? null }
      found.set(key, draft)
      this.#drafts.push(draft)
    }
    return draft
  }

  total(): Numbers & Pick<LocateAnswer['total'], 'byWhat'> {
    const byWhat: LocateAnswer['total']['byWhat'] = {}
    for (const draft of this.#drafts) {
      const of = (byWhat[draft.what] ??= { writes: 0, bytes: 0 })
      of.writes += draft.writes
      of.bytes += draft.bytes
    }
    return { ...sumOf(this.#drafts), byWhat }
  }

  /** Bytes written, by device. */
  devices(): Map<number, number> {
    const devices = new Map<number, number>()
    for (const { what, device, bytes } of this.#drafts) {
      if (what !== 'free') devices.set(device, (devices.get(device) ?? 0) + bytes)
    }
    return devices
  }

  located(): Pick<LocateAnswer['located'], 'dataBytes' | 'locatedBytes' | 'byWitness'> {
    const located = { dataBytes: 0, locatedBytes: 0, byWitness: { events: 0, calls: 0, places: 0, maps: 0, dirty: 0 } }
    for (const { what, file, bytes, shares } of this.#drafts) {
      if (what === 'file' || what === 'unknown') located.dataBytes += bytes
      if (what !== 'file' || file < 0) continue
      located.locatedBytes += bytes
      for (const { verdict, written } of shares.values()) {
        const witness = WITNESS[verdict.rule]
        if (witness) located.byWitness[witness] += written
      }
    }
    return located
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
    return rows.sort((a, b) => b.bytes - a.bytes || b.writes - a.writes || droppedBy(b) - droppedBy(a))
  }

  #row({ what, file, device, shares, kernelThreads, image, ...numbers }: Draft): LocateRow {
    const { book, calls } = this.#in
    const found = file >= 0 ? book.at(file) : null
    const confidence: Sums = new Map()
    const rules: Sums = new Map()
    for (const { verdict, written } of shares.values()) {
      addBytes(confidence, verdict.confidence, written)
      addBytes(rules, verdict.rule, written)
    }
    const row: LocateRow = {
      what,
      file: found && this.#fileOf(file, found),
      device: deviceText(device) ?? '?',
      ...numbers,
      confidence: { ...NO_BYTES, ...Object.fromEntries(largestFirst(confidence)) },
      writtenBytes: calls.length > 0 && found && what !== 'free' ? (this.#written.get(file) ?? 0) : null,
      processes: this.#processes(shares.values()),
      kernelThreads: largestFirst(kernelThreads).map(([name, bytes]) => ({ name, bytes })),
      rules: Object.fromEntries(largestFirst(rules)),
    }
    if (image !== null) row.image = image
    // One that has any is a row of its own.
    const [{ verdict }] = shares.values()
    if (verdict.candidates.length > 0) row.candidates = verdict.candidates.map((one) => book.at(one).path ?? '?')
    return row
  }

  #fileOf(file: number, { path, deleted, inode, root, traced }: LocatedFile): NonNullable<LocateRow['file']> {
    const { attribution, book } = this.#in
    const fs = attribution.views.all[book.viewOf(file)]?.fs // -1: no view is known
    return { path, deleted, inode, root, device: traced?.device ?? fs?.stDev ?? null, kind: traced && kindOf(traced) }
  }

  /** Where several made the same blocks dirty, each gets an equal part. */
  #processes(shares: Iterable<Share>): LocateRow['processes'] {
    const processes = new Map<string, { actor: number; via: Verdict['via']; bytes: number }>()
    for (const { verdict, bytes } of shares) {
      const { actors, via } = verdict
      for (const actor of actors) {
        const key = `${actor} ${via}`
        let process = processes.get(key)
        if (!process) processes.set(key, (process = { actor, via, bytes: 0 }))
        process.bytes += bytes / actors.length
      }
    }
    const sorted = [...processes.values()].sort((a, b) => b.bytes - a.bytes)
    return sorted.map(({ actor, via, bytes }) => {
      const { pid, name } = this.#in.actors.at(actor)
      return { pid, name, bytes: Math.round(bytes), via }
    })
  }
}

/** What rows add up to. */
export function sumOf(rows: readonly Numbers[]): Numbers {
  const sums = noNumbers()
  for (const row of rows) for (const number of NUMBERS) sums[number] += row[number]
  return sums
}

/** Bytes that changed without data being sent. */
function droppedBy({ discardBytes, zeroedBytes }: Numbers): number {
  return discardBytes + zeroedBytes
}

function shareOf({ shares }: Draft, { verdict, what, confidence, rule, via, actors, candidates }: PieceRow): Share {
  let share = shares.get(verdict)
  if (!share) {
    share = { verdict: { what, confidence, rule, via, actors, candidates }, bytes: 0, written: 0 }
    shares.set(verdict, share)
  }
  return share
}

/** The row of its device that a piece belongs to. A list of candidates has one of its own: the bytes are none of theirs for certain. */
function keyOf({ what, file, candidates }: PieceRow): number | string {
  if (candidates.length > 0) return `${what} ${candidates.join(',')}`
  if (file >= 0 && what !== 'file') return `${what} ${file}`
  return file >= 0 ? file : what
}
