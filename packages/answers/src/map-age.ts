/**
 * Maps and lists of names whose own time (clock.txt) is far from the trace are of another recording: what was written,
 * made and deleted in between nobody saw. Where both have wall clocks they are not used, and said to be there.
 */
import type { DiskLayout, FileSystem, MapTime } from '@flushtrace/layout'
import type { TakenAt } from '@flushtrace/correlate'
import { nsBetween, parseInstant, type DiagnosticKind, type Instant } from '@flushtrace/trace'
import type { Analysis } from './analysis.ts'

/** `recipe` saves maps within minutes of what it records; who saves them the same evening is believed, too. */
const DAY_NS = 86_400e9

const OTHER_TIME: DiagnosticKind = {
  code: 'layout/other-time',
  severity: 'error',
  message: 'Maps were saved more than a day before the trace or after it (first: {}): they are not used.',
  fix: 'save maps right before and after a recording, as flushtrace recipe does',
}

/** Without what is of another time; a map that says neither `before` nor `after` is put where its clock says. */
export function layoutInTime(analysis: Analysis): DiskLayout {
  const { layout, startedAt, diagnostics } = analysis
  const start = startedAt === null ? null : parseInstant(startedAt)
  if (!start || layout.sources.length === 0) return layout
  const [fromNs, untilNs] = reachOf(analysis)
  const said = new Set<string>()
  const inTime = <T extends { readonly source?: string; readonly time: MapTime }>(all: readonly T[]): T[] =>
    all.flatMap((one) => {
      const { source, time } = one
      if (!time.wall) return [one]
      const atNs = nsBetween(start, time.wall)
      const awayNs = Math.max(fromNs - atNs, atNs - untilNs)
      if (awayNs > DAY_NS) {
        const days = `${Math.round(awayNs / DAY_NS)} days ${atNs < fromNs ? 'before' : 'after'} it`
        if (source !== undefined && !said.has(source)) diagnostics.add(OTHER_TIME, { source }, `${source}, ${days}`)
        said.add(source ?? '')
        return []
      }
      if (time.when !== 'unknown') return [one]
      const when = atNs <= fromNs ? 'before' : atNs >= untilNs ? 'after' : 'during'
      return [{ ...one, time: { ...time, when } }]
    })
  const fileSystems = layout.fileSystems.map((fs): FileSystem => {
    return {
      ...fs,
      maps: inTime(fs.maps),
      namesOf: (inode, root) => inTime(fs.namesOf(inode, root)),
      inodesOf: (path) => inTime(fs.inodesOf(path)),
    }
  })
  return { ...layout, fileSystems }
}

/** From the first to the last event of all that has its place. */
function reachOf({ spanNs, blocks }: Analysis): [fromNs: number, untilNs: number] {
  const ends = blocks.flatMap(({ offsetNs, reading: { facts } }) =>
    offsetNs === null ? [] : [(facts.firstNs ?? 0) + offsetNs, (facts.lastNs ?? 0) + offsetNs],
  )
  return [Math.min(0, ...ends), Math.max(spanNs, ...ends)]
}

const UNTIMED: DiagnosticKind = {
  code: 'layout/untimed-map',
  severity: 'loss',
  message: 'Maps were saved during the trace, and nothing tells when, on a clock that it has ({}): they are not used.',
  fix: 'save the time beside them (clock.txt), as flushtrace recipe does',
}

/** How far clocks that were joined, and notes of them, may be apart: more than any that are believed. */
const CLOCKS_NS = 10e6

/**
 * When a map was taken, in ns since the start of the answer. `bootNs`: the same of a moment of CLOCK_MONOTONIC; null:
 * no trace is on that clock.
 */
export function takenAt(
  { startedAt, layout, diagnostics }: Analysis,
  bootNs: (monotonic: Instant) => number | null,
): TakenAt {
  const start = startedAt === null ? null : parseInstant(startedAt)
  const at = ({ wall, monotonic }: MapTime): number | null =>
    start && wall ? nsBetween(start, wall) : monotonic && bootNs(monotonic)
  const untimed = layout.fileSystems
    .flatMap(({ maps }) => maps)
    .filter(({ time }) => time.when === 'during' && at(time) === null)
  for (const source of new Set(untimed.map((map) => map.source))) diagnostics.add(UNTIMED, { source }, source)
  return (time) => {
    const fromNs = at(time)
    if (fromNs === null) return null
    const tookNs = time.wall && time.until ? nsBetween(time.wall, time.until) : Infinity
    return { fromNs: fromNs - CLOCKS_NS, untilNs: tookNs < 0 ? Infinity : fromNs + tookNs + CLOCKS_NS }
  }
}
