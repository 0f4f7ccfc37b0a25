/**
 * Every remap event of the block traces, kept to be asked for one sector: where were the requests that reached it passed
 * on from? 48 bytes a remap, so only for those who ask.
 *
 *     8,3 A W 21773568 + 8 <- (253,1) 800000
 *     8,0 A W 22824192 + 8 <- (8,3) 21773568        8:0, 22824192 was 253:1, 800000
 *
 * A request is passed on from above to below, one event after the other in the order of time. So the events are followed
 * backwards, and each is taken up once, by the last event before it that led there.
 */
import { ACTION, SECTOR_BYTES, type BlockBatch } from '@flushtrace/trace'
import { Column } from './attribution/column.ts'

/** A request for this sector was passed on at that time (on the clock of its trace). */
export interface PassedFrom {
  readonly trace: number
  readonly device: number
  readonly sector: number
  readonly atNs: number
}

export class RemapLog {
  readonly #device = new Column(Uint32Array)
  readonly #sector = new Column(Float64Array)
  readonly #from = new Column(Uint32Array)
  readonly #fromSector = new Column(Float64Array)
  readonly #sectors = new Column(Float64Array)
  readonly #atNs = new Column(Float64Array)
  readonly #trace = new Column(Uint8Array)

  add({ length, action, device, sector, fromDevice, fromSector, bytes, atNs }: BlockBatch, trace: number): void {
    for (let i = 0; i < length; i++) {
      if (action[i] !== ACTION.remap || bytes[i] === 0) continue // a bare flush has no place
      this.#device.push(device[i])
      this.#sector.push(sector[i])
      this.#from.push(fromDevice[i])
      this.#fromSector.push(fromSector[i])
      this.#sectors.push(bytes[i] / SECTOR_BYTES)
      this.#atNs.push(atNs[i])
      this.#trace.push(trace)
    }
  }

  /** Each time that a request from another device reached the sector: its sector on the device on top. */
  tops(device: number, sector: number): PassedFrom[] {
    /** By trace and device: what is still to be taken up. */
    const open = new Map<string, Set<PassedFrom>>()
    for (let k = this.#device.length - 1; k >= 0; k--) {
      const trace = this.#trace.data[k]
      const on = this.#device.data[k]
      const start = this.#sector.data[k]
      const covers = (at: number): boolean => at >= start && at < start + this.#sectors.data[k]
      const waiting = open.get(`${trace} ${on}`)
      let reached = on === device && covers(sector) ? sector : null
      for (const place of waiting ?? []) {
        if (!covers(place.sector)) continue
        waiting?.delete(place)
        reached = place.sector
        break
      }
      if (reached === null) continue
      const from = this.#from.data[k]
      const key = `${trace} ${from}`
      const places = open.get(key) ?? new Set()
      open.set(key, places)
      places.add({ trace, device: from, sector: this.#fromSector.data[k] + reached - start, atNs: this.#atNs.data[k] })
    }
    return [...open.values()].flatMap((places) => [...places])
  }
}
