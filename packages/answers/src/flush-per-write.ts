/**
 * Pattern: a write, or a few, are flushed before the next ones to the same file, so that all of them wait for the device
 * (writethrough: O_SYNC, O_DSYNC, or a flush call after each step). Where nothing needs to be durable before the end, one
 * flush after all writes is as safe.
 *
 * 1. A flush belongs to it when one to FEW write calls to its file were seen since the last flush of that file, by
 *    whomever. A flush without a write in between changes nothing: what it was for is not seen.
 * 2. Only rows of ROW such flushes or more count: one or two are how any small file is saved.
 * 3. A flush after more writes is about what one flush at the end costs; its mean is given beside.
 * Not part of it: msync (stores are not seen), sync, syncfs, flushes whose file is not sure.
 */
import type { Activity, FileName, TracedProcess } from '@flushtrace/correlate'

const ROW = 3
/** qemu's writethrough makes up to four calls for one step: data, and the tables that point to it. */
const FEW = 4

type TracedFile = FileName['file']

/** Of one file: what was written since its last flush, and the row of flushes that it is in. */
interface State {
  writes: number
  bytes: number
  row: number
  /** Of a row that is too short yet to be counted. */
  rowWrites: number
  rowBytes: number
  rowNs: number
}

export class FlushPerWrite {
  count = 0
  writes = 0
  bytes = 0
  /** NaN where one of them has no duration. */
  tookNs = 0
  readonly byCall = new Map<string, number>()
  readonly files = new Map<FileName, number>()
  processes = 0
  readonly #seen = new WeakSet<TracedProcess>()
  /** Ends with the file. */
  readonly #states = new WeakMap<TracedFile, State>()
  #batches = 0
  #batchNs = 0

  add({ kind, call, targets, bytes, tookNs, task }: Activity): void {
    if (targets.length !== 1 || targets[0].confidence === 'ambiguous') return
    const { name } = targets[0]
    if (kind === 'write') {
      const state = this.#stateOf(name.file)
      state.writes++
      state.bytes += bytes
    } else if (kind === 'flush' && (call === 'fsync' || call === 'fdatasync' || call === 'syncWrite')) {
      const state = this.#states.get(name.file)
      if (!state || state.writes === 0) return
      if (state.writes <= FEW) this.#step(state, name, call, tookNs, task.process)
      else {
        state.row = 0
        this.#batches++
        this.#batchNs += tookNs
      }
      state.writes = state.bytes = 0
    }
  }

  /** Mean of the flushes after more than FEW writes; null where none was seen, or one has no duration. */
  get batchNs(): number | null {
    const mean = this.#batchNs / this.#batches
    return Number.isNaN(mean) ? null : mean
  }

  #step(state: State, name: FileName, call: string, tookNs: number, process: TracedProcess): void {
    if (state.row === 0) state.rowWrites = state.rowBytes = state.rowNs = 0
    state.row++
    state.rowWrites += state.writes
    state.rowBytes += state.bytes
    state.rowNs += tookNs
    if (state.row < ROW) return
    // The one that makes it a row brings the ones before it along, as if made by the same call.
    const told = state.row === ROW ? ROW : 1
    this.count += told
    this.writes += state.rowWrites
    this.bytes += state.rowBytes
    this.tookNs += state.rowNs
    state.rowWrites = state.rowBytes = state.rowNs = 0
    this.byCall.set(call, (this.byCall.get(call) ?? 0) + told)
    this.files.set(name, (this.files.get(name) ?? 0) + told)
    if (!this.#seen.has(process)) {
      this.#seen.add(process)
      this.processes++
    }
  }

  #stateOf(file: TracedFile): State {
    let state = this.#states.get(file)
    if (!state) this.#states.set(file, (state = { writes: 0, bytes: 0, row: 0, rowWrites: 0, rowBytes: 0, rowNs: 0 }))
    return state
  }
}
