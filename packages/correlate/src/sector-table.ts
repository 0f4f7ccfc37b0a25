/**
 * Sector → number, open addressing. A Map with sectors past 2^31 as keys allocates for each of them; this does not, and
 * it is asked three times for every request. Removal moves later entries back, so there are no tombstones.
 */
export class SectorTable {
  #keys = new Float64Array(64)
  /** Value + 1; 0 is free. */
  #values = new Int32Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** -1 where there is none. */
  get(sector: number): number {
    const keys = this.#keys
    const values = this.#values
    const mask = keys.length - 1
    for (let slot = hash(sector) & mask; values[slot] !== 0; slot = (slot + 1) & mask) {
      if (keys[slot] === sector) return values[slot] - 1
    }
    return -1
  }

  set(sector: number, value: number): void {
    const mask = this.#keys.length - 1
    let slot = hash(sector) & mask
    while (this.#values[slot] !== 0 && this.#keys[slot] !== sector) slot = (slot + 1) & mask
    if (this.#values[slot] === 0) this.#size++
    this.#keys[slot] = sector
    this.#values[slot] = value + 1
    if (this.#size * 2 > this.#keys.length) this.#grow()
  }

  delete(sector: number): void {
    const keys = this.#keys
    const values = this.#values
    const mask = keys.length - 1
    let hole = hash(sector) & mask
    while (values[hole] !== 0 && keys[hole] !== sector) hole = (hole + 1) & mask
    if (values[hole] === 0) return
    this.#size--
    for (let slot = (hole + 1) & mask; values[slot] !== 0; slot = (slot + 1) & mask) {
      const home = hash(keys[slot]) & mask
      // It may move back only if its home is not between the hole and its place.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      keys[hole] = keys[slot]
      values[hole] = values[slot]
      hole = slot
    }
    values[hole] = 0
  }

  clear(): void {
    this.#values.fill(0)
    this.#size = 0
  }

  #grow(): void {
    const keys = this.#keys
    const values = this.#values
    this.#keys = new Float64Array(keys.length * 2)
    this.#values = new Int32Array(keys.length * 2)
    this.#size = 0
    for (let slot = 0; slot < keys.length; slot++) if (values[slot] !== 0) this.set(keys[slot], values[slot] - 1)
  }
}

function hash(sector: number): number {
  const low = sector | 0
  const high = (sector / 4294967296) | 0
  // Sectors come in steps of 8: the low bits alone would fill every eighth slot.
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
