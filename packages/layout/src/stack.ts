/**
 * The devices of a capture as one figure: what lies on what, where it begins, and what is mounted, as tables tell it, and
 * as requests were seen to go from one to the other. JSON-safe.
 */
import { deviceText, type Diagnostics } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
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
  /** Requests that a block trace shows to go on from it to the one below; null: no such trace, or none went there. */
  readonly remaps: number | null
  readonly fs: string | null
  readonly uuid: string | null
  readonly mountpoints: readonly string[]
  /** A loop device's file. */
  readonly file: string | null
  /** Byte of the file where the device begins; left out where that is the first one. */
  readonly fileOffset?: number
}

/** Requests of `upper` were seen to go on to `lower`. Device numbers (trace/device.ts). */
export interface SeenLayer {
  readonly upper: number
  readonly lower: number
  /** Where the one begins on the other, in bytes; null: in no one place. */
  readonly startBytes: number | null
  /** By so many events. */
  readonly remaps: number
}

/** One device on another: from the start of the lower one, in bytes; null: not told. */
interface Link {
  readonly upper: number
  readonly lower: number
  readonly at: number | null
}

/** Of a figure that anyone reads. Tables that a person made up can branch without end. */
const MAX_ROWS = 1024

/** A device that lies on several others (an array) stands under each of them. `seen`: what block traces show. */
export function stackOf(
  layout: DiskLayout,
  seen: readonly SeenLayer[] = [],
  diagnostics: Diagnostics | null = null,
): StackRow[] {
  const rows: StackRow[] = []
  const links = linksOf(layout, seen)
  const known = new Map(layout.devices.map((device) => [device.device, device]))
  const add = (
    device: number,
    depth: number,
    below: number | null,
    startBytes: number | null,
    path: number[],
  ): void => {
    if (path.includes(device)) return // a ring, in damaged tables
    if (rows.length === MAX_ROWS) {
      diagnostics?.add(LAYOUT.tooManyRows, null, deviceText(device) ?? '')
      return
    }
    const fs = layout.fileSystems.find(({ devices }) => devices.includes(device))
    const backing = layout.backingOf(device)
    rows.push({
      depth,
      device: deviceText(device) ?? '',
      name: layout.nameOf(device),
      kind: known.get(device)?.kind ?? null,
      bytes: known.get(device)?.bytes ?? null,
      below: below === null ? null : deviceText(below),
      startBytes,
      remaps: seen.find(({ upper, lower }) => upper === device && lower === below)?.remaps ?? null,
      fs: fs?.type ?? null,
      uuid: fs?.uuid ?? null,
      mountpoints: fs?.mountpoints ?? [],
      file: backing?.path ?? null,
      ...(backing?.offset ? { fileOffset: backing.offset } : {}),
    })
    for (const { upper, lower, at } of links) if (lower === device) add(upper, depth + 1, device, at, [...path, device])
  }
  const uppers = new Set(links.map(({ upper }) => upper))
  const bottoms = new Set([...layout.devices.map(({ device }) => device), ...links.map(({ lower }) => lower)])
  for (const device of bottoms) if (!uppers.has(device)) add(device, 0, null, null, [])
  return rows
}

/** Those of the tables, in which what was seen fills in where a device begins; then those that only the traces show. */
function linksOf({ layers }: DiskLayout, seen: readonly SeenLayer[]): Link[] {
  const find = (upper: number, lower: number): SeenLayer | undefined =>
    seen.find((other) => other.upper === upper && other.lower === lower)
  const told = layers.flatMap((layer) =>
    lowersOf(layer).map(({ device: lower, at }) => {
      const { upper } = layer
      return { upper, lower, at: at ?? find(upper, lower)?.startBytes ?? null }
    }),
  )
  // Several tables may say that one lies on another, some of them without a place.
  const once = told.filter(
    ({ upper, lower, at }, k) =>
      told.findIndex((other) => other.upper === upper && other.lower === lower && (other.at === at || at === null)) ===
      k,
  )
  const untold = seen.filter(({ upper, lower }) => !liesOn(told, upper, lower))
  return [...once, ...untold.map(({ upper, lower, startBytes: at }) => ({ upper, lower, at }))]
}

/** Directly, or by way of others. */
function liesOn(links: readonly Link[], upper: number, lower: number): boolean {
  const below = new Set([upper])
  // A set goes on to what is added to it meanwhile.
  for (const device of below) for (const link of links) if (link.upper === device) below.add(link.lower)
  return below.has(lower)
}
