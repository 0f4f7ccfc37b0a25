/**
 * Where the block traces of a capture lie on the timeline that its system calls have set: by the user's word, by a
 * wall-clock note in them, by what they share with sources that have their place, or by notes of both clocks beside
 * them. Traces without a note are looked into before they are read, so that what is asked by time (--since) can be
 * answered as they pass.
 */
import { BlockAnchors, isSure, offsetBeside, surer, type FoundOffset, type PlacedSource } from '@flushtrace/correlate'
import type { DiskLayout } from '@flushtrace/layout'
import { ACTION, nsBetween, plusNs, type BlockBatch, type Instant } from '@flushtrace/trace'
import { least } from 'd3-array'
import { dirname } from 'node:path'
import { alignedByNotes, narrowed } from './clock-notes.ts'
import { alignedBy, alignmentOf, type Alignment } from './clocks.ts'
import type { BlockSource } from './readings.ts'

/** What is known of one trace before it is read. */
interface Waiting {
  readonly index: number
  readonly first: Pick<BlockBatch, 'clock' | 'origin' | 'wall'>
  /** Filled as far as was read. */
  readonly anchors: BlockAnchors
  /** What stands in the data, sure or not. */
  found: FoundOffset | null
}

type Clocks = Pick<DiskLayout, 'traceClocks' | 'clockNotes'>

export class BlockTimeline {
  /** The wall-clock time of ns 0. */
  origin: Instant | null
  readonly placed: PlacedSource[]
  /** Where nothing joins any block trace to the calls: what joins them to each other. */
  #apart: BlockTimeline | null = null
  readonly #clocks = new Map<number, Alignment>()
  /** By first source of a trace that was looked into, the richest first: the devices that its first requests are for. */
  readonly firstDevices = new Map<number, ReadonlySet<number>>()
  /** By source of the capture. */
  readonly #given: ReadonlyMap<number, number>
  readonly #layout: Clocks

  constructor(
    origin: Instant | null,
    placed: readonly PlacedSource[],
    given: ReadonlyMap<number, number>,
    layout: Clocks,
  ) {
    this.origin = origin
    this.placed = [...placed]
    this.#given = given
    this.#layout = layout
  }

  /** The place of a trace, asked with its first batch. */
  clockOf(source: BlockSource, index: number, first: BlockBatch): Alignment {
    const told = this.#clocks.get(index) ?? this.#told(source, first)
    return told ?? this.#axis() ?? this.#byNotes(source, first) ?? alignedBy('none', null)
  }

  /** The place of a trace beside other block traces, on a clock that calls have no place on; null: there is none. */
  apart(index: number): Alignment | null {
    return (this.#apart && this.#apart.#clocks.get(index)) ?? null
  }

  /** Settles the places of all traces that can be read twice. `again`: readings of `sources` made for this alone. */
  async lookAhead(sources: readonly BlockSource[], again: readonly BlockSource[]): Promise<void> {
    if (sources.length + this.placed.length < 2) return
    const waiting: (Waiting & { rest: AsyncIterator<BlockBatch> })[] = []
    for (const [index, { sources: files, reading }] of again.entries()) {
      if (files.some(({ bytes }) => bytes === null)) continue
      const rest = reading.batches[Symbol.asyncIterator]()
      const { done, value } = await rest.next()
      if (done) continue
      this.firstDevices.set(sources[index].indexes[0], queuedFor(value))
      const anchors = new BlockAnchors()
      anchors.add(value)
      waiting.push({
        index,
        first: { clock: value.clock, origin: value.origin, wall: value.wall },
        anchors,
        found: null,
        rest,
      })
    }
    const silent = waiting.some(
      ({ index, first }) => !this.#given.has(sources[index].indexes[0]) && !this.#noted(first),
    )
    for (const { anchors, rest } of waiting) {
      if (silent) await fill(anchors, rest)
      await rest.return?.()
    }
    this.#settle(sources, waiting)
  }

  #settle(sources: readonly BlockSource[], all: readonly Waiting[]): void {
    const waiting = new Set(all)
    const isTold = (one: Waiting): boolean => this.#told(sources[one.index], one.first) !== null
    // Without its note, a blktrace's clock is tried, too, against what it shares with the others.
    const isMonotonic = ({ index, first }: Waiting): boolean =>
      (sources[index].kind !== 'blktrace' || first.wall !== null) && countsFromBoot(sources[index], first, this.#layout)
    const place = (one: Waiting, clock: Alignment): void => {
      this.#clocks.set(one.index, clock)
      waiting.delete(one)
      if (clock.offsetNs === null) return
      if (clock.driftPpm !== null) one.anchors.steady(clock.driftPpm)
      const placed = { anchors: one.anchors, offsetNs: clock.offsetNs, residualNs: clock.residualNs ?? 0 }
      this.placed.push(placed)
      if (one.first.wall) this.origin ??= plusNs(one.first.wall, -clock.offsetNs)
      for (const other of waiting) {
        if (isTold(other)) continue
        other.found = surer(other.found, offsetBeside([placed], other.anchors))
        if (clock.driftPpm !== null) continue
        if (isMonotonic(one) && isMonotonic(other)) {
          const offsetNs = placed.offsetNs + nsBetween(one.first.origin!, other.first.origin!)
          place(other, { ...alignedBy('note', offsetNs), residualNs: placed.residualNs })
        } else other.found = sinceBoot(one, placed, other) ?? other.found
      }
    }
    const bestOf = ({ index, first, found }: Waiting): Alignment | null => {
      const noted = this.#byNotes(sources[index], first)
      if (!found || !isSure(found)) return noted
      return alignmentOf(noted ? narrowed(found, noted) : found)
    }
    for (const one of waiting) if (!isTold(one)) one.found = offsetBeside(this.placed, one.anchors)
    while (waiting.size > 0) {
      const told = [...waiting].find(isTold)
      const [next] = waiting
      const surest = least(waiting, (one) => bestOf(one)?.residualNs ?? NaN) ?? next
      const best = bestOf(surest)
      if (told) place(told, this.#told(sources[told.index], told.first)!)
      else if (best) place(surest, best)
      else place(next, this.#axis() ?? (next.found ? alignmentOf(next.found) : alignedBy('none', null)))
    }
    if (all.length < 2 || all.some(({ index }) => this.#clocks.get(index)?.offsetNs !== null)) return
    this.#apart = new BlockTimeline(null, [], new Map(), this.#layout)
    this.#apart.#settle(
      sources,
      all.map((one) => ({ ...one, found: null })),
    )
  }

  /** By the user's word or a note. */
  #told({ indexes }: BlockSource, first: Pick<BlockBatch, 'clock' | 'wall'>): Alignment | null {
    const given = indexes.map((index) => this.#given.get(index)).find((ns) => ns !== undefined)
    if (given !== undefined) return alignedBy('given', given)
    if (!first.wall || !this.#noted(first)) return null
    this.origin ??= first.wall
    return alignedBy(first.clock === 'wall' ? 'wall' : 'note', nsBetween(this.origin, first.wall))
  }

  /** By notes of both clocks, beside calls that tell wall-clock times. */
  #byNotes(source: BlockSource, first: Waiting['first']): Alignment | null {
    if (!this.origin || !first.origin || !countsFromBoot(source, first, this.#layout)) return null
    return alignedByNotes(this.#layout.clockNotes, source.sources[0].path, this.origin, first.origin)
  }

  /** Whether a note says where a trace lies: the timeline has a wall clock, or nothing is on it yet. */
  #noted({ wall }: { readonly wall: Instant | null }): boolean {
    return wall !== null && (this.origin !== null || this.placed.length === 0)
  }

  /** Where nothing has a place yet, time begins with whoever comes first. */
  #axis(): Alignment | null {
    return this.placed.length === 0 ? alignedBy('none', 0) : null
  }
}

/** Whether its times are known to be of CLOCK_MONOTONIC: blktrace's always are, ftrace's by choice. */
export function countsFromBoot(
  { kind, sources }: BlockSource,
  { clock, origin }: Pick<BlockBatch, 'clock' | 'origin'>,
  { traceClocks }: Pick<DiskLayout, 'traceClocks'>,
): boolean {
  if (clock !== 'monotonic' || !origin) return false
  return kind === 'blktrace' || (kind === 'tracefs' && traceClocks.get(dirname(sources[0].path)) === 'mono')
}

async function fill(anchors: BlockAnchors, rest: AsyncIterator<BlockBatch>): Promise<void> {
  while (!anchors.full) {
    const { done, value } = await rest.next()
    if (done) return
    anchors.add(value)
  }
}

/**
 * Traces that count from boot have one clock, unless ftrace was left at its own (`local`), which drifts: believed where
 * the data found nothing else, within what they leave open. What both say is no chance, however close the next best is.
 */
function sinceBoot(one: Waiting, placed: PlacedSource, { first, found }: Waiting): FoundOffset | null {
  const from = one.first.origin
  if (!found || found.twin || found.driftPpm || !from || !first.origin) return null
  if (first.clock !== 'monotonic' || one.first.clock !== 'monotonic') return null
  const offsetNs = placed.offsetNs + nsBetween(from, first.origin)
  if (Math.abs(offsetNs - found.offsetNs) > found.residualNs + placed.residualNs) return null
  return { ...found, offsetNs, residualNs: placed.residualNs, driftResidualPpm: undefined, twin: true, lead: 1 }
}

function queuedFor({ length, action, device }: BlockBatch): Set<number> {
  const devices = new Set<number>()
  for (let i = 0; i < length; i++) if (action[i] === ACTION.queue) devices.add(device[i])
  return devices
}
