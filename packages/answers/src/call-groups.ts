/** Several sources may tell the same calls: which were recorded by one means, the richest first, and which tasks each saw when. */
import type { StraceSource, SysdigSource } from './readings.ts'

const SYSDIG_KINDS = [
  { kind: 'scap', name: 'the sysdig capture' },
  { kind: 'sysdig-json', name: 'sysdig JSON' },
  { kind: 'sysdig-text', name: 'sysdig text' },
] as const
/** What clocks that were joined may differ by. */
const BESIDE_NS = 1_000_000

export type CallSource = StraceSource | SysdigSource

/** Sources that were recorded by one means. */
export interface Group {
  readonly name: string
  readonly sources: readonly CallSource[]
  /** Files behind flushes are inferred. */
  readonly infer: boolean
}

/** What shows most of a call first: strace its arguments, a capture the tasks and files from before, JSON and text neither. */
export function groupsOf(straces: readonly StraceSource[], sysdigs: readonly SysdigSource[]): Group[] {
  const byKind = SYSDIG_KINDS.map(({ kind, name }) => ({
    name,
    sources: sysdigs.filter((one) => one.kind === kind),
    infer: true,
  }))
  return [{ name: 'strace', sources: straces, infer: false }, ...byKind].filter(({ sources }) => sources.length > 0)
}

/** Tasks that a group of sources saw, and from when to when. */
export interface Told {
  readonly tasks: ReadonlySet<number>
  readonly fromNs: number
  readonly untilNs: number
}

/** Whether one of them saw the task then. Where one of the times is not known (NaN), they may have been together. */
export function haveTold(told: readonly Told[], tid: number, atNs: number): boolean {
  for (const { tasks, fromNs, untilNs } of told) {
    if (tasks.has(tid) && !(atNs < fromNs - BESIDE_NS || atNs > untilNs + BESIDE_NS)) return true
  }
  return false
}

/** NaN where one of them does not tell its times. */
export function seenBetween(sources: readonly CallSource[], offsets: ReadonlyMap<number, number>): Omit<Told, 'tasks'> {
  const all = sources.map(({ index, reading: { facts } }) => ({ facts, offsetNs: offsets.get(index) ?? NaN }))
  return {
    fromNs: Math.min(...all.map(({ facts, offsetNs }) => (facts.firstNs ?? NaN) + offsetNs)),
    untilNs: Math.max(...all.map(({ facts, offsetNs }) => (facts.lastNs ?? NaN) + offsetNs)),
  }
}
