/** Flushing processes by what they run: of a shell loop or a package manager it is one line, not a hundred. */
import type { RankAnswer, RankRow } from './rank-schema.ts'
import { programOf } from './title.ts'

type Program = NonNullable<RankAnswer['programs']>[number]

/** Programs that are told apart; processes of further ones are counted in the totals only. */
const MAX_PROGRAMS = 4096
/** Programs in an answer. */
const LISTED = 5

export class Programs {
  readonly #byName = new Map<string | null, Program>()

  /** A row of a process, which comes once. */
  add({ process, flushes: { total } }: RankRow): void {
    if (!process || total === 0) return
    const name = programOf(process)
    const known = this.#byName.get(name)
    if (!known) {
      if (this.#byName.size < MAX_PROGRAMS) {
        this.#byName.set(name, { program: name, processes: 1, flushes: total, most: { process, flushes: total } })
      }
      return
    }
    known.processes++
    known.flushes += total
    if (total > known.most.flushes) known.most = { process, flushes: total }
  }

  get size(): number {
    return this.#byName.size
  }

  /** Those that flushed most. */
  first(): Program[] {
    return [...this.#byName.values()].sort((a, b) => b.flushes - a.flushes).slice(0, LISTED)
  }
}
