/** Which device lies on which, as block traces show it, beside what saved tables tell. */
import { lowersOf, type DiskLayout, type Layer, type SeenLayer } from '@flushtrace/layout'
import { SECTOR_BYTES, deviceText, type DiagnosticKind, type Diagnostics } from '@flushtrace/trace'
import type { BlockTrace } from './block.ts'

const MOVED: DiagnosticKind = {
  code: 'layout/other-place',
  severity: 'error',
  message: 'Requests went on to another place than the device tables tell (first: {}): the trace is believed.',
  fix: 'save maps and device tables on the machine, and at the time, of the trace',
}

/** Each pair of devices once, from the trace that shows most. */
export function seenLayers(blocks: readonly Pick<BlockTrace, 'layers'>[]): SeenLayer[] {
  const seen = new Map<string, SeenLayer>()
  for (const layer of blocks.flatMap(({ layers }) => layers)) {
    const key = `${layer.upper} ${layer.lower}`
    if (layer.remaps > (seen.get(key)?.remaps ?? 0)) seen.set(key, layer)
  }
  return [...seen.values()]
}

/** Says where a table has one device begin at one place of another, and requests show another place. */
export function reportMoved({ layers }: DiskLayout, seen: readonly SeenLayer[], diagnostics: Diagnostics): void {
  for (const { upper, lower, startBytes } of seen) {
    const told = layers.filter(
      (layer) => layer.upper === upper && lowersOf(layer).some(({ device }) => device === lower),
    )
    const starts = told.map(startOf)
    if (startBytes === null || starts.length === 0 || starts.some((at) => at === null || at === startBytes)) continue
    const places = `${starts.map((at) => sectorText(at)).join(', ')}, and requests from ${sectorText(startBytes)}`
    diagnostics.add(MOVED, null, `${deviceText(upper)} on ${deviceText(lower)} from sector ${places}`)
  }
}

/** Whether requests went on just as the layer of a table tells, or none was seen. */
export function isBorneOut(layer: Layer, seen: readonly SeenLayer[]): boolean {
  const own = seen.find(({ upper, lower }) => upper === layer.upper && layer.kind === 'linear' && lower === layer.lower)
  return own === undefined || own.startBytes === null || own.startBytes === startOf(layer)
}

function startOf(layer: Layer): number | null {
  return layer.kind === 'linear' ? layer.lowerAt - layer.upperAt : null
}

function sectorText(bytes: number | null): string {
  return bytes === null ? '?' : String(bytes / SECTOR_BYTES)
}
