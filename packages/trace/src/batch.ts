/** Calls as rows of columns: what readers of calls fill, and what all after them work on. */
import type { Clock, Instant } from './time.ts'
import type { StringTable } from './strings.ts'
import type { TaskList } from './task-list.ts'

/**
 * One call is one `whole` row, or an `enter` row followed later by an `exit` row of the same task: other tasks act in
 * between, and a descriptor named at entry may be closed, or its number given away, before the exit.
 */
export const WHOLE = 0
export const ENTER = 1
export const EXIT = 2

/** How a call ended (`outcome` column). */
export const OUTCOMES = [
  'ok',
  'failed', // returned an error
  'restarted', // interrupted, will be issued again: the kernel did not run it to its end
  'injected', // result made up by the tracer: the kernel never ran it
  'unknown', // no result: ended by death or exec, or the tracer left
] as const
export type Outcome = (typeof OUTCOMES)[number]
export const OK = 0
export const FAILED = 1
export const RESTARTED = 2
export const INJECTED = 3
export const UNKNOWN = 4

/** Rare arguments that do not fit a column. */
export type Extra =
  /** `messages`: where there are several, with which of `fds` each begins. */
  | { kind: 'fds'; fds: FdRef[]; messages?: number[] }
  | { kind: 'argv'; argv: string[]; cut: boolean }
  | { kind: 'iocbs'; iocbs: Iocb[] }
  | { kind: 'events'; events: { data: string; result: number }[] }
  | { kind: 'stat'; inode: number | null; device: string | null }
  | { kind: 'tasks'; list: TaskList }

/** What a trace itself says behind a descriptor (strace -y, -yy). */
export interface FdName {
  readonly kind: 'path' | 'device' | 'memory' | 'pipe' | 'socket' | 'anon'
  /** The path, or the tracer's word for what has none (`pipe:[123]`). */
  readonly text: string
  /** `maybe`: tracers up to strace 5.18 print a deleted file and a file whose name ends in ` (deleted)` alike. */
  readonly deleted: boolean | 'maybe'
  /** `8:0` of a block or character device, when the trace tells. */
  readonly device: string | null
  readonly block: boolean
}

type Column = Uint8Array | Uint16Array | Int32Array | Float64Array

/** A descriptor number with the name the trace gives it, if any. */
export interface FdRef {
  fd: number
  name: FdName | null
}

export interface Iocb {
  opcode: string
  fd: FdRef
  /** `aio_data`, comes back in the event of its completion. */
  data: string
  bytes: number
  offset: number
  flags: number
}

/**
 * Rows of calls as columns: typed arrays for numbers, indexes of `strings` for names. A reader fills the same batch
 * again and again, so a consumer must be done with one before it asks for the next. NaN and -1 mean "not there".
 */
export class CallBatch {
  static readonly ROWS = 1024

  readonly capacity: number
  length = 0
  strings: StringTable
  /** What `decoration`, `decoration2` and `decorationResult` index. */
  names: readonly FdName[]
  clock: Clock = 'none'
  /** The source's time 0: since 1970 (`wall`), since midnight (`timeOfDay`), since boot; null where it has no meaning. */
  origin: Instant | null = null

  readonly phase: Uint8Array
  /** Index in CALLS. */
  readonly call: Uint16Array
  /** Task (thread) id; 0 where the trace has none (one task only). */
  readonly tid: Int32Array
  /** Entry of the call, of an exit row, too, in ns since the source's time 0. NaN: trace without times. */
  readonly atNs: Float64Array
  readonly tookNs: Float64Array
  readonly outcome: Uint8Array
  /** String id of the errno's name (`EIO`), -1 where there is none. */
  readonly errno: Int32Array
  readonly result: Float64Array
  /** 1-based record number (line) in the source. */
  readonly record: Float64Array

  readonly fd: Int32Array
  readonly fd2: Int32Array
  /** What the trace itself says behind `fd`, `fd2`, `result` (strace -y): an index of `names`, -1 where it says nothing. */
  readonly decoration: Int32Array
  readonly decoration2: Int32Array
  readonly decorationResult: Int32Array
  readonly path: Int32Array
  readonly path2: Int32Array
  readonly addr: Float64Array
  readonly addr2: Float64Array
  readonly size: Float64Array
  readonly size2: Float64Array
  readonly offset: Float64Array
  /** NaN: the trace does not show them. */
  readonly flags: Float64Array
  readonly flags2: Float64Array
  readonly extra: (Extra | null)[]

  /** `shared`: its columns are memory that other threads can be given. */
  constructor(strings: StringTable, names: readonly FdName[], capacity: number = CallBatch.ROWS, shared = false) {
    const room = (bytes: number): ArrayBufferLike =>
      shared ? new SharedArrayBuffer(capacity * bytes) : new ArrayBuffer(capacity * bytes)
    this.strings = strings
    this.names = names
    this.capacity = capacity
    this.phase = new Uint8Array(room(1))
    this.call = new Uint16Array(room(2))
    this.tid = new Int32Array(room(4))
    this.atNs = new Float64Array(room(8))
    this.tookNs = new Float64Array(room(8))
    this.outcome = new Uint8Array(room(1))
    this.errno = new Int32Array(room(4))
    this.result = new Float64Array(room(8))
    this.record = new Float64Array(room(8))
    this.fd = new Int32Array(room(4))
    this.fd2 = new Int32Array(room(4))
    this.decoration = new Int32Array(room(4))
    this.decoration2 = new Int32Array(room(4))
    this.decorationResult = new Int32Array(room(4))
    this.path = new Int32Array(room(4))
    this.path2 = new Int32Array(room(4))
    this.addr = new Float64Array(room(8))
    this.addr2 = new Float64Array(room(8))
    this.size = new Float64Array(room(8))
    this.size2 = new Float64Array(room(8))
    this.offset = new Float64Array(room(8))
    this.flags = new Float64Array(room(8))
    this.flags2 = new Float64Array(room(8))
    this.extra = Array<null>(capacity).fill(null)
    this.clear(capacity)
  }

  get full(): boolean {
    return this.length === this.capacity
  }

  /** A row in which nothing is known yet; the caller fills what it knows. */
  add(phase: number, call: number, tid: number, atNs: number, record: number): number {
    const i = this.length++
    this.phase[i] = phase
    this.call[i] = call
    this.tid[i] = tid
    this.atNs[i] = atNs
    this.record[i] = record
    return i
  }

  /** All but `extra`, always in the same order. */
  columns(): Column[] {
    const numbers = [this.atNs, this.tookNs, this.result, this.record, this.addr, this.addr2, this.size, this.size2]
    const ids = [this.tid, this.errno, this.fd, this.fd2, this.path, this.path2]
    const said = [this.decoration, this.decoration2, this.decorationResult]
    return [this.phase, this.call, this.outcome, ...ids, ...said, ...numbers, this.offset, this.flags, this.flags2]
  }

  /** Empties the batch: all rows at once, which costs far less than clearing each as it is added. */
  clear(rows: number = this.length): void {
    this.length = 0
    for (const column of [this.outcome, this.flags, this.flags2]) column.fill(0, 0, rows)
    for (const column of [this.errno, this.fd, this.fd2, this.path, this.path2]) column.fill(-1, 0, rows)
    for (const column of [this.decoration, this.decoration2, this.decorationResult]) column.fill(-1, 0, rows)
    for (const column of [this.tookNs, this.result, this.offset]) column.fill(NaN, 0, rows)
    for (const column of [this.addr, this.addr2, this.size, this.size2]) column.fill(NaN, 0, rows)
    this.extra.fill(null, 0, rows)
  }

  /** Appends row `i` of another batch that shares this one's string table. */
  copyRow(from: CallBatch, i: number): void {
    const k = this.add(from.phase[i], from.call[i], from.tid[i], from.atNs[i], from.record[i])
    this.tookNs[k] = from.tookNs[i]
    this.outcome[k] = from.outcome[i]
    this.errno[k] = from.errno[i]
    this.result[k] = from.result[i]
    this.copyArguments(k, from, i)
    this.decorationResult[k] = from.decorationResult[i]
  }

  /** Row `k` gets the arguments of row `i` of a batch that shares this one's string table. */
  copyArguments(k: number, from: CallBatch, i: number): void {
    this.fd[k] = from.fd[i]
    this.fd2[k] = from.fd2[i]
    this.decoration[k] = from.decoration[i]
    this.decoration2[k] = from.decoration2[i]
    this.path[k] = from.path[i]
    this.path2[k] = from.path2[i]
    this.addr[k] = from.addr[i]
    this.addr2[k] = from.addr2[i]
    this.size[k] = from.size[i]
    this.size2[k] = from.size2[i]
    this.offset[k] = from.offset[i]
    this.flags[k] = from.flags[i]
    this.flags2[k] = from.flags2[i]
    this.extra[k] = from.extra[i]
  }
}
