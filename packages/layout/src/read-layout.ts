/** All side files of a capture, read one after the other and joined. */
import { dirname } from 'node:path'
import type { Diagnostics, SavedLink, Source } from '@flushtrace/trace'
import { withoutMark } from './byte-order-mark.ts'
import type { DiskLayout, LayoutSource } from './disk-layout.ts'
import { Findings } from './findings.ts'
import { joinFindings } from './join.ts'
import type { LayoutKind } from './kinds.ts'
import type { MapTime } from './layout-map.ts'
import { byTime, clockNote, readClockNote, timeOf } from './map-time.ts'
import { SideFile } from './side-file.ts'

/** `links`: what links beside them lead to, which tells names of devices. */
export async function readLayout(
  saved: readonly { readonly source: Source; readonly kind: LayoutKind }[],
  links: readonly SavedLink[],
  diagnostics: Diagnostics,
): Promise<DiskLayout> {
  const sources = saved.map(({ source, kind }) => ({ source: withoutMark(source), kind }))
  const notes = new Map<string, Partial<MapTime>>()
  const findings = new Findings()
  for (const { source, kind } of sources) {
    if (kind !== 'clock') continue
    const note = await readClockNote(source, diagnostics)
    notes.set(dirname(source.path), note)
    const both = clockNote(source.path, note)
    if (both) findings.clockNotes.push(both)
  }
  for (const { path, target } of links) findings.devices.link(path, target)
  return joinFindings(
    findings,
    sources.length === 0 ? [] : await readEach(sources, notes, findings, diagnostics),
    diagnostics,
  )
}

async function readEach(
  sources: readonly { readonly source: Source; readonly kind: LayoutKind }[],
  notes: ReadonlyMap<string, Partial<MapTime>>,
  findings: Findings,
  diagnostics: Diagnostics,
): Promise<LayoutSource[]> {
  const { byKind, KINDS } = await import('./kinds.ts') // two dozen readers, which most answers do without
  const told: LayoutSource[] = []
  const timed = sources.map(({ source, kind }) => ({ source, kind, time: timeOf(source.path, notes) }))
  // Of one kind in the order of time: what a later table tells counts.
  for (const { source, kind, time } of timed.sort((a, b) => byKind(a, b) || byTime(a, b))) {
    const file = new SideFile(source, time, diagnostics)
    await KINDS[kind].read(file, findings)
    const { lines, used, notes, damaged } = file
    told.push({ path: source.path, tool: KINDS[kind].tool, when: time.when, lines, used, notes, damaged })
  }
  return told
}
