/** Shapes that several JSON answers share: what each begins with, processes, requests. */
import { z } from 'zod'
import { SOURCE_KINDS } from './sources.ts'

const diagnosticSchema = z.object({
  code: z.string(),
  severity: z.enum(['info', 'loss', 'error']),
  count: z.int().positive(),
  message: z.string(),
  fix: z.string(),
  /** How the answer was made: nothing is missing because of it. */
  note: z.boolean(),
  first: z.object({ source: z.string(), record: z.number().optional(), offset: z.number().optional() }).nullable(),
})

/** --process, --file, --device, --since, --until, as given. */
export const filterShape = z.object({
  process: z.string().nullable(),
  file: z.string().nullable(),
  device: z.string().nullable(),
  since: z.string().nullable(),
  until: z.string().nullable(),
})

export const processSchema = z.object({
  pid: z.int().nullable(),
  name: z.string().nullable(),
  command: z.string().nullable(),
  threads: z.int(),
  parent: z.int().nullable(),
})

/** A request told one by one. */
export const requestShape = {
  source: z.string(),
  at: z.number(),
  device: z.string(),
  sector: z.number().nullable(),
  bytes: z.number(),
  rwbs: z.string(),
  /** Who queued it. */
  pid: z.int().nullable(),
  comm: z.string().nullable(),
}

export const headShape = {
  startedAt: z.string().nullable(),
  spanNs: z.number().nonnegative(),
  sources: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(SOURCE_KINDS),
      bytes: z.number().nullable(),
      records: z.int().nonnegative(),
      used: z.int().nonnegative(),
    }),
  ),
  diagnostics: z.array(diagnosticSchema),
}
