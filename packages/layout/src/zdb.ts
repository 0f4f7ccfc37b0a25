/**
 * `zdb -ddddd POOL/DATASET [OBJECT…]` (OpenZFS), also with -bb: the blocks of files on zfs. Best effort: see below.
 *
 *     Dataset tank/data [ZPL], ID 77, cr_txg 8, 280K, 8 objects
 *         Object  lvl   iblk   dblk  dsize  dnsize  lsize   %full  type
 *              2    2   128K   128K   257K     512   256K  100.00  ZFS plain file (K=inherit) (Z=inherit)
 *     	path	/words
 *     Indirect blocks:
 *                    0 L1  0:a4400:400 0:6054000:400 20000L/400P F=2 B=27/27
 *                    0  L0 0:54400:20000 20000L/20000P F=1 B=27/27
 *                20000  L0 DVA[0]=<0:74400:8000> [L0 ZFS plain file] … lz4 … size=20000L/8000P …
 *
 * Numbers of block rows are hexadecimal. A place is vdev:offset:allocated; bytes of the device begin 4 MiB later, behind two
 * labels and the boot area (include/sys/vdev_impl.h VDEV_LABEL_START_SIZE). Sources: openzfs/zfs cmd/zdb/zdb.c dump_object(),
 * snprintf_blkptr_compact(); include/sys/spa.h SNPRINTF_BLKPTR.
 *
 * Nothing saved tells which device a vdev is. Blocks are placed when one device alone is a member of a pool, and the first
 * vdev is no array: raidz allocates parity with the data, which shows in the sizes. Gang blocks are left out.
 */
import { AreaBuilder } from './area-builder.ts'
import { LAYOUT } from './diagnostics.ts'
import { ExtentBuilder } from './extent-builder.ts'
import { NO_HINT, mapFinding, type Findings } from './findings.ts'
import { EXTENT, type MappedFile } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const COLUMNS = /^ *Object +lvl +iblk +dblk +dsize /
const DATASET = /^Dataset (\S+) \[ZPL\]/
const OBJECT = /^ +(\d+) +\d+(?: +[\d.]+[KMGTPE]?){4,5} +\d+\.\d+ +(\S.*?)(?: \([KZ]=.*)?$/
const PATH = /^\s+path\s+(\/.*)$/s
const SIZE = /^\s+size\s+(\d+)$/
const BLOCK = /^ *([0-9a-f]+) +L(\d+) +(.*)$/
const DVA = /(?:^|[ <])(\d+):([0-9a-f]+):([0-9a-f]+)(?=[ >])/g
const SIZES = /(?:^|[ =])([0-9a-f]+)L\/([0-9a-f]+)P(?: |$)/

const LABELS_BYTES = 2 * 256 * 1024
const FIRST_BYTE = 4 << 20
/** What rounding up to sectors of 8 KiB, the largest in use, cannot explain is parity. */
const LEAST_PARITY = 8192
const PLAIN_FILE = 'ZFS plain file'

/** Whether it is what `zdb -ddddd` prints. */
export function sniffZdb(text: string): boolean {
  return (
    /^(?:\s*|Dataset .*|obj=.*)$/.test(text.split('\n', 1)[0]) && text.split('\n').some((line) => COLUMNS.test(line))
  )
}

/** Blocks of files and metadata, where the pool is known to lie on one device. */
export async function readZdb(file: SideFile, findings: Findings): Promise<void> {
  const reader = new ZdbLines(file, findings)
  await file.eachLine((line) => reader.apply(line))
  reader.end()
}

class ZdbLines {
  readonly #file: SideFile
  readonly #findings: Findings
  readonly #areas = new AreaBuilder()
  readonly #extents = new ExtentBuilder()
  readonly #files: (MappedFile & { path: string | null; size: number | null })[] = []
  #isElsewhere = false
  #isArray = false
  #mountpoint = ''
  /** Of the object whose blocks these are. */
  #type = ''

  constructor(file: SideFile, findings: Findings) {
    this.#file = file
    this.#findings = findings
  }

  apply(line: string): LineUse {
    const row = BLOCK.exec(line)
    if (row) return this.#block(Number.parseInt(row[1], 16), Number(row[2]), row[3])
    const dataset = DATASET.exec(line)
    if (dataset) {
      const mount = this.#findings.mounts.all().find(({ from }) => from === dataset[1])
      this.#mountpoint = mount && mount.mountpoint !== '/' ? mount.mountpoint : ''
      return 'used'
    }
    const object = OBJECT.exec(line)
    if (object) {
      this.#type = object[2]
      this.#files.push({ path: null, inode: Number(object[1]), root: null, size: null })
      return 'used'
    }
    const last = this.#files.at(-1)
    const path = PATH.exec(line)
    const size = SIZE.exec(line)
    if (last && path) last.path = this.#mountpoint + path[1]
    else if (last && size) last.size = Number(size[1])
    else return 'note'
    return 'used'
  }

  #block(offset: number, level: number, rest: string): LineUse {
    if (/^(?:HOLE|EMBEDDED)\b/.test(rest) || / gang /.test(rest)) return 'note'
    const owner = this.#files.length - 1
    const sizes = SIZES.exec(rest)
    const places = [...rest.matchAll(DVA)]
    if (!sizes || places.length === 0 || owner < 0) return 'damaged'
    const [logical, physical] = [sizes[1], sizes[2]].map((digits) => Number.parseInt(digits, 16))
    for (const [, vdev, at, allocated] of places) {
      const bytes = Number.parseInt(allocated, 16)
      const start = FIRST_BYTE + Number.parseInt(at, 16)
      const end = start + bytes
      if (bytes - physical >= LEAST_PARITY) this.#isArray = true
      if (Number(vdev) > 0) this.#isElsewhere = true
      else if (level > 0) this.#areas.add(start, end, 'metadata', 'indirect blocks')
      else if (this.#type !== PLAIN_FILE) this.#areas.add(start, end, 'metadata', this.#type)
      else this.#extents.add(start, end, offset, owner, physical < logical ? EXTENT.encoded : 0)
    }
    return 'used'
  }

  end(): void {
    const file = this.#file
    const [extents, areas] = [this.#extents, this.#areas]
    if (extents.length + areas.length === 0 && !this.#isElsewhere) return
    const members = this.#findings.devices.all().filter(({ fsType }) => fsType === 'zfs_member')
    const reason = this.#unplaced(members.length)
    if (reason !== null) return file.report(LAYOUT.vdev, `${file.path}, ${reason}`)
    areas.add(0, LABELS_BYTES, 'superblock', 'labels')
    if (extents.dropped > 0) file.report(LAYOUT.tooMany, file.path, extents.dropped)
    file.report(LAYOUT.bestEffort, file.path)
    this.#findings.maps.push(
      mapFinding(file, {
        tool: 'zdb (best effort)',
        fs: 'zfs',
        hint: { ...NO_HINT, device: members[0].device },
        files: this.#files,
        extents,
        areas,
        unitBytes: 1,
      }),
    )
  }

  /** Why nothing tells where its blocks lie; null: on the one member. */
  #unplaced(members: number): string | null {
    if (this.#isArray) return 'its blocks lie on an array'
    // Of a pool with several devices even the first vdev may be any of them.
    if (this.#isElsewhere) return 'its blocks lie on several devices'
    return members === 1 ? null : `${members} devices are known to be members of a pool`
  }
}
