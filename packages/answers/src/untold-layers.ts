/** Where data that nothing names went to a device, and what lies on it has files whose places no table tells: what would. */
import { group } from 'd3-array'
import type { Layer } from '@flushtrace/layout'
import { SECTOR_BYTES, deviceText, type DiagnosticKind } from '@flushtrace/trace'
import type { Attributed } from './attribute.ts'
import type { PieceRow } from './locate-rows.ts'

const UNTOLD = {
  partition: {
    code: 'layout/untold-partition',
    severity: 'info',
    message: 'Where {} begins on its disk, no table tells: what was written below it has no name.',
    fix: 'save lsblk -J -b -o NAME,KNAME,MAJ:MIN,TYPE,SIZE,START,FSTYPE,UUID,MOUNTPOINTS,PKNAME,LOG-SEC',
  },
  array: {
    code: 'layout/untold-array',
    severity: 'info',
    message: 'Where the data of {} lie on its members, no table tells: what was written below it has no name.',
    fix: 'save /proc/mdstat and mdadm -E of its members',
  },
  table: {
    code: 'layout/untold-volume',
    severity: 'info',
    message: 'Where {} lies on the device below, no table tells: what was written there has no name.',
    fix: 'save dmsetup table',
  },
  thin: {
    code: 'layout/untold-thin',
    severity: 'info',
    message: 'Where {} has its blocks in the pool, no table tells: what was written there has no name.',
    fix: 'save dmsetup table and thin_dump of the metadata of the pool (of a running one: of a metadata snapshot, thin_dump -m)',
  },
  moving: {
    code: 'layout/untold-blocks',
    severity: 'info',
    message: 'Where {} puts its blocks, no table tells: what was written below it has no name.',
    fix: 'record the requests of the device itself, too (blktrace -d)',
  },
} as const satisfies Record<string, DiagnosticKind>

/** Names of devices in one sentence. */
const SHOWN = 4

/** Words of lsblk, /proc/mdstat and dmsetup. */
function kindOf(what: string): keyof typeof UNTOLD {
  if (what === 'part') return 'partition'
  if (/^(?:md|linear|raid(?:0|1|10))$/.test(what)) return 'array'
  if (/^thin(?:-pool)?$/.test(what)) return 'thin'
  return /^(?:lvm|crypt|dm|unknown)$/.test(what) ? 'table' : 'moving'
}

export class UntoldLayers {
  readonly #in: Attributed
  /** By the device above. */
  readonly #found = new Map<number, Layer>()

  constructor(attributed: Attributed) {
    this.#in = attributed
  }

  /** A piece of data that nothing names. */
  add({ request, at, bytes }: PieceRow): void {
    const { blocks, analysis } = this.#in
    const { layout } = analysis
    const device = blocks.device.data[request]
    const sector = blocks.sector.data[request]
    if (sector < 0 || layout.isPlain(device)) return
    for (const place of layout.resolve(device, sector + at / SECTOR_BYTES, bytes)) {
      if (place.fs !== null || place.arrayOwn !== null) continue
      for (const layer of layout.layers) {
        if (layer.kind !== 'opaque' || !layer.lowers.includes(place.device)) continue
        // What a table of its own says of it tells more than that it lies there.
        const known = this.#found.get(layer.upper)
        if (!known || kindOf(known.what) === 'table') this.#found.set(layer.upper, layer)
      }
    }
  }

  report(): void {
    const { layout, diagnostics } = this.#in.analysis
    const byKind = group(this.#found, ([, { what }]) => kindOf(what))
    for (const [kind, layers] of byKind) {
      const names = layers.map(([upper]) => layout.nameOf(upper) ?? deviceText(upper) ?? '?')
      const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''
      diagnostics.add(UNTOLD[kind], null, `${names.slice(0, SHOWN).join(', ')}${more}`)
    }
  }
}
