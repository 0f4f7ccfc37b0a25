/** The shape of locate's answer: what --json prints. */
import { z } from 'zod'
import { filterShape, headShape, requestShape } from './document-schema.ts'

/** Of `bytes`: a discard is no write. */
const confidence = z.object({
  exact: z.number(),
  snapshot: z.number(),
  inferred: z.number(),
  ambiguous: z.number(),
  unknown: z.number(),
})

const via = z.enum(['direct', 'flush', 'writeback'])

const what = z.enum(['file', 'journal', 'metadata', 'superblock', 'free', 'swap', 'unknown'])

const numbers = {
  writes: z.int(),
  bytes: z.number(),
  discards: z.int(),
  discardBytes: z.number(),
  /** Write-zeroes: no data is sent for them. Of version 1 binary records they are writes. */
  zeroes: z.int(),
  zeroedBytes: z.number(),
  flushes: z.int(),
  fua: z.int(),
}

export const locateRowSchema = z.object({
  what,
  /** Of what is `free`: the file whose data lay there last. */
  file: z
    .object({
      path: z.string().nullable(),
      deleted: z.boolean(),
      inode: z.number().nullable(),
      /** st_dev of its file system, as `major:minor`; null: neither calls nor tables tell. */
      device: z.string().nullable(),
      /** null: no call tells. */
      kind: z.enum(['regular', 'directory', 'block', 'memory', 'other']).nullable(),
      /** btrfs: id of the subvolume tree. */
      root: z.number().nullable(),
    })
    .nullable(),
  /** The device on top of the layers, as `major:minor`. */
  device: z.string(),
  ...numbers,
  /** Bytes that programs wrote to the file by calls; null where no system calls are among the sources. */
  writtenBytes: z.number().nullable(),
  /**
   * Where several processes made the same blocks dirty, the bytes are shared out evenly. Of discards: who queued them, or
   * (`writeback`) took the blocks from the file before a kernel thread did.
   */
  processes: z.array(
    z.object({
      pid: z.int().nullable(),
      name: z.string().nullable(),
      bytes: z.number(),
      via,
    }),
  ),
  /** Threads of the kernel that queued them, for whoever made them dirty, or for nobody: all workers as `kworker/*`. */
  kernelThreads: z.array(z.object({ name: z.string(), bytes: z.number() })),
  confidence,
  /** Bytes by the rule that named them. */
  rules: z.record(z.string(), z.number()),
  /** Where several files may be meant: all of them. */
  candidates: z.array(z.string()).optional(),
  /** The file that holds the loop device on which this file lies; left out for all others. */
  image: z.string().optional(),
})

export type LocateRow = z.infer<typeof locateRowSchema>

export const locateSchema = z.object({
  schema: z.literal('flushtrace/locate/1'),
  ...headShape,
  filter: filterShape,
  devices: z.array(
    z.object({
      device: z.string(),
      name: z.string().nullable(),
      fs: z.string().nullable(),
      mountpoints: z.array(z.string()),
      bytes: z.number(),
    }),
  ),
  total: z.object({
    ...numbers,
    byWhat: z.partialRecord(what, z.object({ writes: z.int(), bytes: z.number() })),
    /** Bytes that programs wrote by calls to the files among the rows; null without system calls. */
    writtenBytes: z.number().nullable(),
    /** Of `discardBytes`, those of rows with a file. */
    fileDiscardBytes: z.number(),
    rows: z.int(),
  }),
  located: z.object({
    /** Bytes of file data: all but what the file system writes for itself. */
    dataBytes: z.number(),
    locatedBytes: z.number(),
    fraction: z.number().nullable(),
    /** Bytes of data by the witness that named them. */
    byWitness: z.object({
      events: z.number(),
      calls: z.number(),
      places: z.number(),
      maps: z.number(),
      dirty: z.number(),
    }),
    conflicts: z.int(),
  }),
  /** What was among the sources, and what would raise the share. */
  witnesses: z.object({
    calls: z.boolean(),
    /** Events that name inodes. */
    events: z.boolean(),
    /** The clocks of such events and of requests were joined. */
    eventsPlaced: z.boolean(),
    maps: z.boolean(),
    /** Those of calls and requests. */
    aligned: z.boolean(),
  }),
  rows: z.array(locateRowSchema),
  rest: z.object({ rows: z.int(), ...numbers }).nullable(),
})

export type LocateAnswer = z.infer<typeof locateSchema>

/** One request, or one part of it where it holds several files: a line of `locate --events`. */
const locatedWriteSchema = z.object({
  type: z.literal('block-write'),
  atNs: z.number().nullable(),
  ...requestShape,
  what,
  path: z.string().nullable(),
  inode: z.number().nullable(),
  fileOffset: z.number().nullable(),
  /** Of a file that holds a guest's disk: the ranges of that disk; left out for all other files. */
  guest: z.array(z.object({ offset: z.number(), bytes: z.number() })).optional(),
  /** Of a file on a loop device: the file that holds the device, and where there; left out for all others. */
  image: z.object({ path: z.string(), fileOffset: z.number() }).optional(),
  processes: z.array(z.object({ pid: z.int().nullable(), name: z.string().nullable(), via })),
  confidence: confidence.keyof(),
  candidates: z.array(z.string()),
  evidence: z.array(
    z.object({ rule: z.string(), source: z.string().nullable(), at: z.number().nullable(), says: z.string() }),
  ),
})

export type LocatedWrite = z.infer<typeof locatedWriteSchema>

export const locateSectorSchema = z.object({
  schema: z.literal('flushtrace/locate-sector/1'),
  ...headShape,
  filter: filterShape,
  /** As it was asked for. */
  sector: z.string(),
  total: z.object({ writes: z.int() }),
  /** The first of them. */
  writes: z.array(locatedWriteSchema),
})

export type LocateSectorAnswer = z.infer<typeof locateSectorSchema>
