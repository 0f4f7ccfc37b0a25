/** The shape of inspect's answer: what --json prints. */
import { z } from 'zod'
import { headShape } from './document-schema.ts'

const clock = z.enum(['wall', 'monotonic', 'timeOfDay', 'relative', 'none'])
const alignment = {
  aligned: z.enum(['wall', 'note', 'given', 'data', 'none']),
  offsetNs: z.number().nullable(),
  residualNs: z.number().nullable(),
  /** By how many millionths its clock runs slower than the one it was aligned with; null: not seen to. */
  driftPpm: z.number().nullable(),
  /** How far the drift may be from that; before and after what matched, it adds to residualNs. null: not known. */
  driftResidualPpm: z.number().nullable(),
  matched: z.int().nullable(),
  /** 0 to 1; null where nothing was looked for in the data. */
  confidence: z.number().nullable(),
}
export const inspectSchema = z.object({
  schema: z.literal('flushtrace/inspect/1'),
  ...headShape,
  clocks: z.array(
    z.object({
      source: z.string(),
      clock,
      ...alignment,
      /** Where a block trace lies beside others of them, from the first, when nothing joins any of them to the calls; else null. */
      apart: z.object(alignment).nullable(),
    }),
  ),
  /** What one order of all events needs: the most that came before an earlier one, and how long it came after. */
  order: z.object({
    /** How many `events` holds to put them in order. */
    held: z.int(),
    events: z.int(),
    behindNs: z.number(),
    /** Those that come after more later ones than are held: `events` prints them where they come, with lateNs. */
    late: z.int(),
  }),
  rows: z.array(
    z.object({
      path: z.string(),
      kind: z.string(),
      bytes: z.number().nullable(),
      compression: z.enum(['gzip', 'zstd']).nullable(),
      options: z.array(z.string()),
      clock,
      spanNs: z.number().nullable(),
      /**
       * How the records of this source (lines of text, events, block records) add up:
       * total = used + counted + signals + exits + notes + foreign + damaged.
       */
      lines: z
        .object({
          total: z.int(),
          used: z.int(),
          counted: z.int(),
          signals: z.int(),
          exits: z.int(),
          notes: z.int(),
          foreign: z.int(),
          damaged: z.int(),
        })
        .nullable(),
      /** Of a source that is not read: what it is instead. */
      skipped: z.string().optional(),
      /** Of sysdig and block sources: what the records were; events or actions by name stand in `calls`. */
      facts: z.record(z.string(), z.unknown()).nullable(),
      devices: z.array(z.string()),
      /** Events that the trace itself shows to be missing. */
      lost: z.int().nullable(),
      /** Calls that ended, events or block actions, by name, most frequent first. */
      calls: z.record(z.string(), z.int()),
      /** Whether the table of -C at the log's end counts the same calls; null without such a table. */
      summaryAgrees: z.boolean().nullable(),
    }),
  ),
  /** Devices that tables told of, each below those that lie on it. */
  stack: z.array(
    z.object({
      depth: z.int().nonnegative(),
      device: z.string(),
      name: z.string().nullable(),
      kind: z.string().nullable(),
      bytes: z.number().nullable(),
      below: z.string().nullable(),
      /** Where it begins on the one below; null: on none, or no table tells. */
      startBytes: z.number().nullable(),
      /** Requests that block traces show to go on from it to the one below; null: none. */
      remaps: z.int().nullable(),
      fs: z.string().nullable(),
      uuid: z.string().nullable(),
      mountpoints: z.array(z.string()).readonly(),
      file: z.string().nullable(),
      /** Byte of it where the device begins; left out where that is the first one. */
      fileOffset: z.number().optional(),
    }),
  ),
  /** Files that hold guests' disks, as maps of the images told. */
  images: z.array(
    z.object({
      source: z.string(),
      /** null: the map names no file (JSON form). */
      path: z.string().nullable(),
      /** 0: the guest's own image, others: its backing files; null: not told. */
      depth: z.int().nullable(),
      guestBytes: z.number().nullable(),
      /** Device of the file system that the image lies on. */
      device: z.string().nullable(),
      mappedBytes: z.number(),
      pieceCount: z.int(),
      /** The first ones. */
      pieces: z.array(z.object({ guestByte: z.number(), bytes: z.number(), imageByte: z.number() })),
    }),
  ),
  processes: z.int(),
  tasks: z.int(),
})
export type InspectAnswer = z.infer<typeof inspectSchema>
