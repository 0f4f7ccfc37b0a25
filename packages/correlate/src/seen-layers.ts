/**
 * Which device lies on which, as remap events show it: a request on one goes on to another at another sector. The sector
 * where the one begins on the other is the difference, as long as it is always the same (partitions, linear volumes,
 * mirrors); of stripes, thin volumes and volumes of several pieces it is not.
 */
import type { SeenLayer } from '@flushtrace/layout'
import { SECTOR_BYTES, deviceText, type BlockBatch, type Diagnostics } from '@flushtrace/trace'
import { REQUESTS } from './block-diagnostics.ts'

/** More than any machine has. */
const MAX_LAYERS = 1024

type Layer = { -readonly [K in keyof SeenLayer]: SeenLayer[K] }

export class SeenLayers {
  readonly #all: Layer[] = []
  readonly #forks = new Set<number>()
  readonly #diagnostics: Diagnostics | null
  /** Nearly always the next one, too. */
  #last: Layer | null = null

  constructor(diagnostics: Diagnostics | null = null) {
    this.#diagnostics = diagnostics
  }

  /** In the order in which they were first seen. */
  get all(): readonly SeenLayer[] {
    return this.#all
  }

  /** Whether requests of a device go on to several. */
  forks(device: number): boolean {
    return this.#forks.has(device)
  }

  /** A remap event. What carries no data (a bare flush) has no place. */
  apply({ device, sector, fromDevice, fromSector, bytes }: BlockBatch, i: number): void {
    if (bytes[i] === 0) return
    const upper = fromDevice[i]
    const lower = device[i]
    const startBytes = (sector[i] - fromSector[i]) * SECTOR_BYTES
    const last = this.#last
    const known = last?.upper === upper && last.lower === lower ? last : this.#find(upper, lower)
    if (known) {
      known.remaps++
      if (known.startBytes !== startBytes) known.startBytes = null
      this.#last = known
    } else if (this.#all.length < MAX_LAYERS) {
      if (this.#all.some((other) => other.upper === upper)) this.#forks.add(upper)
      this.#all.push({ upper, lower, startBytes, remaps: 1 })
    } else this.#diagnostics?.add(REQUESTS.tooManyLayers, null, `${deviceText(upper)} to ${deviceText(lower)}`)
  }

  #find(upper: number, lower: number): Layer | undefined {
    return this.#all.find((layer) => layer.upper === upper && layer.lower === lower)
  }
}
