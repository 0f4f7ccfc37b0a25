/**
 * --sector: which requests wrote one sector of one device of the stack, whichever of its devices the user read it of: the
 * device where the request was queued, one that it was passed on to (by remap events, else by tables), or one that tables
 * have above it.
 */
import { group } from 'd3-array'
import { SECTOR_BYTES, TraceError, firstAbove, parseDevice } from '@flushtrace/trace'
import type { PassedFrom, RemapLog } from '@flushtrace/correlate'
import type { Attributed } from './attribute.ts'
import { WantedDevice } from './device-filter.ts'
import type { PieceRow } from './locate-rows.ts'
import { isBorneOut, seenLayers } from './seen-layers.ts'

interface SectorPlace {
  readonly device: number
  readonly sector: number
}

export class SectorSearch {
  readonly #in: Attributed
  /** Sectors by device. */
  readonly #places = new Map<number, number[]>()
  /** By request: its sectors that were passed on to the one that is asked for. */
  readonly #passed = new Map<number, number[]>()

  constructor(attributed: Attributed, remaps: RemapLog, text: string) {
    this.#in = attributed
    const { device, sector } = parseSector(attributed, text)
    const { layout, blocks } = attributed.analysis
    const seen = seenLayers(blocks)
    for (const place of layout.sameSector(device, sector, (layer) => isBorneOut(layer, seen))) {
      add(this.#places, place.device, place.sector)
    }
    this.#follow(remaps.tops(device, sector))
  }

  /** Whether the piece has the sector. */
  has(piece: PieceRow): boolean {
    const { blocks } = this.#in
    const { request, at, bytes } = piece
    const sectors = Math.max(1, bytes / SECTOR_BYTES)
    const inside = (start: number, wanted: readonly number[] | undefined): boolean => {
      const from = start + at / SECTOR_BYTES
      return wanted?.some((sector) => sector >= from && sector < from + sectors) ?? false
    }
    const top = blocks.sector.data[request]
    return (
      inside(top, this.#places.get(blocks.device.data[request])) ||
      inside(blocks.rowSector.data[request], this.#places.get(blocks.rowDevice.data[request])) ||
      inside(top, this.#passed.get(request))
    )
  }

  /** Finds the request of each passing on: queued on top before it, else on the device below after it. */
  #follow(tops: readonly PassedFrom[]): void {
    const { device, sector, rowDevice, bytes, trace, atNs } = this.#in.blocks
    for (const passed of group(tops, (top) => `${top.trace} ${top.device} ${top.sector}`).values()) {
      const [place] = passed
      const top = new Requests()
      const below = new Requests()
      for (let request = 0; request < device.length; request++) {
        if (device.data[request] !== place.device || trace.data[request] !== place.trace) continue
        const from = sector.data[request]
        if (place.sector < from || place.sector >= from + bytes.data[request] / SECTOR_BYTES) continue
        const on = rowDevice.data[request] === place.device ? top : below
        on.add(request, atNs.data[request])
      }
      for (const { atNs: at } of passed) {
        const found = top.lastUntil(at) ?? below.firstFrom(at)
        if (found !== undefined) add(this.#passed, found, place.sector)
      }
    }
  }
}

/** Those of one sector, in the order of the trace, which is that of time. */
class Requests {
  readonly #rows: number[] = []
  readonly #atNs: number[] = []

  add(row: number, atNs: number): void {
    this.#rows.push(row)
    this.#atNs.push(atNs)
  }

  lastUntil(atNs: number): number | undefined {
    return this.#rows[firstAbove(this.#atNs, atNs) - 1]
  }

  firstFrom(atNs: number): number | undefined {
    return this.#rows[firstAbove(this.#atNs, atNs - 1)]
  }
}

function add(to: Map<number, number[]>, key: number, sector: number): void {
  const known = to.get(key)
  if (!known) to.set(key, [sector])
  else if (!known.includes(sector)) known.push(sector)
}

function parseSector(attributed: Attributed, text: string): SectorPlace {
  const { layout, blocks } = attributed.analysis
  const match = /^(.+):(\d+)$/.exec(text)
  if (!match) throw new TraceError('usage', `--sector ${text}: give a device and a sector, like 7:0:264192`)
  const swapped = /^(\d+):(\d+:\d+)$/.exec(text)
  const other = swapped && parseDevice(swapped[2])
  if (swapped && other !== null && isKnown(attributed, other) && !isKnown(attributed, parseDevice(match[1]))) {
    throw new TraceError('usage', `--sector ${text}: the device comes first, like ${swapped[2]}:${swapped[1]}`)
  }
  const { number } = new WantedDevice(match[1], layout, '--sector', seenLayers(blocks))
  return { device: number, sector: Number(match[2]) }
}

/** Whether a trace or a table has the device. */
function isKnown({ blocks, analysis: { layout } }: Attributed, device: number | null): boolean {
  if (device === null) return false
  return (
    blocks.device.values.includes(device) ||
    blocks.rowDevice.values.includes(device) ||
    layout.devices.some((known) => known.device === device)
  )
}
