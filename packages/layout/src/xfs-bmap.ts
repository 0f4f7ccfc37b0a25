/**
 * `xfs_bmap -v FILE…` (xfsprogs): the blocks of files on xfs.
 *
 *     /srv/a.db:
 *      EXT: FILE-OFFSET      BLOCK-RANGE      AG AG-OFFSET        TOTAL FLAGS
 *        0: [0..47]:         80..127           0 (80..127)           48
 *        2: [160..2047]:     hole                                  1888
 *
 * 512-byte sectors, ends inclusive. FLAGS, octal: 010000 unwritten, 0100000 shared. Source: xfsprogs io/bmap.c bmap_f().
 */
import { SECTOR_BYTES } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import { NO_HINT, mapFinding, type Findings, type MapFinding } from './findings.ts'
import { EXTENT } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const HEAD = /^ EXT: FILE-OFFSET +BLOCK-RANGE/
const ROW = /^ *\d+: \[(\d+)\.\.(\d+)\]: +(?:(\d+)\.\.(\d+)|(hole|delalloc))(?:.*\)\s+\d+(?:\s+([0-7]+))?)?/
const UNWRITTEN = 0o10000
const SHARED = 0o100000

/** Whether it is what `xfs_bmap` prints. */
export function sniffXfsBmap(text: string): boolean {
  return /^[^\n]+:\n(?: EXT: FILE-OFFSET +(?:RT-)?BLOCK-RANGE|\t\d+: \[\d+\.\.\d+\]: (?:\d+\.\.\d+|hole))/.test(text)
}

/** Extents of files; those on a realtime device are left out. */
export async function readXfsBmap(file: SideFile, findings: Findings): Promise<void> {
  const maps = new Map<string, MapFinding>()
  let map: MapFinding | null = null
  let name: string[] = []
  let realtime = false
  const open = (path: string): void => {
    const key = findings.mounts.of(path)?.mountpoint ?? ''
    map = maps.get(key) ?? null
    if (!map) {
      map = mapFinding(file, {
        tool: 'xfs_bmap',
        fs: 'xfs',
        hint: { ...NO_HINT, path },
        unitBytes: SECTOR_BYTES,
      })
      maps.set(key, map)
      findings.maps.push(map)
    }
    map.files.push({ path, inode: null, root: null, size: null })
  }
  await file.eachLine((line): LineUse => {
    const row = ROW.exec(line.trimStart())
    if (row) {
      if (name.length > 0) open(name.splice(0).join('\n').slice(0, -1))
      if (!map) return 'damaged'
      const [, from, to, start, end, none, flags] = row
      if (none === 'delalloc') file.report(LAYOUT.notOnDisk, map.files.at(-1)?.path ?? '')
      // Sectors of the realtime device are another device's.
      if (none || realtime) return 'note'
      if (Number(end) - Number(start) !== Number(to) - Number(from)) return 'damaged'
      const bits = Number.parseInt(flags ?? '0', 8)
      const extent = (bits & UNWRITTEN ? EXTENT.unwritten : 0) | (bits & SHARED ? EXTENT.shared : 0)
      map.extents.add(Number(start), Number(end) + 1, Number(from), map.files.length - 1, extent)
      return 'used'
    }
    if (line.startsWith(' EXT: FILE-OFFSET')) {
      realtime = !HEAD.test(line)
      return 'note'
    }
    if (line === '' || /^ FLAG Values:|^ +\d+ [A-Z]/.test(line) || line.endsWith(': no extents')) return 'note'
    // A name, or a line of one: its last ends in a colon.
    if (name.length > 64) return ((name = []), 'damaged')
    name.push(line)
    return 'note'
  })
  if (name.length > 0 && !name.at(-1)?.endsWith(':')) file.report(LAYOUT.cut, file.path)
}
