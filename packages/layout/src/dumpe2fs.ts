/**
 * `dumpe2fs DEV`: what the blocks of ext2/3/4 are, but for files.
 *
 *     Group 0: (Blocks 0-32767) csum 0x41f6 [ITABLE_ZEROED]
 *       Primary superblock at 0, Group descriptors at 1-1
 *       Reserved GDT blocks at 2-64
 *       Block bitmap at 65 (+65), csum 0x76c70065
 *       Inode table at 73-584 (+73)
 *       Free blocks: 8770-32767
 *
 * `debugfs -c -R stats DEV` has the same head, and for each group less, but needs no bitmaps that go together:
 *
 *      Group  0: block bitmap at 65, inode bitmap at 69, inode table at 73
 *
 * Numbers are blocks from the start of the device; hexadecimal with -x. Bitmaps and tables of a group may lie in another
 * one (flex_bg). Source: tytso/e2fsprogs misc/dumpe2fs.c list_desc(), debugfs/debugfs.c do_show_super_stats().
 */
import { AreaBuilder } from './area-builder.ts'
import { LAYOUT } from './diagnostics.ts'
import { NO_HINT, mapFinding, type Findings } from './findings.ts'
import type { Area } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const N = '(0x[0-9a-f]+|\\d+)'
const RANGE = `${N}(?:-${N})?`
const GROUP = new RegExp(`^Group \\d+: \\(Blocks ${N}-${N}\\)`)
const STRUCTURES: readonly [RegExp, Area, string][] = [
  [new RegExp(`(?:Primary|Backup) superblock at ${RANGE}`), 'superblock', 'superblock'],
  [new RegExp(`Group descriptors? at ${RANGE}`), 'metadata', 'group descriptors'],
  [new RegExp(`Reserved GDT blocks at ${RANGE}`), 'metadata', 'reserved group descriptors'],
  [new RegExp(`Block bitmap at ${RANGE}`), 'metadata', 'block bitmap'],
  [new RegExp(`Inode bitmap at ${RANGE}`), 'metadata', 'inode bitmap'],
  [new RegExp(`Inode table at ${RANGE}`), 'metadata', 'inode table'],
  [new RegExp(`MMP block at ${RANGE}`), 'metadata', 'multiple-mount protection'],
]
const STATS_GROUP = /^ Group +\d+: block bitmap at (\d+), inode bitmap at (\d+), inode table at (\d+)$/
const FIELD =
  /^(Filesystem UUID|Last mounted on|Block count|Block size|Cluster size|First block|Blocks per group|Inode blocks per group): +(.*)$/s

/** Whether it is what `dumpe2fs`, or `stats` of debugfs, prints. */
export function sniffDumpe2fs(text: string): boolean {
  return /^Filesystem volume name: /m.test(text) && /^Filesystem magic number: +0xEF53$/m.test(text)
}

/** What blocks are as areas; where all groups are told, what no line names is a file's or a directory's. */
export async function readDumpe2fs(file: SideFile, findings: Findings): Promise<void> {
  const reader = new Dumpe2fsLines()
  await file.eachLine((line) => reader.apply(line))
  reader.end(file, findings)
}

class Dumpe2fsLines {
  readonly #fields = new Map<string, string>()
  readonly #areas = new AreaBuilder()
  readonly #groups: { isFreeTold: boolean }[] = []

  apply(line: string): LineUse {
    const field = FIELD.exec(line)
    if (field) {
      this.#fields.set(field[1], field[2])
      return 'used'
    }
    if (GROUP.test(line)) {
      this.#groups.push({ isFreeTold: false })
      return 'used'
    }
    const stats = STATS_GROUP.exec(line)
    if (stats) {
      const [blockBitmap, inodeBitmap, table] = stats.slice(1).map(Number)
      this.#areas.add(blockBitmap, blockBitmap + 1, 'metadata', 'block bitmap')
      this.#areas.add(inodeBitmap, inodeBitmap + 1, 'metadata', 'inode bitmap')
      this.#areas.add(table, table + Number(this.#fields.get('Inode blocks per group') ?? 0), 'metadata', 'inode table')
      return 'used'
    }
    const inside = this.#groups.at(-1)
    if (!inside || !line.startsWith(' ')) return 'note'
    const free = /^ +Free blocks: ?(.*)$/.exec(line)
    if (free) {
      const ranges = parseRanges(free[1])
      if (!ranges) return 'damaged'
      inside.isFreeTold = true
      for (const [start, end] of ranges) this.#areas.add(start, end, 'free', 'free')
      return 'used'
    }
    let use: LineUse = 'note'
    for (const [shape, area, label] of STRUCTURES) {
      const match = shape.exec(line)
      if (!match) continue
      this.#areas.add(Number(match[1]), Number(match[2] ?? match[1]) + 1, area, label)
      use = 'used'
    }
    return use
  }

  end(file: SideFile, findings: Findings): void {
    const [fields, areas, groups] = [this.#fields, this.#areas, this.#groups]
    const blockBytes = Number(fields.get('Block size'))
    const blocks = Number(fields.get('Block count'))
    const first = Number(fields.get('First block') ?? 0)
    if (!(blockBytes > 0) || !(blocks > 0)) return file.report(LAYOUT.cut, file.path)
    const complete =
      groups.length === Math.ceil((blocks - first) / Number(fields.get('Blocks per group'))) &&
      groups.every(({ isFreeTold }) => isFreeTold)
    // -h prints no groups: that is no cut.
    if (groups.length > 0 && !complete) file.report(LAYOUT.cut, file.path)
    if (complete) areas.fill(first, blocks, 'used', 'files and directories')
    const mounted = fields.get('Last mounted on') ?? ''
    findings.maps.push(
      mapFinding(file, {
        tool: 'dumpe2fs',
        fs: 'ext4',
        hint: {
          ...NO_HINT,
          uuid: fields.get('Filesystem UUID') ?? null,
          mountpoint: mounted.startsWith('/') ? mounted : null,
          bytes: blocks * blockBytes,
        },
        areas,
        complete,
        unitBytes: blockBytes,
        blockBytes,
        clusterBytes: fields.has('Cluster size') ? Number(fields.get('Cluster size')) : null,
      }),
    )
  }
}

function parseRanges(text: string): [number, number][] | null {
  if (text.trim() === '') return []
  const ranges = text.split(', ').map((range) => /^(0x[0-9a-f]+|\d+)(?:-(0x[0-9a-f]+|\d+))?$/.exec(range.trim()))
  return ranges.every((match) => match !== null)
    ? ranges.map((match) => [Number(match[1]), Number(match[2] ?? match[1]) + 1])
    : null
}
