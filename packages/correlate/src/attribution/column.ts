/** A column that grows: what commands that need every event keep of each. Doubles; costs its width a row, at most twice. */
type Store = Float64Array | Int32Array | Uint32Array | Uint8Array
type StoreOf<T extends Store> = new (length: number) => T

/** A trace may have columns for each of a hundred thousand devices. */
const FIRST = 16

export class Column<T extends Store> {
  readonly #make: StoreOf<T>
  /** Only the first `length` are meant. */
  data: T
  length = 0

  constructor(make: StoreOf<T>) {
    this.#make = make
    this.data = new make(FIRST)
  }

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(this.length + 1)
    this.data[this.length++] = value
  }

  /** Room for so many rows in all; where there was none, for twice as many as there was for. */
  reserve(rows: number): void {
    if (rows <= this.data.length) return
    const grown = new this.#make(Math.max(rows, 2 * this.data.length))
    grown.set(this.data)
    this.data = grown
  }

  get values(): T {
    return this.data.subarray(0, this.length) as T
  }
}

/** Row numbers in the order of `key`; rows without one (NaN) are left out. Rows are nearly in order already. */
export function orderOf(key: Float64Array): Uint32Array {
  const order = new Uint32Array(key.length)
  let length = 0
  let sorted = true
  for (let i = 0; i < key.length; i++) {
    if (Number.isNaN(key[i])) continue
    if (length > 0 && key[order[length - 1]] > key[i]) sorted = false
    order[length++] = i
  }
  const found = order.subarray(0, length)
  return sorted ? found : found.sort((a, b) => key[a] - key[b] || a - b)
}

/** Numbers for strings; a log outlives the batches that its strings came in. */
export class Names {
  readonly #ids = new Map<string, number>()
  readonly #texts: string[] = []

  id(text: string): number {
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.#texts.length
      this.#ids.set(text, id)
      this.#texts.push(text)
    }
    return id
  }

  text(id: number): string {
    return this.#texts[id]
  }

  textOrNull(id: number): string | null {
    return id < 0 ? null : this.#texts[id]
  }
}
