/** What --fail-if found: a line for each condition that holds. */
import type { RankAnswer } from '@flushtrace/answers'
import { bytes, duration, rate, safe } from './text.ts'

type ConditionResult = NonNullable<RankAnswer['conditions']>[number]

/** A line for each condition that holds, for stderr. */
export function renderHolding(conditions: readonly ConditionResult[]): string[] {
  return conditions
    .filter(({ holds }) => holds)
    .map((result) => `flushtrace: failed for ${safe(result.condition)}: it is ${measuredText(result)}`)
}

function measuredText({ measured, unit }: ConditionResult): string {
  switch (unit) {
    case 'seconds':
      return duration(measured * 1e9)
    case 'bytes':
      return bytes(measured)
    case 'share':
      return `${(measured * 100).toFixed(1)} %`
    case 'count':
      return Number.isInteger(measured) ? String(measured) : rate(measured, 1e9)
  }
}
