/**
 * raid0 of members of different sizes: it is striped over all of them as far as the smallest reaches, then over those that are
 * larger, and so on (torvalds/linux drivers/md/raid0.c create_strip_zones()). Members count in whole chunks.
 *
 * Which member has a chunk of a later zone depends on the array's layout: `original` counts chunks from the start of the array
 * (before Linux 3.14), `alternate` from the start of the zone. The first zone is the same in both.
 */
import type { StripedLayer } from './layer.ts'

/** A member with its data: where they begin on it, and how many bytes they are. */
export interface Raid0Member {
  readonly device: number
  readonly at: number
  readonly bytes: number | null
}

export type Raid0Layout = 'original' | 'alternate' | null

/**
 * Of members in the order of their slots; later zones only where the layout, or that one member is left, decides on them.
 * Empty: the members are not as large as the array.
 */
export function stripZones(
  array: Pick<StripedLayer, 'upper' | 'bytes' | 'chunk'>,
  members: readonly Raid0Member[],
  layout: Raid0Layout,
): StripedLayer[] {
  const { upper, chunk } = array
  const whole = members.map(({ device, at, bytes }) => ({
    device,
    at,
    bytes: chunk * Math.floor((bytes ?? 0) / chunk),
  }))
  const zones: StripedLayer[] = []
  let upperAt = 0
  let from = 0
  for (const size of [...new Set(whole.map(({ bytes }) => bytes))].sort((a, b) => a - b)) {
    const larger = whole.filter(({ bytes }) => bytes > from)
    const bytes = (size - from) * larger.length
    if (upperAt === 0 || layout !== null || larger.length === 1) {
      const turn = layout === 'original' ? (upperAt / chunk) % larger.length : 0
      const inTurn = [...larger.slice(turn), ...larger.slice(0, turn)]
      const lowers = inTurn.map(({ device, at }) => ({ device, at: at + from }))
      zones.push({ kind: 'striped', what: 'raid0', upper, upperAt, bytes, chunk, lowers, copies: 1 })
    }
    upperAt += bytes
    from = size
  }
  return upperAt === array.bytes ? zones : []
}
