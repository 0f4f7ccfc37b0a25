/** What two sources say about each other's clocks. */
export interface FoundOffset {
  /** Added to the one source's times, gives the other's. */
  readonly offsetNs: number
  /** Where the one clock runs slower: added to its times before that, in millionths of them. */
  readonly driftPpm?: number
  /** How far from that the truth may be, from the first to the last that was matched, if that belongs together. */
  readonly residualNs: number
  /** How far the drift may be from that, too: outside of what was matched the truth may be so much further away. */
  readonly driftResidualPpm?: number
  /** Independent observations that agree on it. */
  readonly matched: number
  /** Found by requests that stand in both traces. */
  readonly twin?: boolean
  /** How far the best offset is ahead of the next best: 0 (not at all) to 1 (nothing else fits). */
  readonly lead: number
}

/** Fewer agree by chance. */
const FEWEST = 6
/** A timeline that is wrong by more than this joins writes to flushes they have nothing to do with. */
export const MAX_RESIDUAL_NS = 5_000_000

/**
 * Whether to believe it. What agrees by chance varies by the square root of its number; the best of many offsets must be
 * ahead of the next by twice that.
 */
export function isSure({ matched, lead, residualNs }: FoundOffset): boolean {
  return matched >= FEWEST && lead >= 2 / Math.sqrt(matched) && residualNs <= MAX_RESIDUAL_NS
}

/** 0 to 1: how much of what is needed to be sure is there, and beyond that. */
export function confidenceOf({ matched, lead }: FoundOffset): number {
  return 1 - Math.exp(-lead * Math.sqrt(matched))
}
