/** What the kinds of event blocks have in front of the parameters. */
export interface EventLayout {
  /** Bytes of the block before the event: type, length, CPU, and flags where it has them. */
  readonly before: number
  /** Bytes of the event's header: time, tid, length, id; and of v2 the number of parameters (`counted`). */
  readonly header: number
  readonly flags: boolean
  readonly counted: boolean
  /** Lengths of parameters have 32 bits. */
  readonly large: boolean
}

export const HEADER_V1 = 22
const HEADER_V2 = 26

export const EVENT_LAYOUTS: ReadonlyMap<number, EventLayout> = new Map([
  [0x204, { before: 10, header: HEADER_V1, flags: false, counted: false, large: false }],
  [0x8010abcd, { before: 10, header: HEADER_V1, flags: false, counted: false, large: false }],
  [0x208, { before: 14, header: HEADER_V1, flags: true, counted: false, large: false }],
  [0x216, { before: 10, header: HEADER_V2, flags: false, counted: true, large: false }],
  [0x217, { before: 14, header: HEADER_V2, flags: true, counted: true, large: false }],
  [0x221, { before: 10, header: HEADER_V2, flags: false, counted: true, large: true }],
  [0x222, { before: 14, header: HEADER_V2, flags: true, counted: true, large: true }],
])
