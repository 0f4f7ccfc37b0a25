/** One input of the fuzzer, made again from the run's seed and its number. */
import { DIMENSIONS, type Dimension } from '@flushtrace/answers'
import { corpus, type Seed } from './corpus.ts'
import { mutate } from './mutate.ts'
import { Random } from './random.ts'

export interface Case {
  readonly name: string
  readonly place: string
  readonly bytes: Buffer
  readonly beside: Seed['beside']
  readonly flags: Seed['flags']
  /** What else than inspect and events it is put through: an index of QUESTIONS (promises.ts), taken modulo. */
  readonly question: number
  /** How rank groups it, and in pieces of which size it is read. */
  readonly by: Dimension
  readonly piece: number
}

export class Cases {
  readonly #seeds: readonly Seed[]
  readonly #seed: number

  /** `words`: only inputs whose name holds one of them. */
  constructor(seed: number, words: readonly string[] = []) {
    this.#seed = seed
    this.#seeds = corpus().filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
  }

  get count(): number {
    return this.#seeds.length
  }

  make(number: number): Case {
    const random = new Random(Math.imul(this.#seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
    const { name, place, bytes, beside, flags } = random.pick(this.#seeds)
    const other = random.pick(this.#seeds)
    return {
      name,
      place,
      bytes: mutate(random, bytes, other.bytes),
      beside,
      flags,
      question: random.below(60),
      by: random.pick(DIMENSIONS),
      piece: 1 + random.below(random.pick([8, 64, 4096])),
    }
  }
}
