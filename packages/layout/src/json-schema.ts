/**
 * What tools print as JSON. Loaded with the first such file (side-file.ts): a validator takes longer to load than most
 * traces take to read.
 */
import { z } from 'zod'

/** Old versions of util-linux print numbers as strings. */
const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
const looseNumber = z.union([number, z.null()]).catch(null)
const text = z.string().nullish()

const lsblkRow = z.object({
  name: z.string(),
  kname: text,
  'maj:min': text,
  type: text,
  size: looseNumber.optional(),
  /** 512-byte sectors. */
  start: looseNumber.optional(),
  fstype: text,
  uuid: text,
  partuuid: text,
  label: text,
  partlabel: text,
  mountpoint: text,
  mountpoints: z.array(z.string().nullable()).nullish(),
  pkname: text,
  get children() {
    return z.array(lsblkRow).optional()
  },
})
export type LsblkRow = z.infer<typeof lsblkRow>

const place = z.int().nonnegative()

/** By tool. */
export const JSON_SHAPES = {
  lsblk: z.object({ blockdevices: z.array(lsblkRow) }),
  losetup: z.object({
    loopdevices: z.array(z.object({ name: z.string(), offset: number.optional(), 'back-file': z.string().nullable() })),
  }),
  qemuMap: z.array(z.object({ start: place, length: place, depth: place, offset: place.optional() })),
}

export type JsonOf<Tool extends keyof typeof JSON_SHAPES> = z.infer<(typeof JSON_SHAPES)[Tool]>

/** The value if it has the shape, else why not. */
export function checked<Tool extends keyof typeof JSON_SHAPES>(
  tool: Tool,
  value: unknown,
): { value: JsonOf<Tool> } | { reason: string } {
  const { data, error } = JSON_SHAPES[tool].safeParse(value)
  return error ? { reason: error.issues[0]?.message ?? '' } : { value: data as JsonOf<Tool> }
}
