/**
 * Readings that go on side by side, each in order of time for itself: they take turns, so that whoever is behind goes
 * on and none is ahead by more than a batch. What they tell is then nearly in one order, in memory for a batch of each.
 */
import { least } from 'd3-array'

export class Turns {
  readonly #readings = new Set<Turn>()

  /** All take their place before the first one begins. */
  take(): Turn {
    const turn = new Turn(this.#readings)
    this.#readings.add(turn)
    return turn
  }
}

export class Turn {
  #atNs = -Infinity
  readonly #all: Set<Turn>
  #goOn: (() => void) | null = null

  constructor(all: Set<Turn>) {
    this.#all = all
  }

  /** How far this reading is; one without times goes first, and a row without one tells nothing. */
  reached(atNs: number): void {
    if (!Number.isNaN(atNs)) this.#atNs = atNs
  }

  /** Passes batches on; before each further one it waits until no other reading is behind. */
  async *of<B>(batches: AsyncIterable<B>): AsyncGenerator<B> {
    for await (const batch of batches) {
      yield batch
      await new Promise<void>((resolve) => {
        this.#goOn = resolve
        this.#next()
      })
    }
  }

  end(): void {
    this.#all.delete(this)
    this.#next()
  }

  #next(): void {
    const behind = least(this.#all, (turn) => turn.#atNs)
    if (!behind) return
    const goOn = behind.#goOn
    behind.#goOn = null
    goOn?.()
  }
}
