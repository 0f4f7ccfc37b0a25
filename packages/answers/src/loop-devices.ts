/**
 * Loop devices, which keep their blocks in a file: what is written to one goes through the page cache, and later, by a thread
 * of the kernel, to the blocks of that file on the disk below. losetup tells which file it is.
 *
 * 1. Where the loop device is traced, too, a write of the file whose bytes were all written to the device before is that
 *    write again: it counts once, on the device on top. So does what the device's own thread queues (`loop3`, before 5.14).
 * 2. Where the loop device is not, the file's offset is the place on it, and a map of the file system inside names the file
 *    there, of what was written to the place last. It is no surer than the map, nor than the outer file.
 * Source: torvalds/linux drivers/block/loop.c do_req_filebacked(), loop_queue_work().
 */
import { Segments, writesInPlace, type Claim, type Piece } from '@flushtrace/correlate'
import { PAGE_BYTES, SECTOR_BYTES, majorOf, minorOf } from '@flushtrace/trace'
import type { Attributed } from './attribute.ts'
import type { PieceRow } from './locate-rows.ts'

interface Loop {
  readonly device: number
  readonly path: string
  /** Byte of the file where the device begins. */
  readonly offset: number
  readonly traced: boolean
  /** Where it is traced, pages of the file that were written so far; else what is written later than a piece, of the device. */
  readonly written: Segments
}

const LOOP_MAJOR = 7
const SURE: readonly Piece['confidence'][] = ['unknown', 'ambiguous', 'inferred', 'snapshot']

export class LoopDevices {
  readonly #in: Attributed
  readonly #loops: readonly Loop[]
  /** By number of a file: the device that it holds. */
  readonly #byFile = new Map<number, Loop | null>()
  /** By row of the pieces. */
  readonly #passed = new Set<number>()
  readonly #parts = new Map<number, readonly PieceRow[]>()

  constructor(attributed: Attributed) {
    this.#in = attributed
    const { blocks, analysis, attribution } = attributed
    const isTraced = (device: number): boolean =>
      blocks.device.values.includes(device) || blocks.rowDevice.values.includes(device)
    this.#loops = analysis.layout.backings.map((backing) => {
      return { ...backing, traced: isTraced(backing.device), written: new Segments() }
    })
    const { file, length } = attribution.pieces
    // Nearly always there are none, or their files are not on a device that is traced.
    if (this.#loops.length === 0 || !file.data.subarray(0, length).some((one) => this.#loopOf(one))) return
    if (this.#loops.some(({ traced }) => traced)) for (let k = 0; k < length; k++) this.#noteDown(k)
    if (this.#loops.some(({ traced }) => !traced)) for (let k = length - 1; k >= 0; k--) this.#lookInside(k)
  }

  /** Whether a piece is a write to a loop device again, which stands among the others. */
  isPassedOn(k: number): boolean {
    return this.#passed.has(k)
  }

  /** The parts of a piece, where maps of the file system inside name files for some of them. */
  partsOf(k: number): readonly PieceRow[] | undefined {
    return this.#parts.get(k)
  }

  /** Pieces in the order of time. */
  #noteDown(k: number): void {
    const { blocks, attribution } = this.#in
    const { pieces } = attribution
    const request = pieces.request.data[k]
    const [at, bytes] = [pieces.at.data[k], pieces.bytes.data[k]]
    if (bytes === 0) return
    const on = this.#loops.find(({ device }) => device === blocks.rowDevice.data[request])
    if (on) {
      const start = blocks.rowSector.data[request] * SECTOR_BYTES + at + on.offset
      const end = Math.ceil((start + bytes) / PAGE_BYTES) * PAGE_BYTES
      on.written.set(Math.floor(start / PAGE_BYTES) * PAGE_BYTES, end, 0)
    }
    // A loop device may lie on another one.
    const loop = this.#loopOf(pieces.file.data[k])
    if (!loop?.traced) return
    const byte = this.#fileOffsetOf(k)
    if (covers(loop.written, byte, byte + bytes) || this.#isByItsThread(request, loop)) this.#passed.add(k)
  }

  #isByItsThread(request: number, { device }: Loop): boolean {
    const { blocks } = this.#in
    const comm = blocks.names.textOrNull(blocks.comm.data[request])
    return majorOf(device) === LOOP_MAJOR && comm === `loop${minorOf(device)}`
  }

  /** Pieces from the last one to the first. */
  #lookInside(k: number): void {
    const { pieces } = this.#in.attribution
    const loop = this.#loopOf(pieces.file.data[k])
    const bytes = pieces.bytes.data[k]
    if (!loop || loop.traced || bytes === 0) return
    const fileOffsetAt = this.#fileOffsetOf(k)
    const start = fileOffsetAt - loop.offset
    if (!(start >= 0)) return
    const whole = { ...pieces.row(k), fileOffset: fileOffsetAt }
    const later: [number, number][] = []
    loop.written.within(start, start + bytes, (from, to) => later.push([from, to]))
    loop.written.set(start, start + bytes, 0)
    const parts: PieceRow[] = []
    const add = (from: number, to: number, named: Partial<PieceRow>): void => {
      const shift = from - start
      const place = { at: whole.at + shift, bytes: to - from, fileOffset: whole.fileOffset + shift }
      parts.push({ ...whole, ...place, ...named, verdict: pieces.numberOf({ ...whole, ...named }) })
    }
    let at = start
    for (const [from, to] of [...later, [start + bytes, start + bytes] as const]) {
      if (at < from) this.#inside(loop, whole, at, from, add)
      if (from < to) add(from, to, {})
      at = to
    }
    if (parts.some(({ image }) => image)) this.#parts.set(k, parts)
  }

  /** What was written last to a range of the device, cut where files inside begin and end. */
  #inside(
    { device, path, offset }: Loop,
    { confidence }: PieceRow,
    start: number,
    end: number,
    add: (from: number, to: number, named: Partial<PieceRow>) => void,
  ): void {
    const { claims, views } = this.#in.attribution
    for (const { at, bytes, view, address, byte } of views.pieces(device, start / SECTOR_BYTES, end - start)) {
      const space = address ?? byte
      const all = claims.within(view, 'after', address, byte, bytes)
      const cuts = [...new Set([space, space + bytes, ...all.flatMap((claim) => [claim.start, claim.end])])]
        .filter((cut) => cut >= space && cut <= space + bytes)
        .sort((a, b) => a - b)
      for (const [k, to] of cuts.slice(1).entries()) {
        const from = cuts[k]
        const claim = onlyOver(all, from, to)
        const shift = start + at - space
        const fileOffset = from + shift + offset
        add(from + shift, to + shift, claim ? namedBy(claim, from, confidence, { path, fileOffset }) : {})
      }
    }
  }

  /** Else where a map has this file here: blocks of a file that is written in place stay where they are. */
  #fileOffsetOf(k: number): number {
    const { blocks, attribution } = this.#in
    const { pieces, views, claims } = attribution
    const told = pieces.fileOffset.data[k]
    if (!Number.isNaN(told)) return told
    const request = pieces.request.data[k]
    const bytes = pieces.bytes.data[k]
    const sector = blocks.sector.data[request] + pieces.at.data[k] / SECTOR_BYTES
    const [piece, ...others] = views.pieces(blocks.device.data[request], sector, bytes)
    if (others.length > 0 || !writesInPlace(piece.view)) return NaN
    const claim = onlyOver(
      claims.within(piece.view, 'after', piece.byte, piece.byte, bytes),
      piece.byte,
      piece.byte + bytes,
    )
    const holds = claim?.file === pieces.file.data[k] && claim.start <= piece.byte && claim.end >= piece.byte + bytes
    return holds ? claim.fileOffset + piece.byte - claim.start : NaN
  }

  #loopOf(file: number): Loop | null {
    if (file < 0) return null
    let loop = this.#byFile.get(file)
    if (loop === undefined) {
      const { path } = this.#in.book.at(file)
      loop = this.#loops.find((one) => one.path === path) ?? null
      this.#byFile.set(file, loop)
    }
    return loop
  }
}

/** The claim that holds all of a range, where no other file has a part of it. */
function onlyOver(claims: readonly Claim[], from: number, to: number): Claim | null {
  const [first, ...others] = claims.filter((claim) => claim.start < to && claim.end > from)
  return first && others.every(({ file }) => file === first.file) ? first : null
}

function namedBy(
  claim: Claim,
  from: number,
  outer: Piece['confidence'],
  image: NonNullable<PieceRow['image']>,
): Partial<PieceRow> {
  return {
    image,
    file: claim.file,
    fileOffset: claim.encoded ? NaN : claim.fileOffset + from - claim.start,
    confidence: SURE.includes(outer) ? outer : 'snapshot',
    rule: 'map-after',
    source: -1,
    record: -1,
    origin: claim.source,
  }
}

function covers(segments: Segments, start: number, end: number): boolean {
  let at = start
  segments.within(start, end, (from, to) => {
    if (from <= at) at = Math.max(at, to)
  })
  return at >= end
}
