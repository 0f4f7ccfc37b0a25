/**
 * Lines of strace text → rows of calls. Stitching the two halves of a split call is the main job, not an edge case:
 * with four busy threads 95 % of the flushes stand on two lines.
 *
 *     3619  futex(0x7f…, FUTEX_WAIT, 2, NULL <unfinished ...>
 *     3619  <... futex resumed>) = 0 <0.000021>
 *     3619  +++ exited with 0 +++
 *     strace: Process 20042 attached
 *     12345 +++ superseded by execve in pid 12346 +++
 *
 * Invariants
 * 1. A task has at most one call in flight; the key of a pending call is the task id of its line.
 * 2. Every line is counted once: a call (whole, begun or resumed), a signal, an exit, a note, foreign or damaged.
 * 3. A call is counted by name when it ends; one that never ends is reported, not counted.
 *
 * Fast path: of a call that no rule asks for (callIndex < 0) only the name and the line's tail are looked at.
 * Format: docs/formats/strace.md.
 */
import {
  CALLS,
  CallBatch,
  ENTER,
  EXIT,
  FAILED,
  RESTARTED,
  StringTable,
  TAKE_OVER,
  TASK_ALIAS,
  TASK_EXIT,
  TASK_NAME,
  UNKNOWN,
  WHOLE,
  callIndex,
  latin1,
  type Clock,
  type DiagnosticKind,
  type Diagnostics,
} from '@flushtrace/trace'
import { Texts, fillRow } from './arguments.ts'
import { STRACE } from './diagnostics.ts'
import { Leader } from './leader.ts'
import { LineCarry } from './lines.ts'
import { ResultPart } from './result.ts'
import { Scanner, startsWith, type Ending } from './scanner.ts'
import { parseSummaryRow, isSummaryHead, type SummaryRow } from './summary.ts'
import { unescape } from './values.ts'

/** What one source held, for `inspect`. JSON-safe. */
export interface StraceFacts {
  lines: number
  /** Calls that ended, by name. */
  calls: Record<string, number>
  /** Of these, the ones that returned an error or were interrupted. */
  errors: Record<string, number>
  /** Lines that became rows, or parts of rows. */
  used: number
  /** Lines of calls that no rule asks for: counted by name only. */
  counted: number
  signals: number
  exits: number
  notes: number
  foreign: number
  damaged: number
  clock: Clock
  options: string[]
  /** First and last time stamp, ns since the source's time 0; null without times. */
  firstNs: number | null
  lastNs: number | null
  /** The table that -C prints after the log. */
  summary: SummaryRow[]
  /** Whether the lines hold the calls that the table counts; null without a table. */
  summaryAgrees: boolean | null
}

interface Pending {
  name: number
  /** The arguments so far; null for a call that no rule asks for. */
  text: Buffer | null
  record: number
  atNs: number
}

/** Linux has some 450 calls, strace knows names of some 700 on all architectures. */
const MAX_NAMES = 4096
const MAX_PENDING = 1 << 18
/** A damaged or foreign line is shown up to here. */
const SHOWN = 80
/** A line can become this many rows at most (name, alias, call). */
const ROWS_PER_LINE = 4

const ESC = 0x1b
const SPACE = 0x20
const UNFINISHED_TAIL = Buffer.from(' <unfinished ...>')
const RESUMED = Buffer.from('resumed')
const NOTICE = /^(?:strace: )?Process (\d+) (attached|detached|suspended|resumed)(?: with \d+ threads)?$/
const GLUED_NOTICE = /(?:strace: )?Process (\d+) (attached|detached)$/

export class StraceParser {
  readonly #path: string
  readonly #diagnostics: Diagnostics
  /** The task of all lines (a file of a -ff set), or 0. */
  readonly #fixedTid: number
  readonly #texts = new Texts()
  #tables = this.#texts
  batch: CallBatch

  readonly #leader = new Leader()
  readonly #scanner = new Scanner()
  readonly #result = new ResultPart()
  readonly #carry = new LineCarry()
  #scratch: Buffer = Buffer.allocUnsafe(1 << 12)

  readonly #callNames = new StringTable()
  readonly #callOf = new Int16Array(MAX_NAMES)
  readonly #ended = new Float64Array(MAX_NAMES)
  readonly #errors = new Float64Array(MAX_NAMES)
  #plain: Pending[] = []
  readonly #pending = new Map<number, Pending>()
  /** A line that a notice of the tracer cut in two (stderr): its beginning, until its rest comes. */
  #split: Buffer | null = null

  readonly #comms = new Map<number, number>()
  /** Tasks alive, as far as notices, prefixes and exits tell: whose is a line without `[pid N]`? */
  readonly #alive = new Set<number>()
  readonly #announced = new Set<number>()
  #root = 0
  #prefixed = false
  #unprefixed = false

  #nowNs = NaN
  #dayNs = 0
  #originSeconds = NaN
  #originNanos = 0
  #coloured = false
  #fractions = false
  #relative = false
  readonly #options = new Set<string>()

  readonly facts: StraceFacts = {
    lines: 0,
    calls: {},
    errors: {},
    used: 0,
    counted: 0,
    signals: 0,
    exits: 0,
    notes: 0,
    foreign: 0,
    damaged: 0,
    clock: 'none',
    options: [],
    firstNs: null,
    lastNs: null,
    summary: [],
    summaryAgrees: null,
  }
  #inSummary = false

  constructor(path: string, diagnostics: Diagnostics, fixedTid = 0) {
    this.#path = path
    this.#diagnostics = diagnostics
    this.#fixedTid = fixedTid
    this.batch = new CallBatch(this.#tables.strings, this.#tables.names)
  }

  /** Parses from `pos`; returns where it stopped: the end, or earlier when the batch is full. */
  consume(chunk: Uint8Array, pos: number): number {
    this.#coloured = chunk.indexOf(ESC, pos) >= 0
    while (this.batch.length <= this.batch.capacity - ROWS_PER_LINE) {
      const end = chunk.indexOf(0x0a, pos)
      if (end < 0) {
        this.#carry.append(chunk, pos, chunk.length)
        return chunk.length
      }
      if (this.#carry.length > 0 || this.#carry.overflow) {
        this.#carry.append(chunk, pos, end)
        this.#carriedLine()
      } else {
        this.#line(chunk, pos, end)
      }
      pos = end + 1
    }
    return pos
  }

  /** To be called before the batch is filled again: an over-full text table is replaced by a fresh one. */
  recycle(): void {
    if (this.#tables.full) {
      this.#tables = new Texts()
      this.#comms.clear()
    }
    this.batch.strings = this.#tables.strings
    this.batch.names = this.#tables.names
    this.batch.length = 0
  }

  /** After the last chunk. */
  end(): void {
    if (this.#carry.length > 0) {
      const damaged = this.facts.damaged
      this.#carriedLine()
      // A last line without its line end is whole if it reads to its end, else it was cut.
      if (this.facts.damaged > damaged) {
        this.#diagnostics.add(STRACE.cut, this.#place(), `record ${this.facts.lines}`)
      }
    }
    if (this.#split) this.#damaged(this.#split, 0, this.#split.length)
    for (const pending of this.#pending.values()) {
      if (pending.text) this.#report(STRACE.inFlight, this.#callNames.text(pending.name), pending.record)
    }
    const facts = this.facts
    for (let name = 0; name < this.#callNames.size; name++) {
      if (this.#ended[name] > 0) facts.calls[this.#callNames.text(name)] = this.#ended[name]
      if (this.#errors[name] > 0) facts.errors[this.#callNames.text(name)] = this.#errors[name]
    }
    if (this.#leader.hasNumber) this.#options.add('-n')
    if (this.#leader.hasPointer) this.#options.add('-i')
    if (this.#leader.hasContext) this.#options.add('--secontext')
    if (this.#prefixed) this.#options.add('-f')
    if (this.#fixedTid > 0) this.#options.add('-ff')
    if (this.#fractions) this.#options.add(facts.clock === 'wall' ? '-ttt' : '-tt')
    else if (facts.clock === 'timeOfDay') this.#options.add('-t')
    if (this.#relative) this.#options.add('-r')
    if (facts.summary.length > 0) this.#options.add('-C')
    const named = this.#tables.names
    // -yy tells devices and sockets apart, -y gives paths only.
    if (named.some(({ kind, text }) => kind === 'device' || /^(?:TCP|UDP|UNIX|NETLINK)/.test(text)))
      this.#options.add('-yy')
    else if (named.length > 0) this.#options.add('-y')
    facts.options = [...this.#options].sort()
    this.#checkSummary()
  }

  #carriedLine(): void {
    const carry = this.#carry
    if (carry.overflow) {
      this.facts.lines++
      this.facts.damaged++
      this.#report(STRACE.longLine, '')
    } else {
      if (carry.buffer.indexOf(ESC) >= 0) this.#coloured = true
      this.#line(carry.buffer, 0, carry.length)
    }
    carry.reset()
  }

  #line(buf: Uint8Array, start: number, end: number): void {
    this.facts.lines++
    if (this.#coloured && hasEscape(buf, start, end)) {
      const plain = stripColour(buf, start, end)
      this.#options.add('--color')
      this.#body(plain, 0, plain.length)
      return
    }
    this.#body(buf, start, end)
  }

  #body(buf: Uint8Array, start: number, end: number): void {
    if (end > start && buf[end - 1] === 0x0d) end--
    if (end === start) {
      this.facts.notes++
      return
    }
    if (this.#split && this.#continuesSplit(buf, start, end)) return
    const p = this.#leader.parse(buf, start, end)
    const c = buf[p]
    if (((c >= 0x61 && c <= 0x7a) || c === 0x5f || c === 0x3f) && this.#call(buf, p, start, end)) return
    if (c === 0x3c && this.#resume(buf, p, start, end)) return
    if (c === 0x2b && this.#taskEnd(buf, p, end)) return
    if (c === 0x2d && buf[p + 1] === 0x2d && buf[p + 2] === 0x2d && buf[p + 3] === SPACE) {
      this.#stamp()
      this.#task(buf)
      this.facts.signals++
      return
    }
    this.#other(buf, start, p, end)
  }

  // Calls ---------------------------------------------------------------------------------------------------------

  /** `name(args…`; false when it is none. */
  #call(buf: Uint8Array, p: number, start: number, end: number): boolean {
    const open = endOfName(buf, p, end)
    if (open < 0) return false
    const name = this.#callNames.intern(buf, p, open, latin1)
    if (name >= this.#plain.length && !this.#newName(name)) return true
    const args = open + 1
    const call = this.#callOf[name]
    if (call < 0) {
      const tail = plainTail(buf, args, end)
      if (tail === 'whole') {
        this.#stamp()
        this.#task(buf)
        this.#endPlain(name, buf, end)
        this.facts.counted++
        return true
      }
      if (tail === 'unfinished') {
        this.#stamp()
        this.#setPending(this.#task(buf), this.#plain[name])
        this.facts.counted++
        return true
      }
    }
    const ending = this.#scanner.scan(buf, args, end)
    return this.#scanned(ending, name, buf, args, start, end)
  }

  #scanned(ending: Ending, name: number, buf: Uint8Array, args: number, start: number, end: number): boolean {
    const call = this.#callOf[name]
    switch (ending) {
      case 'complete': {
        this.#result.parse(buf, this.#scanner.resultStart, end)
        if (!this.#result.valid) return this.#damaged(buf, start, end)
        this.#stamp()
        const tid = this.#task(buf)
        this.#pending.delete(tid)
        this.#end(name)
        if (call < 0) {
          this.facts.counted++
          return true
        }
        this.facts.used++
        const i = this.#row(WHOLE, call, tid, this.#nowNs)
        this.#fill(i, call, buf)
        return true
      }
      case 'unfinished':
      case 'pidChanged': {
        this.#stamp()
        const tid = this.#task(buf)
        if (call < 0) {
          this.#setPending(tid, this.#plain[name])
          this.facts.counted++
          return true
        }
        this.facts.used++
        const i = this.#row(ENTER, call, tid, this.#nowNs)
        fillRow(this.batch, i, CALLS[call].slots, this.#scanner, buf, this.#tables)
        const text = Buffer.from(buf.subarray(args, this.#scanner.argsEnd))
        this.#setPending(tid, { name, text, record: this.facts.lines, atNs: this.#nowNs })
        return true
      }
      case 'ended':
      case 'detached':
        this.#stamp()
        this.#pending.delete(this.#task(buf))
        if (call < 0) this.facts.counted++
        else {
          this.facts.used++
          this.#report(ending === 'ended' ? STRACE.noResult : STRACE.inFlight, CALLS[call].name)
        }
        return true
      case 'open':
        if (!this.#beginSplit(buf, start, end)) this.#damaged(buf, start, end)
        return true
    }
  }

  /** `<... name resumed>tail`, before 5.0 with a blank before the tail. */
  #resume(buf: Uint8Array, p: number, start: number, end: number): boolean {
    if (buf[p + 1] !== 0x2e || buf[p + 2] !== 0x2e || buf[p + 3] !== 0x2e || buf[p + 4] !== SPACE) return false
    let nameEnd = p + 5
    while (nameEnd < end && buf[nameEnd] !== SPACE) nameEnd++
    if (!startsWith(buf, nameEnd + 1, end, RESUMED)) return false
    let tail = nameEnd + 1 + RESUMED.length
    while (tail < end && buf[tail] !== 0x3e) tail++
    if (tail >= end) return false
    tail++
    this.#stamp()
    const tid = this.#task(buf)
    const name = this.#callNames.intern(buf, p + 5, nameEnd, latin1)
    if (name >= this.#plain.length && !this.#newName(name)) return true
    const pending = this.#pending.get(tid)
    if (pending && pending.name === name) this.#join(pending, tid, buf, tail, start, end)
    else this.#resumeLost(name, tid, buf, tail, start, end)
    return true
  }

  #join(pending: Pending, tid: number, buf: Uint8Array, tail: number, start: number, end: number): void {
    const name = pending.name
    const call = this.#callOf[name]
    if (!pending.text) {
      this.facts.counted++
      // A resumed part may itself be unfinished: still the same call (V19).
      if (endsUnfinished(buf, tail, end)) return
      this.#pending.delete(tid)
      this.#endPlain(name, buf, end)
      return
    }
    const length = pending.text.length
    const joined = this.#reserve(length + end - tail)
    joined.set(pending.text)
    joined.set(buf.subarray(tail, end), length)
    const total = length + end - tail
    const ending = this.#scanner.scan(joined, 0, total)
    if (ending === 'unfinished') {
      this.facts.used++
      pending.text = Buffer.from(joined.subarray(0, this.#scanner.argsEnd))
      return
    }
    this.#pending.delete(tid)
    if (ending === 'ended' || ending === 'detached') {
      this.facts.used++
      this.#report(ending === 'ended' ? STRACE.noResult : STRACE.inFlight, CALLS[call].name)
      return
    }
    if (ending === 'complete') this.#result.parse(joined, this.#scanner.resultStart, total)
    if (ending !== 'complete' || !this.#result.valid) {
      this.#damaged(buf, start, end)
      return
    }
    this.facts.used++
    this.#end(name)
    const i = this.#row(EXIT, call, tid, pending.atNs)
    this.#fill(i, call, joined)
    if (this.#result.outcome === UNKNOWN) this.#report(STRACE.noResult, CALLS[call].name)
  }

  /** The log was cut at the front, or strace attached while the call was under way. */
  #resumeLost(name: number, tid: number, buf: Uint8Array, tail: number, start: number, end: number): void {
    const call = this.#callOf[name]
    this.#pending.delete(tid)
    const ending = this.#scanner.scanTail(buf, tail, end)
    if (ending === 'unfinished') {
      this.#setPending(tid, this.#plain[name])
      this.facts.counted++
      return
    }
    if (ending !== 'complete') {
      this.#damaged(buf, start, end)
      return
    }
    this.#report(STRACE.lostStart, this.#callNames.text(name))
    this.#result.parse(buf, this.#scanner.resultStart, end)
    this.#end(name)
    if (call < 0) {
      this.facts.counted++
      return
    }
    this.facts.used++
    const i = this.#row(WHOLE, call, tid, this.#nowNs)
    this.#scanner.argCount = 0
    this.#fill(i, call, buf)
  }

  /** Arguments and result of the scanned call into row `i`. */
  #fill(i: number, call: number, buf: Uint8Array): void {
    const kind = CALLS[call]
    const batch = this.batch
    const result = this.#result
    fillRow(batch, i, kind.slots, this.#scanner, buf, this.#tables)
    batch.outcome[i] = result.outcome
    batch.result[i] = result.value
    batch.tookNs[i] = result.tookNs
    if (result.errnoStart >= 0) {
      batch.errno[i] = this.#tables.strings.intern(buf, result.errnoStart, result.errnoEnd, latin1)
    }
    if (result.decorationStart >= 0) {
      batch.decorationResult[i] = this.#tables.fdName(
        buf,
        result.decorationStart - 1,
        result.decorationEnd + 1,
        result.decorationDeleted,
      )
    }
    if (kind.role === 'fork' && result.value > 0) this.#announced.add(result.value)
  }

  #row(phase: number, call: number, tid: number, atNs: number): number {
    return this.batch.add(phase, call, tid, atNs, this.facts.lines)
  }

  #end(name: number): void {
    this.#ended[name]++
    const outcome = this.#result.outcome
    if (outcome === FAILED || outcome === RESTARTED) this.#errors[name]++
    if (outcome === UNKNOWN) this.#ended[name]--
    if (!Number.isNaN(this.#result.tookNs)) this.#options.add('-T')
  }

  /** A call that no rule asks for ends on this line: is it one, and did it fail? */
  #endPlain(name: number, buf: Uint8Array, end: number): void {
    const at = lastResult(buf, Math.max(0, end - 512), end)
    // `= ?` alone: it never came back (exit_group).
    if (at >= 0 && buf[at] === 0x3f && buf[at + 2] !== 0x45) return
    this.#ended[name]++
    if (at >= 0 && (buf[at] === 0x3f || (buf[at] === 0x2d && buf[at + 1] === 0x31))) this.#errors[name]++
  }

  #setPending(tid: number, pending: Pending): void {
    if (this.#pending.size >= MAX_PENDING) {
      this.#report(STRACE.tooManyPending, '')
      for (const oldest of this.#pending.keys()) {
        this.#pending.delete(oldest)
        break
      }
    }
    this.#pending.set(tid, pending)
  }

  #newName(name: number): boolean {
    if (name >= MAX_NAMES) {
      this.facts.foreign++
      this.#report(STRACE.tooManyNames, '')
      return false
    }
    this.#callOf[name] = callIndex(this.#callNames.text(name))
    this.#plain.push({ name, text: null, record: 0, atNs: NaN })
    return true
  }

  // Tasks and time ------------------------------------------------------------------------------------------------

  /** Whose line this is. Also learns names (-Y) and who is alive. */
  #task(buf: Uint8Array): number {
    const leader = this.#leader
    if (this.#fixedTid > 0) return this.#fixedTid
    if (leader.tid === 0) return this.#unprefixedTask()
    const tid = leader.tid
    if (!this.#prefixed) this.#firstPrefix()
    if (leader.hasBrackets || this.#unprefixed) {
      this.#alive.add(tid)
      // The first process has no prefix until a second one is attached; then it gets one that nobody announced.
      if (this.#unprefixed && this.#root === 0 && !this.#announced.has(tid)) this.#nameRoot(tid)
    }
    if (leader.commStart >= 0) {
      const comm = this.#tables.strings.intern(buf, leader.commStart, leader.commEnd, unescape)
      if (this.#comms.get(tid) !== comm) {
        if (this.#comms.size > MAX_PENDING) this.#comms.clear()
        this.#comms.set(tid, comm)
        this.#options.add('-Y')
        this.batch.path[this.#row(WHOLE, TASK_NAME, tid, this.#nowNs)] = comm
      }
    }
    return tid
  }

  #firstPrefix(): void {
    this.#prefixed = true
  }

  #unprefixedTask(): number {
    this.#unprefixed = true
    if (!this.#prefixed) return this.#root
    // Brackets go away again when one task is left: it is that one's.
    if (this.#alive.size === 1) for (const only of this.#alive) return only
    return this.#root
  }

  #nameRoot(tid: number): void {
    this.#root = tid
    this.batch.result[this.#row(WHOLE, TASK_ALIAS, tid, this.#nowNs)] = 0
    const pending = this.#pending.get(0)
    if (pending) {
      this.#pending.delete(0)
      this.#pending.set(tid, pending)
    }
  }

  /** Takes the line's time; ns since the first one. */
  #stamp(): void {
    const leader = this.#leader
    const facts = this.facts
    switch (leader.clock) {
      case 'none':
      case 'monotonic': // no strace option prints it
        return
      case 'wall': {
        if (Number.isNaN(this.#originSeconds)) this.#begin()
        this.#advance((leader.seconds - this.#originSeconds) * 1e9 + (leader.nanos - this.#originNanos))
        break
      }
      case 'timeOfDay': {
        const ns = leader.seconds * 1e9 + leader.nanos
        if (Number.isNaN(this.#originSeconds)) this.#begin()
        const since = ns - (this.#originSeconds * 1e9 + this.#originNanos)
        // No date: half a day back is midnight, less is a clock that was set.
        if (since + this.#dayNs < this.#nowNs - 12 * 3600e9) this.#dayNs += 24 * 3600e9
        this.#advance(since + this.#dayNs)
        break
      }
      case 'relative':
        this.#nowNs = Number.isNaN(this.#nowNs) ? 0 : this.#nowNs + leader.relativeNs
        break
    }
    if (facts.clock === 'none') facts.clock = this.batch.clock = leader.clock
    if (leader.clock !== 'relative' && (leader.nanos > 0 || leader.clock === 'wall')) this.#fractions = true
    if (!Number.isNaN(leader.relativeNs)) this.#relative = true
    facts.firstNs ??= this.#nowNs
    facts.lastNs = this.#nowNs
  }

  #begin(): void {
    const { seconds, nanos } = this.#leader
    this.#originSeconds = seconds
    this.#originNanos = nanos
    this.batch.origin = { seconds, nanos }
  }

  #advance(ns: number): void {
    if (ns < this.#nowNs) this.#report(STRACE.backwards, '')
    this.#nowNs = ns
  }

  // Other lines ---------------------------------------------------------------------------------------------------

  /** `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`, `+++ superseded by execve in pid 12346 +++`. */
  #taskEnd(buf: Uint8Array, p: number, end: number): boolean {
    const match = /^\+\+\+ (?:(exited|killed)|superseded by execve in pid (\d+)) /.exec(
      latin1(buf, p, Math.min(end, p + 60)),
    )
    if (!match) return false
    this.#stamp()
    const tid = this.#task(buf)
    this.facts.exits++
    if (match[1]) {
      const pending = this.#pending.get(tid)
      if (pending?.text) this.#report(STRACE.noResult, this.#callNames.text(pending.name))
      this.#pending.delete(tid)
      this.#alive.delete(tid)
      this.#comms.delete(tid)
      this.#row(WHOLE, TASK_EXIT, tid, this.#nowNs)
      return true
    }
    // The thread that called execve goes on under the pid of its process; so does its call.
    const thread = Number(match[2])
    const pending = this.#pending.get(thread)
    this.#pending.delete(thread)
    if (pending) this.#pending.set(tid, pending)
    this.#alive.delete(thread)
    this.batch.result[this.#row(WHOLE, TAKE_OVER, tid, this.#nowNs)] = thread
    return true
  }

  /** Notes of the tracer, dumps, stack frames, the -C table, and what is not strace's at all. */
  #other(buf: Uint8Array, start: number, p: number, end: number): void {
    if (buf[start] === SPACE && (buf[start + 1] === 0x3e || buf[start + 1] === 0x7c || buf[start + 1] === 0x2a)) {
      this.facts.notes++
      if (buf[start + 1] === 0x3e) this.#options.add('-k')
      return
    }
    const text = latin1(buf, start, Math.min(end, start + 4096))
    const notice = NOTICE.exec(text)
    if (notice) {
      this.#notice(Number(notice[1]), notice[2])
      this.facts.notes++
    } else if (
      text.startsWith('strace: ') ||
      /^\[ Process PID=\d+ runs in /.test(latin1(buf, p, Math.min(end, p + 80)))
    ) {
      this.facts.notes++
    } else if (isSummaryHead(text)) {
      this.#inSummary = true
      this.facts.summary = []
      this.facts.notes++
    } else if (this.#inSummary) {
      const row = parseSummaryRow(text)
      if (row) this.facts.summary.push(row)
      if (row?.call === 'total') this.#inSummary = false
      this.facts.notes++
    } else {
      this.facts.foreign++
      this.#report(STRACE.foreign, JSON.stringify(text.slice(0, SHOWN)))
    }
  }

  #notice(tid: number, what: string): void {
    if (what === 'attached') {
      this.#alive.add(tid)
      // `strace -f -p 42`: the first notice names the process whose lines have no prefix.
      if (this.#root === 0 && !this.#unprefixed && !this.#prefixed && this.#alive.size === 1) this.#root = tid
      else this.#announced.add(tid)
    } else if (what === 'detached') this.#alive.delete(tid)
  }

  /** On stderr the tracer's notice lands inside an unfinished line; the rest follows, without leader. */
  #beginSplit(buf: Uint8Array, start: number, end: number): boolean {
    const tail = latin1(buf, Math.max(start, end - 60), end)
    const match = GLUED_NOTICE.exec(tail)
    if (!match) return false
    this.#notice(Number(match[1]), match[2])
    this.#split = Buffer.from(buf.subarray(start, end - match[0].length))
    return true
  }

  #continuesSplit(buf: Uint8Array, start: number, end: number): boolean {
    const text = latin1(buf, start, Math.min(end, start + 100))
    const notice = NOTICE.exec(text)
    if (notice) {
      this.#notice(Number(notice[1]), notice[2])
      this.facts.notes++
      return true
    }
    const split = this.#split as Buffer
    this.#split = null
    if (!/^[ ,)}\]]/.test(text)) {
      this.#damaged(split, 0, split.length)
      return false
    }
    this.facts.notes++
    const joined = Buffer.concat([split, buf.subarray(start, end)])
    this.#body(joined, 0, joined.length)
    return true
  }

  #damaged(buf: Uint8Array, start: number, end: number): true {
    this.facts.damaged++
    this.#report(STRACE.damaged, JSON.stringify(latin1(buf, start, Math.min(end, start + SHOWN))))
    return true
  }

  #checkSummary(): void {
    if (this.facts.summary.length === 0) return
    const differ: string[] = []
    for (const row of this.facts.summary) {
      if (row.call === 'total') continue
      const counted = this.facts.calls[row.call] ?? 0
      if (counted !== row.calls) differ.push(`${row.call} ${counted} in the lines, ${row.calls} in the table`)
    }
    this.facts.summaryAgrees = differ.length === 0
    if (differ.length > 0) {
      this.#diagnostics.add(STRACE.summaryDiffers, this.#place(), differ.slice(0, 3).join('; '), differ.length)
    }
  }

  #report(kind: DiagnosticKind, detail: string, record = this.facts.lines): void {
    this.#diagnostics.add(kind, { source: this.#path, record }, detail)
  }

  #place(): { source: string; record: number } {
    return { source: this.#path, record: this.facts.lines }
  }

  #reserve(length: number): Buffer {
    if (length > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(length * 2)
    return this.#scratch
  }
}

/** Where the `(` after a call's name is; -1 when no name stands at `p`. Names: `openat`, `syscall_0x1a9`, `readv#64`, `???`. */
function endOfName(buf: Uint8Array, p: number, end: number): number {
  const limit = Math.min(end, p + 64)
  for (let q = p; q < limit; q++) {
    const c = buf[q]
    if ((c >= 0x61 && c <= 0x7a) || c === 0x5f || (c >= 0x30 && c <= 0x39)) continue
    if (c === 0x28) return q > p ? q : -1
    if (c !== 0x23 && c !== 0x3f) return -1
  }
  return -1
}

/**
 * How the line of a call that nobody asks for ends, judged by its tail alone. A whole line can't end in the mark,
 * because strace escapes `<` in what it prints after the result; what doesn't look whole is scanned properly.
 */
function plainTail(buf: Uint8Array, args: number, end: number): 'whole' | 'unfinished' | 'unclear' {
  if (endsUnfinished(buf, args, end)) return 'unfinished'
  return lastResult(buf, Math.max(args, end - 512), end) >= 0 ? 'whole' : 'unclear'
}

function endsUnfinished(buf: Uint8Array, from: number, end: number): boolean {
  return (
    buf[end - 1] === 0x3e &&
    buf[end - 2] === 0x2e &&
    end - UNFINISHED_TAIL.length >= from &&
    startsWith(buf, end - UNFINISHED_TAIL.length, end, UNFINISHED_TAIL)
  )
}

/** After the last `) = ` of bytes [from, end); -1 where there is none. */
function lastResult(buf: Uint8Array, from: number, end: number): number {
  for (let p = end - 2; p > from; p--) {
    if (buf[p] !== 0x3d || buf[p - 1] !== SPACE || buf[p + 1] !== SPACE) continue
    let q = p - 1
    while (q > from && buf[q] === SPACE) q--
    if (buf[q] === 0x29) return p + 2
  }
  return -1
}

function hasEscape(buf: Uint8Array, start: number, end: number): boolean {
  const at = buf.indexOf(ESC, start)
  return at >= 0 && at < end
}

/** Removes `ESC [ … m` (strace 7.0 --color, or a terminal recorded with script(1)). */
function stripColour(buf: Uint8Array, start: number, end: number): Buffer {
  const out = Buffer.allocUnsafe(end - start)
  let n = 0
  for (let p = start; p < end; p++) {
    if (buf[p] === ESC && buf[p + 1] === 0x5b) {
      let q = p + 2
      while (q < end && ((buf[q] >= 0x30 && buf[q] <= 0x39) || buf[q] === 0x3b)) q++
      if (buf[q] === 0x6d) {
        p = q
        continue
      }
    }
    out[n++] = buf[p]
  }
  return out.subarray(0, n)
}
