/** Which files are behind these block writes, and who made them dirty? */
import { SECTOR_BYTES, TraceError, deviceText, parseInstant, type Instant } from '@flushtrace/trace'
import { CALL } from '@flushtrace/correlate'
import { attribute, type Attributed, type Watch } from './attribute.ts'
import type { AnalyzeOptions } from './analysis.ts'
import { WantedDevice } from './device-filter.ts'
import { documentHead } from './document.ts'
import { fileMatcher, filterOf, processMatcher, timeFilter } from './filter.ts'
import { LocateRows, sumOf, type PieceRow } from './locate-rows.ts'
import type { LocateAnswer } from './locate-schema.ts'
import { LoopDevices } from './loop-devices.ts'
import { seenLayers } from './seen-layers.ts'
import { UntoldLayers } from './untold-layers.ts'
import { inodeEventsAlone, reportLongerBlocks } from './unseen.ts'

export interface LocateOptions extends AnalyzeOptions {
  /** 0: all. */
  readonly top?: number
}

/** Throws TraceError where no request is among the sources. */
export async function locate(paths: readonly string[], options: LocateOptions = {}): Promise<LocateAnswer> {
  const attributed = await attributeRequests(paths, options)
  const { analysis, attribution, calls } = attributed
  const written = writtenBytes(attributed)
  const rows = new LocateRows(attributed, written)
  const untold = new UntoldLayers(attributed)
  eachWanted(attributed, options, (piece) => {
    rows.add(piece)
    if (piece.what === 'unknown' && piece.bytes > 0) untold.add(piece)
  })
  untold.report()
  reportLongerBlocks(analysis)
  const all = rows.rows()
  const located = rows.located()
  const top = options.top ?? 20
  const shown = top > 0 ? all.slice(0, top) : all
  const rest = all.slice(shown.length)
  return {
    schema: 'flushtrace/locate/1',
    ...documentHead(analysis),
    filter: filterOf(options),
    devices: [...rows.devices()].map(([device, bytes]) => deviceRow(attributed, device, bytes)),
    total: {
      ...rows.total(),
      writtenBytes: calls.length > 0 ? all.reduce((n, row) => n + (row.writtenBytes ?? 0), 0) : null,
      fileDiscardBytes: all.reduce((n, { file, discardBytes }) => n + (file ? discardBytes : 0), 0),
      rows: all.length,
    },
    located: {
      ...located,
      fraction: located.dataBytes > 0 ? located.locatedBytes / located.dataBytes : null,
      conflicts: attribution.conflicts,
    },
    witnesses: {
      calls: calls.length > 0,
      events: attributed.inodes.length > 0,
      eventsPlaced: attribution.eventsPlaced,
      maps: (analysis.layout?.fileSystems ?? []).some(({ maps }) => maps.length > 0),
      aligned: attributed.placed.some((placed) => placed !== null),
    },
    rows: shown,
    rest: rest.length > 0 ? { rows: rest.length, ...sumOf(rest) } : null,
  }
}

/** What `attribute` finds, where there are requests; else it throws TraceError, which says what to record. */
export async function attributeRequests(
  paths: readonly string[],
  options: AnalyzeOptions,
  watch: Watch = {},
): Promise<Attributed> {
  const attributed = await attribute(paths, options, watch)
  const { blocks } = attributed.analysis
  if (blocks.length === 0) {
    throw new TraceError('usage', 'no block trace among the sources: locate needs one (blktrace, btrace, ftrace)')
  }
  const [alone] = inodeEventsAlone(blocks)
  if (alone) {
    throw new TraceError(
      'usage',
      `${alone.sources[0].path}: its events name inodes, none is of a request; record block_bio_queue beside them, or blktrace (flushtrace inspect shows what there is)`,
    )
  }
  return attributed
}

/** Calls `found` with the pieces that the filters leave, in the order of time. */
export function eachWanted(
  attributed: Attributed,
  options: LocateOptions & { readonly sector?: string },
  found: (piece: PieceRow) => void,
): void {
  const { attribution, blocks, actors, book, placed, analysis } = attributed
  const origin: Instant | null = analysis.startedAt === null ? null : parseInstant(analysis.startedAt)
  const inTime = timeFilter(options, () => origin)
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  const ofFile = options.file === undefined ? null : fileMatcher(options.file)
  const device = options.device === undefined ? null : wantedDevice(options.device, analysis)
  const isWanted = (piece: PieceRow): boolean => {
    const { request } = piece
    if (device && !isPieceOn(device, attributed, piece)) return false
    if (inTime) {
      const at = placed[blocks.trace.data[request]]?.(blocks.atNs.data[request]) ?? blocks.atNs.data[request]
      if (!inTime(at)) return false
    }
    if (ofFile) {
      const path = piece.file >= 0 ? book.at(piece.file).path : null
      if (path === null || !ofFile(path)) return false
    }
    if (!ofProcess) return true
    return piece.actors.some((actor) => {
      const { pid, name, process } = actors.at(actor)
      return ofProcess(pid, name, process?.argv ?? null)
    })
  }
  const loops = new LoopDevices(attributed)
  // Whoever asks for a device or a sector wants to see what was written there, whatever stands above it.
  const everyLayer = device !== null || options.sector !== undefined
  const { pieces } = attribution
  const look = (piece: PieceRow): void => {
    if (isWanted(piece)) found(piece)
  }
  for (let k = 0; k < pieces.length; k++) {
    if (!everyLayer && loops.isPassedOn(k)) continue
    const parts = loops.partsOf(k)
    if (parts) parts.forEach(look)
    else look(pieces.row(k))
  }
}

/** --device, with what block traces show to lie on it, beside what tables tell. */
export function wantedDevice(name: string, { layout, blocks }: Attributed['analysis']): WantedDevice {
  return new WantedDevice(name, layout, '--device', seenLayers(blocks))
}

/**
 * On the device where it was asked for, on one that it was passed on to, or on one that tables have above it. What lies on
 * several devices is on those that tables tell, else on the one where it was seen.
 */
export function isPieceOn(
  wanted: WantedDevice,
  { blocks, analysis: { layout } }: Attributed,
  { request, at, bytes }: Pick<PieceRow, 'request' | 'at' | 'bytes'>,
): boolean {
  const top = blocks.device.data[request]
  const row = blocks.rowDevice.data[request]
  if (wanted.number === top || wanted.includes(row)) return true
  const carried = wanted.carries(top)
  const sector = blocks.sector.data[request]
  if (sector < 0 || bytes === 0) return carried
  if (carried) {
    const below = wanted.hasPartOf(top, sector + at / SECTOR_BYTES, bytes)
    if (below !== null) return below
    // No table tells: of what was seen on another device, the requests do.
    return row === top || blocks.mirrors.has(top) || wanted.liesOn(row)
  }
  if (layout.isPlain(top)) return false
  const placements = layout.resolve(top, sector + at / SECTOR_BYTES, bytes)
  return placements.some(({ layers }) => layers.includes(wanted.number))
}

/** Bytes that calls wrote, by file. */
function writtenBytes({ calls }: Attributed): Map<number, number> {
  const written = new Map<number, number>()
  for (let row = 0; row < calls.length; row++) {
    const kind = calls.kind.data[row]
    const file = calls.file.data[row]
    if ((kind !== CALL.write && kind !== CALL.submitted) || file < 0) continue
    written.set(file, (written.get(file) ?? 0) + calls.bytes.data[row])
  }
  return written
}

function deviceRow(
  { analysis, attribution }: Attributed,
  device: number,
  bytes: number,
): LocateAnswer['devices'][number] {
  const { type, fs } = attribution.views.ofDevice(device)
  return {
    device: deviceText(device) ?? '?',
    name: analysis.layout?.nameOf(device) ?? null,
    fs: type,
    mountpoints: [...(fs?.mountpoints ?? [])],
    bytes,
  }
}
