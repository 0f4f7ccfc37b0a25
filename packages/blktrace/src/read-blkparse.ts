/** blkparse and btrace text → batches of events; its tables go into the facts. Line grammar: blkparse-line.ts. */
import {
  ACTION,
  BlockBatch,
  LineFeed,
  StringTable,
  decodeUtf8,
  latin1,
  type DiagnosticKind,
  type Diagnostics,
  type LineSink,
  type Source,
} from '@flushtrace/trace'
import { BlkparseLine } from './blkparse-line.ts'
import { BLKTRACE, MAX_LINE, SHOWN } from './diagnostics.ts'
import { Tally, emptyFacts, type BlockFacts } from './facts.ts'
import { compileFormat, type FormatLine } from './format.ts'
import type { BlockReading } from './read-binary.ts'
import { inOrder } from './reorder.ts'
import { Sequences } from './sequences.ts'
import { SummaryReader } from './summary.ts'

export interface BlkparseOptions {
  /** What blkparse was given with -f, if anything. */
  format?: string | null
}

/** blktrace's own end report, when its stderr went into the same file. */
const RECORDER =
  /^\s*(?:CPU\s+\d+|Total)\s*:\s+[\d,.]+ events(?: \(dropped ([\d,.]+)\))?,|^You have ([\d,.]+) |^=== .* ===$/
/**
 * `(7,0) request 592 + 4096: `, one after the other and no line end behind them: blkparse 1.3 -t prints the beginning of
 * each warning (blkparse.c io_warn_unless) to where its lines go, and the rest to stderr.
 */
const REMARKS = /^ ?(?:\(\d+,\d+\) request \d+ \+ \d+: )+/
const LPAREN = 0x28
const INPUT_FILE = /^Input file .* added$/s

/** Reads blkparse's default text (also -t), or with `format` text of that -f format. */
export function readBlkparse(source: Source, diagnostics: Diagnostics, options: BlkparseOptions = {}): BlockReading {
  const reader = new BlkparseReader(source.path, diagnostics, options.format ?? null)
  return { batches: reader.batches(source), facts: reader.facts }
}

class BlkparseReader implements LineSink {
  readonly facts: BlockFacts = emptyFacts()
  readonly #path: string
  readonly #diagnostics: Diagnostics
  readonly #format: FormatLine | null
  readonly #line = new BlkparseLine()
  readonly #summary = new SummaryReader()
  readonly #tally = new Tally()
  readonly #sequences = new Sequences()
  #batch: BlockBatch
  #spare: BlockBatch
  #lastNs = -Infinity
  #formatted = 0
  #dropped = 0

  constructor(path: string, diagnostics: Diagnostics, format: string | null) {
    this.#path = path
    this.#diagnostics = diagnostics
    this.#format = format === null ? null : compileFormat(format)
    if (format !== null && !this.#format) diagnostics.add(BLKTRACE.badFormat, { source: path }, format)
    const strings = new StringTable()
    this.#batch = new BlockBatch(strings)
    this.#spare = new BlockBatch(strings)
    this.facts.clock = this.#format?.clock ?? 'relative'
  }

  get full(): boolean {
    return this.#batch.full
  }

  async *batches(source: Source): AsyncGenerator<BlockBatch> {
    for await (const _ of new LineFeed(this, MAX_LINE).fill(source)) {
      yield this.#ready()
      this.#recycle()
    }
    if (this.#batch.length > 0) yield this.#ready()
    this.#finish()
  }

  line(buf: Uint8Array, start: number, end: number, whole: boolean): void {
    const { facts } = this
    facts.records++
    if (end === start) {
      facts.notes++
      return
    }
    // With -F only some actions have a format of their own.
    if (this.#format?.parse(decodeUtf8(buf, start, end), this.#batch, facts.records)) {
      this.#formatted++
      this.#event()
      return
    }
    if (buf[start] === LPAREN || buf[start + 1] === LPAREN)
      start += REMARKS.exec(latin1(buf, start, end))?.[0].length ?? 0
    switch (this.#line.parse(buf, start, end, this.#batch, facts.records)) {
      case 'event':
        this.#event()
        break
      case 'message':
        facts.notes++
        facts.messages++
        break
      case 'damaged':
        this.#bad(decodeUtf8(buf, start, end), whole)
        break
      case 'other':
        this.#other(decodeUtf8(buf, start, end))
        break
    }
  }

  longLine(): void {
    this.facts.records++
    this.facts.damaged++
    this.#report(BLKTRACE.longLine, '')
  }

  #event(): void {
    const batch = this.#batch
    const i = batch.length - 1
    const action = batch.action[i]
    this.facts.used++
    this.#tally.row(action, batch.device[i], batch.cpu[i], batch.atNs[i])
    const sequence = batch.sequence[i]
    if (sequence === 0) return
    // A remap line shows the device below, but is numbered with the traced one.
    if (action === ACTION.remap) {
      this.#sequences.remapped(batch.device[i], batch.cpu[i], sequence)
      return
    }
    const missing = this.#sequences.missing(batch.device[i], batch.cpu[i], sequence)
    if (missing === 0) return
    this.facts.lost += missing
    const place = { source: this.#path, record: this.facts.records }
    this.#diagnostics.add(BLKTRACE.lost, place, `${missing} on CPU ${batch.cpu[i]}`, missing)
  }

  #other(text: string): void {
    const { facts } = this
    if (this.#summary.line(text) || INPUT_FILE.test(text) || text.trim() === '') {
      facts.notes++
      return
    }
    const recorder = RECORDER.exec(text)
    if (recorder) {
      facts.notes++
      const dropped = Number((recorder[1] ?? recorder[2] ?? '').replace(/\D/g, ''))
      // The recorder says it twice: in its totals, and in a warning behind them.
      if (dropped > this.#dropped) {
        this.#dropped = dropped
        facts.lost += dropped
        this.#diagnostics.add(BLKTRACE.dropped, { source: this.#path, record: facts.records }, `${dropped}`, dropped)
      }
      return
    }
    facts.foreign++
    this.#report(BLKTRACE.foreignLines, text.slice(0, SHOWN))
  }

  #bad(text: string, whole: boolean): void {
    this.facts.damaged++
    if (whole) this.#report(BLKTRACE.damagedLine, text.slice(0, SHOWN))
    else this.#report(BLKTRACE.cutLine, text.slice(0, SHOWN))
  }

  /** Live output (btrace) is in order only as far as blkparse waited. */
  #ready(): BlockBatch {
    const ordered = inOrder(this.#batch, this.#spare)
    if (ordered === this.#spare) [this.#batch, this.#spare] = [this.#spare, this.#batch]
    const batch = this.#batch
    if (batch.atNs[0] < this.#lastNs) {
      const detail = `record ${batch.record[0]}`
      this.#diagnostics.add(BLKTRACE.backwards, { source: this.#path, record: batch.record[0] }, detail)
    }
    this.#lastNs = Math.max(this.#lastNs, batch.atNs[batch.length - 1])
    batch.clock = this.facts.clock
    batch.origin = this.facts.clock === 'timeOfDay' ? { seconds: 0, nanos: 0 } : null
    return batch
  }

  #recycle(): void {
    if (this.#batch.strings.full) {
      const strings = new StringTable()
      this.#batch.strings = strings
      this.#spare.strings = strings
    }
    this.#batch.length = 0
  }

  #finish(): void {
    const { facts } = this
    this.#tally.into(facts)
    facts.summary = this.#summary.tables
    facts.started = this.#summary.started
    if (this.#line.timed) facts.options.push('-t')
    if (this.#formatted > 0) facts.options.push('-f')
    if (facts.summary.some(({ kind }) => kind === 'process')) facts.options.push('-s')
    this.#checkTotals()
  }

  /** blkparse counts what it printed, device by device. */
  #checkTotals(): void {
    const entries = this.#summary.events.reduce((sum, event) => sum + event.entries, 0)
    if (this.#summary.events.length === 0 || this.facts.used === 0 || entries === this.facts.used) return
    const detail = `${entries} entries, ${this.facts.used} lines`
    this.#diagnostics.add(BLKTRACE.summaryDiffers, { source: this.#path }, detail)
  }

  #report(kind: DiagnosticKind, detail: string): void {
    this.#diagnostics.add(kind, { source: this.#path, record: this.facts.records }, detail)
  }
}
