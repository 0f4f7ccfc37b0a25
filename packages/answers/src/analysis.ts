/** What `analyze` is asked for, and what it gives. */
import type { Activity, DeviceSummary, TracedProcess } from '@flushtrace/correlate'
import type { DiskLayout } from '@flushtrace/layout'
import type { Diagnostics, Pace } from '@flushtrace/trace'
import { extent } from 'd3-array'
import type { BlockTrace, OnBlockBatch } from './block.ts'
import type { Alignment, ClockOptions } from './clocks.ts'
import type { FilterOptions } from './filter.ts'
import type { StraceSource, SysdigSource } from './readings.ts'
import type { Capture, FormatOptions, SourceKind } from './sources.ts'
import type { SavedTables } from './summaries.ts'

export interface AnalyzeOptions extends FilterOptions, FormatOptions, ClockOptions {
  /** Called now and then with the bytes read so far (as on disk) and in all (null: a stream has no size). */
  readonly onProgress?: (done: number, total: number | null) => void
  /** Waited for before each further piece of a source, by whoever passes on what it is told. */
  readonly pace?: Pace
}

/** What is true of the whole capture once it has been read. */
export interface Analysis {
  readonly capture: Capture
  readonly straces: readonly StraceSource[]
  readonly sysdigs: readonly SysdigSource[]
  readonly blocks: readonly BlockTrace[]
  /** Each device once; empty without block traces. */
  readonly devices: readonly DeviceSummary[]
  /** Tables of `strace -c` and `btrace -s` that stand alone. */
  readonly tables: SavedTables
  /** Devices, file systems and their maps, as saved beside the trace; empty without any. */
  readonly layout: DiskLayout
  readonly diagnostics: Diagnostics
  readonly startedAt: string | null
  readonly spanNs: number
  /** By source: where its time 0 lies in ns since `startedAt`. */
  readonly offsets: ReadonlyMap<number, number>
  /** By source of the capture (a binary block trace: by its first): how it came to stand there. */
  readonly clocks: ReadonlyMap<number, Alignment>
  readonly seen: { readonly processes: number; readonly tasks: number }
}

/** What an activity's numbers mean. */
export interface ActivityContext {
  readonly sourcePaths: readonly string[]
  readonly sourceKinds: readonly SourceKind[]
  /** Container id of its task; null where no source tells, or it is in none. */
  readonly containerOf: (activity: Activity) => string | null
  /** Block traces stand beside the calls: requests will be charged to processes at the end. */
  readonly hasBlocks: boolean
}

/** Gets each activity that passes the filter, and its time in ns since the start. */
export type OnActivity = (activity: Activity, atNs: number, context: ActivityContext) => void

/** Who is told what, besides activities. */
export interface Listeners {
  readonly onBlockBatch?: OnBlockBatch
  /** It wants no other rows of block traces than what becomes of requests. */
  readonly requestsOnly?: boolean
  /** The last task of a process is gone: no activity of it will come. */
  readonly onEnd?: (process: TracedProcess, context: ActivityContext) => void
  /** Activities of a DetailKind are wanted, too. */
  readonly detail?: boolean
}

/** What the activities' numbers mean: `sysdigs` tell containers. */
export function contextOf(capture: Capture, sysdigs: readonly SysdigSource[], hasBlocks: boolean): ActivityContext {
  return {
    sourcePaths: capture.sources.map(({ source }) => source.path),
    sourceKinds: capture.sources.map(({ kind }) => kind),
    containerOf: ({ source, task: { tid, container: own } }) => {
      if (sysdigs.some(({ index }) => index === source)) return own
      // strace does not tell: what stands beside it may.
      for (const { reading } of sysdigs) {
        const container = reading.containers.get(tid)
        if (container) return container
      }
      return null
    },
    hasBlocks,
  }
}

/** In ns: from the first to the last time of the calls that counted; of block traces where there are none. */
export function spanOf(
  calls: readonly (StraceSource | SysdigSource)[],
  blocks: readonly BlockTrace[],
  offsets: ReadonlyMap<number, number>,
): number {
  const told =
    calls.length > 0
      ? calls.map(({ index, reading: { facts } }) => ({ facts, offset: offsets.get(index) ?? 0 }))
      : blocks.map(({ reading: { facts }, offsetNs }) => ({ facts, offset: offsetNs ?? 0 }))
  const [first, last] = extent(
    told.flatMap(({ facts: { firstNs, lastNs }, offset }) =>
      firstNs === null || lastNs === null ? [] : [offset + firstNs, offset + lastNs],
    ),
  )
  return first === undefined || last === undefined ? 0 : last - first
}
