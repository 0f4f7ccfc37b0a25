/**
 * Where the time goes, for who asks (FLUSHTRACE_PROFILE). Every moment belongs to the innermost stage under way; where
 * several sources are read side by side, what one waits for may be given to another.
 */
export interface Stage {
  ms: number
  /** What passed: bytes read, rows parsed. 0: nothing is counted. */
  units: number
}

export class Stages {
  readonly #stages = new Map<string, Stage>()
  #now: string
  #sinceMs = 0

  /** `first`: what has been under way since the process began. */
  constructor(first: string) {
    this.#now = first
  }

  /** From now on `stage` is under way. Returns what was. */
  enter(stage: string): string {
    const atMs = performance.now()
    const left = this.#now
    this.#of(left).ms += atMs - this.#sinceMs
    this.#sinceMs = atMs
    this.#now = stage
    this.#of(stage)
    return left
  }

  /** The same items; the time until each is there belongs to `stage`. */
  async *watch<Item>(stage: string, items: AsyncIterable<Item>, unitsOf: (item: Item) => number): AsyncGenerator<Item> {
    const rest = items[Symbol.asyncIterator]()
    try {
      for (;;) {
        const outer = this.enter(stage)
        const { done, value } = await rest.next().finally(() => this.enter(outer))
        if (done) return
        this.#of(stage).units += unitsOf(value)
        yield value
      }
    } finally {
      await rest.return?.()
    }
  }

  /** What each took until now, in the order in which they began. */
  all(): ReadonlyMap<string, Readonly<Stage>> {
    this.enter(this.#now)
    return this.#stages
  }

  #of(stage: string): Stage {
    const known = this.#stages.get(stage) ?? { ms: 0, units: 0 }
    this.#stages.set(stage, known)
    return known
  }
}
