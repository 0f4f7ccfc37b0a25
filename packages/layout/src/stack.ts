/** The devices of a capture as one figure: what lies on what, where it begins, and what is mounted. JSON-safe. */
import { deviceText } from '@flushtrace/trace'
import type { DiskLayout } from './disk-layout.ts'
import { lowersOf } from './layer.ts'

export interface StackRow {
  /** How many devices lie below it in this figure. */
  readonly depth: number
  readonly device: string
  readonly name: string | null
  readonly kind: string | null
  readonly bytes: number | null
  /** The device below; null for one that lies on none. */
  readonly below: string | null
  /** Where it begins on the one below, in bytes; null: on none, or no table tells. */
  readonly startBytes: number | null
  readonly fs: string | null
  readonly uuid: string | null
  readonly mountpoints: readonly string[]
  /** A loop device's file. */
  readonly file: string | null
}

/** Of a figure that anyone reads. Tables that a person made up can branch without end. */
const MAX_ROWS = 1024

/** A device that lies on several others (an array) stands under each of them. */
export function stackOf(layout: DiskLayout): StackRow[] {
  const rows: StackRow[] = []
  const { layers } = layout
  const known = new Map(layout.devices.map((device) => [device.device, device]))
  const add = (
    device: number,
    depth: number,
    below: number | null,
    startBytes: number | null,
    path: number[],
  ): void => {
    if (path.includes(device) || rows.length === MAX_ROWS) return // a ring, in damaged tables
    const fs = layout.fileSystems.find(({ devices }) => devices.includes(device))
    rows.push({
      depth,
      device: deviceText(device) ?? '',
      name: layout.nameOf(device),
      kind: known.get(device)?.kind ?? null,
      bytes: known.get(device)?.bytes ?? null,
      below: below === null ? null : deviceText(below),
      startBytes,
      fs: fs?.type ?? null,
      uuid: fs?.uuid ?? null,
      mountpoints: fs?.mountpoints ?? [],
      file: layout.backingOf(device)?.path ?? null,
    })
    for (const layer of layers) {
      for (const lower of lowersOf(layer)) {
        if (lower.device === device) add(layer.upper, depth + 1, device, lower.at, [...path, device])
      }
    }
  }
  const uppers = new Set(layers.map(({ upper }) => upper))
  const bottoms = new Set([
    ...layout.devices.map(({ device }) => device),
    ...layers.flatMap((layer) => lowersOf(layer).map(({ device }) => device)),
  ])
  for (const device of bottoms) if (!uppers.has(device)) add(device, 0, null, null, [])
  return rows
}
