/** Block writes one by one, with what was found of each: for `locate --events` and `locate --sector`. */
import { SECTOR_BYTES, deviceText, type Source } from '@flushtrace/trace'
import { RemapLog, type AttributionRule } from '@flushtrace/correlate'
import { SectorSearch } from './sector-search.ts'
import { attributeRequests, eachWanted, type LocateOptions } from './locate.ts'
import type { Attributed } from './attribute.ts'
import { GuestDisks } from './guest-disks.ts'
import { rwbsOf } from './events.ts'
import type { PieceRow } from './locate-rows.ts'
import type { LocatedWrite } from './locate-schema.ts'

/** What a rule goes by, as a sentence. */
const SAYS: Readonly<Record<AttributionRule, string>> = {
  placed: 'an event of the file system put this range of the file there',
  announced: 'an event of the file system announced this range, and the same task queued as many bytes next',
  'sync-event': 'the task was in the file system’s fsync of this inode',
  'own-call': 'the task was in a call about this file',
  'kept-place': 'the block was this file’s, and no call shows that it was freed since',
  'map-after': 'the map taken afterwards names it, and nothing was written there in between',
  'map-both': 'maps name it, and no call shows that the block changed hands in between',
  'same-request': 'a map names another part of the same request, and a request holds one file',
  'only-dirty': 'no other file of this file system was dirty',
  'one-of': 'one of these files, which were dirty at the time',
  'maps-differ': 'one of these files, which all have the block by the saved maps',
  area: 'a map of the file system says what the range is',
  place: 'the file system keeps it at this place',
  submitter: 'who queued it writes nothing else in this way',
  'metadata-flag': 'the file system marked it as its own',
  'given-back': 'it gives back blocks in which this file’s data lay last',
  dataless: 'it carries no data',
  none: 'nothing among the sources tells',
}

/** Calls `onWrite` for each piece of each request, in the order of time. */
export async function locateEvents(
  paths: readonly string[],
  options: LocateOptions & { readonly sector?: string },
  onWrite: (write: LocatedWrite) => void,
): Promise<Attributed> {
  const remaps = new RemapLog()
  const watch = options.sector === undefined ? {} : { onBlockBatch: remaps.add.bind(remaps) }
  const attributed = await attributeRequests(paths, options, watch)
  const search = options.sector === undefined ? null : new SectorSearch(attributed, remaps, options.sector)
  const guests = new GuestDisks(attributed.analysis.layout.images)
  eachWanted(attributed, options, (piece) => {
    if (!search || search.has(piece)) onWrite(writeOf(attributed, guests, piece))
  })
  return attributed
}

function writeOf(attributed: Attributed, guests: GuestDisks, piece: PieceRow): LocatedWrite {
  const { analysis, blocks, actors, book, placed } = attributed
  const { request } = piece
  const sources: readonly Source[] = analysis.capture.sources.map(({ source }) => source)
  const file = piece.file >= 0 ? book.at(piece.file) : null
  const ns = placed[blocks.trace.data[request]]?.(blocks.atNs.data[request]) ?? NaN
  const sector = blocks.sector.data[request]
  const path = file?.path ?? null
  const known = path !== null && !Number.isNaN(piece.fileOffset)
  const guest = known ? guests.rangesOf(path, piece.fileOffset, piece.bytes) : null
  return {
    type: 'block-write',
    atNs: Number.isNaN(ns) ? null : Math.round(ns),
    source: sources[blocks.source.data[request]].path,
    at: blocks.record.data[request],
    device: deviceText(blocks.device.data[request]) ?? '?',
    sector: sector >= 0 ? sector + piece.at / SECTOR_BYTES : null,
    bytes: piece.bytes,
    rwbs: rwbsOf(blocks.flags.data[request], blocks.bytes.data[request]),
    pid: blocks.tid.data[request] > 0 ? blocks.tid.data[request] : null,
    comm: blocks.names.textOrNull(blocks.comm.data[request]),
    what: piece.what,
    path,
    inode: file?.inode ?? null,
    fileOffset: Number.isNaN(piece.fileOffset) ? null : piece.fileOffset,
    ...(guest ? { guest } : {}),
    ...(piece.image ? { image: piece.image } : {}),
    processes: piece.actors.map((actor) => {
      const { pid, name } = actors.at(actor)
      return { pid, name, via: piece.via }
    }),
    confidence: piece.confidence,
    candidates: piece.candidates.map((one) => book.at(one).path ?? '?'),
    evidence: [
      {
        rule: piece.rule,
        source: piece.source >= 0 ? sources[piece.source].path : piece.origin,
        at: piece.record > 0 ? piece.record : null,
        says: SAYS[piece.rule],
      },
    ],
  }
}
