/**
 * The numbering of events per device and CPU, from 1. A step of more than one is events that the file does not hold;
 * a step back is another trace in the same file, or a stream out of order.
 */
/** CPUs counted apart; the kernel's limit is 8,192. */
const MAX_CPU = 8192
const MAX_DEVICES = 1024
/** Of the first 16 devices, which is all that most traces have. */
export const COUNTERS = 16 * MAX_CPU

export class Sequences {
  readonly #counters: Uint32Array
  readonly #byDevice = new Map<number, Uint32Array>()
  #device = -1
  #last: Uint32Array = new Uint32Array(0)

  /** `counters`: zeroes to keep the numbers of the first devices in. */
  constructor(counters: Uint32Array = new Uint32Array(0)) {
    this.#counters = counters
  }

  /** Where in the memory of `counters` the last number of this CPU is kept; null where it is not. */
  addressOf(device: number, cpu: number): number | null {
    const last = this.#byDevice.get(device)
    if (last?.buffer !== this.#counters.buffer || cpu >= MAX_CPU) return null
    return last.byteOffset + cpu * last.BYTES_PER_ELEMENT
  }

  /** Events missing before this one: 0 for the next in order, a restart, or where there is no numbering. */
  missing(device: number, cpu: number, sequence: number): number {
    if (device !== this.#device && !this.#select(device)) return 0
    if (cpu >= MAX_CPU || cpu < 0 || sequence === 0) return 0
    const last = this.#last[cpu]
    this.#last[cpu] = sequence
    return last === 0 || sequence <= last ? 0 : sequence - last - 1
  }

  /** An event numbered with a device that its line may not show: whichever device expects this number. */
  remapped(device: number, cpu: number, sequence: number): void {
    if (cpu >= MAX_CPU || cpu < 0) return
    const own = this.#byDevice.get(device)
    if (own && own[cpu] === sequence - 1) {
      own[cpu] = sequence
      return
    }
    for (const last of this.#byDevice.values()) {
      if (last[cpu] !== sequence - 1) continue
      last[cpu] = sequence
      return
    }
  }

  #select(device: number): boolean {
    let last = this.#byDevice.get(device)
    if (!last) {
      if (this.#byDevice.size >= MAX_DEVICES) return false
      const start = this.#byDevice.size * MAX_CPU
      const rest = this.#counters.subarray(start, start + MAX_CPU)
      last = rest.length > 0 ? rest : new Uint32Array(MAX_CPU)
      this.#byDevice.set(device, last)
    }
    this.#device = device
    this.#last = last
    return true
  }
}
