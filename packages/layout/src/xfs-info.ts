/**
 * `xfs_info MNT` (xfsprogs): the sizes that an xfs was made with.
 *
 *     meta-data=/dev/sda1              isize=512    agcount=4, agsize=25600 blks
 *              =                       sectsz=512   attr=2, projid32bit=1
 *     data     =                       bsize=4096   blocks=102400, imaxpct=25
 *     log      =internal log           bsize=4096   blocks=16384, version=2
 *
 * They tell where the heads of the groups are, and not where the log is: for that, `xfs_db -c 'sb 0' -c p`.
 * Source: xfsprogs libfrog/fsgeom.c xfs_report_geom().
 */
import { AreaBuilder } from './area-builder.ts'
import { LAYOUT } from './diagnostics.ts'
import { NO_HINT, mapFinding, type Findings } from './findings.ts'
import type { SideFile } from './side-file.ts'
import { addGroupHeads } from './xfs-superblock.ts'

const ROW = /^(meta-data|data|naming|log|realtime| )\s*=(.*?)\s+(\w+=\d.*|version \d.*)$/
const META = /^meta-data=\S.*? +isize=\d+ +agcount=\d+, agsize=\d+ blks$/

/** Whether it is what `xfs_info` prints. */
export function sniffXfsInfo(text: string): boolean {
  return META.test(text.split('\n', 1)[0])
}

/** The size of blocks, and the heads of the groups as areas. */
export async function readXfsInfo(file: SideFile, findings: Findings): Promise<void> {
  /** `data.bsize` → 4096. */
  const fields = new Map<string, number>()
  let section = ''
  let name = ''
  await file.eachLine((line) => {
    const row = ROW.exec(line)
    if (!row) return line === '' ? 'note' : 'damaged'
    if (row[1] !== ' ') section = row[1]
    if (row[1] === 'meta-data') name = row[2]
    for (const [, key, value] of row[3].matchAll(/([\w-]+)=(\d+)/g)) fields.set(`${section}.${key}`, Number(value))
    return 'used'
  })
  const number = (key: string): number => fields.get(key) ?? Number.NaN
  const [block, blocks, sector] = [number('data.bsize'), number('data.blocks'), number('meta-data.sectsz')]
  const [groups, groupBlocks] = [number('meta-data.agcount'), number('meta-data.agsize')]
  if (![block, blocks, sector, groups, groupBlocks].every((value) => value > 0)) {
    return file.report(LAYOUT.cut, file.path)
  }
  const areas = new AreaBuilder()
  addGroupHeads(areas, { block, sector, blocks, groups, groupBlocks })
  findings.maps.push(
    mapFinding(file, {
      tool: 'xfs_info',
      fs: 'xfs',
      hint: { ...NO_HINT, device: findings.devices.find(name), bytes: blocks * block },
      areas,
      unitBytes: 1,
      blockBytes: block,
    }),
  )
}
