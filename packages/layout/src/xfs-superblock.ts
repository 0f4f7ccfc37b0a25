/**
 * `xfs_db -r -c 'sb 0' -c p DEV` (xfsprogs): the superblock, which tells where the log is.
 *
 *     magicnum = 0x58465342
 *     blocksize = 4096
 *     logstart = 65543
 *
 * A block number has the allocation group in its high bits: torvalds/linux fs/xfs/libxfs/xfs_format.h XFS_FSB_TO_AGNO.
 * Each group begins with four sectors: a superblock, and the heads of free space, inodes and the free list.
 */
import { AreaBuilder } from './area-builder.ts'
import { LAYOUT } from './diagnostics.ts'
import { NO_HINT, mapFinding, type Findings } from './findings.ts'
import type { SideFile } from './side-file.ts'

const FIELD = /^(\w+) = (.*)$/

/** Whether it is what `xfs_db -c "sb 0" -c p` prints. */
export function sniffXfsSuperblock(text: string): boolean {
  return /^magicnum = 0x58465342$/m.test(text.slice(0, 256))
}

/** Groups have 16 MiB or more (XFS_AG_MIN_BYTES), and growing file systems some thousands. */
const MAX_GROUPS = 1 << 20

/** Sizes in bytes, but for what counts blocks. */
interface Groups {
  readonly block: number
  readonly sector: number
  readonly blocks: number
  readonly groups: number
  readonly groupBlocks: number
}

/** The first sectors of each group: its superblock, and the heads of its trees. */
export function addGroupHeads(areas: AreaBuilder, { block, sector, blocks, groups, groupBlocks }: Groups): void {
  const most = Math.min(groups, MAX_GROUPS)
  for (let group = 0; group < most && group * groupBlocks < blocks; group++) {
    const start = group * groupBlocks * block
    areas.add(start, start + sector, 'superblock', 'superblock')
    areas.add(start + sector, start + 4 * sector, 'metadata', 'heads of the allocation group')
  }
}

/** The log and the heads of the groups as areas. */
export async function readXfsSuperblock(file: SideFile, findings: Findings): Promise<void> {
  const fields = new Map<string, string>()
  await file.eachLine((line) => {
    const match = FIELD.exec(line)
    if (match) fields.set(match[1], match[2])
    return match ? 'used' : line === '' ? 'note' : 'damaged'
  })
  const number = (name: string): number => Number(fields.get(name) ?? Number.NaN)
  const [block, sector, blocks] = [number('blocksize'), number('sectsize'), number('dblocks')]
  const [groupBlocks, groups, groupBits] = [number('agblocks'), number('agcount'), number('agblklog')]
  if (![block, sector, blocks, groupBlocks, groups, groupBits].every((value) => value > 0)) {
    return file.report(LAYOUT.cut, file.path)
  }
  const areas = new AreaBuilder()
  addGroupHeads(areas, { block, sector, blocks, groups, groupBlocks })
  // 0: the log lies on a device of its own.
  const log = number('logstart')
  if (log > 0) {
    const place = Math.floor(log / 2 ** groupBits) * groupBlocks + (log % 2 ** groupBits)
    areas.add(place * block, (place + number('logblocks')) * block, 'journal', 'log')
  }
  findings.maps.push(
    mapFinding(file, {
      tool: 'xfs_db',
      fs: 'xfs',
      hint: { ...NO_HINT, uuid: fields.get('uuid') ?? null, bytes: blocks * block },
      areas,
      unitBytes: 1,
      blockBytes: block,
    }),
  )
}
