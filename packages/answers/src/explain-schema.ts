/** The shape of explain's answer: what --json prints. */
import { z } from 'zod'
import { filterShape, headShape, processSchema, requestShape } from './document-schema.ts'

const ns = z.int().nonnegative()
/** Since the start, which may be longer ago than 104 days: then it is no whole number of ns any more. */
const atNs = z.number()

/** They add up to tookNs exactly. What each means: explain-parts.ts. */
const parts = z.object({
  ownDataNs: ns,
  othersDataNs: ns,
  journalNs: ns,
  deviceFlushNs: ns,
  queueNs: ns,
  unseenNs: ns,
})

/** Who made it dirty, as far as is known. */
const processes = z.array(processSchema.pick({ pid: true, name: true }))

const evidence = z.array(z.object({ rule: z.string(), source: z.string().nullable(), at: z.number().nullable() }))

const blockWrite = z.object({
  atNs,
  ...requestShape,
  /** What it was to the flush. */
  role: z.enum(['ownData', 'othersData', 'journal', 'deviceFlush']),
  /** Of its pieces, the one with most bytes. */
  what: z.string(),
  path: z.string().nullable(),
  processes,
  confidence: z.string(),
  rule: z.string(),
  /** From queued to sent, to the end of its data, to its end; null where the trace lacks the event. */
  queuedNs: z.int().nullable(),
  dataNs: z.int().nullable(),
  tookNs: z.int().nullable(),
})

const row = z.object({
  flush: z.int().positive(),
  /** Of a request alone: its letters, as blkparse prints them. */
  call: z.string(),
  process: processSchema,
  thread: z.int().nullable(),
  path: z.string().nullable(),
  /** Of one msync over several files. */
  otherPaths: z.array(z.string()),
  confidence: z.string(),
  atNs: atNs.nullable(),
  tookNs: z.int().nullable(),
  parts,
  /** The first ones, in the order in which they were queued. */
  blockWrites: z.array(blockWrite),
  /** Block writes beyond those listed. */
  moreBlockWrites: z.int(),
  dataBytes: z.number(),
  othersBytes: z.number(),
  journalBytes: z.number(),
  writes: z.int(),
  /** Cache flushes of the device within the call, for requests it waited for. */
  deviceFlushes: z.int(),
  deviceFlushTimes: z.array(z.object({ device: z.string(), atNs, tookNs: z.int() })),
  /** nothing: no request that this trace shows · others: no data of its own, on a commit that had begun before. */
  waitedFor: z.enum(['nothing', 'others', 'own', 'unknown']),
  evidence,
})
export type ExplainRow = z.infer<typeof row>
export type BlockWrite = z.infer<typeof blockWrite>

const other = z.object({
  path: z.string().nullable(),
  /** Each write once, however many flushes waited for it. */
  bytes: z.number(),
  flushes: z.int(),
  processes,
})

export const explainSchema = z.object({
  schema: z.literal('flushtrace/explain/1'),
  ...headShape,
  filter: filterShape,
  /** Flushes of calls, or, where no source has calls, the requests that carry a flush or FUA. */
  of: z.enum(['calls', 'requests']),
  summary: z.object({
    flushes: z.int(),
    processes: z.int(),
    /** Those whose time is known: all figures of time are of these. */
    timed: z.int(),
    tookNs: z.object({ total: ns, p50: ns, p99: ns, max: ns }).nullable(),
    parts,
    /** Means of a flush. */
    dataBytes: z.number().nullable(),
    writes: z.number().nullable(),
    deviceFlushes: z.number().nullable(),
    /** Flushes that waited for nothing that this trace shows, and those that rode on another's commit. */
    empty: z.int(),
    rode: z.int(),
    /** What was not known of how many flushes, by the name it has in `evidence`. */
    limits: z.record(z.string(), z.int()),
    /** Files whose data these flushes had to wait for, most bytes first. */
    others: z.array(other),
  }),
  /** Flushes of the trace that are too many to be explained one by one, whatever the filters; tookNs null: not known. */
  beyond: z.object({ flushes: z.int(), tookNs: z.number().nullable() }),
  /** The slowest first. */
  rows: z.array(row),
  /** Flushes beyond --top. */
  rest: z.int(),
})
export type ExplainAnswer = z.infer<typeof explainSchema>
