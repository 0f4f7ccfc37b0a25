/**
 * Bytes of strace text → rows of calls.
 *
 *     3619  fsync(3</srv/x>) = 0 <0.000021>                    a call: call-lines.ts
 *     3619  <... futex resumed>) = 0 <0.000021>                the end of one
 *     3619  --- SIGCHLD {si_signo=SIGCHLD, …} ---              a signal
 *     3619  +++ exited with 0 +++                              a task's end
 *     12345 +++ superseded by execve in pid 12346 +++          a thread goes on under its process's pid
 *     strace: Process 20042 attached                           a note; on stderr it may stand inside a line
 *
 * Every line is counted once: as a call (used, or counted by name), a signal, an exit, a note, foreign or damaged.
 * Format: strace/strace src/strace.c, src/syscall.c; docs/formats/strace.md. Refused: nothing; what is not strace's is
 * counted as foreign.
 */
import { TAKE_OVER, TASK_EXIT, WHOLE, latin1, type CallBatch, type Diagnostics } from '@flushtrace/trace'
import { CallLines, type LineResult } from './call-lines.ts'
import { hasEscape, stripColour } from './colour.ts'
import { LineContext, type Layout, type LineOptions } from './context.ts'
import { STRACE } from './diagnostics.ts'
import type { StraceFacts } from './facts.ts'
import { LineCarry } from './lines.ts'
import {
  TAIL_ROOM,
  isPersonalityNote,
  isRestarting,
  isTracersOwn,
  noticeAtEnd,
  noticeOf,
  type Notice,
} from './notices.ts'
import { interruptedWrite, withoutWords, type Interrupted } from './program-output.ts'
import { startsWith } from './scanner.ts'
import type { Sieve } from './sieve.ts'
import { SummaryTable } from './summary.ts'

/** A damaged or foreign line is shown up to here. */
const SHOWN = 80
/** A line can become this many rows at most (alias, name, call). */
const ROWS_PER_LINE = 4

/** What editors and shells of Windows write first. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff')
const SPACE = 0x20
const ENDS = ['exit', 'exit_group', 'execve', 'execveat']
const TASK_END = /^\+\+\+ (?:(exited|killed)|superseded by execve in pid (\d+)) /

export class StraceParser {
  readonly #context: LineContext
  readonly #calls: CallLines
  readonly #carry = new LineCarry()
  readonly #oneTask: boolean
  /** Until its rest comes: the beginning of a line that a notice of the tracer cut in two (stderr), or what a write wrote. */
  #split: Buffer | null = null
  #splitTask = 0
  #write: Interrupted | null = null
  #exited = 0
  #coloured = false
  readonly #summary = new SummaryTable()
  #layout: Layout = 'other'
  /** Where the last line that the fast path took began, and how many times had been taken by then: a later one counts. */
  #quickAt = -1
  #quickStamps = 0

  constructor(path: string, diagnostics: Diagnostics, options: LineOptions = {}) {
    this.#context = new LineContext(path, diagnostics, options)
    this.#calls = new CallLines(this.#context)
    this.#oneTask = (options.tid ?? 0) > 0
  }

  get batch(): CallBatch {
    return this.#context.batch
  }

  get facts(): StraceFacts {
    return this.#context.facts
  }

  /** Parses from `pos`; returns where it stopped: the end, or earlier when the batch is full. */
  consume(chunk: Uint8Array, pos: number): number {
    const { batch, facts } = this.#context
    // Asked once a piece, not once a batch: the answer takes a walk over the whole of it.
    if (pos === 0) {
      this.#coloured = hasEscape(chunk, 0, chunk.length)
      this.#context.sieve?.renew()
    }
    if (this.#carry.length > 0 || this.#carry.overflow) {
      const end = chunk.indexOf(0x0a, pos)
      if (end < 0) {
        this.#carry.append(chunk, pos, chunk.length)
        return chunk.length
      }
      this.#carry.append(chunk, pos, end)
      this.#carriedLine()
      pos = end + 1
    }
    const { sieve } = this.#context
    sieve?.take(this)
    while (batch.length <= batch.capacity - ROWS_PER_LINE) {
      const sifting = this.#layout === 'other' || this.#coloured || this.#split || this.#write ? null : sieve
      if (sifting) pos = this.#sift(sifting, chunk, pos)
      const known = sifting !== null && sifting.lineEnd >= 0
      const end = known ? sifting.lineEnd : chunk.indexOf(0x0a, pos)
      if (end < 0) {
        this.#stopPassing(chunk)
        this.#carry.append(chunk, pos, chunk.length)
        return chunk.length
      }
      if (this.#coloured) this.#line(chunk, pos, end)
      else {
        facts.lines++
        if (!known || !this.#sifted(sifting, chunk, pos)) this.#body(chunk, pos, end)
      }
      pos = end + 1
    }
    this.#stopPassing(chunk)
    return pos
  }

  /** Passes over lines that are only counted, or known; returns where the first other one begins. */
  #sift(sieve: Sieve, chunk: Uint8Array, pos: number): number {
    const { clock, tasks, facts, batch, lines } = this.#context
    const layout = this.#layout === 'time' ? 'time' : lines && tasks.plain ? 'tids' : 'pid'
    const room = batch.capacity - ROWS_PER_LINE - batch.length
    const next = sieve.next(chunk, pos, layout, facts.lines, clock.nowMicros, room)
    if (sieve.passed > 0) this.#context.passed(sieve)
    if (sieve.lastAt > sieve.stampedAt) {
      this.#quickAt = sieve.lastAt
      this.#quickStamps = clock.stamps
    }
    return next
  }

  /** The line that the sieve stopped at; false where it could not read its beginning. */
  #sifted(sieve: Sieve, chunk: Uint8Array, pos: number): boolean {
    const { lines } = this.#context
    if (lines) sieve.settle(lines)
    if (sieve.body < 0) return false
    const result = this.#calls.sifted(sieve, chunk)
    if (result === 'open') this.#openCall(chunk, pos, sieve.lineEnd)
    return result !== 'other'
  }

  /** What the sieve has passed is counted. */
  #stopPassing(chunk: Uint8Array): void {
    const { sieve, counts } = this.#context
    this.#context.settle()
    if (sieve?.drain(counts)) this.#calls.ends.timed = true
    this.#stampQuick(chunk)
  }

  /** To be called before the batch is filled again. */
  recycle(): void {
    this.#context.recycle()
  }

  /** After the last chunk. */
  end(): void {
    const context = this.#context
    const { facts, counts, pending } = context
    if (this.#carry.length > 0) {
      const { damaged } = facts
      this.#carriedLine()
      // A last line without its line end is whole if it reads to its end, else it was cut.
      if (facts.damaged > damaged) context.report(STRACE.cut, `line ${facts.lines}`)
    }
    if (this.#split) this.#damaged(this.#split, 0, this.#split.length)
    this.#dropWrite()
    for (const { name, record } of pending.unfinished()) context.report(STRACE.inFlight, counts.nameOf(name), record)
    if (pending.forgotten > 0) context.report(STRACE.tooManyPending, '', facts.lines, pending.forgotten)
    if (context.clock.steppedBack > 0) context.report(STRACE.backwards, '', facts.lines, context.clock.steppedBack)
    // Who is not killed calls exit or exit_group, or is a thread of one that does, or of one that calls execve.
    facts.silentExits = counts.knows(ENDS) ? null : this.#exited
    if (facts.silentExits !== null && facts.silentExits > 1) context.report(STRACE.hiddenCalls, `${this.#exited}`)
    facts.calls = counts.ended()
    facts.errors = counts.errors()
    facts.clock = context.clock.clock
    facts.firstNs = context.clock.firstNs
    facts.lastNs = facts.firstNs === null ? null : context.clock.lastNs
    facts.options = context.recordingOptions(this.#calls.ends.timed, this.#oneTask)
    context.compareSummary()
  }

  #carriedLine(): void {
    const carry = this.#carry
    if (carry.overflow) {
      this.facts.lines++
      this.facts.damaged++
      this.#context.report(STRACE.longLine, '')
    } else {
      this.#coloured ||= hasEscape(carry.buffer, 0, carry.length)
      this.#line(carry.buffer, 0, carry.length)
      this.#stampQuick(carry.buffer)
    }
    carry.reset()
  }

  #line(buf: Uint8Array, start: number, end: number): void {
    this.facts.lines++
    if (this.#coloured && hasEscape(buf, start, end)) {
      this.#stampQuick(buf)
      const plain = stripColour(buf, start, end)
      this.#context.options.add('--color')
      this.#body(plain, 0, plain.length)
      this.#stampQuick(plain)
      return
    }
    this.#body(buf, start, end)
  }

  #body(buf: Uint8Array, start: number, end: number): void {
    if (end > start && buf[end - 1] === 0x0d) end--
    if (this.facts.lines === 1 && startsWith(buf, start, end, BYTE_ORDER_MARK)) start += BYTE_ORDER_MARK.length
    if (end === start) {
      this.facts.notes++
      return
    }
    if (this.#write && this.#endsWrite(buf, latin1(buf, start, end))) {
      this.facts.notes++
      return
    }
    if (this.#split) {
      if (this.#continuesSplit(buf, start, end)) return
    } else if (this.#layout !== 'other') {
      const quick = this.#calls.quick(buf, start, end, this.#layout === 'pid')
      if (quick !== 'other') {
        if (quick === 'counted') {
          this.#quickAt = start
          this.#quickStamps = this.#context.clock.stamps
        }
        if (quick === 'open') this.#openCall(buf, start, end)
        return
      }
    }
    const { leader } = this.#context
    const p = leader.parse(buf, start, end)
    const c = buf[p]
    let result: LineResult = 'other'
    if ((c >= 0x61 && c <= 0x7a) || c === 0x5f || c === 0x3f) {
      result = this.#calls.begin(buf, p, end)
      if (result === 'done') this.#layout = this.#context.layout(this.#oneTask)
    } else if (c === 0x3c) result = this.#calls.resume(buf, p, end)
    else if (c === 0x2b && this.#taskEnd(buf, p, end)) return
    else if (c === 0x2d && buf[p + 1] === 0x2d && buf[p + 2] === 0x2d && buf[p + 3] === SPACE) {
      this.#context.begin(buf)
      this.facts.signals++
      return
    }
    if (result === 'other') this.#other(buf, start, p, end)
    else if (result === 'open') this.#openCall(buf, start, end)
  }

  /** Of the lines that the fast path took, the last one's time is read after all: the log's span counts them too. */
  #stampQuick(buf: Uint8Array): void {
    if (this.#quickAt < 0) return
    const { leader, clock } = this.#context
    if (clock.stamps === this.#quickStamps) {
      leader.parse(buf, this.#quickAt, buf.length)
      clock.glimpse(leader)
    }
    this.#quickAt = -1
  }

  /** `+++ exited with 0 +++`, `+++ killed by SIGKILL +++`, `+++ superseded by execve in pid 12346 +++`. */
  #taskEnd(buf: Uint8Array, p: number, end: number): boolean {
    const match = TASK_END.exec(latin1(buf, p, Math.min(end, p + 60)))
    if (!match) return false
    const context = this.#context
    const { pending, counts } = context
    const tid = context.begin(buf)
    this.facts.exits++
    if (match[1] === 'exited') this.#exited++
    if (match[1]) {
      const dying = pending.get(tid)
      if (dying && dying.length >= 0) context.report(STRACE.noResult, counts.nameOf(dying.name))
      context.endTask(tid)
      context.row(WHOLE, TASK_EXIT, tid)
      return true
    }
    context.settle()
    // The thread that called execve goes on under the pid of its process; so does its call.
    const thread = Number(match[2])
    pending.move(thread, tid)
    context.tasks.ended(thread)
    context.batch.result[context.row(WHOLE, TAKE_OVER, tid)] = thread
    return true
  }

  /** Notes of the tracer, dumps, stack frames, the -C table, and what is not strace's at all. */
  #other(buf: Uint8Array, start: number, p: number, end: number): void {
    const { facts } = this.#context
    if (buf[start] === SPACE && (buf[start + 1] === 0x3e || buf[start + 1] === 0x7c || buf[start + 1] === 0x2a)) {
      if (buf[start + 1] === 0x3e) this.#context.options.add('-k')
      facts.notes++
      return
    }
    const text = latin1(buf, start, Math.min(end, start + 4096))
    this.#context.settle()
    if (p === start && this.#calls.resumeBare(buf, start, end)) return
    if (this.#isNotice(text) || isTracersOwn(text) || isPersonalityNote(buf, p, end)) facts.notes++
    else if (this.#summary.line(text, facts.summary)) facts.notes++
    else {
      facts.foreign++
      this.#context.report(STRACE.foreign, JSON.stringify(text.slice(0, SHOWN)))
    }
  }

  #isNotice(text: string): boolean {
    const notice = noticeOf(text)
    if (notice) this.#notice(notice)
    return notice !== null
  }

  #notice({ tid, what }: Notice): void {
    if (what === 'attached') this.#context.tasks.attached(tid)
    else if (what === 'detached') this.#context.tasks.ended(tid)
  }

  /** A call whose end is not on its line: split by a notice, or by what it wrote, or damaged. */
  #openCall(buf: Uint8Array, start: number, end: number): void {
    const tail = latin1(buf, Math.max(start, end - TAIL_ROOM), end)
    this.#context.settle()
    // Attached to one waiting process: the line stays open until it wakes, which it may never do.
    if (isRestarting(tail)) {
      this.facts.counted++
      return
    }
    const notice = noticeAtEnd(tail)
    if (!notice) {
      this.#openWrite(buf, start, end)
      return
    }
    // Whose line it is must be asked first: the notice may be what ends the time without prefixes.
    this.#splitTask = this.#context.tasks.of(this.#context.leader)
    this.#notice(notice)
    this.#split = Buffer.from(buf.subarray(start, end - notice.length))
  }

  #openWrite(buf: Uint8Array, start: number, end: number): void {
    const { begun } = this.#context.tasks
    const write = begun === null ? interruptedWrite(latin1(buf, start, end)) : null
    if (!write) {
      this.#damaged(buf, start, end)
      return
    }
    this.#dropWrite()
    this.#splitTask = this.#context.tasks.of(this.#context.leader)
    this.#write = write
    // Its end may be on its own line, behind words that cannot be scanned.
    this.#endsWrite(buf, write.words)
  }

  /** Its rest did not come. */
  #dropWrite(): void {
    if (this.#write) this.#context.damaged((this.#write.head + this.#write.size).slice(0, SHOWN))
    this.#write = null
  }

  /** Whether `line` ends the write that is open. */
  #endsWrite(buf: Uint8Array, line: string): boolean {
    const joined = this.#write && withoutWords(this.#write, line)
    if (joined === null) return false
    this.#write = null
    this.#stampQuick(buf)
    this.#joined(Buffer.from(joined, 'latin1'))
    return true
  }

  /** The rest of a split line has no leader and begins in the middle of the arguments; notices may come before it. */
  #continuesSplit(buf: Uint8Array, start: number, end: number): boolean {
    const text = latin1(buf, start, Math.min(end, start + 100))
    if (this.#isNotice(text)) {
      this.facts.notes++
      return true
    }
    const split = this.#split as Buffer
    this.#split = null
    // Mostly ` <unfinished ...>` or the next argument; with a filter also what read or wait4 brought. Before 4.13 the
    // notice may come before the first argument: `child_stack=0, flags=…`.
    if (!/^(?:[ ,)}\]{"]|\[\{|0x|NULL|[a-z_]+=)/.test(text)) {
      this.#damaged(split, 0, split.length)
      return false
    }
    this.facts.notes++
    this.#stampQuick(buf)
    this.#joined(Buffer.concat([split, buf.subarray(start, end)]))
    return true
  }

  /** The line of a call, its parts put together. */
  #joined(line: Buffer): void {
    this.#context.tasks.begun = this.#splitTask
    this.#body(line, 0, line.length)
    this.#context.tasks.begun = null
    this.#stampQuick(line)
  }

  #damaged(buf: Uint8Array, start: number, end: number): void {
    this.#context.damaged(latin1(buf, start, Math.min(end, start + SHOWN)))
  }
}
