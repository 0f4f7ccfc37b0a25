/**
 * Arrays of Linux software RAID.
 *
 *     /proc/mdstat    md0 : active raid1 sdb1[1] sda1[0]
 *                           1046528 blocks super 1.2 [2/2] [UU]
 *     mdadm -E DEV    /dev/sda1:
 *                            Raid Level : raid1
 *                        Avail Dev Size : 1046528 sectors (511.00 MiB 535.82 MB)
 *                           Data Offset : 264192 sectors      not of 1.0
 *                          Super Offset : 8 sectors           not of 0.90
 *                                Layout : original                             raid0, from mdadm 4.2 on
 *
 * Metadata 0.90 and 1.0 stand at the end of a member, so data begin at its first byte; of 1.1 and 1.2 only mdadm -E tells
 * where they begin. raid1: byte for byte. raid0 (strip-zones.ts), raid10 near: chunks in turn. raid4/5/6 have
 * parity, which is no file's: not computed. Sources: torvalds/linux drivers/md/{md,raid0,raid10}.c; mdadm(8), md(4).
 */
import { SECTOR_BYTES } from '@flushtrace/trace'
import type { ArrayMember } from './device-table.ts'
import type { Findings } from './findings.ts'
import type { Layer } from './layer.ts'
import type { LineUse, SideFile } from './side-file.ts'
import { stripZones } from './strip-zones.ts'

const ARRAY = /^(md\S*) : (?:active|inactive)(?: \([\w-]+\))* (?:(linear|multipath|faulty|raid\d+) )?(.+)$/
const DETAILS = /^ +(\d+) blocks(?: super (\S+))?(.*)$/
const SUPERBLOCK_BYTES = 4096

/** Whether it is /proc/mdstat. */
export function sniffMdstat(text: string): boolean {
  return text.startsWith('Personalities :')
}

/** Arrays and their members. */
export async function readMdstat(file: SideFile, findings: Findings): Promise<void> {
  let array: { name: string; level: string; members: { name: string; slot: number }[] } | null = null
  await file.eachLine((line): LineUse => {
    const head = ARRAY.exec(line)
    if (head) {
      const members = [...head[3].matchAll(/(\S+?)\[(\d+)\](\([SFJWR]\))*/g)]
        // Spares and failed members hold no data.
        .filter((match) => !/[SFJ]/.test(match[3] ?? ''))
        .map((match) => ({ name: match[1], slot: Number(match[2]) }))
      array = { name: head[1], level: head[2] ?? '', members }
      return 'used'
    }
    const details = array && DETAILS.exec(line)
    if (!array || !details) return 'note'
    addArray(findings, array, Number(details[1]) * 1024, details[2] ?? '0.90', details[3])
    array = null
    return 'used'
  })
}

function addArray(
  { devices }: Findings,
  { name, level, members }: { name: string; level: string; members: readonly { name: string; slot: number }[] },
  bytes: number,
  version: string,
  rest: string,
): void {
  const disks = Number(/\[(\d+)\/\d+\]/.exec(rest)?.[1] ?? members.length)
  const chunk = Number(/ (\d+)k chunks?\b/i.exec(rest)?.[1] ?? 0) * 1024
  const copies = Number(/ (\d+) near-copies/.exec(rest)?.[1] ?? 1)
  const far = /far-copies|offset-copies/.test(rest)
  const startOf = (member: string): number | null =>
    version === '0.90' || version === '1.0' ? 0 : (devices.members.get(member)?.at ?? null)
  const make = (deviceOf: (name: string) => number | null, only: { name: string } | null): Layer | Layer[] | null => {
    const upper = deviceOf(name)
    if (upper === null) return null
    const lowers = members
      .toSorted((a, b) => a.slot - b.slot)
      .flatMap(({ name: member }) => {
        const device = deviceOf(member)
        const at = startOf(member)
        return device === null ? [] : [{ name: member, device, at }]
      })
    const known = lowers.flatMap(({ name: member, device, at }) =>
      at === null ? [] : [{ device, at, bytes: devices.members.get(member)?.bytes ?? null }],
    )
    if (level === 'raid1' && only) {
      const lower = lowers.find((other) => other.name === only.name)
      if (lower && lower.at !== null) {
        return { kind: 'linear', what: level, upper, upperAt: 0, bytes, lower: lower.device, lowerAt: lower.at }
      }
    }
    const whole = known.length === disks && chunk > 0
    const striped = { kind: 'striped', what: level, upper, upperAt: 0, bytes, chunk } as const
    if (whole && level === 'raid0') {
      const layout = devices.members.get(lowers[0].name)?.raid0Layout ?? null
      const told = known.every((member) => member.bytes !== null)
      if (!told && mayBeEqual(devices, known, bytes, chunk)) return { ...striped, lowers: known, copies: 1 }
      const zones = told ? stripZones(striped, known, layout) : []
      if (zones.length > 0) return zones
    }
    if (whole && level === 'raid10' && !far) {
      return { ...striped, lowers: known, copies }
    }
    return { kind: 'opaque', what: level || 'md', upper, lowers: lowers.map(({ device }) => device) }
  }
  for (const only of level === 'raid1' ? members : [null]) {
    devices.named.push({ upper: name, make: (deviceOf) => make(deviceOf, only) })
  }
}

/** Whether the members can be of one size, as far as their devices tell: none is too small for its share of the array. */
function mayBeEqual(
  devices: Findings['devices'],
  members: readonly { device: number; at: number }[],
  bytes: number,
  chunk: number,
): boolean {
  const share = bytes / members.length
  if (share % chunk !== 0) return false
  return members.every(({ device, at }) => (devices.get(device)?.bytes ?? Infinity) - at >= share)
}

/** Whether it is what `mdadm -E` prints. */
export function sniffMdadm(text: string): boolean {
  return /^\/dev\/\S+:\n +Magic : a92b4efc\n/.test(text)
}

/** Where the data of members begin, and what they keep for the array. */
export async function readMdadm(file: SideFile, { devices }: Findings): Promise<void> {
  let member = ''
  await file.eachLine((line): LineUse => {
    const head = /^\/dev\/(\S+):$/.exec(line)
    if (head) {
      member = head[1]
      return 'used'
    }
    const told = /^ +(Data Offset|Super Offset|Avail Dev Size|Layout) : (\w+)/.exec(line)
    if (!told) return 'note'
    const [, what, value] = told
    const { path: source } = file
    const known = devices.members.get(member) ?? { source, at: null, bytes: null, superAt: null, raid0Layout: null }
    devices.members.set(member, known)
    if (what === 'Data Offset') known.at = Number(value) * SECTOR_BYTES
    else if (what === 'Super Offset') known.superAt = Number(value) * SECTOR_BYTES
    else if (what === 'Avail Dev Size') known.bytes = Number(value) * SECTOR_BYTES
    else if (value === 'original' || value === 'alternate') known.raid0Layout = value
    else return 'note'
    return 'used'
  })
}

/**
 * What md keeps for itself on a member: superblock, bitmap and list of bad blocks lie together, before the data (1.1, 1.2)
 * or behind them (1.0). Bytes; null where mdadm -E does not tell. Source: torvalds/linux drivers/md/md.c super_1_load().
 */
export function ownArea({ at, bytes, superAt }: ArrayMember): { start: number; end: number } | null {
  if (superAt === null) return null
  if (at !== null && superAt < at) return { start: superAt, end: at }
  const dataEnd = (at ?? 0) + (bytes ?? Infinity)
  return superAt >= dataEnd ? { start: dataEnd, end: superAt + SUPERBLOCK_BYTES } : null
}
