/** The shape of what --check prints. */
import { z } from 'zod'

export const checkSchema = z.object({
  /** How many counts were compared. */
  cells: z.int(),
  differences: z.array(
    z.object({
      source: z.string(),
      /** A task id, or a device. */
      of: z.string(),
      what: z.string(),
      counted: z.number(),
      recounted: z.number(),
    }),
  ),
  /** What there is no second count of, and why. */
  left: z.array(z.object({ source: z.string(), why: z.string() })),
})
export type CheckAnswer = z.infer<typeof checkSchema>
