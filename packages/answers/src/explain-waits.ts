/**
 * Which block requests a flush waited for, by rules that other traces bear out only in part: a call's own requests are
 * seen, what it waited for of others is inferred from the time and the kind of the request.
 *
 * 1. What its own thread queued inside the call.
 * 2. Data of its own file that was under way, whoever queued it: fsync waits for pages under writeback. A synchronous
 *    write waits for its own range only: there, what other tasks queued is left out.
 * 3. Of the threads that commit for the file system, on the device of the file: jbd2 and btrfs-transaction with all they
 *    write (data of other files too: ordered mode, a shared transaction), other kernel threads with journal, log and
 *    tree writes; on ext4 only jbd2, because kworkers write its metadata back later, in nobody's fsync.
 * 4. Other tasks with log, tree and superblock writes, not on ext4: on xfs and btrfs the first to flush writes the log
 *    for those who wait with it.
 * Not counted: data of other files that other tasks or kworkers write, bare flushes of other tasks, discards.
 * Sources: torvalds/linux fs/jbd2/commit.c, fs/ext4/fsync.c, fs/xfs/xfs_log.c, fs/btrfs/tree-log.c btrfs_sync_log().
 */
import type { Attribution, BlockLog, FileBook, Piece, RequestTimes } from '@flushtrace/correlate'
import { OP } from '@flushtrace/trace'
import { bisectLeft, bisectRight, bisector } from 'd3-array'
import type { Attributed } from './attribute.ts'
import { FileDevices, type DeviceRule } from './explain-devices.ts'
import type { FlushSpans, Role, Wait } from './explain-parts.ts'
import type { Flush } from './flush-list.ts'

/** jbd2 writes nothing but commits; so do btrfs's transaction thread and f2fs's of checkpoints. */
const COMMITS = /^(?:jbd2\/|btrfs-transacti|f2fs_ckpt)/
export interface Waited extends Wait {
  /** Row of the BlockLog. */
  readonly request: number
  readonly own: boolean
  /** The trace shows its end. */
  readonly ended: boolean
}

export class Waits {
  /** ns since the start of the answer, by row of the BlockLog; NaN: not to be placed beside the calls. */
  readonly queuedNs: Float64Array
  readonly #blocks: BlockLog
  readonly #attribution: Attribution
  readonly #book: FileBook
  readonly #actors: Attributed['actors']
  readonly #placed: Attributed['placed']
  readonly #slackNs: number
  readonly #times: RequestTimes
  /** Rows that have a place in time, in its order; their times; the latest end up to each. */
  readonly #order: Uint32Array
  readonly #orderNs: Float64Array
  readonly #latestNs: Float64Array
  /** By request: where its pieces begin in `pieceAt`, which holds rows of the PieceLog by request. */
  readonly #firstPiece: Uint32Array
  readonly #pieceAt: Uint32Array
  /** By device; devices below lend theirs to those that pass on to them. */
  readonly #flushes = new Map<number, FlushSpans>()
  /** By request: the flush of its own thread that it was queued in. */
  readonly #callOf = new Map<number, Flush>()
  readonly #devices: FileDevices

  constructor(attributed: Attributed, times: RequestTimes, flushes: readonly Flush[]) {
    this.#blocks = attributed.blocks
    this.#attribution = attributed.attribution
    this.#book = attributed.book
    this.#actors = attributed.actors
    this.#slackNs = attributed.slackNs
    // Without calls there is no other clock to be placed on.
    this.#placed = flushes.length > 0 ? attributed.placed : attributed.placed.map((placed) => placed ?? ((ns) => ns))
    this.#times = times
    const { trace, atNs } = this.#blocks
    this.queuedNs = atNs.values.map((ns, row) => this.#placed[trace.data[row]]?.(ns) ?? NaN)
    this.#order = this.#blocks.inOrder(this.queuedNs)
    this.#orderNs = Float64Array.from(this.#order, (row) => this.queuedNs[row])
    this.#latestNs = new Float64Array(this.#order.length)
    let latest = -Infinity
    for (const [k, row] of this.#order.entries()) {
      const { doneNs } = this.timesOf(row)
      if (doneNs > latest) latest = doneNs
      this.#latestNs[k] = latest
    }
    this.#firstPiece = new Uint32Array(this.#blocks.length + 1)
    this.#pieceAt = new Uint32Array(this.#attribution.pieces.length)
    this.#findPieces()
    this.#findDeviceFlushes()
    this.#findCalls(flushes)
    this.#devices = new FileDevices(attributed, this.#callOf)
  }

  /** Requests in the order of time. */
  get requests(): Uint32Array {
    return this.#order
  }

  pieces(request: number): Piece[] {
    const found: Piece[] = []
    for (let k = this.#firstPiece[request]; k < this.#firstPiece[request + 1]; k++) {
      found.push(this.#attribution.pieces.row(this.#pieceAt[k]))
    }
    return found
  }

  timesOf(request: number): { issuedNs: number; dataDoneNs: number; doneNs: number } {
    const { trace, source, record } = this.#blocks
    const place = this.#placed[trace.data[request]]
    const row = this.#times.find(trace.data[request], source.data[request], record.data[request])
    if (row < 0 || !place) return { issuedNs: NaN, dataDoneNs: NaN, doneNs: NaN }
    return {
      issuedNs: place(this.#times.issuedNs.data[row]),
      dataDoneNs: place(this.#times.dataDoneNs.data[row]),
      doneNs: place(this.#times.doneNs.data[row]),
    }
  }

  /** Whether any request can be placed beside the calls. */
  get placed(): boolean {
    return this.#order.length > 0
  }

  /** Whether a flush was under way between the first and the last request: of other times nothing is known. */
  covers({ startNs, tookNs }: Flush): boolean {
    const last = this.#latestNs.at(-1) ?? -Infinity
    return startNs + tookNs >= this.#orderNs[0] && startNs <= Math.max(last, this.#orderNs.at(-1) ?? -Infinity)
  }

  /** Cache flushes of the device below a request that asks for one; null: it does not. */
  flushesOf(request: number): FlushSpans | null {
    const { flags, rowDevice } = this.#blocks
    if ((flags.data[request] & (OP.flush | OP.fua)) === 0) return null
    return this.#flushes.get(rowDevice.data[request]) ?? NO_FLUSHES
  }

  /** What `flush` waited for, in the order in which it was queued, and how its device is known. */
  of(flush: Flush): { waits: Waited[]; rule: DeviceRule } {
    const startNs = flush.startNs
    const endNs = startNs + flush.tookNs
    const files = new Set(flush.files.map(({ file, path }) => this.#book.traced(file, path)))
    const { devices, rule } = this.#devices.of(flush, files)
    const waits: Waited[] = []
    const last = bisectLeft(this.#orderNs, endNs + this.#slackNs)
    for (let k = bisectRight(this.#latestNs, startNs); k < last; k++) {
      const request = this.#order[k]
      const own = this.#callOf.get(request) === flush
      const queuedNs = this.#orderNs[k]
      const times = this.timesOf(request)
      const ended = !Number.isNaN(times.doneNs)
      // One whose end is missing is waited for only where it was queued inside.
      const inside = ended ? times.doneNs > startNs && queuedNs < endNs : queuedNs >= startNs && queuedNs < endNs
      if (!own && !inside) continue
      const role = this.#roleOf(request, flush, own, files, devices)
      if (!role) continue
      const doneNs = ended ? times.doneNs : endNs
      waits.push({ role, queuedNs, ...times, doneNs, flushes: this.flushesOf(request), request, own, ended })
    }
    return { waits, rule }
  }

  /** A request alone, as what it is itself: where there are no calls. */
  alone(request: number): Waited {
    const times = this.timesOf(request)
    const queuedNs = this.queuedNs[request]
    const ended = !Number.isNaN(times.doneNs)
    const pieces = this.pieces(request)
    const data = pieces.some(({ what }) => what === 'file' || what === 'unknown')
    const role = this.#blocks.bytes.data[request] === 0 ? 'deviceFlush' : data ? 'ownData' : 'journal'
    return { role, queuedNs, ...times, flushes: this.flushesOf(request), request, own: true, ended }
  }

  #roleOf(
    request: number,
    flush: Flush,
    own: boolean,
    files: ReadonlySet<number>,
    devices: ReadonlySet<number> | null,
  ): Role | null {
    const { bytes, device, comm, tid, names } = this.#blocks
    const here = devices === null || devices.has(device.data[request])
    const name = names.textOrNull(comm.data[request])
    const commits = name !== null && COMMITS.test(name)
    if (bytes.data[request] === 0) return own || (commits && here) ? 'deviceFlush' : null
    const pieces = this.pieces(request)
    const data = pieces.filter(({ what }) => what === 'file' || what === 'unknown')
    const mine = data.some(({ file }) => files.has(file))
    const { kernel } = this.#actors.at(this.#actors.ofTid(tid.data[request], name))
    // A synchronous write waits for its own range only: what other tasks write to the file is theirs.
    if (mine && (own || kernel || flush.call !== 'syncWrite')) return 'ownData'
    if (data.length > 0) {
      if (flush.everything && here) return 'ownData'
      if (own) return data.every(({ file }) => file >= 0) ? 'othersData' : 'ownData'
      return commits && here ? 'othersData' : null
    }
    if (!pieces.some(({ what }) => what === 'journal' || what === 'metadata' || what === 'superblock')) return null
    if (own) return 'journal'
    if (!here) return null
    if (commits || pieces.some(({ what }) => what === 'journal')) return 'journal'
    const view = this.#attribution.views.ofDevice(device.data[request])
    if (view.type === null || view.type === 'ext4' || view.type === 'f2fs') return null
    // xfsaild and writeback of btrees are in nobody's call unless a commit needs them.
    return kernel && /^(?:xfsaild|btrfs-cleaner|ext4lazyinit)/.test(name ?? '') ? null : 'journal'
  }

  /** Each request of a thread that flushes goes to the call around it, else to the nearest within the slack. */
  #findCalls(flushes: readonly Flush[]): void {
    const byTid = new Map<number, Flush[]>()
    for (const flush of flushes) {
      if (Number.isNaN(flush.startNs) || Number.isNaN(flush.tookNs)) continue
      const list = byTid.get(flush.tid)
      if (list) list.push(flush)
      else byTid.set(flush.tid, [flush])
    }
    const byStart = bisector(({ startNs }: Flush) => startNs)
    for (const [k, request] of this.#order.entries()) {
      const list = byTid.get(this.#blocks.tid.data[request])
      if (!list) continue
      const atNs = this.#orderNs[k]
      const next = byStart.right(list, atNs)
      const [before, after] = [distance(list[next - 1], atNs), distance(list[next], atNs)]
      if (Math.min(before, after) <= this.#slackNs) this.#callOf.set(request, list[before <= after ? next - 1 : next])
    }
  }

  /** They stand in the order of the requests' times, not of their rows. */
  #findPieces(): void {
    const { pieces } = this.#attribution
    const first = this.#firstPiece
    for (let k = 0; k < pieces.length; k++) first[pieces.request.data[k] + 1]++
    for (let row = 0; row < this.#blocks.length; row++) first[row + 1] += first[row]
    const next = first.slice()
    for (let k = 0; k < pieces.length; k++) this.#pieceAt[next[pieces.request.data[k]]++] = k
  }

  #findDeviceFlushes(): void {
    const { flushTrace, flushDevice, flushStartNs, flushEndNs } = this.#times
    const { rowDevice, trace, passedOn } = this.#blocks
    const witness = new Map<number, number>()
    for (let row = 0; row < this.#blocks.length; row++) witness.set(rowDevice.data[row], trace.data[row])
    const all = new Map<number, { startNs: number; endNs: number }[]>()
    for (let k = 0; k < flushDevice.length; k++) {
      const place = this.#placed[flushTrace.data[k]]
      const device = flushDevice.data[k]
      if (!place || Number.isNaN(flushEndNs.data[k])) continue
      const span = { startNs: place(flushStartNs.data[k]), endNs: place(flushEndNs.data[k]) }
      for (const above of [device, ...(passedOn.get(device) ?? [])]) {
        // A device in two traces is told by one.
        if (above === device && witness.has(device) && witness.get(device) !== flushTrace.data[k]) continue
        const list = all.get(above)
        if (list) list.push(span)
        else all.set(above, [span])
      }
    }
    for (const [device, spans] of all) {
      const apart = joined(spans)
      this.#flushes.set(device, { starts: apart.map((s) => s.startNs), ends: apart.map((s) => s.endNs) })
    }
  }
}

/** An array has emptied its cache when all members have: what overlaps is one. */
function joined(spans: { startNs: number; endNs: number }[]): { startNs: number; endNs: number }[] {
  const found: { startNs: number; endNs: number }[] = []
  for (const span of spans.sort((a, b) => a.startNs - b.startNs)) {
    const last = found.at(-1)
    if (last && span.startNs < last.endNs) last.endNs = Math.max(last.endNs, span.endNs)
    else found.push({ ...span })
  }
  return found
}

const NO_FLUSHES: FlushSpans = { starts: [], ends: [] }

/** How far a moment is outside of a flush; Infinity: there is none. */
function distance(flush: Flush | undefined, atNs: number): number {
  return flush ? Math.max(flush.startNs - atNs, atNs - flush.startNs - flush.tookNs, 0) : Infinity
}
