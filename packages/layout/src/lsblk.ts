/** `lsblk -J -b -o NAME,KNAME,MAJ:MIN,TYPE,SIZE,START,FSTYPE,UUID,MOUNTPOINTS,PKNAME,LOG-SEC` (util-linux). */
import { SECTOR_BYTES, majorOf, parseDevice } from '@flushtrace/trace'
import type { BlockDevice } from './device-table.ts'
import type { Findings } from './findings.ts'
import type { LsblkRow as Row } from './json-schema.ts'
import type { SideFile } from './side-file.ts'

const DRBD_MAJOR = 147

/** Whether it is what `lsblk -J` prints. */
export function sniffLsblk(text: string): boolean {
  return /^\s*\{\s*"blockdevices"\s*:/.test(text)
}

/** Devices, their names and sizes, and how they lie on each other. */
export async function readLsblk(file: SideFile, findings: Findings): Promise<void> {
  const table = await file.json('lsblk')
  for (const row of table?.blockdevices ?? []) addRow(findings, row, null)
}

function addRow(findings: Findings, row: Row, parent: BlockDevice | null): void {
  const { devices } = findings
  // Without MAJ:MIN, another table may know the name.
  const device = parseDevice(row['maj:min']?.trim() ?? '') ?? devices.find(row.kname ?? row.name)
  if (device === null) return
  const known = devices.at(device)
  known.name = row.kname ?? row.name
  if (row.kname && row.kname !== row.name) known.mapperName = row.name
  devices.name(known.name, device)
  devices.name(row.name, device)
  known.kind = row.type ?? known.kind
  known.bytes = row.size ?? known.bytes
  known.fsType = row.fstype ?? known.fsType
  known.uuid = row.uuid ?? known.uuid
  for (const label of [row.uuid, row.partuuid, row.label, row.partlabel]) if (label) devices.label(label, device)
  for (const point of row.mountpoints ?? [row.mountpoint ?? null]) if (point) known.mountpoints.add(point)
  // Without -o …,PKNAME in a tree of children the parent is the row above; in a flat list it is named.
  const below = parent?.device ?? (row.pkname ? devices.find(row.pkname) : null)
  if (below !== null) addLayer(findings, known, below, row)
  for (const child of row.children ?? []) addRow(findings, child, known)
}

/** lsblk tells what lies on what; where, only for partitions. */
function addLayer({ devices }: Findings, upper: BlockDevice, lower: number, row: Row): void {
  const { device, bytes } = upper
  if (row.type === 'part' && typeof row.start === 'number' && bytes !== null) {
    const lowerAt = row.start * SECTOR_BYTES
    devices.layers.push({ kind: 'linear', what: 'partition', upper: device, upperAt: 0, bytes, lower, lowerAt })
  } else if ((row.type === 'mpath' || majorOf(device) === DRBD_MAJOR) && bytes !== null) {
    // Multipath: one disk by several ways. drbd: data first, its own metadata behind them (drbd.conf, meta-disk internal).
    const what = row.type === 'mpath' ? 'multipath' : 'drbd'
    devices.layers.push({ kind: 'linear', what, upper: device, upperAt: 0, bytes, lower, lowerAt: 0 })
  } else {
    devices.layers.push({ kind: 'opaque', what: row.type ?? 'unknown', upper: device, lowers: [lower] })
  }
}
