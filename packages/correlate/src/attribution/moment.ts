/** When a map was taken, ns on the clock of the requests: from its first look to its last. */
export interface Moment {
  readonly fromNs: number
  /** Infinity: not told. */
  readonly untilNs: number
}

export const BEFORE_TRACE: Moment = { fromNs: -Infinity, untilNs: -Infinity }
export const AFTER_TRACE: Moment = { fromNs: Infinity, untilNs: Infinity }
