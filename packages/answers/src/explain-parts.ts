/**
 * A call's time divided among what it waited for. Every moment of the call belongs to exactly one part, so that the
 * parts add up to the call to the nanosecond. Where several things were under way at once, the one that could not have
 * been left out counts: the first of
 *
 *     deviceFlush   the device was emptying its cache for a request that this call waited for
 *     ownData       data of the call's own file was at the device
 *     journal       journal, log, tree or superblock was at the device
 *     othersData    data of other files, needed by the same commit, was at the device
 *     queue         a request was queued and not at the device yet, or done but for a flush that had not begun
 *     unseen        none of these: locks, the processor, other layers, the tracer
 */
import { ascending, bisectRight } from 'd3-array'

export const PARTS = ['deviceFlush', 'ownData', 'journal', 'othersData', 'queue', 'unseen'] as const
export type Part = (typeof PARTS)[number]
/** What a request is to the call that waits for it. */
export type Role = 'ownData' | 'journal' | 'othersData' | 'deviceFlush'

/** A request that the call waited for. Its end is never NaN: a request without one lasts as long as the call. */
export interface Wait {
  readonly role: Role
  readonly queuedNs: number
  /** NaN: no issue event. */
  readonly issuedNs: number
  /** NaN: it has none, or the end of it was not seen. */
  readonly dataDoneNs: number
  readonly doneNs: number
  /** It asks for a cache flush or FUA: those of its device count while it waits for one. null: it does not. */
  readonly flushes: FlushSpans | null
}

/**
 * When one device emptied its cache, by start. They follow one another: a device is told to by one machinery, and those of
 * the members of an array that overlap are one.
 */
export interface FlushSpans {
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

interface Edge {
  readonly atNs: number
  readonly part: number
  readonly step: 1 | -1
}

/** ns by part, whole numbers that add up to `endNs - startNs`, which are whole. */
export function splitTime(startNs: number, endNs: number, waits: readonly Wait[]): Record<Part, number> {
  const edges: Edge[] = []
  const span = (part: Part, from: number, to: number): void => {
    const first = Math.max(startNs, Math.round(from))
    const last = Math.min(endNs, Math.round(to))
    if (!(first < last)) return
    const index = PARTS.indexOf(part)
    edges.push({ atNs: first, part: index, step: 1 }, { atNs: last, part: index, step: -1 })
  }
  for (const wait of waits) spansOf(wait, span)
  edges.sort((a, b) => ascending(a.atNs, b.atNs))

  const sums: Record<Part, number> = { deviceFlush: 0, ownData: 0, journal: 0, othersData: 0, queue: 0, unseen: 0 }
  const open = PARTS.map(() => 0)
  let at = startNs
  const advance = (to: number): void => {
    sums[PARTS.find((_, part) => open[part] > 0) ?? 'unseen'] += to - at
    at = to
  }
  for (const { atNs, part, step } of edges) {
    advance(atNs)
    open[part] += step
  }
  advance(endNs)
  return sums
}

function spansOf(wait: Wait, span: OnSpan): void {
  const { role, queuedNs, issuedNs, dataDoneNs, doneNs, flushes } = wait
  if (role === 'deviceFlush') {
    // A device whose own flushes are not traced: nothing else can have taken the time of an empty request.
    if (!flushes || flushes.starts.length === 0) span('deviceFlush', queuedNs, doneNs)
    else waitForFlush(flushes, queuedNs, doneNs, span)
    return
  }
  const sentNs = Number.isNaN(issuedNs) ? queuedNs : issuedNs
  const writtenNs = Number.isNaN(dataDoneNs) ? doneNs : dataDoneNs
  span(role, sentNs, writtenNs)
  span('queue', queuedNs, sentNs)
  if (!flushes) return
  // Of a volume or an array, which hands requests on, nothing tells when its data was sent: a flush is before it or after.
  if (Number.isNaN(issuedNs)) return waitWhileFlushing(flushes, queuedNs, doneNs, span)
  waitForFlush(flushes, queuedNs, sentNs, span)
  waitForFlush(flushes, writtenNs, doneNs, span)
}

type OnSpan = (part: Part, from: number, to: number) => void

function waitForFlush(flushes: FlushSpans, from: number, to: number, span: OnSpan): void {
  span('queue', from, to)
  waitWhileFlushing(flushes, from, to, span)
}

function waitWhileFlushing(flushes: FlushSpans, from: number, to: number, span: OnSpan): void {
  for (const k of flushesWithin(flushes, from, to)) {
    span('deviceFlush', Math.max(from, flushes.starts[k]), Math.min(to, flushes.ends[k]))
  }
}

/** Those under way at some moment of the time. */
export function* flushesWithin({ starts, ends }: FlushSpans, from: number, to: number): Generator<number> {
  for (let k = Math.max(0, bisectRight(starts, from) - 1); k < starts.length && starts[k] < to; k++) {
    if (ends[k] > from) yield k
  }
}
