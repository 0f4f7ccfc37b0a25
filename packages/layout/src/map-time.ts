/**
 * When maps were taken. A clock note beside them says it exactly:
 *
 *     when before
 *     wall_ns 1795175532265277782
 *     within_ns 482311
 *     monotonic_ns 3699632139774
 *     monotonic_source /proc/timer_list
 *     until_ns 1795175533120482311
 *
 * `until_ns`, wall time, is when the last map beside it was complete.
 *
 * Else a folder or file name that is, or begins or ends with, one of the words does. The same notes tell where
 * CLOCK_MONOTONIC lies on the wall clock: not those of /proc/uptime, which goes on while the machine sleeps.
 */
import { dirname } from 'node:path'
import { readLines, type Diagnostics, type Instant, type Source } from '@flushtrace/trace'
import type { ClockNote } from './disk-layout.ts'
import type { MapTime } from './layout-map.ts'
import type { SideFile } from './side-file.ts'

const NOTE = /^(?:(wall|monotonic|within|until)_ns (\d{1,19})|when (before|during|after)|monotonic_source (\S+))$/

interface ReadNote extends Partial<MapTime> {
  readonly withinNs?: number
  readonly source?: string
}

/** Whether it is a clock.txt. */
export function sniffClockNote(text: string): boolean {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.length > 0 && lines.length <= 8 && NOTE.test(lines[0]) && lines.every((line) => /^\w+ \S+$/.test(line))
}

/** Its monotonic time is left out where it is not what traces have: see above. */
export async function readClockNote(source: Source, diagnostics: Diagnostics): Promise<ReadNote> {
  const note: { -readonly [K in keyof ReadNote]: ReadNote[K] } = {}
  for await (const line of readLines(source, diagnostics)) {
    const match = NOTE.exec(line)
    if (!match) continue
    const [, clock, digits, when, from] = match
    if (when) note.when = when as MapTime['when']
    else if (from) note.source = from
    else if (clock === 'within') note.withinNs = Number(digits)
    else note[clock as 'wall' | 'monotonic' | 'until'] = instantOf(digits)
  }
  return note.source === undefined || note.source === '/proc/timer_list' ? note : { ...note, monotonic: undefined }
}

/** One moment on both clocks; null: it tells of one only, or of one of them too roughly. */
export function clockNote(path: string, { wall, monotonic, withinNs }: ReadNote): ClockNote | null {
  if (!wall || !monotonic) return null
  // A `date` that does not know %N.
  if (withinNs === undefined && wall.nanos === 0) return null
  return { path, wall, monotonic, withinNs: withinNs ?? null }
}

/** The note has been read by then: for the account of its lines. */
export function readClockLines(file: SideFile): Promise<void> {
  return file.eachLine((line) => (NOTE.test(line) ? 'used' : 'note'))
}

/** Nanoseconds in decimal: more digits than a number holds. */
function instantOf(digits: string): Instant {
  const text = digits.padStart(10, '0')
  return { seconds: Number(text.slice(0, -9)), nanos: Number(text.slice(-9)) }
}

/** `notes` by folder. The nearest folder that says something counts. */
export function timeOf(path: string, notes: ReadonlyMap<string, Partial<MapTime>>): MapTime {
  const note = notes.get(dirname(path)) ?? {}
  const { when = whenOf(path), wall = null, monotonic = null, until = null } = note
  return { when, wall, monotonic, until }
}

function whenOf(path: string): MapTime['when'] {
  for (const part of path.split('/').toReversed()) {
    const match = /(?:^|[-_.])(before|during|after)(?:[-_.]|$)/.exec(part)
    if (match) return match[1] as MapTime['when']
  }
  return 'unknown'
}

const ORDER: Readonly<Record<MapTime['when'], number>> = { before: 0, during: 1, after: 2, unknown: 3 }

/** The order of maps: by their word, then by the clock; without a clock they are the first of their word. */
export function byTime(a: { readonly time: MapTime }, b: { readonly time: MapTime }): number {
  return (
    ORDER[a.time.when] - ORDER[b.time.when] ||
    (a.time.wall?.seconds ?? 0) - (b.time.wall?.seconds ?? 0) ||
    (a.time.wall?.nanos ?? 0) - (b.time.wall?.nanos ?? 0)
  )
}
