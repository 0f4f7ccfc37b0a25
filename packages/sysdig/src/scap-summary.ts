/** Counts by number of event → facts by name, when a capture has been read. */
import { addOwn, type Diagnostics } from '@flushtrace/trace'
import * as C from './columns.ts'
import { SYSDIG } from './diagnostics.ts'
import { NOT_CALLS } from './event-table.ts'
import { shownBy, type SysdigFacts } from './facts.ts'
import { KEYS, type CallRows } from './rows.ts'
import { keyName } from './call-keys.ts'
import type { ScapEvents } from './scap-events.ts'

/** Fills `facts` with what was counted, and reports what sysdig does not show. */
export function summarise(
  facts: SysdigFacts,
  events: ScapEvents,
  rows: CallRows,
  diagnostics: Diagnostics,
  path: string,
): void {
  let enters = 0
  let exits = 0
  for (let key = 0; key < KEYS; key += 2) {
    if (NOT_CALLS.has(keyName(key))) continue
    enters += events.counts[key]
    exits += events.counts[key + 1]
  }
  facts.shows = shownBy(enters, exits)
  events.finish(facts.shows === 'enter')
  facts.events = events.events
  facts.used = events.used
  facts.stateOnly = events.stateOnly
  facts.firstNs = events.events > 0 ? 0 : null
  facts.lastNs = events.events > 0 ? events.clock.lastNs : null
  for (let key = 0; key < KEYS; key += 2) addType(facts, events, rows, key)
  facts.unknownEvents = events.unknown
  facts.unread = events.unread
  facts.damaged += events.headless + events.unread
  // Of the events that sysdig's filter left out some are used for their state.
  facts.counted = events.counts.reduce((sum, count) => sum + count, 0) + facts.stateOnly - facts.used
  for (const container of events.containers.values()) addOwn(facts.containers, container)
  reportUnshown(facts, diagnostics, path)
  reportNumbers(facts, events, diagnostics, path)
}

/** Calls that have no code of sysdig's: told by the kernel's number, or not at all. */
function reportNumbers(facts: SysdigFacts, events: ScapEvents, diagnostics: Diagnostics, path: string): void {
  const place = { source: path }
  const numbered = Math.max(...events.numbered)
  if (numbered > 0) diagnostics.add(SYSDIG.nativeCode, place, String(events.firstNumber), numbered)
  const unnumbered = (facts.calls['<unknown>'] ?? 0) - Math.max(...events.numberedOnly)
  if (unnumbered > 0) diagnostics.add(SYSDIG.unnumberedCall, place, `${unnumbered} in all`, unnumbered)
}

function addType(facts: SysdigFacts, events: ScapEvents, rows: CallRows, key: number): void {
  const enter = events.counts[key]
  const exit = events.counts[key + 1]
  if (enter === 0 && exit === 0) return
  const name = exit > 0 && enter === 0 ? keyName(key + 1) : keyName(key)
  const type = (facts.types[name] ??= { enter: 0, exit: 0 })
  type.enter += enter
  type.exit += exit
  if (NOT_CALLS.has(name)) return
  facts.lostExits += rows.lost[key]
  facts.inFlight += rows.unfinished[key]
  // Calls that are only counted are not followed: where the source shows no exits of them, their enters count.
  const ended = exit > 0 || C.rowCall(name) >= 0 ? exit - events.births[key + 1] + rows.lost[key] : enter
  if (ended > 0) facts.calls[name] = (facts.calls[name] ?? 0) + ended
  const failed = events.failures[key + 1]
  if (failed > 0) facts.errors[name] = (facts.errors[name] ?? 0) + failed
}

/** What the counts say about what this source cannot show. */
export function reportUnshown(facts: SysdigFacts, diagnostics: Diagnostics, path: string): void {
  const place = { source: path }
  const { calls } = facts
  const among = (names: ReadonlySet<string>): [string, number] => {
    const found = Object.keys(calls).filter((name) => names.has(name))
    return [found[0] ?? '', found.reduce((sum, name) => sum + calls[name], 0)]
  }
  if (facts.shows === 'exit') diagnostics.add(SYSDIG.exitOnly, place)
  const flushes = among(FLUSHES)
  if (flushes[1] > 0) diagnostics.add(SYSDIG.noFile, place, flushes[0], flushes[1])
  if (calls.msync > 0) diagnostics.add(SYSDIG.msyncFlags, place, '', calls.msync)
  const writes = among(C.UNSEEN_WRITES)
  if (writes[1] > 0) diagnostics.add(SYSDIG.unseenWrite, place, writes[0], writes[1])
  const mappings = among(C.UNSEEN_MAPPINGS)
  if (mappings[1] > 0) diagnostics.add(SYSDIG.unseenMapping, place, mappings[0], mappings[1])
  if (facts.lostExits > 0) diagnostics.add(SYSDIG.lostExit, place, `${facts.lostExits} in all`, facts.lostExits)
  if (facts.inFlight > 0) diagnostics.add(SYSDIG.inFlight, place, `${facts.inFlight} in all`, facts.inFlight)
}

const FLUSHES: ReadonlySet<string> = new Set(['fsync', 'fdatasync', 'msync', 'syncfs', 'sync_file_range'])
