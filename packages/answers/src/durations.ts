/** What answers say of the durations of many calls. */
import type { Latencies } from '@flushtrace/correlate'

/** JSON-safe; ns as whole numbers. */
export interface DurationSummary {
  total: number
  p50: number
  p99: number
  max: number
}

/** null where there are none. */
export function durationsOf(latencies: Latencies): DurationSummary | null {
  const spread = latencies.spread()
  return spread && { total: Math.round(latencies.total), p50: spread.p50, p99: spread.p99, max: Math.round(spread.max) }
}
