/** The shape of rank's answer: what --json prints. */
import { z } from 'zod'
import { filterShape, headShape, processSchema } from './document-schema.ts'
import { RANK_SORTS } from './rank-order.ts'
import { DIMENSIONS } from './tally.ts'

/** What was queued for block devices, each request on one layer only; null without a block trace. */
const block = z.object({
  writes: z.int(),
  bytes: z.number(),
  /** null: tables of btrace -s do not tell. */
  flushes: z.int().nullable(),
  fua: z.int().nullable(),
})

export type Block = z.infer<typeof block>

const spread = z
  .object({ count: z.int(), mean: z.number(), p50: z.number(), p99: z.number(), max: z.number() })
  .nullable()

/** What iostat gives as averages, here from every request. */
const deviceNumbers = z.object({
  /** At which step requests were counted: queued, or the first step the trace has. */
  basis: z.enum(['queue', 'issue', 'complete']),
  reads: z.int(),
  readBytes: z.number(),
  writesPerSecond: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  flushesPerSecond: z.number().nullable(),
  meanWriteBytes: z.number().nullable(),
  discards: z.int(),
  discardBytes: z.number(),
  writeZeroes: z.int(),
  /** Cache flushes that the device was told to make: requests are merged, and FUA may become one. */
  deviceFlushes: z.int(),
  sequentialShare: z.number().nullable(),
  depth: z.object({ max: z.number(), mean: z.number() }).nullable(),
  busyShare: z.number().nullable(),
  q2c: spread,
  d2c: spread,
  deviceFlushD2c: spread,
  errors: z.record(z.string(), z.int()),
  /** Of the requests, those passed on by a device that is a row of its own. */
  passedOn: block,
  above: z.array(z.string()),
  unfinished: z.int(),
  tasks: z.array(z.object({ tid: z.int().nullable(), comm: z.string().nullable(), ...block.shape })),
})

const counts = z.record(z.string(), z.int().nonnegative())

const file = z.object({
  path: z.string().nullable(),
  inode: z.number().nullable(),
  device: z.string().nullable(),
  kind: z.enum(['regular', 'directory', 'block', 'memory', 'other']).nullable(),
  deleted: z.boolean(),
})

const numbers = {
  flushes: z.object({ total: z.int(), byCall: counts }),
  hints: z.object({ syncFileRange: z.int(), msyncAsync: z.int() }),
  failed: z.object({ total: z.int(), byErrno: counts }),
  flushNs: z.object({ total: z.number(), p50: z.int(), p99: z.int(), max: z.int() }).nullable(),
  written: z.object({
    calls: z.int(),
    bytes: z.number().nullable(),
    /** Through descriptors whose file the trace does not show: a file, a socket or a pipe. */
    unknown: z.object({ calls: z.int(), bytes: z.number() }),
  }),
  /** `before`: of the files, those mapped before the trace and not again in it, as saved /proc state tells. */
  mapped: z.object({ files: z.int(), bytesUpperBound: z.number(), before: z.int() }),
  block: block.nullable(),
  confidence: z.enum(['exact', 'snapshot', 'inferred', 'ambiguous', 'unknown']),
}

const topFile = z.object({
  path: z.string(),
  deleted: z.boolean(),
  flushes: z.int(),
  bytes: z.number(),
  byCall: counts,
})

const topProcess = z.object({
  pid: z.int().nullable(),
  name: z.string().nullable(),
  flushes: z.int(),
  bytes: z.number(),
  /** It has the file mapped writable. */
  mapped: z.boolean(),
})

export const rankRowSchema = z.object({
  process: processSchema.optional(),
  tid: z.int().nullable().optional(),
  call: z.string().optional(),
  container: z.string().nullable().optional(),
  device: z.string().optional(),
  io: deviceNumbers.optional(),
  file: file.optional(),
  /** file: the row's own · system: sync() · filesystem: syncfs · memory: msync of no shared file · unknown. */
  scope: z.enum(['file', 'system', 'filesystem', 'memory', 'unknown']).optional(),
  /** The name the file had in the end, where it was renamed. */
  laterPath: z.string().nullable().optional(),
  ...numbers,
  files: z.int().optional(),
  topFiles: z.array(topFile).optional(),
  processes: z.array(topProcess).optional(),
})

export type RankRow = z.infer<typeof rankRowSchema>

/** What the rows beyond --top add up to. */
const rest = z.object({
  rows: z.int(),
  flushes: numbers.flushes,
  hints: numbers.hints,
  failed: numbers.failed,
  flushNs: z.object({ total: z.number() }).nullable(),
  written: z.object({ calls: z.int(), bytes: z.number() }),
  block: numbers.block,
})

const totals = z.object({
  ...numbers,
  files: z.int(),
  /** Flushes whose file the sources do not name. */
  unnamedFlushes: z.int(),
  processes: z.int(),
  /** That have a file mapped writable. */
  mappingProcesses: z.int(),
  rows: z.int(),
})

/** The processes that run one program, and the one of them that flushed most. */
const program = z.object({
  /** null: processes of which nothing tells what they run. */
  program: z.string().nullable(),
  processes: z.int(),
  flushes: z.int(),
  most: z.object({ process: processSchema, flushes: z.int() }),
})

const patternFiles = z.array(z.object({ path: z.string(), count: z.int() }))

/** What the simpler patterns have in common. */
const occurrences = {
  count: z.int(),
  files: patternFiles,
  fileCount: z.int(),
  processes: z.int(),
  /** All of these flushes together. */
  tookNs: z.number().nullable(),
}

const pattern = z.discriminatedUnion('pattern', [
  z.object({
    /** msync and fdatasync (or fsync) of the same file, back to back in one task. */
    pattern: z.literal('msync-with-fdatasync'),
    count: z.int(),
    /** Which of the two comes first, mostly. */
    first: z.enum(['msync', 'fdatasync']),
    files: patternFiles,
    msyncNs: z.number().nullable(),
    syncNs: z.number().nullable(),
  }),
  z.object({
    /** Writethrough: each write, or step of two, is flushed before the next one to the file, so all of them wait. */
    pattern: z.literal('flush-per-write'),
    ...occurrences,
    byCall: counts,
    writes: z.int(),
    bytes: z.number(),
    /** One flush in the place of each row of them would be as safe, where none must be durable before its end. */
    rows: z.int(),
    /** What these would take, by the sizes and times of all flushes of this trace; null: they do not tell. */
    onceNs: z.number().nullable(),
    /** Mean of the flushes in this trace that came after many writes. */
    oneFlushNs: z.number().nullable(),
  }),
  z.object({
    /** Writeback: many writes to a file, and one flush after them. `count`: files. */
    pattern: z.literal('flush-at-end'),
    ...occurrences,
    writes: z.int(),
    bytes: z.number(),
    /** Mean of the flushes in this trace that came after one or two writes: what each write would have waited. */
    stepNs: z.number().nullable(),
  }),
  z.object({
    /** Written anew, flushed, renamed into place. */
    pattern: z.literal('safe-replace'),
    ...occurrences,
    /** Of them, those whose directory was flushed afterwards; by so many flushes, which took so long. */
    withDirectory: z.int(),
    directoryFlushes: z.int(),
    directoryNs: z.number().nullable(),
  }),
  z.object({
    /** A flush of a file that nothing in this trace made dirty since its last one. */
    pattern: z.literal('nothing-dirty'),
    ...occurrences,
    byCall: counts,
  }),
  z.object({
    /** Runs of small synchronous writes of one process to one file. */
    pattern: z.literal('small-sync-writes'),
    ...occurrences,
    runs: z.int(),
    bytes: z.number(),
    medianBytes: z.number(),
  }),
])

export type RankPattern = z.infer<typeof pattern>

const conditionResult = z.object({
  condition: z.string(),
  /** In seconds, bytes, or a plain number. */
  measured: z.number(),
  unit: z.enum(['count', 'seconds', 'bytes', 'share']),
  holds: z.boolean(),
})

export type ConditionResult = z.infer<typeof conditionResult>

export const rankSchema = z.object({
  schema: z.literal('flushtrace/rank/1'),
  ...headShape,
  by: z.enum(DIMENSIONS),
  sort: z.enum(RANK_SORTS),
  filter: filterShape,
  total: totals,
  /** By process only: the programs that flushed most, of `programCount`. */
  programs: z.array(program).optional(),
  programCount: z.int().optional(),
  patterns: z.array(pattern),
  rows: z.array(rankRowSchema),
  rest: rest.nullable(),
  /** Of --fail-if, in its order. */
  conditions: z.array(conditionResult).optional(),
})

export type RankAnswer = z.infer<typeof rankSchema>
