/**
 * Arrays of Linux software RAID.
 *
 *     /proc/mdstat    md0 : active raid1 sdb1[1] sda1[0]
 *                           1046528 blocks super 1.2 [2/2] [UU]
 *     mdadm -E DEV    /dev/sda1:
 *                         Data Offset : 264192 sectors
 *                            Raid Level : raid1
 *
 * Metadata 0.90 and 1.0 stand at the end of a member, so data begin at its first byte; of 1.1 and 1.2 only mdadm -E tells
 * where they begin. raid1: byte for byte. raid0 with members of one size, raid10 near: chunks in turn. raid4/5/6 have
 * parity, which is no file's: not computed. Sources: torvalds/linux drivers/md/{md,raid0,raid10}.c; mdadm(8), md(4).
 */
import type { Findings } from './findings.ts'
import type { Layer } from './layer.ts'
import type { LineUse, SideFile } from './side-file.ts'

const ARRAY = /^(md\S*) : (?:active|inactive)(?: \([\w-]+\))* (?:(linear|multipath|faulty|raid\d+) )?(.+)$/
const DETAILS = /^ +(\d+) blocks(?: super (\S+))?(.*)$/
const SECTOR = 512

export function sniffMdstat(text: string): boolean {
  return text.startsWith('Personalities :')
}

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
    version === '0.90' || version === '1.0' ? 0 : (devices.dataOffsets.get(member) ?? null)
  const make = (deviceOf: (name: string) => number | null, only: { name: string } | null): Layer | null => {
    const upper = deviceOf(name)
    if (upper === null) return null
    const lowers = members
      .toSorted((a, b) => a.slot - b.slot)
      .flatMap(({ name: member }) => {
        const device = deviceOf(member)
        const at = startOf(member)
        return device === null ? [] : [{ name: member, device, at }]
      })
    const known = lowers.flatMap(({ device, at }) => (at === null ? [] : [{ device, at }]))
    if (level === 'raid1' && only) {
      const lower = lowers.find((other) => other.name === only.name)
      if (lower && lower.at !== null) {
        return { kind: 'linear', what: level, upper, upperAt: 0, bytes, lower: lower.device, lowerAt: lower.at }
      }
    }
    const whole = known.length === disks && chunk > 0
    if (whole && (level === 'raid0' || (level === 'raid10' && !far))) {
      return { kind: 'striped', what: level, upper, upperAt: 0, bytes, chunk, lowers: known, copies }
    }
    return { kind: 'opaque', what: level || 'md', upper, lowers: lowers.map(({ device }) => device) }
  }
  for (const only of level === 'raid1' ? members : [null]) {
    devices.named.push({ upper: name, make: (deviceOf) => make(deviceOf, only) })
  }
}

export function sniffMdadm(text: string): boolean {
  return /^\/dev\/\S+:\n +Magic : a92b4efc\n/.test(text)
}

export async function readMdadm(file: SideFile, { devices }: Findings): Promise<void> {
  let member = ''
  await file.eachLine((line): LineUse => {
    const head = /^\/dev\/(\S+):$/.exec(line)
    if (head) {
      member = head[1]
      return 'used'
    }
    const offset = /^ +Data Offset : (\d+) sectors/.exec(line)
    if (!offset) return 'note'
    devices.dataOffsets.set(member, Number(offset[1]) * SECTOR)
    return 'used'
  })
}
