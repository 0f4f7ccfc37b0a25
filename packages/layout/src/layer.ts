/**
 * How a device lies on others. All numbers are bytes. Copies of one range on several devices are several `linear` layers.
 * Sources of the rules: torvalds/linux drivers/md/{dm-linear,dm-stripe,raid0,raid1,raid10}.c.
 */
import type { MappedPieces } from './mapped-pieces.ts'

export type Layer = LinearLayer | StripedLayer | MappedLayer | OpaqueLayer

/** Byte for byte: partitions, dm linear, dm-crypt, raid1, drbd. */
export interface LinearLayer {
  readonly kind: 'linear'
  /** `partition`, `linear`, `crypt`, `raid1`, … */
  readonly what: string
  readonly upper: number
  readonly upperAt: number
  readonly bytes: number
  readonly lower: number
  readonly lowerAt: number
}

/** Pieces of `chunk` in turn over the columns; every column may have copies. */
export interface StripedLayer {
  readonly kind: 'striped'
  readonly what: string
  readonly upper: number
  readonly upperAt: number
  readonly bytes: number
  readonly chunk: number
  readonly lowers: readonly { readonly device: number; readonly at: number }[]
  /** raid10 near copies; 1 for none. Copy c of chunk n lies on disk (n × copies + c) mod disks. */
  readonly copies: number
}

/** Piece by piece, as a table of all pieces tells: thin volumes. */
export interface MappedLayer {
  readonly kind: 'mapped'
  readonly what: string
  readonly upper: number
  readonly lower: number
  readonly pieces: MappedPieces
}

/** Lies on them in a way that its table does not tell: thin, cache, snapshot, raid5. */
export interface OpaqueLayer {
  readonly kind: 'opaque'
  readonly what: string
  readonly upper: number
  readonly lowers: readonly number[]
}

/** The devices that a layer lies on, and where its data begin on each; `at` null: not told, or in pieces. */
export function lowersOf(layer: Layer): { device: number; at: number | null }[] {
  switch (layer.kind) {
    case 'linear':
      return [{ device: layer.lower, at: layer.lowerAt }]
    case 'striped':
      return [...layer.lowers]
    case 'mapped':
      return [{ device: layer.lower, at: null }]
    case 'opaque':
      return layer.lowers.map((device) => ({ device, at: null }))
  }
}

/** Whether a write goes to several of the devices below: not multipath, where it goes to one of them. */
export function keepsCopies(layer: Layer): boolean {
  return layer.kind === 'striped' ? layer.copies > 1 : layer.kind === 'linear' && /^(?:raid1|mirror)$/.test(layer.what)
}

/** A discard of a whole disk has no use for its stripes. */
const MAX_PIECES = 65_536

export interface UpperPiece {
  readonly at: number
  readonly bytes: number
  readonly device: number
  readonly byte: number
}

/** The part of a range of a lower device that a layer's upper device has, and where. */
export function piecesAbove(layer: Layer, lower: number, byte: number, bytes: number): UpperPiece[] {
  if (layer.kind === 'opaque') return []
  if (layer.kind === 'mapped') {
    if (layer.lower !== lower) return []
    return layer.pieces.above(byte, bytes).map((piece) => ({ ...piece, device: layer.upper }))
  }
  const end = byte + bytes
  if (layer.kind === 'linear') {
    const from = Math.max(byte, layer.lowerAt)
    const to = Math.min(end, layer.lowerAt + layer.bytes)
    if (layer.lower !== lower || from >= to) return []
    return [{ at: from - byte, bytes: to - from, device: layer.upper, byte: layer.upperAt + from - layer.lowerAt }]
  }
  const pieces: UpperPiece[] = []
  const { lowers, chunk, copies } = layer
  if (bytes / chunk > MAX_PIECES) return []
  const disks = lowers.length
  for (const [disk, { device, at: start }] of lowers.entries()) {
    if (device !== lower) continue
    for (let at = Math.max(byte, start); at < end;) {
      const row = Math.floor((at - start) / chunk)
      const within = (at - start) % chunk
      const step = Math.min(end - at, chunk - within)
      const piece = Math.floor((row * disks + disk) / copies)
      const above = piece * chunk + within
      if (above >= layer.bytes) break
      pieces.push({
        at: at - byte,
        bytes: Math.min(step, layer.bytes - above),
        device: layer.upper,
        byte: layer.upperAt + above,
      })
      at += step
    }
  }
  return pieces
}

export interface Place {
  readonly device: number
  readonly byte: number
}

/** Where one byte of a layer's upper device lies: on several devices where there are copies. */
export function placesBelow(layer: Layer, byte: number): Place[] {
  if (layer.kind === 'opaque') return []
  if (layer.kind === 'mapped') {
    return layer.pieces.below(byte, 1).map((piece) => ({ device: layer.lower, byte: piece.byte }))
  }
  const at = byte - layer.upperAt
  if (at < 0 || at >= layer.bytes) return []
  if (layer.kind === 'linear') return [{ device: layer.lower, byte: layer.lowerAt + at }]
  const { lowers, chunk, copies } = layer
  const piece = Math.floor(at / chunk)
  return Array.from({ length: copies }, (_, copy) => {
    const n = piece * copies + copy
    const { device, at: start } = lowers[n % lowers.length]
    return { device, byte: start + Math.floor(n / lowers.length) * chunk + (at % chunk) }
  })
}

/** Where a range of a layer's upper device lies, as far as it has it; null: the layer does not tell, or in too many pieces. */
export function piecesBelow(
  layer: Layer,
  byte: number,
  bytes: number,
): { device: number; byte: number; bytes: number }[] | null {
  if (layer.kind === 'opaque') return null
  if (layer.kind === 'mapped') {
    return layer.pieces.below(byte, bytes).map((piece) => ({ ...piece, device: layer.lower }))
  }
  const from = Math.max(byte, layer.upperAt)
  const to = Math.min(byte + bytes, layer.upperAt + layer.bytes)
  if (from >= to) return []
  const step = layer.kind === 'striped' ? layer.chunk : layer.bytes
  if ((to - from) / step > MAX_PIECES) return null
  const pieces: { device: number; byte: number; bytes: number }[] = []
  for (let at = from; at < to;) {
    const length = Math.min(to - at, step - ((at - layer.upperAt) % step))
    for (const place of placesBelow(layer, at)) pieces.push({ ...place, bytes: length })
    at += length
  }
  return pieces
}
