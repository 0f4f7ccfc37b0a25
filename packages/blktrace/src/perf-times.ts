/**
 * What the times of perf script count from: boot, unless it was asked for others. `--reltime` counts from the first line,
 * `--deltatime` from the line before; both begin with 0, which no clock that counts from boot does, and only the latter
 * goes up and down (tools/perf/builtin-script.c perf_sample__fprintf_start()).
 */
import { decodeUtf8 } from '@flushtrace/trace'
import { parseTracefsHead, type TracefsHead } from './tracefs-line.ts'

export type CountedFrom = 'clock' | 'first line' | 'line before'

/** perf script puts its lines in order; few that are not may be left by `--no-order`. */
const FEW = 1 / 8

/** Told by the beginning of a text; `clock` where it is not perf's. */
export function countedFrom(head: Uint8Array): CountedFrom {
  let [lines, back, last] = [0, 0, 0]
  for (const line of decodeUtf8(head, 0, head.length).split('\n')) {
    const parsed = parseTracefsHead(line)
    if (!parsed?.perf) continue
    const ns = parsed.seconds * 1e9 + parsed.nanos
    if (lines === 0 && ns !== 0) return 'clock'
    lines++
    if (ns < last) back++
    last = ns
  }
  return lines === 0 ? 'clock' : back > FEW * lines ? 'line before' : 'first line'
}

/** Makes one axis of times since the line before. Each is cut to its digits: half of the last one is put back. */
export class AddedUp {
  #sumNs = NaN

  /** Takes each line's head in turn, and gives it its time since the first. */
  put(head: TracefsHead): void {
    this.#sumNs = Number.isNaN(this.#sumNs) ? 0 : this.#sumNs + head.seconds * 1e9 + head.nanos + head.cutNs
    head.seconds = Math.floor(this.#sumNs / 1e9)
    head.nanos = this.#sumNs - head.seconds * 1e9
  }
}
