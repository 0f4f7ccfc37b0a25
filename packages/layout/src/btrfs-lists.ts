/**
 * Short tables of btrfs-progs.
 *
 *     btrfs subvolume list MNT    ID 257 gen 10 top level 256 path snap
 *     btrfs filesystem show       Label: none  uuid: e0d659b9-c43b-48a4-aec8-a1e7bf392008
 *                                 \tdevid    1 size 1.00GiB used 238.38MiB path /dev/loop0
 *
 * A path is relative to the mounted tree where that is an ancestor, else to the top one: kdave/btrfs-progs
 * cmds/subvolume-list.c resolve_root().
 */
import type { BtrfsFacts } from './btrfs-facts.ts'
import type { Findings, SubvolumeRow } from './findings.ts'
import type { LineUse, SideFile } from './side-file.ts'

const SUBVOLUME = /^ID (\d+) gen \d+ (?:cgen \d+ )?(?:parent \d+ )?top level (\d+) .*?\bpath (.+)$/s
const SHOW = /^Label: .* uuid: ([0-9a-f-]{36})$/s
const MEMBER = /^\tdevid +(\d+) size \S+ used \S+ path (\S+)/

/** Whether it is what `btrfs subvolume list` prints. */
export function sniffSubvolumes(text: string): boolean {
  return SUBVOLUME.test(text.split('\n', 1)[0])
}

/** Ids and paths of subvolumes. */
export async function readSubvolumes(file: SideFile, findings: Findings): Promise<void> {
  const rows: SubvolumeRow[] = []
  await file.eachLine((line) => {
    const match = SUBVOLUME.exec(line)
    if (match) rows.push({ id: Number(match[1]), parent: Number(match[2]), path: match[3].replace(/^<FS_TREE>\//, '') })
    return match ? 'used' : line === '' ? 'note' : 'damaged'
  })
  findings.subvolumes.push({ source: file.path, rows })
}

/** Whether it is what `btrfs filesystem show` prints. */
export function sniffBtrfsShow(text: string): boolean {
  return SHOW.test(text.split('\n', 1)[0])
}

/** UUIDs, and devices by number. */
export async function readBtrfsShow(file: SideFile, findings: Findings): Promise<void> {
  let facts: BtrfsFacts | null = null
  await file.eachLine((line): LineUse => {
    const show = SHOW.exec(line)
    if (show) {
      facts = { source: file.path, uuid: show[1], chunks: new Map(), devices: new Map(), subvolumes: new Map() }
      findings.btrfs.push(facts)
      return 'used'
    }
    const member = MEMBER.exec(line)
    // Sizes are rounded here.
    if (member) facts?.devices.set(Number(member[1]), { bytes: 0, path: member[2] })
    return member ? 'used' : 'note'
  })
}
