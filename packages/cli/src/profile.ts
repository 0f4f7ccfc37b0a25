/** FLUSHTRACE_PROFILE=1: where the time went, on stderr, when the program ends. */
import { Stages } from '@flushtrace/answers'

/** undefined: nobody asks. */
export function askedProfile(): Stages | undefined {
  if (!process.env.FLUSHTRACE_PROFILE) return undefined
  const stages = new Stages('starting')
  process.once('exit', () => process.stderr.write(profileText(stages)))
  return stages
}

/** A line for each stage: seconds, share, and how much of the trace it takes on in one of its seconds. */
function profileText(stages: Stages): string {
  const all = stages.all()
  const totalMs = [...all.values()].reduce((sum, { ms }) => sum + ms, 0)
  const bytes = { million: (all.get('reading')?.units ?? 0) / 1e6, unit: 'MB/s' }
  const rows = { million: (all.get('parsing')?.units ?? 0) / 1e6, unit: 'million rows/s' }
  const measures = new Map([
    ['reading', [bytes]],
    ['parsing', [bytes, rows]],
    ['calls', [rows]],
    ['block requests', [rows]],
  ])
  let text = ''
  for (const [stage, { ms }] of all) {
    const rates = ms < 1 ? [] : (measures.get(stage) ?? [])
    const told = rates.map(({ million, unit }) => `${((million * 1e3) / ms).toFixed(1)} ${unit}`)
    const share = `${Math.round((100 * ms) / totalMs)} %`
    const line = `${stage.padEnd(16)} ${(ms / 1e3).toFixed(3).padStart(9)} s ${share.padStart(5)}  ${told.join(', ')}`
    text += `${line.trimEnd()}\n`
  }
  return text
}
