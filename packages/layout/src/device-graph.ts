/** Devices and the layers between them: where a range of one lies on the file systems above it. */
import { SECTOR_BYTES } from '@flushtrace/trace'
import type { FileSystem, Placement } from './disk-layout.ts'
import { keepsCopies, lowersOf, piecesAbove, piecesBelow, placesBelow, type Layer, type Place } from './layer.ts'

/** Disk, partition, array, encryption, volume: real stacks have fewer. A ring in damaged tables has more. */
const MAX_DEPTH = 16
/** Of one sector: copies, and devices above one another; a real stack has a dozen. Damaged tables can name more. */
const MAX_PLACES = 1024

/** What an array keeps for itself on a member, and the table that says so. Bytes, half-open. */
export interface OwnArea {
  readonly device: number
  readonly start: number
  readonly end: number
  readonly source: string
}

export interface SectorPlace {
  readonly device: number
  readonly sector: number
}

type Carries = (device: number) => boolean

export class DeviceGraph {
  readonly layers: readonly Layer[]
  readonly hasCopies: boolean
  readonly #above = new Map<number, Layer[]>()
  readonly #under = new Map<number, Layer[]>()
  readonly #fsOf = new Map<number, FileSystem>()
  readonly #own: ReadonlyMap<number, OwnArea>

  /** `layers`: what a table tells exactly hides what another only names. */
  constructor(layers: readonly Layer[], fileSystems: readonly FileSystem[], own: readonly OwnArea[] = []) {
    this.#own = new Map(own.map((area) => [area.device, area]))
    const exact = new Set(layers.flatMap((layer) => (layer.kind === 'opaque' ? [] : [layer.upper])))
    const each = new Map<string, Layer>()
    for (const layer of layers) {
      if (layer.kind === 'opaque' && exact.has(layer.upper)) continue
      const key = JSON.stringify({ ...layer, what: '' })
      // Tables of arrays and volumes come after lsblk, which calls any volume lvm; dmsetup deps knows no word for it.
      if (!each.has(key) || (layer.kind === 'opaque' && layer.what !== 'dm')) each.set(key, layer)
    }
    this.layers = [...each.values()]
    this.hasCopies = this.layers.some(keepsCopies)
    for (const layer of this.layers) this.#link(layer)
    for (const fs of fileSystems) for (const device of fs.devices) this.#fsOf.set(device, fs)
  }

  resolve(device: number, sector: number, bytes: number): Placement[] {
    const pieces = this.#up(device, sector * SECTOR_BYTES, bytes, [])
    return pieces.sort((a, b) => a.at - b.at)
  }

  /** A file system lies on it, or no layer does. */
  isPlain(device: number): boolean {
    return this.#fsOf.has(device) || !(this.#above.has(device) || this.#own.has(device))
  }

  /** The lowest array above that keeps copies of all of a range, and where; null: there is none. Sectors in and out. */
  arrayPlaceOf(device: number, sector: number, bytes: number): SectorPlace | null {
    let place: Place = { device, byte: sector * SECTOR_BYTES }
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const { device: lower, byte } = place
      for (const layer of this.#above.get(lower) ?? []) {
        const [piece] = piecesAbove(layer, lower, byte, bytes)
        if (piece?.at !== 0 || piece.bytes !== bytes) continue
        place = piece
        if (keepsCopies(layer)) return { device: piece.device, sector: piece.byte / SECTOR_BYTES }
        break
      }
      if (place.device === lower) return null
    }
    return null
  }

  /** Whether a part of a range lies on the device below; null: no table tells. `carries`: what may lie on it. Sectors in. */
  reaches(device: number, sector: number, bytes: number, below: number, carries: Carries): boolean | null {
    return this.#down({ device, byte: sector * SECTOR_BYTES, bytes }, below, carries, 0)
  }

  /** The same sector on every device above, and on every device below, with itself. Sectors in and out. */
  sameSector(device: number, sector: number, believed: (layer: Layer) => boolean): SectorPlace[] {
    const here: Place = { device, byte: sector * SECTOR_BYTES }
    const layers = this.layers.filter(believed)
    const above = spread(here, (at) =>
      layers.flatMap((layer) => piecesAbove(layer, at.device, at.byte, SECTOR_BYTES).filter((piece) => piece.at === 0)),
    )
    const below = spread(here, (at) =>
      layers.flatMap((layer) => (layer.upper === at.device ? placesBelow(layer, at.byte) : [])),
    )
    return [...above, ...below.slice(1)].map((place) => ({
      device: place.device,
      sector: Math.floor(place.byte / SECTOR_BYTES),
    }))
  }

  #link(layer: Layer): void {
    for (const { device } of lowersOf(layer)) add(this.#above, device, layer)
    add(this.#under, layer.upper, layer)
  }

  #up(device: number, byte: number, bytes: number, below: readonly number[]): Placement[] {
    const layers = [...below, device]
    const here = (at: number, length: number): Placement => {
      const arrayOwn = this.#ownerOf(device, byte + at, length)
      return { at, bytes: length, fs: this.#fsOf.get(device) ?? null, arrayOwn, device, byte: byte + at, layers }
    }
    if (this.isPlain(device) || layers.length > MAX_DEPTH) return [here(0, bytes)]
    const above = this.#above.get(device) ?? []
    const parts = above.flatMap((layer) => piecesAbove(layer, device, byte, bytes)).sort((a, b) => a.at - b.at)
    const placements: Placement[] = []
    let at = 0
    for (const part of parts) {
      // Two layers on one range (a disk and its partition's twin by multipath): the first tells.
      if (part.at < at) continue
      if (part.at > at) placements.push(here(at, part.at - at))
      for (const placement of this.#up(part.device, part.byte, part.bytes, layers)) {
        placements.push({ ...placement, at: part.at + placement.at })
      }
      at = part.at + part.bytes
    }
    if (at < bytes) placements.push(here(at, bytes - at))
    return placements
  }

  #down(
    { device, byte, bytes }: Place & { bytes: number },
    below: number,
    carries: Carries,
    depth: number,
  ): boolean | null {
    if (device === below) return true
    if (!carries(device) || depth > MAX_DEPTH) return false
    let told: boolean | null = this.#under.has(device) ? false : null
    for (const layer of this.#under.get(device) ?? []) {
      const pieces = piecesBelow(layer, byte, bytes)
      if (pieces === null && lowersOf(layer).some((lower) => carries(lower.device))) told = null
      for (const piece of pieces ?? []) {
        const on = this.#down(piece, below, carries, depth + 1)
        if (on) return true
        if (on === null) told = null
      }
    }
    return told
  }

  #ownerOf(device: number, byte: number, bytes: number): string | null {
    const own = this.#own.get(device)
    return own && byte >= own.start && byte + bytes <= own.end ? own.source : null
  }
}

function add(to: Map<number, Layer[]>, device: number, layer: Layer): void {
  const list = to.get(device)
  if (!list) to.set(device, [layer])
  else if (!list.includes(layer)) list.push(layer)
}

/** A place, and all that `next` leads to from it; each device counts once at each byte, and a ring ends. */
function spread(from: Place, next: (place: Place) => Place[]): Place[] {
  const found = new Map([[`${from.device} ${from.byte}`, from]])
  // A map goes on to what is added to it meanwhile.
  for (const place of found.values()) {
    for (const { device, byte } of next(place)) {
      if (found.size < MAX_PLACES) found.set(`${device} ${byte}`, { device, byte })
    }
  }
  return [...found.values()]
}
