/**
 * Which file system each map is of. What identifies decides: a UUID; then the device that the map names; then the mount
 * that its paths lie on; then its size; then the other maps saved in the same folder. What contradicts is never joined.
 */
import { dirname } from 'node:path'
import { deviceText, type Diagnostics } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import type { Findings, FsHint } from './findings.ts'
import type { FsType } from './layout-map.ts'
import { fsTypeOf, type Mount } from './mounts.ts'
import { emptyFs, type FsDraft } from './saved-fs.ts'

/** What blkid calls a part of something larger: it has no files of its own. */
const MEMBERS = /_member$|^LVM|^crypto_|^drbd$|^bcache$|^ceph/
/** A file system may end some blocks before its device. */
const SLACK_BYTES = 1 << 20

export class FsJoin {
  readonly drafts: FsDraft[] = []
  readonly #findings: Findings
  readonly #diagnostics: Diagnostics
  readonly #byMount = new Map<Mount, FsDraft>()
  /** Of maps that told themselves where they belong, by folder and type. */
  readonly #byFolder = new Map<string, Set<FsDraft>>()

  constructor(findings: Findings, diagnostics: Diagnostics) {
    this.#findings = findings
    this.#diagnostics = diagnostics
    for (const mount of findings.mounts.all()) this.#addMount(mount)
    this.#addDevices()
  }

  ofMount(mount: Mount): FsDraft | null {
    return this.#byMount.get(mount) ?? null
  }

  /** The file system that a path lies on. */
  ofPath(path: string): FsDraft | null {
    const mount = this.#findings.mounts.covering(path)
    if (mount) return this.ofMount(mount)
    // Without mountinfo: lsblk's mountpoints.
    let best: { draft: FsDraft; length: number } | null = null
    for (const draft of this.drafts) {
      for (const point of draft.mountpoints) {
        const inside = path === point || path.startsWith(point === '/' ? '/' : `${point}/`)
        if (inside && point.length > (best?.length ?? -1)) best = { draft, length: point.length }
      }
    }
    return best?.draft ?? null
  }

  /** null: it contradicts what is at its place, which is said. A map of no known place gets a file system of its own. */
  place(source: string, type: FsType, hint: FsHint): FsDraft | null {
    const found = this.#find(source, type, hint)
    if (found === 'foreign') {
      this.#diagnostics.add(LAYOUT.foreign, { source }, source)
      return null
    }
    const draft = found ?? this.#detached(source, type, hint)
    draft.uuid ??= hint.uuid
    if (draft.type === 'other') draft.type = type
    if (hint.device !== null) draft.devices.add(hint.device)
    const key = `${dirname(source)} ${type}`
    const folder = this.#byFolder.get(key)
    if (folder) folder.add(draft)
    else this.#byFolder.set(key, new Set([draft]))
    return draft
  }

  #find(source: string, type: FsType, hint: FsHint): FsDraft | 'foreign' | null {
    const { uuid, device, path, mountpoint } = hint
    const same = uuid === null ? undefined : this.drafts.find((draft) => draft.uuid === uuid)
    if (same) return this.#fits(same, type, hint) ? same : 'foreign'
    const checked = (draft: FsDraft): FsDraft | 'foreign' => (this.#fits(draft, type, hint) ? draft : 'foreign')
    if (device !== null) {
      const draft = this.drafts.find(({ devices }) => devices.has(device))
      // fsmap of a part of ext4 may look like that of xfs, and tells of a log elsewhere, too.
      const isOfXfs = type === 'xfs' && (draft?.type === 'ext4' || draft?.type === 'log')
      return draft ? (isOfXfs ? draft : checked(draft)) : null
    }
    if (path !== null) {
      const draft = this.ofPath(path)
      if (draft) return checked(draft)
    }
    const mounted = this.drafts.filter(({ mountpoints }) => mountpoint !== null && mountpoints.has(mountpoint))
    if (mounted.length === 1) return checked(mounted[0])
    const fitting = this.drafts.filter(
      (draft) => draft.type === type && this.#fits(draft, type, hint) && this.#fills(draft, hint),
    )
    if (fitting.length === 1) return fitting[0]
    const beside = [...(this.#byFolder.get(`${dirname(source)} ${type}`) ?? [])].filter((draft) =>
      fitting.includes(draft),
    )
    return beside.length === 1 ? beside[0] : null
  }

  #fits(draft: FsDraft, type: FsType, { uuid, bytes }: FsHint): boolean {
    const size = this.#bytesOf(draft)
    return (
      (draft.type === type || draft.type === 'other') &&
      (uuid === null || draft.uuid === null || draft.uuid === uuid) &&
      (bytes === null || size === null || bytes <= size)
    )
  }

  /** Nothing but its type speaks for this one: then its size must, too. */
  #fills(draft: FsDraft, { bytes }: FsHint): boolean {
    const size = this.#bytesOf(draft)
    return bytes === null || size === null || size - bytes < SLACK_BYTES
  }

  #bytesOf({ devices }: FsDraft): number | null {
    const sizes = [...devices].map((device) => this.#findings.devices.get(device)?.bytes ?? null)
    return sizes.length === 0 || sizes.includes(null)
      ? null
      : sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0)
  }

  #detached(source: string, type: FsType, hint: FsHint): FsDraft {
    const fitting = this.drafts.filter(
      (draft) => draft.type === type && draft.devices.size > 0 && this.#fits(draft, type, hint),
    )
    const said = fitting.length > 1 ? LAYOUT.ambiguous : LAYOUT.unplaced
    if (hint.device === null) this.#diagnostics.add(said, { source }, source)
    return this.#new(type)
  }

  #new(type: FsType): FsDraft {
    const draft = emptyFs(type)
    this.drafts.push(draft)
    return draft
  }

  #addMount(mount: Mount): void {
    const { devices } = this.#findings
    const anonymous = mount.type === 'btrfs' || mount.type === 'zfs'
    const device = anonymous ? devices.find(mount.from) : mount.stDev
    const known = this.drafts.find(
      (draft) => (device !== null && draft.devices.has(device)) || draft.stDev === deviceText(mount.stDev),
    )
    const draft = known ?? this.#new(mount.type)
    if (device !== null) {
      draft.devices.add(device)
      const row = devices.at(device)
      if (mount.from.startsWith('/dev/') && devices.find(mount.from) === null) {
        devices.name(mount.from, device)
        row.name ??= mount.from.slice('/dev/'.length)
      }
    }
    draft.stDev ??= deviceText(mount.stDev)
    draft.mountedRoot ??= mount.subvolume
    draft.journalsData ||= mount.journalsData
    draft.allocatesEarly ||= mount.allocatesEarly
    draft.mountpoints.add(mount.mountpoint)
    const log = mount.log === null ? null : devices.find(mount.log)
    if (log !== null) {
      draft.log = log
      if (!this.drafts.some((other) => other.devices.has(log))) this.#new('log').devices.add(log)
    }
    this.#byMount.set(mount, draft)
  }

  #addDevices(): void {
    for (const { device, fsType, uuid, mountpoints } of this.#findings.devices.all()) {
      const points = [...mountpoints].filter((point) => point.startsWith('/'))
      const swap = mountpoints.has('[SWAP]')
      if ((fsType !== null && MEMBERS.test(fsType)) || (fsType === null && points.length === 0 && !swap)) continue
      const type = swap ? 'swap' : fsType === null ? 'other' : fsTypeOf(fsType)
      const draft =
        this.drafts.find(({ devices }) => devices.has(device)) ??
        // btrfs: all its devices have one UUID.
        this.drafts.find((other) => type === 'btrfs' && uuid !== null && other.uuid === uuid) ??
        this.#new(type)
      draft.devices.add(device)
      draft.uuid ??= uuid
      for (const point of points) draft.mountpoints.add(point)
    }
  }
}
