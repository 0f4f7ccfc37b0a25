/** Which files are behind these block writes, and who made them dirty? */
import { TraceError, deviceText, parseInstant, type Instant } from '@flushtrace/trace'
import { CALL } from '@flushtrace/correlate'
import { attribute, type Attributed, type Watch } from './attribute.ts'
import type { AnalyzeOptions } from './analyze.ts'
import { WantedDevice } from './device-filter.ts'
import { documentHead } from './document.ts'
import { fileMatcher, filterOf, processMatcher, timeFilter, type FilterOptions } from './filter.ts'
import { LocateRows, WITNESS, addTo, noNumbers, type PieceRow } from './locate-rows.ts'
import type { LocateAnswer } from './locate-schema.ts'
import { LoopDevices } from './loop-devices.ts'
import { seenLayers } from './seen-layers.ts'
import { UntoldLayers } from './untold-layers.ts'
import { inodeEventsAlone } from './unseen.ts'

export interface LocateOptions extends AnalyzeOptions {
  /** 0: all. */
  readonly top?: number
}

export async function locate(paths: readonly string[], options: LocateOptions = {}): Promise<LocateAnswer> {
  const attributed = await attributeRequests(paths, options)
  const { analysis, attribution, blocks, calls } = attributed
  const written = writtenBytes(attributed)
  const rows = new LocateRows(attributed, written)
  const total = { ...noNumbers(), byWhat: {} as LocateAnswer['total']['byWhat'] }
  const located = { dataBytes: 0, locatedBytes: 0, byWitness: { events: 0, calls: 0, places: 0, maps: 0, dirty: 0 } }
  const devices = new Map<number, number>()
  const untold = new UntoldLayers(attributed)
  for (const piece of wantedPieces(attributed, options)) {
    rows.add(piece)
    addTo(total, attributed, piece)
    const of = (total.byWhat[piece.what] ??= { writes: 0, bytes: 0 })
    if (piece.what !== 'free') {
      of.bytes += piece.bytes
      of.writes += piece.at === 0 && piece.bytes > 0 ? 1 : 0
      const device = blocks.device.data[piece.request]
      devices.set(device, (devices.get(device) ?? 0) + piece.bytes)
    }
    if (piece.what === 'unknown' && piece.bytes > 0) untold.add(piece)
    if (piece.what === 'file' || piece.what === 'unknown') located.dataBytes += piece.bytes
    if (piece.what === 'file' && piece.file >= 0) {
      located.locatedBytes += piece.bytes
      const witness = WITNESS[piece.rule]
      if (witness) located.byWitness[witness] += piece.bytes
    }
  }
  untold.report()
  const all = rows.rows()
  const top = options.top ?? 20
  const shown = top > 0 ? all.slice(0, top) : all
  const rest = all.slice(shown.length)
  const sum = (of: 'writes' | 'bytes'): number => rest.reduce((n, row) => n + row[of], 0)
  return {
    schema: 'flushtrace/locate/1',
    ...documentHead(analysis),
    filter: filterOf(options),
    devices: [...devices].map(([device, bytes]) => deviceRow(attributed, device, bytes)),
    total: {
      ...total,
      writtenBytes: calls.length > 0 ? all.reduce((n, row) => n + (row.writtenBytes ?? 0), 0) : null,
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
    rest: rest.length > 0 ? { rows: rest.length, writes: sum('writes'), bytes: sum('bytes') } : null,
  }
}

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

/** Pieces that the filters leave, in the order of time. */
export function* wantedPieces(
  attributed: Attributed,
  options: LocateOptions & { readonly sector?: string },
): Generator<PieceRow> {
  const { attribution, blocks, actors, book, placed, analysis } = attributed
  const origin: Instant | null = analysis.startedAt === null ? null : parseInstant(analysis.startedAt)
  const inTime = timeFilter(options as FilterOptions, () => origin)
  const ofProcess = options.process === undefined ? null : processMatcher(options.process)
  const ofFile = options.file === undefined ? null : fileMatcher(options.file)
  const device = options.device === undefined ? null : wantedDevice(options.device, analysis)
  const loops = new LoopDevices(attributed)
  // Whoever asks for a device or a sector wants to see what was written there, whatever stands above it.
  const everyLayer = device !== null || options.sector !== undefined
  for (const piece of eachPiece(attribution, loops, everyLayer)) {
    const { request } = piece
    if (device && !isPieceOn(device, attributed, piece)) continue
    if (inTime) {
      const at = placed[blocks.trace.data[request]]?.(blocks.atNs.data[request]) ?? blocks.atNs.data[request]
      if (!inTime(at)) continue
    }
    if (ofFile) {
      const path = piece.file >= 0 ? book.at(piece.file).path : null
      if (path === null || !ofFile(path)) continue
    }
    if (ofProcess) {
      const named = piece.actors.some((actor) => {
        const { pid, name, process } = actors.at(actor)
        return ofProcess(pid, name, process?.argv ?? null)
      })
      if (!named) continue
    }
    yield piece
  }
}

function* eachPiece(
  { pieces }: Attributed['attribution'],
  loops: LoopDevices,
  everyLayer: boolean,
): Generator<PieceRow> {
  for (let k = 0; k < pieces.length; k++) {
    if (!everyLayer && loops.isPassedOn(k)) continue
    const parts = loops.partsOf(k)
    if (parts) yield* parts
    else yield pieces.row(k)
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
    const below = wanted.hasPartOf(top, sector + at / 512, bytes)
    if (below !== null) return below
    // No table tells: of what was seen on another device, the requests do.
    return row === top || blocks.mirrors.has(top) || wanted.liesOn(row)
  }
  if (layout.isPlain(top)) return false
  const placements = layout.resolve(top, sector + at / 512, bytes)
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
