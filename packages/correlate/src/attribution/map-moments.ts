/**
 * What maps tell that were taken during the trace.
 *
 * A map is read from its first look to its last. Of each block it tells what was true at some moment in between, and
 * nothing tells at which. So a map shows a write that was the last one to a block before the first look, if nothing was
 * written there up to the last look. Of several such maps the earliest counts: since then nothing was written there.
 *
 * ext4, and xfs before Linux 5.8, give a block to a file right before they queue the data: a map that is read in between
 * has the new owner beside the old data. So nothing may have been written there for a moment longer, either.
 * (torvalds/linux fs/ext4/inode.c mpage_map_and_submit_extent(); fs/xfs: "force writes to delalloc regions to unwritten".
 * Where data wait for minutes with their block: FileSystem.allocatesEarly.)
 */
import { firstAbove } from '@flushtrace/trace'
import { LastWriters } from './last-writers.ts'
import type { Claim, MapClaims } from './map-claims.ts'
import { cutOf, startOf } from './places.ts'
import type { ViewPiece } from './views.ts'

/** From the allocation of a block to its data in the queue, where the queue is full: a second is long. */
const SETTLES_NS = 1e9

/** A part of a piece, and what the map says of it that shows this very write; no claims: none does. */
export interface MomentPart {
  readonly piece: ViewPiece
  readonly claims: readonly Claim[]
}

const NO_CLAIMS: readonly Claim[] = []

export class MapMoments {
  readonly #claims: MapClaims
  /** By moment: up to when what was written may be what its map shows. Never falls. */
  readonly #reachNs: readonly number[]
  /** By moment: who wrote last, of what was written since the reach of the one before. */
  #writers: LastWriters[] = []
  /** By request; NaN: not on the clock of the maps. */
  #atNs: Float64Array

  constructor(claims: MapClaims, atNs: Float64Array) {
    this.#claims = claims
    this.#atNs = atNs
    let reach = -Infinity
    this.#reachNs = claims.moments.map(({ untilNs }) => (reach = Math.max(reach, untilNs + SETTLES_NS)))
  }

  get isEmpty(): boolean {
    return this.#reachNs.length === 0
  }

  /** What is told from here on replaces what was. */
  begin(): void {
    this.#writers = this.#reachNs.map(() => new LastWriters())
  }

  /** As LastWriters.add. */
  add(device: number, start: number, end: number, request: number): void {
    this.#writers[this.#spanOf(request)]?.add(device, start, end, request)
  }

  sweep(): void {
    // Who wrote over all of a request is not asked here.
    for (const writers of this.#writers) writers.sweep(0)
  }

  /** The first moment that begins after a request; -1: none does. */
  nextAfter(request: number): number {
    return this.#claims.moments.findIndex(({ fromNs }) => fromNs > this.#atNs[request])
  }

  /** The last moment that was over before a request; -1: none was. */
  lastBefore(request: number): number {
    return this.#claims.moments.findLastIndex(({ untilNs }) => untilNs < this.#atNs[request])
  }

  /** Parts of a piece, in order. */
  partsOf(request: number, piece: ViewPiece): MomentPart[] {
    const told: MomentPart[] = []
    const first = this.#spanOf(request)
    let open = [piece]
    for (let k = first; k < this.#reachNs.length && open.length > 0; k++) {
      const by = k === first ? request : -1
      const parts = open
      open = []
      for (const part of parts) {
        this.#eachWritten(k, part, (shown, writer) => {
          if (writer !== by) told.push({ piece: shown, claims: NO_CLAIMS })
          else if (this.#claims.moments[k].fromNs <= this.#atNs[request]) open.push(shown)
          else this.#eachClaimed(k, shown, (one) => (one.claims.length > 0 ? told.push(one) : open.push(one.piece)))
        })
      }
    }
    for (const part of open) told.push({ piece: part, claims: NO_CLAIMS })
    return told.sort((a, b) => a.piece.at - b.piece.at)
  }

  /** In the reach of which moment; as many as there are: of none. */
  #spanOf(request: number): number {
    const atNs = this.#atNs[request]
    return Number.isNaN(atNs) ? this.#reachNs.length : firstAbove(this.#reachNs, atNs)
  }

  /** `writer`: who wrote there last in the span of a moment; -1: nobody. */
  #eachWritten(k: number, piece: ViewPiece, found: (part: ViewPiece, writer: number) => void): void {
    const shift = startOf(piece) - piece.byte
    const end = piece.byte + piece.bytes
    let at = piece.byte
    const upTo = (to: number, writer: number): void => {
      if (to > at) found(cutOf(piece, at + shift, to + shift), writer)
      at = Math.max(at, to)
    }
    this.#writers[k].within(piece.device, piece.byte, end, (from, to, request) => {
      upTo(from, -1)
      upTo(to, request)
    })
    upTo(end, -1)
  }

  #eachClaimed(k: number, piece: ViewPiece, found: (part: MomentPart) => void): void {
    const claims = this.#claims.within(piece.view, k, piece.address, piece.byte, piece.bytes)
    const start = startOf(piece)
    const end = start + piece.bytes
    const ends = claims.flatMap((claim) => [claim.start, claim.end]).filter((at) => at > start && at < end)
    const cuts = [...new Set([start, ...ends, end])].sort((a, b) => a - b)
    for (const [n, to] of cuts.slice(1).entries()) {
      const from = cuts[n]
      found({ piece: cutOf(piece, from, to), claims: claims.filter((one) => one.start < to && one.end > from) })
    }
  }
}
