/**
 * When maps were taken. A clock note beside them says it exactly:
 *
 *     wall_ns 1795175532265277782
 *     monotonic_ns 3699632139774
 *     when before
 *
 * Else a folder or file name that is, or begins or ends with, one of the words does.
 */
import { dirname } from 'node:path'
import { readLines, type Diagnostics, type Instant, type Source } from '@flushtrace/trace'
import type { MapTime } from './layout-map.ts'
import type { SideFile } from './side-file.ts'

const NOTE = /^(wall_ns|monotonic_ns) (\d{1,19})$|^when (before|during|after)$/

export function sniffClockNote(text: string): boolean {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.length > 0 && lines.length <= 8 && NOTE.test(lines[0]) && lines.every((line) => /^\w+ \S+$/.test(line))
}

export async function readClockNote(source: Source, diagnostics: Diagnostics): Promise<Partial<MapTime>> {
  const note: { when?: MapTime['when']; wall?: Instant; monotonic?: Instant } = {}
  for await (const line of readLines(source, diagnostics)) {
    const match = NOTE.exec(line)
    if (!match) continue
    if (match[3]) note.when = match[3] as MapTime['when']
    else note[match[1] === 'wall_ns' ? 'wall' : 'monotonic'] = instantOf(match[2])
  }
  return note
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
  return { when: note.when ?? whenOf(path), wall: note.wall ?? null, monotonic: note.monotonic ?? null }
}

function whenOf(path: string): MapTime['when'] {
  for (const part of path.split('/').toReversed()) {
    const match = /(?:^|[-_.])(before|during|after)(?:[-_.]|$)/.exec(part)
    if (match) return match[1] as MapTime['when']
  }
  return 'unknown'
}

const ORDER: Readonly<Record<MapTime['when'], number>> = { before: 0, during: 1, after: 2, unknown: 3 }

export function byTime(a: { readonly time: MapTime }, b: { readonly time: MapTime }): number {
  return (
    ORDER[a.time.when] - ORDER[b.time.when] ||
    (a.time.wall?.seconds ?? 0) - (b.time.wall?.seconds ?? 0) ||
    (a.time.wall?.nanos ?? 0) - (b.time.wall?.nanos ?? 0)
  )
}
