/** Block devices that tables told of, under all their names, and how one lies on others. */
import { deviceText, parseDevice } from '@flushtrace/trace'
import type { Layer } from './layer.ts'
import type { Raid0Layout } from './strip-zones.ts'

export interface BlockDevice {
  readonly device: number
  name: string | null
  /** As the mapper knows it: `vg-lv`. */
  mapperName: string | null
  /** lsblk's TYPE: disk, part, loop, lvm, crypt, raid1, … */
  kind: string | null
  bytes: number | null
  fsType: string | null
  uuid: string | null
  readonly mountpoints: Set<string>
}

/** A layer as a table prints it: devices by name or number. */
export interface NamedLayer {
  readonly upper: string
  /** Makes the layers once all names are known; null: a name is not. */
  readonly make: (deviceOf: (name: string) => number | null) => Layer | Layer[] | null
}

/** What a member of an array says of itself; null: nothing. */
export interface ArrayMember {
  readonly source: string
  /** Where its data begin, and how many bytes there are. */
  at: number | null
  bytes: number | null
  /** Where its superblock begins. */
  superAt: number | null
  raid0Layout: Raid0Layout
}

export class DeviceTable {
  readonly layers: Layer[] = []
  readonly named: NamedLayer[] = []
  /** Of the device mapper's tables, by name or number: thin volumes, and the pools that they are of. */
  readonly thins: { readonly upper: string; readonly pool: string; readonly id: number }[] = []
  readonly pools: {
    readonly upper: string
    readonly data: string
    readonly bytes: number
    readonly blockBytes: number
  }[] = []
  /** Where a pool, a cache or an era target keeps its own tables, by the first word of its own; nothing else lies there. */
  readonly tables: { readonly name: string; readonly source: string }[] = []
  /** Paths of files that are swapped to. */
  readonly swapFiles = new Set<string>()
  /** Members of arrays by name. */
  readonly members = new Map<string, ArrayMember>()
  readonly #devices = new Map<number, BlockDevice>()
  readonly #numbers = new Map<string, number>()
  /** What else than a name of its own people call a device by: labels, UUIDs. */
  readonly #labels = new Map<string, Set<number>>()
  readonly #links = new Map<string, string>()
  readonly #backing = new Map<string, { path: string; offset: number }>()

  /** The device of that number, from now on known. */
  at(device: number): BlockDevice {
    let row = this.#devices.get(device)
    if (!row) {
      row = {
        device,
        name: null,
        mapperName: null,
        kind: null,
        bytes: null,
        fsType: null,
        uuid: null,
        mountpoints: new Set(),
      }
      this.#devices.set(device, row)
    }
    return row
  }

  get(device: number): BlockDevice | undefined {
    return this.#devices.get(device)
  }

  all(): BlockDevice[] {
    return [...this.#devices.values()]
  }

  name(name: string, device: number): void {
    this.#numbers.set(baseOf(name), device)
  }

  label(text: string, device: number): void {
    const devices = this.#labels.get(text) ?? new Set()
    this.#labels.set(text, devices.add(device))
  }

  /** `/dev/mapper/vg-lv` → `../dm-0`: the last part of the target is a kernel name. */
  link(name: string, target: string): void {
    if (baseOf(name) !== baseOf(target)) this.#links.set(baseOf(name), baseOf(target))
  }

  back(name: string, path: string, offset: number): void {
    this.#backing.set(baseOf(name), { path, offset })
  }

  backings(): { device: number; path: string; offset: number }[] {
    return [...this.#backing].flatMap(([name, backing]) => {
      const device = this.find(name)
      return device === null ? [] : [{ device, ...backing }]
    })
  }

  backingOf(device: number): { path: string; offset: number } | null {
    return this.backings().find((backing) => backing.device === device) ?? null
  }

  /** By number (`8:3`), or by any name or path. */
  find(name: string): number | null {
    const number = parseDevice(name)
    if (number !== null) return number
    let base = baseOf(name)
    // Links of links, but not round and round.
    for (let hops = 0; hops < 8; hops++) {
      const known = this.#numbers.get(base)
      if (known !== undefined) return known
      const target = this.#links.get(base)
      if (target === undefined) return null
      base = target
    }
    return null
  }

  /**
   * As people name devices, too: `/dev/vg/lv`, `vg/lv`, and, where there is one only, `lv`; a label or a UUID (`LABEL=srv`);
   * a link by its last part (`/dev/disk/by-id/…`), or without its volume (`web1` for web1/0 and web1:0 of drbd).
   */
  findUsual(name: string): number | null {
    const text = name.replace(/^(?:PART)?(?:LABEL|UUID)=/, '')
    const last = text.split('/').at(-1) as string
    return (
      this.find(name) ??
      this.find(last) ??
      only(this.#volumes(text.replace(/^\/dev\//, ''))) ??
      only(this.#labels.get(last) ?? []) ??
      (parseDevice(`${text}:0`) === null ? (this.find(`${text}/0`) ?? this.find(`${text}:0`)) : null)
    )
  }

  /** Volumes of LVM by `vg/lv` or `lv`: the mapper joins the two with `-`, and doubles those within. */
  #volumes(name: string): number[] {
    const parts = name.split('/').map((part) => part.replaceAll('-', '--'))
    const end = parts.length === 1 ? `-${parts[0]}` : null
    return this.all().flatMap(({ device, mapperName, name: kernelName }) => {
      const known = mapperName ?? kernelName ?? ''
      const before = end !== null && known.endsWith(end) ? known.slice(0, -end.length) : null
      // Not in the middle of a name with a hyphen: `vg-my--lv` is no `lv`.
      const isVolume = before !== null && /[^-](?:--)*$/.test(before)
      return isVolume || known === parts.join('-') ? [device] : []
    })
  }

  textOf(device: number): string {
    return this.get(device)?.name ?? deviceText(device) ?? 'unknown'
  }
}

/** Names of block devices are told apart by their last part, but for folders that number their entries. */
function baseOf(name: string): string {
  const path = name.replace(/^\/dev\//, '')
  const match = /^(?:mapper|block)\/(.+)$/s.exec(path)
  if (match) return match[1]
  return path.startsWith('../') || !path.includes('/') ? (path.split('/').at(-1) as string) : path
}

function only(devices: Iterable<number>): number | null {
  const [first, ...others] = devices
  return first === undefined || others.some((other) => other !== first) ? null : first
}
