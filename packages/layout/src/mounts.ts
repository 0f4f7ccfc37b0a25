/**
 * /proc/self/mountinfo: which device is mounted where.
 *
 *     45 27 259:0 / /srv/mnt rw,relatime - ext4 /dev/loop0p1 rw
 *     47 27 0:39 /@ /srv/mnt rw,relatime shared:1 - btrfs /dev/loop0 rw,subvolid=256,subvol=/@
 *
 * Format: man page proc_pid_mountinfo(5); torvalds/linux fs/proc_namespace.c show_mountinfo(): blank, tab, newline and
 * backslash in names are octal.
 */
import { majorOf, parseDevice } from '@flushtrace/trace'
import type { Findings } from './findings.ts'
import type { FsType } from './layout-map.ts'
import type { SideFile } from './side-file.ts'

export interface Mount {
  /** st_dev: of the device, or an anonymous one (btrfs, zfs). */
  readonly stDev: number
  /** What of the file system is mounted: `/`, `/@`, or the folder of a bind mount. */
  readonly root: string
  readonly mountpoint: string
  readonly type: FsType
  /** `/dev/loop0p1`, `pool/data`. */
  readonly from: string
  /** btrfs: the tree that is mounted. */
  readonly subvolume: number | null
  /** ext4, `data=journal`: what is written to a file goes through the journal, as metadata does. */
  readonly journalsData: boolean
  /**
   * ext4 without delayed allocation (`nodelalloc`; mounted as ext2 or ext3; `data=journal`): a file gets its blocks when
   * it is written, and they its data when the kernel writes it back.
   */
  readonly allocatesEarly: boolean
  /** xfs, `logdev=`: the device of its log, where that is another one. */
  readonly log: string | null
}

const TYPES: Readonly<Record<string, FsType>> = {
  ext2: 'ext4',
  ext3: 'ext4',
  ext4: 'ext4',
  xfs: 'xfs',
  btrfs: 'btrfs',
  zfs: 'zfs',
  f2fs: 'f2fs',
  // libblkid superblocks/xfs.c, ext.c: a log, or journal, on a device of its own.
  xfs_external_log: 'log',
  jbd: 'log',
}

/** What the tools call a file system, as one of the types that maps are told apart by. */
export function fsTypeOf(name: string): FsType {
  return TYPES[name] ?? (name === 'zfs_member' ? 'zfs' : name === 'swap' ? 'swap' : 'other')
}

/** The kernel writes blanks and newlines in names as octal: other white space stands as it is. A source may be empty. */
const LINE = /^\d+ \d+ (\d+:\d+) ([^ ]+) ([^ ]+) [^ ]+ (?:.* )?- ([^ ]+) ([^ ]*) ([^ ]+)$/s

/** null: no line of mountinfo. */
export function parseMountinfoLine(line: string): Mount | null {
  const match = LINE.exec(line)
  const stDev = match && parseDevice(match[1])
  if (!match || stDev === null) return null
  const subvolume = /(?:^|,)subvolid=(\d+)/.exec(match[6])
  const log = /(?:^|,)logdev=([^,]+)/.exec(match[6])
  return {
    stDev,
    root: unescapeOctal(match[2]),
    mountpoint: unescapeOctal(match[3]),
    type: fsTypeOf(match[4]),
    from: unescapeOctal(match[5]),
    subvolume: subvolume && Number(subvolume[1]),
    journalsData: /(?:^|,)data=journal(?:,|$)/.test(match[6]),
    log: log && unescapeOctal(log[1]),
    allocatesEarly: /^ext[23]$/.test(match[4]) || /(?:^|,)(?:nodelalloc|data=journal)(?:,|$)/.test(match[6]),
  }
}

/** `\040` and the like. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** Which file system is mounted where. */
export async function readMountinfo(file: SideFile, { mounts }: Findings): Promise<void> {
  await file.eachLine((line) => {
    if (line === '') return 'note'
    const mount = parseMountinfoLine(line)
    if (!mount) return 'damaged'
    return mounts.add(mount) ? 'used' : 'note'
  })
}

/** Of several tables (before, after) the later one counts where they differ. */
export class Mounts {
  readonly #byPoint = new Map<string, Mount>()
  /** Characters of the longest one: what a longer path has behind these is not looked at. */
  #longest = 0

  /** false for what lies on no disk (proc, tmpfs): there is no block to name. It hides what lies below it all the same. */
  add(mount: Mount): boolean {
    this.#longest = Math.max(this.#longest, mount.mountpoint.length)
    this.#byPoint.delete(mount.mountpoint)
    this.#byPoint.set(mount.mountpoint, mount)
    return onDisk(mount)
  }

  all(): Mount[] {
    return [...this.#byPoint.values()].filter(onDisk)
  }

  /** The mount that a path lies on; null: on no disk, or nothing told. */
  of(path: string): Mount | null {
    const mount = this.covering(path)
    return mount && onDisk(mount) ? mount : null
  }

  /** The same, also of what lies on no disk: it hides what is mounted above. */
  covering(path: string): Mount | null {
    const start = path.length > this.#longest ? path.slice(0, path.lastIndexOf('/', this.#longest)) : path
    for (let at = start; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const mount = this.#byPoint.get(at === '' ? '/' : at)
      if (mount) return mount
      if (at === '' || !at.startsWith('/')) return null
    }
  }
}

function onDisk({ stDev, type }: Mount): boolean {
  return majorOf(stDev) !== 0 || type === 'btrfs' || type === 'zfs'
}
