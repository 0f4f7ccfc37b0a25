/**
 * Where the blocks of thin volumes lie in their pool: `thin_dump META` (thin-provisioning-tools), which has the pool's
 * metadata as XML, a line each. All numbers are blocks of `data_block_size` sectors; which devices it is about, only the
 * device mapper's table tells.
 *
 *     <superblock uuid="" time="1" transaction="2" flags="0" version="1" data_block_size="128" nr_data_blocks="16384">
 *       <device dev_id="2" mapped_blocks="6" transaction="1" creation_time="1" snap_time="1">
 *         <range_mapping origin_begin="0" data_begin="0" length="2" time="0"/>
 *         <single_mapping origin_block="2" data_block="5" time="1"/>
 *         <ref name="1"/>                         what several devices have in common: <def name="1"> … </def>
 *
 *     vg-pool-tpool: 0 2097152 thin-pool 253:0 253:1 128 0 0      metadata, data, block
 *     vg-thin: 0 2097152 thin 253:2 1                             pool, dev_id
 *
 * A snapshot begins with the blocks of its origin: those that are older than it (`time` before its `creation_time`) were
 * written by the origin, and whoever writes to one that is shared gets another. So each block is the volume's that wrote it.
 * Sources: jthornber/thin-provisioning-tools; torvalds/linux Documentation/admin-guide/device-mapper/thin-provisioning.rst,
 * drivers/md/dm-thin-metadata.c.
 */
import { SECTOR_BYTES, type Diagnostics } from '@flushtrace/trace'
import type { DeviceTable } from './device-table.ts'
import { LAYOUT } from './diagnostics.ts'
import { ExtentBuilder } from './extent-builder.ts'
import type { Findings } from './findings.ts'
import type { Layer } from './layer.ts'
import { MappedPieces } from './mapped-pieces.ts'
import type { LineUse, SideFile } from './side-file.ts'

const SUPERBLOCK = /^<superblock [^>]*\bdata_block_size="(\d+)" nr_data_blocks="(\d+)"/
const DEVICE = /^\s*<device dev_id="(\d+)" [^>]*\bcreation_time="(\d+)"/
const MAPPING =
  /^\s*<(?:single_mapping origin_block="(\d+)" data_block="(\d+)"|range_mapping origin_begin="(\d+)" data_begin="(\d+)" length="(\d+)") time="(\d+)"\/>$/
const SHARED = /^\s*<(def|ref) name="([^"]*)"\/?>$/
const END = /^\s*<\/(?:def|device|superblock)>$/

interface Mapping {
  readonly origin: number
  readonly data: number
  readonly length: number
  readonly time: number
}

/** One dump of a pool's metadata. */
export interface ThinDump {
  readonly source: string
  readonly blockBytes: number
  /** Of the pool's data device; 0: not told. */
  readonly blocks: number
  /** By dev_id. */
  readonly volumes: Map<number, ExtentBuilder>
}

/** Whether it is what `thin_dump` prints. */
export function sniffThinDump(text: string): boolean {
  return SUPERBLOCK.test(text)
}

/** Where the volumes of a pool have their blocks. */
export async function readThinDump(file: SideFile, findings: Findings): Promise<void> {
  const defs = new Map<string, Mapping[]>()
  let dump: ThinDump | null = null
  let def: Mapping[] | null = null
  let volume: { extents: ExtentBuilder; createdAt: number } | null = null
  let ended = false
  const add = ({ origin, data, length, time }: Mapping): void => {
    // Older than the volume: its origin's.
    if (volume && time >= volume.createdAt) volume.extents.add(data, data + length, origin, 0, 0)
  }
  await file.eachLine((line): LineUse => {
    const head = SUPERBLOCK.exec(line)
    if (head) {
      dump = {
        source: file.path,
        blockBytes: Number(head[1]) * SECTOR_BYTES,
        blocks: Number(head[2]),
        volumes: new Map(),
      }
      findings.thinDumps.push(dump)
      return 'used'
    }
    const device = DEVICE.exec(line)
    if (device) {
      volume = { extents: new ExtentBuilder(), createdAt: Number(device[2]) }
      dump?.volumes.set(Number(device[1]), volume.extents)
      return 'used'
    }
    const match = MAPPING.exec(line)
    if (match) {
      const [, one, oneData, first, firstData, length = '1', time] = match
      const mapping = {
        origin: Number(one ?? first),
        data: Number(oneData ?? firstData),
        length: Number(length),
        time: Number(time),
      }
      if (def) def.push(mapping)
      else add(mapping)
      return 'used'
    }
    const shared = SHARED.exec(line)
    if (shared?.[1] === 'def') {
      defs.set(shared[2], (def = []))
      return 'used'
    }
    if (shared) {
      for (const mapping of defs.get(shared[2]) ?? []) add(mapping)
      return 'used'
    }
    if (!END.test(line)) return line === '' ? 'note' : 'damaged'
    def = null
    if (line.includes('device')) volume = null
    ended ||= line.includes('superblock')
    return 'note'
  })
  if (!ended) file.report(LAYOUT.cut, file.path)
}

/** Volumes of pools, of which a dump tells; the last dump of a pool counts. */
export function thinLayers(devices: DeviceTable, dumps: readonly ThinDump[], diagnostics: Diagnostics): Layer[] {
  const layers = new Map<number, Layer>()
  for (const dump of dumps) {
    const [pool, ...others] = devices.pools.filter(
      ({ bytes, blockBytes }) =>
        blockBytes === dump.blockBytes && (dump.blocks === 0 || Math.floor(bytes / blockBytes) === dump.blocks),
    )
    // Tables from before and after tell of the same one.
    const same = others.every(({ upper, data }) => upper === pool.upper && data === pool.data)
    const data = pool && same ? devices.find(pool.data) : null
    if (data === null) {
      diagnostics.add(LAYOUT.noPool, { source: dump.source }, dump.source)
      continue
    }
    const of = devices.find(pool.upper)
    for (const thin of devices.thins) {
      const upper = devices.find(thin.upper)
      const extents = dump.volumes.get(thin.id)
      if (upper === null || !extents || devices.find(thin.pool) !== of) continue
      const pieces = new MappedPieces(extents, dump.blockBytes)
      layers.set(upper, { kind: 'mapped', what: 'thin', upper, lower: data, pieces })
    }
  }
  return [...layers.values()]
}
