/**
 * Tables of the device mapper.
 *
 *     dmsetup table     vg-lv: 0 8388608 linear 8:3 2048
 *     dmsetup deps      vg-lv: 1 dependencies\t: (8, 3)
 *     dmsetup ls        vg-lv\t(253:0)         (253, 0) in old versions
 *
 * 512-byte sectors. crypt is byte for byte, but for what the bytes are: `0 N crypt aes-xts-plain64 KEY iv 8:3 4096`.
 * striped: `0 N striped 2 128 8:3 0 8:17 0`. Mirrors of LVM are byte for byte on each device (pairs of metadata, or `-`, and
 * data; log and its arguments before the devices): `0 N raid raid1 3 0 region_size 4096 2 253:2 253:3 253:4 253:5`,
 * `0 N mirror disk 2 253:2 1024 2 253:3 0 253:4 0`. Where thin, cache, snapshot and other raid targets put a block is not in
 * their table; of thin volumes thin_dump tells (thin.ts). Sources: torvalds/linux
 * Documentation/admin-guide/device-mapper/{linear,striped,dm-crypt,dm-raid}.rst, drivers/md/dm-raid1.c create_dirty_log();
 * lvm2 libdm/dm-tools/dmsetup.c.
 */
import { SECTOR_BYTES, makeDevice } from '@flushtrace/trace'
import type { Findings } from './findings.ts'
import type { Layer } from './layer.ts'
import type { LineUse, SideFile } from './side-file.ts'

const TABLE = /^(\S[^:]*): (\d+) (\d+) ([a-z][\w-]*)(?: (.*))?$/s
const DEPENDENCIES = /^(\S[^:]*): \d+ dependenc(?:ies|y)\s*: (.*)$/s
const LIST = /^(\S+)\s+\((\d+)[:,] ?(\d+)\)$/

/** Whether it is what `dmsetup table`, `deps` or `ls` prints. */
export function sniffDmsetup(text: string): boolean {
  const [first] = text.split('\n', 1)
  return (
    first === 'No devices found' ||
    DEPENDENCIES.test(first) ||
    LIST.test(first) ||
    (TABLE.test(first) && TARGETS.test(first))
  )
}

const TARGETS =
  / (?:linear|striped|crypt|thin|thin-pool|cache|snapshot|snapshot-origin|snapshot-merge|mirror|raid|verity|integrity|multipath|error|zero|writecache|era|flakey|delay|clone|vdo) ?/

/** Layers of devices, and their names. */
export async function readDmsetup(file: SideFile, { devices }: Findings): Promise<void> {
  await file.eachLine((line): LineUse => {
    const listed = LIST.exec(line)
    if (listed) {
      const device = makeDevice(Number(listed[2]), Number(listed[3]))
      devices.at(device).mapperName = listed[1]
      devices.name(listed[1], device)
      return 'used'
    }
    const needs = DEPENDENCIES.exec(line)
    if (needs) {
      const [, upper, list] = needs
      const lowers = [...list.matchAll(/\((\d+), (\d+)\)/g)].map((match) =>
        makeDevice(Number(match[1]), Number(match[2])),
      )
      if (lowers.length > 0) {
        devices.named.push({
          upper,
          make: (deviceOf) =>
            withUpper(deviceOf(upper), (device) => ({ kind: 'opaque', what: 'dm', upper: device, lowers })),
        })
      }
      return 'used'
    }
    const table = TABLE.exec(line)
    if (!table) return line === '' || line === 'No devices found' ? 'note' : 'damaged'
    const [, upper, start, length, target, rest] = table
    const words = (rest ?? '').split(' ')
    if (target === 'thin') devices.thins.push({ upper, pool: words[0], id: Number(words[1]) })
    if (KEEPS_TABLES.test(target)) devices.tables.push({ name: words[0], source: file.path })
    if (target === 'thin-pool') {
      const [, data, block] = words
      devices.pools.push({
        upper,
        data,
        bytes: Number(length) * SECTOR_BYTES,
        blockBytes: Number(block) * SECTOR_BYTES,
      })
    }
    devices.named.push({
      upper,
      make: (deviceOf) =>
        withUpper(deviceOf(upper), (device) =>
          layerOf(device, Number(start) * SECTOR_BYTES, Number(length) * SECTOR_BYTES, target, words, deviceOf),
        ),
    })
    return 'used'
  })
}

function withUpper<L extends Layer | Layer[]>(device: number | null, make: (device: number) => L | null): L | null {
  return device === null ? null : make(device)
}

function layerOf(
  upper: number,
  upperAt: number,
  bytes: number,
  target: string,
  words: readonly string[],
  deviceOf: (name: string) => number | null,
): Layer | Layer[] | null {
  const copies = copiesOf(target, words)
  if (copies) {
    return copies.flatMap(({ name, at: lowerAt }): Layer[] => {
      const lower = deviceOf(name)
      return lower === null ? [] : [{ kind: 'linear', what: 'mirror', upper, upperAt, bytes, lower, lowerAt }]
    })
  }
  if (target === 'linear' || target === 'crypt') {
    const [name, start] = target === 'linear' ? words : words.slice(3)
    const lower = deviceOf(name ?? '')
    if (lower === null || !/^\d+$/.test(start ?? '')) return null
    return { kind: 'linear', what: target, upper, upperAt, bytes, lower, lowerAt: Number(start) * SECTOR_BYTES }
  }
  if (target === 'striped') {
    const [, chunk, ...places] = words
    const lowers = Array.from({ length: Math.floor(places.length / 2) }, (_, k) => {
      return { device: deviceOf(places[2 * k]), at: Number(places[2 * k + 1]) * SECTOR_BYTES }
    })
    const known = lowers.flatMap(({ device, at }) => (device === null ? [] : [{ device, at }]))
    if (known.length !== Number(words[0]) || !(Number(chunk) > 0)) return null
    return {
      kind: 'striped',
      what: target,
      upper,
      upperAt,
      bytes,
      chunk: Number(chunk) * SECTOR_BYTES,
      lowers: known,
      copies: 1,
    }
  }
  const lowers = words.flatMap((word) => (/^\d+:\d+$|^\/dev\//.test(word) ? [deviceOf(word)] : []))
  return { kind: 'opaque', what: target, upper, lowers: lowers.filter((device) => device !== null) }
}

/** Their first word is the device of their own metadata (Documentation/admin-guide/device-mapper/{thin-provisioning,cache,era}.rst). */
const KEEPS_TABLES = /^(?:thin-pool|cache|era)$/

/** Devices that hold the same bytes; null: the target is no mirror, or reshaped. */
function copiesOf(target: string, words: readonly string[]): { name: string; at: number }[] | null {
  if (target !== 'mirror' && !(target === 'raid' && words[0] === 'raid1')) return null
  if (words.includes('data_offset')) return null
  const [count, ...pairs] = words.slice(2 + Number(words[1]))
  const copies = Array.from({ length: Number(count) || 0 }, (_, k) => {
    const [first, second] = pairs.slice(2 * k)
    return target === 'mirror' ? { name: first, at: Number(second) * SECTOR_BYTES } : { name: second, at: 0 }
  })
  return copies.length > 0 && copies.every(({ name, at }) => name && name !== '-' && at >= 0) ? copies : null
}
