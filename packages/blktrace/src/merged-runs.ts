/**
 * This side of ../runs/runs.ts, which reads runs of usual events of all files in turn. What it stops at is read here, by the
 * cursors: they are told how far it came, and it is told how far they came.
 */
import { BlockBatch, startWasm, wasmMemory } from '@flushtrace/trace'
import { NEED_DATA, type RecordCursor, type Stop } from './cursor.ts'
import type { Shared } from './event-runs.ts'
import { RUNS_CODE } from './runs-code.ts'
import { COUNTERS } from './sequences.ts'
import { WINDOW } from './window.ts'
import { HOST_IS_LITTLE } from './wire.ts'

/** Where things are, as in runs.ts; what follows the sources depends on how many there are. */
const STATUS = 0
const EVENT = 8
const SPAN = 24
const ACTIONS = 64
const WANTED = 192
const COLUMNS = 256
const SOURCES = 0x80000
const SOURCE_BYTES = 64
/** Of a source: int32, and from LAST_NS on float64. */
const BASE = 0
const POS = 1
const END = 2
const DEVICE = 3
const CPU = 4
const COUNTER = 5
const NEXT_DEVICE = 12
const NEXT_SEQUENCE = 13
const TIMED = 14
const TIES = 15
const LAST_NS = 3
const RECORDS = 4
const NEXT_NS = 5
/** Of no event. */
const NO_CPU = -1
/** The first one has taken no record in its turn. */
const FRESH = 0

const KINDS = 32
const PAGE = 1 << 16

/** What runs.ts exports. */
interface Exports {
  readonly run: (heap: number, heads: number, rows: number) => number
  readonly add: (heap: number, heads: number, source: number) => void
}

/** Memory for the windows and numbers of so many sources. */
export class RunsMemory {
  readonly buffer: ArrayBuffer
  readonly run: Exports['run']
  readonly add: Exports['add']
  readonly counters: Uint32Array
  readonly heapAt: number
  readonly #windowsAt: number

  constructor(sources: number) {
    this.heapAt = SOURCES + sources * SOURCE_BYTES
    const countersAt = upTo(this.heapAt + sources * 4, PAGE)
    this.#windowsAt = countersAt + COUNTERS * 4
    const memory = wasmMemory(this.#windowsAt + sources * WINDOW)
    const { run, add } = startWasm<Exports>(RUNS_CODE, memory)
    this.run = run
    this.add = add
    this.buffer = memory.buffer
    this.counters = new Uint32Array(this.buffer, countersAt, COUNTERS)
  }

  /** null where there is no WebAssembly, no room, or words are in another order. */
  static of(sources: number): RunsMemory | null {
    if (!HOST_IS_LITTLE) return null
    try {
      return new RunsMemory(sources)
    } catch {
      return null
    }
  }

  windowAt(source: number): number {
    return this.#windowsAt + source * WINDOW
  }
}

export class MergedRuns {
  readonly batch: BlockBatch
  readonly #memory: RunsMemory
  readonly #shared: Shared
  readonly #cursors: RecordCursor[] = []
  /** Sources, as a heap by their next records. */
  readonly #heap: Uint32Array
  readonly #integers: Int32Array
  readonly #numbers: Float64Array
  readonly #counted: Uint32Array
  size = 0

  constructor(memory: RunsMemory, shared: Shared, sources: number, actions: Uint8Array) {
    const { buffer } = memory
    this.#memory = memory
    this.#shared = shared
    this.batch = new BlockBatch(shared.names.strings, BlockBatch.ROWS, buffer, COLUMNS)
    this.#heap = new Uint32Array(buffer, memory.heapAt, sources)
    this.#integers = new Int32Array(buffer)
    this.#numbers = new Float64Array(buffer, 0, upTo(memory.heapAt, 8) / 8)
    this.#counted = new Uint32Array(buffer, ACTIONS, KINDS)
    new Uint8Array(buffer).set(actions, WANTED)
    this.#numbers.set([shared.clock.eventHigh, shared.clock.eventLow], EVENT / 8)
  }

  get first(): RecordCursor {
    return this.#cursors[this.#heap[0]]
  }

  add(cursor: RecordCursor): void {
    const { source, window } = cursor
    this.#cursors[source] = cursor
    this.#integers[intOf(source) + BASE] = window.bytes.byteOffset
    this.#tell(cursor)
    this.#memory.add(this.#memory.heapAt, this.size++, source)
  }

  turn(batch: BlockBatch): Stop {
    const { run, heapAt } = this.#memory
    const from = batch.length
    batch.length = run(heapAt, this.size, from)
    this.#count()
    const { names } = this.#shared
    const { tid, comm } = batch
    // Notes are read by the cursors only: no task was given another name among these rows.
    for (let i = from; i < batch.length; i++)
      comm[i] = i > from && tid[i] === tid[i - 1] ? comm[i - 1] : names.get(tid[i])
    const { first } = this
    this.#learn(first)
    if (this.#integers[STATUS] !== FRESH || batch.full) return NEED_DATA
    return first.decode(batch, Math.min(this.#nextNs(1), this.#nextNs(2)), true)
  }

  sink(): void {
    // The next turn begins with that.
    this.#tell(this.first)
  }

  drop(): void {
    this.#heap[0] = this.#heap[--this.size]
  }

  #nextNs(place: number): number {
    return place < this.size ? this.#numbers[numberOf(this.#heap[place]) + NEXT_NS] : Infinity
  }

  /** Tells how far a cursor is, and what stands there. */
  #tell({ source, window, runs }: RecordCursor): void {
    const integers = this.#integers
    const numbers = this.#numbers
    const int = intOf(source)
    const number = numberOf(source)
    integers[int + POS] = window.pos
    integers[int + END] = window.end
    integers[int + DEVICE] = runs.device
    const counter = this.#shared.sequences.addressOf(runs.device, runs.cpu)
    integers[int + CPU] = counter === null ? NO_CPU : runs.cpu
    integers[int + COUNTER] = counter ?? 0
    integers[int + NEXT_DEVICE] = runs.nextDevice
    integers[int + NEXT_SEQUENCE] = runs.nextSequence
    numbers[number + LAST_NS] = runs.lastNs
    numbers[number + RECORDS] = runs.records
    numbers[number + NEXT_NS] = runs.nextNs
  }

  /** Tells a cursor how far it is. */
  #learn(cursor: RecordCursor): void {
    const { source, runs } = cursor
    const integers = this.#integers
    const numbers = this.#numbers
    const int = intOf(source)
    const number = numberOf(source)
    cursor.moveTo(integers[int + POS])
    runs.lastNs = numbers[number + LAST_NS]
    runs.records = numbers[number + RECORDS]
    runs.timed += integers[int + TIMED]
    runs.ties += integers[int + TIES]
    integers[int + TIMED] = integers[int + TIES] = 0
  }

  #count(): void {
    const { tally } = this.#shared
    const span = SPAN / 8
    tally.span(this.#numbers[span], this.#numbers[span + 1])
    for (const [action, count] of this.#counted.entries()) {
      if (count > 0) tally.actions[action] += count
    }
    this.#counted.fill(0)
  }
}

function intOf(source: number): number {
  return (SOURCES + source * SOURCE_BYTES) / 4
}

function numberOf(source: number): number {
  return (SOURCES + source * SOURCE_BYTES) / 8
}

function upTo(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step
}
