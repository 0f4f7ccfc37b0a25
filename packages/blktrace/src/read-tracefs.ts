/**
 * Text of ftrace (trace, trace_pipe), trace-cmd report and perf script → batches of block events, and beside them the
 * events that name inodes. Heads: tracefs-line.ts; bodies: block-events.ts, inode-events.ts; the `blk` tracer's lines
 * have blkparse's bodies.
 */
import {
  BlockBatch,
  INODE_EVENT,
  InodeBatch,
  LineFeed,
  StringTable,
  addOwn,
  decodeUtf8,
  encodeUtf8,
  makeDevice,
  type DiagnosticKind,
  type Diagnostics,
  type LineSink,
  type Source,
} from '@flushtrace/trace'
import { BlkparseLine } from './blkparse-line.ts'
import { addBlockEvent, isBlockEvent } from './block-events.ts'
import { BLKTRACE, MAX_LINE, SHOWN } from './diagnostics.ts'
import { MAX_LISTED, Tally, emptyFacts, type BlockFacts } from './facts.ts'
import { addInodeEvent, isInodeEvent } from './inode-events.ts'
import { AddedUp, countedFrom, type CountedFrom } from './perf-times.ts'
import type { BlockReading } from './read-binary.ts'
import { inOrder } from './reorder.ts'
import { lostEvents, parseTracefsHead, type TracefsHead } from './tracefs-line.ts'

/** Names of other events that are counted one by one. */
const MAX_OTHER = 256
const UNKNOWN_COMM = '<...>'
const EVENT = /^(?:([A-Za-z_]\w*):)?([A-Za-z_]\w*): */
/** `8,32   A   R 2048 + 8 …` of the blk tracer. */
const BLK_TRACER = /^\s*(\d+),(\d+)\s+/
/** blk_classic: `  8,0    1     0.000000001  1234  Q  WS 123 + 8 [x]`. */
const BLK_CLASSIC = /^\s*(\d+),(\d+)\s+(\d+)\s+(\d+)\.(\d{9})\s+(\d+)\s+(?=[A-Z])/

/** Reads the text; batches carry the inode events of the same lines in `inodes`. */
export function readTracefs(source: Source, diagnostics: Diagnostics): BlockReading {
  const reader = new TracefsReader(source.path, diagnostics)
  return { batches: reader.batches(source), facts: reader.facts }
}

class TracefsReader implements LineSink {
  readonly facts: BlockFacts = emptyFacts()
  readonly #path: string
  readonly #diagnostics: Diagnostics
  readonly #tally = new Tally()
  readonly #blkLine = new BlkparseLine()
  readonly #options = new Set<string>()
  #batch: BlockBatch
  #spare: BlockBatch
  #inodes: InodeBatch
  /** Time 0: the first event. */
  #zero: { seconds: number; nanos: number } | null = null
  #counter = false
  #relative = false
  #counted: CountedFrom = 'clock'
  readonly #addedUp = new AddedUp()
  /** By CPU: its last event, of ours. */
  readonly #lastNs = new Map<number, number>()
  /** CPUs of which events were lost, up to their next one. */
  readonly #gaps = new Set<number>()

  constructor(path: string, diagnostics: Diagnostics) {
    this.#path = path
    this.#diagnostics = diagnostics
    const strings = new StringTable()
    this.#batch = new BlockBatch(strings)
    this.#spare = new BlockBatch(strings)
    this.#inodes = new InodeBatch(strings)
  }

  get full(): boolean {
    return this.#batch.full || this.#inodes.full
  }

  async *batches(source: Source): AsyncGenerator<BlockBatch> {
    this.#counted = countedFrom(source.head)
    for await (const _ of new LineFeed(this, MAX_LINE).fill(source)) {
      yield this.#ready()
      this.#recycle()
    }
    if (this.#batch.length + this.#inodes.length > 0) yield this.#ready()
    this.#finish()
  }

  line(buf: Uint8Array, start: number, end: number, whole: boolean): void {
    const { facts } = this
    facts.records++
    const text = decodeUtf8(buf, start, end)
    const head = parseTracefsHead(text)
    if (head) {
      this.#place(head)
      if (!this.#event(head, text, whole)) this.#bad(text, whole)
      return
    }
    if (this.#classic(text)) return
    const { events: lost, cpu } = lostEvents(text)
    if (lost > 0) {
      if (cpu !== null) this.#lose(cpu)
      facts.lost += lost
      this.#diagnostics.add(BLKTRACE.dropped, { source: this.#path, record: facts.records }, `${lost}`, lost)
    }
    if (lost > 0 || text.trim() === '' || text.startsWith('#') || /^(?:cpus=|version =|CPU \d+ is empty)/.test(text)) {
      facts.notes++
      const tracer = /^# tracer: (\S+)/.exec(text)
      if (tracer) this.#options.add(`tracer ${tracer[1]}`)
      return
    }
    if (!whole) {
      this.#bad(text, whole)
      return
    }
    facts.foreign++
    this.#report(BLKTRACE.foreignLines, text.slice(0, SHOWN))
  }

  longLine(): void {
    this.facts.records++
    this.facts.damaged++
    this.#report(BLKTRACE.longLine, '')
  }

  /** Puts the time of a line of perf on one axis, whosever event it is. */
  #place(head: TracefsHead): void {
    if (!head.perf || this.#counted === 'clock') return
    head.relative = true
    if (this.#counted === 'first line') return
    if (head.cutNs > 0) this.#report(BLKTRACE.addedTimes, '')
    this.#addedUp.put(head)
  }

  /** False when the line is of an event of ours but cannot be read. */
  #event(head: TracefsHead, text: string, whole: boolean): boolean {
    const { facts } = this
    const record = facts.records
    const named = EVENT.exec(head.body)
    if (!named) return this.#blkTracer(head, whole)
    const event = named[2]
    const body = head.body.slice(named[0].length).trimEnd()
    if (isBlockEvent(event)) {
      const atNs = this.#time(head)
      this.#passed(head.cpu, atNs)
      if (!addBlockEvent(event, body, this.#batch, head.tid, this.#comm(head.comm), atNs, record)) return false
      this.#row(head.cpu)
      this.#options.add(named[1] === undefined ? 'ftrace' : 'perf')
      return true
    }
    if (isInodeEvent(event)) {
      const atNs = this.#time(head)
      this.#passed(head.cpu, atNs)
      if (!addInodeEvent(event, body, this.#inodes, head.tid, this.#comm(head.comm), atNs, record)) return false
      facts.used++
      facts.inodeEvents[event] = (facts.inodeEvents[event] ?? 0) + 1
      return true
    }
    // Other events of the same recording (scheduler, system calls) are somebody else's.
    if (!whole && text.endsWith(event)) return false
    facts.foreign++
    const isKnown = Object.hasOwn(facts.otherEvents, event)
    if (isKnown || Object.keys(facts.otherEvents).length < MAX_OTHER) addOwn(facts.otherEvents, event)
    return true
  }

  /** Events of a CPU were lost between the last one of it and the next. */
  #lose(cpu: number): void {
    this.#gap(this.#lastNs.get(cpu) ?? 0)
    if (this.#gaps.size < MAX_LISTED) this.#gaps.add(cpu)
  }

  #passed(cpu: number, atNs: number): void {
    if (this.#gaps.delete(cpu)) this.#gap(atNs)
    if (this.#lastNs.size < MAX_LISTED || this.#lastNs.has(cpu)) this.#lastNs.set(cpu, atNs)
  }

  #gap(atNs: number): void {
    this.#inodes.add(INODE_EVENT.lost, -1, 0, -1, atNs, this.facts.records)
  }

  #blkTracer(head: TracefsHead, whole: boolean): boolean {
    const device = BLK_TRACER.exec(head.body)
    if (!device) return whole && this.#foreign(head.body)
    const body = encodeUtf8(head.body)
    this.#blkLine.from(body, device[0].length, body.length)
    const atNs = this.#time(head)
    const number = makeDevice(Number(device[1]), Number(device[2]))
    return this.#blkBody(number, head.tid, atNs, head.cpu, this.#comm(head.comm))
  }

  #classic(text: string): boolean {
    const match = BLK_CLASSIC.exec(text)
    if (!match) return false
    const [whole, major, minor, cpu, seconds, nanos, tid] = match
    const body = encodeUtf8(text)
    this.#blkLine.from(body, whole.length, body.length)
    const atNs = this.#time({ seconds: Number(seconds), nanos: Number(nanos), relative: false })
    const number = makeDevice(Number(major), Number(minor))
    if (!this.#blkBody(number, Number(tid), atNs, Number(cpu), -1)) this.#bad(text, true)
    return true
  }

  #blkBody(device: number, tid: number, atNs: number, cpu: number, comm: number): boolean {
    const { facts } = this
    const kind = this.#blkLine.body(device, tid, atNs, this.#batch, facts.records)
    if (kind === 'message') {
      facts.notes++
      facts.messages++
      return true
    }
    if (kind !== 'event') return false
    const i = this.#batch.length - 1
    if (this.#batch.comm[i] < 0) this.#batch.comm[i] = comm
    this.#options.add('tracer blk')
    this.#row(cpu)
    return true
  }

  #row(cpu: number): void {
    const batch = this.#batch
    const i = batch.length - 1
    batch.cpu[i] = cpu
    this.facts.used++
    this.#tally.row(batch.action[i], batch.device[i], cpu, batch.atNs[i])
  }

  #foreign(text: string): true {
    this.facts.foreign++
    this.#report(BLKTRACE.foreignLines, text.slice(0, SHOWN))
    return true
  }

  #bad(text: string, whole: boolean): void {
    this.facts.damaged++
    this.#report(whole ? BLKTRACE.damagedLine : BLKTRACE.cutLine, text.trim().slice(0, SHOWN))
  }

  #comm(name: string): number {
    return name === UNKNOWN_COMM || name === '' ? -1 : this.#batch.strings.add(name)
  }

  #time({ seconds, nanos, relative }: Pick<TracefsHead, 'seconds' | 'nanos' | 'relative'>): number {
    if (Number.isNaN(nanos)) {
      this.#counter = true
      return NaN
    }
    this.#zero ??= { seconds, nanos }
    this.#relative = relative
    return (seconds - this.#zero.seconds) * 1e9 + (nanos - this.#zero.nanos)
  }

  get #clock(): BlockFacts['clock'] {
    return this.#zero ? (this.#relative ? 'relative' : 'monotonic') : 'none'
  }

  #ready(): BlockBatch {
    const ordered = inOrder(this.#batch, this.#spare)
    if (ordered === this.#spare) {
      ;[this.#batch, this.#spare] = [this.#spare, this.#batch]
      this.#report(BLKTRACE.backwards, `record ${this.#batch.record[0]}`)
    }
    const batch = this.#batch
    batch.clock = this.#clock
    batch.origin = this.#relative ? null : this.#zero
    batch.inodes = this.#inodes
    return batch
  }

  #recycle(): void {
    if (this.#batch.strings.full) {
      const strings = new StringTable()
      this.#batch.strings = strings
      this.#spare.strings = strings
      this.#inodes.strings = strings
    }
    this.#batch.length = 0
    this.#inodes.length = 0
  }

  #finish(): void {
    const { facts } = this
    this.#tally.into(facts)
    facts.clock = this.#clock
    facts.options = [...this.#options].sort()
    if (!this.#counter) return
    const detail = 'they are counters (trace_clock counter, x86-tsc or uptime)'
    this.#diagnostics.add(BLKTRACE.clockUnit, { source: this.#path }, detail)
  }

  #report(kind: DiagnosticKind, detail: string): void {
    this.#diagnostics.add(kind, { source: this.#path, record: this.facts.records }, detail)
  }
}
