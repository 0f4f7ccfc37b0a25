/**
 * Short tables of devices.
 *
 *     /proc/partitions      major minor  #blocks  name
 *                            259        0     522240 loop0p1
 *     /proc/swaps           Filename  Type  Size  Used  Priority
 *     ls -l FOLDER          lrwxrwxrwx 1 root root 7 Nov 20 11:51 vg-lv -> ../dm-0
 *     losetup --json -l     {"loopdevices": [{"name":"/dev/loop0", "offset":0, "back-file":"/srv/disk.img"}]}
 */
import { makeDevice } from '@flushtrace/trace'
import type { Findings } from './findings.ts'
import { unescapeOctal } from './mounts.ts'
import type { SideFile } from './side-file.ts'

const PARTITION = /^ *(\d+) +(\d+) +(\d+) (\S+)$/
const LINK = /^l[-rwxst]{9}[.+@]? .*? ([^\s/]\S*|\/\S+) -> (\S*(?:dm-\d+|\/?(?:sd|vd|xvd|nvme|drbd|md|loop)\S*))$/
const SWAP = /^(\/\S+)\s+(partition|file)\s+\d+\s+\d+\s+-?\d+$/
const LOOP_MAJOR = 7

/** Whether it is /proc/partitions. */
export function sniffPartitions(text: string): boolean {
  return /^major minor +#blocks +name$/m.test(text.slice(0, 256)) && text.startsWith('major')
}

/** Names and sizes of devices. */
export async function readPartitions(file: SideFile, { devices }: Findings): Promise<void> {
  await file.eachLine((line) => {
    const match = PARTITION.exec(line)
    if (!match) return line === '' || line.startsWith('major') ? 'note' : 'damaged'
    const known = devices.at(makeDevice(Number(match[1]), Number(match[2])))
    known.name ??= match[4]
    // Blocks of 1 KiB, rounded down: lsblk's bytes are better.
    known.bytes ??= Number(match[3]) * 1024
    devices.name(match[4], known.device)
    return 'used'
  })
}

/** Whether it is /proc/swaps. */
export function sniffSwaps(text: string): boolean {
  return /^Filename\s+Type\s+Size\s+Used\s+Priority\n/.test(text)
}

/** Devices and files that hold swap. */
export async function readSwaps(file: SideFile, { devices }: Findings): Promise<void> {
  await file.eachLine((line) => {
    const match = SWAP.exec(line)
    if (!match) return line === '' || line.startsWith('Filename') ? 'note' : 'damaged'
    if (match[2] === 'file') {
      // Its blocks are told by the file's own map.
      devices.swapFiles.add(unescapeOctal(match[1]).replace(/ \(deleted\)$/, ''))
      return 'used'
    }
    const device = devices.find(match[1])
    if (device === null) return 'note'
    devices.at(device).fsType = 'swap'
    return 'used'
  })
}

/** Folders of links to devices: /dev/mapper, /dev/disk/by-*, /dev/drbd/by-res, ganeti's instance-disks. */
export function sniffLinks(text: string): boolean {
  const lines = text.split('\n', 8).filter((line) => line !== '' && !/^total \d|^\/.*:$|^d[-rwxst]{9}/.test(line))
  const [control, ...others] = lines.toSorted()
  // /dev/mapper has a node of its own, and nothing else where there are no volumes.
  const links = control?.startsWith('c') && control.endsWith(' control') ? others : lines
  return lines.length > 0 && links.every((line) => LINK.test(line))
}

/** Other names of devices: those of the links in /dev. */
export async function readLinks(file: SideFile, { devices }: Findings): Promise<void> {
  let folder = ''
  await file.eachLine((line) => {
    const match = LINK.exec(line)
    if (!match) {
      folder = /\/([^/]+):$/.exec(line)?.[1] ?? folder
      return 'note'
    }
    devices.link(match[1], match[2])
    // ls -R: drbd numbers the volumes of a resource in a folder of its name (by-res/web1/0).
    if (folder !== '') devices.link(`${folder}/${match[1]}`, match[2])
    return 'used'
  })
}

/** Whether it is what `losetup --json` prints. */
export function sniffLosetup(text: string): boolean {
  return /^\s*\{\s*"loopdevices"\s*:/.test(text)
}

/** The files below loop devices. */
export async function readLosetup(file: SideFile, { devices }: Findings): Promise<void> {
  const table = await file.json('losetup')
  for (const { name, offset, 'back-file': path } of table?.loopdevices ?? []) {
    const number = /loop(\d+)$/.exec(name)
    // The kernel numbers loop devices by their name, unless max_part is set; lsblk, read before, knows.
    if (number && devices.find(name) === null) {
      devices.name(name, makeDevice(LOOP_MAJOR, Number(number[1])))
    }
    if (path !== null) devices.back(name, path.replace(/ \(deleted\)$/, ''), offset ?? 0)
  }
}
