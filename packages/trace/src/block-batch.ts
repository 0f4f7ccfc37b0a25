/** Events of the block layer as rows of columns. */
import { ACTION } from './block-actions.ts'
import { NO_DEVICE } from './device.ts'
import type { InodeBatch } from './inode-batch.ts'
import type { StringTable } from './strings.ts'
import type { Clock, Instant } from './time.ts'

/**
 * Rows of block events as columns, in the order of time. A reader fills the same batch again and again, so a consumer
 * must be done with one before it asks for the next.
 *
 * Sectors are 512 bytes, on the whole disk, whichever device the row names. The last four columns mean something only
 * in rows of the action named there; elsewhere they hold what an earlier row left.
 */
export class BlockBatch {
  static readonly ROWS = 4096
  /** Of all columns. */
  static readonly ROW_BYTES = 7 * 8 + 9 * 4 + 2 + 1

  readonly capacity: number
  length = 0
  strings: StringTable
  clock: Clock = 'none'
  /** The source's time 0: since boot (`monotonic`), since midnight (`timeOfDay`); null where it has no meaning. */
  origin: Instant | null = null
  /** Time 0 on the wall clock, where a note in the trace tells. */
  wall: Instant | null = null
  /** Events of the same stretch of the source that name inodes; null for sources that never have any. */
  inodes: InodeBatch | null = null

  /** ACTION. */
  readonly action: Uint8Array
  /** OP bits. */
  readonly flags: Uint32Array
  /** See device.ts. For a remap: the device the request was sent on to. */
  readonly device: Uint32Array
  /** First sector; -1 where there is none. */
  readonly sector: Float64Array
  readonly bytes: Float64Array
  /** Thread id in the first pid namespace: at queue who asked; later whoever the kernel ran on. */
  readonly tid: Int32Array
  /** String id, -1 where the trace does not tell. */
  readonly comm: Int32Array
  /** ns since the source's time 0; NaN: trace without usable times. */
  readonly atNs: Float64Array
  /** What blkparse -t printed for this step; NaN without it. */
  readonly tookNs: Float64Array
  /** 0, or a negative errno. */
  readonly error: Int32Array
  /** -1 where the trace does not tell. */
  readonly cpu: Int32Array
  /** Counts per device and CPU from 1; 0 where the trace has none. */
  readonly sequence: Uint32Array
  /** 1-based record number (line) in its source. */
  readonly record: Float64Array
  /** Index of the source in the list the reader was given. */
  readonly source: Uint16Array

  /** remap: the device it came from. */
  readonly fromDevice: Uint32Array
  /** remap: its first sector there, counted from that device's start. */
  readonly fromSector: Float64Array
  /** split: first sector of the second part. */
  readonly splitSector: Float64Array
  /** unplug: requests sent on. */
  readonly depth: Uint32Array

  /** The columns lie in `buffer` one behind the other, from `offset` on, the widest first. */
  constructor(
    strings: StringTable,
    capacity: number = BlockBatch.ROWS,
    buffer: ArrayBuffer = new ArrayBuffer(capacity * BlockBatch.ROW_BYTES),
    offset = 0,
  ) {
    this.strings = strings
    this.capacity = capacity
    let at = offset
    const column = (bytes: number): [ArrayBuffer, number, number] => {
      at += bytes * capacity
      return [buffer, at - bytes * capacity, capacity]
    }
    this.atNs = new Float64Array(...column(8))
    this.sector = new Float64Array(...column(8))
    this.bytes = new Float64Array(...column(8))
    this.record = new Float64Array(...column(8))
    this.fromSector = new Float64Array(...column(8))
    this.splitSector = new Float64Array(...column(8))
    this.tookNs = new Float64Array(...column(8)).fill(NaN)
    this.flags = new Uint32Array(...column(4))
    this.device = new Uint32Array(...column(4))
    this.tid = new Int32Array(...column(4))
    this.comm = new Int32Array(...column(4))
    this.error = new Int32Array(...column(4))
    this.cpu = new Int32Array(...column(4))
    this.sequence = new Uint32Array(...column(4))
    this.fromDevice = new Uint32Array(...column(4))
    this.depth = new Uint32Array(...column(4))
    this.source = new Uint16Array(...column(2))
    this.action = new Uint8Array(...column(1))
  }

  get full(): boolean {
    return this.length === this.capacity
  }

  /** A cleared row; the caller fills what it knows. */
  add(action: number, device: number, tid: number, atNs: number, record: number): number {
    const i = this.length++
    this.action[i] = action
    this.flags[i] = 0
    this.device[i] = device
    this.sector[i] = -1
    this.bytes[i] = 0
    this.tid[i] = tid
    this.comm[i] = -1
    this.atNs[i] = atNs
    this.tookNs[i] = NaN
    this.error[i] = 0
    this.cpu[i] = -1
    this.sequence[i] = 0
    this.record[i] = record
    this.source[i] = 0
    if (action === ACTION.remap) {
      this.fromDevice[i] = NO_DEVICE
      this.fromSector[i] = -1
    } else if (action === ACTION.split) this.splitSector[i] = -1
    else if (action === ACTION.unplug || action === ACTION.unplugTimer) this.depth[i] = 0
    return i
  }

  /** Writes row `from` of another batch with the same string table over row `to` of this one. */
  setRow(to: number, batch: BlockBatch, from: number): void {
    const action = batch.action[from]
    this.action[to] = action
    this.flags[to] = batch.flags[from]
    this.device[to] = batch.device[from]
    this.sector[to] = batch.sector[from]
    this.bytes[to] = batch.bytes[from]
    this.tid[to] = batch.tid[from]
    this.comm[to] = batch.comm[from]
    this.atNs[to] = batch.atNs[from]
    this.tookNs[to] = batch.tookNs[from]
    this.error[to] = batch.error[from]
    this.cpu[to] = batch.cpu[from]
    this.sequence[to] = batch.sequence[from]
    this.record[to] = batch.record[from]
    this.source[to] = batch.source[from]
    if (action === ACTION.remap) {
      this.fromDevice[to] = batch.fromDevice[from]
      this.fromSector[to] = batch.fromSector[from]
    } else if (action === ACTION.split) this.splitSector[to] = batch.splitSector[from]
    else if (action === ACTION.unplug || action === ACTION.unplugTimer) this.depth[to] = batch.depth[from]
  }

  /** Becomes rows [start, end) of another batch with the same string table. */
  copyRows(batch: BlockBatch, start: number, end: number): void {
    const from = batch.#columns()
    for (const [k, column] of this.#columns().entries()) column.set(from[k].subarray(start, end))
    this.length = end - start
  }

  /** Forgets the first `count` rows: the others move to the front. */
  shift(count: number): void {
    const end = this.length
    for (const column of this.#columns()) column.copyWithin(0, count, end)
    this.length = end - count
  }

  #columns(): (Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array)[] {
    return [
      this.action,
      this.flags,
      this.device,
      this.sector,
      this.bytes,
      this.tid,
      this.comm,
      this.atNs,
      this.tookNs,
      this.error,
      this.cpu,
      this.sequence,
      this.record,
      this.source,
      this.fromDevice,
      this.fromSector,
      this.splitSector,
      this.depth,
    ]
  }
}
