/** --device: one device as the user names it, and what is known to be on it. */
import { RemapChains, kindOf, type Activity, type Scope, type TracedFile } from '@flushtrace/correlate'
import { lowersOf, type DiskLayout, type FileSystem, type SeenLayer } from '@flushtrace/layout'
import {
  ACTION,
  TraceError,
  deviceText,
  majorOf,
  parseDevice,
  type BlockBatch,
  type DiagnosticKind,
  type Diagnostics,
} from '@flushtrace/trace'

export const UNTOLD_FLUSHES: DiagnosticKind = {
  code: 'device/untold-flushes',
  severity: 'info',
  message: 'A flush on a file whose device these traces do not tell is not shown (--device).',
  fix: 'save /proc/self/mountinfo beside the trace, or record with strace -v, where stat shows the device',
}
const UNTOLD_CALLS: DiagnosticKind = {
  code: 'device/untold-calls',
  severity: 'info',
  message: 'A call other than a flush, on a file whose device these traces do not tell, is left out, too.',
  fix: 'the same makes them known',
}
const PARTS_UNTOLD: DiagnosticKind = {
  code: 'device/untold-place',
  severity: 'info',
  message:
    'Where {} lies on its disk, no table tells: its requests are seen where they were queued, not when they were done.',
  fix: 'save lsblk --json -b -o +START beside the trace',
}

/** Whether a row of a batch is wanted; to be asked for every row of a trace, in order. */
export type RowFilter = (batch: BlockBatch, i: number) => boolean

export class WantedDevice {
  readonly number: number
  readonly #layout: DiskLayout
  readonly #seen: readonly SeenLayer[]
  /** It, and all that lies on it, if in part: partitions, volumes, arrays. */
  readonly #family: ReadonlySet<number>

  /** Throws where no table knows the name. `seen`: what lies on what by the block traces. */
  constructor(name: string, layout: DiskLayout, flag = '--device', seen: readonly SeenLayer[] = []) {
    this.#layout = layout
    this.number = numberOf(name, layout, flag)
    this.#seen = seen
    this.#family = familyOf(this.number, layout, seen)
  }

  /** Whether requests on a device are requests of this one: it is the device, or a partition of it. */
  includes(device: number): boolean {
    return device === this.number || this.#layout.partitionOf(device)?.disk === this.number
  }

  /** Whether it is a partition of that disk: requests of it may show there. */
  isPartOf(disk: number): boolean {
    return this.#layout.partitionOf(this.number)?.disk === disk
  }

  /** Whether a part of a range of a device that it carries lies on it; null: no table tells. */
  hasPartOf(device: number, sector: number, bytes: number): boolean | null {
    return this.#layout.reaches(device, sector, bytes, this.number, (one) => this.carries(one))
  }

  /** Whether it lies on that device in whatever way. */
  liesOn(device: number): boolean {
    return familyOf(device, this.#layout, this.#seen).has(this.number)
  }

  /** Whether it is the device, or lies on it in whatever way, or in part. */
  carries(device: number): boolean {
    return this.#family.has(device)
  }

  /**
   * Whether a file is on it: by its own device number, else by the saved mount that `path` lies on. null: nothing tells.
   * What lives in memory, pipes and sockets are on none.
   */
  holds(file: TracedFile, path: string): boolean | null {
    const kind = kindOf(file)
    if (kind === 'memory' || kind === 'other') return false
    const device = file.device === null ? null : parseDevice(file.device)
    const told = device === null ? null : this.#carriesKnown(device)
    if (told !== null || kind === 'block') return told
    const fs = this.#layout.fileSystemOf(path)
    // Of the root alone: what is mounted below it (/tmp, /run) need not be told.
    const vague = fs?.stDev === null && fs.mountpoints.every((point) => point === '/')
    return fs === null || vague ? null : this.holdsFs(fs)
  }

  /** Whether a file system on these devices is on it, if in part. */
  holdsFs({ devices }: Pick<FileSystem, 'devices'>): boolean | null {
    const each = devices.map((device) => this.#carriesKnown(device))
    if (each.includes(true)) return true
    return each.length === 0 || each.includes(null) ? null : false
  }

  #carriesKnown(device: number): boolean | null {
    if (this.carries(device)) return true
    const { layers, devices, fileSystems } = this.#layout
    if (majorOf(device) === 0) {
      const fs = fileSystems.find(({ stDev }) => stDev === deviceText(device))
      return fs && !fs.devices.includes(device) ? this.holdsFs(fs) : null
    }
    // Known to lie elsewhere only where a table of devices has it; mounts alone do not say what it lies on.
    const known =
      layers.some(({ upper }) => upper === device) || devices.some((one) => one.device === device && one.kind)
    return known ? false : null
  }

  /** Rows of one block trace that are requests of the device, or came down from it. Remaps are always wanted. */
  rows(diagnostics: Diagnostics): RowFilter {
    const chains = new RemapChains()
    const place = this.#layout.partitionOf(this.number)
    let own = false
    return (batch, i) => {
      const action = batch.action[i]
      const chain = chains.apply(batch, i)
      if (action === ACTION.remap) return true
      const device = batch.device[i]
      if (device === this.number) own = true
      if (this.includes(device)) return true
      if (place?.disk === device) {
        const from = batch.sector[i] - place.startSector
        return from >= 0 && from < place.sectors
      }
      // Where it has rows of its own, those below it are the same requests again.
      if (own || !chain?.above.includes(this.number)) return false
      diagnostics.add(PARTS_UNTOLD, null, deviceText(this.number) ?? '')
      return true
    }
  }
}

/** Which activities are about files on the device. Those of which nothing tells are left out and counted. */
export function deviceActivityFilter(wanted: WantedDevice, diagnostics: Diagnostics): (activity: Activity) => boolean {
  return ({ kind, scope, targets }) => {
    const each = targets.map(({ name }) => wanted.holds(name.file, name.path))
    const on = isCallOn(scope, each, targets[0]?.confidence === 'ambiguous')
    if (on === null && kind === 'flush') diagnostics.add(UNTOLD_FLUSHES)
    else if (on === null && COUNTED.has(kind)) diagnostics.add(UNTOLD_CALLS)
    return on === true
  }
}

/** Whether a call is about the device, from what is known of `each` of its files; `among`: it is about one of them. */
export function isCallOn(scope: Scope, each: readonly (boolean | null)[], among: boolean): boolean | null {
  if (scope === 'system') return true // sync() is for every device
  if (each.length === 0) return scope === 'memory' || scope === 'file' ? false : null
  if (among ? each.every((on) => on === true) : each.includes(true)) return true
  return each.every((on) => on === false) ? false : null
}

/** Others are details of which no count is made. */
const COUNTED: ReadonlySet<Activity['kind']> = new Set<Activity['kind']>(['hint', 'failed', 'write', 'mapped'])

function numberOf(name: string, layout: DiskLayout, flag: string): number {
  const found = parseDevice(name) ?? layout.deviceOf(name)
  if (found !== null) return found
  const known = layout.devices.flatMap((device) => device.name ?? [])
  const names = known.length > 0 ? `; they name ${known.slice(0, 8).join(', ')}` : ''
  throw new TraceError('usage', `${flag} ${name}: no saved table names it, so give its number, as 8:0${names}`)
}

function familyOf(device: number, { layers }: DiskLayout, seen: readonly SeenLayer[]): Set<number> {
  const family = new Set([device])
  // A set goes on to what is added to it meanwhile.
  for (const lower of family) {
    for (const layer of layers) {
      if (lowersOf(layer).some((below) => below.device === lower)) family.add(layer.upper)
    }
    for (const layer of seen) if (layer.lower === lower) family.add(layer.upper)
  }
  return family
}
