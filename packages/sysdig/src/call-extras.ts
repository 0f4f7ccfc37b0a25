import type { Extra, FdRef } from '@flushtrace/trace'
import * as C from './columns.ts'
import { deviceName } from './process-lists.ts'

/** Of a machine's some dozens; more only in a damaged source. */
const KEPT_DEVICES = 4096

/** What the values of a call say that no column of a row holds. */
export class CallExtras {
  readonly #devices = new Map<number, string>()

  /** Which file an open led to, or the two descriptors that a call made; null: neither. */
  of(values: Float64Array): Extra | null {
    const [device, inode] = [values[C.DEV], values[C.INO]]
    if (device > 0 || inode > 0) {
      return { kind: 'stat', inode: inode > 0 ? inode : null, device: device > 0 ? this.#nameOf(device) : null }
    }
    return values[C.FIRST] >= 0 ? { kind: 'fds', fds: [fdRef(values[C.FIRST]), fdRef(values[C.SECOND])] } : null
  }

  #nameOf(device: number): string {
    let name = this.#devices.get(device)
    if (name === undefined) {
      if (this.#devices.size >= KEPT_DEVICES) this.#devices.clear()
      this.#devices.set(device, (name = deviceName(device)))
    }
    return name
  }
}

/** sysdig prints no name beside it. */
export function fdRef(fd: number): FdRef {
  return { fd, name: null }
}
