/** What a sysdig source held, for `inspect`. JSON-safe. */
import type { Clock } from '@flushtrace/trace'

export interface EventCount {
  enter: number
  exit: number
}

export interface SysdigFacts {
  /** `1.2` of a capture; null for text. */
  version: string | null
  /** Captures in the file, one after the other. */
  sections: number
  /** Blocks of a capture; lines of text, or events where a line holds several. */
  records: number
  /** Events, state-only and hidden ones included. */
  events: number
  /** By name as sysdig prints it; an event without a pair (switch, procexit) counts as `enter`. */
  types: Record<string, EventCount>
  /** Calls that ended, by name: each counted once. */
  calls: Record<string, number>
  /** Of these, the ones known to have returned an error. */
  errors: Record<string, number>
  /** Events that became rows or parts of rows; events that are only counted by name. events = these two + unknown + unread. */
  used: number
  counted: number
  /** Kept by sysdig for its tables though its filter left them out: not counted as calls. */
  stateOnly: number
  /** Events, blocks or lines that could not be read; `unread` of them are among `events`. */
  damaged: number
  unread: number
  /** Events and blocks of kinds that are not known here. */
  unknown: number
  unknownEvents: number
  /** Text: lines that are no events (buffers, notes, blank ones). */
  foreign: number
  /** Calls whose exit is missing although their task went on. */
  lostExits: number
  /** Calls that had not ended. */
  inFlight: number
  /** What of a call the source shows. */
  shows: 'enter and exit' | 'exit' | 'enter' | 'nothing'
  clock: Clock
  /** Times of the first and the last event, ns since the source's time 0; null without times. */
  firstNs: number | null
  lastNs: number | null
  /** Tasks in the lists at the beginning, of these processes, and their descriptors. */
  listed: { tasks: number; processes: number; descriptors: number }
  /** Container id → tasks seen in it. */
  containers: Record<string, number>
  /** What the machines of the capture are called. */
  hosts: string[]
  /** Events that say that sysdig dropped others on purpose. */
  dropped: number
  options: string[]
}

/** What a source shows of calls that has so many events of either kind. */
export function shownBy(enters: number, exits: number): SysdigFacts['shows'] {
  if (enters === 0) return exits > 0 ? 'exit' : 'nothing'
  return exits > 0 ? 'enter and exit' : 'enter'
}

/** Of a source of which nothing has been read yet. */
export function emptyFacts(): SysdigFacts {
  return {
    version: null,
    sections: 0,
    records: 0,
    events: 0,
    types: {},
    calls: {},
    errors: {},
    used: 0,
    counted: 0,
    stateOnly: 0,
    damaged: 0,
    unread: 0,
    unknown: 0,
    unknownEvents: 0,
    foreign: 0,
    lostExits: 0,
    inFlight: 0,
    shows: 'nothing',
    clock: 'none',
    firstNs: null,
    lastNs: null,
    listed: { tasks: 0, processes: 0, descriptors: 0 },
    containers: {},
    hosts: [],
    dropped: 0,
    options: [],
  }
}
