/** How often a pattern was seen: on which files, by how many processes, and what it took. */
import type { FileName, TracedProcess } from '@flushtrace/correlate'

export class Occurrences {
  count = 0
  /** NaN where one of them has no duration. */
  tookNs = 0
  readonly files = new Map<FileName, number>()
  processes = 0
  readonly #seen = new WeakSet<TracedProcess>()

  /** `times` at once, which took `tookNs` together. */
  add(name: FileName, process: TracedProcess, tookNs: number, times = 1): void {
    this.count += times
    this.tookNs += tookNs
    this.files.set(name, (this.files.get(name) ?? 0) + times)
    if (!this.#seen.has(process)) {
      this.#seen.add(process)
      this.processes++
    }
  }
}
