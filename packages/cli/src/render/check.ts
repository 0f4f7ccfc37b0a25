/** What the second count said, for stderr: the answer itself stays as it is. */
import type { CheckAnswer } from '@flushtrace/answers'
import { count, safe } from './text.ts'

/** How many counts are equal, and each that differs. */
export function renderCheck({ cells, differences, left }: CheckAnswer): string {
  const equal = cells - differences.length
  const lines = [`check: ${count(equal)} of ${count(cells)} counts equal when counted another way`]
  for (const { source, of, what, counted, recounted } of differences) {
    lines.push(`  ${safe(source)}: ${safe(of)} ${what}: ${count(counted)}, but ${count(recounted)} when counted again`)
  }
  for (const { source, why } of left) lines.push(`  ${safe(source)}: not counted again (${why})`)
  if (differences.length > 0) lines.push('  this is a bug of flushtrace: please report it with these lines')
  return `${lines.join('\n')}\n`
}
