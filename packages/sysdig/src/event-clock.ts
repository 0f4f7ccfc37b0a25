/** The times of events: as they stand in the file, two words of ns since 1970, and from the first event on. */

/** Events of several processors stand a little out of order. */
const REORDER_NS = 1e9
const TWO_32 = 4294967296
const NO_TIME = 0xffffffff

export class EventClock {
  /** Of the last event. */
  low = 0
  high = 0
  /** Of the first one; -1 before it. */
  originLow = 0
  originHigh = -1
  /** Of the last event when it was asked, and the latest of these. */
  nowNs = NaN
  lastNs = NaN

  /** Time of the first event, ns since 1970; null before it. */
  get origin(): bigint | null {
    return this.originHigh < 0 ? null : (BigInt(this.originHigh) << 32n) | BigInt(this.originLow)
  }

  /** The time of one more event; false: it is long before the one before. */
  arrive(low: number, high: number): boolean {
    // Notes that sysdig makes itself (containers) have no time: 0 or -1.
    if (high === 0 || high === NO_TIME) return true
    const back = (this.high - high) * TWO_32 + (this.low - low)
    if (back > 0) this.stamp()
    this.low = low
    this.high = high
    if (this.originHigh < 0) {
      this.originLow = low
      this.originHigh = high
    }
    return back <= REORDER_NS
  }

  /** Takes the time of the last event. */
  stamp(): void {
    if (this.originHigh < 0) return
    const now = (this.high - this.originHigh) * TWO_32 + (this.low - this.originLow)
    if (!(now <= this.lastNs)) this.lastNs = now
    this.nowNs = now
  }
}
